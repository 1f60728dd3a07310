import { request, type ClientRequest } from 'node:http';
import { TestClock } from '../engine/clock.ts';
import { FRIEND, OWN, Stage, TOKEN, type Answer } from './stage.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const SETTINGS = '/api/whatsapp-sessions/1';

let stage: Stage;
let group: string;
const clock = new TestClock();
beforeAll(async () => {
  stage = await Stage.open({ clock, config: { limits: 'documented' } });
  group = stage.sandbox.groups.create({ creator: OWN, subject: 'Team', participants: [FRIEND] }).jid;
});
afterAll(() => stage?.close());
// Whatever a test has counted is over for the next one.
beforeEach(async () => {
  clock.advance(DAY_MS);
  await set({ limits: null, account_protection: false });
});

const get = (path: string) => stage.call('GET', path);
const send = (more: Record<string, unknown> = {}) =>
  stage.call('POST', '/api/send-message', { to: FRIEND, text: 'hi', ...more });
async function set(settings: Record<string, unknown>): Promise<Answer> {
  return stage.call('PUT', SETTINGS, settings);
}

/** Limit, what remains, and in how many seconds of the clock the window is over. */
function headersOf({ headers }: Answer): number[] {
  const [limit, remaining, reset] = ['Limit', 'Remaining', 'Reset'].map((name) => headers.get(`x-ratelimit-${name}`));
  return [Number(limit), Number(remaining), Number(reset) - clock.now() / 1000];
}
const NO_HEADERS = [0, 0, -1];
const shown = (answer: Answer) => {
  const [limit, remaining, reset] = headersOf(answer);
  return limit === 0 ? NO_HEADERS : [limit, remaining, reset];
};

/** So many were asked before. */
const counted = (name: string, seconds: number, amount: number) =>
  stage.engine.store.counters.take('session:1', name, [{ seconds, limit: 1_000_000 }], { now: clock.now(), amount });

async function requests(): Promise<Record<string, Record<string, { used: number; limit: number } | null>>> {
  const { body } = await get(`${SETTINGS}/limits`);
  return (body.data as { requests: Record<string, Record<string, { used: number; limit: number }>> }).requests;
}

async function anotherSession(): Promise<{ id: number; api_key: string }> {
  const { body } = await stage.call('POST', '/api/whatsapp-sessions', { name: 'Second', phone_number: '+15550100099' });
  return body.data as { id: number; api_key: string };
}

const ENDPOINTS: Record<string, () => Promise<Answer>> = {
  message_send: () => send(),
  group_metadata: () => get(`/api/groups/${group}/metadata`),
  contact_picture: () => get(`/api/contacts/${FRIEND}/picture`),
  number_check: () => get(`/api/on-whatsapp/+${FRIEND}`),
  'session.getStatus': () => get('/api/status'),
};

describe('the documented limit of a minute', () => {
  test.each([
    ['message_send', 256],
    ['group_metadata', 10],
    ['contact_picture', 60],
    ['number_check', 60],
    ['session.getStatus', 256],
  ])('%s: %i', async (name, limit) => {
    const ask = ENDPOINTS[name]!;
    expect((await ask()).status).toBe(200);
    // The rest but one as if asked, so that nobody waits for hundreds of messages.
    await counted(name, 60, limit - 2);
    const last = await ask();
    expect([last.status, shown(last)]).toEqual([200, [limit, 0, 60]]);
    const refused = await ask();
    expect(refused.body).toEqual({
      success: false,
      code: 'rate_limited',
      message: `Too many requests: ${name} allows ${limit} a minute.`,
      error: `Too many requests: ${name} allows ${limit} a minute.`,
      retry_after: 60,
      details: { limit: name, requests: limit, seconds: 60 },
    });
    expect([refused.status, refused.headers.get('retry-after'), shown(refused)]).toEqual([429, '60', [limit, 0, 60]]);
    clock.advance(MINUTE_MS - 1);
    expect((await ask()).body['retry_after']).toBe(1);
    clock.advance(1);
    expect((await ask()).status).toBe(200);
  });
});

describe('the documented limit of a day', () => {
  test.each([
    ['group_metadata', 500],
    ['contact_picture', 1000],
    ['number_check', 1000],
  ])('%s: %i', async (name, limit) => {
    const ask = ENDPOINTS[name]!;
    expect((await ask()).status).toBe(200);
    await counted(name, 86_400, limit - 2);
    clock.advance(MINUTE_MS);
    const last = await ask();
    expect([last.status, shown(last)]).toEqual([200, [limit, 0, 86_340]]);
    clock.advance(MINUTE_MS);
    const refused = await ask();
    expect([refused.status, refused.body['retry_after'], shown(refused)]).toEqual([429, 86_280, [limit, 0, 86_280]]);
    clock.advance(DAY_MS - 2 * MINUTE_MS);
    expect((await ask()).status).toBe(200);
  });

  test('the headers show the window that has the least left', async () => {
    await counted('group_metadata', 86_400, 494);
    expect(shown(await ENDPOINTS['group_metadata']!())).toEqual([500, 5, 86_400]);
    clock.advance(DAY_MS);
    expect(shown(await ENDPOINTS['group_metadata']!())).toEqual([10, 9, 60]);
  });
});

