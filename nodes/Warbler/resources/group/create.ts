import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, participantsField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Create',
  value: 'create',
  action: 'Create group',
  description: 'Create a group',
  routing: {
    request: { method: 'POST', url: '/api/groups' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['group'], operation: ['create'] } }, [
  actingSessionField,
  {
    displayName: 'Name',
    name: 'name',
    type: 'string',
    default: '',
    required: true,
    placeholder: 'e.g. Family',
    description: 'What to call the group',
    routing: { send: { type: 'body', property: 'name' } },
  },
  participantsField,
]);
