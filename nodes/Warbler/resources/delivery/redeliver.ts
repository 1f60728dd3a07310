import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { sessionField } from '../../shared/fields';
import { simplify, simplifyField } from '../../shared/simplify';
import { DELIVERIES_URL, DELIVERY_IN_SHORT } from './deliveryFields';

export const option: INodePropertyOptions = {
  name: 'Redeliver',
  value: 'redeliver',
  action: 'Redeliver event',
  description: 'Deliver an event once more to its webhook, under the same ID',
  routing: {
    request: {
      method: 'POST',
      url: `=${DELIVERIES_URL}/{{ encodeURIComponent($parameter["deliveryId"]) }}/redeliver`,
    },
    output: { postReceive: [...answer, simplify(DELIVERY_IN_SHORT)] },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['delivery'], operation: ['redeliver'] } }, [
  sessionField,
  {
    displayName: 'Delivery ID',
    name: 'deliveryId',
    type: 'string',
    default: '',
    required: true,
    placeholder: 'e.g. 902',
    description: 'The ID from Delivery: Get Many',
  },
  simplifyField(true),
]);
