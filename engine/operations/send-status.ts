import { MESSAGE_STATUS, type MessageRecord } from '../model.ts';

/** What has become of a message that was asked to be sent, in the words of the message log. */
export const SEND_STATUSES = ['scheduled', 'in_progress', 'sent', 'failed', 'cancelled'] as const;
export type SendStatus = (typeof SEND_STATUSES)[number];

export function statusOf({ send, status }: Pick<MessageRecord, 'send' | 'status'>): SendStatus {
  if (send === 'scheduled' || send === 'cancelled') return send;
  if (status === MESSAGE_STATUS.error) return 'failed';
  return status === MESSAGE_STATUS.pending ? 'in_progress' : 'sent';
}
