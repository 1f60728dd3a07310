import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField } from '../../shared/fields';
import { JOB_URL, jobField } from './jobFields';

export const option: INodePropertyOptions = {
  name: 'Cancel',
  value: 'cancel',
  action: 'Cancel bulk job',
  description: 'End a bulk job; what has not left yet is not sent',
  routing: {
    request: { method: 'POST', url: `=${JOB_URL}/cancel` },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['bulkJob'], operation: ['cancel'] } }, [
  actingSessionField,
  jobField,
]);
