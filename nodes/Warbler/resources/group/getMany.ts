import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { manyFields, paginated } from '../../shared/pages';

export const option: INodePropertyOptions = {
  name: 'Get Many',
  value: 'getMany',
  action: 'Get many groups',
  description: 'Retrieve the groups that an account is a member of',
  routing: {
    request: { method: 'GET', url: '/api/groups' },
    ...paginated,
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['group'], operation: ['getMany'] } }, [
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
        placeholder: 'e.g. Family',
        description: 'Part of the name',
        routing: { send: { type: 'query', property: 'search', value: '={{ $value || undefined }}' } },
      },
    ],
  },
]);
