import type { INodeProperties } from 'n8n-workflow';

/** Names an inquiry; part of the path. */
export const inquiryField: INodeProperties = {
  displayName: 'Inquiry ID',
  name: 'inquiryId',
  type: 'string',
  default: '',
  required: true,
  placeholder: 'e.g. inq_4c1f0a9b7d2e83566a0b91de',
  description: 'The ID of the question that waits for an answer, from its event or from Get Many',
};

export const INQUIRY_URL = '/api/inquiries/{{ encodeURIComponent($parameter["inquiryId"]) }}';
