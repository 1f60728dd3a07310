import type { IDataObject, ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';
import { pageOf, personIn } from './entries';

interface Chat extends IDataObject {
  jid: string;
  name: string | null;
  kind: 'direct' | 'group' | 'channel' | 'status';
}

function show({ jid, name, kind }: Chat) {
  if (kind === 'direct') return { name: personIn(name, jid), value: jid };
  return { name: `${kind.charAt(0).toUpperCase()}${kind.slice(1)}: ${name ?? jid}`, value: jid };
}

/** Fills the list of chats, the most recent first. A list that cannot be read throws: an empty one means no chat. */
export async function searchChats(
  this: ILoadOptionsFunctions,
  filter = '',
  paginationToken = '1',
): Promise<INodeListSearchResult> {
  return await pageOf<Chat>(this, '/api/chats', { filter, page: Number(paginationToken) }, show);
}
