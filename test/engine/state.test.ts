import fc from 'fast-check';
import type { SessionStatus } from '../../engine/model.ts';
import { SESSION_STATUSES } from '../../engine/model.ts';
import type { Closure } from '../../engine/whatsapp/failure.ts';
import { CLOSURES, step, type ConnectionState, type Input, type Step } from '../../engine/whatsapp/state.ts';

const NOW = 1_750_000_000_000;
const chance = { random: 0.5, now: NOW };

const atRest: ConnectionState = {
  status: 'disconnected',
  reason: null,
  wanted: false,
  paired: false,
  qr: null,
  failures: 0,
};
const connected: ConnectionState = { ...atRest, status: 'connected', wanted: true, paired: true };
const waitingForScan: ConnectionState = { ...atRest, status: 'need_scan', wanted: true, qr: '2@abc' };

const closed = (code: Closure['code'], detail = 'closed'): Input => ({ type: 'closed', closure: { code, detail } });
const named = ({ events }: Step) => events.map(({ event, data }) => [event, (data as { status?: string }).status]);
/** Runs inputs one after another; answers the last step, and everything that happened. */
function run(state: ConnectionState, inputs: Input[]): Step {
  return inputs.reduce<Step>(
    (so, input) => {
      const next = step(so.state, input, chance);
      return { ...next, effects: [...so.effects, ...next.effects], events: [...so.events, ...next.events] };
    },
    { state, effects: [], events: [] },
  );
}

describe('what a closed connection leads to', () => {
  type Row = [Closure['code'], SessionStatus, string, 'retries' | 'goes on at once' | 'stops' | 'forgets the login'];
  const TABLE: Row[] = [
    [401, 'logged_out', 'logged_out', 'forgets the login'],
    [402, 'restricted', 'temporary_ban', 'stops'],
    [403, 'restricted', 'account_locked', 'stops'],
    [405, 'version_outdated', 'version_outdated', 'stops'],
    [406, 'banned', 'banned', 'stops'],
    [408, 'connecting', 'connection_lost', 'retries'],
    [409, 'version_outdated', 'client_refused', 'stops'],
    [411, 'logged_out', 'multidevice_mismatch', 'forgets the login'],
    [419, 'expired', 'login_expired', 'forgets the login'],
    [428, 'connecting', 'connection_closed', 'retries'],
    [440, 'replaced', 'replaced', 'stops'],
    [500, 'connecting', 'whatsapp_failed', 'retries'],
    [503, 'connecting', 'whatsapp_unavailable', 'retries'],
    [515, 'connecting', '', 'goes on at once'],
    ['unreachable', 'connecting', 'unreachable', 'retries'],
    ['proxy_failed', 'connecting', 'proxy_failed', 'retries'],
    ['rerouted', 'connecting', '', 'goes on at once'],
    ['server_untrusted', 'connecting', 'server_untrusted', 'retries'],
    ['identity_forged', 'disconnected', 'identity_forged', 'forgets the login'],
    ['stalled', 'connecting', 'stalled', 'goes on at once'],
    ['login_unreadable', 'disconnected', 'login_unreadable', 'stops'],
    ['storage_failed', 'connecting', 'storage_failed', 'retries'],
    ['not_stored', 'connecting', 'not_stored', 'retries'],
    ['qr_timeout', 'disconnected', 'qr_timeout', 'stops'],
    [599, 'connecting', 'closed', 'retries'],
  ];

  test.each(TABLE)('%s: %s (%s), and the engine %s', (code, status, reason, then) => {
    const { state, effects } = step(connected, closed(code), chance);
    expect(state).toMatchObject({ status, qr: null, paired: then !== 'forgets the login' });
    expect(state.reason?.code ?? '').toBe(reason);
    const expected = {
      retries: [{ do: 'open', afterMs: 750 }],
      'goes on at once': [{ do: 'open', afterMs: 0 }],
      stops: [],
      'forgets the login': [{ do: 'forget' }],
    }[then];
    expect(effects).toEqual(expected);
    expect(state.reason?.retryAt).toBe(then === 'retries' ? NOW + 750 : undefined);
  });

  test('is in the table for every code that the engine knows', () => {
    expect(
      TABLE.map(([code]) => String(code))
        .filter((code) => code !== '599')
        .sort(),
    ).toEqual(Object.keys(CLOSURES).sort());
  });

  test('is told with what to do, and never with when: that is only in the status', () => {
    for (const code of Object.keys(CLOSURES)) {
      const { events } = step(connected, closed(code as Closure['code']), chance);
      expect(events).toHaveLength(1);
      const { reason } = events[0]!.data as { reason?: Record<string, unknown> };
      if (reason) expect(Object.keys(reason).sort()).toEqual(['code', 'message']);
    }
  });

  test.each([405, 409])('%i waits for a restart of the engine with other settings, and so stays wanted', (code) => {
    expect(step(connected, closed(code), chance).state.wanted).toBe(true);
  });

  test('says until when a ban lasts, where WhatsApp says so', () => {
    const closure = { code: 402, detail: 'banned', forS: 3600 } as const;
    const { state, events } = step(connected, { type: 'closed', closure }, chance);
    expect(state.reason).toMatchObject({ code: 'temporary_ban', until: NOW + 3_600_000 });
    expect(events).toMatchObject([{ data: { reason: { until: NOW + 3_600_000 } } }]);
  });

  test('says with what words the network failed', () => {
    const { state } = step(connected, closed('unreachable', 'ENOTFOUND'), chance);
    expect(state.reason?.message).toMatch(/ENOTFOUND\)$/);
  });
});

