import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, groupField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Get Invite Link',
  value: 'getInviteLink',
  action: 'Get invite link of group',
  description: 'Retrieve the link by which others can join a group',
  routing: {
    request: { method: 'GET', url: '=/api/groups/{{ encodeURIComponent($parameter["group"]) }}/invite-link' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['group'], operation: ['getInviteLink'] } }, [
  actingSessionField,
  groupField,
]);
