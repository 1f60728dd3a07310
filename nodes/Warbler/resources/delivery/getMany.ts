import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { sessionField } from '../../shared/fields';
import { manyFields, readOn } from '../../shared/pages';
import { simplify, simplifyField } from '../../shared/simplify';
import { webhookField } from '../webhook/webhookFields';
import { DELIVERIES_URL, DELIVERY_IN_SHORT } from './deliveryFields';

export const option: INodePropertyOptions = {
  name: 'Get Many',
  value: 'getMany',
  action: 'Get many deliveries',
  description: 'Retrieve what became of each event at each webhook, oldest first',
  routing: {
    request: { method: 'GET', url: `=${DELIVERIES_URL}` },
    ...readOn('after', 'id'),
    output: { postReceive: [...answer, simplify(DELIVERY_IN_SHORT)] },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['delivery'], operation: ['getMany'] } }, [
  sessionField,
  ...manyFields,
  simplifyField(true),
  {
    displayName: 'Filters',
    name: 'filters',
    type: 'collection',
    placeholder: 'Add Filter',
    default: {},
    options: [
      {
        displayName: 'Status',
        name: 'status',
        type: 'options',
        options: [
          { name: 'Delivered', value: 'delivered', description: 'Taken by the receiver' },
          { name: 'Failed', value: 'failed', description: 'Tried, and will be tried again' },
          { name: 'Parked', value: 'parked', description: 'Given up until somebody asks for it once more' },
          { name: 'Pending', value: 'pending', description: 'Not tried yet' },
        ],
        default: 'parked',
        description: 'Which ones to return',
        routing: { send: { type: 'query', property: 'status' } },
      },
      { ...webhookField, required: false, routing: { send: { type: 'query', property: 'webhookId' } } },
    ],
  },
]);
