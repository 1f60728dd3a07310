import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { actingSessionField } from '../../shared/fields';
import { COMMA_LIST } from '../../shared/values';
import { fileFields } from '../../shared/fileFields';
import { captionField, sendRouting, statusOptions } from './sendFields';

export const option: INodePropertyOptions = {
  name: 'Send Status',
  value: 'sendStatus',
  action: 'Send status message',
  description: 'Post a status update, which shows for 24 hours',
  routing: { ...sendRouting, request: { ...sendRouting.request, body: { to: 'status@broadcast' } } },
};

const ofType = (type: string, fields: INodeProperties[]) =>
  updateDisplayOptions({ show: { statusType: [type] } }, fields);

const properties: INodeProperties[] = [
  actingSessionField,
  {
    displayName: 'Status Type',
    name: 'statusType',
    type: 'options',
    options: [
      { name: 'Image', value: 'image' },
      { name: 'Text', value: 'text' },
      { name: 'Video', value: 'video' },
    ],
    default: 'text',
    description: 'What the status shows',
  },
  ...ofType('text', [
    {
      displayName: 'Text',
      name: 'text',
      type: 'string',
      typeOptions: { rows: 4 },
      default: '',
      required: true,
      placeholder: 'e.g. Open today until 8 pm',
      description: 'What the status says',
      routing: { send: { type: 'body', property: 'text' } },
    },
    {
      displayName: 'Background Color',
      name: 'backgroundColor',
      type: 'color',
      default: '#25D366',
      description: 'The color behind the text, such as #25D366',
      routing: { send: { type: 'body', property: 'backgroundColor' } },
    },
  ]),
  ...ofType('image', fileFields('image')),
  ...ofType('video', fileFields('video')),
  ...updateDisplayOptions({ show: { statusType: ['image', 'video'] } }, [captionField]),
  statusOptions({
    displayName: 'Audience',
    name: 'audience',
    type: 'string',
    default: '',
    placeholder: 'e.g. +14155552671, +14155552672',
    description: 'Phone numbers or JIDs of those who may see it, separated by commas. By default all contacts.',
    routing: { send: { type: 'body', property: 'audience', value: COMMA_LIST } },
  }),
];

export const description = updateDisplayOptions(
  { show: { resource: ['message'], operation: ['sendStatus'] } },
  properties,
);
