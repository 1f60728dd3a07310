import { EngineError } from '../../errors.ts';
import type { NewEvent } from '../../events.ts';
import { MESSAGE_STATUS, type MessageRecord, type MessageStatus, type SendRequest } from '../../model.ts';
import type { Seal } from '../seal.ts';
import type { GroupReceipt, Known, MessageOutcome, NewInquiry, NewMessage, NewOutgoing, Store } from '../store.ts';
import { findContact, folded } from './contacts.ts';
import type { Database, Row } from './database.ts';
import { noteAsked, openInquiry } from './inquiries.ts';
import { applyNews } from './news.ts';

/** The condition of the index `messages_to_send`, word for word: without it SQLite reads every message there is. */
export const TO_SEND = "send NOT IN ('done', 'cancelled')";

const OF_A_CHAT = `(
  chat NOT LIKE '%@s.whatsapp.net' AND chat NOT LIKE '%@lid'
  OR EXISTS (SELECT 1 FROM chats WHERE chats.session_id = messages.session_id AND chats.jid = messages.chat)
  OR EXISTS (SELECT 1 FROM chats WHERE chats.session_id = messages.session_id AND chats.lid IN (messages.chat, messages.lid))
)`;

const ABOUT_WHAT_HAS_LEFT = `about IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM messages AS target
  WHERE target.session_id = messages.session_id AND target.wa_id = messages.about AND target.send IN ('scheduled', 'queued')
)`;

const IS_SENT_POLL = `poll IS NOT NULL AND status <> ${MESSAGE_STATUS.error} AND send NOT IN ('scheduled', 'cancelled')`;

const IS_OVER = "send IN ('done', 'cancelled')";

/** What is about a message that is there goes with that one. */
const PRUNABLE = `
  SELECT msg_id, session_id, wa_id FROM messages m WHERE timestamp < ? AND ${IS_OVER}
  AND NOT EXISTS (SELECT 1 FROM job_recipients r WHERE r.msg_id = m.msg_id)
  AND NOT EXISTS (SELECT 1 FROM inquiries i WHERE i.msg_id = m.msg_id)
  AND NOT EXISTS (
    SELECT 1 FROM messages a WHERE a.session_id = m.session_id AND a.about = m.wa_id AND (a.timestamp >= ? OR NOT a.${IS_OVER})
  )
  AND NOT EXISTS (SELECT 1 FROM messages t WHERE t.session_id = m.session_id AND t.wa_id = m.about)
  ORDER BY timestamp LIMIT ?`;

