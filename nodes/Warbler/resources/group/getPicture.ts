import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, freshField, groupField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Get Picture',
  value: 'getPicture',
  action: 'Get group picture',
  description: 'Retrieve the link to the picture of a group',
  routing: {
    request: { method: 'GET', url: '=/api/groups/{{ encodeURIComponent($parameter["group"]) }}/picture' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['group'], operation: ['getPicture'] } }, [
  actingSessionField,
  groupField,
  freshField,
]);
