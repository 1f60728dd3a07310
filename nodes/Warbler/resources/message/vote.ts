import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { LINES } from '../../shared/values';
import { pollField } from './pollField';

export const option: INodePropertyOptions = {
  name: 'Vote',
  value: 'vote',
  action: 'Vote in poll message',
  description: 'Vote in a poll, in place of the vote that was there before',
  routing: {
    request: { method: 'POST', url: '=/api/messages/{{ encodeURIComponent($parameter["messageId"]) }}/vote' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['vote'] } }, [
  actingSessionField,
  pollField,
  {
    displayName: 'Answers',
    name: 'answers',
    type: 'string',
    typeOptions: { rows: 2 },
    default: '',
    placeholder: 'e.g. On Monday',
    description: 'What to vote for, worded as in the poll, one answer per line. Leave it empty to take the vote back.',
    routing: { send: { type: 'body', property: 'options', value: LINES } },
  },
]);
