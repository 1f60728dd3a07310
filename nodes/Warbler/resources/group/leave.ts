import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, groupField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Leave',
  value: 'leave',
  action: 'Leave group',
  description: 'Leave a group',
  routing: {
    request: { method: 'POST', url: '=/api/groups/{{ encodeURIComponent($parameter["group"]) }}/leave' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['group'], operation: ['leave'] } }, [
  actingSessionField,
  groupField,
]);
