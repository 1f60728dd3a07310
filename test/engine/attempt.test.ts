import { RETRY_PAUSES_MS } from '../../engine/delivery/worker.ts';
import { guardedAgent } from '../../engine/network/guard.ts';
import { anEvent } from './fixtures.ts';
import { Delivering, HOUR, NOT_AGAIN, numberOf } from './delivering.ts';

const here = new Delivering();
beforeEach(() => here.open());
afterEach(() => here.close());

describe('a delivery that is not taken', () => {
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
    ['never ends its headers', 'drip', { lastStatus: null, lastError: 'No answer within 0.05 s' }],
    ['answers with a megabyte of headers', 'headers', { lastError: expect.stringContaining('more headers') }],
  ] as const)('because the receiver %s is tried again', async (_words, answer, expected) => {
    here.receiver.script(answer);
    // Whoever answers is waited for, however busy this machine is.
    await here.work({ ...((answer === 'hang' || answer === 'drip') && { timeoutMs: 50 }), ...NOT_AGAIN });
    const subscription = await here.subscribe();
    await here.happen('a');
    await here.recorded();
    expect((await here.deliveries())[0]).toMatchObject({ status: 'failed', attempts: 1, failures: 1, ...expected });
    expect(await here.stateOf(subscription)).toBe('active');
    expect(here.receiver.requests).toHaveLength(1);
  });

  test('because nobody listens at the port is tried again', async () => {
    const { port } = here.receiver;
    await here.receiver.close();
    await here.work({ pausesMs: [HOUR] });
    const subscription = await here.subscribe();
    await here.happen('a');
    await here.recorded();
    expect((await here.deliveries())[0]).toMatchObject({
      status: 'failed',
      lastError: expect.stringContaining('ECONNREFUSED'),
    });
    here.receiver = await here.anotherReceiver(port);
    await here.store.subscriptions.resume(subscription.id);
    await here.worker.wakeSubscription(subscription.id);
    expect(numberOf(await here.receiver.next())).toBe(1);
  });

  test.each(['cut', 'trickle', 'flood'] as const)(
    'whole is taken all the same: the status counts (%s)',
    async (answer) => {
      here.receiver.script(answer);
      await here.work({ timeoutMs: 500 });
      await here.subscribe();
      await here.happen('a');
      await here.recorded();
      expect((await here.deliveries())[0]).toMatchObject({ status: 'delivered', lastStatus: 200, lastError: null });
    },
  );

  test('waits as long as Retry-After asks', async () => {
    here.receiver.script({ status: 503, headers: { 'retry-after': '7200' } });
    await here.work({ pausesMs: [1] });
    await here.subscribe();
    await here.happen('a');
    await here.recorded();
    const { nextAttemptAt, lastAttemptAt } = (await here.deliveries())[0]!;
    expect(nextAttemptAt - lastAttemptAt!).toBe(7_200_000);
  });

  test('waits until the date that Retry-After names, but never over a day', async () => {
    here.receiver.script({ status: 503, headers: { 'retry-after': new Date(Date.now() + 1000 * HOUR).toUTCString() } });
    await here.work({ pausesMs: [1] });
    await here.subscribe();
    await here.happen('a');
    await here.recorded();
    const { nextAttemptAt, lastAttemptAt } = (await here.deliveries())[0]!;
    expect(nextAttemptAt - lastAttemptAt!).toBe(24 * HOUR);
  });

  test.each(['', 'soon', '-5', '0', '1e9', 'Thu, 01 Jan 1970 00:00:00 GMT'])(
    'does not mind a Retry-After of "%s"',
    async (header) => {
      here.receiver.script({ status: 503, headers: { 'retry-after': header } });
      await here.work({ pausesMs: [1] });
      await here.subscribe();
      await here.happen('a');
      expect((await here.receiver.nexts(2)).map(numberOf)).toEqual([1, 1]);
    },
  );

  test('after its last try is given up, and its chat goes on', async () => {
    here.receiver.answer = (request) => (numberOf(request) === 1 ? 500 : 200);
    await here.work({ pausesMs: [1, 1] });
    const subscription = await here.subscribe();
    await here.happen('a', 'a');
    expect((await here.receiver.nexts(4)).map(numberOf)).toEqual([1, 1, 1, 2]);
    await here.settle();
    const [first, second] = await here.deliveries();
    expect(first).toMatchObject({ status: 'parked', attempts: 3 });
    expect(second).toMatchObject({ status: 'delivered' });
    expect(await here.stateOf(subscription)).toBe('active');
  });

  test('and was given up starts a new schedule when it is asked for once more', async () => {
    here.receiver.script(500, 500, 500, 500);
    await here.work({ pausesMs: [1] });
    await here.subscribe();
    await here.happen('a');
    await here.receiver.nexts(2);
    await here.recorded();
    await here.recorded();
    const [given] = await here.deliveries();
    expect(given!.status).toBe('parked');
    const lane = await here.store.deliveries.redeliver(given!.id);
    await here.worker.wakeSubscription(lane.subscriptionId);
    await here.receiver.nexts(2);
  });

  test('is tried for more than a day, ever more rarely', () => {
    const sum = RETRY_PAUSES_MS.reduce((total, pause) => total + pause);
    expect(sum).toBeGreaterThan(24 * HOUR);
    expect([...RETRY_PAUSES_MS]).toEqual([...RETRY_PAUSES_MS].sort((a, b) => a - b));
  });

  test('tells its error without the path and the query of the URL, which may be secret', async () => {
    const { port } = here.receiver;
    await here.receiver.close();
    await here.work(NOT_AGAIN);
    await here.subscribe({ url: `http://127.0.0.1:${port}/secret-path?token=secret-query` });
    await here.happen('a');
    await here.recorded();
    expect((await here.deliveries())[0]!.lastError).not.toContain('secret');
  });

  test('because its address is not allowed says so', async () => {
    await here.agent.destroy();
    here.agent = guardedAgent(['public']);
    await here.work(NOT_AGAIN);
    await here.subscribe();
    await here.happen('a');
    await here.recorded();
    expect((await here.deliveries())[0]!.lastError).toMatch(
      /127.0.0.1 is on a loopback network.*WARBLER_WEBHOOK_NETWORKS/,
    );
    expect(here.receiver.requests).toEqual([]);
  });
});

