import Libsql from 'libsql';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Reason, SessionStatus } from '../../model.ts';
import type { Seal } from '../seal.ts';
import type { Figures } from '../store.ts';
import { Database, isTaken, SCHEMA } from './database.ts';
import { figures } from './figures.ts';
import { places } from './sealed.ts';

/** What there is to know of a data folder from outside. */
export interface Inspection {
  /** An engine, or a command that changes something, has the folder. */
  taken: boolean;
  /** Migrations that the database has had, and those that there are. */
  schema: { found: number; known: number };
  /** Whether the database is under this key. */
  keyFits: boolean;
  /** With the schema that is known, and the right key. */
  contents?: {
    figures: Figures;
    sessions: { id: number; status: SessionStatus; reason: Reason | null; proxyUrl: string | null }[];
  };
}

/**
 * Looks at a data folder and changes nothing, also while an engine runs on it; `undefined`: there is no database.
 * Throws what SQLite says of a file that is none.
 */
export async function inspect(folder: string, seal: Seal): Promise<Inspection | undefined> {
  const path = join(folder, 'warbler.db');
  if (!existsSync(path)) return undefined;
  const db = Database.look(new Libsql(path, { readonly: true } as Libsql.Options));
  try {
    const schema = { found: Number(db.get('PRAGMA user_version')!['user_version']), known: SCHEMA };
    const check = db.get('SELECT value FROM meta WHERE name = ?', places.check)?.['value'];
    const keyFits = check === undefined || seal.tryOpen(check as Buffer, places.check) !== undefined;
    const answer = { taken: isTaken(folder), schema, keyFits };
    if (schema.found !== schema.known || !keyFits) return answer;
    const sessions = db.all('SELECT id, status, reason, sealed_proxy_url FROM sessions ORDER BY id').map((row) => {
      const [id, proxy] = [Number(row['id']), row['sealed_proxy_url'] as Buffer | null];
      return {
        id,
        status: row['status'] as SessionStatus,
        reason: row['reason'] === null ? null : (JSON.parse(String(row['reason'])) as Reason),
        proxyUrl: (proxy && seal.tryOpen(proxy, places.proxyUrl(id))?.toString()) ?? null,
      };
    });
    return { ...answer, contents: { figures: await figures(db, folder)(), sessions } };
  } finally {
    db.close();
  }
}
