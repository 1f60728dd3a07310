import type { IDataObject, ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';
import { chosenSession, entriesOf } from './entries';

interface Webhook extends IDataObject {
  id: string;
  url: string;
  state: string;
}

/** Fills the list of who gets the events of the session. A list that cannot be read throws. */
export async function searchWebhooks(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
  const path = `/api/whatsapp-sessions/${encodeURIComponent(chosenSession(this))}/webhooks`;
  const results = await entriesOf<Webhook>(this, path, filter, ({ id, url, state }) => ({
    name: `${url} (${state})`,
    value: id,
  }));
  return { results };
}
