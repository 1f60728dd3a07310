import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, messageField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Resend',
  value: 'resend',
  action: 'Resend message',
  description: 'Try again to send a message that could not be sent',
  routing: {
    request: { method: 'POST', url: '=/api/messages/{{ encodeURIComponent($parameter["messageId"]) }}/resend' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['resend'] } }, [
  actingSessionField,
  messageField,
]);
