import type { EventEnvelope } from '../../engine/events.ts';
import { TestClock } from '../engine/clock.ts';
import { FRIEND, OWN, Stage } from './stage.ts';

let stage: Stage;
let clock: TestClock;
beforeEach(async () => {
  clock = new TestClock();
  stage = await Stage.open({ clock });
});
afterEach(() => stage?.close());

/** So many messages of a job wait at the same time. */
const UNDER_WAY = 16;

interface Progress {
  id: number;
  status: string;
  reason: { code: string; resumes_at: string | null } | null;
  total: number;
  counts: Record<string, number>;
  estimated_end: string | null;
}
type Report = Record<string, { position: number; to: string; reason: string }[]>;
interface Recipient {
  to: string;
  status: string;
  skipped: string | null;
  error: string | null;
  msgId: number | null;
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => `1555020${String(n).padStart(4, '0')}`);
const phones = (count: number) => numbers(count).map((phone) => stage.sandbox.addPhone({ phone }).phone);
const texts = (phone: string) => stage.sandbox.messages(phone).map(({ text }) => text);

async function create(recipients: unknown[], more: Record<string, unknown> = {}) {
  const answer = await stage.call('POST', '/api/bulk-jobs', { text: 'Hello', recipients, ...more });
  return { ...answer, job: answer.body.data as { id: number; pending: number; skipped: Report } };
}
const progress = async (id: number) => (await stage.call('GET', `/api/bulk-jobs/${id}`)).body.data as Progress;
const recipients = async (id: number, query = '') => {
  const { body } = await stage.call('GET', `/api/bulk-jobs/${id}/recipients?per_page=100&${query}`);
  return (body.data as { data: Recipient[] }).data;
};
const does = (id: number, what: 'pause' | 'resume' | 'cancel') => stage.call('POST', `/api/bulk-jobs/${id}/${what}`);

const statusesOf = (events: EventEnvelope[], id: number) =>
  events
    .filter(({ event }) => event === 'bulk.status')
    .map(({ data }) => (data as { job: Progress }).job)
    .filter((job) => job.id === id)
    .map(({ status }) => status);
const untilStatus = (id: number, status: string) =>
  stage.until((events) => statusesOf(events, id).at(-1) === status && events);

/** WhatsApp cannot be reached: what is accepted now waits in the queue. */
async function goOffline(): Promise<void> {
  await stage.sandbox.close();
  await stage.untilStatus(({ status }) => status === 'connecting');
}

/** WhatsApp is there again. On a clock that stands still the next try would never come: somebody asks for it. */
async function goOnline(): Promise<void> {
  await stage.startSandbox();
  await stage.call('POST', '/api/whatsapp-sessions/1/connect');
}

/** Waits until a job has as many messages in the queue as it keeps there. */
async function untilFull(id: number): Promise<void> {
  for (let looks = 0; looks < 1000; looks++) {
    if ((await progress(id)).counts['queued'] === UNDER_WAY) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`The queue never filled: ${JSON.stringify(await progress(id))}`);
}

