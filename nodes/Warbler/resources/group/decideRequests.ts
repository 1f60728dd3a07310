import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, groupField, participantsField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Decide Join Requests',
  value: 'decideRequests',
  action: 'Decide join requests of group',
  description: 'Let people into a group who have asked to join, or turn them away',
  routing: {
    request: { method: 'POST', url: '=/api/groups/{{ encodeURIComponent($parameter["group"]) }}/requests' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['group'], operation: ['decideRequests'] } }, [
  actingSessionField,
  groupField,
  {
    displayName: 'Decision',
    name: 'action',
    type: 'options',
    options: [
      { name: 'Approve', value: 'approve' },
      { name: 'Reject', value: 'reject' },
    ],
    default: 'approve',
    description: 'What becomes of the requests',
    routing: { send: { type: 'body', property: 'action' } },
  },
  participantsField,
]);
