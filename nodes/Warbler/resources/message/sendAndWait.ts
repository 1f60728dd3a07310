import type { IExecuteSingleFunctions, IHttpRequestOptions, INodeProperties, INodePropertyOptions } from 'n8n-workflow';
import { NodeOperationError, SEND_AND_WAIT_OPERATION, updateDisplayOptions } from 'n8n-workflow';
import { actingSessionField, contactField, recipientField } from '../../shared/fields';

/**
 * n8n calls what is in ../../sendAndWait in place of this routing, wherever a node of its own can wait. As a tool of
 * something that is not an agent (an MCP Server Trigger) it calls the routing, and nothing there would wait.
 */
async function cannotWait(this: IExecuteSingleFunctions): Promise<IHttpRequestOptions> {
  throw new NodeOperationError(this.getNode(), 'Send and Wait for Response cannot be used here', {
    description: 'Nothing waits for the answer here. Use it as a step of the workflow, or as a tool of an AI Agent.',
  });
}

export const option: INodePropertyOptions = {
  name: 'Send and Wait for Response',
  value: SEND_AND_WAIT_OPERATION,
  action: 'Send message and wait for response',
  description: 'Ask a question and go on when it has been answered in WhatsApp, by a message, a vote or a reaction',
  routing: { request: { method: 'POST', url: '/api/inquiries' }, send: { preSend: [cannotWait] } },
};

/** n8n's own names of the fields, here and below: it makes the human review of AI tools out of them. */
const approvalOptions: INodeProperties = {
  displayName: 'Approval Options',
  name: 'approvalOptions',
  type: 'fixedCollection',
  placeholder: 'Add Option',
  default: {},
  description:
    'The two options of the poll. There is no approval with one option alone, because a WhatsApp poll has two or more.',
  displayOptions: { show: { responseType: ['approval'] } },
  options: [
    {
      displayName: 'Values',
      name: 'values',
      values: [
        {
          displayName: 'Approve Label',
          name: 'approveLabel',
          type: 'string',
          default: '✓ Approve',
          description: 'What to vote for, or to write, to approve. A reaction with 👍 or ✅ approves as well.',
        },
        {
          displayName: 'Decline Label',
          name: 'disapproveLabel',
          type: 'string',
          default: '✗ Decline',
          description: 'What to vote for, or to write, to decline. A reaction with 👎 or ❌ declines as well.',
        },
      ],
    },
  ],
};

const unitOf = (name: string): INodeProperties => ({
  displayName: 'Unit',
  name,
  type: 'options',
  options: [
    { name: 'Minutes', value: 'minutes' },
    { name: 'Hours', value: 'hours' },
    { name: 'Days', value: 'days' },
  ],
  default: 'hours',
  description: 'Unit of the interval value',
});

const limitWaitTime: INodeProperties = {
  displayName: 'Limit Wait Time',
  name: 'limitWaitTime',
  type: 'fixedCollection',
  default: { values: { limitType: 'afterTimeInterval', resumeAmount: 45, resumeUnit: 'minutes' } },
  description:
    'After how long the workflow goes on without an answer: from one minute to 30 days. The output then has answered: false, and no silence counts as an approval.',
  options: [
    {
      displayName: 'Values',
      name: 'values',
      values: [
        {
          displayName: 'Limit Type',
          name: 'limitType',
          type: 'options',
          options: [
            {
              name: 'After Time Interval',
              value: 'afterTimeInterval',
              description: 'Waits for a certain amount of time',
            },
            {
              name: 'At Specified Time',
              value: 'atSpecifiedTime',
              description: 'Waits until the set date and time to continue',
            },
          ],
          default: 'afterTimeInterval',
          description: 'Sets the condition for the execution to resume. Can be a specified date or after some time.',
        },
        {
          displayName: 'Amount',
          name: 'resumeAmount',
          type: 'number',
          typeOptions: { minValue: 0, numberPrecision: 2 },
          default: 1,
          description: 'The time to wait',
          displayOptions: { show: { limitType: ['afterTimeInterval'] } },
        },
        { ...unitOf('resumeUnit'), displayOptions: { show: { limitType: ['afterTimeInterval'] } } },
        {
          displayName: 'Max Date and Time',
          name: 'maxDateAndTime',
          type: 'dateTime',
          default: '',
          description: 'Continue execution after the specified date and time, in the time zone of the workflow',
          displayOptions: { show: { limitType: ['atSpecifiedTime'] } },
        },
      ],
    },
  ],
};

const reminder: INodeProperties = {
  displayName: 'Reminder',
  name: 'reminder',
  type: 'fixedCollection',
  default: { values: { reminderAmount: 1, reminderUnit: 'hours', reminderText: '' } },
  description: 'A message that quotes the question, once, when there is no answer by then',
  options: [
    {
      displayName: 'Values',
      name: 'values',
      values: [
        {
          displayName: 'Amount',
          name: 'reminderAmount',
          type: 'number',
          typeOptions: { minValue: 0, numberPrecision: 2 },
          default: 1,
          description: 'The time after the question',
        },
        unitOf('reminderUnit'),
        {
          displayName: 'Text',
          name: 'reminderText',
          type: 'string',
          typeOptions: { rows: 2 },
          default: '',
          placeholder: 'e.g. Have you seen this?',
          description: 'What to write. Left empty, the engine finds words of its own.',
        },
      ],
    },
  ],
};

export const description = updateDisplayOptions(
  { show: { resource: ['message'], operation: [SEND_AND_WAIT_OPERATION] } },
  [
    actingSessionField,
    { ...recipientField, description: 'The person to ask, or the group in which to ask one of its members' },
    {
      displayName: 'Message',
      name: 'message',
      type: 'string',
      typeOptions: { rows: 4 },
      default: '',
      required: true,
      placeholder: 'e.g. Shall we ship order 4711?',
      description: 'The question',
    },
    {
      displayName: 'Response Type',
      name: 'responseType',
      type: 'options',
      options: [
        {
          name: 'Approval',
          value: 'approval',
          description: 'Yes or no: by a vote in a poll of two options, a reaction (👍 or 👎), or in words',
        },
        {
          name: 'Choice',
          value: 'choice',
          description: 'One of several answers: by a vote in a poll, or in words',
        },
        { name: 'Free Text', value: 'freeText', description: 'Whatever the person writes next' },
      ],
      default: 'approval',
      description: 'How the question is answered, always in WhatsApp itself',
    },
    approvalOptions,
    {
      displayName: 'Choices',
      name: 'choices',
      type: 'string',
      typeOptions: { rows: 4 },
      default: '',
      required: true,
      placeholder: 'e.g. On Monday',
      description: 'What can be chosen, one answer per line; 2 to 12 of them',
      displayOptions: { show: { responseType: ['choice'] } },
    },
    {
      displayName: 'Only a Reply Counts',
      name: 'replyOnly',
      type: 'boolean',
      default: false,
      description:
        'Whether only a message that quotes the question is the answer, instead of the next message that the person writes there',
      displayOptions: { show: { responseType: ['freeText'] } },
    },
    {
      ...contactField,
      displayName: 'Answer From',
      name: 'answerFrom',
      required: false,
      description:
        'For a group: the member whose answer counts. What others write, vote or react changes nothing. Left empty in a chat with one person.',
    },
    {
      displayName: 'Options',
      name: 'options',
      type: 'collection',
      placeholder: 'Add Option',
      default: {},
      options: [limitWaitTime, reminder],
    },
  ],
);
