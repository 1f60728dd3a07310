import { randomBytes } from 'node:crypto';
import type { EventEnvelope, NewEvent } from '../../events.ts';
import type { Seal } from '../seal.ts';
import type { Committed, Store } from '../store.ts';
import type { Database, Row } from './database.ts';
import { places } from './sealed.ts';
import { completed, ofSession, subscribersOf, valuesOf, wantedOf } from './wanted.ts';

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
    async latest(subscriptionId, { before = Number.MAX_SAFE_INTEGER, limit }) {
      const subscription = db.get("SELECT * FROM subscriptions WHERE id = ? AND state <> 'removed'", subscriptionId);
      if (!subscription) return { next: undefined };
      const sessionId = subscription['session_id'] as number | null;
      const part = db.get(
        `SELECT min(seq) AS first, count(*) AS looked_at
         FROM (SELECT e.seq FROM events e WHERE ${ofSession(sessionId)} AND e.seq < ? ORDER BY e.seq DESC LIMIT ?)`,
        ...[...valuesOf(sessionId), before, limit],
      )!;
      const first = Number(part['first']);
      const seq = wantedOf(db, subscription, { first, last: before - 1 }).at(-1);
      const found = seq !== undefined && db.get('SELECT seq, id AS event_id, body FROM events WHERE seq = ?', seq);
      return {
        ...(found && { event: toEnvelope(found, seal) }),
        next: !found && part['looked_at'] === limit ? first : undefined,
      };
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
  const told = completed(db, sessionId, event);
  const { lane, secret, ...rest } = told;
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
  const due = subscribersOf(db, sessionId, told);
  for (const { subscriptionId, lane: waitsIn } of due) {
    db.run(
      'INSERT INTO deliveries (subscription_id, seq, lane, next_attempt_at) VALUES (?, ?, ?, ?)',
      ...[subscriptionId, seq, waitsIn, now],
    );
  }
  return { envelope: envelope(seq, body), due };
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