test('fifty sessions without a server try less often than every half minute in an hour, and not together', () => {
  const HOUR_MS = 3_600_000;
  const tries: number[] = [];
  for (let session = 0; session < 50; session++) {
    let state = connected;
    for (let now = 0; now < HOUR_MS;) {
      const next = step(state, closed(428), { random: Math.random(), now });
      const [effect] = next.effects;
      if (effect?.do !== 'open') throw new Error('It does not try again.');
      state = next.state;
      now += effect.afterMs;
      tries.push(now);
    }
  }
  const inSecond = new Map<number, number>();
  for (const at of tries.filter((time) => time > 120_000)) {
    const second = Math.floor(at / 1000);
    inSecond.set(second, (inSecond.get(second) ?? 0) + 1);
  }
  console.log(`50 sessions in an hour: ${tries.length} tries, ${Math.max(...inSecond.values())} in the fullest second`);
  expect(tries.length).toBeLessThan(50 * (HOUR_MS / 30_000 + 7));
  expect(tries.length).toBeGreaterThan(50 * (HOUR_MS / 60_000));
  // In step they would be fifty.
  expect(Math.max(...inSecond.values())).toBeLessThan(15);
});

describe('a session', () => {
  test('goes from connect over the QR code to connected', () => {
    const { state, effects, events } = run(atRest, [
      { type: 'connect' },
      { type: 'qr', qr: '2@one' },
      { type: 'qr', qr: '2@two' },
      { type: 'paired' },
      closed(515, 'restart required'),
      { type: 'opened' },
    ]);
    expect(state).toMatchObject({ status: 'connected', reason: null, wanted: true, paired: true, qr: null });
    expect(effects).toEqual([{ do: 'close' }, { do: 'open', afterMs: 0 }, { do: 'open', afterMs: 0 }]);
    expect(events.map(({ event, data }) => [event, data])).toEqual([
      ['session.status', { status: 'connecting' }],
      ['session.status', { status: 'need_scan' }],
      ['qrcode.updated', { qr: '2@one' }],
      ['qrcode.updated', { qr: '2@two' }],
      ['session.status', { status: 'connecting' }],
      ['session.status', { status: 'connected' }],
    ]);
  });

  test('that is connected, or waits for a scan, is left alone by another connect', () => {
    for (const state of [connected, waitingForScan]) {
      expect(step(state, { type: 'connect' }, chance)).toEqual({ state, effects: [], events: [] });
    }
  });

  test('that waits to try again tries at once when somebody connects it', () => {
    const waiting = run(connected, [closed(408), closed(408), closed(408)]).state;
    const { state, effects } = step(waiting, { type: 'connect' }, chance);
    expect(effects).toEqual([{ do: 'close' }, { do: 'open', afterMs: 0 }]);
    expect(state.failures).toBe(0);
  });

  test('that is disconnected keeps its login', () => {
    const { state, effects, events } = step(connected, { type: 'disconnect' }, chance);
    expect(state).toMatchObject({ status: 'disconnected', wanted: false, paired: true });
    expect(effects).toEqual([{ do: 'close' }]);
    expect(named({ state, effects, events })).toEqual([['session.status', 'disconnected']]);
  });

  test('that demands a passkey stands still and says why', () => {
    const { state, effects } = step(waitingForScan, { type: 'passkey' }, chance);
    expect(state).toMatchObject({ status: 'passkey_required', wanted: false, qr: null });
    expect(effects).toEqual([{ do: 'close' }]);
  });

  test('that cannot reach WhatsApp a hundred times says so once', () => {
    const { state, events } = run(connected, Array<Input>(100).fill(closed('unreachable', 'ENOTFOUND')));
    expect(named({ state, effects: [], events })).toEqual([['session.status', 'connecting']]);
    expect(state.failures).toBe(100);
  });

  test('whose connection breaks right after it opened, again and again, is tried ever more rarely', () => {
    const pauses: number[] = [];
    let state = connected;
    for (let time = 0; time < 12; time += 1) {
      const now = NOW + time * 100;
      const broken = step(state, closed(503), { random: 1, now });
      pauses.push(...broken.effects.map((effect) => (effect.do === 'open' ? effect.afterMs : -1)));
      state = step(broken.state, { type: 'opened' }, { random: 1, now: now + 50 }).state;
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60].map((seconds) => seconds * 1000));
  });

  test('whose connection held for a while is tried again at once when it breaks', () => {
    let { state } = run(connected, [closed(503), closed(503), closed(503)]);
    state = step(state, { type: 'opened' }, { random: 1, now: NOW }).state;
    const { effects } = step(state, closed(503), { random: 1, now: NOW + 10 * 60_000 });
    expect(effects).toEqual([{ do: 'open', afterMs: 1000 }]);
  });

  test('that is asked to restart again and again does not storm WhatsApp', () => {
    const { effects } = run(connected, Array<Input>(6).fill(closed(515)));
    expect(effects.map((effect) => (effect.do === 'open' ? effect.afterMs : -1))).toEqual([
      0, 1500, 3000, 6000, 12_000, 24_000,
    ]);
  });

  test('that has just been paired restarts at once, however often it failed before', () => {
    const { effects } = run({ ...waitingForScan, failures: 7 }, [{ type: 'paired' }, closed(515)]);
    expect(effects).toEqual([{ do: 'open', afterMs: 0 }]);
  });
});

