import { Governor, type Recipient } from '../../engine/governor/governor.ts';
import { PROFILES } from '../../engine/governor/profiles.ts';
import { quietUntil } from '../../engine/governor/quiet-hours.ts';
import { slowdownMs } from '../../engine/governor/standing.ts';
import { typingFor } from '../../engine/governor/typing.ts';
import { WARM_UP, warmed, warmUpDay } from '../../engine/governor/warm-up.ts';
import { sessionSettings, type MessageRecord, type SessionSettings } from '../../engine/model.ts';
import { Seal } from '../../engine/store/seal.ts';
import { openSqliteStore } from '../../engine/store/sqlite/index.ts';
import type { Store } from '../../engine/store/store.ts';
import { TestClock } from './clock.ts';

const DAY_MS = 86_400_000;
const PERSON: Recipient = { chat: '15550100002@s.whatsapp.net', person: true };
const GROUP: Recipient = { chat: '120363000000000001@g.us', person: false };
const stranger = (n: number): Recipient => ({ chat: `1555020${1000 + n}@s.whatsapp.net`, person: true });

let store: Store;
let clock: TestClock;
let settings: SessionSettings;
let sessionId: number;
let random: number;
let governor: Governor;

beforeEach(async () => {
  store = openSqliteStore(undefined, new Seal(Buffer.alloc(32, 7)));
  clock = new TestClock();
  random = 0;
  settings = sessionSettings.parse({ name: 'Test', phone_number: '+15550100001', pace: 'normal' });
  ({ id: sessionId } = await store.sessions.create(settings, { apiKey: 'k', webhookSecret: 's' }));
  governor = await newGovernor();
});
afterEach(() => {
  governor.close();
  return store.close();
});

/** As after a start of the engine. */
async function newGovernor(): Promise<Governor> {
  const { governor: remembered } = (await store.sessions.get(sessionId))!;
  return new Governor({
    ...{ store, sessionId, clock, remembered, pace: 'off' },
    settings: () => settings,
    changed: () => {},
    failed: (error) => {
      throw error;
    },
    random: () => random,
  });
}

const restarted = async () => {
  governor.close();
  governor = await newGovernor();
};

const message = (msgId: number, text: string, more: Partial<MessageRecord> = {}) =>
  ({ msgId, chat: PERSON.chat, attempts: 0, request: { to: PERSON.chat, text }, ...more }) as MessageRecord;

/** Lets time pass until the message may leave, and have left; answers what was shown, and how long it took. */
async function leave(one: MessageRecord): Promise<{ shown: string[]; ms: number }> {
  const since = clock.now();
  const shown: string[] = [];
  for (;;) {
    const { at, show } = await governor.departure(one);
    if (show) shown.push(show);
    if (at <= clock.now()) break;
    clock.advance(at - clock.now());
  }
  await governor.left();
  return { shown, ms: clock.now() - since };
}

const told = async () =>
  (await store.events.list(sessionId, { after: 0, limit: 100 })).map(({ data }) => data as Record<string, unknown>);

/** WhatsApp has taken a message of ours to them: now there is a chat. */
const begin = async ({ chat }: Recipient) => {
  await store.commit({ sessionId, directory: { chats: [{ jid: chat, lastMessageAt: 1 }], events: () => [] } });
};

