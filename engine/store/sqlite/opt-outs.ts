import type { OptOutRecord } from '../../model.ts';
import { isOptOut } from '../opt-out.ts';
import type { Addresses, NewMessage, Store } from '../store.ts';
import { findByAddress, unite } from './addresses.ts';
import { otherAddresses } from './contacts.ts';
import type { Database, Row } from './database.ts';

export function optOuts(db: Database): Store['optOuts'] {
  return {
    async list(sessionId, { offset, limit }) {
      const total = Number(db.get('SELECT count(*) AS total FROM opt_outs WHERE session_id = ?', sessionId)!['total']);
      const items = db
        .all('SELECT * FROM opt_outs WHERE session_id = ? ORDER BY id DESC LIMIT ? OFFSET ?', sessionId, limit, offset)
        .map(toOptOut);
      return { items, total };
    },
    async put(sessionId, person, about) {
      return db.transaction(() => putOptOut(db, sessionId, person, about));
    },
    async delete(sessionId, address) {
      return db.transaction(() => {
        const addresses = [address, otherAddresses(db, sessionId, [address]).get(address)];
        const ids = addresses.flatMap((one) => {
          const row = one === undefined ? undefined : findByAddress(db, 'opt_outs', sessionId, one);
          return row ? Number(row['id']) : [];
        });
        for (const id of ids) db.run('DELETE FROM opt_outs WHERE id = ?', id);
        return ids.length > 0;
      });
    },
    async among(sessionId, addresses) {
      const others = otherAddresses(db, sessionId, addresses);
      const asked = JSON.stringify([...addresses, ...others.values()]);
      const rows = db.all(
        `SELECT jid AS address FROM opt_outs WHERE session_id = ? AND jid IN (SELECT value FROM json_each(?))
         UNION SELECT lid FROM opt_outs WHERE session_id = ? AND lid IN (SELECT value FROM json_each(?))`,
        ...[sessionId, asked, sessionId, asked],
      );
      const listed = new Set(rows.map(({ address }) => address));
      return new Set(addresses.filter((one) => listed.has(one) || listed.has(others.get(one))));
    },
  };
}

function putOptOut(
  db: Database,
  sessionId: number,
  { jid, lid }: Addresses,
  { source, createdAt }: Pick<OptOutRecord, 'source' | 'createdAt'>,
): OptOutRecord {
  const other = (one: string | undefined) => one && otherAddresses(db, sessionId, [one]).get(one);
  const person = { jid: jid ?? other(lid), lid: lid ?? other(jid) };
  const known = unite(db, 'opt_outs', sessionId, person);
  if (known) {
    const both = [known['jid'] ?? null, known['lid'] ?? null] as (string | null)[];
    db.run('UPDATE opt_outs SET jid = ?, lid = ? WHERE id = ?', ...both, Number(known['id']));
    return toOptOut(known);
  }
  const row = db.get(
    'INSERT INTO opt_outs (session_id, jid, lid, source, created_at) VALUES (?, ?, ?, ?, ?) RETURNING *',
    ...[sessionId, person.jid ?? null, person.lid ?? null, source, createdAt],
  );
  return toOptOut(row!);
}

/** Who has just written one of the session's words for it is on the list from now on. */
export function keepOptOut(db: Database, sessionId: number, message: NewMessage): void {
  const { said, fromMe, about, chat, timestamp } = message;
  const isPrivate = chat.endsWith('@s.whatsapp.net') || chat.endsWith('@lid');
  if (!said || fromMe || about !== undefined || !isPrivate) return;
  const row = db.get("SELECT json_extract(settings, '$.opt_out_words') AS words FROM sessions WHERE id = ?", sessionId);
  const words = JSON.parse(String(row?.['words'] ?? '[]')) as string[];
  const { text, jid, lid } = said;
  if (isOptOut(text, words)) putOptOut(db, sessionId, { jid, lid }, { source: 'word', createdAt: timestamp });
}

function toOptOut(row: Row): OptOutRecord {
  return {
    jid: row['jid'] as string | null,
    lid: row['lid'] as string | null,
    source: row['source'] as OptOutRecord['source'],
    createdAt: Number(row['created_at']),
  };
}
