import type { ILoadOptionsFunctions, INodeListSearchResult, INodeProperties } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';
import { searchContacts as contactsOf } from '../Warbler/listSearch/searchContacts';
import { searchRecipients as recipientsOf } from '../Warbler/listSearch/searchRecipients';
import { searchSessions as sessionsOf } from '../Warbler/listSearch/searchSessions';
import { sessionField } from '../Warbler/shared/fields';

/** Instead of a session's number: whatever sessions there are, and those that are made later. */
export const ALL = 'all';

/** Where the trigger listens: one session, or all of them. */
export const listenedField: INodeProperties = {
  ...sessionField,
  description: 'The WhatsApp account to listen to, or all of them',
  modes: sessionField.modes?.map((mode) =>
    mode.name === 'id'
      ? {
          ...mode,
          validation: [
            {
              type: 'regex',
              properties: {
                regex: `^(\\d+|${ALL})$`,
                errorMessage: 'A session ID is a number, for example 1; "all" stands for all sessions',
              },
            },
          ],
        }
      : mode,
  ),
};

/** Fills the session list, with all sessions before the single ones. */
async function searchSessions(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
  const { results } = await sessionsOf.call(this, filter);
  const all = { name: 'All Sessions', value: ALL };
  return { results: all.name.toLowerCase().includes(filter.trim().toLowerCase()) ? [all, ...results] : results };
}

type Search = (
  this: ILoadOptionsFunctions,
  filter?: string,
  paginationToken?: string,
) => Promise<INodeListSearchResult>;

/** People and chats are an account's: of all sessions together there is no list. */
const ofOneSession = (search: Search): Search =>
  async function (filter, paginationToken) {
    if (this.getCurrentNodeParameter('session', { extractValue: true }) !== ALL) {
      return await search.call(this, filter, paginationToken);
    }
    throw new NodeOperationError(this.getNode(), 'There is no list for all sessions', {
      description: 'Name them by phone number or JID, or choose one session.',
    });
  };

export const listSearch = {
  searchContacts: ofOneSession(contactsOf),
  searchRecipients: ofOneSession(recipientsOf),
  searchSessions,
};
