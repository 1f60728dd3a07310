import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, contactField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Opt In',
  value: 'optIn',
  action: 'Opt in contact',
  description: 'Let bulk jobs write to a contact again who had opted out',
  routing: {
    request: { method: 'DELETE', url: '=/api/opt-outs/{{ encodeURIComponent($parameter["contact"]) }}' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['contact'], operation: ['optIn'] } }, [
  actingSessionField,
  contactField,
]);
