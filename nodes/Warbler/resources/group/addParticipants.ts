import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, groupField, participantsField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Add Participants',
  value: 'addParticipants',
  action: 'Add participants to group',
  description: 'Add people to a group; the answer tells for each whether it worked',
  routing: {
    request: { method: 'POST', url: '=/api/groups/{{ encodeURIComponent($parameter["group"]) }}/participants/add' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['group'], operation: ['addParticipants'] } }, [
  actingSessionField,
  groupField,
  participantsField,
]);
