import fc from 'fast-check';
import { setImmediate } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import type { Agent } from 'undici';
import { systemClock } from '../../engine/clock.ts';
import { attempt } from '../../engine/delivery/attempt.ts';
import { guardedAgent } from '../../engine/network/guard.ts';
import { RETRY_PAUSES_MS, DeliveryWorker, type WorkerOptions } from '../../engine/delivery/worker.ts';
import type { SessionRecord, SubscriptionRecord } from '../../engine/model.ts';
import { Seal } from '../../engine/store/seal.ts';
import { openSqliteStore } from '../../engine/store/sqlite/index.ts';
import type { Store } from '../../engine/store/store.ts';
import {
  aSession,
  anEvent,
  SECRET,
  silent,
  someKeys,
  subscriptionOf,
  temporaryFolder,
  type NewSubscription,
} from './fixtures.ts';
import { Receiver, type Answer } from './receiver.ts';

const HOUR = 3_600_000;
const NOT_AGAIN = { pausesMs: [HOUR], probePausesMs: [HOUR] };

describe('a delivery', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let store: Store;
  let session: SessionRecord;
  let receiver: Receiver;
  let agent: Agent;
  let worker: DeliveryWorker;
  /** Resolves when the worker has written down what came of its next attempt. */
  let recorded: () => Promise<void>;
  const closing: (() => Promise<unknown>)[] = [];

  beforeEach(async () => {
    folder = await temporaryFolder();
    receiver = await anotherReceiver();
    agent = guardedAgent(['loopback']);
    closing.push(() => agent.destroy());
    await openStore();
    session = await store.sessions.create(aSession(), someKeys());
  });
  afterEach(async () => {
    await worker?.stop(0);
    for (const close of closing.splice(0).reverse()) await close();
    await store.close();
    await folder.remove();
  });

  async function openStore(): Promise<void> {
    const opened = openSqliteStore(folder.path, new Seal(Buffer.alloc(32, 7)));
    let waiting: (() => void)[] = [];
    let count = 0;
    let taken = 0;
    recorded = async () => {
      taken += 1;
      while (count < taken) await new Promise<void>((resolve) => waiting.push(resolve));
    };
    const record: Store['deliveries']['record'] = async (...args) => {
      await opened.deliveries.record(...args);
      count += 1;
      for (const wake of waiting) wake();
      waiting = [];
    };
    store = { ...opened, deliveries: { ...opened.deliveries, record } };
  }

  async function anotherReceiver(port?: number): Promise<Receiver> {
    const another = await Receiver.start(port);
    closing.push(() => another.close());
    return another;
  }

  /** A worker as the engine has one, with other pauses. */
  async function work(options: Partial<WorkerOptions> & { timeoutMs?: number } = {}): Promise<void> {
    const { timeoutMs, ...rest } = options;
    worker = new DeliveryWorker({
      store,
      attempt: (subscription, event) =>
        attempt(subscription, event, { agent, clock: systemClock, ...(timeoutMs && { timeoutMs }) }),
      log: silent,
      clock: systemClock,
      ...rest,
    });
    store.onCommitted((_, { due }) => worker.wake(due));
    await worker.start();
  }

  const subscribe = (about: Partial<NewSubscription> = {}) =>
    store.subscriptions.put(subscriptionOf(session.id, { url: `${receiver.origin}/hook`, ...about }));

  /** One event per lane named, numbered in `data`. */
  let number = 0;
  async function happen(...lanes: string[]): Promise<void> {
    await store.commit({
      sessionId: session.id,
      events: lanes.map((lane) => anEvent({ lane, jid: lane, data: { number: (number += 1) } })),
    });
  }
  beforeEach(() => (number = 0));

  const numberOf = ({ event }: { event: { data: unknown } }) => (event.data as { number: number }).number;
  const deliveries = () => store.deliveries.list(session.id, {}, { after: 0, limit: 500 });
  const stateOf = async ({ id }: SubscriptionRecord) => (await store.subscriptions.get(id))?.state;
  /** Everything that had begun is over when this resolves. */
  const settle = () => worker.stop();

  describe('is signed', () => {
    test('after Standard Webhooks, so that its library takes it', async () => {
      await work();
      await subscribe();
      await happen('a');
      const { method, path, headers, body, event } = await receiver.next();
      expect({ method, path }).toEqual({ method: 'POST', path: '/hook' });
      expect(headers['content-type']).toBe('application/json');
      expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toEqual(event);
      expect(headers['webhook-id']).toBe(event.id);
      expect(headers).not.toHaveProperty('x-webhook-signature');
      expect(await store.events.list(session.id, { after: 0, limit: 1 })).toEqual([event]);
    });

    test('so that a changed body or another secret is refused by that library', async () => {
      await work();
      await subscribe();
      await happen('a');
      const { headers, body } = await receiver.next();
      const given = headers as Record<string, string>;
      expect(() => new Webhook(SECRET).verify(`${body} `, given)).toThrow();
      expect(() => new Webhook(Buffer.alloc(32, 9).toString('base64')).verify(body, given)).toThrow();
    });

    test('with X-Webhook-Signature for clients of WasenderApi, besides', async () => {
      const { webhookSecret } = session;
      await work();
      await subscribe({ format: 'wasender', secret: webhookSecret });
      await happen('a');
      const { headers, body } = await receiver.next();
      expect(headers['x-webhook-signature']).toBe(webhookSecret);
      new Webhook(webhookSecret).verify(body, headers as Record<string, string>);
    });

    test('anew at each try, under the same id', async () => {
      receiver.script(500, 500);
      await work({ pausesMs: [1, 1] });
      await subscribe();
      await happen('a');
      const tries = await receiver.nexts(3);
      expect(new Set(tries.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
      expect(new Set(tries.map(({ body }) => body)).size).toBe(1);
      for (const { headers, body } of tries) new Webhook(SECRET).verify(body, headers as Record<string, string>);
    });
  });

  describe('goes', () => {
    test('in order within a chat, over failures', async () => {
      receiver.script(500, 'break', 200, 503, 200, 'garbage');
      await work({ pausesMs: [1, 1, 1] });
      await subscribe();
      await happen('a', 'a', 'a');
      expect((await receiver.nexts(7)).map(numberOf)).toEqual([1, 1, 1, 2, 2, 3, 3]);
    });

    test('one at a time within a chat, while other chats go on', async () => {
      const release = receiver.hold();
      await work();
      await subscribe();
      await happen('a', 'a', 'b');
      expect((await receiver.nexts(2)).map(numberOf).sort()).toEqual([1, 3]);
      await happen('a', 'c');
      expect(numberOf(await receiver.next())).toBe(5);
      release();
      expect((await receiver.nexts(2)).map(numberOf)).toEqual([2, 4]);
    });

    test('past a chat whose first event is refused for hours', async () => {
      receiver.answer = ({ event }) => (event.jid === 'a' ? 500 : 200);
      await work(NOT_AGAIN);
      await subscribe();
      await happen('a', 'a', 'b', 'b');
      const got = await receiver.nexts(3);
      expect(got.map(numberOf).sort()).toEqual([1, 3, 4]);
      await happen('a');
      await settle();
      expect(receiver.requests).toHaveLength(3);
    });

    test('to one subscriber while another one never answers', async () => {
      const dead = await anotherReceiver();
      dead.answer = () => 'hang';
      await work();
      await subscribe({ url: `${dead.origin}/` });
      await subscribe();
      const lanes = Array.from({ length: 40 }, (_, index) => `chat ${index}`);
      await happen(...lanes);
      expect((await receiver.nexts(40)).map(numberOf).sort((a, b) => a - b)).toEqual(lanes.map((_, i) => i + 1));
      expect((await dead.nexts(8)).length).toBe(8);
      await worker.stop(0);
      expect(dead.requests).toHaveLength(8);
    });

    test('to a subscriber that answers slowly with at most eight chats at once', async () => {
      let [now, most] = [0, 0];
      receiver.answer = async () => {
        most = Math.max(most, (now += 1));
        await setImmediate();
        now -= 1;
        return 200;
      };
      await work();
      await subscribe();
      await happen(...Array.from({ length: 60 }, (_, index) => `chat ${index}`));
      await receiver.nexts(60);
      expect(most).toBeLessThanOrEqual(8);
    });

    test('after a restart with the first that is undelivered', async () => {
      receiver.script(200);
      receiver.answer = () => 'break';
      await work(NOT_AGAIN);
      await subscribe();
      await happen('a', 'a', 'a', 'b');
      await receiver.nexts(3);
      await settle();
      await store.close();

      await openStore();
      receiver.answer = () => 200;
      // The pause of an hour is kept over the restart: what it is about is not yet due …
      await work();
      await settle();
      expect(receiver.requests).toHaveLength(3);
      // … until somebody resumes.
      await work();
      const [subscription] = await store.subscriptions.list(session.id);
      await store.subscriptions.resume(subscription!.id);
      await worker.wakeSubscription(subscription!.id);
      const rest = (await receiver.nexts(3)).map(numberOf);
      await settle();
      expect((await deliveries()).map(({ status }) => status)).toEqual(Array(4).fill('delivered'));
      expect(rest.length).toBe(3);
    });

    test('once, when the engine was stopped before the answer came, under the same id to the next one', async () => {
      const release = receiver.hold();
      await work();
      await subscribe();
      await happen('a');
      const first = await receiver.next();
      await worker.stop(0);
      release();
      await agent.destroy();
      expect((await deliveries())[0]).toMatchObject({ status: 'pending', attempts: 0 });
      agent = guardedAgent(['loopback']);
      await work();
      const second = await receiver.next();
      expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
      await settle();
      expect((await deliveries())[0]).toMatchObject({ status: 'delivered', attempts: 1 });
    });

    test('on when the engine stops in the middle of an attempt that is answered in time', async () => {
      const release = receiver.hold();
      await work();
      await subscribe();
      await happen('a', 'a');
      await receiver.next();
      const stopped = worker.stop();
      release();
      await stopped;
      expect((await deliveries()).map(({ status }) => status)).toEqual(['delivered', 'pending']);
      expect(receiver.requests).toHaveLength(1);
    });
  });

  describe('that is not taken', () => {
    test.each([
      ['answers 500', 500, { lastStatus: 500, lastError: 'The receiver answered 500' }],
      ['answers 401', 401, { lastStatus: 401 }],
      ['asks for patience', 429, { lastStatus: 429 }],
      [
        'has moved',
        { status: 307, headers: { location: '/other' } },
        { lastStatus: 307, lastError: expect.stringContaining('register the new URL') },
      ],
      ['closes the connection', 'break', { lastStatus: null, lastError: expect.stringContaining('No connection') }],
      ['talks garbage', 'garbage', { lastStatus: null, lastError: 'The receiver does not answer in HTTP' }],
      ['never answers', 'hang', { lastStatus: null, lastError: 'No answer within 0.05 s' }],
    ] as const)('because the receiver %s is tried again', async (_words, answer, expected) => {
      receiver.script(answer);
      // Whoever answers is waited for, however busy this machine is.
      await work({ ...(answer === 'hang' && { timeoutMs: 50 }), ...NOT_AGAIN });
      const subscription = await subscribe();
      await happen('a');
      await recorded();
      expect((await deliveries())[0]).toMatchObject({ status: 'failed', attempts: 1, failures: 1, ...expected });
      expect(await stateOf(subscription)).toBe('active');
      expect(receiver.requests).toHaveLength(1);
    });

    test('because nobody listens at the port is tried again', async () => {
      const { port } = receiver;
      await receiver.close();
      await work({ pausesMs: [HOUR] });
      const subscription = await subscribe();
      await happen('a');
      await recorded();
      expect((await deliveries())[0]).toMatchObject({
        status: 'failed',
        lastError: expect.stringContaining('ECONNREFUSED'),
      });
      receiver = await anotherReceiver(port);
      await store.subscriptions.resume(subscription.id);
      await worker.wakeSubscription(subscription.id);
      expect(numberOf(await receiver.next())).toBe(1);
    });

    test.each(['cut', 'trickle', 'flood'] as const)(
      'whole is taken all the same: the status counts (%s)',
      async (answer) => {
        receiver.script(answer);
        await work({ timeoutMs: 500 });
        await subscribe();
        await happen('a');
        await recorded();
        expect((await deliveries())[0]).toMatchObject({ status: 'delivered', lastStatus: 200, lastError: null });
      },
    );

    test('waits as long as Retry-After asks', async () => {
      receiver.script({ status: 503, headers: { 'retry-after': '7200' } });
      await work({ pausesMs: [1] });
      await subscribe();
      await happen('a');
      await recorded();
      const { nextAttemptAt, lastAttemptAt } = (await deliveries())[0]!;
      expect(nextAttemptAt - lastAttemptAt!).toBe(7_200_000);
    });

    test('waits until the date that Retry-After names, but never over a day', async () => {
      receiver.script({ status: 503, headers: { 'retry-after': new Date(Date.now() + 1000 * HOUR).toUTCString() } });
      await work({ pausesMs: [1] });
      await subscribe();
      await happen('a');
      await recorded();
      const { nextAttemptAt, lastAttemptAt } = (await deliveries())[0]!;
      expect(nextAttemptAt - lastAttemptAt!).toBe(24 * HOUR);
    });

    test.each(['', 'soon', '-5', '0', '1e9', 'Thu, 01 Jan 1970 00:00:00 GMT'])(
      'does not mind a Retry-After of "%s"',
      async (header) => {
        receiver.script({ status: 503, headers: { 'retry-after': header } });
        await work({ pausesMs: [1] });
        await subscribe();
        await happen('a');
        expect((await receiver.nexts(2)).map(numberOf)).toEqual([1, 1]);
      },
    );

    test('after its last try is given up, and its chat goes on', async () => {
      receiver.answer = (request) => (numberOf(request) === 1 ? 500 : 200);
      await work({ pausesMs: [1, 1] });
      const subscription = await subscribe();
      await happen('a', 'a');
      expect((await receiver.nexts(4)).map(numberOf)).toEqual([1, 1, 1, 2]);
      await settle();
      const [first, second] = await deliveries();
      expect(first).toMatchObject({ status: 'parked', attempts: 3 });
      expect(second).toMatchObject({ status: 'delivered' });
      expect(await stateOf(subscription)).toBe('active');
    });

    test('and was given up starts a new schedule when it is asked for once more', async () => {
      receiver.script(500, 500, 500, 500);
      await work({ pausesMs: [1] });
      await subscribe();
      await happen('a');
      await receiver.nexts(2);
      await recorded();
      await recorded();
      const [given] = await deliveries();
      expect(given!.status).toBe('parked');
      const lane = await store.deliveries.redeliver(given!.id);
      await worker.wakeSubscription(lane.subscriptionId);
      await receiver.nexts(2);
    });

    test('is tried for more than a day, ever more rarely', () => {
      const sum = RETRY_PAUSES_MS.reduce((total, pause) => total + pause);
      expect(sum).toBeGreaterThan(24 * HOUR);
      expect([...RETRY_PAUSES_MS]).toEqual([...RETRY_PAUSES_MS].sort((a, b) => a - b));
    });

    test('tells its error without the path and the query of the URL, which may be secret', async () => {
      const { port } = receiver;
      await receiver.close();
      await work(NOT_AGAIN);
      await subscribe({ url: `http://127.0.0.1:${port}/secret-path?token=secret-query` });
      await happen('a');
      await recorded();
      expect((await deliveries())[0]!.lastError).not.toContain('secret');
    });

    test('because its address is not allowed says so', async () => {
      await agent.destroy();
      agent = guardedAgent(['public']);
      await work(NOT_AGAIN);
      await subscribe();
      await happen('a');
      await recorded();
      expect((await deliveries())[0]!.lastError).toMatch(
        /127.0.0.1 is on a loopback network.*WARBLER_WEBHOOK_NETWORKS/,
      );
      expect(receiver.requests).toEqual([]);
    });
  });

  describe('to a receiver that is gone', () => {
    test.each([404, 410])('(%i) waits with all that follows, and nothing is lost', async (status) => {
      receiver.answer = () => status;
      await work(NOT_AGAIN);
      const subscription = await subscribe();
      await happen('a', 'a', 'b', 'c');
      await recorded();
      await settle();
      expect(await stateOf(subscription)).toBe('parked');
      expect((await deliveries()).map(({ status }) => status)).toEqual(Array(4).fill('parked'));
      expect(await store.events.prune(Date.now() + HOUR, { from: 0, limit: 9 })).toMatchObject({ count: 0 });
    });

    test('is tried with one event only, however many chats wait', async () => {
      receiver.answer = () => 404;
      await work(NOT_AGAIN);
      const subscription = await subscribe();
      await happen('a');
      await recorded();
      await happen(...Array.from({ length: 50 }, (_, index) => `chat ${index}`));
      await happen('a', 'b');
      await settle();
      expect(receiver.requests).toHaveLength(1);
      expect(await stateOf(subscription)).toBe('parked');
    });

    test('comes, all of it and in order, when the receiver registers again', async () => {
      receiver.answer = () => 404;
      await work(NOT_AGAIN);
      await subscribe();
      await happen('a');
      await recorded();
      await happen('a', 'b', 'a', 'b');
      receiver.answer = () => 200;
      const { id } = await subscribe();
      await worker.wakeSubscription(id);
      await receiver.next();
      const got = await receiver.nexts(5);
      for (const chat of ['a', 'b']) {
        const numbers = got.filter(({ event }) => event.jid === chat).map(numberOf);
        expect(numbers).toEqual([...numbers].sort((x, y) => x - y));
      }
      expect(got.map(numberOf).sort()).toEqual([1, 2, 3, 4, 5]);
    });

    test('comes by itself when the receiver is back, without anybody registering', async () => {
      receiver.script(404, 404, 404);
      await work({ pausesMs: [HOUR], probePausesMs: [1] });
      const subscription = await subscribe();
      await happen('a');
      await recorded();
      await happen('b', 'a');
      const got = await receiver.nexts(6);
      expect(got.slice(0, 4).map(numberOf)).toEqual([1, 1, 1, 1]);
      expect(got.slice(4).map(numberOf).sort()).toEqual([2, 3]);
      await settle();
      expect(await stateOf(subscription)).toBe('active');
    });

    test('after a restart is still tried, and goes on when the receiver is back', async () => {
      receiver.answer = () => 404;
      await work({ probePausesMs: [1] });
      await subscribe();
      await happen('a', 'b', 'c');
      await recorded();
      await settle();
      await store.close();
      await openStore();
      const before = receiver.requests.length;
      await receiver.nexts(before);
      receiver.answer = () => 200;
      await work();
      expect((await receiver.nexts(3)).map(numberOf).sort()).toEqual([1, 2, 3]);
    });

    test('uses up none of its tries, not even when the port is closed for a while', async () => {
      const { port } = receiver;
      receiver.answer = () => 404;
      await work({ pausesMs: [1], probePausesMs: [1] });
      const subscription = await subscribe();
      await happen('a');
      for (let probe = 0; probe < 6; probe += 1) await recorded();
      await receiver.close();
      for (let probe = 0; probe < 6; probe += 1) await recorded();
      expect(await stateOf(subscription)).toBe('parked');
      expect((await deliveries())[0]).toMatchObject({ status: 'parked', failures: 0 });
      expect((await store.deliveries.head(subscription.id, 'a'))?.delivery.failures).toBe(0);
      receiver = await anotherReceiver(port);
      expect(numberOf(await receiver.next())).toBe(1);
      await settle();
      expect((await deliveries())[0]!.status).toBe('delivered');
    });

    test('and is back, but refuses the very event that knocked, lets the other chats through', async () => {
      receiver.script(404);
      receiver.answer = ({ event }) => (event.jid === 'a' ? 500 : 200);
      await work({ pausesMs: [HOUR], probePausesMs: [1] });
      const subscription = await subscribe();
      await happen('a');
      await recorded();
      await happen('b');
      const got = await receiver.nexts(3);
      expect(got.map(numberOf)).toEqual([1, 1, 2]);
      await settle();
      expect(await stateOf(subscription)).toBe('active');
      expect((await deliveries()).map(({ status }) => status)).toEqual(['failed', 'delivered']);
    });

    test('and registers while it is being asked is asked again at once, not after the pause', async () => {
      const release = receiver.hold();
      await work(NOT_AGAIN);
      const { id } = await subscribe();
      await happen('a', 'b');
      await receiver.nexts(2);
      await subscribe();
      await worker.wakeSubscription(id);
      release(404);
      receiver.answer = () => 200;
      expect((await receiver.nexts(2)).map(numberOf).sort()).toEqual([1, 2]);
      await settle();
      expect((await store.subscriptions.get(id))?.state).toBe('active');
    });

    test('opens again when another chat got through meanwhile', async () => {
      const answers = new Map<unknown, (answer: 200 | 404) => void>();
      receiver.answer = ({ event }) => new Promise((resolve) => answers.set(event.jid, resolve));
      await work(NOT_AGAIN);
      const subscription = await subscribe();
      await happen('a', 'b');
      await receiver.nexts(2);
      answers.get('a')!(404);
      await recorded();
      expect(await stateOf(subscription)).toBe('parked');
      receiver.answer = () => 200;
      answers.get('b')!(200);
      expect(numberOf(await receiver.next())).toBe(1);
      await settle();
      expect(await stateOf(subscription)).toBe('active');
    });

    test('is asked at once when somebody wants one event again', async () => {
      receiver.script(200, 404);
      await work(NOT_AGAIN);
      await subscribe();
      await happen('a', 'b');
      await recorded();
      await recorded();
      const delivered = (await deliveries()).find(({ status }) => status === 'delivered')!;
      const { subscriptionId } = await store.deliveries.redeliver(delivered.id);
      await worker.wakeSubscription(subscriptionId);
      const got = await receiver.nexts(3);
      expect(got.at(-1)!.event.id).toBe(delivered.eventId);
    });
  });

  describe('whose subscription', () => {
    test('is deleted while it is on its way is nobody’s any more', async () => {
      const release = receiver.hold();
      await work();
      const { id } = await subscribe();
      await happen('a', 'a', 'b');
      await receiver.nexts(2);
      await store.subscriptions.delete(id);
      release(404);
      await recorded();
      await recorded();
      await settle();
      expect(receiver.requests).toHaveLength(2);
    });

    test('or whose session is deleted while it is on its way is nobody’s any more', async () => {
      const release = receiver.hold();
      await work({ pausesMs: [1] });
      await subscribe();
      await happen('a', 'a');
      await receiver.next();
      await store.sessions.delete(session.id);
      release(500);
      await recorded();
      await settle();
      expect(receiver.requests).toHaveLength(1);
    });

    test('expires gets nothing that happens later', async () => {
      await work();
      await subscribe({ expiresAt: Date.now() - 1 });
      await happen('a');
      await settle();
      expect(receiver.requests).toEqual([]);
    });

    test('is replaced gets its events with the new secret', async () => {
      receiver.script(500);
      await work(NOT_AGAIN);
      await subscribe();
      await happen('a');
      await recorded();
      const secret = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
      const { id } = await subscribe({ secret });
      await worker.wakeSubscription(id);
      const [, second] = await receiver.nexts(2);
      new Webhook(secret).verify(second!.body, second!.headers as Record<string, string>);
    });
  });

  test('takes no memory of chats that have nothing to deliver', async () => {
    await work();
    await subscribe();
    await happen(...Array.from({ length: 100 }, (_, index) => `chat ${index}`));
    await receiver.nexts(100);
    await settle();
    expect((worker as unknown as { work: Map<string, unknown> }).work.size).toBe(0);
  });

  test('that the store could not record is made again, not forgotten', async () => {
    const errors: unknown[] = [];
    const log = silent.child({}, { level: 'silent' });
    log.error = ((about: unknown) => void errors.push(about)) as typeof log.error;
    const { head } = store.deliveries;
    let broken = true;
    store.deliveries.head = async (...args) => {
      if (!broken) return head(...args);
      broken = false;
      throw new Error('disk is full');
    };
    await work({ log });
    const { id } = await subscribe();
    await happen('a');
    await worker.wakeSubscription(id);
    expect(numberOf(await receiver.next())).toBe(1);
    expect(errors).toHaveLength(1);
  });
});

describe('whatever a receiver does, whenever the engine is restarted and whoever registers again', () => {
  type Deed =
    { do: 'event'; lane: string } | { do: 'answer'; answer: Answer } | { do: 'restart' | 'register' | 'rest' };
  const deed = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'c').map((lane): Deed => ({ do: 'event', lane })) },
    {
      weight: 2,
      arbitrary: fc.constantFrom<Answer>(200, 500, 404, 410, 'break').map((answer): Deed => ({ do: 'answer', answer })),
    },
    { weight: 3, arbitrary: fc.constant<Deed>({ do: 'rest' }) },
    { weight: 1, arbitrary: fc.constantFrom<Deed>({ do: 'restart' }, { do: 'register' }) },
  );

  test('every event arrives without further help once the receiver is well, in the order of its chat', async () => {
    await fc.assert(fc.asyncProperty(fc.array(deed, { minLength: 5, maxLength: 40 }), live), { numRuns: 60 });
  });

  /** Lives through these deeds, then lets the receiver be well and waits for whatever has not arrived. */
  async function live(deeds: Deed[]): Promise<void> {
    const store = openSqliteStore(undefined, new Seal(Buffer.alloc(32, 7)));
    const { id: sessionId } = await store.sessions.create(aSession(), someKeys());
    const receiver = await Receiver.start();
    const agent = guardedAgent(['loopback']);
    let answer: Answer = 200;
    /** Ids by chat, in the order in which the receiver took them for the first time. */
    const taken = new Map<string, Set<string>>();
    receiver.answer = ({ event: { id, jid } }) => {
      if (answer === 200) taken.set(jid!, (taken.get(jid!) ?? new Set()).add(id));
      return answer;
    };
    const newWorker = async () => {
      const worker = new DeliveryWorker({
        store,
        attempt: (subscription, event) => attempt(subscription, event, { agent, clock: systemClock }),
        log: silent,
        clock: systemClock,
        pausesMs: Array<number>(10_000).fill(1),
        probePausesMs: [1],
      });
      store.onCommitted((_, { due }) => worker.wake(due));
      await worker.start();
      return worker;
    };
    const register = () => store.subscriptions.put(subscriptionOf(sessionId, { url: `${receiver.origin}/` }));
    await register();
    let worker = await newWorker();
    const sent = new Map<string, string[]>();
    const waiting = () => [...sent].some(([lane, ids]) => (taken.get(lane)?.size ?? 0) < ids.length);
    /** Were a wake-up lost, none would come. */
    const anotherRequest = async () => {
      const before = receiver.requests.length;
      while (receiver.requests.length === before) await receiver.next();
    };
    for (const one of deeds) {
      if (one.do === 'answer') answer = one.answer;
      if (one.do === 'event') {
        const { events } = await store.commit({ sessionId, events: [anEvent({ lane: one.lane, jid: one.lane })] });
        sent.set(one.lane, [...(sent.get(one.lane) ?? []), events[0]!.id]);
      }
      if (one.do === 'register') await worker.wakeSubscription((await register()).id);
      if (one.do === 'restart') {
        await worker.stop(0);
        worker = await newWorker();
      }
      if (one.do === 'rest' && waiting()) await anotherRequest();
    }
    answer = 200;
    while (waiting()) await anotherRequest();
    await worker.stop();
    for (const [lane, ids] of sent) expect([...taken.get(lane)!]).toEqual(ids);
    await receiver.close();
    await agent.destroy();
    await store.close();
  }
});
