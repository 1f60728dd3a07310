import type { CounterState, CounterWindow, Store } from '../store.ts';
import type { Database } from './database.ts';

export function counters(db: Database): Store['counters'] {
  return {
    async take(scope, name, windows, { now, amount = 1 }) {
      return db.light(() => {
        const before = windows.map((window) => stateOf(db, scope, name, window, now));
        if (before.some(({ used, limit }) => used + amount > limit)) return { taken: false, windows: before };
        const after = before.map((state) => ({ ...state, used: state.used + amount }));
        for (const state of after) write(db, scope, name, state);
        return { taken: true, windows: after };
      });
    },
    async giveBack(scope, name, windows, { now, amount = 1 }) {
      db.light(() => {
        for (const window of windows) {
          const state = stateOf(db, scope, name, window, now);
          if (state.used > amount) write(db, scope, name, { ...state, used: state.used - amount });
          // Nothing was counted, so the window was never opened.
          else forget(db, scope, name, window);
        }
      });
    },
    async read(scope, name, windows, now) {
      return windows.map((window) => stateOf(db, scope, name, window, now));
    },
    async clear(scope) {
      db.run('DELETE FROM counters WHERE scope = ?', scope);
    },
  };
}

function stateOf(db: Database, scope: string, name: string, window: CounterWindow, now: number): CounterState {
  const { seconds } = window;
  const row = db.get(
    'SELECT started_at, used FROM counters WHERE scope = ? AND name = ? AND seconds = ?',
    ...[scope, name, seconds],
  );
  const startedAt = Number(row?.['started_at'] ?? now);
  const resetsAt = startedAt + seconds * 1000;
  // A clock that was set back must not keep a window open for longer than its length.
  const open = row && startedAt <= now && now < resetsAt;
  return open
    ? { ...window, used: Number(row['used']), resetsAt }
    : { ...window, used: 0, resetsAt: now + seconds * 1000 };
}

function forget(db: Database, scope: string, name: string, { seconds }: CounterWindow): void {
  db.run('DELETE FROM counters WHERE scope = ? AND name = ? AND seconds = ?', scope, name, seconds);
}

function write(db: Database, scope: string, name: string, { seconds, used, resetsAt }: CounterState): void {
  db.run(
    'INSERT OR REPLACE INTO counters (scope, name, seconds, started_at, used) VALUES (?, ?, ?, ?, ?)',
    ...[scope, name, seconds, resetsAt - seconds * 1000, used],
  );
}
