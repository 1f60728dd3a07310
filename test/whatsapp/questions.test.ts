import { TestClock } from '../engine/clock.ts';
import { ask, asked, refused } from './ask.ts';
import { FRIEND, OWN, Stage } from './stage.ts';

const { Questions } = await import('../../engine/whatsapp/questions.ts');

/** A picture of one pixel. */
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

describe('questions of a session', () => {
  const budgets = { spend: async () => {} } as never;
  const questions = () => new Questions({ clock: new TestClock(), budgets });

  test('are under way five at a time, and one that a message waits for besides', async () => {
    const asking = questions();
    const answers: (() => void)[] = [];
    const question = () => new Promise<void>((resolve) => answers.push(resolve));
    const all = Array.from({ length: 7 }, () => asking.ask(question));
    const urgent = asking.ask(question, { budget: 'number_checks', urgent: true });
    await new Promise(setImmediate);
    expect(answers).toHaveLength(6);
    for (let at = 0; at < 8; at += 1) {
      answers[at]!();
      await new Promise(setImmediate);
    }
    await Promise.all([...all, urgent]);
  });

  test('may ask others on their way, though all places are taken', async () => {
    const asking = questions();
    const nested = (depth: number): Promise<number> =>
      depth === 0 ? Promise.resolve(0) : asking.ask(async () => 1 + (await nested(depth - 1)));
    expect(await Promise.all(Array.from({ length: 20 }, () => nested(3)))).toEqual(Array(20).fill(3));
  });
});

describe('what WhatsApp watches', () => {
  const clock = new TestClock();
  let stage: Stage;
  beforeAll(async () => void (stage = await Stage.open({ clock })));
  afterAll(() => stage?.close());
  afterEach(async () => {
    stage.sandbox.removeFaults();
    // Every test finds its budgets full.
    clock.advance(2 * 86_400_000);
    await set(null);
  });

  let made = 0;
  const newPhone = () => stage.sandbox.addPhone({ phone: `1555040${String(++made).padStart(4, '0')}` }).phone;
  const set = (budgets: Record<string, unknown> | null) =>
    asked(stage, 'session.update', { whatsappSession: 1, budgets });
  const oneAMinute = { per_minute: 1, per_day: 100 };
  const questions = (mark: string) =>
    stage.sandbox
      .stanzas({ phone: OWN, limit: 20_000 })
      .filter(({ direction, stanza }) => direction === 'in' && JSON.stringify(stanza).includes(mark)).length;
  const check = (phone: string) => ask(stage, 'contact.check', { phone_number: phone });

  test('is asked within its budget, and refused with the time at which it can be asked', async () => {
    await set({ number_checks: oneAMinute });
    const [known, next] = [newPhone(), newPhone()];
    expect((await check(known)).status).toBe(200);
    clock.advance(15_000);
    const { status, body, headers } = await check(next);
    expect([status, body.code, body['retry_after'], headers.get('retry-after')]).toEqual([
      429,
      'budget_exhausted',
      45,
      '45',
    ]);
    expect(body['details']).toMatchObject({ budget: 'number_checks', limit: 1, used: 1, windowS: 60 });
    expect(questions(next)).toBe(0);
    // What is known costs nothing.
    expect((await check(known)).status).toBe(200);
    clock.advance(45_000);
    expect((await check(next)).status).toBe(200);
  });

  test('has no budget while the pace is off', async () => {
    for (let times = 0; times < 12; times += 1) expect((await check(newPhone())).status).toBe(200);
  });

  test('counts groups, pictures and people added', async () => {
    const many = { per_minute: 3, per_day: 100 };
    await set({ group_metadata: oneAMinute, profile_pictures: oneAMinute, group_adds: many });
    const people = [newPhone(), newPhone(), newPhone(), newPhone()];
    const create = (participants: string[]) => ask(stage, 'group.create', { name: 'Counted', participants });
    const first = await create(people.slice(0, 2));
    expect(first.status).toBe(200);
    expect((await create(people.slice(2))).body).toMatchObject({ code: 'budget_exhausted', retry_after: 60 });
    const { id: groupJid } = first.body.data as { id: string };
    const add = (participants: string[]) => refused(stage, 'group.add', { groupJid, participants });
    expect(await add(people.slice(2))).toMatchObject({ status: 429, code: 'budget_exhausted' });
    await asked(stage, 'group.add', { groupJid, participants: people.slice(2, 3) });
    expect(await add(people)).toMatchObject({ code: 'budget_exhausted', error: expect.stringContaining('Ask for 3') });

    await asked(stage, 'group.metadata', { groupJid });
    expect(await refused(stage, 'group.metadata', { groupJid, fresh: true })).toMatchObject({
      status: 429,
      code: 'budget_exhausted',
    });
    await asked(stage, 'contact.picture', { contactPhoneNumber: people[0] });
    for (const operation of ['contact.picture', 'contact.get']) {
      expect(await refused(stage, operation, { contactPhoneNumber: people[1] })).toMatchObject({
        status: 429,
        code: 'budget_exhausted',
      });
    }
  });

  test('does not fail a message that has to wait for it, and holds up nobody else’s', async () => {
    await check(FRIEND);
    await set({ number_checks: oneAMinute });
    await check(newPhone());
    const stranger = newPhone();
    const { body } = await stage.call('POST', '/api/send-message', { to: `+${stranger}`, text: 'in a minute' });
    const { msgId } = body.data as { msgId: number };
    expect((await stage.send(`+${FRIEND}`, 'at once')).status).toBe(200);
    expect(questions(stranger)).toBe(0);
    expect((await stage.call('GET', `/api/messages/${msgId}/info`)).body.data).toMatchObject({ status: 1 });
    clock.advance(60_000);
    await stage.untilTrue(() => stage.sandbox.messages(stranger).some(({ text }) => text === 'in a minute'));
  });

  test('does not fail a message to a group whose members have to be asked for first', async () => {
    await set({ group_metadata: oneAMinute });
    const group = (subject: string) =>
      stage.sandbox.groups.create({ creator: FRIEND, subject, participants: [OWN] }).jid;
    const [first, second] = [group('First'), group('Second')];
    await stage.until((events) => events.find((one) => one.event === 'groups.upsert' && one.jid === second));
    expect((await stage.send(first, 'at once')).status).toBe(200);
    await stage.call('POST', '/api/send-message', { to: second, text: 'next minute' });
    await stage.send(first, 'at once, too');
    clock.advance(60_000);
    await stage.untilTrue(() => stage.sandbox.messages(FRIEND).some(({ text }) => text === 'next minute'));
  });

  test('loses no picture that may not be asked for yet', async () => {
    await set({ profile_pictures: oneAMinute });
    const people = [newPhone(), newPhone()];
    for (const phone of people) await stage.sandbox.send(phone, { to: OWN, text: `hello from ${phone}` });
    await stage.until((events) =>
      people.every((one) => events.some(({ event, phone }) => event === 'messages.received' && phone === one)),
    );
    const urls: string[] = [];
    for (const phone of people) urls.push((await stage.sandbox.account.setPicture(phone, { base64: PIXEL })).url);
    const told = async () => JSON.stringify(await stage.events('contacts.update'));
    const isTold = (url: string) => stage.until((events) => JSON.stringify(events).includes(url));
    await isTold(urls[0]!);
    expect(await told()).not.toContain(urls[1]);
    await clock.until(isTold(urls[1]!));
  });
});