export function messages(db: Database, seal: Seal): Store['messages'] {
  return {
    async enqueue(outgoing) {
      const { sessionId, request, idempotencyKey, inquiry } = outgoing;
      return db.transaction(() => {
        const known =
          idempotencyKey &&
          db.get('SELECT * FROM messages WHERE session_id = ? AND idempotency_key = ?', sessionId, idempotencyKey);
        if (known) return { message: sameRequest(toMessage(known), request), fresh: false };
        const message = insertOutgoing(db, outgoing);
        if (inquiry) openInquiry(db, seal, message, inquiry, insertReminder(db, outgoing, inquiry));
        return { message, fresh: true };
      });
    },
    async get(sessionId, msgId) {
      const row = db.get('SELECT * FROM messages WHERE session_id = ? AND msg_id = ?', sessionId, msgId);
      return row && toMessage(row);
    },
    async find(sessionId, waId) {
      const row = db.get(
        'SELECT * FROM messages WHERE session_id = ? AND wa_id = ? ORDER BY from_me DESC LIMIT 1',
        sessionId,
        waId,
      );
      return row && toMessage(row);
    },
    async content(sessionId, { waId, fromMe, sender }) {
      const row = db.get(
        'SELECT content FROM messages WHERE session_id = ? AND wa_id = ? AND from_me = ? AND sender = ?',
        sessionId,
        waId,
        fromMe ? 1 : 0,
        sender,
      );
      return (row?.['content'] as Buffer | null | undefined) ?? undefined;
    },
    async about(sessionId, waId) {
      return messagesAbout(db, sessionId, waId);
    },
    async last(sessionId, chat) {
      const row = db.get(
        'SELECT * FROM messages WHERE session_id = ? AND chat = ? AND content IS NOT NULL ORDER BY msg_id DESC LIMIT 1',
        sessionId,
        chat,
      );
      return row && toMessage(row);
    },
    async list(sessionId, { chats, before = Number.MAX_SAFE_INTEGER }, limit) {
      return db
        .all(
          `SELECT * FROM messages WHERE session_id = ? AND msg_id < ? AND about IS NULL AND content IS NOT NULL
           ${chats ? 'AND chat IN (SELECT value FROM json_each(?))' : ''} ORDER BY msg_id DESC LIMIT ?`,
          ...[sessionId, before, ...(chats ? [JSON.stringify(chats)] : []), limit],
        )
        .map(toMessage);
    },
    async polls(sessionId, { search = '' }, { offset, limit } = { offset: 0, limit: Infinity }) {
      const sought = folded(search);
      const found = db
        .all(
          `SELECT msg_id, poll FROM messages WHERE session_id = ? AND ${IS_SENT_POLL} ORDER BY msg_id DESC`,
          sessionId,
        )
        .filter(({ poll }) => folded(String(poll)).includes(sought));
      const items = found
        .slice(offset, offset + limit)
        .map(({ msg_id: msgId }) => toMessage(db.get('SELECT * FROM messages WHERE msg_id = ?', Number(msgId))!));
      return { items, total: found.length };
    },
    async sessionOf(msgId) {
      const row = db.get('SELECT session_id FROM messages WHERE msg_id = ?', msgId);
      return row && Number(row['session_id']);
    },
    async accepted(sessionId, idempotencyKey) {
      const row = db.get(
        'SELECT * FROM messages WHERE session_id = ? AND idempotency_key = ?',
        sessionId,
        idempotencyKey,
      );
      return row && toMessage(row);
    },
    async receipts(msgId) {
      return db
        .all('SELECT member, status, at FROM receipts WHERE msg_id = ? ORDER BY at, status', msgId)
        .map((row) => ({
          member: String(row['member']),
          status: Number(row['status']) as MessageStatus,
          at: Number(row['at']),
        }));
    },
    async logs(sessionId, { offset, limit }) {
      // What is about another message (a reaction, an edit …) is no entry of its own.
      const sent = 'FROM messages WHERE session_id = ? AND request IS NOT NULL AND about IS NULL';
      return {
        total: Number(db.get(`SELECT count(*) AS total ${sent}`, sessionId)?.['total'] ?? 0),
        items: db
          .all(`SELECT * ${sent} ORDER BY msg_id DESC LIMIT ? OFFSET ?`, sessionId, limit, offset)
          .map(toMessage),
      };
    },
    async resend(sessionId, msgId) {
      const { changes } = db.run(
        `UPDATE messages SET status = ?, send = 'queued', attempts = 0, error = NULL, unknown = 0, expires_at = NULL, updated_at = ?
         WHERE session_id = ? AND msg_id = ? AND from_me = 1 AND request IS NOT NULL AND status = ? AND send = 'done'`,
        MESSAGE_STATUS.pending,
        Date.now(),
        sessionId,
        msgId,
        MESSAGE_STATUS.error,
      );
      return changes > 0;
    },
    async queued(sessionId, limit, { exceptChats = [], chatsOnly = false, aboutOnly = false } = {}) {
      const more = `${chatsOnly ? `AND ${OF_A_CHAT}` : ''} ${aboutOnly ? `AND ${ABOUT_WHAT_HAS_LEFT}` : ''}`;
      return db
        .all(
          `SELECT * FROM messages WHERE session_id = ? AND send = 'queued' AND ${TO_SEND}
           AND chat NOT IN (SELECT value FROM json_each(?)) ${more}
           ORDER BY coalesce(behind, msg_id), send_at, msg_id LIMIT ?`,
          ...[sessionId, JSON.stringify(exceptChats), limit],
        )
        .map(toMessage);
    },
    async waiting(sessionId) {
      const row = db.get(
        `SELECT count(*) AS total FROM messages WHERE session_id = ? AND send = 'queued' AND ${TO_SEND}`,
        sessionId,
      );
      return Number(row?.['total'] ?? 0);
    },
    async written(msgId, { content, lid }) {
      return db.transaction(() => {
        const { changes } = db.run(
          "UPDATE messages SET send = 'written', content = ?, lid = ?, attempts = attempts + 1, written_at = ? WHERE msg_id = ? AND send = 'queued'",
          content,
          lid,
          Date.now(),
          msgId,
        );
        if (changes > 0) noteAsked(db, msgId, db.now());
        return changes > 0;
      });
    },
    async retry(msgId) {
      // `written` has counted the try already.
      db.run(
        `UPDATE messages SET attempts = attempts + (send = 'queued'), send = 'queued' WHERE msg_id = ? AND ${TO_SEND}`,
        msgId,
      );
    },
    async postpone(msgId) {
      db.run(
        `UPDATE messages SET attempts = attempts - (send = 'written'), send = 'queued' WHERE msg_id = ? AND ${TO_SEND}`,
        msgId,
      );
    },
    async requeue(sessionId, writtenBefore) {
      return db.run(
        `UPDATE messages SET send = 'queued' WHERE session_id = ? AND send = 'written' AND ${TO_SEND} AND written_at <= ?`,
        sessionId,
        writtenBefore,
      ).changes;
    },
    async prune(before, limit) {
      return db.transaction(() => {
        const old = db.all(PRUNABLE, before, before, limit);
        for (const { msg_id: msgId, session_id: sessionId, wa_id: waId } of old) {
          db.run('DELETE FROM messages WHERE msg_id = ?', Number(msgId));
          db.run('DELETE FROM messages WHERE session_id = ? AND about = ?', Number(sessionId), String(waId));
        }
        return old.length;
      });
    },
  };
}

