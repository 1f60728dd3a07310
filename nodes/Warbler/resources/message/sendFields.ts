import type { INodeProperties, INodePropertyRouting } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { disappearAfterField, recipientField } from '../../shared/fields';
import { timingFields } from '../../shared/timing';
import { COMMA_LIST, MESSAGE_ID } from '../../shared/values';

/** What the many ways to send share: one request, one recipient, one set of options. */
export const sendRouting: INodePropertyRouting = {
  request: { method: 'POST', url: '/api/send-message' },
  output: { postReceive: answer },
};

export const toField: INodeProperties = {
  ...recipientField,
  routing: { send: { type: 'body', property: 'to' } },
};

export const captionField: INodeProperties = {
  displayName: 'Caption',
  name: 'caption',
  type: 'string',
  typeOptions: { rows: 2 },
  default: '',
  placeholder: 'e.g. Our menu for today',
  description: 'Text to show below the file',
  routing: { send: { type: 'body', property: 'text', value: '={{ $value || undefined }}' } },
};

export const idempotencyKey: INodeProperties = {
  displayName: 'Idempotency Key',
  name: 'idempotencyKey',
  type: 'string',
  default: '',
  placeholder: 'e.g. order-4711-confirmed',
  description:
    'Sending again with the same key, for example by Retry On Fail, sends nothing and returns the first message',
  routing: { request: { headers: { 'Idempotency-Key': '={{ $value || undefined }}' } } },
};

const mentionAll: INodeProperties = {
  displayName: 'Mention All',
  name: 'mentionAll',
  type: 'boolean',
  default: true,
  description: 'Whether to notify every member of the group, without naming anybody',
  routing: { send: { type: 'body', property: 'mentionAll' } },
};

const mentions: INodeProperties = {
  displayName: 'Mentions',
  name: 'mentions',
  type: 'string',
  default: '',
  placeholder: 'e.g. 14155552671@s.whatsapp.net',
  description:
    'JIDs of the group members to mention, separated by commas. Write @ and the number into the text as well.',
  routing: { send: { type: 'body', property: 'mentions', value: COMMA_LIST } },
};

const replyTo: INodeProperties = {
  displayName: 'Reply To',
  name: 'replyTo',
  type: 'string',
  default: '',
  placeholder: 'e.g. 100000',
  description: 'The message to quote: the msgId that sending it returned, or the ID in the key of a received message',
  routing: { send: { type: 'body', property: 'replyTo', value: MESSAGE_ID } },
};

/** For what can be looked at only once: images, videos and voice notes. */
export const viewOnce: INodeProperties = {
  displayName: 'View Once',
  name: 'viewOnce',
  type: 'boolean',
  default: true,
  description: 'Whether the message can be opened only once',
  routing: { send: { type: 'body', property: 'viewOnce' } },
};

export const waitForWhatsApp: INodeProperties = {
  displayName: 'Wait for WhatsApp',
  name: 'wait',
  type: 'boolean',
  default: true,
  description: 'Whether to go on only when WhatsApp has taken the message, instead of when it is queued',
  routing: { send: { type: 'body', property: 'wait' } },
};

/** A collection in the order of the alphabet, as menus are. */
const collectionOf = (options: INodeProperties[]): INodeProperties => ({
  displayName: 'Options',
  name: 'options',
  type: 'collection',
  placeholder: 'Add Option',
  default: {},
  options: options.sort((one, other) => one.displayName.localeCompare(other.displayName)),
});

/** The options of every message in a chat, and those of one kind of message. */
export const sendOptions = (...own: INodeProperties[]): INodeProperties =>
  collectionOf([
    disappearAfterField,
    idempotencyKey,
    mentionAll,
    mentions,
    replyTo,
    waitForWhatsApp,
    ...timingFields,
    ...own,
  ]);

/** The options of a status update, which has no chat. */
export const statusOptions = (...own: INodeProperties[]): INodeProperties =>
  collectionOf([idempotencyKey, waitForWhatsApp, ...timingFields, ...own]);
