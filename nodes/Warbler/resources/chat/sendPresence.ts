import type { INodePropertyOptions, INodePropertyRouting } from 'n8n-workflow';
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

/** Being online is no matter of one chat; the engine wants an address all the same. */
const toEverybody: INodePropertyRouting = {
  send: { type: 'body', property: 'jid', value: 'status@broadcast' },
};

export const description = updateDisplayOptions({ show: { resource: ['chat'], operation: ['sendPresence'] } }, [
  actingSessionField,
  {
    displayName: 'Presence',
    name: 'presence',
    type: 'options',
    options: [
      { name: 'Offline', value: 'unavailable', description: 'For everybody', routing: toEverybody },
      { name: 'Online', value: 'available', description: 'For everybody', routing: toEverybody },
      { name: 'Recording', value: 'recording', description: 'A voice note, in one chat' },
      { name: 'Stopped Typing', value: 'paused', description: 'In one chat' },
      { name: 'Typing', value: 'composing', description: 'In one chat' },
    ],
    default: 'composing',
    description: 'What to show of this account',
    routing: { send: { type: 'body', property: 'type' } },
  },
  {
    ...chatField,
    displayOptions: { show: { presence: ['composing', 'paused', 'recording'] } },
    routing: { send: { type: 'body', property: 'jid' } },
  },
  {
    displayName: 'Options',
    name: 'options',
    type: 'collection',
    placeholder: 'Add Option',
    default: {},
    options: [
      {
        displayName: 'Seconds',
        name: 'seconds',
        type: 'number',
        typeOptions: { minValue: 0, maxValue: 60 },
        default: 3,
        description: 'How long to show it. The workflow goes on afterwards.',
        routing: { send: { type: 'body', property: 'delayMs', value: '={{ Math.round($value * 1000) }}' } },
      },
    ],
  },
]);
