import { lidOf, phoneOf } from '../whatsapp/jid.ts';
import type { Store } from '../store/store.ts';

/** All addresses under which a chat or a person is known: WhatsApp names people by number today, by LID tomorrow. */
export async function addressesOf(store: Store, sessionId: number, jid: string): Promise<string[]> {
  if (phoneOf(jid) === undefined && lidOf(jid) === undefined) return [jid];
  const [contact, chat] = await Promise.all([store.contacts.get(sessionId, jid), store.chats.get(sessionId, jid)]);
  const known = [jid, contact?.jid, contact?.lid, chat?.jid, chat?.lid];
  return [...new Set(known.filter((address) => typeof address === 'string'))];
}
