import type { ILoadOptionsFunctions, INodeListSearchItems, INodeListSearchResult } from 'n8n-workflow';
import { searchChannels } from './searchChannels';
import { searchChats } from './searchChats';
import { searchContacts } from './searchContacts';
import { searchGroups } from './searchGroups';

/** Recent chats stand on top; of so many the rest of the list is still in sight. */
const MOST_RECENT = 10;

const called = (what: string) => (entry: INodeListSearchItems) => ({ ...entry, name: `${what}: ${entry.name}` });

/**
 * Fills the list of everything that can be written to: the most recent chats, then groups and channels, of which an
 * account has few, before the first page of contacts; then page after page of contacts. Nobody is in it twice.
 */
export async function searchRecipients(
  this: ILoadOptionsFunctions,
  filter = '',
  paginationToken = '1',
): Promise<INodeListSearchResult> {
  const recent = (await searchChats.call(this, filter)).results.slice(0, MOST_RECENT);
  const others = (entries: INodeListSearchItems[]) =>
    entries.filter(({ value }) => !recent.some((chat) => chat.value === value));
  const contacts = await searchContacts.call(this, filter, paginationToken);
  if (paginationToken !== '1') return { ...contacts, results: others(contacts.results) };
  const groups = await searchGroups.call(this, filter);
  const channels = await searchChannels.call(this, filter);
  const rooms = [...groups.results.map(called('Group')), ...channels.results.map(called('Channel'))];
  return { ...contacts, results: [...recent, ...others([...rooms, ...contacts.results])] };
}
