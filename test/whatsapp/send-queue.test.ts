import { pino } from 'pino';
import { Governor } from '../../engine/governor/governor.ts';
import type { MessageRecord } from '../../engine/model.ts';
import type { Store } from '../../engine/store/store.ts';
import type { Socket } from '../../engine/whatsapp/socket.ts';

await import('../../engine/whatsapp/hardening.ts');
const { SendQueue } = await import('../../engine/whatsapp/send-queue.ts');
const { Seal } = await import('../../engine/store/seal.ts');
const { openSqliteStore } = await import('../../engine/store/sqlite/index.ts');
const { systemClock } = await import('../../engine/clock.ts');
const { sessionSettings } = await import('../../engine/model.ts');

const CHAT = '15550100002@s.whatsapp.net';

let store: Store;
let sessionId: number;
let queue: InstanceType<typeof SendQueue>;
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
  queue = new SendQueue({ store, sessionId, compose, governor, clock: systemClock, log, retryPauseMs: 1 });
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
    show: async () => {},
    close() {},
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
    await queue.open(socket);
    await done;
    expect(written).toEqual(['first', 'second']);
  },
);

test('a message that can never be sent is given up with its reason, and the queue goes on', async () => {
  await accept('hopeless');
  await accept('fine');
  const { socket, written, done } = connection({ lidOf: Array.from({ length: 5 }, () => new Error('no')) }, 1);
  await queue.open(socket);
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
  await queue.open(socket);
  await done;
  expect(written).toEqual(['fine']);
  expect(await store.messages.find(sessionId, 'late')).toMatchObject({
    status: 0,
    error: 'it could not leave in time',
  });
});
