import { MESSAGE_STATUS, type InquiryAnswer, type InquiryRecord, type MessageRecord } from '../../model.ts';
import { closingEvent, findAnswer, type Closed, type Heard } from '../inquiry.ts';
import type { Seal } from '../seal.ts';
import type { Committed, Known, NewInquiry, NewMessage, Said, Store } from '../store.ts';
import { otherAddresses } from './contacts.ts';
import type { Database, Row } from './database.ts';
import { appendEvent } from './events.ts';
import { putSubscription } from './subscriptions.ts';

/** The events go on being tried for so long after the inquiry was closed; longer than the retries of a receiver take. */
const CALLBACK_STAYS_MS = 7 * 86_400_000;

export function inquiries(db: Database): Store['inquiries'] {
  return {
    async get(sessionId, id) {
      const row = db.get('SELECT * FROM inquiries WHERE session_id = ? AND id = ?', sessionId, id);
      return row && toInquiry(row);
    },
    async ofMessage(sessionId, msgId) {
      const row = db.get('SELECT * FROM inquiries WHERE session_id = ? AND msg_id = ?', sessionId, msgId);
      return row && toInquiry(row);
    },
    async chatsOf(sessionId, callbackUrl) {
      return db
        .all(
          `SELECT DISTINCT chat FROM inquiries WHERE session_id = ? AND subscription_id IN (
             SELECT id FROM subscriptions WHERE session_id = ? AND origin = 'inquiry' AND url = ?)`,
          ...[sessionId, sessionId, callbackUrl],
        )
        .map((row) => String(row['chat']));
    },
    async list(sessionId, { status }, { offset, limit }) {
      const where = 'FROM inquiries WHERE session_id = ? AND status = coalesce(?, status)';
      const total = Number(db.get(`SELECT count(*) AS total ${where}`, sessionId, status ?? null)!['total']);
      const items = db
        .all(`SELECT * ${where} ORDER BY seq DESC LIMIT ? OFFSET ?`, sessionId, status ?? null, limit, offset)
        .map(toInquiry);
      return { items, total };
    },
    async cancel(sessionId, id) {
      return db.transaction(() => {
        const row = db.get(
          `SELECT * FROM inquiries WHERE session_id = ? AND id = ? AND status = 'open'`,
          sessionId,
          id,
        );
        return row && close(db, toInquiry(row), { status: 'cancelled' });
      });
    },
    async ends() {
      return db
        .all(
          `SELECT session_id, min(expires_at) AS at FROM inquiries INDEXED BY inquiries_by_end
           WHERE status = 'open' AND expires_at IS NOT NULL GROUP BY session_id`,
        )
        .map((row) => ({ sessionId: Number(row['session_id']), at: Number(row['at']) }));
    },
    async prune(before, limit) {
      return db.run(
        `DELETE FROM inquiries WHERE seq IN (
           SELECT seq FROM inquiries WHERE status <> 'open' AND closed_at < ? ORDER BY closed_at LIMIT ?)`,
        before,
        limit,
      ).changes;
    },
  };
}

