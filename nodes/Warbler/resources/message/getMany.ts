import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, chatField } from '../../shared/fields';
import { manyFields, readOn } from '../../shared/pages';

export const option: INodePropertyOptions = {
  name: 'Get Many',
  value: 'getMany',
  action: 'Get many messages',
  description: 'Retrieve the messages of a chat, or of all chats, newest first, sent and received',
  routing: {
    request: { method: 'GET', url: '/api/messages' },
    ...readOn('before', 'msgId'),
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['getMany'] } }, [
  actingSessionField,
  ...manyFields,
  {
    displayName: 'Filters',
    name: 'filters',
    type: 'collection',
    placeholder: 'Add Filter',
    default: {},
    options: [
      {
        displayName: 'Before',
        name: 'before',
        type: 'number',
        typeOptions: { minValue: 1 },
        default: 1,
        description: 'Only messages that are older than the one with this msgId',
        routing: { send: { type: 'query', property: 'before' } },
      },
      { ...chatField, required: false, routing: { send: { type: 'query', property: 'chat' } } },
    ],
  },
]);
