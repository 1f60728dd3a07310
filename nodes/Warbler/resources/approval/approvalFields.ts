import type { INodeProperties } from 'n8n-workflow';

/** Names an approval; part of the path. */
export const approvalField: INodeProperties = {
  displayName: 'Approval ID',
  name: 'approvalId',
  type: 'string',
  default: '',
  required: true,
  placeholder: 'e.g. 7',
  description: 'The ID in the event of the requested approval, or from Get Many',
};

export const APPROVAL_URL = '/api/approvals/{{ encodeURIComponent($parameter["approvalId"]) }}';

/** The words of whoever decides; `description` says who reads them. */
export const noteField = (description: string): INodeProperties => ({
  displayName: 'Options',
  name: 'options',
  type: 'collection',
  placeholder: 'Add Option',
  default: {},
  options: [
    {
      displayName: 'Note',
      name: 'note',
      type: 'string',
      typeOptions: { rows: 2 },
      default: '',
      placeholder: 'e.g. Please ask the customer first',
      description,
      routing: { send: { type: 'body', property: 'note', value: '={{ $value || undefined }}' } },
    },
  ],
});
