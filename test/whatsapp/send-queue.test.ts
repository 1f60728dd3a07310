import { pino } from 'pino';
import { Governor } from '../../engine/governor/governor.ts';
import type { MessageRecord } from '../../engine/model.ts';
import type { Store } from '../../engine/store/store.ts';
import type { Socket } from '../../engine/whatsapp/socket.ts';

await import('../../engine/whatsapp/hardening.ts');
const { SendQueue } = await import('../../engine/whatsapp/send-queue.ts');
const { Seal } = await import('../../engine/store/seal.ts');
const { openSqliteStore } = await import('../../engine/store/sqlite/index.ts');
const { EngineError } = await import('../../engine/errors.ts');
const { systemClock } = await import('../../engine/clock.ts');
const { sessionSettings } = await import('../../engine/model.ts');

const CHAT = '15550100002@s.whatsapp.net';

let store: Store;
let sessionId: number;
let queue: InstanceType<typeof SendQueue>;
let options: ConstructorParameters<typeof SendQueue>[0];
beforeEach(async () => {
  store = openSqliteStore(undefined, new Seal(Buffer.alloc(32, 1)));
  const settings = sessionSettings.parse({ name: 'Test', phone_number: '+15550100001' });
  const record = await store.sessions.create(settings, { apiKey: 'k', webhookSecret: 's' });
  sessionId = record.id;
  const compose = async ({ request }: MessageRecord) => ({ conversation: request!.text! });
  const log = pino({ level: 'silent' });
  const governor = new Governor({
    ...{ store, sessionId, clock: systemClock, pace: 'off', remembered: record.governor },
    settings: () => settings,
    changed: () => queue.wake(),
    failed: (error) => {
      throw error;
    },
  });
  const times = { retryPauseMs: 1, ackTimeoutMs: 40 };
  options = { store, sessionId, compose, governor, clock: systemClock, log, ...times };
  queue = new SendQueue(options);
});
afterEach(async () => {
  queue.close();
  await store.close();
});

const accept = (waId: string) =>
  store.messages.enqueue({
    sessionId,
    waId,
    chat: CHAT,
    request: { to: CHAT, text: waId },
    logged: true,
    timestamp: 1,
  });

/** A connection on which the first steps fail with these; resolves `done` when so many messages have been written. */
function connection(failures: { lidOf?: Error[]; relay?: Error[] }, count: number) {
  const written: string[] = [];
  let finish: () => void;
  const done = new Promise<void>((resolve) => (finish = resolve));
  const socket: Socket = {
    wa: undefined as never,
    async lidOf() {
      const failure = failures.lidOf?.shift();
      if (failure) throw failure;
      return '123456789@lid';
    },
    async relay(_jid, _message, waId) {
      const failure = failures.relay?.shift();
      if (failure) throw failure;
      written.push(waId);
      if (written.length === count) finish();
    },
    exists: async () => true,
    upToDate: async () => {},
    show: async () => {},
    lastSeenAt: undefined,
    cut() {},
    close: async () => {},
    logout: async () => {},
  };
  return { socket, written, done };
}

const timedOut = () => Object.assign(new Error('Timed Out'), { output: { statusCode: 408 } });

test.each([
  ['could not be encrypted', { relay: [new Error('All encryptions failed')] }],
  ['had a query of it time out', { relay: [timedOut()] }],
  ['could not be resolved', { lidOf: [new Error('rate-overlimit')] }],
])(
  'a message that %s is tried again by itself, in its turn, and the others are written once',
  async (_what, failures) => {
    await accept('first');
    await accept('second');
    const { socket, written, done } = connection(failures, 2);
    queue.open(socket);
    await done;
    expect(written).toEqual(['first', 'second']);
  },
);

test('a message that can never be sent is given up with its reason, and the queue goes on', async () => {
  await accept('hopeless');
  await accept('fine');
  const { socket, written, done } = connection({ lidOf: Array.from({ length: 5 }, () => new Error('no')) }, 1);
  queue.open(socket);
  await done;
  expect(written).toEqual(['fine']);
  expect(await store.messages.find(sessionId, 'hopeless')).toMatchObject({ status: 0, send: 'done' });
});

