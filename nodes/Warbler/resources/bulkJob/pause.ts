import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { JOB_URL, jobField } from './jobFields';

export const option: INodePropertyOptions = {
  name: 'Pause',
  value: 'pause',
  action: 'Pause bulk job',
  description: 'Stop sending until the job is resumed',
  routing: {
    request: { method: 'POST', url: `=${JOB_URL}/pause` },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['bulkJob'], operation: ['pause'] } }, [
  actingSessionField,
  jobField,
]);