describe('a connection to a receiver', () => {
  test('is used again and again, two at the most for each chat that is on its way', async () => {
    await here.work();
    await here.subscribe();
    await here.happen(...Array.from({ length: 30 }, () => 'a'));
    await here.receiver.nexts(30);
    // undici takes another one while the last answer’s is just becoming free.
    expect(here.receiver.connections).toBeLessThanOrEqual(2);
    await here.happen(...Array.from({ length: 60 }, (_, index) => `chat ${index}`));
    await here.receiver.nexts(60);
    expect(here.receiver.connections).toBeLessThanOrEqual(16);
  });

  test('is closed on a receiver that answers without end, and the next event gets another', async () => {
    here.receiver.script('flood');
    await here.work();
    await here.subscribe();
    await here.happen('a', 'a');
    await here.receiver.nexts(2);
    await here.recorded();
    await here.recorded();
    expect((await here.deliveries()).map(({ status }) => status)).toEqual(['delivered', 'delivered']);
    expect(here.receiver.connections).toBeGreaterThan(1);
  });

  test('is not made to where a redirect points', async () => {
    const elsewhere = await here.anotherReceiver();
    here.receiver.script({ status: 308, headers: { location: `${elsewhere.origin}/` } });
    await here.work(NOT_AGAIN);
    await here.subscribe();
    await here.happen('a');
    await here.recorded();
    expect([here.receiver.requests.length, elsewhere.requests.length]).toEqual([1, 0]);
  });

  test('carries an event of a megabyte', async () => {
    await here.work();
    await here.subscribe();
    const text = '€'.repeat(350_000);
    await here.store.commit({ sessionId: here.session.id, events: [anEvent({ data: { text } })] });
    expect((await here.receiver.next()).event.data).toEqual({ text });
  });
});
