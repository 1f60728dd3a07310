import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Get Status',
  value: 'getStatus',
  action: 'Get session status',
  description: 'Retrieve whether a session is connected to WhatsApp',
  routing: {
    request: { method: 'GET', url: '/api/status' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['session'], operation: ['getStatus'] } }, [
  actingSessionField,
]);
