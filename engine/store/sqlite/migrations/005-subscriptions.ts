/**
 * Subscriptions of all sessions, filters, bursts that are collected. A column cannot be made nullable, and a table that
 * others refer to cannot be dropped alone: both are written anew.
 */
export const subscriptions = `
CREATE TABLE subscriptions_new (
  id TEXT PRIMARY KEY,
  -- NULL: of all sessions.
  session_id INTEGER REFERENCES sessions ON DELETE CASCADE,
  origin TEXT NOT NULL,
  url TEXT NOT NULL,
  events TEXT NOT NULL,
  -- As JSON; NULL: none.
  filter TEXT,
  -- Seconds of quiet after which a burst of messages is over; NULL: each is posted by itself.
  collect INTEGER,
  mark_as_read INTEGER NOT NULL DEFAULT 0,
  format TEXT NOT NULL,
  sealed_secret BLOB NOT NULL,
  state TEXT NOT NULL DEFAULT 'active',
  parked_reason TEXT,
  expires_at INTEGER,
  created_at INTEGER NOT NULL,
  UNIQUE (session_id, origin, url)
);
INSERT INTO subscriptions_new
  (id, session_id, origin, url, events, format, sealed_secret, state, parked_reason, expires_at, created_at)
  SELECT id, session_id, origin, url, events, format, sealed_secret, state, parked_reason, expires_at, created_at
  FROM subscriptions;

CREATE TABLE deliveries_new (
  id INTEGER PRIMARY KEY,
  subscription_id TEXT NOT NULL REFERENCES subscriptions_new ON DELETE CASCADE,
  seq INTEGER NOT NULL REFERENCES events ON DELETE CASCADE,
  lane TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending',
  attempts INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER NOT NULL,
  last_attempt_at INTEGER,
  last_status INTEGER,
  last_error TEXT,
  redeliveries INTEGER NOT NULL DEFAULT 0,
  -- What waits in one lane under the same number is posted as one. NULL: that is not decided yet, or never will be.
  batch INTEGER
);
INSERT INTO deliveries_new
  SELECT id, subscription_id, seq, lane, status, attempts, failures, next_attempt_at, last_attempt_at, last_status,
    last_error, redeliveries, NULL FROM deliveries;

DROP TABLE deliveries;
DROP TABLE subscriptions;
ALTER TABLE subscriptions_new RENAME TO subscriptions;
ALTER TABLE deliveries_new RENAME TO deliveries;

-- To a UNIQUE, one NULL is not the other.
CREATE UNIQUE INDEX subscriptions_of_all ON subscriptions (origin, url) WHERE session_id IS NULL;
CREATE INDEX deliveries_open ON deliveries (subscription_id, lane, seq) WHERE status IN ('pending', 'failed');
CREATE INDEX deliveries_by_event ON deliveries (seq);
CREATE INDEX deliveries_by_subscription ON deliveries (subscription_id, id);
`;