function insertOutgoing(
  db: Database,
  { sessionId, waId, chat, request, about, logged, timestamp, idempotencyKey, schedule }: NewOutgoing,
): MessageRecord {
  const row = db.get(
    `INSERT INTO messages
       (session_id, wa_id, chat, from_me, sender, request, about, logged, status, send, timestamp, idempotency_key,
        send_at, try_at, expires_at, poll)
     VALUES (?, ?, ?, 1, '', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *`,
    sessionId,
    waId,
    chat,
    JSON.stringify(request),
    about ?? null,
    logged ? 1 : 0,
    MESSAGE_STATUS.pending,
    schedule ? 'scheduled' : 'queued',
    timestamp,
    idempotencyKey ?? null,
    ...[schedule?.sendAt ?? null, schedule?.sendAt ?? null, schedule?.expiresAt ?? null],
    request.poll?.question ?? null,
  );
  return toMessage(row!);
}

function insertReminder(
  db: Database,
  { sessionId, waId: replyTo, chat, request, logged, timestamp }: NewOutgoing,
  { reminder }: NewInquiry,
): MessageRecord | undefined {
  if (!reminder) return undefined;
  const { waId, text, schedule } = reminder;
  const reminding = { to: request.to, text, replyTo };
  return insertOutgoing(db, { sessionId, waId, chat, request: reminding, logged, timestamp, schedule });
}

function sameRequest(message: MessageRecord, request: SendRequest): MessageRecord {
  if (message.request?.changed) return message;
  // A file is fetched anew for every request; what it was fetched from is part of the request.
  const asked = (one: SendRequest | null) => JSON.stringify({ ...one, file: undefined });
  if (asked(message.request) === asked(request)) return message;
  throw new EngineError(
    'idempotency_mismatch',
    'This Idempotency-Key was used for another message. Use a new key for each message.',
  );
}

function messagesAbout(db: Database, sessionId: number, waId: string): MessageRecord[] {
  return db
    .all('SELECT * FROM messages WHERE session_id = ? AND about = ? ORDER BY msg_id', sessionId, waId)
    .map(toMessage);
}

const byWaId = (db: Database, sessionId: number, waId: string) =>
  db.get('SELECT * FROM messages WHERE session_id = ? AND wa_id = ? ORDER BY from_me DESC LIMIT 1', sessionId, waId);

/**
 * Stores a message that is not known yet, or was known as unreadable and can be read now; answers it with the events it
 * brings. `undefined` for a repeated one.
 */
export function insertMessage(
  db: Database,
  sessionId: number,
  message: NewMessage,
): { message: MessageRecord; events: NewEvent[]; known: Known } | undefined {
  const { about } = message;
  const sender = (message.resent && resentSender(db, sessionId, message)) ?? message.sender;
  const existed = db.get(
    'SELECT 1 FROM messages WHERE session_id = ? AND wa_id = ? AND from_me = ? AND sender = ?',
    ...[sessionId, message.waId, message.fromMe ? 1 : 0, sender],
  );
  const row = db.get(
    `INSERT INTO messages
       (session_id, wa_id, chat, lid, from_me, sender, participant, content, about, status, timestamp, poll)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (session_id, wa_id, from_me, sender)
       DO UPDATE SET content = excluded.content, about = excluded.about, poll = excluded.poll
       WHERE messages.content IS NULL AND messages.request IS NULL AND excluded.content IS NOT NULL
     RETURNING *`,
    sessionId,
    message.waId,
    message.chat,
    message.lid,
    message.fromMe ? 1 : 0,
    sender,
    message.participant ?? null,
    message.content,
    about ?? null,
    message.status,
    message.timestamp,
    message.poll ?? null,
  );
  if (!row) return undefined;
  const known = { ...knownAbout(db, sessionId, about ?? null), recovered: Boolean(existed) };
  return { message: toMessage(row), events: message.events(known), known };
}

