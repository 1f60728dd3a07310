import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { accountProtection, logMessages, settings } from './settings';

export const option: INodePropertyOptions = {
  name: 'Create',
  value: 'create',
  action: 'Create session',
  description: 'Create a session for a WhatsApp number; connect it next',
  routing: {
    request: { method: 'POST', url: '/api/whatsapp-sessions' },
    output: { postReceive: answer },
  },
};

const properties: INodeProperties[] = [
  {
    displayName: 'Name',
    name: 'name',
    type: 'string',
    default: '',
    required: true,
    placeholder: 'e.g. Support',
    description: 'What to call the session',
    routing: { send: { type: 'body', property: 'name' } },
  },
  {
    displayName: 'Phone Number',
    name: 'phoneNumber',
    type: 'string',
    default: '',
    required: true,
    placeholder: 'e.g. +14155552671',
    description: 'The number of the WhatsApp account, with country code',
    routing: { send: { type: 'body', property: 'phone_number' } },
  },
  // Off, because n8n sends all items of a run at once: all but the first would be refused.
  { ...accountProtection, default: false },
  logMessages,
  {
    displayName: 'Options',
    name: 'options',
    type: 'collection',
    placeholder: 'Add Option',
    default: {},
    options: settings,
  },
];

export const description = updateDisplayOptions({ show: { resource: ['session'], operation: ['create'] } }, properties);
