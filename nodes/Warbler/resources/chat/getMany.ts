import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, searchFilter } from '../../shared/fields';
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
  searchFilter('Nathan', 'Part of the name or the number', {
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
  }),
]);
