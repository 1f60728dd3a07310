import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, contactField, freshField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Get Picture',
  value: 'getPicture',
  action: 'Get contact picture',
  description: 'Retrieve the link to the profile picture of a contact',
  routing: {
    request: { method: 'GET', url: '=/api/contacts/{{ encodeURIComponent($parameter["contact"]) }}/picture' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['contact'], operation: ['getPicture'] } }, [
  actingSessionField,
  contactField,
  freshField,
]);
