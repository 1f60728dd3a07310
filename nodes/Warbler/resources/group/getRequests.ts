import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, groupField } from '../../shared/fields';
import { allFields } from '../../shared/pages';

export const option: INodePropertyOptions = {
  name: 'Get Join Requests',
  value: 'getRequests',
  action: 'Get join requests of group',
  description: 'Retrieve who asks to join a group',
  routing: {
    request: { method: 'GET', url: '=/api/groups/{{ encodeURIComponent($parameter["group"]) }}/requests' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['group'], operation: ['getRequests'] } }, [
  actingSessionField,
  groupField,
  ...allFields,
]);
