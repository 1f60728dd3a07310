import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, channelField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Get',
  value: 'get',
  action: 'Get channel',
  description: 'Retrieve a channel',
  routing: {
    request: { method: 'GET', url: '=/api/channels/{{ encodeURIComponent($parameter["channel"]) }}' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['channel'], operation: ['get'] } }, [
  actingSessionField,
  channelField,
]);
