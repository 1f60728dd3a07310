import { burstOf, MOST_COLLECTED } from '../../engine/store/burst.ts';
import type { EventEnvelope } from '../../engine/events.ts';
import { TestClock } from './clock.ts';
import { Delivering, NOT_AGAIN, numberOf } from './delivering.ts';
import { anEvent, aSession, someKeys, subscriptionOf } from './fixtures.ts';
import type { ReceivedRequest } from './receiver.ts';

const SECOND = 1000;
let clock: TestClock;
let here: Delivering;
beforeEach(async () => {
  clock = new TestClock();
  here = new Delivering(clock);
  await here.open();
});
afterEach(() => here.close());

/** Lets time pass until the next request has come. */
const next = (): Promise<ReceivedRequest> => clock.until(here.receiver.next());
const numbersOf = ({ event }: ReceivedRequest) => event.collected?.map((one) => numberOf({ event: one }));
/** A message in each of the chats, so many seconds after the one before. */
async function come(seconds: number, ...lanes: string[]): Promise<EventEnvelope[]> {
  clock.advance(seconds * SECOND);
  return here.happen(...lanes);
}

describe('messages that come in a burst', () => {
  test('are posted as one when nothing has come for so long, under the newest one’s id, oldest first', async () => {
    await here.work();
    await here.subscribe({ collectS: 10 });
    const events = [...(await come(0, 'a')), ...(await come(4, 'a')), ...(await come(9, 'a'))];
    const quietSince = clock.now();
    const request = await next();
    expect(clock.now()).toBe(quietSince + 10 * SECOND);
    expect(request.event).toEqual({ ...events[2], collected: events });
    expect(request.headers['webhook-id']).toBe(events[2]!.id);
    await here.settle();
    expect((await here.deliveries()).map(({ status, attempts }) => [status, attempts])).toEqual(
      Array(3).fill(['delivered', 1]),
    );
  });

  test('are those of one chat: each burst is over by itself', async () => {
    await here.work();
    await here.subscribe({ collectS: 10 });
    await come(0, 'a', 'b');
    await come(8, 'b');
    expect(numbersOf(await next())).toEqual([1]);
    expect(numbersOf(await next())).toEqual([2, 3]);
  });

  test('are posted at the latest when five times as long has gone by, and what comes then is another burst', async () => {
    await here.work();
    await here.subscribe({ collectS: 10 });
    const begun = clock.now();
    for (let n = 0; n < 8; n += 1) await come(n === 0 ? 0 : 9, 'a');
    // The sixth came in the 45th second, the seventh in the 54th.
    expect(numbersOf(await next())).toEqual([1, 2, 3, 4, 5, 6]);
    expect(numbersOf(await next())).toEqual([7, 8]);
    expect(clock.now()).toBe(begun + (63 + 10) * SECOND);
  });

  test('are posted the very same when they are tried again, whatever has come meanwhile', async () => {
    here.receiver.script(500, 'break');
    await here.work({ pausesMs: [SECOND, SECOND] });
    await here.subscribe({ collectS: 10 });
    await come(0, 'a', 'a');
    const first = await next();
    await come(0, 'a');
    const [second, third] = [await next(), await next()];
    expect([second.body, third.body]).toEqual([first.body, first.body]);
    expect(third.headers['webhook-id']).toBe(first.headers['webhook-id']);
    expect(numbersOf(await next())).toEqual([3]);
  });

  test('make the same bursts when the receiver was away meanwhile', async () => {
    here.receiver.script(404);
    await here.work(NOT_AGAIN);
    const { id } = await here.subscribe({ collectS: 10 });
    await come(0, 'a');
    expect(numbersOf(await next())).toEqual([1]);
    await come(3600, 'a');
    await come(5, 'a');
    await come(3600, 'a');
    await here.store.subscriptions.resume(id);
    await here.worker.wakeSubscription(id);
    expect([numbersOf(await next()), numbersOf(await next()), numbersOf(await next())]).toEqual([[1], [2, 3], [4]]);
  });

  test('are still one after a restart between its fixing and its delivery, and no more than was in it', async () => {
    const { id } = await here.subscribe({ collectS: 10 });
    await come(0, 'a', 'a');
    await here.store.deliveries.fixBatch(id, 'a');
    await here.store.close();
    await here.openStore();
    await come(1, 'a');
    await here.work();
    expect(numbersOf(await next())).toEqual([1, 2]);
    expect(numbersOf(await next())).toEqual([3]);
  });

  test('go once more alone when one of them is asked for, and as bursts when they are replayed', async () => {
    await here.work();
    const { id } = await here.subscribe({ collectS: 10 });
    const events = [...(await come(0, 'a', 'a')), ...(await come(60, 'a'))];
    await next();
    await next();
    await here.recorded();
    await here.recorded();
    const [first] = await here.deliveries();
    await here.store.deliveries.redeliver(first!.id);
    await here.worker.wakeSubscription(id);
    const alone = { ...events[0], redelivery: 1 };
    expect((await next()).event).toEqual({ ...alone, collected: [alone] });
    await here.recorded();
    await here.store.deliveries.replay(id, { first: events[0]!.seq, last: events[2]!.seq }, 500);
    await here.worker.wakeSubscription(id);
    const again = await next();
    expect(numbersOf(again)).toEqual([1, 2]);
    expect(again.event.collected!.map(({ redelivery }) => redelivery)).toEqual([2, 1]);
    expect(numbersOf(await next())).toEqual([3]);
  });

  test('of two accounts in the same group wait for nobody but themselves', async () => {
    const other = await here.store.sessions.create(aSession(), someKeys());
    await here.work();
    await here.store.subscriptions.put(subscriptionOf(null, { url: `${here.receiver.origin}/all`, collectS: 10 }));
    const [mine] = await come(0, 'group');
    const theirs = (await here.store.commit({ sessionId: other.id, events: [anEvent({ lane: 'group' })] })).events;
    const requests = [await next(), await next()].map(({ event }) => event);
    expect(requests.sort((one, two) => one.seq - two.seq)).toEqual([
      { ...mine, collected: [mine] },
      { ...theirs[0], collected: theirs },
    ]);
  });

  test('are told of once they are taken, and not before', async () => {
    const taken: (number[] | undefined)[] = [];
    here.receiver.script(500);
    await here.work({
      pausesMs: [SECOND],
      onTaken: (_, event) => void taken.push(event.collected?.map(({ seq }) => seq)),
    });
    await here.subscribe({ collectS: 10 });
    const events = await come(0, 'a', 'a');
    await next();
    await here.recorded();
    expect(taken).toEqual([]);
    await next();
    await here.settle();
    expect(taken).toEqual([events.map(({ seq }) => seq)]);
  });
});

