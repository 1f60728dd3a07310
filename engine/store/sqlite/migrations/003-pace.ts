/** Limits, the governor, jobs. */
export const pace = `
-- A window of time in which something was counted, in parts: when each began and is over, and how much it holds, as JSON.
CREATE TABLE counters (
  scope TEXT NOT NULL,
  name TEXT NOT NULL,
  seconds INTEGER NOT NULL,
  parts TEXT NOT NULL,
  PRIMARY KEY (scope, name, seconds)
) WITHOUT ROWID;

-- What a token is limited to, as JSON; NULL: to nothing.
ALTER TABLE tokens ADD COLUMN scope TEXT;

-- Messages to many people.
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
  name TEXT,
  request TEXT NOT NULL,
  every_ms INTEGER NOT NULL,
  status TEXT NOT NULL,
  reason TEXT,
  source TEXT NOT NULL,
  idempotency_key TEXT,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  ended_at INTEGER
);
CREATE INDEX jobs_by_session ON jobs (session_id, id);
CREATE INDEX jobs_open ON jobs (status) WHERE status NOT IN ('completed', 'cancelled');
CREATE UNIQUE INDEX jobs_idempotency ON jobs (session_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- Their recipients. What became of a message that was accepted stands with the message.
CREATE TABLE job_recipients (
  job_id INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
  position INTEGER NOT NULL,
  recipient TEXT NOT NULL,
  chat TEXT,
  variables TEXT,
  -- pending, skipped, accepted, failed
  state TEXT NOT NULL,
  skipped TEXT,
  detail TEXT,
  msg_id INTEGER,
  PRIMARY KEY (job_id, position)
) WITHOUT ROWID;
CREATE INDEX job_recipients_pending ON job_recipients (job_id, position) WHERE state = 'pending';
CREATE INDEX job_recipients_by_chat ON job_recipients (job_id, chat);
CREATE INDEX job_recipients_by_message ON job_recipients (msg_id) WHERE msg_id IS NOT NULL;

-- People whom bulk jobs leave alone. Either address may become known first.
CREATE TABLE opt_outs (
  id INTEGER PRIMARY KEY,
  session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
  jid TEXT,
  lid TEXT,
  source TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (session_id, jid),
  UNIQUE (session_id, lid)
);

-- What WhatsApp has answered, as JSON, and when. A person is named by LID where that is known.
CREATE TABLE answers (
  session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  value TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (session_id, kind, subject)
) WITHOUT ROWID;
CREATE INDEX answers_by_time ON answers (session_id, at);

-- A message that waits for its time, or did: when it is to leave, when that is tried next, and when it is too late.
ALTER TABLE messages ADD COLUMN send_at INTEGER;
ALTER TABLE messages ADD COLUMN try_at INTEGER;
ALTER TABLE messages ADD COLUMN expires_at INTEGER;
-- The newest message there was when it entered the queue: behind that one is its place.
ALTER TABLE messages ADD COLUMN behind INTEGER;
CREATE INDEX messages_to_try ON messages (try_at, send_at, msg_id) WHERE send = 'scheduled';
CREATE INDEX messages_scheduled ON messages (session_id, send_at, msg_id) WHERE send = 'scheduled';
DROP INDEX messages_to_send;
CREATE INDEX messages_to_send ON messages (session_id, send, coalesce(behind, msg_id), send_at, msg_id)
  WHERE send NOT IN ('done', 'cancelled');
-- Calls of tools that a person has to approve. The same call, by its hash, finds its row again until its answer was heard.
CREATE TABLE approvals (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  token_id INTEGER NOT NULL REFERENCES tokens ON DELETE CASCADE,
  session_id INTEGER REFERENCES sessions ON DELETE CASCADE,
  tool TEXT NOT NULL,
  input TEXT NOT NULL,
  call TEXT NOT NULL,
  -- pending, approved, rejected, running, done, interrupted
  status TEXT NOT NULL,
  note TEXT,
  answer TEXT,
  heard INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  decided_at INTEGER,
  expires_at INTEGER NOT NULL
);
CREATE INDEX approvals_by_call ON approvals (token_id, call);
CREATE INDEX approvals_by_expiry ON approvals (expires_at);
-- What the governor of the session remembers, as JSON.
ALTER TABLE sessions ADD COLUMN governor TEXT;
`;
