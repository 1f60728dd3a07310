import type { NewEvent } from '../../events.ts';
import { SealError, type Seal } from '../seal.ts';
import type { Addresses, Change, IdentityNews, PinnedIdentity, Store } from '../store.ts';
import type { Database, Row } from './database.ts';
import { places } from './sealed.ts';

export function auth(db: Database, seal: Seal): Store['auth'] {
  return {
    async creds(sessionId) {
      const row = db.get('SELECT sealed_value FROM auth_creds WHERE session_id = ?', sessionId);
      return row && opened(seal, row, places.creds(sessionId));
    },
    async keys(sessionId, type, ids) {
      const found: Record<string, Buffer | null> = {};
      for (const id of ids) {
        const value = readKey(db, seal, sessionId, type, id);
        if (value !== undefined) found[id] = value;
      }
      return found;
    },
    async clear(sessionId) {
      db.transaction(() => {
        db.run('DELETE FROM auth_creds WHERE session_id = ?', sessionId);
        db.run('DELETE FROM auth_keys WHERE session_id = ?', sessionId);
        db.run('DELETE FROM answers WHERE session_id = ?', sessionId);
      });
    },
  };
}

function opened(seal: Seal, row: Row, place: string): Buffer | null {
  try {
    return seal.open(row['sealed_value'] as Buffer, place);
  } catch (error) {
    if (error instanceof SealError) return null;
    throw error;
  }
}

/** The login's part of a commit. */
export function writeAuth(db: Database, seal: Seal, { sessionId, creds, keys = {} }: Change): void {
  if (creds) {
    db.run(
      `INSERT INTO auth_creds (session_id, sealed_value) VALUES (?, ?)
       ON CONFLICT (session_id) DO UPDATE SET sealed_value = excluded.sealed_value`,
      sessionId,
      seal.close(creds, places.creds(sessionId)),
    );
  }
  for (const [type, values] of Object.entries(keys)) {
    for (const [id, value] of Object.entries(values)) writeKey(db, seal, sessionId, type, id, value);
  }
}

/** The type of the keys under which identities are pinned; Baileys has none of this name. */
const IDENTITY = 'identity';

/** Pins what has become known of a person's identity; answers the events of that. */
export function pinIdentity(db: Database, seal: Seal, sessionId: number, { jid, lid, next }: IdentityNews): NewEvent[] {
  const whose = bothOf(db, sessionId, { jid, lid });
  const addresses = [whose.lid, whose.jid].filter((address) => address !== undefined);
  const found = addresses.map((id) => readKey(db, seal, sessionId, IDENTITY, id)).find((value) => Boolean(value));
  const news = next(found ? (JSON.parse(found.toString()) as PinnedIdentity) : undefined, whose);
  if (!news) return [];
  const [name, ...others] = addresses;
  writeKey(db, seal, sessionId, IDENTITY, name!, Buffer.from(JSON.stringify(news.pinned)));
  // It may have been pinned to the number before the LID was known.
  for (const other of others) writeKey(db, seal, sessionId, IDENTITY, other, null);
  return news.events;
}

/** A person's addresses as far as they are known. */
function bothOf(db: Database, sessionId: number, { jid, lid }: Addresses): Addresses {
  const phone = jid?.split('@')[0];
  const row = lid
    ? db.get('SELECT lid, phone FROM pairs WHERE session_id = ? AND lid = ?', sessionId, lid)
    : db.get('SELECT lid, phone FROM pairs WHERE session_id = ? AND phone = ?', sessionId, phone ?? '');
  if (!row) return { jid, lid };
  return { jid: jid ?? `${String(row['phone'])}@s.whatsapp.net`, lid: lid ?? String(row['lid']) };
}

function readKey(db: Database, seal: Seal, sessionId: number, type: string, id: string): Buffer | null | undefined {
  const row = db.get(
    'SELECT sealed_value FROM auth_keys WHERE session_id = ? AND type = ? AND id = ?',
    ...[sessionId, type, id],
  );
  return row && opened(seal, row, places.key(sessionId, type, id));
}

function writeKey(db: Database, seal: Seal, sessionId: number, type: string, id: string, value: Buffer | null): void {
  if (value === null) {
    db.run('DELETE FROM auth_keys WHERE session_id = ? AND type = ? AND id = ?', sessionId, type, id);
    return;
  }
  db.run(
    `INSERT INTO auth_keys (session_id, type, id, sealed_value) VALUES (?, ?, ?, ?)
     ON CONFLICT (session_id, type, id) DO UPDATE SET sealed_value = excluded.sealed_value`,
    sessionId,
    type,
    id,
    seal.close(value, places.key(sessionId, type, id)),
  );
}
