import type { Seal } from '../seal.ts';
import type { Change, Store } from '../store.ts';
import type { Database } from './database.ts';
import { places } from './sealed.ts';

export function auth(db: Database, seal: Seal): Store['auth'] {
  return {
    async creds(sessionId) {
      const row = db.get('SELECT sealed_value FROM auth_creds WHERE session_id = ?', sessionId);
      return row && seal.open(row['sealed_value'] as Buffer, places.creds(sessionId));
    },
    async keys(sessionId, type, ids) {
      const found: Record<string, Buffer> = {};
      for (const id of ids) {
        const row = db.get(
          'SELECT sealed_value FROM auth_keys WHERE session_id = ? AND type = ? AND id = ?',
          sessionId,
          type,
          id,
        );
        if (row) found[id] = seal.open(row['sealed_value'] as Buffer, places.key(sessionId, type, id));
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
