import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, groupField, membersField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Update Roles',
  value: 'updateRoles',
  action: 'Update roles in group',
  description: 'Make participants of a group admins, or take that back',
  routing: {
    request: { method: 'PUT', url: '=/api/groups/{{ encodeURIComponent($parameter["group"]) }}/participants/update' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['group'], operation: ['updateRoles'] } }, [
  actingSessionField,
  groupField,
  {
    displayName: 'Role',
    name: 'action',
    type: 'options',
    options: [
      { name: 'Admin', value: 'promote' },
      { name: 'Participant', value: 'demote' },
    ],
    default: 'promote',
    description: 'What they are to be',
    routing: { send: { type: 'body', property: 'action' } },
  },
  membersField,
]);
