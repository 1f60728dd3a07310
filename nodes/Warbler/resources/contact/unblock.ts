import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, contactField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Unblock',
  value: 'unblock',
  action: 'Unblock contact',
  description: 'Let a blocked contact write and call again',
  routing: {
    request: { method: 'POST', url: '=/api/contacts/{{ encodeURIComponent($parameter["contact"]) }}/unblock' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['contact'], operation: ['unblock'] } }, [
  actingSessionField,
  contactField,
]);
