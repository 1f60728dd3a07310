import { EngineError } from '../../errors.ts';
import type { DeliveryRecord, DeliveryStatus } from '../../model.ts';
import type { Seal } from '../seal.ts';
import type { Store } from '../store.ts';
import type { Database, Row } from './database.ts';
import { ignoredEndings, toEnvelope } from './events.ts';

/** A parked subscription parks what waits for it, without touching each row. */
const DELIVERIES = `
  SELECT d.*, e.id AS event_id, e.event, e.body,
    CASE WHEN s.state = 'parked' AND d.status IN ('pending', 'failed') THEN 'parked' ELSE d.status END AS shown_status
  FROM deliveries d JOIN events e ON e.seq = d.seq JOIN subscriptions s ON s.id = d.subscription_id AND s.state <> 'removed'`;

export function deliveries(db: Database, seal: Seal): Store['deliveries'] {
  return {
    async lanes(subscriptionId) {
      const open = `SELECT DISTINCT subscription_id, lane FROM deliveries d JOIN subscriptions s ON s.id = d.subscription_id
        WHERE d.status IN ('pending', 'failed') AND s.state <> 'removed'`;
      const rows = subscriptionId === undefined ? db.all(open) : db.all(`${open} AND s.id = ?`, subscriptionId);
      return rows.map(toLane);
    },
    async head(subscriptionId, lane) {
      const row = db.get(
        `${DELIVERIES} WHERE d.subscription_id = ? AND d.lane = ? AND d.status IN ('pending', 'failed')
         ORDER BY d.seq LIMIT 1`,
        subscriptionId,
        lane,
      );
      return row && { delivery: toDelivery(row), body: toEnvelope(row, seal) };
    },
    async record(id, { status, at, nextAttemptAt = at, httpStatus = null, error = null, spared = false }) {
      db.run(
        `UPDATE deliveries SET status = ?, attempts = attempts + 1, failures = failures + ?, last_attempt_at = ?,
         next_attempt_at = ?, last_status = ?, last_error = ? WHERE id = ?`,
        status,
        status === 'delivered' || spared ? 0 : 1,
        at,
        nextAttemptAt,
        httpStatus,
        error,
        id,
      );
    },
    async list(sessionId, { status = null, subscriptionId = null }, { after, limit }) {
      return db
        .all(
          `SELECT * FROM (${DELIVERIES} WHERE s.session_id = ?1 AND d.id > ?2 AND (?3 IS NULL OR s.id = ?3))
           WHERE ?4 IS NULL OR shown_status = ?4 ORDER BY id LIMIT ?5`,
          sessionId,
          after,
          subscriptionId,
          status,
          limit,
        )
        .map(toDelivery);
    },
    async get(sessionId, id) {
      const row = db.get(`${DELIVERIES} WHERE s.session_id = ? AND d.id = ?`, sessionId, id);
      return row && toDelivery(row);
    },
    async redeliver(id) {
      return db.transaction(() => {
        // Nobody has to be told twice that an event is wanted which is on its way.
        const row = db.get(
          `UPDATE deliveries SET status = 'pending', failures = 0, next_attempt_at = ?,
           redeliveries = redeliveries + (status IN ('delivered', 'parked')) WHERE id = ? RETURNING subscription_id, lane`,
          db.now(),
          id,
        );
        if (!row) throw new EngineError('delivery_not_found', `There is no delivery ${id}.`);
        const lane = toLane(row);
        activate(db, lane.subscriptionId);
        return lane;
      });
    },
    async redeliverParked(subscriptionId) {
      return db.transaction(() => {
        activate(db, subscriptionId);
        return db.run(
          `UPDATE deliveries SET ${ONCE_MORE} WHERE subscription_id = ? AND status = 'parked'`,
          db.now(),
          subscriptionId,
        ).changes;
      });
    },
    async replay(subscriptionId, { first, last }, limit) {
      return db.transaction(() => {
        const row = db.get(
          "SELECT session_id, events FROM subscriptions WHERE id = ? AND state <> 'removed'",
          subscriptionId,
        );
        if (!row) return { count: 0, next: undefined };
        const sessionId = Number(row['session_id']);
        const part = db.get(
          `SELECT max(seq) AS last, count(*) AS looked_at
           FROM (SELECT seq FROM events WHERE session_id = ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ?)`,
          ...[sessionId, first, last, limit],
        )!;
        const until = Number(part['last']);
        const count = replayPart(db, { sessionId, subscriptionId, events: String(row['events']), first, last: until });
        if (count > 0) activate(db, subscriptionId);
        return { count, next: part['looked_at'] === limit && until < last ? until + 1 : undefined };
      });
    },
  };
}

