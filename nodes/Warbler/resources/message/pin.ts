import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, messageField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Pin',
  value: 'pin',
  action: 'Pin message',
  description: 'Pin a message to the top of its chat, or unpin it',
  routing: {
    request: { method: 'POST', url: '=/api/messages/{{ encodeURIComponent($parameter["messageId"]) }}/pin' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['pin'] } }, [
  actingSessionField,
  messageField,
  {
    displayName: 'Pinned',
    name: 'pinned',
    type: 'boolean',
    default: true,
    description: 'Whether the message is to be pinned; turn it off to unpin',
    routing: { send: { type: 'body', property: 'pinned' } },
  },
  {
    displayName: 'For',
    name: 'seconds',
    type: 'options',
    options: [
      { name: '24 Hours', value: 86400 },
      { name: '7 Days', value: 604800 },
      { name: '30 Days', value: 2592000 },
    ],
    default: 604800,
    description: 'How long the message stays pinned',
    displayOptions: { show: { pinned: [true] } },
    routing: { send: { type: 'body', property: 'seconds' } },
  },
]);
