import type { IDataObject, ILoadOptionsFunctions, INodeListSearchItems, INodeListSearchResult } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';
import { ask } from '../shared/engine';

const PAGE_SIZE = 100;

/** The session that the node has been given: lists of people and groups are that account's. */
export function chosenSession(context: ILoadOptionsFunctions): string {
  const session = context.getCurrentNodeParameter('session', { extractValue: true });
  if (session) return String(session);
  throw new NodeOperationError(context.getNode(), 'Choose a session first', {
    description: 'This list belongs to a WhatsApp account: the one of the session.',
  });
}

async function dataOf(context: ILoadOptionsFunctions, path: string): Promise<unknown> {
  const { body } = await ask.call(context, { method: 'GET', path, session: chosenSession(context) });
  return (body as { data: unknown }).data;
}

/** How a person is shown: by name and number, as far as they are known. */
export function personIn(name: string | null | undefined, jid: string): string {
  const phone = jid.replace(/@s\.whatsapp\.net$/, '').replace(/^(\d+)$/, '+$1');
  return name ? `${name} (${phone})` : phone;
}

/** A whole list of the session, as the engine has it, filtered by what shows. */
export async function entriesOf<T extends IDataObject>(
  context: ILoadOptionsFunctions,
  path: string,
  filter: string,
  show: (entry: T) => INodeListSearchItems,
): Promise<INodeListSearchItems[]> {
  const entries = (await dataOf(context, path)) as T[];
  return fitting(entries.map(show), filter).sort((one, other) => one.name.localeCompare(other.name));
}

/**
 * Entries of a log that the engine pages and does not search: the first page from `page` on in which something fits.
 * What they are shown as is what is searched.
 */
export async function entriesOfLog<T extends IDataObject>(
  context: ILoadOptionsFunctions,
  path: string,
  { filter, page }: { filter: string; page: number },
  show: (entry: T) => INodeListSearchItems,
): Promise<INodeListSearchResult> {
  const asked = await dataOf(context, `${path}?page=${page}&per_page=${PAGE_SIZE}`);
  const { data, last_page: lastPage } = asked as { data: T[]; last_page: number };
  const results = fitting(data.map(show), filter);
  if (page >= lastPage) return { results };
  if (results.length === 0) return await entriesOfLog(context, path, { filter, page: page + 1 }, show);
  return { results, paginationToken: String(page + 1) };
}

const fitting = (entries: INodeListSearchItems[], filter: string) =>
  entries.filter(({ name, value }) => `${name} ${value}`.toLowerCase().includes(filter.trim().toLowerCase()));

/** One page of a list that may be too long for the editor; the engine filters. `page` is the number of this page. */
export async function pageOf<T extends IDataObject>(
  context: ILoadOptionsFunctions,
  path: string,
  { filter, page }: { filter: string; page: number },
  show: (entry: T) => INodeListSearchItems,
): Promise<INodeListSearchResult> {
  const search = filter.trim() === '' ? '' : `&search=${encodeURIComponent(filter.trim())}`;
  const query = `?paginated=true&page=${page}&limit=${PAGE_SIZE}${search}`;
  const { items, pagination } = (await dataOf(context, path + query)) as {
    items: T[];
    pagination: { totalPages: number };
  };
  const hasMore = page < pagination.totalPages;
  return { results: items.map(show), ...(hasMore && { paginationToken: String(page + 1) }) };
}
