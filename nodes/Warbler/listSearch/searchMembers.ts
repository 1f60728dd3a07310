import type { IDataObject, ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';
import { chosenSession, entriesOf, personIn } from './entries';

interface Member extends IDataObject {
  jid: string;
  admin?: string;
}

/** Fills the list of who is in the chosen group. A list that cannot be read throws. */
export async function searchMembers(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
  chosenSession(this);
  const group = this.getCurrentNodeParameter('group', { extractValue: true });
  if (!group) {
    throw new NodeOperationError(this.getNode(), 'Choose a group first', {
      description: 'This list is of the people who are in that group.',
    });
  }
  const path = `/api/groups/${encodeURIComponent(String(group))}/participants`;
  const results = await entriesOf<Member>(this, path, filter, ({ jid, admin }) => ({
    name: `${personIn(null, jid)}${admin ? ', admin' : ''}`,
    value: jid,
  }));
  return { results };
}
