import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { actingSessionField } from '../../shared/fields';
import { fileFields } from '../../shared/fileFields';
import { sendOptions, sendRouting, toField, viewOnce } from './sendFields';

export const option: INodePropertyOptions = {
  name: 'Send Audio',
  value: 'sendAudio',
  action: 'Send audio message',
  description: 'Send a voice note or an audio file',
  routing: sendRouting,
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['sendAudio'] } }, [
  actingSessionField,
  toField,
  ...fileFields('audio'),
  {
    displayName: 'Voice Note',
    name: 'voice',
    type: 'boolean',
    default: true,
    description: 'Whether to send it as a voice note, as if recorded in the chat, instead of as an audio file',
    routing: { send: { type: 'body', property: 'voice' } },
  },
  sendOptions(viewOnce),
]);
