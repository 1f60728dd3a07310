import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { pollField } from './pollField';

export const option: INodePropertyOptions = {
  name: 'Get Poll Results',
  value: 'getPollResults',
  action: 'Get poll results of message',
  description: 'Retrieve who has voted for what in a poll',
  routing: {
    request: { method: 'GET', url: '=/api/messages/{{ encodeURIComponent($parameter["messageId"]) }}/poll-results' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['getPollResults'] } }, [
  actingSessionField,
  pollField,
]);
