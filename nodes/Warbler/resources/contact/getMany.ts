import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { manyFields, paginated } from '../../shared/pages';
import { simplify, simplifyField } from '../../shared/simplify';

export const option: INodePropertyOptions = {
  name: 'Get Many',
  value: 'getMany',
  action: 'Get many contacts',
  description: 'Retrieve the contacts of an account',
  routing: {
    request: { method: 'GET', url: '/api/contacts' },
    ...paginated,
    output: { postReceive: [...answer, simplify(['jid', 'lid', 'phone', 'name', 'notify'])] },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['contact'], operation: ['getMany'] } }, [
  actingSessionField,
  ...manyFields,
  simplifyField(false),
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
        placeholder: 'e.g. Nathan',
        description: 'Part of the name or the number',
        routing: { send: { type: 'query', property: 'search', value: '={{ $value || undefined }}' } },
      },
    ],
  },
]);
