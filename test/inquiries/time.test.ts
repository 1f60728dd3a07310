import { TestClock } from '../engine/clock.ts';
import { Stage } from '../whatsapp/stage.ts';
import { Asking, FRIEND, OWN, type Shown } from './asking.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const GRACE = 15 * MINUTE;

let clock: TestClock;
let stage: Stage;
let asking: Asking;
beforeAll(async () => {
  // WhatsApp's clock is the machine's: what is written now is written before whatever this one is advanced to.
  clock = new TestClock(Date.now());
  stage = await Stage.open({ clock });
  asking = new Asking(stage);
});
afterAll(() => stage?.close());

const events = async ({ id }: Shown) =>
  (await stage.events()).filter(({ event, data }) => /^inquiry/.test(event) && JSON.stringify(data).includes(id));
const offline = () => stage.call('POST', '/api/whatsapp-sessions/1/disconnect');
const online = () => stage.call('POST', '/api/whatsapp-sessions/1/connect');
const ask = (body: Record<string, unknown> = {}) => asking.ask({ expireAfter: 3600, ...body });
const texts = () => stage.sandbox.messages(FRIEND).map(({ text }) => text);

describe('an inquiry that nobody answers', () => {
  test('ends at its time and not before', async () => {
    const inquiry = await ask();
    expect(inquiry.expiresAt).toBe(new Date(Date.parse(inquiry.createdAt) + HOUR).toISOString());
    clock.advance(HOUR - MINUTE);
    await asking.heard(OWN, FRIEND);
    expect(await asking.shown(inquiry)).toMatchObject({ status: 'open' });
    clock.advance(MINUTE);
    const { data } = await asking.closed(inquiry, 'inquiry.expired');
    expect(data).toEqual({
      ...{ inquiryId: inquiry.id, kind: 'text', status: 'expired', msgId: inquiry.msgId, question: 'Well?' },
    });
    await asking.says('too late');
    await asking.heard(OWN, FRIEND);
    expect(await asking.shown(inquiry)).toMatchObject({ status: 'expired', answer: null });
  });

  test('ends each at its own time', async () => {
    const later = await ask({ expireAfter: 7200 });
    const sooner = await ask();
    clock.advance(HOUR);
    await asking.closed(sooner, 'inquiry.expired');
    expect(await asking.shown(later)).toMatchObject({ status: 'open' });
    clock.advance(HOUR);
    await asking.closed(later, 'inquiry.expired');
  });

  test('ends after a restart, when that was its time', async () => {
    const inquiry = await ask();
    await stage.engine.stop();
    clock.advance(2 * HOUR);
    await stage.startEngine();
    await asking.closed(inquiry, 'inquiry.expired');
    expect(await events(inquiry)).toHaveLength(1);
  });

  test('waits until it is known that no answer is on its way, and no longer than a quarter of an hour', async () => {
    const inquiry = await ask();
    await offline();
    clock.advance(HOUR + GRACE - MINUTE);
    expect(await asking.shown(inquiry)).toMatchObject({ status: 'open' });
    clock.advance(MINUTE);
    await asking.closed(inquiry, 'inquiry.expired');
    await online();
  });
});

describe('an answer that was written in time', () => {
  test('counts, though it comes after the end: the session was away', async () => {
    const inquiry = await ask();
    await offline();
    await asking.says('just in time');
    clock.advance(HOUR + MINUTE);
    await online();
    expect(await asking.answer(inquiry)).toMatchObject({ text: 'just in time' });
    expect(await events(inquiry)).toHaveLength(1);
  });

  test('counts when the engine was down at the end', async () => {
    const inquiry = await ask();
    await stage.engine.stop();
    await asking.says('just in time');
    clock.advance(9 * HOUR);
    await stage.startEngine();
    expect(await asking.answer(inquiry)).toMatchObject({ text: 'just in time' });
    expect(await events(inquiry)).toHaveLength(1);
  });

  test('counts when it waits behind others as the time is over', async () => {
    const inquiry = await ask();
    const { id } = stage.sandbox.addFault({
      fault: 'delay',
      phone: OWN,
      ms: 400,
      match: 'message',
      direction: 'out',
      times: 1,
    });
    await asking.says('on its way');
    clock.advance(HOUR);
    expect(await asking.answer(inquiry)).toMatchObject({ text: 'on its way' });
    stage.sandbox.removeFaults(id);
  });

  test('does not count when it was written before the question, and comes after it', async () => {
    await offline();
    const { id } = await asking.says('something else');
    // WhatsApp tells times in seconds.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const fault = { fault: 'delay', phone: OWN, ms: 500, match: 'message', direction: 'out', times: 1 } as const;
    stage.sandbox.addFault(fault);
    const connected = online();
    await stage.untilStatus(({ status }) => status === 'connecting');
    const inquiry = await asking.accepted();
    expect((await stage.events()).some(({ data }) => JSON.stringify(data).includes(id))).toBe(false);
    await connected;
    await asking.stored(id);
    await asking.stored(inquiry.waId, 'message.sent');
    expect(await asking.shown(inquiry)).toMatchObject({ status: 'open' });
    await asking.says('blue');
    expect(await asking.answer(inquiry)).toMatchObject({ text: 'blue' });
  });
});

describe('a reminder', () => {
  const reminder = { after: 1800, text: 'Still there?' };

  test('quotes the question at its time, and a reply to it is an answer', async () => {
    const inquiry = await ask({ reminder, replyOnly: true });
    clock.advance(HOUR / 2);
    await stage.untilTrue(() => texts().includes('Still there?'));
    const [message] = stage.sandbox.messages(FRIEND).filter(({ text }) => text === 'Still there?');
    expect(message).toMatchObject({ quoted: { id: inquiry.waId } });
    await asking.says('yes', { replyTo: message!.id });
    expect(await asking.answer(inquiry)).toMatchObject({ text: 'yes', via: 'reply' });
  });

  test('is not sent once there is an answer', async () => {
    const inquiry = await ask({ reminder: { ...reminder, text: 'Never seen' } });
    await asking.says('blue');
    await asking.answer(inquiry);
    const { body } = await stage.call('GET', '/api/scheduled-messages');
    expect(body.data).toMatchObject({ total: 0 });
    clock.advance(HOUR);
    expect((await stage.send(FRIEND, 'the end')).status).toBe(200);
    expect(texts()).not.toContain('Never seen');
  });

  test('is not sent once the inquiry is cancelled; without words it is a sign', async () => {
    const inquiry = await ask({ reminder: { after: 1800 } });
    const other = await ask({ reminder: { after: 1800, text: 'Never seen' } });
    await stage.call('POST', `/api/inquiries/${other.id}/cancel`);
    clock.advance(HOUR / 2);
    await stage.untilTrue(() => texts().includes('⏰'));
    expect(texts()).not.toContain('Never seen');
    await stage.call('POST', `/api/inquiries/${inquiry.id}/cancel`);
  });
});

// The last one: nobody is logged in after it.
test('an inquiry ends at once when the account was logged out', async () => {
  const inquiry = await ask();
  stage.sandbox.unlink(OWN);
  await stage.untilStatus(({ status }) => status === 'logged_out');
  clock.advance(HOUR);
  await asking.closed(inquiry, 'inquiry.expired');
});
