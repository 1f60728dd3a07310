import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { WEBHOOK_URL, webhookField, webhookSessionField } from './webhookFields';

export const option: INodePropertyOptions = {
  name: 'Redeliver Parked',
  value: 'redeliverParked',
  action: 'Redeliver parked events of webhook',
  description: 'Deliver all events once more that were given up, in their order',
  routing: {
    request: { method: 'POST', url: `=${WEBHOOK_URL}/redeliver` },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['webhook'], operation: ['redeliverParked'] } }, [
  webhookSessionField,
  webhookField,
]);
