import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { eventsField, eventsNamed } from '../../shared/eventsField';
import { WEBHOOKS_URL, webhookSessionField } from './webhookFields';
import { filterFields } from './filterFields';

export const option: INodePropertyOptions = {
  name: 'Create',
  value: 'create',
  action: 'Create webhook',
  description: 'Have the events of a session posted to a URL. The triggers of n8n need none: they register themselves.',
  routing: {
    request: { method: 'POST', url: `=${WEBHOOKS_URL}` },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['webhook'], operation: ['create'] } }, [
  webhookSessionField,
  {
    displayName: 'URL',
    name: 'url',
    type: 'string',
    default: '',
    required: true,
    placeholder: 'e.g. https://example.com/whatsapp',
    description: 'Where to post the events. A URL that is registered already is changed, and gets events again.',
    routing: { send: { type: 'body', property: 'url' } },
  },
  {
    ...eventsField,
    default: ['messages.received'],
    routing: { send: { type: 'body', property: 'events', value: eventsNamed('["*"]') } },
  },
  filterFields,
  {
    displayName: 'Options',
    name: 'options',
    type: 'collection',
    placeholder: 'Add Option',
    default: {},
    options: [
      {
        displayName: 'Collect a Burst',
        name: 'collect',
        type: 'number',
        typeOptions: { minValue: 1, maxValue: 300 },
        default: 10,
        description:
          'Seconds of quiet in a chat after which its messages are posted together, as the newest of them with the list of all',
        routing: { send: { type: 'body', property: 'collect' } },
      },
      {
        displayName: 'Expire After',
        name: 'expiresIn',
        type: 'number',
        typeOptions: { minValue: 1, maxValue: 31536000 },
        default: 86400,
        description: 'Seconds after which the webhook is deleted by itself',
        routing: { send: { type: 'body', property: 'expires_in' } },
      },
      {
        displayName: 'Format',
        name: 'format',
        type: 'options',
        options: [
          { name: 'Standard', value: 'standard', description: 'Signed as the Standard Webhooks specification has it' },
          {
            name: 'WasenderApi',
            value: 'wasender',
            description: 'With the header X-Webhook-Signature, too, which clients of WasenderApi expect',
          },
        ],
        default: 'standard',
        description: 'How the receiver finds out that an event is genuine',
        routing: { send: { type: 'body', property: 'format' } },
      },
      {
        displayName: 'Mark as Read',
        name: 'markAsRead',
        type: 'boolean',
        default: true,
        description: 'Whether people see that their message was read, once the receiver has taken it',
        routing: { send: { type: 'body', property: 'markAsRead' } },
      },
      {
        displayName: 'Secret',
        name: 'secret',
        type: 'string',
        typeOptions: { password: true },
        default: '',
        placeholder: 'e.g. whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
        description:
          'What events are signed with: whsec_ and 24 to 64 bytes in base64. By default the engine makes one.',
        routing: { send: { type: 'body', property: 'secret', value: '={{ $value || undefined }}' } },
      },
    ],
  },
]);
