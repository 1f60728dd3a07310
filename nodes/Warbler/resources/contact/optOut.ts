import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, contactField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Opt Out',
  value: 'optOut',
  action: 'Opt out contact',
  description: 'Have bulk jobs leave a contact alone',
  routing: {
    request: { method: 'POST', url: '/api/opt-outs' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['contact'], operation: ['optOut'] } }, [
  actingSessionField,
  { ...contactField, routing: { send: { type: 'body', property: 'to' } } },
]);
