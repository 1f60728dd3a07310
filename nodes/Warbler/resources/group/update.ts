import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, disappearingField, groupField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Update',
  value: 'update',
  action: 'Update group',
  description: 'Change name, description or settings of a group',
  routing: {
    request: { method: 'PUT', url: '=/api/groups/{{ encodeURIComponent($parameter["group"]) }}/settings' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['group'], operation: ['update'] } }, [
  actingSessionField,
  groupField,
  {
    displayName: 'Update Fields',
    name: 'updateFields',
    type: 'collection',
    placeholder: 'Add Field',
    default: {},
    options: [
      {
        displayName: 'Approve New Members',
        name: 'joinApproval',
        type: 'boolean',
        default: true,
        description: 'Whether an admin has to approve whoever joins by the invite link',
        routing: { send: { type: 'body', property: 'joinApproval' } },
      },
      {
        displayName: 'Description',
        name: 'description',
        type: 'string',
        typeOptions: { rows: 2 },
        default: '',
        placeholder: 'e.g. Who brings what to the party',
        description: 'The text below the name',
        routing: { send: { type: 'body', property: 'description' } },
      },
      disappearingField,
      {
        displayName: 'Members Can Add Others',
        name: 'memberAdd',
        type: 'boolean',
        default: true,
        description: 'Whether every member may add others, instead of only admins',
        routing: { send: { type: 'body', property: 'memberAdd' } },
      },
      {
        displayName: 'Name',
        name: 'subject',
        type: 'string',
        default: '',
        placeholder: 'e.g. Family',
        description: 'What to call the group',
        routing: { send: { type: 'body', property: 'subject' } },
      },
      {
        displayName: 'Only Admins Can Edit',
        name: 'restrict',
        type: 'boolean',
        default: true,
        description: 'Whether only admins may change name, description and picture',
        routing: { send: { type: 'body', property: 'restrict' } },
      },
      {
        displayName: 'Only Admins Can Send',
        name: 'announce',
        type: 'boolean',
        default: true,
        description: 'Whether only admins may send messages',
        routing: { send: { type: 'body', property: 'announce' } },
      },
    ],
  },
]);
