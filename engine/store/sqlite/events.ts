import { randomBytes } from 'node:crypto';
import type { EventEnvelope, NewEvent } from '../../events.ts';
import type { Committed, Store } from '../store.ts';
import type { Database } from './database.ts';

export function eventLog(db: Database): Store['events'] {
  return {
    async list(sessionId, { after, limit }) {
      return db
        .all(
          'SELECT seq, body FROM events WHERE session_id = ? AND seq > ? ORDER BY seq LIMIT ?',
          sessionId,
          after,
          limit,
        )
        .map(toEnvelope);
    },
    async prune(before) {
      db.run('DELETE FROM taken WHERE at < ?', before);
      return db.run(
        `DELETE FROM events WHERE created_at < ?
         AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.seq = events.seq AND d.status <> 'delivered')`,
        before,
      ).changes;
    },
  };
}

/** Appends an event and one delivery for each subscription that asked for it. */
export function appendEvent(
  db: Database,
  sessionId: number,
  event: NewEvent,
): { envelope: EventEnvelope; due: Committed['due'] } {
  const { lane, ...rest } = completed(db, sessionId, event);
  const now = Date.now();
  const body = { id: `evt_${randomBytes(12).toString('hex')}`, sessionId: String(sessionId), timestamp: now, ...rest };
  const { lastInsertRowid: seq } = db.run(
    'INSERT INTO events (id, session_id, event, lane, body, created_at) VALUES (?, ?, ?, ?, ?, ?)',
    body.id,
    sessionId,
    event.event,
    lane,
    JSON.stringify(body),
    now,
  );
  if (isIgnored(db, sessionId, event.jid)) return { envelope: envelope(seq, body), due: [] };
  const due = db
    .all(
      `INSERT INTO deliveries (subscription_id, seq, lane, next_attempt_at)
       SELECT s.id, ?, ?, ? FROM subscriptions s
       WHERE s.session_id = ? AND (s.expires_at IS NULL OR s.expires_at > ?)
         AND EXISTS (SELECT 1 FROM json_each(s.events) e WHERE e.value IN ('*', ?))
       RETURNING subscription_id`,
      seq,
      lane,
      now,
      sessionId,
      now,
      event.event,
    )
    .map((row) => ({ subscriptionId: String(row['subscription_id']), lane }));
  return { envelope: envelope(seq, body), due };
}

/** WhatsApp names a person by LID or by number; who is known by both is told by both. */
function completed(db: Database, sessionId: number, event: NewEvent): NewEvent {
  const { lid, phone } = event;
  if ((lid === undefined) === (phone === undefined)) return event;
  const known = lid
    ? db.get('SELECT lid, phone FROM pairs WHERE session_id = ? AND lid = ?', sessionId, lid)
    : db.get('SELECT lid, phone FROM pairs WHERE session_id = ? AND phone = ?', sessionId, phone!);
  return known ? { ...event, lid: String(known['lid']), phone: String(known['phone']) } : event;
}

/** By the end of a jid, the setting that keeps events about it from all webhooks. They stay in the event log. */
const IGNORED: [RegExp, 'ignore_groups' | 'ignore_channels' | 'ignore_broadcasts'][] = [
  [/@g\.us$/, 'ignore_groups'],
  [/@newsletter$/, 'ignore_channels'],
  [/@broadcast$/, 'ignore_broadcasts'],
];

function isIgnored(db: Database, sessionId: number, jid: string | undefined): boolean {
  const setting = IGNORED.find(([ending]) => jid !== undefined && ending.test(jid))?.[1];
  if (!setting) return false;
  const row = db.get(`SELECT json_extract(settings, '$.${setting}') AS ignored FROM sessions WHERE id = ?`, sessionId);
  return row?.['ignored'] === 1;
}

/** The one place that decides the order of an envelope's fields. */
function envelope(
  seq: number,
  { event, id, sessionId, timestamp, ...rest }: Omit<EventEnvelope, 'seq'>,
): EventEnvelope {
  return { event, id, seq, sessionId, timestamp, ...rest };
}

export function toEnvelope(row: Record<string, unknown>): EventEnvelope {
  return envelope(Number(row['seq']), JSON.parse(String(row['body'])) as Omit<EventEnvelope, 'seq'>);
}
