import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { EventEnvelope } from '../../engine/events.ts';
import { Stage } from '../whatsapp/stage.ts';
import { anEvent } from './fixtures.ts';
import { Receiver } from './receiver.ts';

let stage: Stage;
let receiver: Receiver;
beforeAll(async () => {
  stage = await Stage.open();
  receiver = await Receiver.start();
});
afterAll(async () => {
  await stage?.close();
  await receiver?.close();
});

const WEBHOOKS = '/api/whatsapp-sessions/1/webhooks';
const EVER = '2020-01-01T00:00:00Z';

/** One event per lane named; answers them as the log has them. */
async function happen(...lanes: string[]): Promise<EventEnvelope[]> {
  const { events } = await stage.engine.store.commit({
    sessionId: 1,
    events: lanes.map((lane) => anEvent({ lane, jid: lane })),
  });
  return events;
}

async function deliveries(id: string): Promise<{ id: number; status: string; redeliveries: number }[]> {
  const { body } = await stage.call('GET', `/api/whatsapp-sessions/1/deliveries?webhookId=${id}&limit=500`);
  return body.data as { id: number; status: string; redeliveries: number }[];
}

const untilAll = (id: string, status: string) =>
  stage.untilTrue(async () => (await deliveries(id)).every((one) => one.status === status));

describe('a span of time', () => {
  test('is delivered to a webhook that was not there then: the same events, in the order of each chat', async () => {
    const before = await happen('a', 'b');
    await new Promise((resolve) => setTimeout(resolve, 2));
    const from = new Date().toISOString();
    const events = await happen('a', 'b', 'a', 'b', 'a');
    const { id } = await stage.subscribe(`${receiver.origin}/late`, ['messages.received']);
    const { status, body } = await stage.call('POST', `${WEBHOOKS}/${id}/replay`, { from });
    expect([status, body.data]).toMatchObject([200, { events: 5, webhook: { id, state: 'active' } }]);
    const got = (await receiver.nexts(5)).map(({ event }) => event);
    for (const chat of ['a', 'b']) {
      const expected = events.filter(({ jid }) => jid === chat).map((event) => ({ ...event, redelivery: 1 }));
      expect(got.filter(({ jid }) => jid === chat)).toEqual(expected);
    }
    // The log knows nothing of it.
    expect((await stage.events('messages.received')).slice(-7)).toEqual([...before, ...events]);

    await untilAll(id, 'delivered');
    await stage.call('POST', `${WEBHOOKS}/${id}/replay`, { from, to: new Date(events[0]!.timestamp).toISOString() });
    expect(
      (await stage.call('POST', `${WEBHOOKS}/${id}/replay`, { from, to: '2099-01-01T02:00:00+02:00' })).body.data,
    ).toMatchObject({ events: 5 });
    expect((await receiver.nexts(5)).map(({ event }) => event.redelivery)).toEqual(Array(5).fill(2));
    await stage.call('DELETE', `${WEBHOOKS}/${id}`);
  });

  test('is delivered to a parked webhook, which is asked anew and parked again when it is still gone', async () => {
    receiver.answer = () => 404;
    const { id } = await stage.subscribe(`${receiver.origin}/gone`);
    const [event] = await happen('c');
    await receiver.next();
    const stateOf = async () => (await stage.call('GET', `${WEBHOOKS}/${id}`)).body.data as { state: string };
    await stage.untilTrue(async () => (await stateOf()).state === 'parked');
    const { body } = await stage.call('POST', `${WEBHOOKS}/${id}/replay`, { from: EVER });
    expect(body.data).toMatchObject({ webhook: { state: 'active' } });
    await stage.untilTrue(async () => (await stateOf()).state === 'parked');
    // All that was asked for is kept, and what waited before is still the first of its chat.
    const kept = await deliveries(id);
    expect(new Set(kept.map(({ status }) => status))).toEqual(new Set(['parked']));
    expect(kept).toHaveLength((await stage.events()).length);
    expect((await stage.engine.store.deliveries.head(id, 'c'))!.body).toEqual(event);
    await stage.call('DELETE', `${WEBHOOKS}/${id}`);
    receiver.answer = () => 200;
  });

  test.each([
    [{}, 'from', /required/],
    [{ from: 'yesterday' }, 'from', /must be a time such as/],
    [{ from: '2026-01-15T09:00:00' }, 'from', /must be a time such as/],
    [{ from: '2026-02-30T09:00:00Z' }, 'from', /must be a time such as/],
    [{ from: EVER, to: '2026' }, 'to', /must be a time such as/],
    [{ from: EVER, to: EVER }, 'to', /later than from/],
  ])('%j is refused with what is wrong', async (span, field, words) => {
    const { id } = await stage.subscribe(`${receiver.origin}/refused`, ['call']);
    const { status, body } = await stage.call('POST', `${WEBHOOKS}/${id}/replay`, span);
    expect(status).toBe(422);
    expect((body['errors'] as Record<string, string[]>)[field]).toEqual([expect.stringMatching(words)]);
  });

  test('to a webhook that does not exist is refused', async () => {
    const { status, body } = await stage.call('POST', `${WEBHOOKS}/whk_none/replay`, { from: EVER });
    expect([status, body.code]).toEqual([404, 'webhook_not_found']);
    expect((await stage.call('POST', `${WEBHOOKS}/whk_none/redeliver`)).body.code).toBe('webhook_not_found');
  });

  test('of 20,000 events is taken while others are answered', async () => {
    const CHATS = Array.from({ length: 100 }, (_, chat) => `chat ${chat}`);
    const from = new Date().toISOString();
    for (let part = 0; part < 20; part += 1) await happen(...Array.from({ length: 10 }, () => CHATS).flat());
    receiver.answer = () => 'hang';
    const { id } = await stage.subscribe(`${receiver.origin}/large`);
    let [done, answered] = [false, 0];
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const startedAt = performance.now();
    const replayed = stage.call('POST', `${WEBHOOKS}/${id}/replay`, { from }).finally(() => (done = true));
    while (!done) {
      await stage.call('GET', '/healthz');
      answered += 1;
    }
    const { body } = await replayed;
    const tookMs = Math.round(performance.now() - startedAt);
    delay.disable();
    console.log(
      `replay: 20000 events in ${tookMs} ms, ${answered} other requests answered meanwhile, longest wait ${Math.round(delay.max / 1e6)} ms`,
    );
    expect(body.data).toMatchObject({ events: 20_000 });
    expect(answered).toBeGreaterThan(3);
    await stage.call('DELETE', `${WEBHOOKS}/${id}`);
    receiver.answer = () => 200;
  });
});

test('all that were given up are delivered once more, and nothing else', async () => {
  const { id } = await stage.subscribe(`${receiver.origin}/again`);
  const events = await happen('d', 'e', 'd');
  await untilAll(id, 'delivered');
  const [first, second] = await deliveries(id);
  for (const one of [first!, second!]) {
    await stage.engine.store.deliveries.record(one.id, { status: 'parked', at: Date.now() });
  }
  const before = receiver.requests.length;
  const { body } = await stage.call('POST', `${WEBHOOKS}/${id}/redeliver`);
  expect(body.data).toMatchObject({ events: 2, webhook: { id } });
  await untilAll(id, 'delivered');
  const got = receiver.requests.slice(before).map(({ event }) => event);
  expect(got.sort((a, b) => a.seq - b.seq)).toEqual(events.slice(0, 2).map((event) => ({ ...event, redelivery: 1 })));
  expect((await deliveries(id)).map(({ redeliveries }) => redeliveries)).toEqual([1, 1, 0]);
});
