import { byHand, fromList, picker } from '../../shared/pickers';

/** Names an inquiry; part of the path. */
export const inquiryField = picker(
  {
    displayName: 'Inquiry',
    name: 'inquiryId',
    description: 'The question that waits for an answer; its ID is also in its event',
  },
  [fromList('searchInquiries', 'Select a question...'), byHand('By ID', 'id', 'inq_4c1f0a9b7d2e83566a0b91de')],
);

export const INQUIRY_URL = '/api/inquiries/{{ encodeURIComponent($parameter["inquiryId"]) }}';