describe('WhatsApp that is asked too often', () => {
  const clock = new TestClock();
  let stage: Stage;
  beforeAll(async () => void (stage = await Stage.open({ clock })));
  afterAll(() => stage?.close());

  const phones = Array.from({ length: 6 }, (_, at) => `1555050000${at}`);
  const check = async (at: number) => {
    const { status, body } = await ask(stage, 'contact.check', { phone_number: phones[at] });
    return [status, body.code, body['retry_after']];
  };
  const asks = (at: number) =>
    stage.sandbox
      .stanzas({ phone: OWN, limit: 20_000 })
      .filter(({ direction, stanza }) => direction === 'in' && JSON.stringify(stanza).includes(phones[at]!)).length;

  test('is left alone, twice as long each time, and other questions go on', async () => {
    for (const phone of phones) stage.sandbox.addPhone({ phone });
    const tooOften = () => stage.sandbox.addFault({ fault: 'rate-limit', phone: OWN, xmlns: 'usync', times: 1 });
    tooOften();
    expect(await check(0)).toEqual([429, 'rate_limited', 60]);
    clock.advance(20_000);
    expect(await check(1)).toEqual([429, 'rate_limited', 40]);
    expect(asks(1)).toBe(0);
    expect((await ask(stage, 'contact.picture', { contactPhoneNumber: FRIEND })).status).toBe(200);
    clock.advance(40_000);
    tooOften();
    expect(await check(1)).toEqual([429, 'rate_limited', 120]);
    clock.advance(119_999);
    expect(await check(2)).toEqual([429, 'rate_limited', 1]);
    clock.advance(1);
    expect(await check(2)).toEqual([200, undefined, undefined]);
    tooOften();
    expect(await check(3)).toEqual([429, 'rate_limited', 60]);
    clock.advance(60_000);
  });

  test('gets a message that needs its answer when it answers again', async () => {
    stage.sandbox.addFault({ fault: 'rate-limit', phone: OWN, xmlns: 'usync', times: 1 });
    await stage.call('POST', '/api/send-message', { to: `+${phones[4]}`, text: 'later' });
    await stage.untilTrue(() => asks(4) === 1);
    expect((await check(5))[0]).toBe(429);
    clock.advance(120_000);
    await stage.untilTrue(() => stage.sandbox.messages(phones[4]!).some(({ text }) => text === 'later'));
  });
});
