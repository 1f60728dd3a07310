import { randomBytes } from 'node:crypto';
import type { EventFilter } from '../../filter.ts';
import type { SubscriptionRecord } from '../../model.ts';
import type { Seal } from '../seal.ts';
import type { NewSubscription, Store } from '../store.ts';
import type { Database, Row } from './database.ts';
import { places, readable } from './sealed.ts';

/**
 * n8n changes an active trigger by removing its webhook and registering it again. For so long a removed subscription
 * goes on collecting events, which the same URL finds when it is registered again.
 */
const REMOVAL_GRACE_MS = 60_000;

/** Without it nothing can be signed. */
const SECRET_UNREADABLE = 'Its secret cannot be read any more. Register the webhook again.';

export function subscriptions(db: Database, seal: Seal): Store['subscriptions'] {
  return {
    async put(subscription) {
      return db.transaction(() => putSubscription(db, seal, subscription));
    },
    async get(id) {
      const row = db.get("SELECT * FROM subscriptions WHERE id = ? AND state <> 'removed'", id);
      return row && toSubscription(row, seal);
    },
    async list(sessionId) {
      return db
        .all(
          "SELECT * FROM subscriptions WHERE session_id IS ? AND state <> 'removed' AND origin <> 'inquiry' ORDER BY created_at, id",
          sessionId,
        )
        .map((row) => toSubscription(row, seal));
    },
    async delete(id) {
      const { changes } = db.run(
        `UPDATE subscriptions SET state = 'removed', expires_at = min(ifnull(expires_at, ?1), ?1)
         WHERE id = ?2 AND state <> 'removed'`,
        db.now() + REMOVAL_GRACE_MS,
        id,
      );
      return changes > 0;
    },
    async park(id, reason) {
      db.run(
        "UPDATE subscriptions SET state = 'parked', parked_reason = ? WHERE id = ? AND state <> 'removed'",
        reason,
        id,
      );
    },
    async resume(id) {
      db.transaction(() => {
        const row = db.get("SELECT 1 FROM subscriptions WHERE id = ? AND state <> 'removed'", id);
        if (row) resumeSubscription(db, id);
      });
    },
    async expire(now) {
      return db
        .all('DELETE FROM subscriptions WHERE expires_at IS NOT NULL AND expires_at <= ? RETURNING id', now)
        .map((row) => String(row['id']));
    },
  };
}

export function putSubscription(db: Database, seal: Seal, subscription: NewSubscription): SubscriptionRecord {
  const { sessionId, origin, url, events, format, secret, expiresAt } = subscription;
  const { filter = null, collectS = null, markAsRead = false } = subscription;
  const known = db.get(
    'SELECT id FROM subscriptions WHERE session_id IS ? AND origin = ? AND url = ?',
    sessionId,
    origin,
    url,
  );
  const id = known ? String(known['id']) : `whk_${randomBytes(9).toString('hex')}`;
  const row = db.get(
    `INSERT INTO subscriptions (id, session_id, origin, url, events, filter, collect, mark_as_read, format,
       sealed_secret, expires_at, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET events = excluded.events, filter = excluded.filter, collect = excluded.collect,
       mark_as_read = excluded.mark_as_read, format = excluded.format, sealed_secret = excluded.sealed_secret,
       expires_at = excluded.expires_at RETURNING *`,
    ...[id, sessionId, origin, url, JSON.stringify(events), filter && JSON.stringify(filter), collectS],
    ...[markAsRead ? 1 : 0, format, seal.close(Buffer.from(secret), places.subscription(id)), expiresAt, db.now()],
  );
  if (known) resumeSubscription(db, id);
  return { ...toSubscription(row!, seal), state: 'active', parkedReason: null };
}

/** What was given up while the receiver was away is due again, at once, with all its tries before it. */
function resumeSubscription(db: Database, id: string): void {
  db.run("UPDATE subscriptions SET state = 'active', parked_reason = NULL WHERE id = ?", id);
  db.run(
    `UPDATE deliveries SET status = CASE attempts WHEN 0 THEN 'pending' ELSE 'failed' END, failures = 0,
     next_attempt_at = ? WHERE subscription_id = ? AND status <> 'delivered'`,
    db.now(),
    id,
  );
}

function toSubscription(row: Row, seal: Seal): SubscriptionRecord {
  const id = String(row['id']);
  const secret = readable(seal, row['sealed_secret'], places.subscription(id));
  return {
    id,
    sessionId: row['session_id'] === null ? null : Number(row['session_id']),
    origin: row['origin'] as SubscriptionRecord['origin'],
    url: String(row['url']),
    events: JSON.parse(String(row['events'])) as string[],
    filter: filterOf(row),
    collectS: row['collect'] as number | null,
    markAsRead: row['mark_as_read'] === 1,
    format: row['format'] as SubscriptionRecord['format'],
    secret: secret ?? '',
    state: secret === undefined ? 'parked' : (row['state'] as SubscriptionRecord['state']),
    parkedReason: secret === undefined ? SECRET_UNREADABLE : (row['parked_reason'] as string | null),
    expiresAt: row['expires_at'] === null ? null : Number(row['expires_at']),
    createdAt: Number(row['created_at']),
  };
}

export function filterOf({ filter }: Row): EventFilter | null {
  return filter === null ? null : (JSON.parse(String(filter)) as EventFilter);
}
