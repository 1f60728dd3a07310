import { MESSAGE_STATUS } from '../../model.ts';
import type { Store } from '../store.ts';
import type { Database } from './database.ts';
import { toMessage } from './messages.ts';

export function schedule(db: Database): Store['schedule'] {
  return {
    async list(sessionId, { offset, limit }) {
      const waiting = "FROM messages WHERE session_id = ? AND send = 'scheduled'";
      return {
        total: Number(db.get(`SELECT count(*) AS total ${waiting}`, sessionId)?.['total'] ?? 0),
        items: db
          .all(`SELECT * ${waiting} ORDER BY send_at, msg_id LIMIT ? OFFSET ?`, sessionId, limit, offset)
          .map(toMessage),
      };
    },
    async next() {
      const row = db.get("SELECT * FROM messages WHERE send = 'scheduled' ORDER BY try_at, send_at, msg_id LIMIT 1");
      return row && { message: toMessage(row), at: Number(row['try_at']) };
    },
    async release({ msgId, sendAt }, now) {
      const { changes } = db.run(
        `UPDATE messages SET send = 'queued', error = NULL, timestamp = ?, updated_at = ?,
           behind = (SELECT seq FROM sqlite_sequence WHERE name = 'messages')
         WHERE msg_id = ? AND send = 'scheduled' AND send_at = ?`,
        ...[now, now, msgId, sendAt],
      );
      return changes > 0;
    },
    async postpone({ msgId, sendAt }, until, reason) {
      db.run(
        `UPDATE messages SET try_at = min(?, expires_at), error = ?
         WHERE msg_id = ? AND send = 'scheduled' AND send_at = ?`,
        ...[until, reason, msgId, sendAt],
      );
    },
    async resume(sessionId) {
      db.run(
        "UPDATE messages SET try_at = send_at WHERE session_id = ? AND send = 'scheduled' AND try_at <> send_at",
        sessionId,
      );
    },
    async change(sessionId, msgId, { chat, request, sendAt, expiresAt }) {
      const row = db.get(
        `UPDATE messages SET chat = ?, lid = NULL, request = ?, send_at = ?, try_at = ?, expires_at = ?, error = NULL,
           updated_at = ?
         WHERE session_id = ? AND msg_id = ? AND send = 'scheduled' RETURNING *`,
        ...[chat, JSON.stringify(request), sendAt, sendAt, expiresAt, Date.now(), sessionId, msgId],
      );
      return row && toMessage(row);
    },
    async cancel(sessionId, msgId) {
      const row = db.get(
        `UPDATE messages SET send = 'cancelled', status = ?, error = 'it was cancelled before its time came', updated_at = ?
         WHERE session_id = ? AND msg_id = ? AND send = 'scheduled' RETURNING *`,
        ...[MESSAGE_STATUS.error, Date.now(), sessionId, msgId],
      );
      return row && toMessage(row);
    },
  };
}
