import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, recipientField } from '../../shared/fields';
import { timingFields } from '../../shared/timing';
import { scheduledMessageField } from './scheduledMessageField';

export const option: INodePropertyOptions = {
  name: 'Update',
  value: 'update',
  action: 'Update scheduled message',
  description: 'Change time, recipient or text of a message that waits for its time',
  routing: {
    request: { method: 'PUT', url: '=/api/scheduled-messages/{{ encodeURIComponent($parameter["messageId"]) }}' },
    output: { postReceive: answer },
  },
};

const changes: INodeProperties[] = [
  ...timingFields,
  {
    displayName: 'Text',
    name: 'text',
    type: 'string',
    typeOptions: { rows: 4 },
    default: '',
    placeholder: 'e.g. Your table is ready at 8 pm',
    description: 'The new text of the message, or caption of its file',
    routing: { send: { type: 'body', property: 'text' } },
  },
  { ...recipientField, required: false, routing: { send: { type: 'body', property: 'to' } } },
];

export const description = updateDisplayOptions({ show: { resource: ['scheduledMessage'], operation: ['update'] } }, [
  actingSessionField,
  scheduledMessageField,
  {
    displayName: 'Update Fields',
    name: 'updateFields',
    type: 'collection',
    placeholder: 'Add Field',
    default: {},
    options: changes.sort((one, other) => one.displayName.localeCompare(other.displayName)),
  },
]);
