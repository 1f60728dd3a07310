import type { EventEnvelope } from '../../engine/events.ts';
import { TestClock } from '../engine/clock.ts';
import { FRIEND, Stage, type Answer } from './stage.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let clock: TestClock;
let stage: Stage;
beforeEach(async () => {
  clock = new TestClock();
  stage = await Stage.open({ clock });
});
afterEach(() => stage?.close());

interface Scheduled {
  msgId: number;
  id: string;
  jid: string;
  status: string;
  scheduledAt: string;
  reason: string | null;
}

const from = (ms: number) => new Date(clock.now() + ms).toISOString();
const ask = (text: string, more: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
  stage.call('POST', '/api/send-message', { to: FRIEND, text, scheduledAt: from(HOUR), ...more }, headers);

/** Schedules a text, by default in an hour. */
async function schedule(text: string, more: Record<string, unknown> = {}): Promise<Scheduled> {
  const { status, body } = await ask(text, more);
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body.data as Scheduled;
}
const at = (msgId: number | string) => `/api/scheduled-messages/${msgId}`;
const shown = async (msgId: number) => (await stage.call('GET', at(msgId))).body.data as Scheduled;
const info = async (msgId: number) => (await stage.call('GET', `/api/messages/${msgId}/info`)).body.data;
const cancel = (msgId: number) => stage.call('DELETE', at(msgId));
const change = (msgId: number, changes: Record<string, unknown>) => stage.call('PUT', at(msgId), changes);
const connection = (what: 'connect' | 'disconnect') => stage.call('POST', `/api/whatsapp-sessions/1/${what}`);
function expectRefusal(answer: Answer, field: string, text: RegExp) {
  expect(answer).toMatchObject({ status: 422, body: { errors: { [field]: [expect.stringMatching(text)] } } });
}

/** What the friend has on the phone. */
const arrived = () => stage.sandbox.messages(FRIEND).map(({ text }) => text);
/** Outcomes of messages, by msgId. */
const outcomes = (events: EventEnvelope[]) =>
  events.flatMap(({ event, data }) => (event === 'message.sent' ? [data as { msgId: number; success: boolean }] : []));
const untilOutcome = (msgId: number) =>
  stage.until((events) => outcomes(events).find((outcome) => outcome.msgId === msgId));
/** Whatever was in the queue before has left when this has. */
async function untilQuiet() {
  expect((await stage.send(FRIEND, 'the end')).status).toBe(200);
  await stage.sandbox.idle();
}

describe('a scheduled message', () => {
  test('leaves at its time and not before, under the id that was answered', async () => {
    const message = await schedule('happy birthday');
    expect(message).toEqual({
      msgId: expect.any(Number),
      id: expect.stringMatching(/^3EB0/),
      jid: `+${FRIEND}`,
      status: 'scheduled',
      scheduledAt: from(HOUR),
    });
    clock.advance(HOUR - 1);
    await untilQuiet();
    expect(arrived()).toEqual(['the end']);
    clock.advance(1);
    expect(await untilOutcome(message.msgId)).toMatchObject({ success: true, key: { id: message.id } });
    await stage.sandbox.idle();
    expect(stage.message(FRIEND, message.id)).toMatchObject({ text: 'happy birthday' });
    expect(await shown(message.msgId)).toMatchObject({ status: 'sent', reason: null });
  });

  test('is shown by its endpoint, by message.info and by the log', async () => {
    const timing = { scheduledAt: '2026-01-05T14:00', timeZone: 'Europe/Berlin', expireAfter: 3600 };
    const { msgId, id } = await schedule('soon', timing);
    expect(await shown(msgId)).toEqual({
      msgId,
      id,
      jid: `+${FRIEND}`,
      status: 'scheduled',
      scheduledAt: '2026-01-05T13:00:00.000Z',
      timeZone: 'Europe/Berlin',
      expiresAt: '2026-01-05T14:00:00.000Z',
      reason: null,
      content: { text: 'soon' },
    });
    expect((await stage.call('GET', at(id))).body.data).toMatchObject({ msgId });
    expect(await info(msgId)).toMatchObject({ status: 1, scheduledAt: '2026-01-05T13:00:00.000Z', message: null });
    const { body } = await stage.call('GET', '/api/whatsapp-sessions/1/message-logs');
    expect(body.data).toMatchObject({ data: [{ id: String(msgId), to: `+${FRIEND}`, status: 'scheduled' }] });
  });

  test('is listed with the others by time, page by page', async () => {
    const later = await schedule('later', { scheduledAt: from(3 * HOUR) });
    const sooner = await schedule('sooner', { scheduledAt: from(HOUR) });
    const between = await schedule('between', { scheduledAt: from(2 * HOUR) });
    const page = async (query: string) => (await stage.call('GET', `/api/scheduled-messages${query}`)).body.data;
    expect(await page('')).toMatchObject({
      data: [sooner, between, later].map(({ msgId }) => ({ msgId })),
      total: 3,
    });
    expect(await page('?page=2&per_page=2')).toMatchObject({ data: [{ msgId: later.msgId }], total: 3 });
    await cancel(sooner.msgId);
    expect(await page('')).toMatchObject({ data: [{ msgId: between.msgId }, { msgId: later.msgId }] });
  });

  test('brings its file, which was fetched when it was accepted', async () => {
    const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
    const more = { imageUrl: `data:image/png;base64,${png}` };
    const { msgId, id } = await schedule('the menu', more);
    await stage.engine.stop();
    await stage.startEngine();
    clock.advance(HOUR);
    expect(await untilOutcome(msgId)).toMatchObject({ success: true });
    await stage.sandbox.idle();
    expect(stage.message(FRIEND, id)).toMatchObject({ type: 'image', text: 'the menu' });
  });

  test('can be edited for as long as others, from when it left', async () => {
    const { msgId, id } = await schedule('Happy brithday');
    clock.advance(HOUR);
    await untilOutcome(msgId);
    expect((await stage.call('PUT', `/api/messages/${msgId}`, { text: 'Happy birthday' })).status).toBe(200);
    await stage.untilTrue(() => stage.message(FRIEND, id)?.text === 'Happy birthday');
  });

  test('is asked for again under its key, and stays the one', async () => {
    const key = { 'idempotency-key': 'birthday-anna-2026' };
    const scheduledAt = from(HOUR);
    const { body } = await ask('hi Anna', { scheduledAt }, key);
    expect((await ask('hi Anna', { scheduledAt }, key)).body.data).toEqual(body.data);
    expect((await ask('hi Anne', { scheduledAt }, key)).body.code).toBe('idempotency_mismatch');
    expect((await ask('hi Anna', { scheduledAt: from(2 * HOUR) }, key)).body.code).toBe('idempotency_mismatch');
    const { msgId } = body.data as Scheduled;
    clock.advance(HOUR + 2 * MINUTE);
    await untilOutcome(msgId);
    // Its time is past by now, and that is no mistake.
    expect((await ask('hi Anna', { scheduledAt }, key)).body.data).toMatchObject({ msgId, status: 'sent' });
    await untilQuiet();
    expect(arrived()).toEqual(['hi Anna', 'the end']);
  });

  test('that was changed or cancelled meanwhile is told so to who repeats the request', async () => {
    const key = { 'idempotency-key': 'k' };
    const scheduledAt = from(HOUR);
    const { msgId } = (await ask('one', { scheduledAt }, key)).body.data as Scheduled;
    await change(msgId, { scheduledAt: from(2 * HOUR) });
    expect((await ask('one', { scheduledAt }, key)).body.data).toMatchObject({ msgId, scheduledAt: from(2 * HOUR) });
    await cancel(msgId);
    expect((await ask('one', { scheduledAt }, key)).body.data).toMatchObject({ msgId, status: 'cancelled' });
  });
});

describe('order', () => {
  test('two that are due at once leave in the order in which they were accepted', async () => {
    const texts = Array.from({ length: 12 }, (_, n) => `no. ${n}`);
    for (const text of texts) await schedule(text, { scheduledAt: '2026-01-05T13:00:00Z' });
    clock.advance(HOUR);
    await stage.until((events) => outcomes(events).length === texts.length);
    await stage.sandbox.idle();
    expect(arrived()).toEqual(texts);
  });

  test('what came due while the engine was away leaves by time', async () => {
    await schedule('second', { scheduledAt: from(2 * HOUR) });
    await schedule('first', { scheduledAt: from(HOUR) });
    await schedule('third', { scheduledAt: from(3 * HOUR) });
    await stage.engine.stop();
    clock.advance(4 * HOUR);
    await stage.startEngine();
    await stage.until((events) => outcomes(events).length === 3);
    await stage.sandbox.idle();
    expect(arrived()).toEqual(['first', 'second', 'third']);
  });

  test('a message goes behind what was in the queue when its time came', async () => {
    const { msgId } = await schedule('scheduled long ago');
    // Nothing leaves meanwhile.
    stage.sandbox.addFault({ fault: 'delay', phone: '15550100001', match: 'iq', direction: 'in', ms: 700 });
    for (const text of ['one', 'two']) await stage.send(FRIEND, text, { wait: false });
    clock.advance(HOUR);
    await untilOutcome(msgId);
    stage.sandbox.removeFaults();
    await untilQuiet();
    expect(arrived()).toEqual(['one', 'two', 'scheduled long ago', 'the end']);
  });
});

describe('an engine that is not there', () => {
  test('before the time: it leaves in time all the same', async () => {
    const { msgId } = await schedule('patience');
    await stage.engine.stop();
    await stage.startEngine();
    await untilQuiet();
    expect(arrived()).toEqual(['the end']);
    clock.advance(HOUR);
    await untilOutcome(msgId);
    await stage.sandbox.idle();
    expect(arrived()).toEqual(['the end', 'patience']);
  });

  test('at the time: it leaves when the engine is back, once', async () => {
    const { msgId } = await schedule('late');
    await stage.engine.stop();
    clock.advance(2 * HOUR);
    await stage.startEngine();
    await untilOutcome(msgId);
    await stage.engine.stop();
    await stage.startEngine();
    await untilQuiet();
    expect(arrived()).toEqual(['late', 'the end']);
  });

  test('for days: it has failed, and says so', async () => {
    const { msgId } = await schedule('happy birthday');
    await stage.engine.stop();
    clock.advance(3 * DAY);
    await stage.startEngine();
    const error = 'Failed to send message: it could not leave in time';
    expect(await untilOutcome(msgId)).toMatchObject({ success: false, error });
    await untilQuiet();
    expect(arrived()).toEqual(['the end']);
    expect(await shown(msgId)).toMatchObject({ status: 'failed' });
    // Better late than never? Then somebody says so.
    expect((await stage.call('POST', `/api/messages/${msgId}/resend`)).status).toBe(200);
    await stage.untilTrue(() => arrived().includes('happy birthday'));
  });
});

describe('a session that is not connected', () => {
  test('takes messages for later, which wait for the connection and then leave', async () => {
    await connection('disconnect');
    const { msgId } = await schedule('waiting');
    clock.advance(2 * HOUR);
    await untilReason(msgId, 'the session was not connected');
    expect(await shown(msgId)).toMatchObject({ status: 'scheduled' });
    await connection('connect');
    expect(await untilOutcome(msgId)).toMatchObject({ success: true });
    await stage.sandbox.idle();
    expect(arrived()).toEqual(['waiting']);
  });

  test('for longer than the message may wait: it fails, and is not sent later', async () => {
    await connection('disconnect');
    const { msgId } = await schedule('too late', { expireAfter: 3600 });
    clock.advance(HOUR);
    await untilReason(msgId, 'the session was not connected');
    clock.advance(HOUR);
    expect(await untilOutcome(msgId)).toMatchObject({
      success: false,
      error: 'Failed to send message: it could not leave in time: the session was not connected',
    });
    await connection('connect');
    await untilQuiet();
    expect(arrived()).toEqual(['the end']);
  });

  test('and never was: it takes none', async () => {
    const { body } = await stage.call('POST', '/api/whatsapp-sessions', { name: 'New', phone_number: '+15550100077' });
    const { id } = body.data as { id: number };
    const answer = await ask('for nobody', {}, { 'x-warbler-session': String(id) });
    expect(answer).toMatchObject({ status: 409, body: { code: 'session_not_connected' } });
    expect(answer.body.message).toMatch(/not linked/);
  });

  async function untilReason(msgId: number, reason: string) {
    while ((await shown(msgId)).reason !== reason) await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

test('what is refused at the door when its time has come waits until it can be had, and says why', async () => {
  const [first, second] = ['15550100071', '15550100072'] as const;
  for (const phone of [first, second]) stage.sandbox.addPhone({ phone });
  const budgets = { new_chats: { per_minute: 1, per_day: 10 } };
  await stage.call('PUT', '/api/whatsapp-sessions/1', { budgets });
  const early = await schedule('hello, first', { to: first });
  const late = await schedule('hello, second', { to: second });
  clock.advance(HOUR);
  await untilOutcome(early.msgId);
  await stage.untilTrue(async () => (await shown(late.msgId)).reason !== null);
  expect(await shown(late.msgId)).toMatchObject({
    status: 'scheduled',
    reason: expect.stringContaining('1 a minute and 10 a day'),
  });
  clock.advance(MINUTE);
  expect(await untilOutcome(late.msgId)).toMatchObject({ success: true });
  await stage.sandbox.idle();
  expect(stage.sandbox.messages(second).map(({ text }) => text)).toEqual(['hello, second']);
});

describe('a change', () => {
  test('of time, recipient and text is what leaves', async () => {
    const other = stage.sandbox.addPhone({ phone: '15550100003' });
    const { msgId } = await schedule('to Anna');
    const scheduledAt = from(3 * HOUR);
    const changed = await change(msgId, { scheduledAt, to: `+${other.phone}`, text: 'to Ben' });
    expect(changed.body.data).toMatchObject({ scheduledAt, jid: '+15550100003', content: { text: 'to Ben' } });
    clock.advance(2 * HOUR);
    await untilQuiet();
    expect(arrived()).toEqual(['the end']);
    clock.advance(HOUR);
    await untilOutcome(msgId);
    await stage.sandbox.idle();
    expect(stage.sandbox.messages(other.phone)).toMatchObject([{ text: 'to Ben' }]);
  });

  test('of a local time keeps the time zone, unless another one is given', async () => {
    const { msgId } = await schedule('lunch', { scheduledAt: '2026-01-06T12:00', timeZone: 'Europe/Berlin' });
    const time = async (changes: Record<string, unknown>) =>
      ((await change(msgId, changes)).body.data as Scheduled).scheduledAt;
    expect(await time({ scheduledAt: '2026-01-07T12:00' })).toBe('2026-01-07T11:00:00.000Z');
    expect(await time({ scheduledAt: '2026-01-07T12:00', timeZone: 'America/New_York' })).toBe(
      '2026-01-07T17:00:00.000Z',
    );
    expect(await change(msgId, { expireAfter: 60 })).toMatchObject({
      body: { data: { expiresAt: expect.any(String) } },
    });
    expect(await shown(msgId)).toMatchObject({ expiresAt: '2026-01-07T17:01:00.000Z', timeZone: 'America/New_York' });
  });

  test('to an earlier time moves the alarm', async () => {
    const { msgId } = await schedule('sooner', { scheduledAt: from(DAY) });
    await change(msgId, { scheduledAt: from(MINUTE) });
    clock.advance(MINUTE);
    expect(await untilOutcome(msgId)).toMatchObject({ success: true });
  });

  test('that cannot be is refused in words, and changes nothing', async () => {
    const { msgId } = await schedule('as it was');
    const refusals: [Record<string, unknown>, string, RegExp][] = [
      [{}, 'body', /at least one/],
      [{ timeZone: 'Europe/Berlin' }, 'timeZone', /scheduledAt/],
      [{ scheduledAt: '2020-01-01T00:00Z' }, 'scheduledAt', /in the past/],
      [{ scheduledAt: '2026-02-01T00:00' }, 'timeZone', /is required/],
      [{ text: '' }, 'text', /cancel this message/],
      [{ to: 'nobody' }, 'to', /phone number/],
      [{ to: 'status@broadcast' }, 'to', /status/],
    ];
    for (const [changes, field, text] of refusals) expectRefusal(await change(msgId, changes), field, text);
    expect(await shown(msgId)).toMatchObject({ scheduledAt: from(HOUR), content: { text: 'as it was' } });
  });

  test('of another content than text is for a new message', async () => {
    const poll = { question: 'When?', options: ['now', 'later'] };
    const { body } = await stage.call('POST', '/api/send-message', { to: FRIEND, poll, scheduledAt: from(HOUR) });
    const answer = await change((body.data as Scheduled).msgId, { text: 'Where?' });
    expectRefusal(answer, 'text', /cancel this message and send a new one/);
  });

  test('that comes too late is refused', async () => {
    const { msgId } = await schedule('gone');
    clock.advance(HOUR);
    await untilOutcome(msgId);
    for (const answer of [await change(msgId, { text: 'else' }), await cancel(msgId)]) {
      expect(answer).toMatchObject({ status: 409, body: { code: 'conflict' } });
      expect(answer.body.message).toMatch(/has come/);
    }
    expect(await change(100_999, { text: 'else' })).toMatchObject({ status: 404, body: { code: 'message_not_found' } });
    const { body } = await stage.send(FRIEND, 'at once');
    expect(await cancel((body.data as Scheduled).msgId)).toMatchObject({ status: 404 });
  });
});

describe('a cancelled message', () => {
  test('is never sent, and remains known as that', async () => {
    const { msgId } = await schedule('never mind');
    expect(await cancel(msgId)).toMatchObject({ status: 200, body: { data: { msgId, status: 'cancelled' } } });
    expect((await cancel(msgId)).status).toBe(200);
    clock.advance(DAY);
    await untilQuiet();
    expect(arrived()).toEqual(['the end']);
    expect(outcomes(await stage.events()).map((outcome) => outcome.msgId)).not.toContain(msgId);
    expect(await info(msgId)).toMatchObject({ status: 0, error: expect.stringContaining('cancelled') });
    const { body } = await stage.call('GET', '/api/whatsapp-sessions/1/message-logs');
    const { data } = body.data as { data: { id: string; status: string }[] };
    expect(data.find(({ id }) => id === String(msgId))).toMatchObject({ status: 'cancelled' });
    expect((await stage.call('POST', `/api/messages/${msgId}/resend`)).body.code).toBe('conflict');
    expect((await change(msgId, { text: 'after all' })).body.message).toMatch(/was cancelled/);
  });

  test('at the very moment is either cancelled or sent, never both', async () => {
    const messages = [];
    for (let n = 0; n < 20; n++) messages.push(await schedule(`no. ${n}`, { scheduledAt: from(HOUR) }));
    const asked = Promise.all(messages.map(({ msgId }) => cancel(msgId)));
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(HOUR);
    const cancelled = (await asked).map(({ status }) => status === 200);
    await untilQuiet();
    expect(arrived()).toEqual([...messages.flatMap((_, n) => (cancelled[n] ? [] : `no. ${n}`)), 'the end']);
  });

  test('a change at the very moment is either what is sent, or refused', async () => {
    const messages = [];
    for (let n = 0; n < 20; n++) messages.push(await schedule(`no. ${n}`, { scheduledAt: from(HOUR) }));
    const scheduledAt = from(2 * HOUR);
    const asked = Promise.all(messages.map(({ msgId }, n) => change(msgId, { scheduledAt, text: `new no. ${n}` })));
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(HOUR);
    const changed = (await asked).map(({ status }) => status === 200);
    await untilQuiet();
    expect(arrived()).toEqual([...messages.flatMap((_, n) => (changed[n] ? [] : `no. ${n}`)), 'the end']);
    clock.advance(HOUR);
    await stage.until((events) => outcomes(events).length === messages.length + 1);
    await stage.sandbox.idle();
    const after = arrived().slice(arrived().indexOf('the end') + 1);
    expect(after).toEqual(messages.flatMap((_, n) => (changed[n] ? `new no. ${n}` : [])));
  });
});

test('what is done to a message has to wait until it was sent', async () => {
  const { msgId } = await schedule('not yet');
  const path = `/api/messages/${msgId}`;
  for (const answer of [
    await stage.call('PUT', path, { text: 'x' }),
    await stage.call('DELETE', path),
    await stage.call('POST', `${path}/react`, { emoji: '👍' }),
    await stage.call('POST', `${path}/pin`, {}),
    await stage.call('POST', `${path}/star`, {}),
    await stage.call('POST', `${path}/forward`, { to: FRIEND }),
  ]) {
    expect(answer).toMatchObject({
      status: 409,
      body: { code: 'conflict', message: expect.stringContaining(at(msgId)) },
    });
  }
  expect((await stage.call('POST', `${path}/resend`)).body.code).toBe('conflict');
});

test('what cannot be is refused in words', async () => {
  const refusals: [Record<string, unknown>, string, RegExp][] = [
    [{ scheduledAt: '2026-01-05T11:58:59Z' }, 'scheduledAt', /in the past.*leave scheduledAt out/],
    [{ scheduledAt: 1_777_622_400_000 }, 'scheduledAt', /more than a year ahead.*Unix seconds/],
    [{ scheduledAt: 'soon' }, 'scheduledAt', /such as 2026-05-01T09:00/],
    [{ scheduledAt: '2026-01-06T09:00' }, 'timeZone', /Europe\/Berlin/],
    [{ scheduledAt: '2026-01-06T09:00', timeZone: 'Mars/Olympus' }, 'timeZone', /Europe\/Berlin/],
    [{ wait: true }, 'wait', /message\.sent tells/],
    [{ scheduledAt: undefined, timeZone: 'UTC' }, 'timeZone', /goes with scheduledAt/],
    [{ scheduledAt: undefined, expireAfter: 60 }, 'expireAfter', /goes with scheduledAt/],
    [{ to: 'nobody' }, 'to', /phone number/],
    [{ replyTo: 'nothing' }, 'replyTo', /./],
  ];
  for (const [more, field, text] of refusals) expectRefusal(await ask('refused', more), field, text);
});

test('a time that has only just passed counts as now', async () => {
  const { msgId } = await schedule('now', { scheduledAt: from(-30_000) });
  expect(await untilOutcome(msgId)).toMatchObject({ success: true });
});
