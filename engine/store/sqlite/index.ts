import type { Seal } from '../seal.ts';
import type { Change, Committed, Store } from '../store.ts';
import { auth, writeAuth } from './auth.ts';
import { Database, StoreError } from './database.ts';
import { deliveries } from './deliveries.ts';
import { appendEvent, events } from './events.ts';
import { applyOutcome, insertMessage, messages } from './messages.ts';
import { sessions, writeSession } from './sessions.ts';
import { subscriptions } from './subscriptions.ts';
import { tokens } from './tokens.ts';

export { StoreError };

/**
 * The embedded store: one SQLite file in `folder`, or in memory without one. Its methods return promises as the
 * interface asks, but have done their work before they return one.
 */
export function openSqliteStore(folder: string | undefined, seal: Seal): Store {
  const db = Database.open(folder);
  try {
    checkKey(db, seal);
  } catch (error) {
    db.close();
    throw error;
  }
  let notify: (sessionId: number, committed: Committed) => void = () => {};
  return {
    async commit(change) {
      const committed = db.transaction(() => apply(db, seal, change));
      if (committed.events.length > 0 || committed.settled.length > 0) notify(change.sessionId, committed);
      return committed;
    },
    onCommitted(listener) {
      notify = listener;
    },
    tokens: tokens(db),
    sessions: sessions(db, seal),
    auth: auth(db, seal),
    messages: messages(db),
    events: events(db),
    subscriptions: subscriptions(db, seal),
    deliveries: deliveries(db),
    async close() {
      db.close();
    },
  };
}

function apply(db: Database, seal: Seal, change: Change): Committed {
  const { sessionId } = change;
  writeAuth(db, seal, change);
  writeSession(db, change);
  const fresh = (change.messages ?? []).flatMap((message) => insertMessage(db, sessionId, message));
  const outcomes = (change.outcomes ?? []).map((outcome) => applyOutcome(db, sessionId, outcome));
  const appended = [...fresh, ...outcomes.flatMap(({ events }) => events), ...(change.events ?? [])].map((event) =>
    appendEvent(db, sessionId, event),
  );
  return {
    events: appended.map(({ envelope }) => envelope),
    settled: outcomes.flatMap(({ settled }) => settled ?? []),
    due: appended.flatMap(({ due }) => due),
  };
}

/** A data folder opened with another key would look like a hundred corrupt rows: say it once, at start. */
function checkKey(db: Database, seal: Seal): void {
  const place = 'encryption-key';
  const row = db.get('SELECT value FROM meta WHERE name = ?', place);
  if (!row) {
    db.run('INSERT INTO meta (name, value) VALUES (?, ?)', place, seal.close(Buffer.from(place), place));
    return;
  }
  try {
    seal.open(row['value'] as Buffer, place);
  } catch (cause) {
    throw new StoreError(
      'The data folder was written with another encryption key. Start with that WARBLER_ENCRYPTION_KEY (or put its encryption.key file back), or use a new WARBLER_DATA_DIR.',
      { cause },
    );
  }
}
