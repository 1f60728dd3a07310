import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Get User',
  value: 'getUser',
  action: 'Get session user',
  description: 'Retrieve the WhatsApp account that a session is logged in to',
  routing: {
    request: { method: 'GET', url: '/api/user' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['session'], operation: ['getUser'] } }, [
  actingSessionField,
]);
