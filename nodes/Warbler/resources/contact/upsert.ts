import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, contactField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Create or Update',
  value: 'upsert',
  action: 'Create or update contact',
  description: 'Create a new contact, or update the current one if it already exists (upsert)',
  routing: {
    request: { method: 'PUT', url: '/api/contacts' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['contact'], operation: ['upsert'] } }, [
  actingSessionField,
  { ...contactField, routing: { send: { type: 'body', property: 'jid' } } },
  {
    displayName: 'Full Name',
    name: 'fullName',
    type: 'string',
    default: '',
    required: true,
    placeholder: 'e.g. Nathan Smith',
    description: 'What to call the contact',
    routing: { send: { type: 'body', property: 'fullName' } },
  },
  {
    displayName: 'Options',
    name: 'options',
    type: 'collection',
    placeholder: 'Add Option',
    default: {},
    options: [
      {
        displayName: 'Save on Phone',
        name: 'saveOnPrimaryAddressbook',
        type: 'boolean',
        default: true,
        description: 'Whether to add the contact to the address book of the phone, too',
        routing: { send: { type: 'body', property: 'saveOnPrimaryAddressbook' } },
      },
    ],
  },
]);