describe('a bulk job', () => {
  test('writes to every recipient, each with values of their own, and tells how it stands', async () => {
    const to = phones(5);
    const { status, job } = await create(
      to.map((phone, n) => ({
        to: `+${phone}`,
        variables: { 'first name': `Person ${n}`, code: n, unused: { a: 1 } },
      })),
      { name: 'Invitation', text: 'Hello {{ first name }}, your code is {{code}}. {{code}}!' },
    );
    expect(status).toBe(201);
    expect(job).toMatchObject({ status: 'running', total: 5, pending: 5 });
    const events = await untilStatus(job.id, 'completed');
    expect(statusesOf(events, job.id)).toEqual(['running', 'completed']);
    for (const [n, phone] of to.entries())
      expect(texts(phone)).toEqual([`Hello Person ${n}, your code is ${n}. ${n}!`]);
    const { counts, ...rest } = await progress(job.id);
    expect(rest).toMatchObject({ name: 'Invitation', status: 'completed', total: 5, reason: null });
    expect(counts['sent']! + counts['delivered']! + counts['read']!).toBe(5);
    const all = await recipients(job.id);
    expect(all.every(({ msgId, error }) => msgId !== null && error === null)).toBe(true);
  });

  test('sends a file that was fetched once', async () => {
    const to = phones(3);
    const imageUrl = `data:image/png;base64,${PNG}`;
    const { job } = await create(to, { imageUrl, text: 'Look' });
    await untilStatus(job.id, 'completed');
    for (const phone of to) {
      expect(stage.sandbox.messages(phone)).toMatchObject([{ type: 'image', message: expect.anything() }]);
    }
  });

  test('fails the recipients whom WhatsApp does not know, and goes on', async () => {
    const [one, two] = phones(2);
    const { job } = await create([one, '+15550299999', two]);
    await untilStatus(job.id, 'completed');
    expect(await recipients(job.id, 'status=failed')).toMatchObject([
      { to: '+15550299999', error: expect.stringContaining('not on WhatsApp') },
    ]);
    expect([texts(one!), texts(two!)]).toEqual([['Hello'], ['Hello']]);
  });

  test('waits for its start when asked to, and can be listed and forgotten', async () => {
    const [to] = phones(1);
    const { job } = await create([to], { start: false });
    expect(await progress(job.id)).toMatchObject({ status: 'ready', estimated_end: expect.any(String) });
    const listed = await stage.call('GET', '/api/bulk-jobs?status=ready');
    expect(listed.body.data).toMatchObject({ total: 1, data: [{ id: job.id }] });
    expect((await does(job.id, 'resume')).body.data).toMatchObject({ status: 'running' });
    await untilStatus(job.id, 'completed');
    expect((await stage.call('DELETE', `/api/bulk-jobs/${job.id}`)).status).toBe(200);
    expect((await stage.call('GET', `/api/bulk-jobs/${job.id}`)).body).toMatchObject({ code: 'job_not_found' });
  });

  test('made again with its key is the same job, and another one with it is refused', async () => {
    const [to] = phones(1);
    const again = () =>
      stage.call('POST', '/api/bulk-jobs', { text: 'Hello', recipients: [to] }, { 'idempotency-key': 'k' });
    const { id } = (await again()).body.data as { id: number };
    await untilStatus(id, 'completed');
    expect((await again()).body.data).toMatchObject({ id, status: 'completed' });
    const other = { text: 'Another', recipients: [to] };
    expect((await stage.call('POST', '/api/bulk-jobs', other, { 'idempotency-key': 'k' })).body).toMatchObject({
      code: 'idempotency_mismatch',
    });
    expect(texts(to!)).toEqual(['Hello']);
  });
});

describe('before anything is sent', () => {
  test('everybody who will not be written to is reported, with the reason', async () => {
    const [one, two, three] = phones(3);
    await stage.call('POST', '/api/opt-outs', { to: `+${three}` });
    const { job } = await create(
      [
        { to: `+${one}`, variables: { name: 'One' } },
        { to: `${one!.slice(0, 1)} (${one!.slice(1, 4)}) ${one!.slice(4)}`, variables: { name: 'Once more' } },
        { to: 'nobody', variables: { name: 'None' } },
        { to: '+4915', variables: { name: 'Short' } },
        { to: `+${two}`, variables: { name: ' ' } },
        { to: `+${three}`, variables: { name: 'Out' } },
      ],
      { text: 'Hello {{name}}', start: false },
    );
    expect(job.pending).toBe(1);
    const positions = Object.entries(job.skipped).map(([why, list]) => [why, list.map(({ position }) => position)]);
    expect(Object.fromEntries(positions)).toEqual({
      duplicates: [1],
      invalid: [2, 3],
      missing_variables: [4],
      opted_out: [5],
    });
    expect(job.skipped['missing_variables']![0]!.reason).toContain('name');
    expect(await recipients(job.id, 'status=skipped')).toHaveLength(5);
  });

  test('number and LID of one person are one recipient', async () => {
    await stage.send(FRIEND, 'so that the pair is known');
    const { lid } = stage.sandbox.phone(FRIEND);
    const { job } = await create([`+${FRIEND}`, lid], { start: false });
    expect(job.skipped['duplicates']).toMatchObject([{ position: 1, to: lid }]);
  });

  test('it can be tried without making a job', async () => {
    const [one] = phones(1);
    const { job } = await create([one, 'nobody'], { dry_run: true });
    expect(job).toMatchObject({ id: null, pending: 1, skipped: { invalid: [{ to: 'nobody' }] } });
    expect((await stage.call('GET', '/api/bulk-jobs')).body.data).toMatchObject({ total: 0 });
    expect(texts(one!)).toEqual([]);
  });

  test.each([
    ['nobody is left', { recipients: ['nobody'] }, 'recipients'],
    ['there are no recipients', { recipients: [] }, 'recipients'],
    ['there is no message', { text: undefined }, 'text'],
    ['a file cannot be fetched', { text: undefined, imageUrl: 'nonsense' }, 'imageUrl'],
  ])('it is refused when %s', async (_what, wrong, field) => {
    const { status, body } = await create([`+${FRIEND}`], wrong);
    expect([status, Object.keys(body['errors'] as object)]).toEqual([422, [field]]);
  });
});

