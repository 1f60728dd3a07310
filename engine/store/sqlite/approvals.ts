import type { ApprovalRecord, ApprovalStatus } from '../../model.ts';
import type { Seal } from '../seal.ts';
import type { Store } from '../store.ts';
import type { Database, Row } from './database.ts';
import { places } from './sealed.ts';

/** Those that the same call finds again: all but the ones whose answer was heard. */
const LIVE = "(a.status IN ('pending', 'approved', 'running', 'rejected') OR a.heard = 0)";

/** The status, or that it has expired; takes the time. */
const STANDING = "CASE WHEN a.status IN ('pending', 'approved') AND a.expires_at <= ? THEN 'expired' ELSE a.status END";

export function approvals(db: Database, seal: Seal): Store['approvals'] {
  return {
    async ask({ tokenId, sessionId, tool, input, call, expiresAt }, now) {
      return db.transaction(() => {
        const live = db.get(
          `${SELECT} WHERE a.token_id = ? AND a.call = ? AND a.expires_at > ? AND ${LIVE}`,
          ...[tokenId, call, now],
        );
        if (live) return toApproval(live, seal);
        const { lastInsertRowid: id } = db.run(
          `INSERT INTO approvals (token_id, session_id, tool, input, call, status, created_at, expires_at)
           VALUES (?, ?, ?, ?, ?, 'pending', ?, ?)`,
          ...[tokenId, sessionId, tool, JSON.stringify(input), call, now, expiresAt],
        );
        return toApproval(db.get(`${SELECT} WHERE a.id = ?`, id)!, seal);
      });
    },
    async get(id) {
      const row = db.get(`${SELECT} WHERE a.id = ?`, id);
      return row && toApproval(row, seal);
    },
    async list({ status = null }, now, { offset, limit }) {
      const where = `WHERE (? IS NULL OR ${STANDING} = ?)`;
      const asked = [status, now, status];
      return {
        total: Number(db.get(`SELECT count(*) AS total FROM approvals a ${where}`, ...asked)!['total']),
        items: db
          .all(`${SELECT} ${where} ORDER BY a.id DESC LIMIT ? OFFSET ?`, ...asked, limit, offset)
          .map((row) => toApproval(row, seal)),
      };
    },
    async move(id, from, to, { note, at, answer } = {}) {
      const { changes } = db.run(
        `UPDATE approvals SET status = ?, note = coalesce(?, note), decided_at = coalesce(?, decided_at),
           answer = coalesce(?, answer) WHERE id = ? AND status = ?`,
        ...[to, note ?? null, at ?? null, answer === undefined ? null : sealed(seal, id, answer), id, from],
      );
      return changes > 0;
    },
    async heard(id) {
      db.run('UPDATE approvals SET heard = 1 WHERE id = ?', id);
    },
    async interrupt() {
      db.run("UPDATE approvals SET status = 'interrupted' WHERE status = 'running'");
    },
    async prune(before) {
      return db.run('DELETE FROM approvals WHERE expires_at < ?', before).changes;
    },
  };
}

/** What was asked for, decided or refused about a session is worth nothing any more: the same call asks anew. */
export function expireApprovals(db: Database, sessionId: number): void {
  db.run(
    `UPDATE approvals SET expires_at = min(expires_at, ?), status = iif(status = 'approved', 'pending', status)
     WHERE session_id = ? AND status IN ('pending', 'approved', 'rejected')`,
    db.now(),
    sessionId,
  );
}

const SELECT = 'SELECT a.*, t.name AS token FROM approvals a JOIN tokens t ON t.id = a.token_id';

const orNull = <T>(value: unknown, read: (value: unknown) => T): T | null => (value === null ? null : read(value));

/** The answer of a tool may hold a secret: that of connecting is a QR code. */
const sealed = (seal: Seal, id: number, answer: unknown) =>
  seal.close(Buffer.from(JSON.stringify(answer)), places.approval(id));

function toApproval(row: Row, seal: Seal): ApprovalRecord {
  const answer = row['answer'] as Buffer | null;
  return {
    id: Number(row['id']),
    token: String(row['token']),
    sessionId: orNull(row['session_id'], Number),
    tool: String(row['tool']),
    input: JSON.parse(String(row['input'])) as Record<string, unknown>,
    status: String(row['status']) as ApprovalStatus,
    note: orNull(row['note'], String),
    answer: answer && (JSON.parse(seal.open(answer, places.approval(Number(row['id']))).toString()) as unknown),
    createdAt: Number(row['created_at']),
    decidedAt: orNull(row['decided_at'], Number),
    expiresAt: Number(row['expires_at']),
  };
}
