import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, messageField } from '../../shared/fields';

export const option: INodePropertyOptions = {
  name: 'React',
  value: 'react',
  action: 'React to message',
  description: 'React to a message with an emoji, or take the reaction back',
  routing: {
    request: { method: 'POST', url: '=/api/messages/{{ encodeURIComponent($parameter["messageId"]) }}/react' },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['react'] } }, [
  actingSessionField,
  messageField,
  {
    displayName: 'Emoji',
    name: 'emoji',
    type: 'string',
    default: '👍',
    placeholder: 'e.g. 👍',
    description: 'The emoji to react with. Leave it empty to take the reaction back.',
    routing: { send: { type: 'body', property: 'emoji' } },
  },
]);
