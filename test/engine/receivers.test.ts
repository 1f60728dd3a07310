import fc from 'fast-check';
import { setImmediate } from 'node:timers/promises';
import { systemClock } from '../../engine/clock.ts';
import { attempt, type Attempt } from '../../engine/delivery/attempt.ts';
import { DeliveryWorker, RETRY_PAUSES_MS } from '../../engine/delivery/worker.ts';
import type { EventEnvelope } from '../../engine/events.ts';
import type { SubscriptionRecord } from '../../engine/model.ts';
import { guardedAgent } from '../../engine/network/guard.ts';
import { Seal } from '../../engine/store/seal.ts';
import { openSqliteStore } from '../../engine/store/sqlite/index.ts';
import { TestClock } from './clock.ts';
import { Delivering, HOUR } from './delivering.ts';
import { aSession, anEvent, silent, someKeys, subscriptionOf } from './fixtures.ts';
import { Receiver, type Answer, type ReceivedRequest } from './receiver.ts';

describe('a dead receiver', () => {
  const clock = new TestClock();
  const here = new Delivering(clock);
  beforeEach(() => here.open());
  afterEach(() => here.close());

  test('is tried for more than a day before an event is given up, however the dice fall', async () => {
    const { random } = Math;
    Math.random = () => 0;
    try {
      await here.receiver.close();
      await here.work();
      await here.subscribe();
      await here.happen('a');
      const startedAt = clock.now();
      for (let tries = 0; tries <= RETRY_PAUSES_MS.length; tries += 1) await clock.until(here.recorded());
      const [delivery] = await here.deliveries();
      expect(delivery).toMatchObject({ status: 'parked', attempts: RETRY_PAUSES_MS.length + 1 });
      expect(clock.now() - startedAt).toBeGreaterThan(24 * HOUR);
    } finally {
      Math.random = random;
    }
  });
});

