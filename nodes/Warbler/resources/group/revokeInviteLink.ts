import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, groupField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Revoke Invite Link',
  value: 'revokeInviteLink',
  action: 'Revoke invite link of group',
  description: 'Make the invite link of a group useless, and retrieve a new one',
  routing: {
    request: { method: 'POST', url: '=/api/groups/{{ encodeURIComponent($parameter["group"]) }}/invite-link/revoke' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['group'], operation: ['revokeInviteLink'] } }, [
  actingSessionField,
  groupField,
]);
