import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';

/** Names a bulk job; part of the path. */
export const jobField: INodeProperties = {
  displayName: 'Bulk Job ID',
  name: 'bulkJobId',
  type: 'string',
  default: '',
  required: true,
  placeholder: 'e.g. 1',
  description: 'The ID that creating the job returned',
};

export const JOB_URL = '/api/bulk-jobs/{{ encodeURIComponent($parameter["bulkJobId"]) }}';

/** A choice of one status, of jobs or of recipients, in a collection of filters. */
export const statusFilter = (options: INodePropertyOptions[]): INodeProperties => ({
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
      options,
      default: 'cancelled',
      description: 'Which ones to return',
      routing: { send: { type: 'query', property: 'status' } },
    },
  ],
});
