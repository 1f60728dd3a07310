import fc from 'fast-check';
import { systemClock } from '../../engine/clock.ts';
import { attempt } from '../../engine/delivery/attempt.ts';
import { DeliveryWorker } from '../../engine/delivery/worker.ts';
import { guardedAgent } from '../../engine/network/guard.ts';
import { Seal } from '../../engine/store/seal.ts';
import { openSqliteStore } from '../../engine/store/sqlite/index.ts';
import { aSession, anEvent, silent, someKeys, subscriptionOf } from './fixtures.ts';
import { Receiver, type Answer } from './receiver.ts';

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
