import { byHand, fromList, picker } from '../../shared/pickers';

/** A message that waits for its time; part of the path. */
export const scheduledMessageField = picker(
  { displayName: 'Message', name: 'messageId', description: 'The message that waits for its time, or did' },
  [fromList('searchScheduledMessages', 'Select a scheduled message...'), byHand('By ID', 'id', '100000')],
);
