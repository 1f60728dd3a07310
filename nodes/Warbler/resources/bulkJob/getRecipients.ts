import type { INodePropertyOptions } from 'n8n-workflow';
import { updateDisplayOptions } from 'n8n-workflow';
import { answer } from '../../shared/answers';
import { actingSessionField, statusFilter } from '../../shared/fields';
import { manyFields, paginatedLog } from '../../shared/pages';
import { JOB_URL, jobField } from './jobFields';

export const option: INodePropertyOptions = {
  name: 'Get Recipients',
  value: 'getRecipients',
  action: 'Get recipients of bulk job',
  description: 'Retrieve the recipients of a bulk job with what has become of each',
  routing: {
    request: { method: 'GET', url: `=${JOB_URL}/recipients` },
    ...paginatedLog,
    output: { postReceive: answer },
  },
};

export const description = updateDisplayOptions({ show: { resource: ['bulkJob'], operation: ['getRecipients'] } }, [
  actingSessionField,
  jobField,
  ...manyFields,
  statusFilter('cancelled', [
    { name: 'Cancelled', value: 'cancelled', description: 'The job was, before the message left' },
    { name: 'Delivered', value: 'delivered' },
    { name: 'Failed', value: 'failed' },
    { name: 'Pending', value: 'pending', description: 'Not written to yet' },
    { name: 'Queued', value: 'queued', description: 'On the way to WhatsApp' },
    { name: 'Read', value: 'read' },
    { name: 'Sent', value: 'sent', description: 'Taken by WhatsApp' },
    {
      name: 'Skipped',
      value: 'skipped',
      description: 'Left out: a duplicate, no number, opted out, or a value missing',
    },
  ]),
]);