describe('among receivers of every kind', () => {
  const clock = new TestClock();
  const here = new Delivering(clock);
  beforeEach(() => here.open());
  afterEach(() => here.close());

  const CHATS = Array.from({ length: 9 }, (_, index) => `chat ${index}`);
  const ILL_FOR_HOURS = 26;
  const LATER = 5400;

  /** What each does for 26 hours, before it is well. */
  const ILLNESSES: Record<string, (request: ReceivedRequest) => Answer | Promise<Answer>> = {
    healthy: () => 200,
    slow: async () => {
      await new Promise((resolve) => setTimeout(resolve, 15));
      return 200;
    },
    'cut off': () => 'cut',
    flooding: () => 'flood',
    failing: () => 500,
    'not found': () => 404,
    gone: () => 410,
    busy: () => ({ status: 429, headers: { 'retry-after': String(LATER) } }),
    'busy until': () => ({
      status: 429,
      headers: { 'retry-after': new Date(clock.now() + LATER * 1000).toUTCString() },
    }),
    garbled: () => 'garbage',
    closing: () => 'break',
    silent: () => 'hang',
    down: () => 200,
  };
  /** They take events from the beginning. */
  const TAKING = ['healthy', 'slow', 'cut off', 'flooding'];

  /** A receiver that remembers what it has taken. */
  class Subscriber {
    /** By chat, in the order in which they were taken first. */
    readonly taken = new Map<string, string[]>();
    count = 0;
    /** Posts of an event that had been answered with 2xx before. */
    doubled = 0;
    ill = true;
    private readonly answered = new Set<string>();

    constructor(
      readonly name: string,
      public receiver: Receiver,
      private readonly changed: () => void,
    ) {
      this.listen();
    }

    listen(): void {
      this.receiver.answer = async (request) => {
        if (this.answered.has(request.event.id)) this.doubled += 1;
        const answer = this.ill ? await ILLNESSES[this.name]!(request) : 200;
        if (answer === 200 || answer === 'cut' || answer === 'flood') this.take(request.event);
        return answer;
      };
    }

    private take({ id, jid }: EventEnvelope): void {
      if (this.answered.has(id)) return;
      this.answered.add(id);
      this.taken.set(jid!, [...(this.taken.get(jid!) ?? []), id]);
      this.count += 1;
      this.changed();
    }
  }

  test('every event reaches everyone, once and in the order of its chat, and the healthy one waits for nobody', async () => {
    let changed = () => {};
    const until = async (check: () => boolean) => {
      while (!check()) await new Promise<void>((resolve) => (changed = resolve));
    };
    const subscribers: Subscriber[] = [];
    for (const name of Object.keys(ILLNESSES)) {
      const receiver = await here.anotherReceiver();
      subscribers.push(new Subscriber(name, receiver, () => changed()));
      await here.subscribe({ url: `${receiver.origin}/` });
    }
    const named = (name: string) => subscribers.find((one) => one.name === name)!;
    await named('down').receiver.close();

    /** Attempts under way, by subscription. */
    const inFlight = new Map<string, number>();
    let [most, total] = [0, 0];
    const silentUrl = `${named('silent').receiver.origin}/`;
    const counted = async (subscription: SubscriptionRecord, event: EventEnvelope): Promise<Attempt> => {
      const now = (inFlight.get(subscription.id) ?? 0) + 1;
      inFlight.set(subscription.id, now);
      most = Math.max(most, now);
      total += 1;
      // Whoever answers is waited for, however busy this machine is.
      const patience = subscription.url === silentUrl && named('silent').ill ? { timeoutMs: 50 } : {};
      const result = await attempt(subscription, event, { agent: here.agent, clock, ...patience });
      inFlight.set(subscription.id, inFlight.get(subscription.id)! - 1);
      return result;
    };
    const resting = () => [...inFlight.values()].every((count) => count === 0);
    /** Whatever is due has been tried. */
    const rest = async () => {
      for (let turns = 0; turns < 5; turns += 1) {
        if (!resting()) turns = 0;
        await setImmediate();
      }
    };
    clock.quiet = resting;

    const events: EventEnvelope[] = [];
    const healthy = named('healthy');
    /** Nobody advances the clock meanwhile: were the healthy one to wait for a pause of another, it would for ever. */
    const happen = async (...lanes: string[]) => {
      events.push(...(await here.happen(...lanes)));
      await until(() => healthy.count === events.length);
    };
    await here.work({ attempt: counted });
    for (let round = 0; round < 3; round += 1) await happen(...CHATS);
    const early = subscribers.filter(({ name }) => !TAKING.includes(name));
    expect(early.map(({ name, count }) => [name, count])).toEqual(early.map(({ name }) => [name, 0]));

    for (let hour = 0; hour < ILL_FOR_HOURS; hour += 1) {
      await happen(CHATS[hour % CHATS.length]!);
      await rest();
      clock.advance(HOUR);
      await rest();
      if (hour === 13) {
        await here.worker.stop();
        await here.store.close();
        await here.openStore();
        await here.work({ attempt: counted });
      }
    }
    expect(early.map(({ name, count }) => [name, count])).toEqual(early.map(({ name }) => [name, 0]));

    // Everybody is well again, and nobody registers, resumes or otherwise helps.
    const down = named('down');
    down.receiver = await here.anotherReceiver(down.receiver.port);
    down.listen();
    for (const one of subscribers) one.ill = false;
    await clock.until(until(() => subscribers.every(({ count }) => count >= events.length)));
    await clock.until(here.settle());

    const expected = (jid: string) => events.filter((event) => event.jid === jid).map(({ id }) => id);
    const lost = subscribers.flatMap(({ taken }) => events.filter(({ id, jid }) => !taken.get(jid!)?.includes(id)));
    const disordered = subscribers.flatMap(({ name, taken }) =>
      CHATS.filter((chat) => String(taken.get(chat)) !== String(expected(chat))).map((chat) => `${name}: ${chat}`),
    );
    const doubled = subscribers.reduce((sum, one) => sum + one.doubled, 0);
    console.log(
      `receivers: ${events.length} events, ${subscribers.length} receivers, ${total} attempts, ${lost.length} lost, ` +
        `${disordered.length} chats out of order, ${doubled} doubled, at most ${most} in flight to one`,
    );
    expect({ lost, disordered, doubled }).toEqual({ lost: [], disordered: [], doubled: 0 });
    expect(most).toBe(8);
    const { store, session } = here;
    for (const status of ['pending', 'failed', 'parked'] as const) {
      expect(await store.deliveries.list(session.id, { status }, { after: 0, limit: 1 })).toEqual([]);
    }
  }, 60_000);
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
