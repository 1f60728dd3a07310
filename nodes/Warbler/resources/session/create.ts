import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { refuse } from '../../shared/errors';

export const option: INodePropertyOptions = {
  name: 'Create',
  value: 'create',
  action: 'Create session',
  description: 'Create a session for a WhatsApp number; connect it next',
  routing: {
    request: { method: 'POST', url: '/api/whatsapp-sessions' },
    output: { postReceive: [refuse, { type: 'rootProperty', properties: { property: 'data' } }] },
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
  {
    displayName: 'Protect Account',
    name: 'accountProtection',
    type: 'boolean',
    default: true,
    description: 'Whether to keep a pause between messages, which lowers the risk that WhatsApp restricts the number',
    routing: { send: { type: 'body', property: 'account_protection' } },
  },
  {
    displayName: 'Log Messages',
    name: 'logMessages',
    type: 'boolean',
    default: true,
    description: 'Whether the engine keeps a log of the messages of this session',
    routing: { send: { type: 'body', property: 'log_messages' } },
  },
];

export const description = updateDisplayOptions({ show: { resource: ['session'], operation: ['create'] } }, properties);
