import type { ILoadOptionsFunctions, INodeListSearchItems, INodeListSearchResult } from 'n8n-workflow';
import { searchChannels } from './searchChannels';
import { searchContacts } from './searchContacts';
import { searchGroups } from './searchGroups';

const called = (what: string) => (entry: INodeListSearchItems) => ({ ...entry, name: `${what}: ${entry.name}` });

/**
 * Fills the list of everything that can be written to: groups and channels, of which an account has few, before the
 * first page of contacts; then page after page of contacts.
 */
export async function searchRecipients(
  this: ILoadOptionsFunctions,
  filter = '',
  paginationToken = '1',
): Promise<INodeListSearchResult> {
  const contacts = await searchContacts.call(this, filter, paginationToken);
  if (paginationToken !== '1') return contacts;
  const groups = await searchGroups.call(this, filter);
  const channels = await searchChannels.call(this, filter);
  const rooms = [...groups.results.map(called('Group')), ...channels.results.map(called('Channel'))];
  return { ...contacts, results: [...rooms, ...contacts.results] };
}
