import type { CounterState, CounterWindow, Store } from '../store.ts';
import type { Database } from './database.ts';

/** A sliding window has so many parts: an hour of a day, 2.5 seconds of a minute. A fixed one is a single part. */
const PARTS = 24;

/** Counts that are over together: those of a sliding window when the last of them is, so that none is over too early. */
interface Part {
  startedAt: number;
  overAt: number;
  used: number;
}

export function counters(db: Database): Store['counters'] {
  return {
    async take(scope, name, windows, { now, amount = 1 }) {
      return db.light(() => {
        const before = windows.map((window) => ({ window, parts: read(db, scope, name, window, now) }));
        if (before.some(({ window, parts }) => usedOf(parts) + amount > window.limit)) {
          return { taken: false, windows: before.map(({ window, parts }) => stateOf(window, parts, now, amount)) };
        }
        const after = before.map(({ window, parts }) => ({ window, parts: added(window, parts, now, amount) }));
        for (const { window, parts } of after) write(db, scope, name, window, parts);
        return { taken: true, windows: after.map(({ window, parts }) => stateOf(window, parts, now)) };
      });
    },
    async giveBack(scope, name, windows, { now, amount = 1 }) {
      db.light(() => {
        for (const window of windows) {
          write(db, scope, name, window, removed(read(db, scope, name, window, now), amount));
        }
      });
    },
    async read(scope, name, windows, now) {
      return windows.map((window) => stateOf(window, read(db, scope, name, window, now), now));
    },
    async clear(scope) {
      db.run('DELETE FROM counters WHERE scope = ?', scope);
    },
  };
}

const usedOf = (parts: Part[]) => parts.reduce((sum, { used }) => sum + used, 0);

/** How the window stands for somebody who wants `amount` more. */
function stateOf(window: CounterWindow, parts: Part[], now: number, amount = 1): CounterState {
  const used = usedOf(parts);
  const last = parts.at(-1)?.overAt ?? now + window.seconds * 1000;
  if (used + amount <= window.limit) return { ...window, used, resetsAt: last };
  let rest = used;
  const enough = parts.find((part) => (rest -= part.used) + amount <= window.limit);
  return { ...window, used, resetsAt: enough?.overAt ?? last };
}

function added({ seconds, sliding = false }: CounterWindow, parts: Part[], now: number, amount: number): Part[] {
  const lengthMs = seconds * 1000;
  const openMs = sliding ? lengthMs / PARTS : lengthMs;
  const open = parts.find(({ startedAt }) => startedAt <= now && now < startedAt + openMs);
  const { startedAt, overAt, used } = open ?? { startedAt: now, overAt: now + lengthMs, used: 0 };
  const grown = { startedAt, overAt: sliding ? Math.max(overAt, now + lengthMs) : overAt, used: used + amount };
  return [...parts.filter((part) => part !== open), grown].sort((a, b) => a.overAt - b.overAt);
}

/** The oldest counts go, whichever it was: what stays is over late rather than early. */
function removed(parts: Part[], amount: number): Part[] {
  let left = amount;
  return parts.flatMap((part) => {
    const gone = Math.min(part.used, left);
    left -= gone;
    return part.used > gone ? { ...part, used: part.used - gone } : [];
  });
}

/** What counts now; the part that is over first comes first. */
function read(db: Database, scope: string, name: string, { seconds, sliding }: CounterWindow, now: number): Part[] {
  const row = db.get(
    'SELECT parts FROM counters WHERE scope = ? AND name = ? AND seconds = ?',
    ...[scope, name, seconds],
  );
  // A clock that was set back must not keep a window open for longer than its length. A sliding one it may, for twice as
  // long: a machine that starts with a clock a little behind is not to forget what its account has done today.
  const latest = now + seconds * 1000 * (sliding ? 2 : 1);
  const parts = JSON.parse((row?.['parts'] as string | undefined) ?? '[]') as Part[];
  return parts.filter(({ overAt }) => now < overAt && overAt <= latest);
}

/** Without what is over. When nothing is left, the window was never opened. */
function write(db: Database, scope: string, name: string, { seconds }: CounterWindow, parts: Part[]): void {
  if (parts.length === 0) {
    db.run('DELETE FROM counters WHERE scope = ? AND name = ? AND seconds = ?', scope, name, seconds);
    return;
  }
  db.run(
    'INSERT OR REPLACE INTO counters (scope, name, seconds, parts) VALUES (?, ?, ?, ?)',
    ...[scope, name, seconds, JSON.stringify(parts)],
  );
}
