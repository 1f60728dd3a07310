import type { TokenScope } from '../../model.ts';
import type { Store, TokenRecord } from '../store.ts';
import type { Database, Row } from './database.ts';

export function tokens(db: Database): Store['tokens'] {
  /** Those of a condition, with what was counted for them. */
  const remove = (where: string, value: string | number): number =>
    db.transaction(() => {
      db.run(`DELETE FROM counters WHERE scope IN (SELECT 'token:' || id FROM tokens WHERE ${where})`, value);
      return db.run(`DELETE FROM tokens WHERE ${where}`, value).changes;
    });
  return {
    async list() {
      return db.all('SELECT * FROM tokens ORDER BY id').map(toToken);
    },
    async put(name, hash, { scope, expiresAt } = {}) {
      const row = db.get(
        `INSERT INTO tokens (name, hash, scope, created_at, expires_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, scope = excluded.scope, expires_at = excluded.expires_at,
           created_at = iif(hash = excluded.hash, created_at, excluded.created_at),
           last_used_at = iif(hash = excluded.hash, last_used_at, NULL)
         RETURNING *`,
        name,
        hash,
        scope ? JSON.stringify(scope) : null,
        db.now(),
        expiresAt ?? null,
      );
      return toToken(row!);
    },
    async delete(name) {
      return remove('name = ?', name) > 0;
    },
    async used(id, at) {
      db.light(() => db.run('UPDATE tokens SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE id = ?', at, id));
    },
    async prune(before) {
      return remove('expires_at < ?', before);
    },
  };
}

function toToken(row: Row): TokenRecord {
  return {
    id: Number(row['id']),
    name: String(row['name']),
    hash: row['hash'] as Buffer,
    scope: row['scope'] === null ? null : (JSON.parse(String(row['scope'])) as TokenScope),
    createdAt: Number(row['created_at']),
    expiresAt: row['expires_at'] === null ? null : Number(row['expires_at']),
    lastUsedAt: row['last_used_at'] === null ? null : Number(row['last_used_at']),
  };
}