describe('pauses', () => {
  test.each([
    ['careful', 0, 5000],
    ['careful', 1, 8000],
    ['normal', 0, 1000],
    ['normal', 0.5, 2000],
    ['normal', 1, 3000],
  ] as const)('%s, thrown %d: %d ms between two messages', async (pace, thrown, ms) => {
    settings.pace = pace;
    random = thrown;
    clock.advance(DAY_MS);
    const image = { to: PERSON.chat, kind: 'image' as const };
    await leave(message(1, '', { request: image }));
    expect(await leave(message(2, '', { request: image }))).toEqual({ shown: [], ms });
  });

  test('no more than the minute’s worth leaves in any minute, and hardly less', async () => {
    const { perMinute } = PROFILES.normal.messages;
    clock.advance(DAY_MS);
    const left: number[] = [];
    for (let n = 0; n < 3 * perMinute; n++) {
      await leave(message(n, '', { request: { to: PERSON.chat } }));
      left.push(clock.now());
    }
    const spans = left.slice(perMinute).map((at, n) => at - left[n]!);
    expect(Math.min(...spans)).toBeGreaterThanOrEqual(60_000);
    expect(Math.max(...spans)).toBeLessThan(62_500);
  });

  test('the pause since the last message holds over a restart, and so does the minute’s worth', async () => {
    clock.advance(DAY_MS);
    for (let n = 0; n < PROFILES.normal.messages.perMinute; n++) {
      await leave(message(n, '', { request: { to: PERSON.chat } }));
    }
    await restarted();
    // The last has just left, 29 seconds after the first; this one waits for the minute, not for the pause alone.
    expect((await leave(message(99, '', { request: { to: PERSON.chat } }))).ms).toBeGreaterThan(30_000);
  });

  test('account protection keeps five seconds at any pace, and with off nothing else does', async () => {
    settings.pace = 'off';
    clock.advance(DAY_MS);
    expect(governor.free).toBe(true);
    expect((await leave(message(1, 'a'))).ms).toBe(0);
    settings.account_protection = true;
    await leave(message(2, 'b'));
    expect(await leave(message(3, 'c'))).toEqual({ shown: [], ms: 5000 });
    settings.pace = 'normal';
    expect((await leave(message(4, '', { request: { to: PERSON.chat } }))).ms).toBe(5000);
  });
});

describe('typing', () => {
  const { typing } = PROFILES.normal;

  test.each([
    ['a short text, for a moment', { text: 'ok' }, { state: 'composing', ms: typing.leastMs }],
    ['a text, for as long as writing it takes', { text: 'x'.repeat(50) }, { state: 'composing', ms: 50 * 30 }],
    ['a long text, for no longer than one would wait', { text: 'x'.repeat(5000) }, { state: 'composing', ms: 4000 }],
    ['a caption, like a text', { kind: 'image', text: 'x'.repeat(50) }, { state: 'composing', ms: 1500 }],
    ['a voice note, as recording', { kind: 'audio' }, { state: 'recording', ms: 4000 }],
    ['an audio file, not at all', { kind: 'audio', voice: false }, undefined],
    ['a location, not at all', { location: { latitude: 1, longitude: 2 } }, undefined],
  ] as const)('%s', (_what, request, shown) => {
    expect(typingFor({ to: PERSON.chat, ...request }, typing)).toEqual(shown);
  });

  test('is shown once, for its time, and is part of the pause', async () => {
    clock.advance(DAY_MS);
    expect(await leave(message(1, 'x'.repeat(50)))).toEqual({ shown: ['composing'], ms: 1500 });
    random = 1;
    expect(await leave(message(2, 'x'.repeat(50)))).toEqual({ shown: ['composing'], ms: 3000 });
  });

  test('is not shown again for a message that is sent again', async () => {
    clock.advance(DAY_MS);
    expect((await leave(message(1, 'again', { attempts: 1 }))).shown).toEqual([]);
  });
});

describe('quiet hours', () => {
  const nights = { from: '22:00', to: '07:00', time_zone: 'Europe/Berlin' };
  const at = (iso: string) => Date.parse(iso);

  test.each([
    ['before they begin', nights, '2026-01-05T20:59:00Z', undefined],
    ['in the evening', nights, '2026-01-05T21:00:00Z', '2026-01-06T06:00:00Z'],
    ['after midnight', nights, '2026-01-06T02:00:00Z', '2026-01-06T06:00:00Z'],
    ['when they are over', nights, '2026-01-06T06:00:00Z', undefined],
    ['in the night that has 9 hours less one', nights, '2026-03-28T23:00:00Z', '2026-03-29T05:00:00Z'],
    ['in the night that has 9 hours and one', nights, '2026-10-24T22:00:00Z', '2026-10-25T06:00:00Z'],
    ['at noon', { ...nights, from: '12:00', to: '14:30' }, '2026-07-01T10:30:00Z', '2026-07-01T12:30:00Z'],
    ['elsewhere', { ...nights, time_zone: 'America/New_York' }, '2026-01-06T04:00:00Z', '2026-01-06T12:00:00Z'],
    ['where there are none', null, '2026-01-06T04:00:00Z', undefined],
  ])('%s', (_when, hours, now, until) => {
    expect(quietUntil(hours, at(now))).toBe(until && at(until));
  });

  test('nothing leaves in them at any pace, and everything after', async () => {
    settings.quiet_hours = { from: '12:00', to: '13:00', time_zone: 'UTC' };
    settings.pace = 'off';
    expect(governor.free).toBe(false);
    expect((await leave(message(1, 'wait'))).ms).toBe(3_600_000);
    expect((await governor.sending()).quietUntil).toBeUndefined();
  });
});

