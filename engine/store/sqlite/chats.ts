import { kindOf, MESSAGE_STATUS, type ChatRecord } from '../../model.ts';
import type { Changed, ChatFacts, Store } from '../store.ts';
import type { Database, Row } from './database.ts';
import { changed, findByAddress, saysNothing, told, unite } from './addresses.ts';
import { folded, otherAddresses } from './contacts.ts';

const NAME_OF_PERSON = 'SELECT coalesce(name, verified_name, notify) FROM contacts k WHERE k.session_id = c.session_id';
/** What a chat is shown under; NULL for one without a name. */
const SHOWN = `coalesce(c.name, (${NAME_OF_PERSON} AND k.jid = c.jid), (${NAME_OF_PERSON} AND k.lid = c.lid))`;

export function chats(db: Database): Store['chats'] {
  return {
    async get(sessionId, address) {
      const row = findByAddress(db, 'chats', sessionId, address);
      return row && toChat(row);
    },
    async list(sessionId, { search, kind }, { offset, limit } = { offset: 0, limit: Infinity }) {
      const inOrder = (shown: string, part: string) =>
        `SELECT id, jid, lid, ${shown} AS shown FROM chats c WHERE session_id = ? AND listed = 1
         ORDER BY last_message_at DESC, id DESC ${part}`;
      const shownAs = (ids: unknown[]) =>
        db
          .all(
            `SELECT c.*, ${SHOWN} AS shown FROM json_each(?) a CROSS JOIN chats c ON c.id = a.value ORDER BY a.key`,
            JSON.stringify(ids),
          )
          .map((row) => ({ ...toChat(row), name: row['shown'] as string | null }));
      if (!search && !kind) {
        const total = db.get('SELECT count(*) AS total FROM chats WHERE session_id = ? AND listed = 1', sessionId);
        const page = db.all(inOrder('NULL', 'LIMIT ? OFFSET ?'), sessionId, Math.min(limit, 2 ** 31), offset);
        return { items: shownAs(page.map(({ id }) => id)), total: Number(total!['total']) };
      }
      const found = db
        .all(inOrder(search ? SHOWN : 'NULL', ''), sessionId)
        .filter(({ jid, lid }) => !kind || kindOf(String(jid ?? lid)) === kind)
        .filter(search ? meantBy(search) : () => true);
      return { items: shownAs(found.slice(offset, offset + limit).map(({ id }) => id)), total: found.length };
    },
    async names(sessionId, addresses) {
      const rows = db.all(
        `SELECT a.value AS address, ${SHOWN} AS shown FROM json_each(?) a
         CROSS JOIN chats c ON c.session_id = ? AND (c.jid = a.value OR c.lid = a.value)`,
        ...[JSON.stringify(addresses), sessionId],
      );
      return new Map(rows.flatMap(({ address, shown }) => (shown ? [[String(address), String(shown)]] : [])));
    },
    async standing(sessionId, address, since) {
      if (findByAddress(db, 'chats', sessionId, address)) return 'open';
      const { jid = null, lid = null } = findByAddress(db, 'contacts', sessionId, address) ?? {};
      // What failed to be sent, or is not to be sent yet, has begun nothing.
      const row = db.get(
        `SELECT from_me = 0 OR status > ? AS open FROM messages
         WHERE session_id = ? AND chat IN (?, ?, ?) AND timestamp >= ? AND (from_me = 0 OR status <> ?)
         AND send NOT IN ('scheduled', 'cancelled') ORDER BY open DESC LIMIT 1`,
        ...[
          MESSAGE_STATUS.pending,
          sessionId,
          address,
          jid as string | null,
          lid as string | null,
          since,
          MESSAGE_STATUS.error,
        ],
      );
      return row ? (row['open'] === 1 ? 'open' : 'begun') : 'none';
    },
    async heardSince(sessionId, address, since) {
      const last = (chat: string) =>
        db.get(
          'SELECT timestamp FROM messages WHERE session_id = ? AND chat = ? AND from_me = 0 ORDER BY msg_id DESC LIMIT 1',
          ...[sessionId, chat],
        );
      const chats = [address, ...otherAddresses(db, sessionId, [address]).values()];
      return chats.some((chat) => Number(last(chat)?.['timestamp'] ?? -Infinity) >= since);
    },
    async pictures(sessionId) {
      const rows = db.all(
        'SELECT jid, img_url FROM chats WHERE session_id = ? AND img_url IS NOT NULL AND picture_changed = 0',
        sessionId,
      );
      return new Map(rows.map((row) => [String(row['jid']), String(row['img_url'])]));
    },
    async changedPictures(sessionId) {
      return db
        .all(
          `SELECT jid, lid FROM contacts WHERE session_id = ? AND picture_changed = 1
           UNION ALL SELECT jid, lid FROM chats WHERE session_id = ? AND picture_changed = 1`,
          sessionId,
          sessionId,
        )
        .map(({ jid, lid }) => ({
          ...(jid !== null && { jid: String(jid) }),
          ...(lid !== null && { lid: String(lid) }),
        }));
    },
  };
}