describe('on its way', () => {
  test('a job pauses, goes on and is through, and each is written to once', async () => {
    const to = phones(UNDER_WAY + 2);
    await goOffline();
    const { job } = await create(to);
    await untilFull(job.id);
    expect((await stage.call('DELETE', `/api/bulk-jobs/${job.id}`)).body).toMatchObject({ code: 'conflict' });
    expect((await does(job.id, 'pause')).body.data).toMatchObject({
      status: 'paused',
      reason: { code: 'paused', resumes_at: null },
      counts: { pending: 2, queued: UNDER_WAY },
      estimated_end: null,
    });
    await goOnline();
    await stage.untilTrue(() => to.slice(0, UNDER_WAY).every((phone) => texts(phone).length === 1));
    await stage.sandbox.idle();
    expect(to.slice(UNDER_WAY).flatMap(texts)).toEqual([]);
    await does(job.id, 'resume');
    const events = await untilStatus(job.id, 'completed');
    expect(statusesOf(events, job.id)).toEqual(['running', 'paused', 'running', 'completed']);
    expect(to.map(texts)).toEqual(to.map(() => ['Hello']));
    expect((await does(job.id, 'pause')).body).toMatchObject({ code: 'conflict' });
  });

  test('a job that is cancelled takes back what has not left', async () => {
    const to = phones(UNDER_WAY + 2);
    await goOffline();
    const { job } = await create(to);
    await untilFull(job.id);
    expect((await does(job.id, 'cancel')).body.data).toMatchObject({
      status: 'cancelled',
      counts: { cancelled: UNDER_WAY + 2, queued: 0, pending: 0 },
    });
    await goOnline();
    await stage.send(FRIEND, 'behind it in the queue');
    expect(to.flatMap(texts)).toEqual([]);
    expect((await does(job.id, 'resume')).body).toMatchObject({ code: 'conflict' });
  });

  test('who opts out meanwhile is not written to', async () => {
    const to = phones(UNDER_WAY + 2);
    await goOffline();
    const { job } = await create(to);
    await untilFull(job.id);
    const last = to.at(-1)!;
    await stage.call('POST', '/api/opt-outs', { to: last });
    await goOnline();
    await untilStatus(job.id, 'completed');
    expect(texts(last)).toEqual([]);
    expect(await recipients(job.id, 'status=skipped')).toMatchObject([{ to: last, skipped: 'opted_out' }]);
    expect((await progress(job.id)).counts).toMatchObject({ skipped: 1, failed: 0, pending: 0 });
  });

  test('a session that is disconnected pauses its job, and takes it up when it is connected again', async () => {
    const to = phones(UNDER_WAY + 2);
    await goOffline();
    const { job } = await create(to);
    await untilFull(job.id);
    await stage.call('POST', '/api/whatsapp-sessions/1/disconnect');
    await untilStatus(job.id, 'paused');
    await goOnline();
    const events = await untilStatus(job.id, 'completed');
    expect(statusesOf(events, job.id)).toEqual(['running', 'paused', 'running', 'completed']);
    expect(to.map(texts)).toEqual(to.map(() => ['Hello']));
  });

  test('a job of a session that is not connected waits for it', async () => {
    const [to] = phones(1);
    await stage.call('POST', '/api/whatsapp-sessions/1/disconnect');
    const { job } = await create([to]);
    await untilStatus(job.id, 'paused');
    expect(await progress(job.id)).toMatchObject({ reason: { code: 'session_not_connected', resumes_at: null } });
    await stage.call('POST', '/api/whatsapp-sessions/1/connect');
    const events = await untilStatus(job.id, 'completed');
    expect(statusesOf(events, job.id)).toEqual(['running', 'paused', 'running', 'completed']);
    expect(texts(to!)).toEqual(['Hello']);
  });

  test('a job whose session may write to no more strangers today goes on when it may', async () => {
    const to = phones(3);
    await stage.call('PUT', '/api/whatsapp-sessions/1', { budgets: { new_chats: { per_minute: 100, per_day: 2 } } });
    const { job } = await create(to);
    await untilStatus(job.id, 'paused');
    const { reason, counts } = await progress(job.id);
    expect(reason).toMatchObject({ code: 'budget_exhausted' });
    expect(counts).toMatchObject({ pending: 1, failed: 0 });
    clock.advance(new Date(reason!.resumes_at!).getTime() - clock.now());
    const events = await untilStatus(job.id, 'completed');
    expect(statusesOf(events, job.id)).toEqual(['running', 'paused', 'running', 'completed']);
    expect(to.map(texts)).toEqual(to.map(() => ['Hello']));
  });

  test('a job whose account WhatsApp restricts waits until it no longer does', async () => {
    const to = phones(2);
    stage.sandbox.addFault({ fault: 'restrict-account', phone: OWN, seconds: 3600 });
    await stage.until((events) => events.some(({ event }) => event === 'account.restricted'));
    const { job } = await create(to);
    await untilStatus(job.id, 'paused');
    expect(await progress(job.id)).toMatchObject({
      reason: { code: 'session_restricted', resumes_at: expect.any(String) },
      counts: { pending: 2, failed: 0 },
    });
    stage.sandbox.removeFaults();
    await untilStatus(job.id, 'completed');
    expect(to.map(texts)).toEqual(to.map(() => ['Hello']));
  });

  test('an engine that is started again goes on, and writes to nobody twice', async () => {
    const to = phones(UNDER_WAY + 2);
    await goOffline();
    const { job } = await create(to);
    await untilFull(job.id);
    await stage.engine.stop();
    await stage.startSandbox();
    await stage.startEngine();
    await untilStatus(job.id, 'completed');
    await stage.sandbox.idle();
    expect(to.map(texts)).toEqual(to.map(() => ['Hello']));
  });
});

