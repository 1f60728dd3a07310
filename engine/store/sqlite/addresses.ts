import type { Addresses, Changed } from '../store.ts';
import type { Database, Row } from './database.ts';

/** Tables whose rows are found by either address of a person. */
export type AddressedTable = 'contacts' | 'chats' | 'opt_outs';

export function findByAddress(
  db: Database,
  table: AddressedTable,
  sessionId: number,
  address: string,
): Row | undefined {
  const column = address.endsWith('@lid') ? 'lid' : 'jid';
  return db.get(`SELECT * FROM ${table} WHERE session_id = ? AND ${column} = ?`, sessionId, address);
}

/**
 * The row of these addresses, with both of them in it. Two rows that turn out to be one person become one: what the
 * LID's row does not know, the number's row tells. A number that has gone to somebody else is taken from them.
 */
export function unite(
  db: Database,
  table: AddressedTable,
  sessionId: number,
  { jid, lid }: Addresses,
): Row | undefined {
  const byJid = jid === undefined ? undefined : findByAddress(db, table, sessionId, jid);
  const byLid = lid === undefined ? undefined : findByAddress(db, table, sessionId, lid);
  const row = byLid ?? byJid;
  if (!row) return undefined;
  if (byLid && byJid && byLid['id'] !== byJid['id']) {
    if (byJid['lid'] === null) db.run(`DELETE FROM ${table} WHERE id = ?`, Number(byJid['id']));
    else db.run(`UPDATE ${table} SET jid = NULL WHERE id = ?`, Number(byJid['id']));
  }
  const known: Row = { ...(byJid?.['lid'] === null && byJid), ...definedOf(row) };
  return { ...row, ...known, id: row['id'], jid: jid ?? row['jid'], lid: lid ?? row['lid'] };
}

const definedOf = (row: Row) => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));

/** What has changed, if anything has. */
export function changed<T extends object>(before: T | undefined, after: T): Changed<T> | undefined {
  const same = before && Object.entries(after).every(([field, value]) => before[field as keyof T] === value);
  return same ? undefined : { before, after };
}

/** `value` where something was told, else what was known. */
export const told = <T>(value: T | undefined, known: unknown): T | null =>
  value === undefined ? ((known ?? null) as T | null) : value;

/** Whether nothing is told but addresses. */
export function saysNothing(facts: Addresses): boolean {
  return Object.entries(facts).every(
    ([name, fact]) => name === 'jid' || name === 'lid' || name === 'pictureOnly' || (fact ?? false) === false,
  );
}
