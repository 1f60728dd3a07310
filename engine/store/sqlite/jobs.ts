import { EngineError } from '../../errors.ts';
import {
  OUTCOMES,
  type JobRecord,
  type JobStatus,
  type Outcome,
  type Reason,
  type RecipientRecord,
  type Skip,
} from '../../model.ts';
import type { NewEvent } from '../../events.ts';
import type { JobChange, NewRecipient, OutcomeCounts, Store } from '../store.ts';
import type { Database, Row } from './database.ts';
import { TO_SEND } from './messages.ts';

/** Recipients with their messages; the outcome of who was written to is the status of the message. */
const RECIPIENTS = 'FROM job_recipients r JOIN jobs j ON j.id = r.job_id LEFT JOIN messages m ON m.msg_id = r.msg_id';
const OUTCOME = `CASE r.state
  WHEN 'accepted' THEN CASE coalesce(m.status, 2)
    WHEN 0 THEN 'failed' WHEN 1 THEN 'queued' WHEN 2 THEN 'sent' WHEN 3 THEN 'delivered' ELSE 'read' END
  WHEN 'pending' THEN iif(j.status = 'cancelled', 'cancelled', 'pending')
  ELSE r.state END`;

const ENDED = "('completed', 'cancelled')";

/**
 * Indexes are named where SQLite, which knows nothing of how many rows there are, would otherwise read all recipients of
 * a job, or all messages of a session, for every message that is sent.
 */
export function jobs(db: Database): Store['jobs'] {
  return {
    async create({ sessionId, name, request, everyMs, source, createdAt, idempotencyKey }, recipients) {
      return db.transaction(() => {
        const known = idempotencyKey === undefined ? undefined : accepted(db, sessionId, idempotencyKey, source);
        if (known) return { job: known, fresh: false };
        const row = db.get(
          `INSERT INTO jobs (session_id, name, request, every_ms, status, source, idempotency_key, created_at)
           VALUES (?, ?, ?, ?, 'ready', ?, ?, ?) RETURNING *`,
          ...[sessionId, name, JSON.stringify(request), everyMs, source, idempotencyKey ?? null, createdAt],
        )!;
        insertRecipients(db, Number(row['id']), recipients);
        return { job: toJob(row), fresh: true };
      });
    },
    async get(sessionId, id) {
      const row = db.get('SELECT * FROM jobs WHERE session_id = ? AND id = ?', sessionId, id);
      return row && toJob(row);
    },
    async accepted(sessionId, idempotencyKey, source) {
      return accepted(db, sessionId, idempotencyKey, source);
    },
    async list(sessionId, { status }, { offset, limit }) {
      const where = 'FROM jobs WHERE session_id = ? AND status = coalesce(?, status)';
      const total = Number(db.get(`SELECT count(*) AS total ${where}`, sessionId, status ?? null)!['total']);
      const items = db
        .all(`SELECT * ${where} ORDER BY id DESC LIMIT ? OFFSET ?`, sessionId, status ?? null, limit, offset)
        .map(toJob);
      return { items, total };
    },
    async open() {
      return db.all("SELECT * FROM jobs WHERE status IN ('running', 'paused') ORDER BY id").map(toJob);
    },
    async counts(id) {
      return counts(db, id);
    },
    async recipients(id, { outcome }, { offset, limit }) {
      const where = `${RECIPIENTS} WHERE r.job_id = ?${outcome ? ` AND ${OUTCOME} = ?` : ''}`;
      const values = outcome ? [id, outcome] : [id];
      const total = Number(db.get(`SELECT count(*) AS total ${where}`, ...values)!['total']);
      const items = db
        .all(`SELECT ${SHOWN} ${where} ORDER BY r.position LIMIT ? OFFSET ?`, ...values, limit, offset)
        .map(toRecipient);
      return { items, total };
    },
    async next(id) {
      const row = db.get(
        `SELECT ${SHOWN} ${RECIPIENTS} WHERE r.job_id = ? AND r.position = (
           SELECT position FROM job_recipients INDEXED BY job_recipients_pending
           WHERE job_id = ? AND state = 'pending' ORDER BY position LIMIT 1)`,
        id,
        id,
      );
      return row && toRecipient(row);
    },
    async underWay(id) {
      const row = db.get(
        `SELECT count(*) AS total FROM messages INDEXED BY messages_to_send JOIN job_recipients r USING (msg_id)
         WHERE session_id = (SELECT session_id FROM jobs WHERE id = ?) AND ${TO_SEND} AND r.job_id = ?`,
        id,
        id,
      );
      return Number(row!['total']);
    },
    async reached(id, addresses) {
      const row = db.get(
        `SELECT 1 FROM job_recipients INDEXED BY job_recipients_by_chat WHERE job_id = ? AND state = 'accepted'
         AND chat IN (SELECT value FROM json_each(?)) LIMIT 1`,
        id,
        JSON.stringify(addresses),
      );
      return row !== undefined;
    },
    async settle(id, position, as) {
      const [state, skipped, detail, msgId] =
        'msgId' in as
          ? ['accepted', null, null, as.msgId]
          : 'skipped' in as
            ? ['skipped', as.skipped, as.detail, null]
            : ['failed', null, as.failed, null];
      // What was accepted is found again by its idempotency key, so this is not worth waiting for the disk.
      db.light(() =>
        db.run(
          `UPDATE job_recipients SET state = ?, skipped = ?, detail = ?, msg_id = ?
           WHERE job_id = ? AND position = ? AND state = 'pending'`,
          ...[state!, skipped!, detail!, msgId!],
          id,
          position,
        ),
      );
    },
    async delete(sessionId, id) {
      const { changes } = db.run(
        `DELETE FROM jobs WHERE session_id = ? AND id = ? AND status IN ('ready', 'completed', 'cancelled')`,
        sessionId,
        id,
      );
      return changes > 0;
    },
    async prune(before, limit) {
      return db.run('DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE ended_at < ? LIMIT ?)', before, limit)
        .changes;
    },
  };
}

