import { Agent } from '../contract/agent.ts';
import { TestClock } from '../engine/clock.ts';
import { Receiver } from '../engine/receiver.ts';
import { Asking } from '../inquiries/asking.ts';
import { breakWrites } from './broken-disk.ts';
import { FRIEND, OWN, Stage } from './stage.ts';

const OTHER = '15550100077';
const HOUR_MS = 3_600_000;

let stage: Stage;
let clock: TestClock;
let works = () => {};
beforeEach(async () => {
  clock = new TestClock();
  stage = await Stage.open({ clock });
  stage.sandbox.addPhone({ phone: OTHER });
});
afterEach(() => {
  works();
  return stage?.close();
});

/** What is accepted from now on waits in the queue. */
async function keepQuiet(): Promise<void> {
  const quiet_hours = { from: '11:00', to: '13:00', time_zone: 'UTC' };
  expect(await stage.call('PUT', '/api/whatsapp-sessions/1', { quiet_hours })).toMatchObject({ status: 200 });
}

async function accept(text: string, more = {}): Promise<number> {
  const { status, body } = await stage.call('POST', '/api/send-message', { to: FRIEND, text, ...more });
  expect(status).toBe(200);
  return (body.data as { msgId: number }).msgId;
}

/** The device is removed on the phone, and a phone scans the new QR code. */
async function scan(phone: string): Promise<void> {
  stage.sandbox.unlink(OWN);
  await stage.untilStatus(({ status }) => status === 'logged_out');
  const { body } = await stage.call('POST', '/api/whatsapp-sessions/1/connect');
  await stage.sandbox.scan(phone, (body.data as { qrCode: string }).qrCode);
}

/** …and the session is linked again. */
async function relink(phone: string): Promise<void> {
  await scan(phone);
  await stage.untilStatus(({ status }) => status === 'connected');
}

const outcomes = async () => {
  const told = await stage.events('message.sent');
  return told.map(({ data }) => data as { msgId: number; success: boolean; error?: string });
};
const texts = () => stage.sandbox.messages(FRIEND).map(({ text }) => text);

test('what waits when the session is logged out leaves once the same account is linked again', async () => {
  await keepQuiet();
  const msgId = await accept('see you soon');
  await relink(OWN);
  clock.advance(2 * HOUR_MS);
  await stage.untilTrue(async () => (await outcomes()).some((one) => one.msgId === msgId));
  expect(await outcomes()).toMatchObject([{ msgId, success: true }]);
  expect(texts()).toContain('see you soon');
});

test('what was accepted for one account is never sent from another: it fails, and says why', async () => {
  await keepQuiet();
  const queued = await accept('from the shop');
  const scheduled = await accept('from the shop, later', { scheduledAt: (clock.now() + 4 * HOUR_MS) / 1000 });
  await relink(OTHER);
  await stage.untilTrue(async () => (await outcomes()).length === 2);
  for (const msgId of [queued, scheduled]) {
    expect(await outcomes()).toContainEqual(
      expect.objectContaining({ msgId, success: false, error: expect.stringContaining('another account') }),
    );
  }
  clock.advance(8 * HOUR_MS);
  expect(await stage.send(FRIEND, 'from the new number')).toMatchObject({ status: 200 });
  expect(texts()).toEqual(['from the new number']);
});

test('a bulk job of one account does not go on from another', async () => {
  await keepQuiet();
  // More than wait in the queue at once.
  const recipients = [FRIEND, ...Array.from({ length: 20 }, (_, index) => `155501002${10 + index}`)];
  for (const phone of recipients.slice(1)) stage.sandbox.addPhone({ phone });
  const { body } = await stage.call('POST', '/api/bulk-jobs', { text: 'Sale!', recipients });
  const { id } = body.data as { id: number };
  clock.advance(60_000);
  await relink(OTHER);
  clock.advance(2 * HOUR_MS);
  const job = async () => (await stage.call('GET', `/api/bulk-jobs/${id}`)).body.data as { status: string };
  await stage.untilTrue(async () => (await job()).status === 'paused');
  expect(await job()).toMatchObject({ reason: { code: 'account_changed' } });
  expect(await stage.send(FRIEND, 'from the new number')).toMatchObject({ status: 200 });
  expect(texts()).toEqual(['from the new number']);
});

