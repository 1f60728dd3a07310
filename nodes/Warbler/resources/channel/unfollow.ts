import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, channelField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Unfollow',
  value: 'unfollow',
  action: 'Unfollow channel',
  description: 'Stop following a channel',
  routing: {
    request: { method: 'POST', url: '=/api/channels/{{ encodeURIComponent($parameter["channel"]) }}/unfollow' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['channel'], operation: ['unfollow'] } }, [
  actingSessionField,
  channelField,
]);
