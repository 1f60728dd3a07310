import { join } from 'node:path';
import Libsql from 'libsql';
import { parsedKey } from '../../engine/config.ts';
import { Seal } from '../../engine/store/seal.ts';
import { places, SEALED } from '../../engine/store/sqlite/sealed.ts';
import { readFileSync } from 'node:fs';
import type { Secrets } from './disk.ts';

type Row = Record<string, unknown>;

const rows = (file: Libsql.Database, sql: string) =>
  (file.prepare(sql).all() as Row[]).map(
    (row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [name, value instanceof ArrayBuffer ? Buffer.from(value) : value]),
      ) as Row,
  );

/** Names under which Baileys and libsignal keep what nobody else may know. */
const PRIVATE = /(^|\.)(private|privKey|rootKey|seed|keyData|advSecretKey|chainKey\.key|messageKeys\.\d+|token)$/;

/** All private keys of all logins in a database: what whoever has them could read, and write, as the account. */
export function signalSecrets(folder: string): Secrets {
  const seal = new Seal(parsedKey(readFileSync(join(folder, 'encryption.key'), 'utf8').trim(), 'the key file'));
  const file = new Libsql(join(folder, 'warbler.db'));
  const secrets: Secrets = {};
  const collect = (of: string, sealed: Buffer, place: string) => {
    const value: unknown = JSON.parse(seal.open(sealed, place).toString());
    for (const [path, bytes] of secretsIn(value, '')) secrets[`${of}${path}`] = bytes;
  };
  for (const row of rows(file, 'SELECT * FROM auth_creds')) {
    const id = Number(row['session_id']);
    collect(`creds ${id}: `, row['sealed_value'] as Buffer, places.creds(id));
  }
  for (const row of rows(file, 'SELECT * FROM auth_keys')) {
    const [session, type, id] = [Number(row['session_id']), String(row['type']), String(row['id'])];
    collect(`${type} ${session} ${id}: `, row['sealed_value'] as Buffer, places.key(session, type, id));
  }
  file.close();
  return secrets;
}

/** What stands in the sealed columns of a table, as it is in the file. */
export function sealedIn(folder: string, where: string, tables = SEALED.map(({ table }) => table)): Secrets {
  const file = new Libsql(join(folder, 'warbler.db'));
  const values = SEALED.filter(({ table }) => tables.includes(table)).flatMap(
    ({ table, column, where: own = 'true' }) =>
      rows(file, `SELECT ${column} AS value FROM ${table} WHERE ${own} AND ${where} AND ${column} IS NOT NULL`).map(
        ({ value }, at) => [`${table}.${column} ${at}`, value as Buffer] as const,
      ),
  );
  file.close();
  return Object.fromEntries(values);
}

/** Baileys writes bytes as `{type: 'Buffer', data: base64}`, libsignal as base64; sender keys are JSON in bytes. */
function* secretsIn(value: unknown, path: string): Generator<[string, Buffer]> {
  if (typeof value === 'string' && PRIVATE.test(path)) {
    const bytes = Buffer.from(value, 'base64');
    if (bytes.length >= 16) yield [path, bytes];
  }
  if (typeof value !== 'object' || value === null) return;
  const { type, data } = value as { type?: unknown; data?: unknown };
  if (type === 'Buffer' && typeof data === 'string') {
    const bytes = Buffer.from(data, 'base64');
    if (PRIVATE.test(path) && bytes.length >= 16) yield [path, bytes];
    else if (bytes[0] === 0x5b || bytes[0] === 0x7b) yield* inner(bytes, path);
    return;
  }
  for (const [name, one] of Object.entries(value)) yield* secretsIn(one, path ? `${path}.${name}` : name);
}

function* inner(bytes: Buffer, path: string): Generator<[string, Buffer]> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return;
  }
  yield* secretsIn(value, path);
}
