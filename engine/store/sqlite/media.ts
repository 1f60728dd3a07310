import type { MediaRecord, MessageRecord } from '../../model.ts';
import type { NewMessage, Store } from '../store.ts';
import type { Database, Row } from './database.ts';
import { toMessage, TO_SEND } from './messages.ts';

export function media(db: Database): Store['media'] {
  return {
    async put(record) {
      db.run(
        `INSERT INTO media (id, session_id, use, kind, mimetype, size, file_name, source, created_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[record.id, record.sessionId, record.use, record.kind, record.mimetype, record.size],
        ...[record.fileName, record.source, record.createdAt, record.expiresAt],
      );
    },
    async get(id) {
      const row = db.get('SELECT * FROM media WHERE id = ?', id);
      return row && toMedia(row);
    },
    async find(sessionId, source) {
      const row = db.get(
        'SELECT * FROM media WHERE session_id = ? AND source = ? ORDER BY expires_at DESC LIMIT 1',
        sessionId,
        source,
      );
      return row && toMedia(row);
    },
    async extend(id, expiresAt) {
      db.run('UPDATE media SET expires_at = ? WHERE id = ?', expiresAt, id);
    },
    async uploaded(id, source) {
      db.run('UPDATE media SET source = ? WHERE id = ?', source, id);
    },
    async expire(now) {
      return db
        .all(
          `DELETE FROM media WHERE expires_at <= ? AND id NOT IN (
             SELECT json_extract(request, '$.file') FROM messages
             WHERE ${TO_SEND} AND json_extract(request, '$.file') IS NOT NULL
             UNION SELECT json_extract(request, '$.file') FROM jobs
             WHERE status NOT IN ('completed', 'cancelled') AND json_extract(request, '$.file') IS NOT NULL
           ) RETURNING id`,
          now,
        )
        .map((row) => String(row['id']));
    },
    async ids() {
      return db.all('SELECT id FROM media').map((row) => String(row['id']));
    },
  };
}

export function downloads(db: Database): Store['downloads'] {
  return {
    async next(sessionId) {
      const row = db.get(
        `SELECT messages.*, downloads.attempts AS tries, next_attempt_at FROM downloads JOIN messages USING (msg_id)
         WHERE downloads.session_id = ? ORDER BY next_attempt_at, msg_id LIMIT 1`,
        sessionId,
      );
      return row && { message: toMessage(row), attempts: Number(row['tries']), at: Number(row['next_attempt_at']) };
    },
    async retry(msgId, at) {
      db.run('UPDATE downloads SET attempts = attempts + 1, next_attempt_at = ? WHERE msg_id = ?', at, msgId);
    },
  };
}

/** Notes that the file of a message just stored is to be downloaded, if its session wants that. */
export function wantDownload(db: Database, { file }: NewMessage, { msgId, sessionId }: MessageRecord): void {
  if (!file) return;
  db.run(
    `INSERT OR IGNORE INTO downloads (msg_id, session_id, next_attempt_at)
     SELECT ?, id, 0 FROM sessions WHERE id = ? AND json_extract(settings, '$.download_media')`,
    msgId,
    sessionId,
  );
}

export function endDownloads(db: Database, msgIds: readonly number[]): void {
  for (const msgId of msgIds) db.run('DELETE FROM downloads WHERE msg_id = ?', msgId);
}

function toMedia(row: Row): MediaRecord {
  return {
    id: String(row['id']),
    sessionId: Number(row['session_id']),
    use: row['use'] as MediaRecord['use'],
    kind: row['kind'] as MediaRecord['kind'],
    mimetype: String(row['mimetype']),
    size: Number(row['size']),
    fileName: row['file_name'] as string | null,
    source: row['source'] as string | null,
    createdAt: Number(row['created_at']),
    expiresAt: Number(row['expires_at']),
  };
}
