import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, channelField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Follow',
  value: 'follow',
  action: 'Follow channel',
  description: 'Follow a channel, whose posts then arrive',
  routing: {
    request: { method: 'POST', url: '=/api/channels/{{ encodeURIComponent($parameter["channel"]) }}/follow' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['channel'], operation: ['follow'] } }, [
  actingSessionField,
  channelField,
]);
