import { randomBytes } from 'node:crypto';
import type { EventEnvelope, NewEvent } from '../../events.ts';
import type { SessionSettings } from '../../model.ts';
import type { Seal } from '../seal.ts';
import type { Committed, Store } from '../store.ts';
import type { Database, Row } from './database.ts';
import { places } from './sealed.ts';

export function eventLog(db: Database, seal: Seal): Store['events'] {
  return {
    async list(sessionId, { after, limit }) {
      return db
        .all(
          'SELECT seq, id AS event_id, body FROM events WHERE session_id = ? AND seq > ? ORDER BY seq LIMIT ?',
          sessionId,
          after,
          limit,
        )
        .map((row) => toEnvelope(row, seal));
    },
    async between(from, to) {
      const row = db.get(
        'SELECT min(seq) AS first, max(seq) AS last FROM events WHERE created_at >= ? AND created_at < ?',
        from,
        to,
      );
      return row?.['first'] === null ? undefined : { first: Number(row?.['first']), last: Number(row?.['last']) };
    },
    async prune(before, { from, limit }) {
      return db.transaction(() => {
        const old = db.get(
          `SELECT max(seq) AS last, count(*) AS looked_at
           FROM (SELECT seq, created_at FROM events WHERE seq >= ? ORDER BY seq LIMIT ?) WHERE created_at < ?`,
          ...[from, limit, before],
        )!;
        const last = Number(old['last']);
        const { changes } = db.run(
          `DELETE FROM events WHERE seq BETWEEN ? AND ? AND created_at < ?
           AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.seq = events.seq AND d.status <> 'delivered')`,
          ...[from, last, before],
        );
        return { count: changes, next: old['looked_at'] === limit ? last + 1 : undefined };
      });
    },
    async pruneStanzas(before, limit) {
      return db.run(
        `DELETE FROM taken WHERE (session_id, name) IN (SELECT session_id, name FROM taken WHERE at < ? LIMIT ?)`,
        before,
        limit,
      ).changes;
    },
  };
}

/** Appends an event and one delivery for each subscription that asked for it. */
export function appendEvent(
  db: Database,
  seal: Seal,
  sessionId: number,
  event: NewEvent,
): { envelope: EventEnvelope; due: Committed['due'] } {
  const { lane, secret, ...rest } = completed(db, sessionId, event);
  const now = db.now();
  const body = { id: `evt_${randomBytes(12).toString('hex')}`, sessionId: String(sessionId), timestamp: now, ...rest };
  const { lastInsertRowid: seq } = db.run(
    'INSERT INTO events (id, session_id, event, lane, body, created_at) VALUES (?, ?, ?, ?, ?, ?)',
    body.id,
    sessionId,
    event.event,
    lane,
    secret ? seal.close(Buffer.from(JSON.stringify(body)), places.event(body.id)) : JSON.stringify(body),
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
const IGNORED = {
  '@g.us': 'ignore_groups',
  '@newsletter': 'ignore_channels',
  '@broadcast': 'ignore_broadcasts',
} as const;

function isIgnored(db: Database, sessionId: number, jid: string | undefined): boolean {
  const ending = jid?.slice(jid.indexOf('@'));
  return ending !== undefined && ending in IGNORED && ignoredEndings(db, sessionId).includes(ending);
}

/** What the jids end with of which the session's webhooks are to hear nothing. */
export function ignoredEndings(db: Database, sessionId: number): string[] {
  const row = db.get('SELECT settings FROM sessions WHERE id = ?', sessionId);
  const settings = JSON.parse(String(row?.['settings'] ?? '{}')) as Partial<SessionSettings>;
  return Object.entries(IGNORED).flatMap(([ending, setting]) => (settings[setting] ? [ending] : []));
}

/** The one place that decides the order of an envelope's fields. */
function envelope(
  seq: number,
  { event, id, sessionId, timestamp, ...rest }: Omit<EventEnvelope, 'seq'>,
  redelivery = 0,
): EventEnvelope {
  return { event, id, seq, ...(redelivery > 0 && { redelivery }), sessionId, timestamp, ...rest };
}

/**
 * An event of the log or, from a row of a delivery, as it is posted. The row has `seq`, `event_id` and `body`; the body
 * of an event that holds a secret is sealed.
 */
export function toEnvelope({ seq, event_id: id, body, redeliveries = 0 }: Row, seal: Seal): EventEnvelope {
  const text = Buffer.isBuffer(body) ? seal.open(body, places.event(String(id))).toString() : String(body);
  return envelope(Number(seq), JSON.parse(text) as Omit<EventEnvelope, 'seq'>, Number(redeliveries));
}