describe('the day', () => {
  test('used up: refused with the time at which it goes on', async () => {
    settings.pace = 'careful';
    for (let n = 0; n < PROFILES.careful.messages.perDay; n++) await governor.admit(GROUP);
    clock.advance(DAY_MS / 2);
    await expect(governor.admit(GROUP)).rejects.toMatchObject({
      code: 'budget_exhausted',
      status: 429,
      retryAfterS: 43_200,
      details: { budget: 'messages', used: 500, limit: 500 },
    });
    await restarted();
    await expect(governor.check(GROUP)).rejects.toMatchObject({ code: 'budget_exhausted' });
    clock.advance(DAY_MS / 2);
    await governor.admit(GROUP);
    expect((await governor.sending()).today).toMatchObject({ used: 1, limit: 500 });
  });

  test('is any 24 hours: what was sent in the evening counts in the morning', async () => {
    settings.pace = 'careful';
    await governor.admit(GROUP);
    clock.advance(DAY_MS / 2);
    for (let n = 1; n < PROFILES.careful.messages.perDay; n++) await governor.admit(GROUP);
    clock.advance(DAY_MS / 2);
    await governor.admit(GROUP);
    await expect(governor.admit(GROUP)).rejects.toMatchObject({ retryAfterS: 43_200 });
  });

  test('with off nothing is counted', async () => {
    settings.pace = 'off';
    for (let n = 0; n < 30; n++) await governor.admit(stranger(n));
    expect(await governor.sending()).toMatchObject({ today: undefined, minute: undefined, pace: 'off' });
    expect(await governor.budgets.left()).toEqual({});
  });
});

describe('strangers', () => {
  test('first messages to them are a budget of their own; what is refused is not counted', async () => {
    const { perMinute } = PROFILES.normal.budgets.new_chats;
    for (let n = 0; n < perMinute; n++) await governor.admit(stranger(n));
    await expect(governor.admit(stranger(99))).rejects.toMatchObject({
      code: 'budget_exhausted',
      retryAfterS: 60,
      details: { budget: 'new_chats' },
    });
    expect((await governor.sending()).today).toMatchObject({ used: perMinute });
    await begin(PERSON);
    await governor.admit(PERSON);
    await governor.admit(GROUP);
  });

  test('two messages in a row to one of them are one new chat, and one that failed is none', async () => {
    await governor.admit(PERSON);
    const { message: first } = await store.messages.enqueue({
      ...{ sessionId, waId: 'A', chat: PERSON.chat, request: { to: PERSON.chat, text: 'a' }, logged: true },
      timestamp: 1,
    });
    await governor.admit(PERSON);
    expect((await governor.budgets.left()).new_chats?.day.used).toBe(1);
    await store.commit({ sessionId, outcomes: [{ waId: first.waId, status: 0, error: 'no', events: () => [] }] });
    await governor.admit(PERSON);
    expect((await governor.budgets.left()).new_chats?.day.used).toBe(2);
  });

  test('half as many while WhatsApp warns that they are too many', async () => {
    const until = clock.now() + 10 * DAY_MS;
    await governor.capped({ status: 'FIRST_WARNING', total: 20, used: 10, until });
    expect((await governor.budgets.left()).new_chats?.day.limit).toBe(PROFILES.normal.budgets.new_chats.perDay / 2);
    expect(await told()).toMatchObject([
      { kind: 'capping', restricted: false, type: 'FIRST_WARNING', used: 10, total: 20 },
    ]);
    await governor.capped(null);
    expect((await governor.budgets.left()).new_chats?.day.limit).toBe(PROFILES.normal.budgets.new_chats.perDay);
  });
});

