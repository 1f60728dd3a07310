import type { INodeProperties } from 'n8n-workflow';

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
