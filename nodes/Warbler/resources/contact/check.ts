import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, freshField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Check Number',
  value: 'check',
  action: 'Check number of contact',
  description: 'Check whether a phone number is on WhatsApp',
  routing: {
    request: { method: 'GET', url: '=/api/on-whatsapp/{{ encodeURIComponent($parameter["phoneNumber"]) }}' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['contact'], operation: ['check'] } }, [
  actingSessionField,
  {
    displayName: 'Phone Number',
    name: 'phoneNumber',
    type: 'string',
    default: '',
    required: true,
    placeholder: 'e.g. +14155552671',
    description: 'The number to check, with country code',
  },
  freshField,
]);