describe('a new number', () => {
  test('the plan grows every day, and never beyond the pace', () => {
    for (const [at, { messages, newChats }] of WARM_UP.entries()) {
      expect(messages).toBeGreaterThan(WARM_UP[at - 1]?.messages ?? 0);
      expect(newChats).toBeGreaterThan(WARM_UP[at - 1]?.newChats ?? 0);
      const { budgets } = warmed(PROFILES.careful, at + 1);
      expect(budgets.new_chats.perDay).toBe(Math.min(newChats, 20));
    }
    expect(warmUpDay(0, WARM_UP.length * DAY_MS)).toBeUndefined();
  });

  test('the plan begins when the number is linked, goes on over a restart, and ends', async () => {
    settings.warm_up = true;
    await governor.follow(undefined);
    expect((await governor.sending()).warmUp).toBeUndefined();
    clock.advance(DAY_MS);
    await governor.follow('15550100001@s.whatsapp.net');
    clock.advance(2 * DAY_MS);
    await restarted();
    await governor.follow('15550100001@s.whatsapp.net');
    for (let n = 0; n < WARM_UP[2]!.messages; n++) await governor.admit(GROUP);
    expect((await governor.sending()).warmUp).toMatchObject({
      ...{ day: 3, of: WARM_UP.length, perDay: WARM_UP[2] },
      today: { used: 40, limit: 40 },
    });
    await expect(governor.admit(GROUP)).rejects.toThrow(/On day 3 of its warm-up this account may send 40 messages/);
    clock.advance(WARM_UP.length * DAY_MS);
    expect((await governor.sending()).today).toMatchObject({ used: 0, limit: 1000 });
  });

  test('answers whoever has written in the last day, however many they are', async () => {
    settings.warm_up = true;
    await governor.follow('15550100001@s.whatsapp.net');
    for (let n = 0; n < WARM_UP[0]!.messages; n++) await governor.admit(GROUP);
    await expect(governor.admit(PERSON)).rejects.toMatchObject({ code: 'budget_exhausted', details: { used: 20 } });
    const wrote = {
      waId: 'B',
      fromMe: false,
      sender: PERSON.chat,
      lid: null,
      content: Buffer.of(1),
      status: 3,
    } as const;
    await store.commit({
      sessionId,
      messages: [{ ...wrote, chat: PERSON.chat, timestamp: clock.now(), events: () => [] }],
    });
    for (let n = 0; n < 30; n++) await governor.admit(PERSON);
    await expect(governor.admit(GROUP)).rejects.toThrow(/20 messages to people who have not written/);
    clock.advance(DAY_MS + 1);
    expect((await governor.sending()).warmUp).toMatchObject({ day: 2, today: { used: 0, limit: 30 } });
    await governor.admit(PERSON);
    expect((await governor.sending()).warmUp).toMatchObject({ today: { used: 1 } });
  });

  test('another number begins at the first day, and so does one for which the plan is switched on again', async () => {
    settings.warm_up = true;
    await governor.follow('15550100001@s.whatsapp.net');
    clock.advance(5 * DAY_MS);
    await governor.follow('15550100009@s.whatsapp.net');
    expect((await governor.sending()).warmUp).toMatchObject({ day: 1 });
    clock.advance(5 * DAY_MS);
    settings.warm_up = false;
    await governor.follow('15550100009@s.whatsapp.net');
    settings.warm_up = true;
    await governor.follow('15550100009@s.whatsapp.net');
    expect((await governor.sending()).warmUp).toMatchObject({ day: 1 });
  });
});

