import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, messageField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Edit',
  value: 'edit',
  action: 'Edit message',
  description: 'Change the text of a message that this account has sent',
  routing: {
    request: { method: 'PUT', url: '=/api/messages/{{ encodeURIComponent($parameter["messageId"]) }}' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['edit'] } }, [
  actingSessionField,
  messageField,
  {
    displayName: 'Text',
    name: 'text',
    type: 'string',
    typeOptions: { rows: 4 },
    default: '',
    required: true,
    placeholder: 'e.g. Your table is ready at 8 pm',
    description: 'The new text',
    routing: { send: { type: 'body', property: 'text' } },
  },
]);
