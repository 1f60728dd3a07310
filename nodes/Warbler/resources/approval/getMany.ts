import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { statusFilter } from '../../shared/fields';
import { manyFields, paginatedLog } from '../../shared/pages';

export const option: INodePropertyOptions = {
  name: 'Get Many',
  value: 'getMany',
  action: 'Get many approvals',
  description: 'Retrieve the calls of AI agents that need or needed an approval, the latest first',
  routing: {
    request: { method: 'GET', url: '/api/approvals' },
    ...paginatedLog,
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['approval'], operation: ['getMany'] } }, [
  ...manyFields,
  statusFilter('pending', [
    { name: 'Approved', value: 'approved', description: 'Runs as soon as the agent waits for it' },
    { name: 'Done', value: 'done', description: 'Was run, once' },
    { name: 'Expired', value: 'expired', description: 'Nobody decided in time, or the agent did not come back' },
    { name: 'Interrupted', value: 'interrupted', description: 'Had begun when the engine stopped' },
    { name: 'Pending', value: 'pending', description: 'Waits for a person' },
    { name: 'Rejected', value: 'rejected' },
    { name: 'Running', value: 'running' },
  ]),
]);
