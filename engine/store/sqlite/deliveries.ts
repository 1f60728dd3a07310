import { EngineError } from '../../errors.ts';
import type { DeliveryRecord, DeliveryStatus } from '../../model.ts';
import type { Store } from '../store.ts';
import type { Database, Row } from './database.ts';
import { toEnvelope } from './events.ts';

/** A parked subscription parks what waits for it, without touching each row. */
const DELIVERIES = `
  SELECT d.*, e.id AS event_id, e.event, e.body,
    CASE WHEN s.state = 'parked' AND d.status IN ('pending', 'failed') THEN 'parked' ELSE d.status END AS shown_status
  FROM deliveries d JOIN events e ON e.seq = d.seq JOIN subscriptions s ON s.id = d.subscription_id AND s.state <> 'removed'`;

export function deliveries(db: Database): Store['deliveries'] {
  return {
    async lanes() {
      return db
        .all(
          `SELECT DISTINCT subscription_id, lane FROM deliveries d JOIN subscriptions s ON s.id = d.subscription_id
           WHERE d.status IN ('pending', 'failed') AND s.state <> 'removed'`,
        )
        .map(toLane);
    },
    async head(subscriptionId, lane) {
      const row = db.get(
        `${DELIVERIES} WHERE d.subscription_id = ? AND d.lane = ? AND d.status IN ('pending', 'failed')
         ORDER BY d.seq LIMIT 1`,
        subscriptionId,
        lane,
      );
      return row && { delivery: toDelivery(row), body: toEnvelope(row) };
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
        const row = db.get(
          `UPDATE deliveries SET status = 'pending', failures = 0, next_attempt_at = ? WHERE id = ?
           RETURNING subscription_id, lane`,
          Date.now(),
          id,
        );
        if (!row) throw new EngineError('delivery_not_found', `There is no delivery ${id}.`);
        const lane = toLane(row);
        db.run("UPDATE subscriptions SET state = 'active', parked_reason = NULL WHERE id = ?", lane.subscriptionId);
        return lane;
      });
    },
  };
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
  };
}
