import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { actingSessionField } from '../../shared/fields';
import { sendOptions, sendRouting, toField } from './sendFields';

export const option: INodePropertyOptions = {
  name: 'Send Contact',
  value: 'sendContact',
  action: 'Send contact message',
  description: 'Send one or more contact cards',
  routing: sendRouting,
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['sendContact'] } }, [
  actingSessionField,
  toField,
  {
    displayName: 'Contacts',
    name: 'contacts',
    type: 'fixedCollection',
    typeOptions: { multipleValues: true, multipleValueButtonText: 'Add Contact' },
    placeholder: 'Add Contact',
    default: { contact: [{ name: '', phone: '' }] },
    required: true,
    options: [
      {
        displayName: 'Contact',
        name: 'contact',
        values: [
          {
            displayName: 'Name',
            name: 'name',
            type: 'string',
            default: '',
            required: true,
            placeholder: 'e.g. Nathan Smith',
            description: 'What the card calls the person',
          },
          {
            displayName: 'Phone Number',
            name: 'phone',
            type: 'string',
            default: '',
            required: true,
            placeholder: 'e.g. +14155552671',
            description: 'Their number, with country code',
          },
          {
            displayName: 'Organization',
            name: 'organization',
            type: 'string',
            default: '',
            placeholder: 'e.g. Warbler Ltd',
            description: 'Whom they work for',
          },
        ],
      },
    ],
    routing: {
      send: {
        type: 'body',
        property: 'contacts',
        value:
          '={{ $value.contact.map(({ name, phone, organization }) => ({ name, phone, organization: organization || undefined })) }}',
      },
    },
  },
  sendOptions(),
]);
