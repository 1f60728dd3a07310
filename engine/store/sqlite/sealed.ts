import { SealError, type Seal } from '../seal.ts';
import type { Database, Row } from './database.ts';

/** What each sealed value is bound to: moved to another row or column it does not open. */
export const places = {
  check: 'encryption-key',
  creds: (sessionId: number) => `creds:${sessionId}`,
  key: (sessionId: number, type: string, id: string) => `key:${sessionId}:${type}:${id}`,
  apiKey: (sessionId: number) => `session:${sessionId}:api_key`,
  webhookSecret: (sessionId: number) => `session:${sessionId}:webhook_secret`,
  proxyUrl: (sessionId: number) => `session:${sessionId}:proxy_url`,
  subscription: (id: string) => `subscription:${id}`,
  event: (id: string) => `event:${id}`,
  approval: (id: number) => `approval:${id}:answer`,
};

/** What is sealed there; undefined when it cannot be opened: damaged, or written under another key. */
export function readable(seal: Seal, value: unknown, place: string): string | undefined {
  try {
    return seal.open(value as Buffer, place).toString();
  } catch (error) {
    if (error instanceof SealError) return undefined;
    throw error;
  }
}

interface SealedColumn {
  table: string;
  column: string;
  /** What names a row, in the order of an index. */
  key: readonly string[];
  /** What else {@link place} is made of. */
  more?: readonly string[];
  place: (row: Row) => string;
  /** Which rows hold a sealed value; all of them unless said. */
  where?: string;
}

const id = (row: Row) => Number(row['id']);

/** Every column that holds sealed values: what a new key has to go through. */
export const SEALED: readonly SealedColumn[] = [
  { table: 'meta', column: 'value', key: ['name'], where: `name = '${places.check}'`, place: () => places.check },
  {
    table: 'auth_creds',
    column: 'sealed_value',
    key: ['session_id'],
    place: (row) => places.creds(Number(row['session_id'])),
  },
  {
    table: 'auth_keys',
    column: 'sealed_value',
    key: ['session_id', 'type', 'id'],
    place: (row) => places.key(Number(row['session_id']), String(row['type']), String(row['id'])),
  },
  { table: 'sessions', column: 'sealed_api_key', key: ['id'], place: (row) => places.apiKey(id(row)) },
  { table: 'sessions', column: 'sealed_webhook_secret', key: ['id'], place: (row) => places.webhookSecret(id(row)) },
  {
    table: 'sessions',
    column: 'sealed_proxy_url',
    key: ['id'],
    where: 'sealed_proxy_url IS NOT NULL',
    place: (row) => places.proxyUrl(id(row)),
  },
  {
    table: 'subscriptions',
    column: 'sealed_secret',
    key: ['id'],
    place: (row) => places.subscription(String(row['id'])),
  },
  // Only those of events that hold a secret; the others are text.
  {
    table: 'events',
    column: 'body',
    key: ['seq'],
    more: ['id'],
    where: "typeof(body) = 'blob'",
    place: (row) => places.event(String(row['id'])),
  },
  {
    table: 'approvals',
    column: 'answer',
    key: ['id'],
    where: "typeof(answer) = 'blob'",
    place: (row) => places.approval(id(row)),
  },
];

/** So many rows are in memory at a time. */
const AT_ONCE = 500;

/**
 * Seals every value anew, within the caller's transaction; answers how many. What the old key does not open (a damaged
 * row) stays as it is, for nobody can read it either way.
 */
export function reseal(db: Database, from: Seal, to: Seal): { sealed: number; unreadable: number } {
  const done = { sealed: 0, unreadable: 0 };
  for (const one of SEALED) {
    const { table, column, key } = one;
    for (const row of rowsOf(db, one)) {
      const place = one.place(row);
      const plain = from.tryOpen(row[column] as Buffer, place);
      if (!plain) {
        done.unreadable += 1;
        continue;
      }
      db.run(
        `UPDATE ${table} SET ${column} = ? WHERE ${key.map((name) => `${name} = ?`).join(' AND ')}`,
        to.close(plain, place),
        ...valuesOf(row, key),
      );
      done.sealed += 1;
    }
  }
  return done;
}

/** The rows with a sealed value, a few at a time: there may be hundreds of thousands. */
function* rowsOf(db: Database, { table, column, key, more = [], where = 'true' }: SealedColumn): Generator<Row> {
  const names = key.join(', ');
  const select = (after: string) =>
    `SELECT ${[...key, ...more, column].join(', ')} FROM ${table} WHERE ${where} AND ${after}
     ORDER BY ${names} LIMIT ${AT_ONCE}`;
  let rows = db.all(select('true'));
  while (rows.length > 0) {
    yield* rows;
    const last = valuesOf(rows.at(-1)!, key);
    rows = db.all(select(`(${names}) > (${key.map(() => '?').join(', ')})`), ...last);
  }
}

const valuesOf = (row: Row, names: readonly string[]) => names.map((name) => row[name] as string | number);

/**
 * Seals what earlier versions kept in clear, once in the life of a database: addresses of proxies, and the QR codes in
 * the event log. Afterwards nothing of it is left in the file.
 */
export function sealWhatStoodOpen(db: Database, seal: Seal): void {
  if (db.get("SELECT 1 FROM meta WHERE name = 'sealed'")) return;
  db.transaction(() => {
    const proxies = db.all(
      "SELECT id, settings ->> '$.proxy_url' AS url FROM sessions WHERE settings ->> '$.proxy_url' IS NOT NULL",
    );
    for (const row of proxies) {
      db.run(
        "UPDATE sessions SET sealed_proxy_url = ?, settings = json_remove(settings, '$.proxy_url') WHERE id = ?",
        seal.close(Buffer.from(String(row['url'])), places.proxyUrl(id(row))),
        id(row),
      );
    }
    const codes = db.all("SELECT seq, id, body FROM events WHERE event = 'qrcode.updated' AND typeof(body) = 'text'");
    for (const row of codes) {
      db.run(
        'UPDATE events SET body = ? WHERE seq = ?',
        seal.close(Buffer.from(String(row['body'])), places.event(String(row['id']))),
        Number(row['seq']),
      );
    }
    const answers = db.all("SELECT id, answer FROM approvals WHERE typeof(answer) = 'text'");
    for (const row of answers) {
      db.run(
        'UPDATE approvals SET answer = ? WHERE id = ?',
        seal.close(Buffer.from(String(row['answer'])), places.approval(id(row))),
        id(row),
      );
    }
    db.run("INSERT INTO meta (name, value) VALUES ('sealed', x'')");
    if (proxies.length + codes.length + answers.length > 0) toBeWiped(db);
  });
}

/** Within a transaction: what it overwrites is to be gone from the disk as well. */
export function toBeWiped(db: Database): void {
  db.run("INSERT OR REPLACE INTO meta (name, value) VALUES ('to-wipe', x'')");
}

/**
 * Wipes what was to be wiped, also when the process that was to do it was killed. Answers whether nothing is left of it:
 * with too little room on the disk, that waits for the next start.
 */
export function wipe(db: Database): boolean {
  if (!db.get("SELECT 1 FROM meta WHERE name = 'to-wipe'")) return true;
  if (!db.rewrite()) return false;
  db.run("DELETE FROM meta WHERE name = 'to-wipe'");
  return true;
}
