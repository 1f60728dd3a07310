import { listSearch as listening } from '../../WarblerTrigger/sessions';
import { searchBulkJobs } from './searchBulkJobs';
import { searchChannels } from './searchChannels';
import { searchChats } from './searchChats';
import { searchContacts } from './searchContacts';
import { searchGroups } from './searchGroups';
import { searchInquiries } from './searchInquiries';
import { searchMembers } from './searchMembers';
import { searchPolls } from './searchPolls';
import { searchRecipients } from './searchRecipients';
import { searchScheduledMessages } from './searchScheduledMessages';
import { searchSessions } from './searchSessions';
import { searchWebhooks } from './searchWebhooks';

/** Fills the lists that are chosen from. One file per list; a new one is imported above and named here. */
export const listSearch = {
  searchBulkJobs,
  searchChannels,
  searchChats,
  searchContacts,
  searchGroups,
  searchInquiries,
  searchListenedSessions: listening.searchSessions,
  searchMembers,
  searchPolls,
  searchRecipients,
  searchScheduledMessages,
  searchSessions,
  searchWebhooks,
};
