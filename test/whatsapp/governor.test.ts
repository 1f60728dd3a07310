import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { PROFILES } from '../../engine/governor/profiles.ts';
import { TestClock } from '../engine/clock.ts';
import { OWN, Stage, type Answer } from './stage.ts';

// Today, because the sandbox's own times are those of the clock, too.
const clock = new TestClock(Date.now());
let stage: Stage;
let count = 0;
beforeAll(async () => void (stage = await Stage.open({ clock, config: { pace: 'normal' } })));
afterAll(() => stage?.close());
afterEach(async () => {
  stage.sandbox.removeFaults();
  await set({ pace: 'off', quiet_hours: null, account_protection: false, warm_up: false, budgets: null });
  await stage.untilTrue(() => !governor().holdsNewChats);
});

const governor = () => stage.engine.sessions.get(1).governor;

async function set(settings: Record<string, unknown>): Promise<Answer> {
  return stage.call('PUT', '/api/whatsapp-sessions/1', settings);
}

/** The phone of somebody whom the account has no chat with. */
function stranger(): string {
  const phone = `1555030${1000 + count++}`;
  stage.sandbox.addPhone({ phone });
  return phone;
}

/** The phone of somebody whom the account has written to. */
async function acquaintance(): Promise<string> {
  const phone = stranger();
  await set({ pace: 'off' });
  expect((await stage.send(phone, 'hello')).status).toBe(200);
  return phone;
}

const accept = async (to: string, text: string, headers: Record<string, string> = {}): Promise<number> => {
  const { status, body } = await stage.call('POST', '/api/send-message', { to, text }, headers);
  expect([status, body]).toEqual([200, expect.anything()]);
  return (body.data as { msgId: number }).msgId;
};

const texts = (phone: string) =>
  stage.sandbox
    .messages(phone)
    .filter(({ fromMe }) => !fromMe)
    .map(({ text }) => text);

const sending = async () => {
  const { body } = await stage.call('GET', '/api/whatsapp-sessions/1/limits');
  return (body.data as { sending: Record<string, unknown> }).sending;
};

/** What `account.restricted` has told of a kind, from now on. */
const restrictions = async (kind: string) =>
  (await stage.events('account.restricted'))
    .map(({ data }) => data as { kind: string; restricted: boolean; type: string | null; until: string | null })
    .filter((told) => told.kind === kind);

/** Stanzas of the engine by which others see that it types. */
const chatStates = () =>
  stage.sandbox
    .stanzas({ phone: OWN, limit: 20_000 })
    .filter(({ direction }) => direction === 'in')
    .map(({ stanza }) => JSON.stringify(stanza))
    .filter((text) => text.includes('"chatstate"'));

