import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, contactField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Subscribe to Presence',
  value: 'subscribePresence',
  action: 'Subscribe to presence in chat',
  description:
    'Let WhatsApp tell when somebody is online or typing, on which the trigger’s Presence then starts workflows',
  routing: {
    request: { method: 'POST', url: '/api/presence/subscribe' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['chat'], operation: ['subscribePresence'] } }, [
  actingSessionField,
  { ...contactField, routing: { send: { type: 'body', property: 'jid' } } },
]);
