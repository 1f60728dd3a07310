import { setImmediate } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { attempt } from '../../engine/delivery/attempt.ts';
import { Samples } from '../../engine/delivery/samples.ts';
import type { EventEnvelope } from '../../engine/events.ts';
import { exampleOf } from '../../engine/operations/event-examples.ts';
import { TestClock } from './clock.ts';
import { Delivering } from './delivering.ts';
import { SECRET, silent } from './fixtures.ts';

let clock: TestClock;
let here: Delivering;
let samples: Samples;
let sample: EventEnvelope;
/** How many attempts have had their answer. */
let answers: number;
beforeEach(async () => {
  // The library that checks signatures goes by the time of day.
  clock = new TestClock(Date.now());
  here = new Delivering(clock);
  await here.open();
  sample = { ...exampleOf('messages.received', here.session.id, clock.now()), sample: true };
  answers = 0;
  samples = new Samples({
    store: here.store,
    attempt: async (subscription, event) => {
      const result = await attempt(subscription, event, { agent: here.agent, clock });
      answers += 1;
      return result;
    },
    clock,
    log: silent,
  });
});
afterEach(async () => {
  samples.stop();
  await here.close();
});

const next = () => clock.until(here.receiver.next());
/** What has come of every attempt is known to the engine. */
async function settled(): Promise<void> {
  while (answers < here.receiver.requests.length) await setImmediate();
  await setImmediate();
}

describe('a sample', () => {
  test('is signed, says that it is one, and is no delivery', async () => {
    const { id } = await here.subscribe();
    samples.post(id, sample);
    const { headers, body, event } = await next();
    expect(event).toEqual(sample);
    expect(headers['webhook-id']).toBe(sample.id);
    new Webhook(SECRET).verify(body, headers as Record<string, string>);
    expect(await here.deliveries()).toEqual([]);
  });

  test('is tried until somebody listens, and parks nobody', async () => {
    here.receiver.script(404, 500, 'break', 200);
    const subscription = await here.subscribe();
    samples.post(subscription.id, sample);
    const tries = [await next(), await next(), await next(), await next()];
    expect(new Set(tries.map(({ body }) => body)).size).toBe(1);
    expect(await here.stateOf(subscription)).toBe('active');
    await settled();
    clock.advance(60_000);
    await settled();
    expect(here.receiver.requests).toHaveLength(4);
  });

  test('is given up after half a minute', async () => {
    here.receiver.answer = () => 404;
    const { id } = await here.subscribe();
    const begun = clock.now();
    samples.post(id, sample);
    while (clock.now() < begun + 30_000) await next();
    await settled();
    clock.advance(3_600_000);
    await settled();
    expect(here.receiver.requests).toHaveLength(31);
  });

  test('makes way for the next one to the same webhook', async () => {
    here.receiver.script(404);
    const { id } = await here.subscribe();
    samples.post(id, sample);
    await next();
    const other = { ...sample, id: 'evt_other' };
    samples.post(id, other);
    expect((await next()).event).toEqual(other);
    await settled();
    clock.advance(60_000);
    await settled();
    expect(here.receiver.requests).toHaveLength(2);
  });

  test('is forgotten with its webhook, and when the engine stops', async () => {
    here.receiver.answer = () => 404;
    const gone = await here.subscribe();
    samples.post(gone.id, sample);
    await next();
    await settled();
    await here.store.subscriptions.delete(gone.id);
    clock.advance(60_000);
    const { id } = await here.subscribe({ url: `${here.receiver.origin}/other` });
    samples.post(id, sample);
    expect((await next()).path).toBe('/other');
    await settled();
    samples.stop();
    clock.advance(60_000);
    await settled();
    expect(here.receiver.requests).toHaveLength(2);
  });
});
