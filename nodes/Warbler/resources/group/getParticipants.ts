import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, freshField, groupField } from '../../shared/fields';
import { allFields } from '../../shared/pages';

export const option: INodePropertyOptions = {
  name: 'Get Participants',
  value: 'getParticipants',
  action: 'Get participants of group',
  description: 'Retrieve the participants of a group',
  routing: {
    request: { method: 'GET', url: '=/api/groups/{{ encodeURIComponent($parameter["group"]) }}/participants' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['group'], operation: ['getParticipants'] } }, [
  actingSessionField,
  groupField,
  ...allFields,
  freshField,
]);
