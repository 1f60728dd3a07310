import { TestClock } from '../engine/clock.ts';
import { Receiver } from '../engine/receiver.ts';
import { Stage } from '../whatsapp/stage.ts';
import { Asking, FRIEND, OWN } from './asking.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let clock: TestClock;
let stage: Stage;
let asking: Asking;
beforeAll(async () => {
  clock = new TestClock(Date.now());
  stage = await Stage.open({ clock });
  asking = new Asking(stage);
});
afterAll(() => stage?.close());

const ask = (body: Record<string, unknown> = {}) => asking.ask({ expireAfter: 3600, ...body });

describe('a callback', () => {
  let receiver: Receiver;
  beforeEach(async () => void (receiver = await Receiver.start()));
  afterEach(() => receiver.close());
  const url = () => `${receiver.origin}/waiting`;

  test('gets the answer, signed, and nothing else; it is none of the session’s webhooks', async () => {
    const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
    const inquiry = await ask({ callbackUrl: url(), secret });
    await asking.says('blue');
    const { event, headers } = await receiver.next();
    expect(event).toMatchObject({
      event: 'inquiry.answered',
      data: { inquiryId: inquiry.id, answer: { text: 'blue' } },
    });
    expect(headers).toMatchObject({ 'webhook-id': event.id, 'webhook-signature': expect.stringMatching(/^v1,/) });
    await asking.says('something else');
    await asking.heard(OWN, FRIEND);
    expect(receiver.requests).toHaveLength(1);
    const { body } = await stage.call('GET', '/api/whatsapp-sessions/1/webhooks');
    expect(body.data).toEqual([]);
    const [one] = await stage.engine.store.deliveries.list(1, {}, { after: 0, limit: 500 });
    const webhook = `/api/whatsapp-sessions/1/webhooks/${one!.subscriptionId}`;
    expect((await stage.call('GET', webhook)).status).toBe(404);
    expect((await stage.call('DELETE', webhook)).status).toBe(404);
  });

  test('is told beside the webhooks that ask for it', async () => {
    const hook = await stage.subscribe(`${receiver.origin}/hook`, ['inquiry.answered']);
    const inquiry = await ask({ callbackUrl: url() });
    await asking.says('blue');
    const both = await receiver.nexts(2);
    expect(both.map(({ path }) => path).sort()).toEqual(['/hook', '/waiting']);
    expect(new Set(both.map(({ event }) => event.id)).size).toBe(1);
    expect(both[0]!.event.data).toMatchObject({ inquiryId: inquiry.id });
    await stage.call('DELETE', `/api/whatsapp-sessions/1/webhooks/${hook.id}`);
  });

  test('is told also of a group whose events the session ignores', async () => {
    const group = stage.sandbox.groups.create({ creator: FRIEND, subject: 'Birds', participants: [OWN] }).jid;
    await stage.call('PUT', '/api/whatsapp-sessions/1', { ignore_groups: true });
    const inquiry = await ask({ to: group, from: FRIEND, callbackUrl: url() });
    await asking.says('blue', {}, FRIEND, group);
    expect((await receiver.next()).event).toMatchObject({ jid: group, data: { inquiryId: inquiry.id } });
    await stage.call('PUT', '/api/whatsapp-sessions/1', { ignore_groups: false });
  });

  test('that answers 409 is told again until it takes the answer', async () => {
    receiver.script(409, 409, 200);
    const inquiry = await ask({ callbackUrl: url() });
    await asking.says('blue');
    const first = await receiver.next();
    const more = await clock.until(receiver.nexts(2), 10 * MINUTE);
    expect(more.map(({ event }) => event)).toEqual([first.event, first.event]);
    expect(first.event.data).toMatchObject({ inquiryId: inquiry.id });
  });

  test('of a newer inquiry is told nothing of the older one any more, be it open or answered', async () => {
    const open = await ask({ callbackUrl: url() });
    receiver.answer = () => 409;
    const answered = await ask({ callbackUrl: url() });
    expect(await asking.shown(open)).toMatchObject({ status: 'cancelled' });
    await asking.says('to the second');
    expect((await receiver.next()).event.data).toMatchObject({ inquiryId: answered.id });
    const newest = await ask({ callbackUrl: url() });
    receiver.answer = () => 200;
    clock.advance(HOUR);
    expect((await receiver.next()).event).toMatchObject({ event: 'inquiry.expired', data: { inquiryId: newest.id } });
    expect(receiver.requests.filter(({ event }) => event.event === 'inquiry.answered')).toHaveLength(1);
  });

  test('is told that the question could not be sent', async () => {
    const inquiry = await asking.accepted({ to: '+15559990000', callbackUrl: url() });
    const { event } = await receiver.next();
    expect(event).toMatchObject({
      event: 'inquiry.failed',
      data: { inquiryId: inquiry.id, status: 'failed', error: expect.stringMatching(/not on WhatsApp/) },
    });
    expect(await asking.shown(inquiry)).toMatchObject({ status: 'failed', error: expect.any(String) });
  });

  test('is not kept for ever', async () => {
    const inquiry = await ask({ callbackUrl: url() });
    const { subscriptions, deliveries } = stage.engine.store;
    await asking.says('blue');
    await receiver.next();
    const all = await deliveries.list(1, {}, { after: 0, limit: 500 });
    const { seq } = await asking.closed(inquiry);
    const { subscriptionId } = all.find((one) => one.seq === seq)!;
    expect(await subscriptions.expire(clock.now() + 6 * 24 * HOUR)).not.toContain(subscriptionId);
    expect(await subscriptions.expire(clock.now() + 8 * 24 * HOUR)).toContain(subscriptionId);
  });
});
