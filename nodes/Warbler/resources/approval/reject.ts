import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { APPROVAL_URL, approvalField, noteField } from './approvalFields';

export const option: INodePropertyOptions = {
  name: 'Reject',
  value: 'reject',
  action: 'Reject call of AI agent',
  description: 'Refuse a call of an AI agent, which is told so',
  routing: {
    request: { method: 'POST', url: `=${APPROVAL_URL}/reject` },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['approval'], operation: ['reject'] } }, [
  approvalField,
  noteField('Told to the agent, for instance why not'),
]);
