import { TestClock } from '../engine/clock.ts';
import { Stage } from './stage.ts';

const SESSIONS = 6;
const HOUR_MS = 3_600_000;
/** So long is the longest pause of a session that cannot reach WhatsApp. */
const LONGEST_PAUSE_MS = 300_000;

const clock = new TestClock();
let stage: Stage;
const ids = Array.from({ length: SESSIONS }, (_, index) => index + 1);
const statusOf = (id: number) => stage.engine.sessions.get(id).status;

beforeAll(async () => {
  stage = await Stage.open({ clock });
  for (const id of ids.slice(1)) {
    const phone = `1555012000${id}`;
    await stage.sandbox.addPhone({ phone });
    await stage.call('POST', '/api/whatsapp-sessions', { name: `Session ${id}`, phone_number: phone });
    const connect = await stage.call('POST', `/api/whatsapp-sessions/${id}/connect`);
    await stage.sandbox.scan(phone, (connect.body.data as { qrCode: string }).qrCode);
    await stage.untilStatus(({ status }) => status === 'connected', id);
  }
}, 60_000);
afterAll(() => stage?.close());

/** Every session has tried, in vain, and waits for its next time. */
async function waiting(): Promise<number[]> {
  for (const id of ids) await stage.untilStatus(({ reason }) => (reason?.retryAt ?? 0) > clock.now(), id);
  return ids.map((id) => statusOf(id).reason!.retryAt!);
}

test('an hour without WhatsApp: few tries, spread over time; then a person waits for nothing, and all come back', async () => {
  const begun = clock.now();
  await stage.sandbox.close();
  const tries: number[] = [];
  while (clock.now() < begun + HOUR_MS) {
    const next = Math.min(...(await waiting()));
    tries.push(next);
    clock.advance(next - clock.now());
  }
  await waiting();
  // 1, 2, 4 … 256 s and then 300, each of them halved at the most.
  const most = SESSIONS * (9 + (2 * HOUR_MS) / LONGEST_PAUSE_MS);
  console.log(`storm: ${SESSIONS} sessions, an hour away, ${tries.length} tries, ${most} at the most`);
  expect(tries.length).toBeLessThanOrEqual(most);
  const late = tries.filter((time) => time > begun + LONGEST_PAUSE_MS);
  const together = late.filter((time, index) => late.indexOf(time) !== index);
  expect(together.length).toBeLessThan(late.length / 4);

  await stage.startSandbox();
  await stage.call('POST', '/api/whatsapp-sessions/2/connect');
  await stage.untilStatus(({ status }) => status === 'connected', 2);
  clock.advance(LONGEST_PAUSE_MS);
  for (const id of ids) await stage.untilStatus(({ status }) => status === 'connected', id);
}, 60_000);