test('what is no message is posted at once, and has nothing collected', async () => {
  await here.work();
  await here.subscribe({ collectS: 10 });
  const { events } = await here.store.commit({
    sessionId: here.session.id,
    events: [anEvent({ event: 'call', lane: 'a', data: { call: {} } })],
  });
  expect((await here.receiver.next()).event).toEqual(events[0]);
});

describe('a burst', () => {
  const at = (...times: number[]) => times.map((time) => ({ at: time, joins: true }));
  test.each([
    ['of one is over after the quiet', at(0), { size: 1, overAt: 10 }],
    ['goes on while they come within the quiet', at(0, 9, 18), { size: 3, overAt: 28 }],
    ['ends before what comes later than that', at(0, 9, 19), { size: 2, overAt: -Infinity }],
    ['ends after five times the quiet', at(0, 9, 18, 27, 36, 45), { size: 6, overAt: 50 }],
    ['ends before what comes after that', at(0, 9, 18, 27, 36, 45, 50), { size: 6, overAt: -Infinity }],
    ['ends before what is no message', [...at(0, 1), { at: 2, joins: false }], { size: 2, overAt: -Infinity }],
    ['is at most a hundred', at(...Array(101).fill(0)), { size: MOST_COLLECTED, overAt: -Infinity }],
    ['of a hundred waits for nobody', at(...Array(100).fill(0)), { size: 100, overAt: -Infinity }],
    ['is one, though the clock was set back', at(100, 0, 5), { size: 3, overAt: 15 }],
  ])('%s', (_what, waiting, expected) => {
    expect(burstOf(waiting, 10)).toEqual(expected);
  });
});