test('metadata and participants of groups are one limit, whichever group it is', async () => {
  const other = stage.sandbox.groups.create({ creator: OWN, subject: 'Other', participants: [FRIEND] }).jid;
  for (const [n, jid] of [group, other].entries()) {
    expect(shown(await get(`/api/groups/${jid}/metadata`))).toEqual([10, 9 - 2 * n, 60]);
    expect(shown(await get(`/api/groups/${jid}/participants`))).toEqual([10, 8 - 2 * n, 60]);
  }
});

test('other endpoints are counted each for itself', async () => {
  expect(shown(await get('/api/status'))).toEqual([256, 255, 60]);
  expect(shown(await get('/api/user'))).toEqual([256, 255, 60]);
  expect(shown(await get('/api/status'))).toEqual([256, 254, 60]);
});

test('sessions are counted each for itself, and what belongs to none for the account', async () => {
  const { id, api_key: key } = await anotherSession();
  await get('/api/status');
  const own = (headers: Record<string, string>) => stage.call('GET', '/api/status', undefined, headers);
  const named = { 'x-warbler-session': String(id) };
  expect(shown(await own({ ...named, authorization: `Bearer ${key}` }))).toEqual([256, 255, 60]);
  // The same session by token.
  expect(shown(await own(named))).toEqual([256, 254, 60]);
  expect(shown(await get('/api/whatsapp-sessions'))).toEqual([256, 255, 60]);
});

describe('account protection', () => {
  const PROTECTED =
    'You have account protection enabled. You can only send 1 message every 5 seconds. Check our API docs: https://github.com/warbler-wa/n8n-nodes-warbler#limits';
  beforeEach(() => set({ account_protection: true }));

  test('lets one message through in five seconds, whatever the minute allows', async () => {
    await counted('message_send', 60, 256);
    const first = await send();
    expect([first.status, shown(first)]).toEqual([200, [1, 0, 5]]);
    const second = await send();
    expect([second.status, shown(second), second.headers.get('retry-after')]).toEqual([429, [1, 0, 5], '5']);
    expect(second.body).toMatchObject({ success: false, message: PROTECTED, retry_after: 5 });
    clock.advance(4999);
    expect((await send()).body).toMatchObject({ message: PROTECTED, retry_after: 1 });
    clock.advance(1);
    expect((await send()).status).toBe(200);
  });

  test('holds whatever other limits the session has', async () => {
    await set({ limits: { message_send: { per_minute: null } } });
    expect([(await send()).status, (await send()).status]).toEqual([200, 429]);
  });

  test('takes one of several that come at once', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => send()));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 429, 429, 429, 429]);
  });

  test('counts a forwarded message, too', async () => {
    await set({ account_protection: false });
    const { msgId } = (await send({ wait: true })).body.data as { msgId: number };
    await set({ account_protection: true });
    expect((await stage.call('POST', `/api/messages/${msgId}/forward`, { to: FRIEND })).status).toBe(200);
    expect((await send()).status).toBe(429);
  });

  test.each([
    ['that is not valid', { text: '' }, 422],
    ['to nobody', { to: 'nobody' }, 422],
    ['with a file that is not there', { text: undefined, imageUrl: 'http://127.0.0.1:9/x.png' }, 422],
    ['that replies to nothing', { replyTo: '999999' }, 422],
  ])('a message %s uses nothing up', async (_which, body, status) => {
    const refused = await send(body);
    expect([refused.status, shown(refused)]).toEqual([status, [1, 1, 5]]);
    expect((await send()).status).toBe(200);
  });
});

test('what the engine itself refuses counts nowhere, and what WhatsApp was asked for does', async () => {
  const invalid = await get('/api/on-whatsapp/x');
  expect([invalid.status, shown(invalid)]).toEqual([422, [60, 60, 60]]);
  const session = String((await anotherSession()).id);
  const unconnected = await stage.call('GET', '/api/groups', undefined, { 'x-warbler-session': session });
  expect([unconnected.status, shown(unconnected)]).toEqual([409, [256, 256, 60]]);
  const unknown = await get('/api/groups/120363000000000000@g.us/metadata');
  expect(unknown.status).toBeGreaterThanOrEqual(400);
  expect(shown(unknown)).toEqual([10, 9, 60]);
});

