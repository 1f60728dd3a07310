import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { JOB_URL, jobField } from './jobFields';

export const option: INodePropertyOptions = {
  name: 'Resume',
  value: 'resume',
  action: 'Resume bulk job',
  description: 'Start a bulk job, or go on with a paused one',
  routing: {
    request: { method: 'POST', url: `=${JOB_URL}/resume` },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['bulkJob'], operation: ['resume'] } }, [
  actingSessionField,
  jobField,
]);
