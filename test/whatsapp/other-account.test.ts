import { TestClock } from '../engine/clock.ts';
import { FRIEND, OWN, Stage } from './stage.ts';

const OTHER = '15550100077';
const HOUR_MS = 3_600_000;

let stage: Stage;
let clock: TestClock;
beforeEach(async () => {
  clock = new TestClock();
  stage = await Stage.open({ clock });
  stage.sandbox.addPhone({ phone: OTHER });
});
afterEach(() => stage?.close());

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

/** The device is removed on the phone, and another scan links the session. */
async function relink(phone: string): Promise<void> {
  stage.sandbox.unlink(OWN);
  await stage.untilStatus(({ status }) => status === 'logged_out');
  const { body } = await stage.call('POST', '/api/whatsapp-sessions/1/connect');
  await stage.sandbox.scan(phone, (body.data as { qrCode: string }).qrCode);
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

test('what WhatsApp has said of one account does not hold another', async () => {
  stage.sandbox.addFault({ fault: 'restrict-account', phone: OWN, seconds: 86_400 });
  const told = async () =>
    (await stage.events('account.restricted')).map(({ data }) => (data as { restricted: boolean }).restricted);
  await stage.untilTrue(async () => (await told()).at(-1) === true);
  await relink(OTHER);
  await stage.untilTrue(async () => (await told()).at(-1) === false);
  expect(await stage.send(FRIEND, 'hello')).toMatchObject({ status: 200 });
});