describe('at a pace', () => {
  test('typing is shown before a text, the next one keeps the pause, and a reaction does neither', async () => {
    const friend = await acquaintance();
    await set({ pace: 'normal' });
    const first = await clock.until(stage.send(friend, 'x'.repeat(100)));
    expect(first.status).toBe(200);
    expect(chatStates()).toHaveLength(1);
    expect(chatStates()[0]).toContain('composing');
    const since = clock.now();
    await clock.until(stage.send(friend, 'ok'));
    const [least, most] = PROFILES.normal.pauseMs;
    expect(clock.now() - since).toBeGreaterThanOrEqual(least);
    expect(clock.now() - since).toBeLessThanOrEqual(most);
    const { msgId } = first.body.data as { msgId: number };
    expect((await stage.call('POST', `/api/messages/${msgId}/react`, { emoji: '👍' })).status).toBe(200);
    expect(chatStates()).toHaveLength(2);
    expect(await sending()).toMatchObject({ pace: 'normal', minute: { limit: 30 }, today: { limit: 1000 }, queued: 0 });
  });

  test('with off nothing is shown, and nothing waits', async () => {
    const friend = await acquaintance();
    const before = chatStates().length;
    const since = clock.now();
    for (const text of ['one', 'two', 'three']) expect((await stage.send(friend, text)).status).toBe(200);
    expect(clock.now()).toBe(since);
    expect(chatStates()).toHaveLength(before);
  });

  test('account protection keeps five seconds on the way out, also of what was accepted at once', async () => {
    const friend = await acquaintance();
    await set({ account_protection: true });
    // Past the endpoint, which takes no more than that either.
    const { messages } = stage.engine.sessions.get(1);
    const since = clock.now();
    await messages.send({ to: friend, text: 'one' });
    const { msgId } = await messages.send({ to: friend, text: 'two' });
    await clock.until(messages.outcome(msgId, 20_000));
    expect(clock.now() - since).toBeGreaterThanOrEqual(5000);
  });

  test('quiet hours: what is accepted waits over a restart, reactions do not, and all of it leaves after', async () => {
    const friend = await acquaintance();
    const { body } = await stage.send(friend, 'in the evening');
    const at = (ms: number) => new Date(ms).toISOString().slice(11, 16);
    const hours = { from: at(clock.now()), to: at(clock.now() + 3 * 3_600_000), time_zone: 'UTC' };
    expect((await set({ quiet_hours: hours })).status).toBe(200);
    await accept(friend, 'in the night');
    const { msgId } = body.data as { msgId: number };
    expect((await stage.call('POST', `/api/messages/${msgId}/react`, { emoji: '🌙' })).status).toBe(200);
    const told = await sending();
    expect(told).toMatchObject({ queued: 1, next_at: told['quiet_until'] });
    await stage.engine.stop();
    await stage.startEngine();
    expect(texts(friend)).not.toContain('in the night');
    clock.advance(3 * 3_600_000);
    await stage.untilTrue(() => texts(friend).includes('in the night'));
  });

  test.each([
    ['a zone that there is not', { from: '22:00', to: '07:00', time_zone: 'Europe/Atlantis' }, 'time_zone'],
    ['hours without an end', { from: '22:00', to: '22:00', time_zone: 'UTC' }, 'to'],
    ['a time that there is not', { from: '25:00', to: '07:00', time_zone: 'UTC' }, 'from'],
  ])('quiet hours in %s are refused', async (_what, quiet_hours, field) => {
    const { status, body } = await set({ quiet_hours });
    expect([status, Object.keys(body['errors'] as object)]).toEqual([422, [`quiet_hours.${field}`]]);
  });
});

