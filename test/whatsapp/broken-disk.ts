import type { Stage } from './stage.ts';

// After the stage, which sees to what has to be imported first.
await import('./stage.ts');
const { EngineError } = await import('../../engine/errors.ts');
const { Database } = await import('../../engine/store/sqlite/database.ts');

type Write = (sql: string, values: unknown[]) => string | undefined;

let failing: Write = () => undefined;
for (const name of ['run', 'all'] as const) {
  const works = Database.prototype[name] as (sql: string, ...values: unknown[]) => unknown;
  Object.assign(Database.prototype, {
    [name](this: object, sql: string, ...values: unknown[]) {
      const code = /^\s*(INSERT|UPDATE|DELETE)/.test(sql) ? failing(sql, values) : undefined;
      if (code === 'SQLITE_FULL') throw new EngineError('storage_failed', 'Full, as the test wants it. Free space.');
      if (code) throw Object.assign(new Error(`${code}, as the test wants it`), { code });
      return works.call(this, sql, ...values);
    },
  });
}

/** From now on every write of the engine's database fails as on a full disk; answers what ends it. */
export function fillDisk(): () => void {
  return breakWrites(() => 'SQLITE_FULL');
}

/** From now on those writes of the engine's database fail for which this answers with SQLite's code for why. */
export function breakWrites(which: Write): () => void {
  failing = which;
  return () => void (failing = () => undefined);
}

/** What the engine has sent since about something: by the wire log of the sandbox, once nothing more can come. */
export async function saidAbout(stage: Stage, phone: string, id: string, after: number): Promise<unknown[]> {
  await stage.untilTrue(() => stage.sandbox.phone(phone).devices.every(({ online }) => !online));
  return stage.sandbox
    .stanzas({ limit: 20_000, after })
    .filter(({ direction, stanza }) => direction === 'in' && JSON.stringify(stanza).includes(id))
    .map(({ stanza }) => stanza);
}
