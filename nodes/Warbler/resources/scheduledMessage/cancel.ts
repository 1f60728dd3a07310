import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { scheduledMessageField } from './scheduledMessageField';

export const option: INodePropertyOptions = {
  name: 'Cancel',
  value: 'cancel',
  action: 'Cancel scheduled message',
  description: 'Keep a message that waits for its time from ever being sent',
  routing: {
    request: { method: 'DELETE', url: '=/api/scheduled-messages/{{ encodeURIComponent($parameter["messageId"]) }}' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['scheduledMessage'], operation: ['cancel'] } }, [
  actingSessionField,
  scheduledMessageField,
]);