describe('at the door', () => {
  test('the budget of strangers used up: 429 with the time; friends, and repeats by their key, are answered', async () => {
    const friend = await acquaintance();
    await set({ pace: 'off', budgets: { new_chats: { per_minute: 2, per_day: 2 } } });
    const [one, two, three] = [stranger(), stranger(), stranger()];
    const key = { 'idempotency-key': `first-to-${one}` };
    const msgId = await accept(one, 'a', key);
    await accept(two, 'b');
    await accept(two, 'c');
    const refused = await stage.call('POST', '/api/send-message', { to: three, text: 'd' });
    expect(refused).toMatchObject({ status: 429, body: { code: 'budget_exhausted', retry_after: expect.any(Number) } });
    expect(await accept(one, 'a', key)).toBe(msgId);
    await accept(friend, 'e');
    clock.advance(86_400_000);
    await accept(three, 'd');
    expect(await sending()).toMatchObject({ budgets: [{ name: 'new_chats', day: { used: 1, limit: 2 } }] });
  });

  test('the plan of a new number: the day is refused when it is used up, and a file is not even fetched', async () => {
    let fetched = 0;
    const server = createServer((_request, response) => {
      fetched += 1;
      response.end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const friend = await acquaintance();
    await set({ pace: 'normal', warm_up: true });
    await stage.untilTrue(async () => (await governor().sending()).warmUp?.day === 1);
    clock.advance(86_400_000);
    await set({ warm_up: false });
    await set({ warm_up: true });
    expect(await sending()).toMatchObject({ warm_up: { day: 1, of: 14, per_day: { messages: 20, new_chats: 3 } } });
    for (let n = 0; n < 20; n++) await accept(friend, `no. ${n}`);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/picture.png`;
    const refused = await stage.call('POST', '/api/send-message', { to: friend, imageUrl: url });
    expect(refused).toMatchObject({ status: 429, body: { code: 'budget_exhausted', retry_after: 86_400 } });
    expect(fetched).toBe(0);
    server.close();
    await set({ pace: 'off', warm_up: false });
    await stage.untilTrue(() => texts(friend).includes('no. 19'));
  });
});

describe('when WhatsApp restricts the account', () => {
  test('no new chats: strangers wait or are refused with the time, friends go on, over a restart, until it is lifted', async () => {
    const friend = await acquaintance();
    const [queued, refused] = [stranger(), stranger()];
    await set({ account_protection: true });
    // Past the endpoint, which takes one message in five seconds; so the others wait when the restriction comes.
    const { messages } = stage.engine.sessions.get(1);
    await clock.until(
      messages.send({ to: friend, text: 'before' }).then(({ msgId }) => messages.outcome(msgId, 20_000)),
    );
    await messages.send({ to: queued, text: 'cold' });
    await messages.send({ to: queued, text: 'cold, too' });
    const from = (await restrictions('new_chats')).length;
    stage.sandbox.addFault({ fault: 'restrict-account', phone: OWN, seconds: 7200, enforcement: 'BIZ_QUALITY' });
    await stage.until(() => governor().holdsNewChats);
    await set({ account_protection: false });
    const answer = await stage.call('POST', '/api/send-message', { to: refused, text: 'no' });
    expect(answer).toMatchObject({
      status: 409,
      body: { code: 'session_restricted', details: { type: 'BIZ_QUALITY', until: expect.any(String) } },
    });
    expect(answer.body['retry_after']).toBeGreaterThan(7100);
    expect((await stage.send(friend, 'goes on')).status).toBe(200);
    expect(await sending()).toMatchObject({
      queued: 2,
      paused: { reason: 'new_chats', new_chats_only: true },
      whatsapp: { restricted: true, restricted_until: expect.any(String) },
    });
    await stage.engine.stop();
    await stage.startEngine();
    expect((await stage.call('POST', '/api/send-message', { to: refused, text: 'no' })).status).toBe(409);
    expect((await stage.send(friend, 'still')).status).toBe(200);
    expect(texts(queued)).toEqual([]);
    stage.sandbox.removeFaults();
    await stage.untilTrue(() => texts(queued).length === 2);
    expect(texts(queued)).toEqual(['cold', 'cold, too']);
    expect((await restrictions('new_chats')).slice(from).map(({ restricted }) => restricted)).toEqual([true, false]);
  });

  test('who has written to the account is no stranger, and gets what was queued for them', async () => {
    const customer = stranger();
    const hold = { from: '00:00', to: '23:59', time_zone: 'UTC' };
    await set({ quiet_hours: hold });
    await accept(customer, 'an offer');
    stage.sandbox.addFault({ fault: 'restrict-account', phone: OWN, seconds: 7200 });
    await stage.until(() => governor().holdsNewChats);
    await set({ quiet_hours: null });
    await stage.sandbox.send(customer, { to: OWN, text: 'a question' });
    await stage.untilTrue(() => texts(customer).includes('an offer'));
    expect((await stage.send(customer, 'an answer')).status).toBe(200);
  });

  test('its time comes: new chats are begun again, though WhatsApp says nothing', async () => {
    const waiting = stranger();
    stage.sandbox.addFault({ fault: 'restrict-account', phone: OWN, seconds: 3600 });
    await stage.until(() => governor().holdsNewChats);
    const refused = await stage.call('POST', '/api/send-message', { to: waiting, text: 'later' });
    clock.advance((refused.body['retry_after'] as number) * 1000);
    expect((await stage.send(waiting, 'later')).status).toBe(200);
    expect((await restrictions('new_chats')).at(-1)).toMatchObject({ restricted: false, until: null });
  });

  test('a quota of new chats: warned, used up, refused with the end of the cycle', async () => {
    stage.sandbox.addFault({ fault: 'limit-new-chats', phone: OWN, quota: 2 });
    expect((await stage.send(stranger(), 'one')).status).toBe(200);
    await stage.until(
      () =>
        governor()
          .sending()
          .then(({ said }) => said.capping?.status === 'FIRST_WARNING') as never,
    );
    expect((await stage.send(stranger(), 'two')).status).toBe(200);
    await stage.until(() => governor().holdsNewChats);
    const refused = await stage.call('POST', '/api/send-message', { to: stranger(), text: 'three' });
    expect(refused).toMatchObject({ status: 409, body: { code: 'session_restricted', details: { type: 'CAPPED' } } });
    expect(refused.body['retry_after']).toBeGreaterThan(29 * 86_400);
    expect(await sending()).toMatchObject({ whatsapp: { capping: { status: 'CAPPED', total: 2, used: 2 } } });
    expect((await restrictions('capping')).map(({ type }) => type)).toEqual(['FIRST_WARNING', 'CAPPED']);
    stage.sandbox.removeFaults();
    await stage.untilTrue(() => !governor().holdsNewChats);
  });

  test('a first message refused with 463: WhatsApp is asked, and nobody new is written to while it says so', async () => {
    stage.sandbox.addFault({ fault: 'nack', phone: OWN, code: 463, times: 1 });
    expect((await stage.send(stranger(), 'refused')).status).toBe(502);
    // It says that nothing is restricted.
    await stage.untilTrue(() => !governor().holdsNewChats);
    expect((await stage.send(stranger(), 'taken')).status).toBe(200);
  });

  test('a first message refused with 463, and no answer to the question why: no new chats for an hour', async () => {
    stage.sandbox.addFault({ fault: 'rate-limit', phone: OWN, xmlns: 'w:mex' });
    stage.sandbox.addFault({ fault: 'nack', phone: OWN, code: 463, times: 1 });
    expect((await stage.send(stranger(), 'refused')).status).toBe(502);
    await stage.untilTrue(() => governor().holdsNewChats);
    stage.sandbox.removeFaults();
    const refused = await stage.call('POST', '/api/send-message', { to: stranger(), text: 'no' });
    expect(refused).toMatchObject({ status: 409, body: { code: 'session_restricted', retry_after: 3600 } });
    clock.advance(3_600_000);
    expect((await stage.send(stranger(), 'yes')).status).toBe(200);
  });
});

describe('when WhatsApp says that the account sends too fast', () => {
  test.each([
    ['to a message', { fault: 'nack', phone: OWN, code: 429, times: 1 }],
    ['to a question that a message needs', { fault: 'rate-limit', phone: OWN, xmlns: 'usync', times: 1 }],
  ] as const)(
    '%s: everything pauses, callers are told until when, and the message is sent again',
    async (_to, fault) => {
      const friend = await acquaintance();
      const newcomer = stranger();
      const from = (await restrictions('rate')).length;
      stage.sandbox.addFault(fault);
      const msgId = await accept(newcomer, 'too fast');
      await stage.until(() => governor().stoppedUntil > clock.now());
      const refused = await stage.call('POST', '/api/send-message', { to: friend, text: 'wait' });
      expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited', retry_after: 60 } });
      expect(await sending()).toMatchObject({ queued: 1, paused: { reason: 'rate', new_chats_only: false } });
      expect(texts(newcomer)).toEqual([]);
      clock.advance(60_000);
      await stage.engine.sessions.get(1).messages.outcome(msgId, 20_000);
      expect(texts(newcomer)).toEqual(['too fast']);
      expect((await stage.send(friend, 'now')).status).toBe(200);
      expect((await restrictions('rate')).slice(from).map(({ restricted }) => restricted)).toEqual([true, false]);
      expect(await stage.engine.store.messages.get(1, msgId)).toMatchObject({
        status: expect.any(Number),
        error: null,
      });
    },
  );

  test('again and again: each pause is longer, and the message is never given up', async () => {
    const friend = await acquaintance();
    stage.sandbox.addFault({ fault: 'nack', phone: OWN, code: 429, times: 7 });
    const msgId = await accept(friend, 'patience');
    const pauses: number[] = [];
    for (let n = 0; n < 7; n++) {
      await stage.until(() => governor().stoppedUntil > clock.now());
      const pause = governor().stoppedUntil - clock.now();
      pauses.push(pause / 60_000);
      clock.advance(pause);
    }
    await stage.engine.sessions.get(1).messages.outcome(msgId, 20_000);
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60]);
    expect(texts(friend)).toContain('patience');
  });
});

test('banned for a time: who sends is told until when', async () => {
  stage.sandbox.addFault({ fault: 'ban-account', phone: OWN, seconds: 3600, reason: 101 });
  // The connection ends, and the next login is told why.
  await stage.untilTrue(() => {
    clock.advance(100);
    return stage.engine.sessions.get(1).status.status === 'restricted';
  });
  const refused = await stage.call('POST', '/api/send-message', { to: stranger(), text: 'no' });
  expect(refused).toMatchObject({
    status: 409,
    body: { code: 'session_restricted', details: { status: 'restricted', until: expect.any(String) } },
  });
  expect(refused.body['retry_after']).toBeGreaterThan(3500);
  stage.sandbox.removeFaults();
  await stage.call('POST', '/api/whatsapp-sessions/1/connect');
  expect((await stage.send(stranger(), 'back')).status).toBe(200);
});
