import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { refuse } from '../../shared/errors';

export const option: INodePropertyOptions = {
  name: 'Get Many',
  value: 'getMany',
  action: 'Get many sessions',
  description: 'Retrieve the sessions of the engine',
  routing: {
    request: { method: 'GET', url: '/api/whatsapp-sessions' },
    output: { postReceive: [refuse, { type: 'rootProperty', properties: { property: 'data' } }] },
  },
};

const properties: INodeProperties[] = [
  {
    displayName: 'Return All',
    name: 'returnAll',
    type: 'boolean',
    default: false,
    description: 'Whether to return all results or only up to a given limit',
  },
  {
    displayName: 'Limit',
    name: 'limit',
    type: 'number',
    typeOptions: { minValue: 1 },
    default: 50,
    description: 'Max number of results to return',
    displayOptions: { show: { returnAll: [false] } },
    routing: { output: { maxResults: '={{ $value }}' } },
  },
];

export const description = updateDisplayOptions(
  { show: { resource: ['session'], operation: ['getMany'] } },
  properties,
);
