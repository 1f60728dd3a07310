import type { Store, TokenRecord } from '../store.ts';
import type { Database, Row } from './database.ts';

export function tokens(db: Database): Store['tokens'] {
  return {
    async list() {
      return db.all('SELECT * FROM tokens ORDER BY id').map(toToken);
    },
    async put(name, hash) {
      const row = db.get(
        `INSERT INTO tokens (name, hash, created_at) VALUES (?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, created_at = excluded.created_at RETURNING *`,
        name,
        hash,
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
    createdAt: Number(row['created_at']),
  };
}
