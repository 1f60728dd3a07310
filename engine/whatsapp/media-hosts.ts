import { getBinaryNodeChild, getBinaryNodeChildren, S_WHATSAPP_NET, type WASocket } from './baileys.ts';
import { query } from './query.ts';

/** Where files are uploaded to, and the token for it. */
export interface MediaHosts {
  hosts: string[];
  auth: string;
}

/** By connection: what WhatsApp has answered, and until when it holds, in Unix milliseconds. */
const known = new WeakMap<WASocket, MediaHosts & { until: number }>();

/**
 * Asks WhatsApp where files go, unless it has said so on this connection and not long ago; `anew` asks in any case.
 * Baileys' own function keeps a refusal, too: after the first one nothing is uploaded on that connection any more.
 */
export async function mediaHosts(wa: WASocket, anew: boolean): Promise<MediaHosts> {
  const before = known.get(wa);
  if (before && !anew && Date.now() < before.until) return before;
  const answer = await query(wa, { to: S_WHATSAPP_NET, type: 'set', xmlns: 'w:m' }, [{ tag: 'media_conn', attrs: {} }]);
  const found = getBinaryNodeChild(answer, 'media_conn');
  const hosts = getBinaryNodeChildren(found, 'host').flatMap(({ attrs }) => attrs['hostname'] ?? []);
  const { auth = '', ttl = '0' } = found?.attrs ?? {};
  const now = { hosts, auth, until: Date.now() + (Number(ttl) || 0) * 1000 };
  known.set(wa, now);
  return now;
}