describe('every answer to somebody who was let in carries the headers', () => {
  const webhook = { url: 'http://127.0.0.1:9/hook', events: ['*'] };
  test.each<[number, string, () => Promise<Answer>]>([
    [200, 'a success', () => get('/api/status')],
    [201, 'what was made', () => stage.call('POST', `${SETTINGS}/webhooks`, webhook)],
    [204, 'no content', async () => stage.call('DELETE', `/api/whatsapp-sessions/${(await anotherSession()).id}`)],
    [
      400,
      'a header that cannot be',
      () => stage.call('POST', '/api/send-message', undefined, { 'idempotency-key': ' ü' }),
    ],
    [404, 'what is not there', () => get('/api/messages/999999/info')],
    [409, 'the wrong moment', () => stage.call('POST', `${SETTINGS}/pairing-code`, {})],
    [422, 'what is not valid', () => send({ to: '' })],
  ])('%i: %s', async (status, _what, ask) => {
    const answer = await ask();
    expect(answer.status).toBe(status);
    expect(headersOf(answer)).toEqual([expect.any(Number), expect.any(Number), 60]);
  });

  test('and one to a stranger, or to a health probe, does not', async () => {
    const stranger = await stage.call('GET', '/api/status', undefined, { authorization: 'Bearer nobody' });
    for (const answer of [stranger, await get('/healthz')]) expect(answer.headers.get('x-ratelimit-limit')).toBeNull();
  });
});

describe('limits that a session sets', () => {
  test('hold to the end, by the minute and by the day', async () => {
    await set({ limits: { number_check: { per_minute: 2, per_day: 3 } } });
    const statuses = async (count: number) => {
      const answers: number[] = [];
      for (let n = 0; n < count; n += 1) answers.push((await ENDPOINTS['number_check']!()).status);
      return answers;
    };
    expect(await statuses(3)).toEqual([200, 200, 429]);
    clock.advance(MINUTE_MS);
    expect(await statuses(2)).toEqual([200, 429]);
    expect((await ENDPOINTS['number_check']!()).body['retry_after']).toBe(DAY_MS / 1000 - 60);
    for (let minute = 2; minute < 24 * 60; minute += 1) {
      clock.advance(MINUTE_MS);
      if (minute % 120 === 0) expect(await statuses(1)).toEqual([429]);
    }
    clock.advance(MINUTE_MS);
    expect(await statuses(3)).toEqual([200, 200, 429]);
  });

  test('are for one endpoint, or for all that have no name, and null is no limit', async () => {
    await set({
      limits: {
        endpoints: { 'session.getStatus': { per_minute: 1 } },
        other: { per_minute: 2 },
        group_metadata: { per_minute: null, per_day: null },
      },
    });
    expect(shown(await get('/api/status'))).toEqual([1, 0, 60]);
    expect((await get('/api/status')).status).toBe(429);
    expect(shown(await get('/api/user'))).toEqual([2, 1, 60]);
    expect(shown(await ENDPOINTS['group_metadata']!())).toEqual(NO_HEADERS);
    // What it does not name stays as it is.
    expect(shown(await ENDPOINTS['number_check']!())).toEqual([60, 59, 60]);
  });

  test('replace as a whole what was set, and stay when something else is changed', async () => {
    await set({ limits: { message_send: { per_minute: 5 }, concurrent: 7 } });
    await set({ limits: { number_check: { per_day: 5 } } });
    const { body } = await set({ name: 'Renamed' });
    expect((body.data as { limits: unknown }).limits).toEqual({ number_check: { per_day: 5 } });
    expect(shown(await send())).toEqual([256, 255, 60]);
    expect(await requests()).toMatchObject({
      number_check: { per_minute: { limit: 60 }, per_day: { limit: 5 } },
      concurrent: { limit: 128 },
    });
  });

  test('may be lower than what is counted already', async () => {
    await get('/api/user');
    await get('/api/user');
    await set({ limits: { other: { per_minute: 1 } } });
    const refused = await get('/api/user');
    expect([refused.status, shown(refused)]).toEqual([429, [1, 0, 60]]);
  });

  test.each<[unknown, string, string]>([
    [
      { send: { per_minute: 1 } },
      'limits',
      'The limits field is not valid: it knows no send, only message_send, group_metadata, contact_picture, number_check, other, endpoints and concurrent.',
    ],
    [
      { message_send: { per_hour: 1 } },
      'limits.message_send',
      'The limits.message_send field is not valid: it knows no per_hour, only per_minute and per_day.',
    ],
    [
      { endpoints: { 'message.send': { per_minute: 1 } } },
      'limits',
      'The limits.endpoints field knows no message.send, only',
    ],
    [
      { endpoints: { constructor: { per_minute: 1 } } },
      'limits',
      'The limits.endpoints field knows no constructor, only',
    ],
    [{ message_send: { per_minute: 0 } }, 'limits.message_send.per_minute', 'The limits.message_send.per_minute field'],
    [{ concurrent: '5' }, 'limits.concurrent', 'The limits.concurrent field must be a number.'],
    ['off', 'limits', 'The limits field must be an object.'],
  ])('%j is refused, with the names there are', async (limits, field, words) => {
    const { status, body } = await set({ limits });
    expect([status, Object.keys(body['errors'] as object)]).toEqual([422, [field]]);
    expect((body['errors'] as Record<string, string[]>)[field]![0]).toContain(words);
  });
});

