import { expireApprovals } from './approvals.ts';
import type { Database } from './database.ts';
import { failAsked } from './inquiries.ts';

/** What was known, asked and allowed for an account says nothing of the one that takes its place. */
export function leaveAccount(db: Database, sessionId: number, why: string): ReturnType<typeof failAsked> {
  for (const table of ['contacts', 'chats', 'answers']) db.run(`DELETE FROM ${table} WHERE session_id = ?`, sessionId);
  // The messages themselves stay: the log has them, and whoever knows their ids.
  db.run('UPDATE messages SET poll = NULL WHERE session_id = ? AND poll IS NOT NULL', sessionId);
  expireApprovals(db, sessionId);
  return failAsked(db, sessionId, why);
}