/** Its parameter is the time. */
const ONCE_MORE = "status = 'pending', failures = 0, next_attempt_at = ?, redeliveries = redeliveries + 1";

/** Somebody wants the receiver asked anew. */
function activate(db: Database, subscriptionId: string): void {
  db.run(
    "UPDATE subscriptions SET state = 'active', parked_reason = NULL WHERE id = ? AND state <> 'removed'",
    subscriptionId,
  );
}

interface Part {
  sessionId: number;
  subscriptionId: string;
  /** Names of events, as JSON. */
  events: string;
  first: number;
  last: number;
}

function replayPart(db: Database, { sessionId, subscriptionId, events, first, last }: Part): number {
  const endings = ignoredEndings(db, sessionId);
  const asked = `e.session_id = ? AND e.seq BETWEEN ? AND ?
    AND EXISTS (SELECT 1 FROM json_each(?) names WHERE names.value IN ('*', e.event))
    ${endings.length > 0 ? `AND NOT EXISTS (SELECT 1 FROM json_each(?) endings WHERE ${JID} LIKE '%' || endings.value)` : ''}`;
  const values = [sessionId, first, last, events, ...(endings.length > 0 ? [JSON.stringify(endings)] : [])];
  const now = db.now();
  // The sign keeps SQLite from going through all that the subscription ever got, instead of these events.
  const again = db.run(
    `UPDATE deliveries SET ${ONCE_MORE} WHERE +subscription_id = ? AND status IN ('delivered', 'parked')
     AND seq IN (SELECT e.seq FROM events e WHERE ${asked})`,
    ...[now, subscriptionId, ...values],
  );
  const more = db.run(
    `INSERT INTO deliveries (subscription_id, seq, lane, next_attempt_at, redeliveries)
     SELECT ?, e.seq, e.lane, ?, 1 FROM events e WHERE ${asked}
     AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.seq = e.seq AND +d.subscription_id = ?)`,
    ...[subscriptionId, now, ...values, subscriptionId],
  );
  return again.changes + more.changes;
}

/** What says nothing of a chat is about none. */
const JID = "CASE WHEN json_valid(e.body) THEN ifnull(json_extract(e.body, '$.jid'), '') ELSE '' END";

const toLane = (row: Row) => ({ subscriptionId: String(row['subscription_id']), lane: String(row['lane']) });
const numberOrNull = (value: unknown) => (value === null ? null : Number(value));

function toDelivery(row: Row): DeliveryRecord {
  return {
    id: Number(row['id']),
    subscriptionId: String(row['subscription_id']),
    seq: Number(row['seq']),
    eventId: String(row['event_id']),
    event: String(row['event']),
    status: row['shown_status'] as DeliveryStatus,
    attempts: Number(row['attempts']),
    failures: Number(row['failures']),
    nextAttemptAt: Number(row['next_attempt_at']),
    lastAttemptAt: numberOrNull(row['last_attempt_at']),
    lastStatus: numberOrNull(row['last_status']),
    lastError: row['last_error'] as string | null,
    redeliveries: Number(row['redeliveries']),
  };
}