describe('whatever happens, in whatever order', () => {
  const code = fc.constantFrom<Closure['code']>(
    ...(Object.keys(CLOSURES).map((key) => (/^\d+$/.test(key) ? Number(key) : key)) as Closure['code'][]),
    599,
  );
  const fromCaller = fc.constantFrom<Input>({ type: 'connect' }, { type: 'disconnect' });
  const fromConnection = fc.oneof(
    fc.string().map((qr): Input => ({ type: 'qr', qr })),
    fc.constantFrom<Input>({ type: 'paired' }, { type: 'opened' }, { type: 'passkey' }),
    code.map((one) => closed(one)),
  );
  const anything = fc.oneof(fromCaller, fromConnection);
  const random = fc.double({ min: 0, max: 1, noNaN: true });
  const sequence = fc.array(fc.tuple(anything, random), { maxLength: 60 });
  const start = fc.constantFrom(atRest, connected, waitingForScan);

  /** Checks each single step of any sequence of inputs. */
  function always(check: (before: ConnectionState, input: Input, after: Step) => void): void {
    fc.assert(
      fc.property(start, sequence, (from, inputs) => {
        let state = from;
        let now = NOW;
        for (const [input, chanceOf] of inputs) {
          const after = step(state, input, { random: chanceOf, now: (now += 5000) });
          check(state, input, after);
          state = after.state;
        }
      }),
    );
  }

  test('nothing that a connection says counts while it is not wanted', () => {
    always((before, input, after) => {
      if (before.wanted || input.type === 'connect' || input.type === 'disconnect') return;
      expect(after).toEqual({ state: before, effects: [], events: [] });
    });
  });

  test('a login is forgotten only when WhatsApp no longer takes it, or it was forged', () => {
    const meant = new Set<Closure['code']>([401, 411, 419, 'identity_forged']);
    always((before, input, after) => {
      const forgets = after.effects.some((effect) => effect.do === 'forget');
      const may = before.wanted && input.type === 'closed' && meant.has(input.closure.code);
      expect(forgets).toBe(may);
      if (forgets) expect(after.state).toMatchObject({ paired: false, wanted: false });
      else if (before.paired) expect(after.state.paired).toBe(true);
    });
  });

  test('there is one event for each change of status or reason, and none without', () => {
    always((before, input, { state, events }) => {
      const changed = before.status !== state.status || before.reason?.code !== state.reason?.code;
      const told = events.filter(({ event }) => event === 'session.status');
      expect(told).toHaveLength(changed ? 1 : 0);
      expect(events.filter(({ event }) => event === 'qrcode.updated')).toHaveLength(
        input.type === 'qr' && before.wanted ? 1 : 0,
      );
      expect(events.every(({ lane }) => lane === 'session')).toBe(true);
    });
  });

  test('the status is one that is documented, a QR code is there just while it can be scanned', () => {
    always((_before, _input, { state }) => {
      expect(Object.keys(SESSION_STATUSES)).toContain(state.status);
      expect(state.qr !== null).toBe(state.status === 'need_scan');
      if (state.reason) expect(state.reason.message.length).toBeGreaterThan(20);
    });
  });

  test('a pause is never longer than five minutes, and never below half of what its failures call for', () => {
    always((before, input, { effects, state }) => {
      for (const effect of effects) {
        if (effect.do !== 'open') continue;
        expect(effect.afterMs).toBeLessThanOrEqual(5 * 60_000);
        expect(Number.isInteger(effect.afterMs)).toBe(true);
        if (input.type !== 'closed' || effect.afterMs === 0) continue;
        expect(state.failures).toBeGreaterThan(0);
        const full = Math.min(60_000, 1000 * 2 ** (state.failures - 1));
        expect(effect.afterMs).toBeGreaterThanOrEqual(full / 2);
        expect(before.wanted).toBe(true);
      }
    });
  });

  test('there are never two connections, none that is not wanted, and no wanted one is forgotten', () => {
    /** What session.ts does with the effects: a connection is either up, or about to be opened, or there is none. */
    type World = { state: ConnectionState; up: boolean; pending: boolean };
    const move = fc.oneof(
      fromCaller.map((input) => ({ by: 'caller' as const, input })),
      fromConnection.map((input) => ({ by: 'connection' as const, input })),
      fc.constant({ by: 'clock' as const }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(move, random), { maxLength: 80 }), (moves) => {
        const world: World = { state: atRest, up: false, pending: false };
        for (const [one, chanceOf] of moves) {
          if (one.by === 'clock') {
            if (world.pending) Object.assign(world, { pending: false, up: true });
            continue;
          }
          if (one.by === 'connection' && !world.up) continue;
          if (one.input.type === 'closed') world.up = false;
          const { state, effects } = step(world.state, one.input, { random: chanceOf, now: NOW });
          for (const effect of effects) {
            if (effect.do === 'close') Object.assign(world, { up: false, pending: false });
            if (effect.do !== 'open') continue;
            expect(world).toMatchObject({ up: false, pending: false });
            world.pending = true;
          }
          world.state = state;
          if (!state.wanted) expect(world).toMatchObject({ up: false, pending: false });
          else expect(world.up || world.pending || state.status === 'version_outdated').toBe(true);
        }
      }),
    );
  });
});
