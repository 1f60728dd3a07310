import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, chatField, messageField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Mark as Read',
  value: 'markAsRead',
  action: 'Mark message as read',
  description: 'Show the sender of a received message that it was read',
  routing: {
    request: { method: 'POST', url: '/api/messages/read', body: { key: { fromMe: false } } },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['markAsRead'] } }, [
  actingSessionField,
  {
    ...chatField,
    description: 'The chat of the message: the remoteJid in its key',
    routing: { send: { type: 'body', property: 'key.remoteJid' } },
  },
  {
    ...messageField,
    placeholder: 'e.g. 3EB06A5E244031B4A5D1',
    description: 'The ID in the key of the received message',
    routing: { send: { type: 'body', property: 'key.id' } },
  },
  {
    displayName: 'Options',
    name: 'options',
    type: 'collection',
    placeholder: 'Add Option',
    default: {},
    options: [
      {
        displayName: 'Sender',
        name: 'participant',
        type: 'string',
        default: '',
        placeholder: 'e.g. 14155552671@s.whatsapp.net',
        description: 'Who wrote the message, in a group: the participant in its key',
        routing: { send: { type: 'body', property: 'key.participant', value: '={{ $value || undefined }}' } },
      },
    ],
  },
]);
