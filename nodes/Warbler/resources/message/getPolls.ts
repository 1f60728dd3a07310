import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { manyFields, paginated } from '../../shared/pages';

export const option: INodePropertyOptions = {
  name: 'Get Polls',
  value: 'getPolls',
  action: 'Get polls sent as message',
  description: 'Retrieve the polls that this account has sent, newest first',
  routing: {
    request: { method: 'GET', url: '/api/polls' },
    ...paginated,
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['message'], operation: ['getPolls'] } }, [
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
        displayName: 'Search',
        name: 'search',
        type: 'string',
        default: '',
        placeholder: 'e.g. meet',
        description: 'Part of the question',
        routing: { send: { type: 'query', property: 'search', value: '={{ $value || undefined }}' } },
      },
    ],
  },
]);
