import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { JOB_URL, jobField } from './jobFields';

export const option: INodePropertyOptions = {
  name: 'Get',
  value: 'get',
  action: 'Get bulk job',
  description: 'Retrieve how a bulk job stands, and when it will be through',
  routing: {
    request: { method: 'GET', url: `=${JOB_URL}` },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['bulkJob'], operation: ['get'] } }, [
  actingSessionField,
  jobField,
]);