describe('what one account knows', () => {
  const rows = async (path: string) => (await stage.call('GET', path)).body.data as Record<string, unknown>[];
  const known = async () => ({
    people: (await rows('/api/contacts')).map(({ notify }) => notify).filter((name) => name === 'Robin'),
    chats: (await rows('/api/chats')).map(({ name }) => name),
    polls: (await rows('/api/polls')).map(({ question }) => question),
  });
  /** FRIEND has written, and was asked something. */
  async function know(): Promise<void> {
    await stage.sandbox.send(FRIEND, { to: OWN, text: 'hi' });
    await stage.untilTrue(async () => (await known()).chats.length === 1);
    const poll = { question: 'Where?', options: ['here', 'there'] };
    expect(await stage.call('POST', '/api/send-message', { to: FRIEND, poll, wait: true })).toMatchObject({
      status: 200,
    });
  }
  const robin = { people: ['Robin'], chats: ['Robin'], polls: ['Where?'] };

  test('is not shown as what the other one knows: people, chats, polls', async () => {
    await know();
    expect(await known()).toEqual(robin);
    await relink(OTHER);
    expect(await known()).toEqual({ people: [], chats: [], polls: [] });
    await stage.sandbox.send(FRIEND, { to: OTHER, text: 'hi' });
    await stage.untilTrue(async () => (await known()).chats.length === 1);
    expect(await known()).toEqual({ ...robin, polls: [] });
  });

  test('is known when it is linked again', async () => {
    await know();
    await relink(OWN);
    expect(await known()).toEqual(robin);
  });

  test('is a stranger to the other one', async () => {
    await know();
    // Messages have real times.
    clock.advance(Date.now() - clock.now());
    await relink(OTHER);
    const budgets = { new_chats: { per_minute: 1, per_day: 1 } };
    await stage.call('PUT', '/api/whatsapp-sessions/1', { budgets });
    expect(await stage.send(FRIEND, 'hello')).toMatchObject({ status: 200 });
    const { body } = await stage.call('GET', '/api/whatsapp-sessions/1/limits');
    expect(body.data).toMatchObject({ sending: { budgets: [{ name: 'new_chats', day: { used: 1, limit: 1 } }] } });
  });
});

test('what an agent may do for one account it has to ask for again with the other', async () => {
  const { body } = await stage.call('POST', '/api/tokens', { name: 'agent', scope: { approval: 'writes' } });
  const agent = await Agent.connect(stage.engine.url, (body.data as { token: string }).token);
  const say = (text: string) => agent.call('send_text_message', { to: FRIEND, text, wait: true });
  const approvals = async (status: string) =>
    ((await stage.call('GET', `/api/approvals?status=${status}`)).body.data as { data: { id: number }[] }).data;
  const waiting = say('from the shop');
  await stage.untilTrue(async () => (await approvals('pending')).length === 1);
  await relink(OTHER);
  const [{ id }] = (await approvals('expired')) as [{ id: number }];
  expect(await stage.call('POST', `/api/approvals/${id}/approve`)).toMatchObject({ status: 409 });
  clock.advance(5 * 60_000);
  expect((await waiting).error).toMatchObject({ code: 'conflict' });
  const again = say('from the shop');
  await stage.untilTrue(async () => (await approvals('pending')).length === 1);
  expect(texts()).toEqual([]);
  const [{ id: other }] = (await approvals('pending')) as [{ id: number }];
  await stage.call('POST', `/api/approvals/${other}/approve`);
  expect((await again).data).toMatchObject({ status: 'sent' });
  expect(texts()).toEqual(['from the shop']);
  await agent.close();
});

/** What was told of restrictions. */
const restricted = async () =>
  (await stage.events('account.restricted')).map(({ data }) => (data as { restricted: boolean }).restricted);

async function restrict(): Promise<void> {
  stage.sandbox.addFault({ fault: 'restrict-account', phone: OWN, seconds: 86_400 });
  await stage.untilTrue(async () => (await restricted()).at(-1) === true);
}

test('what WhatsApp has said of one account does not hold another', async () => {
  await restrict();
  await relink(OTHER);
  await stage.untilTrue(async () => (await restricted()).at(-1) === false);
  expect(await stage.send(FRIEND, 'hello')).toMatchObject({ status: 200 });
});

