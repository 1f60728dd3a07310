/** Every message type, media, contacts and logs. */
export const everyMessage = `
ALTER TABLE messages ADD COLUMN participant TEXT;
ALTER TABLE messages ADD COLUMN about TEXT;
CREATE INDEX messages_by_chat ON messages (session_id, chat, msg_id);
CREATE INDEX messages_about ON messages (session_id, about) WHERE about IS NOT NULL;
ALTER TABLE messages ADD COLUMN logged INTEGER NOT NULL DEFAULT 1;
ALTER TABLE messages ADD COLUMN updated_at INTEGER;

-- What a member of a group has done with a message of ours.
CREATE TABLE receipts (
  msg_id INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
  member TEXT NOT NULL,
  status INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (msg_id, member, status)
) WITHOUT ROWID;

-- Stanzas that have been taken in, by what names them: one that comes again changes nothing.
CREATE TABLE taken (
  session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
  name TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (session_id, name)
) WITHOUT ROWID;
CREATE INDEX taken_by_time ON taken (at);

-- Which number and which LID are one person.
CREATE TABLE pairs (
  session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
  lid TEXT NOT NULL,
  phone TEXT NOT NULL,
  PRIMARY KEY (session_id, lid)
) WITHOUT ROWID;
CREATE INDEX pairs_by_phone ON pairs (session_id, phone);

CREATE TABLE session_logs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
  event_type TEXT NOT NULL,
  status TEXT NOT NULL,
  reason TEXT,
  occurred_at INTEGER NOT NULL
);
CREATE INDEX session_logs_by_session ON session_logs (session_id, id);

CREATE TABLE media (
  id TEXT PRIMARY KEY,
  session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
  use TEXT NOT NULL,
  kind TEXT NOT NULL,
  mimetype TEXT NOT NULL,
  size INTEGER NOT NULL,
  file_name TEXT,
  source TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);
CREATE INDEX media_by_expiry ON media (expires_at);
CREATE INDEX media_by_source ON media (session_id, source) WHERE source IS NOT NULL;

-- Files of received messages that are still to be downloaded.
CREATE TABLE downloads (
  msg_id INTEGER PRIMARY KEY REFERENCES messages ON DELETE CASCADE,
  session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER NOT NULL
);
CREATE INDEX downloads_by_session ON downloads (session_id, next_attempt_at);

-- A person as the account knows them. Either address may become known first, the other later.
CREATE TABLE contacts (
  id INTEGER PRIMARY KEY,
  session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
  jid TEXT,
  lid TEXT,
  name TEXT,
  notify TEXT,
  verified_name TEXT,
  about TEXT,
  img_url TEXT,
  -- The picture is another one than img_url tells; WhatsApp has yet to be asked for it.
  picture_changed INTEGER NOT NULL DEFAULT 0,
  -- Names and addresses, folded: what a search looks at, and the order of the list.
  search TEXT NOT NULL DEFAULT '',
  updated_at INTEGER NOT NULL,
  UNIQUE (session_id, jid),
  UNIQUE (session_id, lid)
);
CREATE INDEX contacts_in_order ON contacts (session_id, search, id);

-- A chat of the account: with a person, a group, a channel.
CREATE TABLE chats (
  id INTEGER PRIMARY KEY,
  session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
  jid TEXT,
  lid TEXT,
  name TEXT,
  unread_count INTEGER NOT NULL DEFAULT 0,
  last_message_at INTEGER,
  archived INTEGER NOT NULL DEFAULT 0,
  pinned_at INTEGER,
  muted_until INTEGER,
  -- Of groups; those of people stand with the contact.
  img_url TEXT,
  picture_changed INTEGER NOT NULL DEFAULT 0,
  -- 0: the account has no such chat yet, only its picture is known.
  listed INTEGER NOT NULL DEFAULT 1,
  updated_at INTEGER NOT NULL,
  UNIQUE (session_id, jid),
  UNIQUE (session_id, lid)
);
`;
