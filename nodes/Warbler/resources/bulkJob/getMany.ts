import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, statusFilter } from '../../shared/fields';
import { manyFields, paginatedLog } from '../../shared/pages';

export const option: INodePropertyOptions = {
  name: 'Get Many',
  value: 'getMany',
  action: 'Get many bulk jobs',
  description: 'Retrieve the bulk jobs of an account, the latest first',
  routing: {
    request: { method: 'GET', url: '/api/bulk-jobs' },
    ...paginatedLog,
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['bulkJob'], operation: ['getMany'] } }, [
  actingSessionField,
  ...manyFields,
  statusFilter('cancelled', [
    { name: 'Cancelled', value: 'cancelled' },
    { name: 'Completed', value: 'completed' },
    { name: 'Paused', value: 'paused' },
    { name: 'Ready', value: 'ready' },
    { name: 'Running', value: 'running' },
  ]),
]);
