import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { deletion } from '../../shared/answers';
import { WEBHOOK_URL, webhookField, webhookSessionField } from './webhookFields';

export const option: INodePropertyOptions = {
  name: 'Delete',
  value: 'delete',
  action: 'Delete webhook',
  description: 'Stop posting events to a URL',
  routing: {
    request: { method: 'DELETE', url: `=${WEBHOOK_URL}` },
    output: { postReceive: deletion },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['webhook'], operation: ['delete'] } }, [
  webhookSessionField,
  webhookField,
]);