describe('people who have opted out', () => {
  test('are listed, added and taken off, by either address', async () => {
    await stage.send(FRIEND, 'so that the pair is known');
    const { lid } = stage.sandbox.phone(FRIEND);
    const added = await stage.call('POST', '/api/opt-outs', { to: lid });
    expect(added).toMatchObject({ status: 201, body: { data: { lid, phone: FRIEND, source: 'api' } } });
    expect((await stage.call('GET', '/api/opt-outs')).body.data).toMatchObject({ total: 1, data: [{ lid }] });
    expect((await stage.call('DELETE', `/api/opt-outs/${FRIEND}`)).status).toBe(200);
    expect((await stage.call('DELETE', `/api/opt-outs/${FRIEND}`)).body).toMatchObject({ code: 'not_found' });
    const group = await stage.call('POST', '/api/opt-outs', { to: '120363025246125486@g.us' });
    expect(group.body).toMatchObject({ code: 'validation_failed' });
  });

  test('have said so themselves, in a word of the session', async () => {
    await stage.call('PUT', '/api/whatsapp-sessions/1', { opt_out_words: ['STOP'] });
    await stage.sandbox.send(FRIEND, { to: OWN, text: 'please stop calling me Bob' });
    await stage.sandbox.send(FRIEND, { to: OWN, text: 'Stop!' });
    await stage.until((events) => events.filter(({ event }) => event === 'messages.received').length === 2);
    const { lid } = stage.sandbox.phone(FRIEND);
    expect((await stage.call('GET', '/api/opt-outs')).body.data).toMatchObject({
      total: 1,
      data: [{ lid, phone: FRIEND, source: 'word' }],
    });
    const { job } = await create([`+${FRIEND}`, ...phones(1)], { start: false });
    expect(job.skipped['opted_out']).toMatchObject([{ position: 0 }]);
  });
});

