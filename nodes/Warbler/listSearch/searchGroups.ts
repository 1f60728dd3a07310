import type { IDataObject, ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';
import { entriesOf } from './entries';

interface Group extends IDataObject {
  jid: string;
  name: string;
}

/** Fills the group list. A list that cannot be read throws: an empty one means that there are no groups. */
export async function searchGroups(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
  const results = await entriesOf<Group>(this, '/api/groups', filter, ({ jid, name }) => ({
    name: name || jid,
    value: jid,
  }));
  return { results };
}
