import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { actingSessionField } from '../../shared/fields';
import { sendOptions, sendRouting, toField } from './sendFields';

export const option: INodePropertyOptions = {
  name: 'Send Text',
  value: 'sendText',
  action: 'Send text message',
  description: 'Send a text message to a person, a group or a channel',
  routing: sendRouting,
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['sendText'] } }, [
  actingSessionField,
  toField,
  {
    displayName: 'Text',
    name: 'text',
    type: 'string',
    typeOptions: { rows: 4 },
    default: '',
    required: true,
    placeholder: 'e.g. Your table is ready',
    description: 'What to say. *bold*, _italic_, ~struck~ and ```code``` look so in WhatsApp.',
    routing: { send: { type: 'body', property: 'text' } },
  },
  sendOptions({
    displayName: 'Link Preview',
    name: 'linkPreview',
    type: 'boolean',
    default: false,
    description: 'Whether to show title and picture of the first link in the text',
    routing: { send: { type: 'body', property: 'linkPreview' } },
  }),
]);
