import type { Answer, AnswerChange, AnswerKind, Store } from '../store.ts';
import type { Database, Row } from './database.ts';

/** Nothing is fresh for as long as this: what is older is forgotten. */
const KEPT_MS = 30 * 86_400_000;

export function answers(db: Database): Store['answers'] {
  return {
    async get(sessionId, kind, subject) {
      const row = find(db, sessionId, kind, subject);
      return row && { kind, subject, value: valueOf(row), at: Number(row['at']) };
    },
    async put(sessionId, answer) {
      // Lost in a power cut, it is asked again.
      db.light(() => {
        write(db, sessionId, answer);
        db.run('DELETE FROM answers WHERE session_id = ? AND at < ?', sessionId, answer.at - KEPT_MS);
      });
    },
  };
}

/** What has been said by WhatsApp itself about answers that are remembered. */
export function changeAnswers(db: Database, sessionId: number, { kind, subject, next, at }: AnswerChange): void {
  if (subject === undefined) {
    db.run('DELETE FROM answers WHERE session_id = ? AND kind = ?', sessionId, kind);
    return;
  }
  const row = find(db, sessionId, kind, subject);
  const value = next(row && valueOf(row));
  const saidAt = at ?? (row && Number(row['at']));
  if (value !== undefined && saidAt !== undefined) write(db, sessionId, { kind, subject, value, at: saidAt });
  else if (row) {
    const name = nameOf(db, sessionId, subject);
    db.run('DELETE FROM answers WHERE session_id = ? AND kind = ? AND subject = ?', sessionId, kind, name);
  }
}

function find(db: Database, sessionId: number, kind: AnswerKind, subject: string): Row | undefined {
  return db.get(
    'SELECT value, at FROM answers WHERE session_id = ? AND kind = ? AND subject = ?',
    ...[sessionId, kind, nameOf(db, sessionId, subject)],
  );
}

function write(db: Database, sessionId: number, { kind, subject, value, at }: Answer): void {
  db.run(
    'INSERT OR REPLACE INTO answers (session_id, kind, subject, value, at) VALUES (?, ?, ?, ?, ?)',
    ...[sessionId, kind, nameOf(db, sessionId, subject), JSON.stringify(value), at],
  );
}

const valueOf = (row: Row): unknown => JSON.parse(String(row['value']));

/** Of a person whose LID is known: that. A notice may name them by the other address than the question did. */
function nameOf(db: Database, sessionId: number, subject: string): string {
  const phone = /^(\d+)@s\.whatsapp\.net$/.exec(subject)?.[1];
  const pair = phone && db.get('SELECT lid FROM pairs WHERE session_id = ? AND phone = ?', sessionId, phone);
  return pair ? String(pair['lid']) : subject;
}
