import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, contactField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Block',
  value: 'block',
  action: 'Block contact',
  description: 'Block a contact, who then can neither write nor call',
  routing: {
    request: { method: 'POST', url: '=/api/contacts/{{ encodeURIComponent($parameter["contact"]) }}/block' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['contact'], operation: ['block'] } }, [
  actingSessionField,
  contactField,
]);
