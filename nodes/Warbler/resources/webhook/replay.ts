import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { ISO_TIME } from '../../shared/values';
import { WEBHOOK_URL, webhookField, webhookSessionField } from './webhookFields';

export const option: INodePropertyOptions = {
  name: 'Replay',
  value: 'replay',
  action: 'Replay events to webhook',
  description: 'Deliver the events of a span of time once more, also those from before the webhook was made',
  routing: {
    request: { method: 'POST', url: `=${WEBHOOK_URL}/replay` },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['webhook'], operation: ['replay'] } }, [
  webhookSessionField,
  webhookField,
  {
    displayName: 'From',
    name: 'from',
    type: 'dateTime',
    default: '',
    required: true,
    description: 'When the first of the events happened, in the time zone of the workflow',
    routing: { send: { type: 'body', property: 'from', value: ISO_TIME } },
  },
  {
    displayName: 'Options',
    name: 'options',
    type: 'collection',
    placeholder: 'Add Option',
    default: {},
    options: [
      {
        displayName: 'To',
        name: 'to',
        type: 'dateTime',
        default: '',
        description: 'Before when the last of the events happened, in the time zone of the workflow. By default now.',
        routing: { send: { type: 'body', property: 'to', value: ISO_TIME } },
      },
    ],
  },
]);