describe('what WhatsApp says', () => {
  test('no new chats: refused with the time, at any pace and over a restart, until that has come', async () => {
    settings.pace = 'off';
    await begin(PERSON);
    const until = clock.now() + 3_600_000;
    await governor.timelocked({ until, type: 'BIZ_QUALITY' });
    await restarted();
    expect(governor.holdsNewChats).toBe(true);
    await expect(governor.admit(stranger(1))).rejects.toMatchObject({
      code: 'session_restricted',
      status: 409,
      retryAfterS: 3600,
      details: { until: new Date(until).toISOString(), type: 'BIZ_QUALITY' },
    });
    await governor.admit(PERSON);
    await governor.admit(GROUP);
    clock.advance(3_600_000);
    await governor.admit(stranger(1));
    expect(await told()).toMatchObject([
      { kind: 'new_chats', restricted: true, type: 'BIZ_QUALITY', until: new Date(until).toISOString() },
      { kind: 'new_chats', restricted: false, until: null },
    ]);
  });

  test('a restriction without a time lasts until WhatsApp lifts it, and the same news twice is told once', async () => {
    await governor.timelocked({ until: null, type: null });
    await governor.timelocked({ until: null, type: null });
    clock.advance(100 * DAY_MS);
    const refused = await governor.admit(stranger(1)).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'session_restricted', retryAfterS: undefined });
    await governor.timelocked(null);
    await governor.admit(stranger(1));
    expect((await told()).map(({ restricted }) => restricted)).toEqual([true, false]);
  });

  test('the quota of new chats is used up: none until its cycle ends', async () => {
    const until = clock.now() + DAY_MS;
    await governor.capped({ status: 'CAPPED', total: 20, used: 20, until });
    await expect(governor.admit(stranger(1))).rejects.toMatchObject({
      code: 'session_restricted',
      retryAfterS: 86_400,
      details: { type: 'CAPPED' },
    });
    expect(await governor.sending()).toMatchObject({
      paused: { reason: 'new_chats', until, newChatsOnly: true },
      said: { capping: { status: 'CAPPED', total: 20, used: 20, until } },
    });
    clock.advance(DAY_MS);
    await governor.admit(stranger(1));
    expect(await told()).toMatchObject([
      { kind: 'capping', restricted: true, type: 'CAPPED' },
      { kind: 'capping', restricted: false, type: 'NONE' },
    ]);
  });

  test('a new chat that was refused: nobody new until WhatsApp has said what it allows, or for an hour', async () => {
    let answer!: () => void;
    governor.doubted(new Promise<void>((resolve) => (answer = resolve)));
    expect(governor.holdsNewChats).toBe(true);
    const admitted = governor.admit(stranger(1));
    answer();
    await admitted;
    expect(governor.holdsNewChats).toBe(false);
    governor.doubted(Promise.reject(new Error('no answer')));
    await expect(governor.admit(stranger(2))).rejects.toMatchObject({ code: 'session_restricted', retryAfterS: 3600 });
  });

  test('too fast: nothing at all, each time in a row for twice as long, up to an hour', async () => {
    expect([1, 2, 3, 7, 20].map(slowdownMs)).toEqual([60_000, 120_000, 240_000, 3_600_000, 3_600_000]);
    settings.pace = 'off';
    await begin(PERSON);
    await governor.slowed();
    await governor.slowed();
    expect(governor.stoppedUntil).toBe(clock.now() + 60_000);
    await expect(governor.admit(PERSON)).rejects.toMatchObject({ code: 'rate_limited', status: 429, retryAfterS: 60 });
    clock.advance(60_000);
    await governor.admit(PERSON);
    await governor.slowed();
    expect(governor.stoppedUntil).toBe(clock.now() + 120_000);
    await restarted();
    expect(governor.stoppedUntil).toBe(clock.now() + 120_000);
    clock.advance(120_000);
    await governor.taken();
    expect(governor.free).toBe(true);
    await governor.slowed();
    expect(governor.stoppedUntil).toBe(clock.now() + 60_000);
    expect((await told()).map(({ kind, restricted }) => [kind, restricted])).toEqual([
      ['rate', true],
      ['rate', false],
      ['rate', true],
      ['rate', false],
      ['rate', true],
    ]);
  });
});
