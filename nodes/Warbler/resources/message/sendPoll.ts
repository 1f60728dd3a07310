import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { actingSessionField } from '../../shared/fields';
import { LINES } from '../../shared/values';
import { sendOptions, sendRouting, toField } from './sendFields';

export const option: INodePropertyOptions = {
  name: 'Send Poll',
  value: 'sendPoll',
  action: 'Send poll message',
  description: 'Ask a question with options to vote for',
  routing: sendRouting,
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['sendPoll'] } }, [
  actingSessionField,
  toField,
  {
    displayName: 'Question',
    name: 'question',
    type: 'string',
    default: '',
    required: true,
    placeholder: 'e.g. When shall we meet?',
    description: 'What the poll asks',
    routing: { send: { type: 'body', property: 'poll.question' } },
  },
  {
    displayName: 'Answers',
    name: 'answers',
    type: 'string',
    typeOptions: { rows: 4 },
    default: '',
    required: true,
    placeholder: 'e.g. On Monday',
    description: 'What can be voted for, one answer per line; 2 to 12 of them',
    routing: { send: { type: 'body', property: 'poll.options', value: LINES } },
  },
  sendOptions({
    displayName: 'Multiple Answers',
    name: 'multiSelect',
    type: 'boolean',
    default: true,
    description: 'Whether to allow a vote for more than one answer',
    routing: { send: { type: 'body', property: 'poll.multiSelect' } },
  }),
]);
