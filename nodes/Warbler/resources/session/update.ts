import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { sessionField } from '../../shared/fields';
import { accountProtection, logMessages, settings } from './settings';

export const option: INodePropertyOptions = {
  name: 'Update',
  value: 'update',
  action: 'Update session',
  description: 'Change settings of a session; those not given stay as they are',
  routing: {
    request: { method: 'PUT', url: '=/api/whatsapp-sessions/{{ encodeURIComponent($parameter["session"]) }}' },
    output: { postReceive: answer },
  },
};

const names: INodeProperties[] = [
  {
    displayName: 'Name',
    name: 'name',
    type: 'string',
    default: '',
    placeholder: 'e.g. Support',
    description: 'What to call the session',
    routing: { send: { type: 'body', property: 'name' } },
  },
  {
    displayName: 'Phone Number',
    name: 'phoneNumber',
    type: 'string',
    default: '',
    placeholder: 'e.g. +14155552671',
    description: 'The number of the WhatsApp account, with country code',
    routing: { send: { type: 'body', property: 'phone_number' } },
  },
];

const byName = (one: INodeProperties, other: INodeProperties) => one.displayName.localeCompare(other.displayName);

const properties: INodeProperties[] = [
  sessionField,
  {
    displayName: 'Update Fields',
    name: 'updateFields',
    type: 'collection',
    placeholder: 'Add Field',
    default: {},
    options: [...names, accountProtection, logMessages, ...settings].sort(byName),
  },
];

export const description = updateDisplayOptions({ show: { resource: ['session'], operation: ['update'] } }, properties);
