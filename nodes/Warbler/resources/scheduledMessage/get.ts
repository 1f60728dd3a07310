import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { scheduledMessageField } from './scheduledMessageField';

export const option: INodePropertyOptions = {
  name: 'Get',
  value: 'get',
  action: 'Get scheduled message',
  description: 'Retrieve a message that is or was scheduled',
  routing: {
    request: { method: 'GET', url: '=/api/scheduled-messages/{{ encodeURIComponent($parameter["messageId"]) }}' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['scheduledMessage'], operation: ['get'] } }, [
  actingSessionField,
  scheduledMessageField,
]);
