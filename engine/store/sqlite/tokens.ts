import type { TokenScope } from '../../model.ts';
import type { Store, TokenRecord } from '../store.ts';
import type { Database, Row } from './database.ts';

export function tokens(db: Database): Store['tokens'] {
  return {
    async list() {
      return db.all('SELECT * FROM tokens ORDER BY id').map(toToken);
    },
    async put(name, hash, scope) {
      const row = db.get(
        `INSERT INTO tokens (name, hash, scope, created_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, scope = excluded.scope, created_at = excluded.created_at
         RETURNING *`,
        name,
        hash,
        scope ? JSON.stringify(scope) : null,
        Date.now(),
      );
      return toToken(row!);
    },
    async delete(name) {
      return db.run('DELETE FROM tokens WHERE name = ?', name).changes > 0;
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
  };
}
