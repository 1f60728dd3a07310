import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, groupField, membersField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Remove Participants',
  value: 'removeParticipants',
  action: 'Remove participants from group',
  description: 'Remove people from a group; the answer tells for each whether it worked',
  routing: {
    request: { method: 'POST', url: '=/api/groups/{{ encodeURIComponent($parameter["group"]) }}/participants/remove' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['group'], operation: ['removeParticipants'] } }, [
  actingSessionField,
  groupField,
  membersField,
]);