describe('POST /api/send-bulk', () => {
  const sendBulk = (body: Record<string, unknown>, headers = {}) => stage.call('POST', '/api/send-bulk', body, headers);

  test('answers as Sendmako documents it, with half a second between two messages', async () => {
    const to = phones(3);
    const answer = sendBulk({ recipients: to, type: 'text', text: 'Hello everyone!' });
    for (const [n, phone] of to.entries()) {
      await stage.untilTrue(() => texts(phone).length === 1);
      expect(to.slice(n + 1).flatMap(texts)).toEqual([]);
      clock.advance(500);
    }
    const { status, body } = await answer;
    expect(status).toBe(200);
    expect(body).toMatchObject({
      success: true,
      summary: { total: 3, sent: 3, failed: 0, pending: 0 },
      results: to.map((one) => ({ to: one, success: true })),
    });
  });

  test('reports those who were not written to', async () => {
    const [to] = phones(1);
    const { body } = await sendBulk({ recipients: [to, 'nobody'], text: 'Hello' });
    expect(body).toMatchObject({
      summary: { total: 2, sent: 1, failed: 1 },
      results: [{ success: true }, { to: 'nobody', success: false, error: expect.any(String) }],
    });
  });

  test('sends nothing twice for one Idempotency-Key', async () => {
    const [to] = phones(1);
    const again = () => sendBulk({ recipients: [to], text: 'Hello' }, { 'idempotency-key': 'k' });
    const first = await again();
    expect((await again()).body).toEqual(first.body);
    expect(texts(to!)).toEqual(['Hello']);
  });

  test('says after four minutes what is not known yet, and the job goes on', async () => {
    const [to] = phones(1);
    await goOffline();
    const startedAt = clock.now();
    const answer = sendBulk({ recipients: [to], text: 'Hello' });
    const { body } = await clock.until(answer);
    const took = clock.now() - startedAt;
    expect(took).toBeGreaterThanOrEqual(4 * 60_000);
    // While the answer was on its way, the session may have looked for WhatsApp once more.
    expect(took).toBeLessThan(10 * 60_000);
    expect(body).toMatchObject({ summary: { sent: 0, pending: 1 }, results: [{ to, success: null }] });
    await goOnline();
    await untilStatus(Number(body['job']), 'completed');
    expect(texts(to!)).toEqual(['Hello']);
  });

  test.each([
    ['more than 100 recipients', { recipients: numbers(101), text: 'Hello' }, 'recipients'],
    ['a type whose content is missing', { recipients: [FRIEND], type: 'image', text: 'Hello' }, 'imageUrl'],
    ['half a place', { recipients: [FRIEND], type: 'location', latitude: 14.7, text: 'Hello' }, 'longitude'],
  ])('refuses %s', async (_what, body, field) => {
    const answer = await sendBulk(body);
    expect([answer.status, Object.keys(answer.body['errors'] as object)]).toEqual([422, [field]]);
  });

  test('takes Sendmako’s names of fields', async () => {
    const body = { recipients: [FRIEND], type: 'image', imageUrl: `data:image/png;base64,${PNG}`, caption: 'Look' };
    expect((await sendBulk(body)).body).toMatchObject({ summary: { sent: 1 } });
    const place = { recipients: [FRIEND], type: 'location', latitude: 14.6928, longitude: -17.4467 };
    expect((await sendBulk(place)).body).toMatchObject({ summary: { sent: 1 } });
    await stage.untilTrue(() => stage.sandbox.messages(FRIEND).length === 2);
    expect(stage.sandbox.messages(FRIEND)).toMatchObject([{ type: 'image' }, { type: 'location' }]);
  });
});

/** One pixel. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