/** The sender under whom the message is known: as one that could not be read, or by an earlier answer of the phone. */
function resentSender(db: Database, sessionId: number, { waId, fromMe }: NewMessage): string | undefined {
  const row = db.get(
    `SELECT sender FROM messages WHERE session_id = ? AND wa_id = ? AND from_me = ?
     AND request IS NULL ORDER BY content IS NOT NULL LIMIT 1`,
    ...[sessionId, waId, fromMe ? 1 : 0],
  );
  return row && String(row['sender']);
}

function knownAbout(db: Database, sessionId: number, about: string | null): Known {
  return {
    target: () => {
      const found = about === null ? undefined : byWaId(db, sessionId, about);
      return found && toMessage(found);
    },
    others: () => (about === null ? [] : messagesAbout(db, sessionId, about)),
    recovered: false,
  };
}

/** Notes what a member of a group has done with a message of ours; answers the events, none for what is known. */
export function applyReceipt(db: Database, sessionId: number, receipt: GroupReceipt): NewEvent[] {
  const row = db.get(
    'SELECT * FROM messages WHERE session_id = ? AND wa_id = ? AND from_me = 1 AND chat = ? LIMIT 1',
    sessionId,
    receipt.waId,
    receipt.chat,
  );
  if (!row) return [];
  const message = toMessage(row);
  const { changes } = db.run(
    'INSERT OR IGNORE INTO receipts (msg_id, member, status, at) VALUES (?, ?, ?, ?)',
    message.msgId,
    receipt.member,
    receipt.status,
    receipt.at,
  );
  return changes > 0 ? receipt.events(message, findContact(db, sessionId, receipt.member)) : [];
}

/**
 * Notes a later word on an own message, and what it says about the chat. Statuses only rise; `error` (0) counts only
 * before WhatsApp has taken the message. Answers the events, and the message when its outcome has become known with this.
 */
export function applyOutcome(
  db: Database,
  sessionId: number,
  outcome: MessageOutcome,
): { events: NewEvent[]; settled: MessageRecord | undefined } {
  const none = { events: [], settled: undefined };
  const row = db.get(
    'SELECT * FROM messages WHERE session_id = ? AND wa_id = ? AND from_me = 1 LIMIT 1',
    sessionId,
    outcome.waId,
  );
  if (!row) return none;
  const before = toMessage(row);
  const open = before.status === MESSAGE_STATUS.pending;
  const failed = outcome.status === MESSAGE_STATUS.error;
  if (outcome.provided && !outcome.provided(before)) return none;
  if (failed ? !open : outcome.status <= before.status) return none;
  const after: MessageRecord = {
    ...before,
    ...{ status: outcome.status, error: outcome.error ?? null, unknown: outcome.unknown ?? false, send: 'done' },
  };
  db.run(
    "UPDATE messages SET status = ?, error = ?, unknown = ?, send = 'done', updated_at = ? WHERE msg_id = ?",
    after.status,
    after.error,
    after.unknown ? 1 : 0,
    Date.now(),
    after.msgId,
  );
  if (outcome.at !== undefined && !failed) noteAsked(db, after.msgId, outcome.at);
  const events = outcome.events(after, before.status, knownAbout(db, sessionId, after.about));
  if (!open && before.status !== MESSAGE_STATUS.error) return { events, settled: undefined };
  const news = outcome.directory?.(after);
  return { events: news ? [...events, ...applyNews(db, sessionId, news)] : events, settled: after };
}

export function toMessage(row: Row): MessageRecord {
  return {
    msgId: Number(row['msg_id']),
    sessionId: Number(row['session_id']),
    waId: String(row['wa_id']),
    chat: String(row['chat']),
    lid: row['lid'] as string | null,
    fromMe: row['from_me'] === 1,
    sender: String(row['sender']),
    participant: row['participant'] as string | null,
    request: row['request'] === null ? null : (JSON.parse(String(row['request'])) as SendRequest),
    content: row['content'] as Buffer | null,
    status: Number(row['status']) as MessageStatus,
    send: row['send'] as MessageRecord['send'],
    sendAt: row['send_at'] as number | null,
    expiresAt: row['expires_at'] as number | null,
    attempts: Number(row['attempts']),
    error: row['error'] as string | null,
    unknown: row['unknown'] === 1,
    about: row['about'] as string | null,
    logged: row['logged'] === 1,
    timestamp: Number(row['timestamp']),
    updatedAt: Number(row['updated_at'] ?? row['timestamp']),
  };
}
