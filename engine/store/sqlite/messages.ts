import { EngineError } from '../../errors.ts';
import type { NewEvent } from '../../events.ts';
import { MESSAGE_STATUS, type MessageRecord, type MessageStatus, type SendRequest } from '../../model.ts';
import type { MessageOutcome, NewMessage, Store } from '../store.ts';
import type { Database, Row } from './database.ts';

/** The condition of the index `messages_to_send`, word for word: without it SQLite reads every message there is. */
const TO_SEND = "send <> 'done'";

export function messages(db: Database): Store['messages'] {
  return {
    async enqueue({ sessionId, waId, chat, request, timestamp, idempotencyKey }) {
      return db.transaction(() => {
        const known =
          idempotencyKey &&
          db.get('SELECT * FROM messages WHERE session_id = ? AND idempotency_key = ?', sessionId, idempotencyKey);
        if (known) return { message: sameRequest(toMessage(known), request), fresh: false };
        const row = db.get(
          `INSERT INTO messages (session_id, wa_id, chat, from_me, sender, request, status, send, timestamp, idempotency_key)
           VALUES (?, ?, ?, 1, '', ?, ?, 'queued', ?, ?) RETURNING *`,
          sessionId,
          waId,
          chat,
          JSON.stringify(request),
          MESSAGE_STATUS.pending,
          timestamp,
          idempotencyKey ?? null,
        );
        return { message: toMessage(row!), fresh: true };
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
    async queued(sessionId, limit) {
      return db
        .all(
          `SELECT * FROM messages WHERE session_id = ? AND send = 'queued' AND ${TO_SEND} ORDER BY msg_id LIMIT ?`,
          sessionId,
          limit,
        )
        .map(toMessage);
    },
    async written(msgId, { content, lid }) {
      db.run(
        "UPDATE messages SET send = 'written', content = ?, lid = ?, attempts = attempts + 1, written_at = ? WHERE msg_id = ? AND send = 'queued'",
        content,
        lid,
        Date.now(),
        msgId,
      );
    },
    async retry(msgId) {
      // `written` has counted the try already.
      db.run(
        `UPDATE messages SET attempts = attempts + (send = 'queued'), send = 'queued' WHERE msg_id = ? AND ${TO_SEND}`,
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
  };
}

function sameRequest(message: MessageRecord, request: SendRequest): MessageRecord {
  if (JSON.stringify(message.request) === JSON.stringify(request)) return message;
  throw new EngineError(
    'idempotency_mismatch',
    'This Idempotency-Key was used for another message. Use a new key for each message.',
  );
}

/** Stores a message that is not known yet; answers the events it brings, none for a repeated one. */
export function insertMessage(db: Database, sessionId: number, message: NewMessage): NewEvent[] {
  const { changes } = db.run(
    `INSERT INTO messages (session_id, wa_id, chat, lid, from_me, sender, content, status, timestamp)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    sessionId,
    message.waId,
    message.chat,
    message.lid,
    message.fromMe ? 1 : 0,
    message.sender,
    message.content,
    message.status,
    message.timestamp,
  );
  return changes > 0 ? message.events : [];
}

/**
 * Notes a later word on an own message. Statuses only rise; `error` (0) counts only before WhatsApp has taken the
 * message. Answers the events, and the message when its outcome has become known with this.
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
  if (failed ? !open : outcome.status <= before.status) return none;
  const after: MessageRecord = { ...before, status: outcome.status, error: outcome.error ?? null, send: 'done' };
  db.run(
    "UPDATE messages SET status = ?, error = ?, send = 'done' WHERE msg_id = ?",
    after.status,
    after.error,
    after.msgId,
  );
  return { events: outcome.events(after, before.status), settled: open ? after : undefined };
}

function toMessage(row: Row): MessageRecord {
  return {
    msgId: Number(row['msg_id']),
    sessionId: Number(row['session_id']),
    waId: String(row['wa_id']),
    chat: String(row['chat']),
    lid: row['lid'] as string | null,
    fromMe: row['from_me'] === 1,
    sender: String(row['sender']),
    request: row['request'] === null ? null : (JSON.parse(String(row['request'])) as SendRequest),
    content: row['content'] as Buffer | null,
    status: Number(row['status']) as MessageStatus,
    send: row['send'] as MessageRecord['send'],
    attempts: Number(row['attempts']),
    error: row['error'] as string | null,
    timestamp: Number(row['timestamp']),
  };
}
