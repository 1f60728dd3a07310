import type { Store } from '../store/store.ts';
import type { Caller } from './access.ts';

/** Ids of the sessions that somebody may use. */
export async function sessionsOf(store: Store, { token, session }: Caller): Promise<number[]> {
  if (session) return [session.id];
  const ids = (await store.sessions.list()).map(({ id }) => id);
  const { sessions } = token.scope ?? {};
  return sessions ? ids.filter((id) => sessions.includes(id)) : ids;
}