test('a scheduled message that could not leave in time is given up, however it came to wait in the queue', async () => {
  const now = Date.now();
  const schedule = { sendAt: now - 2000, expiresAt: now - 1000 };
  const request = { to: CHAT, text: 'birthday' };
  const about = { sessionId, chat: CHAT, request, logged: true, timestamp: 1, schedule };
  const { message } = await store.messages.enqueue({ waId: 'late', ...about });
  await store.schedule.release({ msgId: message.msgId, sendAt: schedule.sendAt }, now);
  await accept('fine');
  const { socket, written, done } = connection({}, 1);
  queue.open(socket);
  await done;
  expect(written).toEqual(['fine']);
  expect(await store.messages.find(sessionId, 'late')).toMatchObject({
    status: 0,
    error: 'it could not leave in time',
  });
});

const acknowledge = (waId: string) =>
  store.commit({ sessionId, outcomes: [{ waId, status: 2, events: () => [] }] }).then(({ settled }) => {
    queue.settled(settled);
  });

test('a message that WhatsApp does not acknowledge is written again, also while others leave all the time', async () => {
  await accept('unheard');
  const { socket, written, done } = connection({}, 12);
  const { relay } = socket;
  socket.relay = async (jid, message, waId, more) => {
    await relay(jid, message, waId, more);
    if (waId === 'unheard') return;
    await acknowledge(waId);
    await new Promise((resolve) => setTimeout(resolve, 10));
    if (!written.slice(1).includes('unheard')) await accept(`other ${written.length}`);
  };
  queue.open(socket);
  await accept('other 0');
  await Promise.race([done, untilTrue(() => written.slice(1).includes('unheard'))]);
  expect(written.slice(1)).toContain('unheard');
});

test('each message waits for its own acknowledgement: one written late is not forgotten with the others', async () => {
  await accept('early');
  const { socket, written } = connection({}, 99);
  queue.open(socket);
  await untilTrue(() => written.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 30));
  await accept('late');
  queue.wake();
  const times = (waId: string) => written.filter((one) => one === waId).length;
  await untilTrue(() => times('early') > 1 && times('late') > 1);
});

test('after five times in vain its outcome is unknown; what it was sent as is kept, and goes out again under the same id', async () => {
  const { message } = await accept('unheard');
  const { socket, written } = connection({}, 99);
  queue.open(socket);
  const now = () => store.messages.get(sessionId, message.msgId);
  await untilTrue(async () => (await now())?.unknown);
  expect(written).toEqual(Array.from({ length: 5 }, () => 'unheard'));
  expect(await now()).toMatchObject({ status: 0, send: 'done', error: expect.stringContaining('unknown') });
  await store.messages.resend(sessionId, message.msgId);
  queue.wake();
  await untilTrue(() => written.length === 6);
  expect(written[5]).toBe('unheard');
  expect((await now())?.content).toBeInstanceOf(Buffer);
});

test.each(['written', 'retry', 'queued', 'requeue'] as const)(
  'a store that cannot be written for a moment (%s) costs no message, and none is given up for it',
  async (method) => {
    await accept('first');
    await accept('second');
    let failures = 3;
    const failing = new EngineError('storage_failed', 'The disk is full.');
    const messages = {
      ...store.messages,
      [method]: (...args: never[]) => {
        if (failures-- > 0) throw failing;
        return (store.messages[method] as (...all: never[]) => unknown)(...args);
      },
    };
    queue = new SendQueue({ ...options, store: { ...store, messages } });
    const { socket, written } = connection({ relay: [new Error('All encryptions failed')] }, 99);
    queue.open(socket);
    await untilTrue(() => written.includes('first') && written.includes('second'));
    expect(await store.messages.find(sessionId, 'first')).toMatchObject({ status: 1 });
  },
);

async function untilTrue(check: () => unknown): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`Never came true: ${check.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
