import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';
import { ask } from '../shared/engine';

interface Session {
  id: number;
  name: string;
  phone_number: string;
  status: string;
}

/** Fills the session list. A list that cannot be read throws: an empty one means that there are no sessions. */
export async function searchSessions(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
  const { body } = await ask.call(this, { method: 'GET', path: '/api/whatsapp-sessions' });
  const { data } = body as { data: Session[] };
  const wanted = filter.trim().toLowerCase();
  return {
    results: data
      .map(({ id, name, phone_number: phone, status }) => ({
        name: `${name} (${phone}, ${status.toLowerCase().replaceAll('_', ' ')})`,
        value: String(id),
      }))
      .filter(({ name }) => name.toLowerCase().includes(wanted)),
  };
}
