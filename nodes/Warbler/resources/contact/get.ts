import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, contactField, freshField } from '../../shared/fields';
import { simplify, simplifyField } from '../../shared/simplify';

export const option: INodePropertyOptions = {
  name: 'Get',
  value: 'get',
  action: 'Get contact',
  description: 'Retrieve what is known about a contact',
  routing: {
    request: { method: 'GET', url: '=/api/contacts/{{ encodeURIComponent($parameter["contact"]) }}' },
    output: { postReceive: [...answer, simplify(['jid', 'lid', 'phone', 'name', 'notify'])] },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['contact'], operation: ['get'] } }, [
  actingSessionField,
  contactField,
  simplifyField(false),
  freshField,
]);
