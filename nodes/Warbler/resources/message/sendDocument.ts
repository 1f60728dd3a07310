import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { actingSessionField } from '../../shared/fields';
import { fileFields } from '../../shared/fileFields';
import { captionField, sendOptions, sendRouting, toField } from './sendFields';

export const option: INodePropertyOptions = {
  name: 'Send Document',
  value: 'sendDocument',
  action: 'Send document message',
  description: 'Send a file of any kind, for example a PDF',
  routing: sendRouting,
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['sendDocument'] } }, [
  actingSessionField,
  toField,
  ...fileFields('document'),
  captionField,
  sendOptions({
    displayName: 'File Name',
    name: 'fileName',
    type: 'string',
    default: '',
    placeholder: 'e.g. invoice.pdf',
    description: 'What the file is called in the chat. By default the name that it has.',
    routing: { send: { type: 'body', property: 'fileName', value: '={{ $value || undefined }}' } },
  }),
]);
