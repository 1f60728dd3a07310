import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { WEBHOOK_URL, webhookField, webhookSessionField } from './webhookFields';

export const option: INodePropertyOptions = {
  name: 'Resume',
  value: 'resume',
  action: 'Resume webhook',
  description: 'Deliver again to a webhook that was parked because nobody listened at its URL',
  routing: {
    request: { method: 'POST', url: `=${WEBHOOK_URL}/resume` },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['webhook'], operation: ['resume'] } }, [
  webhookSessionField,
  webhookField,
]);
