import type { IDataObject, ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';
import { ALL } from '../../WarblerTrigger/sessions';
import { chosenSession, entriesOf } from './entries';

interface Webhook extends IDataObject {
  id: string;
  url: string;
  state: string;
}

/** Fills the list of who gets the events of the session. A list that cannot be read throws. */
export async function searchWebhooks(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
  const session = chosenSession(this);
  const path = session === ALL ? '/api/webhooks' : `/api/whatsapp-sessions/${encodeURIComponent(session)}/webhooks`;
  const results = await entriesOf<Webhook>(this, path, filter, ({ id, url, state }) => ({
    name: `${url} (${state})`,
    value: id,
  }));
  return { results };
}
