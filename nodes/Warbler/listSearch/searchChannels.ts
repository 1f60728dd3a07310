import type { IDataObject, ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';
import { entriesOf } from './entries';

interface Channel extends IDataObject {
  jid: string;
  name: string;
}

/** Fills the list of followed channels. A list that cannot be read throws: an empty one means that there are none. */
export async function searchChannels(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
  const results = await entriesOf<Channel>(this, '/api/channels', filter, ({ jid, name }) => ({
    name: name || jid,
    value: jid,
  }));
  return { results };
}
