import { EngineError } from '../../errors.ts';
import type { DeliveryRecord, DeliveryStatus } from '../../model.ts';
import { COLLECTED, type EventEnvelope, type EventName } from '../../events.ts';
import { burstOf, MOST_COLLECTED } from '../burst.ts';
import type { Seal } from '../seal.ts';
import type { DueDelivery, Store } from '../store.ts';
import type { Database, Row } from './database.ts';
import { toEnvelope } from './events.ts';
import { laneFor, ofSession, valuesOf, wantedOf } from './wanted.ts';

/** A parked subscription parks what waits for it, without touching each row. */
const DELIVERIES = `
  SELECT d.*, e.id AS event_id, e.event, e.body, e.created_at AS event_at, s.collect,
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
      const [first] = waiting(db, subscriptionId, lane, 1);
      if (!first) return undefined;
      const batch = first['batch'] as number | null;
      if (isGathering(first)) {
        const burst = burstAt(db, subscriptionId, lane);
        const delivery = toDelivery(first);
        const nextAttemptAt = Math.max(delivery.nextAttemptAt, burst.overAt);
        return { ...posted([first], seal), delivery: { ...delivery, nextAttemptAt }, gathering: true };
      }
      if (batch === null || batch < 0) return posted([first], seal);
      const together = db.all(
        `${DELIVERIES} WHERE d.subscription_id = ? AND d.lane = ? AND d.batch = ? AND d.status IN ('pending', 'failed')
         ORDER BY d.seq`,
        ...[subscriptionId, lane, batch],
      );
      return posted(together, seal);
    },
    async fixBatch(subscriptionId, lane) {
      db.transaction(() => {
        const { rows } = burstAt(db, subscriptionId, lane);
        if (rows.length === 0) return;
        const ids = rows.map(({ id }) => Number(id));
        db.run(
          'UPDATE deliveries SET batch = ? WHERE id IN (SELECT value FROM json_each(?))',
          ids.at(-1)!,
          JSON.stringify(ids),
        );
      });
    },
    async record(id, { status, at, nextAttemptAt = at, httpStatus = null, error = null, spared = false }) {
      const failures = status === 'delivered' || spared ? 0 : 1;
      change(
        db,
        id,
        `status = ?, attempts = attempts + 1, failures = failures + ?, last_attempt_at = ?, next_attempt_at = ?,
         last_status = ?, last_error = ?`,
        [status, failures, at, nextAttemptAt, httpStatus, error],
      );
    },
    async list(sessionId, { status = null, subscriptionId = null }, { after, limit }) {
      // The sign keeps SQLite from going through the log of the session, instead of these deliveries.
      return db
        .all(
          `SELECT * FROM (${DELIVERIES} WHERE (s.session_id = ?1 OR s.session_id IS NULL) AND +e.session_id = ?1
             AND d.id > ?2 AND (?3 IS NULL OR s.id = ?3))
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
      const row = db.get(`${DELIVERIES} WHERE e.session_id = ? AND d.id = ?`, sessionId, id);
      return row && toDelivery(row);
    },
    async redeliver(id) {
      return db.transaction(() => {
        const row = db.get('SELECT subscription_id, lane, status FROM deliveries WHERE id = ?', id);
        if (!row) throw new EngineError('delivery_not_found', `There is no delivery ${id}.`);
        // Nobody has to be told twice that an event is wanted which is on its way.
        if (row['status'] === 'delivered' || row['status'] === 'parked') {
          db.run(`UPDATE deliveries SET ${ONCE_MORE}, batch = -id WHERE id = ?`, db.now(), id);
        } else {
          change(db, id, "status = 'pending', failures = 0, next_attempt_at = ?", [db.now()]);
        }
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
        const subscription = db.get("SELECT * FROM subscriptions WHERE id = ? AND state <> 'removed'", subscriptionId);
        if (!subscription) return { count: 0, next: undefined };
        const sessionId = subscription['session_id'] as number | null;
        const part = db.get(
          `SELECT max(seq) AS last, count(*) AS looked_at
           FROM (SELECT e.seq FROM events e WHERE ${ofSession(sessionId)} AND e.seq BETWEEN ? AND ? ORDER BY e.seq LIMIT ?)`,
          ...[...valuesOf(sessionId), first, last, limit],
        )!;
        const until = Number(part['last']);
        const count = deliverAgain(db, subscription, wantedOf(db, subscription, { first, last: until }));
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

/** Events of these numbers, in whatever bursts they now make. */
function deliverAgain(db: Database, { id, session_id: sessionId }: Row, seqs: number[]): number {
  const [subscriptionId, asked, now] = [String(id), JSON.stringify(seqs), db.now()];
  // The sign keeps SQLite from going through all that the subscription ever got, instead of these events.
  const again = db.run(
    `UPDATE deliveries SET ${ONCE_MORE}, batch = NULL WHERE +subscription_id = ? AND status IN ('delivered', 'parked')
     AND seq IN (SELECT value FROM json_each(?))`,
    ...[now, subscriptionId, asked],
  );
  const more = db.run(
    `INSERT INTO deliveries (subscription_id, seq, lane, next_attempt_at, redeliveries)
     SELECT ?, e.seq, ${laneFor(sessionId as number | null)}, ?, 1 FROM events e
     WHERE e.seq IN (SELECT value FROM json_each(?))
     AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.seq = e.seq AND +d.subscription_id = ?)`,
    ...[subscriptionId, now, asked, subscriptionId],
  );
  return again.changes + more.changes;
}

/** What waits in a lane, oldest first. */
function waiting(db: Database, subscriptionId: string, lane: string, limit: number): Row[] {
  return db.all(
    `${DELIVERIES} WHERE d.subscription_id = ? AND d.lane = ? AND d.status IN ('pending', 'failed')
     ORDER BY d.seq LIMIT ?`,
    ...[subscriptionId, lane, limit],
  );
}

const isMessage = ({ event }: Row) => COLLECTED.includes(event as EventName);

/** What was tried before by itself goes on by itself: the receiver may have it. */
const isGathering = (row: Row) =>
  row['collect'] !== null && row['batch'] === null && row['status'] === 'pending' && isMessage(row);

/** The burst at the head of a lane; none where something else is. */
function burstAt(db: Database, subscriptionId: string, lane: string): { rows: Row[]; overAt: number } {
  const rows = waiting(db, subscriptionId, lane, MOST_COLLECTED + 1);
  if (!rows[0] || !isGathering(rows[0])) return { rows: [], overAt: -Infinity };
  const { size, overAt } = burstOf(
    rows.map((row) => ({ at: Number(row['event_at']), joins: isGathering(row) })),
    Number(rows[0]['collect']) * 1000,
  );
  return { rows: rows.slice(0, size), overAt };
}

/** These, as they are posted: under the newest one's id. */
function posted(rows: Row[], seal: Seal): DueDelivery {
  const newest = rows.at(-1)!;
  const events = rows.map((row): EventEnvelope => toEnvelope(row, seal));
  const collects = Number(newest['batch']) > 0 || (newest['collect'] !== null && isMessage(newest));
  return { delivery: toDelivery(newest), body: { ...events.at(-1)!, ...(collects && { collected: events }) } };
}

/** Changes a delivery that is open, with all that are posted with it. */
function change(db: Database, id: number, changes: string, values: (string | number | null)[]): void {
  const { subscription_id: subscriptionId, lane, batch } = db.get('SELECT * FROM deliveries WHERE id = ?', id) ?? {};
  if (Number(batch ?? 0) <= 0) {
    db.run(`UPDATE deliveries SET ${changes} WHERE id = ?`, ...values, id);
    return;
  }
  db.run(
    `UPDATE deliveries SET ${changes} WHERE subscription_id = ? AND lane = ? AND batch = ? AND status IN ('pending', 'failed')`,
    ...[...values, String(subscriptionId), String(lane), Number(batch)],
  );
}

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
