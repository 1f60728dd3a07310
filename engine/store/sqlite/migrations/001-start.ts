/** The first schema. Times are Unix milliseconds; columns named `sealed_*` are encrypted (see ../../seal.ts). */
export const start = `
CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value BLOB NOT NULL
);

CREATE TABLE tokens (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  hash BLOB NOT NULL,
  created_at INTEGER NOT NULL
);

CREATE TABLE sessions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  settings TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'disconnected',
  reason TEXT,
  wanted INTEGER NOT NULL DEFAULT 0,
  account TEXT,
  api_key_hash BLOB NOT NULL UNIQUE,
  sealed_api_key BLOB NOT NULL,
  sealed_webhook_secret BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);

CREATE TABLE auth_creds (
  session_id INTEGER PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
  sealed_value BLOB NOT NULL
);

CREATE TABLE auth_keys (
  session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  sealed_value BLOB NOT NULL,
  PRIMARY KEY (session_id, type, id)
) WITHOUT ROWID;

CREATE TABLE messages (
  msg_id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
  wa_id TEXT NOT NULL,
  chat TEXT NOT NULL,
  lid TEXT,
  from_me INTEGER NOT NULL,
  sender TEXT NOT NULL,
  request TEXT,
  content BLOB,
  status INTEGER NOT NULL,
  send TEXT NOT NULL DEFAULT 'done',
  attempts INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  idempotency_key TEXT,
  timestamp INTEGER NOT NULL,
  written_at INTEGER,
  UNIQUE (session_id, wa_id, from_me, sender)
);
CREATE UNIQUE INDEX messages_idempotency ON messages (session_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX messages_to_send ON messages (session_id, send, msg_id) WHERE send <> 'done';

CREATE TABLE subscriptions (
  id TEXT PRIMARY KEY,
  session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
  origin TEXT NOT NULL,
  url TEXT NOT NULL,
  events TEXT NOT NULL,
  format TEXT NOT NULL,
  sealed_secret BLOB NOT NULL,
  state TEXT NOT NULL DEFAULT 'active',
  parked_reason TEXT,
  expires_at INTEGER,
  created_at INTEGER NOT NULL,
  UNIQUE (session_id, origin, url)
);

CREATE TABLE events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
  event TEXT NOT NULL,
  lane TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL
);
CREATE INDEX events_by_session ON events (session_id, seq);
CREATE INDEX events_by_time ON events (created_at);

CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY,
  subscription_id TEXT NOT NULL REFERENCES subscriptions ON DELETE CASCADE,
  seq INTEGER NOT NULL REFERENCES events ON DELETE CASCADE,
  lane TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending',
  attempts INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER NOT NULL,
  last_attempt_at INTEGER,
  last_status INTEGER,
  last_error TEXT
);
CREATE INDEX deliveries_open ON deliveries (subscription_id, lane, seq) WHERE status IN ('pending', 'failed');
CREATE INDEX deliveries_by_event ON deliveries (seq);
CREATE INDEX deliveries_by_subscription ON deliveries (subscription_id, id);
`;
