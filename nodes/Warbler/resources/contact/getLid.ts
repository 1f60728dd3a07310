import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Get LID',
  value: 'getLid',
  action: 'Get LID of contact',
  description: 'Retrieve the LID, WhatsApp’s private address, that belongs to a phone number',
  routing: {
    request: { method: 'GET', url: '=/api/lid-from-pn/{{ encodeURIComponent($parameter["phoneNumber"]) }}' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['contact'], operation: ['getLid'] } }, [
  actingSessionField,
  {
    displayName: 'Phone Number',
    name: 'phoneNumber',
    type: 'string',
    default: '',
    required: true,
    placeholder: 'e.g. +14155552671',
    description: 'The number, with country code, or its JID',
  },
]);
