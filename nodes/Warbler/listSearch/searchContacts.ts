import type { IDataObject, ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';
import { pageOf, personIn } from './entries';

interface Contact extends IDataObject {
  jid: string;
  name?: string | null;
  notify?: string | null;
  verifiedName?: string | null;
}

function show({ jid, name, notify, verifiedName }: Contact) {
  return { name: personIn(name ?? notify ?? verifiedName, jid), value: jid };
}

/** Fills the contact list, page by page. A list that cannot be read throws: an empty one means that there is nobody. */
export async function searchContacts(
  this: ILoadOptionsFunctions,
  filter = '',
  paginationToken = '1',
): Promise<INodeListSearchResult> {
  return await pageOf<Contact>(this, '/api/contacts', { filter, page: Number(paginationToken) }, show);
}
