import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { deletion } from '../../shared/answers';
import { actingSessionField, messageField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Delete',
  value: 'delete',
  action: 'Delete message',
  description: 'Delete a message for everyone in the chat',
  routing: {
    request: { method: 'DELETE', url: '=/api/messages/{{ encodeURIComponent($parameter["messageId"]) }}' },
    output: { postReceive: deletion },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['delete'] } }, [
  actingSessionField,
  messageField,
]);
