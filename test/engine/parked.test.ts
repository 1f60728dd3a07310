import { Delivering, HOUR, NOT_AGAIN, numberOf } from './delivering.ts';

const here = new Delivering();
beforeEach(() => here.open());
afterEach(() => here.close());

describe('a delivery to a receiver that is gone', () => {
  test.each([404, 410])('(%i) waits with all that follows, and nothing is lost', async (status) => {
    here.receiver.answer = () => status;
    await here.work(NOT_AGAIN);
    const subscription = await here.subscribe();
    await here.happen('a', 'a', 'b', 'c');
    await here.recorded();
    await here.settle();
    expect(await here.stateOf(subscription)).toBe('parked');
    expect((await here.deliveries()).map(({ status }) => status)).toEqual(Array(4).fill('parked'));
    expect(await here.store.events.prune(Date.now() + HOUR, { from: 0, limit: 9 })).toMatchObject({ count: 0 });
  });

  test('is tried with one event only, however many chats wait', async () => {
    here.receiver.answer = () => 404;
    await here.work(NOT_AGAIN);
    const subscription = await here.subscribe();
    await here.happen('a');
    await here.recorded();
    await here.happen(...Array.from({ length: 50 }, (_, index) => `chat ${index}`));
    await here.happen('a', 'b');
    await here.settle();
    expect(here.receiver.requests).toHaveLength(1);
    expect(await here.stateOf(subscription)).toBe('parked');
  });

  test('comes, all of it and in order, when the receiver registers again', async () => {
    here.receiver.answer = () => 404;
    await here.work(NOT_AGAIN);
    await here.subscribe();
    await here.happen('a');
    await here.recorded();
    await here.happen('a', 'b', 'a', 'b');
    here.receiver.answer = () => 200;
    const { id } = await here.subscribe();
    await here.worker.wakeSubscription(id);
    await here.receiver.next();
    const got = await here.receiver.nexts(5);
    for (const chat of ['a', 'b']) {
      const numbers = got.filter(({ event }) => event.jid === chat).map(numberOf);
      expect(numbers).toEqual([...numbers].sort((x, y) => x - y));
    }
    expect(got.map(numberOf).sort()).toEqual([1, 2, 3, 4, 5]);
  });

  test('comes by itself when the receiver is back, without anybody registering', async () => {
    here.receiver.script(404, 404, 404);
    await here.work({ pausesMs: [HOUR], probePausesMs: [1] });
    const subscription = await here.subscribe();
    await here.happen('a');
    await here.recorded();
    await here.happen('b', 'a');
    const got = await here.receiver.nexts(6);
    expect(got.slice(0, 4).map(numberOf)).toEqual([1, 1, 1, 1]);
    expect(got.slice(4).map(numberOf).sort()).toEqual([2, 3]);
    await here.settle();
    expect(await here.stateOf(subscription)).toBe('active');
  });

  test('after a restart is still tried, and goes on when the receiver is back', async () => {
    here.receiver.answer = () => 404;
    await here.work({ probePausesMs: [1] });
    await here.subscribe();
    await here.happen('a', 'b', 'c');
    await here.recorded();
    await here.settle();
    await here.store.close();
    await here.openStore();
    const before = here.receiver.requests.length;
    await here.receiver.nexts(before);
    here.receiver.answer = () => 200;
    await here.work();
    expect((await here.receiver.nexts(3)).map(numberOf).sort()).toEqual([1, 2, 3]);
  });

  test('uses up none of its tries, not even when the port is closed for a while', async () => {
    const { port } = here.receiver;
    here.receiver.answer = () => 404;
    await here.work({ pausesMs: [1], probePausesMs: [1] });
    const subscription = await here.subscribe();
    await here.happen('a');
    for (let probe = 0; probe < 6; probe += 1) await here.recorded();
    await here.receiver.close();
    for (let probe = 0; probe < 6; probe += 1) await here.recorded();
    expect(await here.stateOf(subscription)).toBe('parked');
    expect((await here.deliveries())[0]).toMatchObject({ status: 'parked', failures: 0 });
    expect((await here.store.deliveries.head(subscription.id, 'a'))?.delivery.failures).toBe(0);
    here.receiver = await here.anotherReceiver(port);
    expect(numberOf(await here.receiver.next())).toBe(1);
    await here.settle();
    expect((await here.deliveries())[0]!.status).toBe('delivered');
  });

  test('and is back, but refuses the very event that knocked, lets the other chats through', async () => {
    here.receiver.script(404);
    here.receiver.answer = ({ event }) => (event.jid === 'a' ? 500 : 200);
    await here.work({ pausesMs: [HOUR], probePausesMs: [1] });
    const subscription = await here.subscribe();
    await here.happen('a');
    await here.recorded();
    await here.happen('b');
    const got = await here.receiver.nexts(3);
    expect(got.map(numberOf)).toEqual([1, 1, 2]);
    await here.settle();
    expect(await here.stateOf(subscription)).toBe('active');
    expect((await here.deliveries()).map(({ status }) => status)).toEqual(['failed', 'delivered']);
  });

  test('and registers while it is being asked is asked again at once, not after the pause', async () => {
    const release = here.receiver.hold();
    await here.work(NOT_AGAIN);
    const { id } = await here.subscribe();
    await here.happen('a', 'b');
    await here.receiver.nexts(2);
    await here.subscribe();
    await here.worker.wakeSubscription(id);
    release(404);
    here.receiver.answer = () => 200;
    expect((await here.receiver.nexts(2)).map(numberOf).sort()).toEqual([1, 2]);
    await here.settle();
    expect((await here.store.subscriptions.get(id))?.state).toBe('active');
  });

  test('opens again when another chat got through meanwhile', async () => {
    const answers = new Map<unknown, (answer: 200 | 404) => void>();
    here.receiver.answer = ({ event }) => new Promise((resolve) => answers.set(event.jid, resolve));
    await here.work(NOT_AGAIN);
    const subscription = await here.subscribe();
    await here.happen('a', 'b');
    await here.receiver.nexts(2);
    answers.get('a')!(404);
    await here.recorded();
    expect(await here.stateOf(subscription)).toBe('parked');
    here.receiver.answer = () => 200;
    answers.get('b')!(200);
    expect(numberOf(await here.receiver.next())).toBe(1);
    await here.settle();
    expect(await here.stateOf(subscription)).toBe('active');
  });

  test('is asked at once when somebody wants one event again', async () => {
    here.receiver.script(200, 404);
    await here.work(NOT_AGAIN);
    await here.subscribe();
    await here.happen('a', 'b');
    await here.recorded();
    await here.recorded();
    const delivered = (await here.deliveries()).find(({ status }) => status === 'delivered')!;
    const { subscriptionId } = await here.store.deliveries.redeliver(delivered.id);
    await here.worker.wakeSubscription(subscriptionId);
    const got = await here.receiver.nexts(3);
    expect(got.at(-1)!.event.id).toBe(delivered.eventId);
  });
});
