import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, messageField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'Star',
  value: 'star',
  action: 'Star message',
  description: 'Star a message on this account, or take the star away',
  routing: {
    request: { method: 'POST', url: '=/api/messages/{{ encodeURIComponent($parameter["messageId"]) }}/star' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['star'] } }, [
  actingSessionField,
  messageField,
  {
    displayName: 'Starred',
    name: 'starred',
    type: 'boolean',
    default: true,
    description: 'Whether the message is to have a star; turn it off to take the star away',
    routing: { send: { type: 'body', property: 'starred' } },
  },
]);
