/** Questions to people, which wait for the answer. */
export const inquiries = `
CREATE TABLE inquiries (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
  -- The message that asks, and the one that reminds of it.
  msg_id INTEGER NOT NULL UNIQUE,
  wa_id TEXT NOT NULL,
  reminder_msg_id INTEGER,
  reminder_wa_id TEXT,
  chat TEXT NOT NULL,
  -- Who may answer; their other address, if there is one, is among the pairs.
  person TEXT NOT NULL,
  kind TEXT NOT NULL,
  question TEXT NOT NULL,
  -- As JSON.
  options TEXT NOT NULL,
  reply_only INTEGER NOT NULL,
  -- open, answered, expired, cancelled, failed
  status TEXT NOT NULL DEFAULT 'open',
  -- As JSON.
  answer TEXT,
  error TEXT,
  -- Where the event goes that closes it.
  subscription_id TEXT,
  created_at INTEGER NOT NULL,
  asked_at INTEGER,
  expires_at INTEGER,
  closed_at INTEGER
);
CREATE INDEX inquiries_by_session ON inquiries (session_id, seq);
CREATE INDEX inquiries_by_person ON inquiries (session_id, person) WHERE status = 'open';
CREATE INDEX inquiries_by_end ON inquiries (session_id, expires_at) WHERE status = 'open' AND expires_at IS NOT NULL;
CREATE INDEX inquiries_by_question ON inquiries (session_id, wa_id);
CREATE INDEX inquiries_by_reminder ON inquiries (session_id, reminder_wa_id) WHERE reminder_wa_id IS NOT NULL;
CREATE INDEX inquiries_by_subscription ON inquiries (subscription_id) WHERE status = 'open';
CREATE INDEX inquiries_by_time ON inquiries (closed_at) WHERE status <> 'open';
`;