test('what applies and what is left can be read', async () => {
  await send();
  await get('/api/user');
  const resets_at = new Date(clock.now() + MINUTE_MS).toISOString();
  const untouched = { used: 0, resets_at: null };
  expect(await requests()).toEqual({
    message_send: {
      per_minute: { limit: 256, used: 1, remaining: 255, resets_at },
      per_day: null,
      protection: null,
    },
    group_metadata: {
      per_minute: { limit: 10, remaining: 10, ...untouched },
      per_day: { limit: 500, remaining: 500, ...untouched },
    },
    contact_picture: {
      per_minute: { limit: 60, remaining: 60, ...untouched },
      per_day: { limit: 1000, remaining: 1000, ...untouched },
    },
    number_check: {
      per_minute: { limit: 60, remaining: 60, ...untouched },
      per_day: { limit: 1000, remaining: 1000, ...untouched },
    },
    other: { per_minute: 256, per_day: null },
    endpoints: {
      'session.user': { per_minute: { limit: 256, used: 1, remaining: 255, resets_at }, per_day: null },
      'session.limits': { per_minute: { limit: 256, used: 1, remaining: 255, resets_at }, per_day: null },
    },
    concurrent: { limit: 128, used: 1, remaining: 127 },
  });
  await set({ account_protection: true });
  await send();
  expect((await requests())['message_send']).toEqual({
    per_minute: null,
    per_day: null,
    protection: { limit: 1, used: 1, remaining: 0, resets_at: new Date(clock.now() + 5000).toISOString() },
  });
});

test('counters survive a restart', async () => {
  for (let n = 0; n < 10; n += 1) expect((await ENDPOINTS['group_metadata']!()).status).toBe(200);
  await set({ account_protection: true });
  await send();
  await stage.engine.stop();
  await stage.startEngine();
  expect((await ENDPOINTS['group_metadata']!()).body['retry_after']).toBe(60);
  expect((await send()).body['retry_after']).toBe(5);
});

describe('requests of a session at once', () => {
  /** A request whose body never ends, so that it stays under way. */
  function hold(): ClientRequest {
    const open = request(`${stage.engine.url}/api/send-message`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${TOKEN}`,
        'x-warbler-session': '1',
        'content-type': 'application/json',
        'content-length': '100',
      },
    });
    open.on('error', () => {});
    open.write('{');
    return open;
  }
  const used = async () => (await requests())['concurrent'] as unknown as { used: number };
  async function untilUsed(count: number): Promise<void> {
    while ((await used()).used !== count) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const ended = (held: ClientRequest) => {
    held.destroy();
  };

  test('over their cap they are refused at once, for a second', async () => {
    await set({ limits: { concurrent: 3, other: { per_minute: null } } });
    const held = [hold(), hold()];
    await untilUsed(3);
    held.push(hold());
    let refused = await get('/api/user');
    while (refused.status === 200) refused = await get('/api/user');
    expect(refused.body).toMatchObject({
      code: 'rate_limited',
      message: 'Too many requests at once: 3 of this session are under way.',
      retry_after: 1,
      details: { limit: 'concurrent', requests: 3 },
    });
    // What broke off is no longer under way.
    held.forEach(ended);
    await stage.untilStatus(({ status }) => status === 'connected');
    while ((await get('/api/user')).status === 429) await new Promise((resolve) => setTimeout(resolve, 5));
    await untilUsed(1);
  });

  test('an upload that breaks off before its file does not stay under way', async () => {
    const open = request(`${stage.engine.url}/api/upload`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${TOKEN}`,
        'x-warbler-session': '1',
        'content-type': 'multipart/form-data; boundary=x',
        'content-length': '1000',
      },
    });
    open.on('error', () => {});
    open.write('--x\r\n');
    await set({ limits: { other: { per_minute: null } } });
    await untilUsed(2);
    open.destroy();
    await untilUsed(1);
  });

  test('as many as n8n makes for a hundred items fit in', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => get('/api/user')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });
});
