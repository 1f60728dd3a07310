import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { APPROVAL_URL, approvalField, noteField } from './approvalFields';

export const option: INodePropertyOptions = {
  name: 'Approve',
  value: 'approve',
  action: 'Approve call of AI agent',
  description: 'Let a call of an AI agent run, once',
  routing: {
    request: { method: 'POST', url: `=${APPROVAL_URL}/approve` },
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['approval'], operation: ['approve'] } }, [
  approvalField,
  noteField('Kept with the approval. The agent is not told.'),
]);
