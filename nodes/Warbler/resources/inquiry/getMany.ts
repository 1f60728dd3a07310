import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, statusFilter } from '../../shared/fields';
import { manyFields, paginatedLog } from '../../shared/pages';

export const option: INodePropertyOptions = {
  name: 'Get Many',
  value: 'getMany',
  action: 'Get many inquiries',
  description: 'Retrieve the questions that wait or waited for an answer, the latest first',
  routing: {
    request: { method: 'GET', url: '/api/inquiries' },
    ...paginatedLog,
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['inquiry'], operation: ['getMany'] } }, [
  actingSessionField,
  ...manyFields,
  statusFilter('open', [
    { name: 'Answered', value: 'answered' },
    { name: 'Cancelled', value: 'cancelled' },
    { name: 'Expired', value: 'expired', description: 'Nobody has answered in time' },
    { name: 'Failed', value: 'failed', description: 'The question could not be sent, or the account changed' },
    { name: 'Open', value: 'open', description: 'Waits for an answer' },
  ]),
]);
