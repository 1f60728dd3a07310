import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Get Phone Number',
  value: 'getPhone',
  action: 'Get phone number of contact',
  description: 'Retrieve the phone number that belongs to a LID, WhatsApp’s private address',
  routing: {
    request: { method: 'GET', url: '=/api/pn-from-lid/{{ encodeURIComponent($parameter["lid"]) }}' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['contact'], operation: ['getPhone'] } }, [
  actingSessionField,
  {
    displayName: 'LID',
    name: 'lid',
    type: 'string',
    default: '',
    required: true,
    placeholder: 'e.g. 123456789012345@lid',
    description: 'The private address of a person',
  },
]);