/** Opens an inquiry with the message that asks. `reminder` waits for its time already. */
export function openInquiry(
  db: Database,
  seal: Seal,
  { sessionId, msgId, waId, chat }: MessageRecord,
  { id, kind, question, options, person, replyOnly, expiresAt, createdAt, callback }: NewInquiry,
  reminder: MessageRecord | undefined,
): void {
  const subscriptionId = callback ? openCallback(db, seal, sessionId, callback) : null;
  db.run(
    `INSERT INTO inquiries (id, session_id, msg_id, wa_id, reminder_msg_id, reminder_wa_id, chat, person, kind, question,
       options, reply_only, subscription_id, created_at, expires_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[id, sessionId, msgId, waId, reminder?.msgId ?? null, reminder?.waId ?? null, chat, person, kind, question],
    ...[JSON.stringify(options), replyOnly ? 1 : 0, subscriptionId, createdAt, expiresAt],
  );
}

/** Whoever waits at a URL waits for one answer at a time: what it was to be told before, it is not told any more. */
function openCallback(
  db: Database,
  seal: Seal,
  sessionId: number,
  { url, secret }: NonNullable<NewInquiry['callback']>,
): string {
  const { id } = putSubscription(db, seal, {
    ...{ sessionId, origin: 'inquiry', url, events: [], format: 'standard', secret, expiresAt: null },
  });
  const waiting = db.all("SELECT * FROM inquiries WHERE subscription_id = ? AND status = 'open'", id).map(toInquiry);
  for (const inquiry of waiting) close(db, inquiry, { status: 'cancelled' });
  db.run("DELETE FROM deliveries WHERE subscription_id = ? AND status <> 'delivered'", id);
  db.run('UPDATE subscriptions SET expires_at = NULL WHERE id = ?', id);
  return id;
}

/** The message leaves now, should it be a question, or has left then; the earlier of both is when it was asked. */
export function noteAsked(db: Database, msgId: number, at: number): void {
  db.run('UPDATE inquiries SET asked_at = ? WHERE msg_id = ? AND (asked_at IS NULL OR asked_at > ?)', at, msgId, at);
}

/** Closes the inquiry that a message answers, if it answers one. */
export function takeAnswer(
  db: Database,
  message: MessageRecord,
  { said }: Pick<NewMessage, 'said'>,
  known: Known,
): Closed | undefined {
  const { sessionId } = message;
  if (!said || !db.get("SELECT 1 FROM inquiries WHERE session_id = ? AND status = 'open' LIMIT 1", sessionId)) {
    return undefined;
  }
  const addresses = addressesOf(db, sessionId, said);
  const heard = heardFrom(message, said, known);
  const found = findAnswer(askedOf(db, message, addresses, heard), heard, db.now());
  if (!found) return undefined;
  const answer: InquiryAnswer = {
    ...found.answer,
    respondedAt: new Date(message.timestamp).toISOString(),
    from: personOf(addresses, said.name),
    messageId: message.waId,
    type: said.type ?? 'unknown',
  };
  return close(db, found.inquiry, { status: 'answered', answer }) as Closed;
}

/**
 * The outcome of a message is known: an inquiry whose question will never be sent is over. Whether it has arrived is
 * unknown of some that were given up: an answer may tell.
 */
export function failInquiry(db: Database, { msgId, status, error, unknown }: MessageRecord): Closed | undefined {
  if (status !== MESSAGE_STATUS.error || unknown) return undefined;
  const row = db.get("SELECT * FROM inquiries WHERE msg_id = ? AND status = 'open'", msgId);
  return row && (close(db, toInquiry(row), { status: 'failed', error: error ?? 'it could not be sent' }) as Closed);
}

/** Closes those whose question has left. */
export function failAsked(db: Database, sessionId: number, error: string): Closed[] {
  return db
    .all(
      "SELECT * FROM inquiries WHERE session_id = ? AND status = 'open' AND asked_at IS NOT NULL ORDER BY seq",
      sessionId,
    )
    .map((row) => close(db, toInquiry(row), { status: 'failed', error }) as Closed);
}

/** Closes those whose time is over. */
export function expireInquiries(
  db: Database,
  sessionId: number,
  { by, limit }: { by: number; limit: number },
): Closed[] {
  return db
    .all(
      `SELECT * FROM inquiries WHERE session_id = ? AND status = 'open' AND expires_at <= ? ORDER BY expires_at, seq LIMIT ?`,
      ...[sessionId, by, limit],
    )
    .map((row) => close(db, toInquiry(row), { status: 'expired' }) as Closed);
}

/** Appends the event that tells of a closed inquiry, with its delivery to whoever has asked. */
export function appendClosing(db: Database, seal: Seal, inquiry: Closed): ReturnType<typeof appendEvent> {
  const { sessionId, chat, id } = inquiry;
  const lane = chat.endsWith('@s.whatsapp.net') ? (otherAddresses(db, sessionId, [chat]).get(chat) ?? chat) : chat;
  const { envelope, due } = appendEvent(db, seal, sessionId, closingEvent(inquiry, lane));
  const callback: Committed['due'] = db
    .all(
      `INSERT INTO deliveries (subscription_id, seq, lane, next_attempt_at)
       SELECT s.id, ?, ?, ? FROM subscriptions s JOIN inquiries i ON i.subscription_id = s.id WHERE i.id = ?
       RETURNING subscription_id`,
      ...[envelope.seq, lane, db.now(), id],
    )
    .map((row) => ({ subscriptionId: String(row['subscription_id']), lane }));
  return { envelope, due: [...due, ...callback] };
}

/** The inquiries that a message may be about: open ones in its chat to who has written it, and the one that it names. */
function askedOf(
  db: Database,
  { sessionId, chat }: MessageRecord,
  addresses: readonly string[],
  { about, quotes }: Heard,
): InquiryRecord[] {
  const people = JSON.stringify(addresses);
  const name = about ?? quotes ?? null;
  const isPrivate = addresses.includes(chat);
  return db
    .all(
      `SELECT * FROM (
         SELECT * FROM inquiries WHERE session_id = ?1 AND person IN (SELECT value FROM json_each(?2)) AND status = 'open'
         UNION SELECT * FROM inquiries WHERE session_id = ?1 AND wa_id = ?5
         UNION SELECT * FROM inquiries WHERE session_id = ?1 AND reminder_wa_id = ?5
       ) WHERE person IN (SELECT value FROM json_each(?2))
         AND (chat = ?3 OR (?4 AND chat IN (SELECT value FROM json_each(?2))))
       ORDER BY seq DESC`,
      ...[sessionId, people, chat, isPrivate ? 1 : 0, name],
    )
    .map(toInquiry);
}

function heardFrom({ timestamp: at, about }: MessageRecord, said: Said, known: Known): Heard {
  const { text, quotes, emoji, chosen } = said;
  return {
    ...{ at, text },
    ...(about !== null && { about }),
    ...(quotes !== undefined && { quotes }),
    ...(emoji !== undefined && { emoji }),
    ...(chosen && { chosen: chosen(known) }),
  };
}

/** All addresses by which the person is known. */
function addressesOf(db: Database, sessionId: number, { jid, lid }: Said): string[] {
  const told = [jid, lid].filter((one) => one !== undefined);
  return [...new Set([...told, ...otherAddresses(db, sessionId, told).values()])];
}

function personOf(addresses: readonly string[], name: string | undefined): InquiryAnswer['from'] {
  const number = addresses.find((one) => one.endsWith('@s.whatsapp.net'));
  const lid = addresses.find((one) => one.endsWith('@lid'));
  return {
    jid: number ?? lid ?? addresses[0]!,
    ...(lid && { lid }),
    ...(number && { phone: number.slice(0, number.indexOf('@')) }),
    ...(name !== undefined && { name }),
  };
}

/** From here on nothing is an answer any more. What has not left of question and reminder never does. */
function close(
  db: Database,
  { id }: InquiryRecord,
  { status, answer, error }: Pick<InquiryRecord, 'status'> & Partial<Pick<InquiryRecord, 'answer' | 'error'>>,
): InquiryRecord {
  const now = db.now();
  const row = db.get(
    'UPDATE inquiries SET status = ?, answer = ?, error = ?, closed_at = ? WHERE id = ? RETURNING *',
    ...[status, answer ? JSON.stringify(answer) : null, error ?? null, now, id],
  )!;
  db.run(
    `UPDATE messages SET send = 'cancelled', status = ?, error = 'its inquiry was over before it left', updated_at = ?
     WHERE msg_id IN (?, ?) AND (send = 'scheduled' OR (send = 'queued' AND content IS NULL))`,
    ...[MESSAGE_STATUS.error, Date.now(), Number(row['msg_id']), row['reminder_msg_id'] as number | null],
  );
  db.run(
    'UPDATE subscriptions SET expires_at = ? WHERE id = ?',
    now + CALLBACK_STAYS_MS,
    row['subscription_id'] as string | null,
  );
  return toInquiry(row);
}

function toInquiry(row: Row): InquiryRecord {
  const number = (column: string) => (row[column] === null ? null : Number(row[column]));
  return {
    id: String(row['id']),
    sessionId: Number(row['session_id']),
    msgId: Number(row['msg_id']),
    waId: String(row['wa_id']),
    reminderWaId: row['reminder_wa_id'] as string | null,
    chat: String(row['chat']),
    person: String(row['person']),
    kind: row['kind'] as InquiryRecord['kind'],
    question: String(row['question']),
    options: JSON.parse(String(row['options'])) as string[],
    replyOnly: row['reply_only'] === 1,
    status: row['status'] as InquiryRecord['status'],
    answer: row['answer'] === null ? null : (JSON.parse(String(row['answer'])) as InquiryAnswer),
    error: row['error'] as string | null,
    createdAt: Number(row['created_at']),
    askedAt: number('asked_at'),
    expiresAt: number('expires_at'),
    closedAt: number('closed_at'),
  };
}
