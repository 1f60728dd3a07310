import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { refuse } from '../../shared/errors';
import { sendingSessionField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Send Text',
  value: 'sendText',
  action: 'Send text message',
  description: 'Send a text message to a person, a group or a channel',
  routing: {
    request: { method: 'POST', url: '/api/send-message' },
    output: { postReceive: [refuse, { type: 'rootProperty', properties: { property: 'data' } }] },
  },
};

const properties: INodeProperties[] = [
  sendingSessionField,
  {
    displayName: 'To',
    name: 'to',
    type: 'string',
    default: '',
    required: true,
    placeholder: 'e.g. +14155552671',
    description: 'Phone number with country code, or the JID of a person, a group or a channel',
    routing: { send: { type: 'body', property: 'to' } },
  },
  {
    displayName: 'Text',
    name: 'text',
    type: 'string',
    typeOptions: { rows: 4 },
    default: '',
    required: true,
    placeholder: 'e.g. Your table is ready',
    routing: { send: { type: 'body', property: 'text' } },
  },
  {
    displayName: 'Options',
    name: 'options',
    type: 'collection',
    placeholder: 'Add option',
    default: {},
    options: [
      {
        displayName: 'Mentions',
        name: 'mentions',
        type: 'string',
        default: '',
        placeholder: 'e.g. 14155552671@s.whatsapp.net',
        description:
          'JIDs of the group members to mention, separated by commas. Write @ and the number into the text as well.',
        routing: {
          send: {
            type: 'body',
            property: 'mentions',
            value: '={{ $value.split(",").map((jid) => jid.trim()).filter((jid) => jid !== "") }}',
          },
        },
      },
      {
        displayName: 'Reply To',
        name: 'replyTo',
        type: 'string',
        default: '',
        placeholder: 'e.g. 100000',
        description:
          'The message to quote: the msgId that sending it returned, or the ID in the key of a received message',
        routing: {
          send: {
            type: 'body',
            property: 'replyTo',
            value: '={{ /^\\d{1,15}$/.test($value) ? Number($value) : $value || undefined }}',
          },
        },
      },
      {
        displayName: 'Wait for WhatsApp',
        name: 'wait',
        type: 'boolean',
        default: true,
        description: 'Whether to go on only when WhatsApp has taken the message, instead of when it is queued',
        routing: { send: { type: 'body', property: 'wait' } },
      },
    ],
  },
];

export const description = updateDisplayOptions(
  { show: { resource: ['message'], operation: ['sendText'] } },
  properties,
);
