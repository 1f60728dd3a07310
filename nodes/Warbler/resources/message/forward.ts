import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, messageField } from '../../shared/fields';
import { toField, waitForWhatsApp } from './sendFields';

export const option: INodePropertyOptions = {
  name: 'Forward',
  value: 'forward',
  action: 'Forward message',
  description: 'Send a message on to another chat',
  routing: {
    request: { method: 'POST', url: '=/api/messages/{{ encodeURIComponent($parameter["messageId"]) }}/forward' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['forward'] } }, [
  actingSessionField,
  messageField,
  toField,
  {
    displayName: 'Options',
    name: 'options',
    type: 'collection',
    placeholder: 'Add Option',
    default: {},
    options: [waitForWhatsApp],
  },
]);