/** Whether somebody who looks for `search` may mean a chat. A LID says nothing to anybody: only all of it counts. */
function meantBy(search: string) {
  const sought = folded(search);
  return ({ jid, lid, shown }: Row): boolean => {
    const number = typeof jid === 'string' ? jid.split('@')[0]! : '';
    return [jid, lid].includes(search) || folded(`${String(shown ?? '')}\n${number}`).includes(sought);
  };
}

/** Notes what is news about a chat; `undefined` when nothing of it was. */
export function changeChat(db: Database, sessionId: number, facts: ChatFacts): Changed<ChatRecord> | undefined {
  const { jid, lid } = facts;
  if (jid === undefined && lid === undefined) return undefined;
  const row = unite(db, 'chats', sessionId, facts);
  if (!row && (facts.knownOnly || saysNothing(facts))) return undefined;
  const before = row?.['listed'] === 1 ? toChat(row) : undefined;
  const after: ChatRecord = {
    jid: told(jid, row?.['jid']),
    lid: told(lid, row?.['lid']),
    name: told(facts.name, row?.['name']),
    unreadCount: unreadOf(before?.unreadCount ?? 0, facts),
    lastMessageAt: later(before?.lastMessageAt ?? null, facts.lastMessageAt ?? null),
    archived: facts.archived ?? before?.archived ?? false,
    pinnedAt: told(facts.pinnedAt, row?.['pinned_at']),
    mutedUntil: told(facts.mutedUntil, row?.['muted_until']),
    imgUrl: told(facts.imgUrl, row?.['img_url']),
  };
  const pictureChanged = facts.pictureChanged ?? row?.['picture_changed'] === 1;
  write(db, sessionId, row, after, { pictureChanged, listed: before !== undefined || !facts.pictureOnly });
  return changed(before, after);
}

export function deleteChat(db: Database, sessionId: number, address: string): void {
  const column = address.endsWith('@lid') ? 'lid' : 'jid';
  db.run(`DELETE FROM chats WHERE session_id = ? AND ${column} = ?`, sessionId, address);
}

function unreadOf(known: number, { unreadCount, unreadMore }: ChatFacts): number {
  if (unreadCount !== undefined) return unreadCount;
  return unreadMore ? Math.max(known, 0) + unreadMore : known;
}

const later = (a: number | null, b: number | null) => (a === null || b === null ? (a ?? b) : Math.max(a, b));

function write(
  db: Database,
  sessionId: number,
  row: Row | undefined,
  chat: ChatRecord,
  { pictureChanged, listed }: { pictureChanged: boolean; listed: boolean },
): void {
  const { jid, lid, name, unreadCount, lastMessageAt, archived, pinnedAt, mutedUntil, imgUrl } = chat;
  const values = [
    ...[jid, lid, name, unreadCount, lastMessageAt, archived ? 1 : 0, pinnedAt, mutedUntil, imgUrl],
    pictureChanged ? 1 : 0,
    listed ? 1 : 0,
    Date.now(),
  ];
  if (row) {
    db.run(
      `UPDATE chats SET jid = ?, lid = ?, name = ?, unread_count = ?, last_message_at = ?, archived = ?, pinned_at = ?,
       muted_until = ?, img_url = ?, picture_changed = ?, listed = ?, updated_at = ? WHERE id = ?`,
      ...values,
      Number(row['id']),
    );
    return;
  }
  db.run(
    `INSERT INTO chats (jid, lid, name, unread_count, last_message_at, archived, pinned_at, muted_until, img_url,
     picture_changed, listed, updated_at, session_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...values,
    sessionId,
  );
}

function toChat(row: Row): ChatRecord {
  const number = (column: string) => (row[column] === null ? null : Number(row[column]));
  return {
    jid: row['jid'] as string | null,
    lid: row['lid'] as string | null,
    name: row['name'] as string | null,
    unreadCount: Number(row['unread_count']),
    lastMessageAt: number('last_message_at'),
    archived: row['archived'] === 1,
    pinnedAt: number('pinned_at'),
    mutedUntil: number('muted_until'),
    imgUrl: row['img_url'] as string | null,
  };
}
