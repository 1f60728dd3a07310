import { byHand, fromList, picker } from '../../shared/pickers';

/** A poll; part of the path. */
export const pollField = picker(
  {
    displayName: 'Poll',
    name: 'messageId',
    description: 'The poll: from the list one that this account has sent, by its ID also one of others',
  },
  [fromList('searchPolls', 'Select a poll that was sent...'), byHand('By ID', 'id', '100000')],
);
