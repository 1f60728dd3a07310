import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, chatField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Send Presence',
  value: 'sendPresence',
  action: 'Send presence in chat',
  description: 'Show a chat that this account is typing or recording, or show everyone that it is online',
  routing: {
    request: { method: 'POST', url: '/api/send-presence-update' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['chat'], operation: ['sendPresence'] } }, [
  actingSessionField,
  {
    displayName: 'Presence',
    name: 'presence',
    type: 'options',
    options: [
      { name: 'Offline', value: 'unavailable', description: 'To everyone' },
      { name: 'Online', value: 'available', description: 'To everyone' },
      { name: 'Recording', value: 'recording', description: 'A voice note, in this chat' },
      { name: 'Stopped Typing', value: 'paused', description: 'In this chat' },
      { name: 'Typing', value: 'composing', description: 'In this chat' },
    ],
    default: 'composing',
    routing: { send: { type: 'body', property: 'type' } },
  },
  { ...chatField, routing: { send: { type: 'body', property: 'jid' } } },
  {
    displayName: 'Options',
    name: 'options',
    type: 'collection',
    placeholder: 'Add option',
    default: {},
    options: [
      {
        displayName: 'Seconds',
        name: 'seconds',
        type: 'number',
        typeOptions: { minValue: 0 },
        default: 3,
        description: 'How long to show it. The workflow goes on afterwards.',
        routing: { send: { type: 'body', property: 'delayMs', value: '={{ Math.round($value * 1000) }}' } },
      },
    ],
  },
]);
