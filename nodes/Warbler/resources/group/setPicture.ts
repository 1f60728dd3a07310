import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, groupField } from '../../shared/fields';
import { fileFields } from '../../shared/fileFields';

export const option: INodePropertyOptions = {
  name: 'Set Picture',
  value: 'setPicture',
  action: 'Set group picture',
  description: 'Give a group another picture',
  routing: {
    request: { method: 'PUT', url: '=/api/groups/{{ encodeURIComponent($parameter["group"]) }}/settings' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['group'], operation: ['setPicture'] } }, [
  actingSessionField,
  groupField,
  ...fileFields('image', 'profilePicUrl'),
]);