const SHOWN = `r.position, r.recipient, r.chat, r.variables, r.skipped, r.msg_id, ${OUTCOME} AS outcome,
  coalesce(r.detail, iif(m.status = 0, m.error, NULL)) AS detail, coalesce(m.updated_at, m.timestamp) AS updated_at`;

/** One statement for all of them: a hundred thousand calls of the driver would hold up the engine for seconds. */
function insertRecipients(db: Database, jobId: number, recipients: readonly NewRecipient[]): void {
  const rows = recipients.map(({ to, chat, variables, skipped, detail }) => [
    ...[to, chat, Object.keys(variables).length > 0 ? JSON.stringify(variables) : null, skipped, detail],
  ]);
  db.run(
    `INSERT INTO job_recipients (job_id, position, recipient, chat, variables, state, skipped, detail)
     SELECT ?, key, value ->> 0, value ->> 1, value ->> 2, iif(value ->> 3 IS NULL, 'pending', 'skipped'),
       value ->> 3, value ->> 4
     FROM json_each(?)`,
    jobId,
    JSON.stringify(rows),
  );
}

function accepted(db: Database, sessionId: number, idempotencyKey: string, source: string): JobRecord | undefined {
  const row = db.get('SELECT * FROM jobs WHERE session_id = ? AND idempotency_key = ?', sessionId, idempotencyKey);
  const job = row && toJob(row);
  if (!job || job.source === source) return job;
  throw new EngineError(
    'idempotency_mismatch',
    'This Idempotency-Key was used for another bulk job. Use a new key for each job.',
  );
}

function counts(db: Database, id: number): OutcomeCounts {
  const found = Object.fromEntries(
    db
      .all(`SELECT ${OUTCOME} AS outcome, count(*) AS total ${RECIPIENTS} WHERE r.job_id = ? GROUP BY 1`, id)
      .map((row) => [row['outcome'], Number(row['total'])]),
  );
  return Object.fromEntries(OUTCOMES.map((outcome) => [outcome, found[outcome] ?? 0])) as OutcomeCounts;
}

/** Answers the job with the events, nothing when it is in no state to be changed from. */
export function changeJob(
  db: Database,
  { id, from, to, reason, at, events }: JobChange,
): { job: JobRecord; events: NewEvent[] } | undefined {
  const row = db.get(
    `UPDATE jobs SET status = ?, reason = ?, started_at = iif(? = 'running', coalesce(started_at, ?), started_at),
       ended_at = iif(? IN ${ENDED}, ?, NULL)
     WHERE id = ? AND status IN (SELECT value FROM json_each(?)) RETURNING *`,
    ...[to, reason ? JSON.stringify(reason) : null, to, at, to, at, id, JSON.stringify(from)],
  );
  if (!row) return undefined;
  if (to === 'cancelled') takeBack(db, id);
  const job = toJob(row);
  return { job, events: events(job, counts(db, id)) };
}

/** What has been written once may have reached its recipient, so only what never was is taken back. */
function takeBack(db: Database, id: number): void {
  const taken = db.all(
    `DELETE FROM messages INDEXED BY messages_to_send WHERE session_id = (SELECT session_id FROM jobs WHERE id = ?)
       AND send = 'queued' AND ${TO_SEND} AND content IS NULL
       AND msg_id IN (SELECT msg_id FROM job_recipients WHERE job_id = ?) RETURNING msg_id`,
    id,
    id,
  );
  for (const { msg_id: msgId } of taken) {
    db.run("UPDATE job_recipients SET state = 'pending', msg_id = NULL WHERE msg_id = ?", Number(msgId));
  }
}

function toJob(row: Row): JobRecord {
  return {
    id: Number(row['id']),
    sessionId: Number(row['session_id']),
    name: row['name'] as string | null,
    request: JSON.parse(String(row['request'])) as JobRecord['request'],
    everyMs: Number(row['every_ms']),
    status: row['status'] as JobStatus,
    reason: row['reason'] === null ? null : (JSON.parse(String(row['reason'])) as Reason),
    source: String(row['source']),
    createdAt: Number(row['created_at']),
    startedAt: row['started_at'] as number | null,
    endedAt: row['ended_at'] as number | null,
  };
}

function toRecipient(row: Row): RecipientRecord {
  return {
    position: Number(row['position']),
    to: String(row['recipient']),
    chat: row['chat'] as string | null,
    variables: row['variables'] === null ? {} : (JSON.parse(String(row['variables'])) as Record<string, string>),
    outcome: row['outcome'] as Outcome,
    skipped: row['skipped'] as Skip | null,
    detail: row['detail'] as string | null,
    msgId: row['msg_id'] as number | null,
    updatedAt: row['updated_at'] as number | null,
  };
}
