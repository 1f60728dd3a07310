import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { simplify, simplifyField } from '../../shared/simplify';
import { WEBHOOK_IN_SHORT, WEBHOOK_URL, webhookField, webhookSessionField } from './webhookFields';

export const option: INodePropertyOptions = {
  name: 'Get',
  value: 'get',
  action: 'Get webhook',
  description: 'Retrieve a webhook, and whether its receiver takes events',
  routing: {
    request: { method: 'GET', url: `=${WEBHOOK_URL}` },
    output: { postReceive: [...answer, simplify(WEBHOOK_IN_SHORT)] },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['webhook'], operation: ['get'] } }, [
  webhookSessionField,
  webhookField,
  simplifyField(true),
]);
