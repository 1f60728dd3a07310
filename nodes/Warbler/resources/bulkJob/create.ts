import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, disappearAfterField } from '../../shared/fields';
import { fileFields } from '../../shared/fileFields';
import { COMMA_LIST, JSON_VALUE } from '../../shared/values';
import { captionField, idempotencyKey, viewOnce } from '../message/sendFields';

export const option: INodePropertyOptions = {
  name: 'Create',
  value: 'create',
  action: 'Create bulk job',
  description: 'Send one message to many people, as fast as the account may',
  routing: {
    request: { method: 'POST', url: '/api/bulk-jobs' },
    output: { postReceive: answer },
  },
};

const RECIPIENTS_OF_ITEMS = '={{ $input.all().map((item) => ({ to: item.json.phone, variables: item.json })) }}';

const recipientFields: INodeProperties[] = [
  {
    displayName: 'Specify Recipients',
    name: 'specifyRecipients',
    type: 'options',
    options: [
      { name: 'List of Numbers', value: 'list', description: 'The same message for everybody' },
      {
        name: 'Using JSON',
        value: 'json',
        description: 'With values of their own for each, e.g. from all input items',
      },
    ],
    default: 'list',
    description: 'How the recipients are given',
  },
  {
    displayName: 'Recipients',
    name: 'recipients',
    type: 'string',
    typeOptions: { rows: 4 },
    default: '',
    required: true,
    placeholder: 'e.g. +14155552671, +14155552672',
    description: 'Phone numbers or JIDs, separated by commas',
    displayOptions: { show: { specifyRecipients: ['list'] } },
    routing: { send: { type: 'body', property: 'recipients', value: COMMA_LIST } },
  },
  {
    displayName: 'Recipients as JSON',
    name: 'recipientsJson',
    type: 'json',
    typeOptions: { rows: 4 },
    default: RECIPIENTS_OF_ITEMS,
    required: true,
    hint: 'To make one job of all input items, turn on Execute Once in the settings of this node',
    description: 'A list of numbers, or of objects such as { "to": "+14155552671", "variables": { "name": "Nathan" } }',
    displayOptions: { show: { specifyRecipients: ['json'] } },
    routing: { send: { type: 'body', property: 'recipients', value: JSON_VALUE } },
  },
];

const FILES = ['audio', 'document', 'image', 'video'] as const;

const messageFields: INodeProperties[] = [
  {
    displayName: 'Message Type',
    name: 'messageType',
    type: 'options',
    options: [
      { name: 'Audio', value: 'audio' },
      { name: 'Document', value: 'document' },
      { name: 'Image', value: 'image' },
      { name: 'Text', value: 'text' },
      { name: 'Video', value: 'video' },
    ],
    default: 'text',
    description: 'What everybody gets',
  },
  {
    displayName: 'Text',
    name: 'text',
    type: 'string',
    typeOptions: { rows: 4 },
    default: '',
    required: true,
    placeholder: 'e.g. Hello {{name}}, your table is ready',
    description: 'What to send. {{name}} stands for a value of the recipient; keep the field on Fixed for that.',
    displayOptions: { show: { messageType: ['text'] } },
    routing: { send: { type: 'body', property: 'text' } },
  },
  ...FILES.flatMap((kind) => updateDisplayOptions({ show: { messageType: [kind] } }, fileFields(kind))),
  { ...captionField, displayOptions: { show: { messageType: ['document', 'image', 'video'] } } },
];

const options: INodeProperties = {
  displayName: 'Options',
  name: 'options',
  type: 'collection',
  placeholder: 'Add Option',
  default: {},
  options: [
    disappearAfterField,
    {
      displayName: 'Dry Run',
      name: 'dryRun',
      type: 'boolean',
      default: true,
      description: 'Whether to look at the recipients only: duplicates, wrong numbers, people who opted out',
      routing: { send: { type: 'body', property: 'dry_run' } },
    },
    {
      displayName: 'File Name',
      name: 'fileName',
      type: 'string',
      default: '',
      placeholder: 'e.g. invoice.pdf',
      description: 'What a document is called in the chat. By default the name that it has.',
      routing: { send: { type: 'body', property: 'fileName', value: '={{ $value || undefined }}' } },
    },
    idempotencyKey,
    {
      displayName: 'Link Preview',
      name: 'linkPreview',
      type: 'boolean',
      default: false,
      description: 'Whether to show title and picture of the first link in the text',
      routing: { send: { type: 'body', property: 'linkPreview' } },
    },
    {
      displayName: 'Name',
      name: 'name',
      type: 'string',
      default: '',
      placeholder: 'e.g. Invitation to the spring sale',
      description: 'What the job is called in lists',
      routing: { send: { type: 'body', property: 'name', value: '={{ $value || undefined }}' } },
    },
    {
      displayName: 'Start',
      name: 'start',
      type: 'boolean',
      default: false,
      description: 'Whether to begin at once, instead of waiting for Bulk Job: Resume',
      routing: { send: { type: 'body', property: 'start' } },
    },
    viewOnce,
  ],
};

export const description = updateDisplayOptions({ show: { resource: ['bulkJob'], operation: ['create'] } }, [
  actingSessionField,
  ...recipientFields,
  ...messageFields,
  options,
]);
