import type { ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';
import { ask } from '../shared/engine';

interface Session {
  id: number;
  name: string;
  phone_number: string;
  status: string;
}

/** What tells sessions apart first, since the editor cuts off what is long; a status only where something is to do. */
const labelOf = ({ name, phone_number: phone }: Session, status: string) =>
  `${name} (${phone})${status === 'connected' ? '' : `, ${status}`}`;

/**
 * Fills the session list; searches names, numbers and statuses. A list that cannot be read throws: an empty one means
 * that there are no sessions.
 */
export async function searchSessions(this: ILoadOptionsFunctions, filter = ''): Promise<INodeListSearchResult> {
  const { body } = await ask.call(this, { method: 'GET', path: '/api/whatsapp-sessions' });
  const { data } = body as { data: Session[] };
  const wanted = filter.trim().toLowerCase();
  const shown = data.map((session) => {
    const status = session.status.toLowerCase().replaceAll('_', ' ');
    return { name: labelOf(session, status), value: String(session.id), status };
  });
  const found = shown.filter(({ name, status }) => `${name} ${status}`.toLowerCase().includes(wanted));
  return { results: found.map(({ name, value }) => ({ name, value })) };
}