describe('a question that waits for its answer', () => {
  const ANOTHER = expect.stringContaining('another account') as string;
  let asking: Asking;
  let receiver: Receiver;
  beforeEach(async () => {
    asking = new Asking(stage);
    receiver = await Receiver.start();
  });
  afterEach(() => receiver.close());
  const ask = (more = {}) =>
    asking.ask({ callbackUrl: `${receiver.origin}/waiting`, reminder: { after: 3600, text: 'Still there?' }, ...more });

  test('ends with the account that asked it, and says so once; another account takes no answer to it', async () => {
    const inquiry = await ask();
    await relink(OTHER);
    expect((await receiver.next()).event).toMatchObject({
      event: 'inquiry.failed',
      data: { inquiryId: inquiry.id, status: 'failed', error: ANOTHER },
    });
    await asking.says('blue', {}, FRIEND, OTHER);
    await asking.heard(FRIEND, OTHER);
    clock.advance(2 * HOUR_MS);
    expect(await stage.send(FRIEND, 'from the new number')).toMatchObject({ status: 200 });
    expect(await asking.shown(inquiry)).toMatchObject({ status: 'failed', error: ANOTHER, answer: null });
    expect(receiver.requests).toHaveLength(1);
    // The reminder was taken back, as with every inquiry that is over.
    expect(texts()).not.toContain('Still there?');
    expect(await outcomes()).toMatchObject([{ success: true }, { success: true }]);
  });

  test('and has not left ends with its message', async () => {
    await keepQuiet();
    const inquiry = await asking.accepted({ reminder: { after: 3600 } });
    await relink(OTHER);
    await asking.closed(inquiry, 'inquiry.failed');
    expect(await asking.shown(inquiry)).toMatchObject({ error: ANOTHER });
    expect(await outcomes()).toMatchObject([{ msgId: inquiry.msgId, success: false, error: ANOTHER }]);
  });

  test('takes no answer that comes to the other account before its first connection is open', async () => {
    const inquiry = await asking.ask();
    // The device is given everything from then on, and does not hear that it is.
    stage.sandbox.addFault({ fault: 'never-answer', phone: OTHER, match: 'iq:passive', lose: 'answer' });
    await scan(OTHER);
    const { id } = await asking.says('blue', {}, FRIEND, OTHER);
    await asking.stored(id);
    expect(await stage.status()).toBe('connecting');
    expect(await asking.shown(inquiry)).toMatchObject({ status: 'failed', error: ANOTHER });
  });

  test('goes on waiting when the same account is linked again', async () => {
    const inquiry = await ask();
    await relink(OWN);
    await asking.says('blue');
    expect((await receiver.next()).event).toMatchObject({
      event: 'inquiry.answered',
      data: { inquiryId: inquiry.id, answer: { text: 'blue' } },
    });
  });
});

describe('a change of accounts that cannot be written down', () => {
  /** The disk is full for it alone: everything else is written. */
  async function relinkInVain(): Promise<void> {
    works = breakWrites((sql, values) =>
      sql.includes('SET governor') && String(values[0]).includes(OTHER) ? 'SQLITE_FULL' : undefined,
    );
    await scan(OTHER);
    await stage.untilStatus(({ reason }) => reason?.code === 'storage_failed');
  }

  const connected = () =>
    clock.until(
      stage.untilStatus(({ status }) => status === 'connected'),
      HOUR_MS,
    );

  async function expectNothingLeft(msgId: number): Promise<void> {
    expect(await outcomes()).toMatchObject([{ msgId, success: false, error: expect.stringContaining('another') }]);
    clock.advance(2 * HOUR_MS);
    expect(await stage.send(FRIEND, 'from the new number')).toMatchObject({ status: 200 });
    expect(texts()).toEqual(['from the new number']);
  }

  test('is made at the next try: nothing leaves before', async () => {
    await keepQuiet();
    const msgId = await accept('from the shop');
    await restrict();
    await relinkInVain();
    expect([await outcomes(), await restricted()]).toEqual([[], [true]]);
    works();
    await connected();
    expect(await restricted()).toEqual([true, false]);
    await expectNothingLeft(msgId);
  });

  test('is made whole then, also when somebody changes settings meanwhile', async () => {
    await keepQuiet();
    const msgId = await accept('from the shop');
    await relinkInVain();
    works();
    expect(await stage.call('PUT', '/api/whatsapp-sessions/1', { warm_up: true })).toMatchObject({ status: 200 });
    await connected();
    await expectNothingLeft(msgId);
  });
});
