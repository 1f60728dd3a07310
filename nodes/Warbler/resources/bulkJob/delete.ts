import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { deletion } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { JOB_URL, jobField } from './jobFields';

export const option: INodePropertyOptions = {
  name: 'Delete',
  value: 'delete',
  action: 'Delete bulk job',
  description: 'Delete a bulk job that has ended; its messages stay',
  routing: {
    request: { method: 'DELETE', url: `=${JOB_URL}` },
    output: { postReceive: deletion },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['bulkJob'], operation: ['delete'] } }, [
  actingSessionField,
  jobField,
]);
