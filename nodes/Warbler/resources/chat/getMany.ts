import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { manyFields, paginated } from '../../shared/pages';

export const option: INodePropertyOptions = {
  name: 'Get Many',
  value: 'getMany',
  action: 'Get many chats',
  description: 'Retrieve the chats of an account, the one with the newest message first',
  routing: {
    request: { method: 'GET', url: '/api/chats' },
    ...paginated,
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['chat'], operation: ['getMany'] } }, [
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
        displayName: 'Kind',
        name: 'kind',
        type: 'options',
        options: [
          { name: 'Channel', value: 'channel' },
          { name: 'Direct', value: 'direct', description: 'With one person' },
          { name: 'Group', value: 'group' },
        ],
        default: 'direct',
        description: 'Which chats to return',
        routing: { send: { type: 'query', property: 'kind' } },
      },
      {
        displayName: 'Search',
        name: 'search',
        type: 'string',
        default: '',
        placeholder: 'e.g. Nathan',
        description: 'Part of the name or the number',
        routing: { send: { type: 'query', property: 'search', value: '={{ $value || undefined }}' } },
      },
    ],
  },
]);
