import fc from 'fast-check';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../engine/clock.ts';
import { NETWORKS } from '../../engine/config.ts';
import { Approvals } from '../../engine/operations/approvals.ts';
import { Jobs } from '../../engine/jobs/jobs.ts';
import { Inquiries } from '../../engine/jobs/inquiries.ts';
import { Schedule } from '../../engine/jobs/schedule.ts';
import { Media } from '../../engine/media/media.ts';
import type { SessionRecord } from '../../engine/model.ts';
import { hashToken } from '../../engine/operations/access.ts';
import { Metrics } from '../../engine/metrics/metrics.ts';
import { Door } from '../../engine/operations/door.ts';
import { operations } from '../../engine/operations/index.ts';
import { Limits } from '../../engine/operations/limits.ts';
import type { Engine } from '../../engine/operations/operation.ts';
import { Seal } from '../../engine/store/seal.ts';
import { openSqliteStore } from '../../engine/store/sqlite/index.ts';
import type { Store } from '../../engine/store/store.ts';
import { httpSurface } from '../../engine/surfaces/http.ts';
import { Sessions } from '../../engine/whatsapp/sessions.ts';
import { documented } from './documented.ts';
import { aSession, anEvent, SECRET, silent, someKeys } from './fixtures.ts';

const TOKEN = 'wblr_a-personal-access-token-for-tests';

type Json = Record<string, unknown>;
interface Answer {
  status: number;
  headers: Headers;
  /** The body as JSON; its text when it is none. */
  body: Json;
  bytes: Buffer;
}

let store: Store;
let sessions: Sessions;
let server: Server;
let url: string;
let session: SessionRecord;
let waiting: string | undefined;
let media: Media;
const folder = mkdtempSync(join(tmpdir(), 'warbler-http-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const woken: string[] = [];

beforeEach(async () => {
  store = openSqliteStore(undefined, new Seal(Buffer.alloc(32, 7)));
  await store.tokens.put('test', hashToken(TOKEN));
  media = new Media({ folder, store, networks: ['loopback'], publicUrl: () => url, log: silent });
  await media.start();
  // No test here connects, and were one to try, nobody would answer.
  sessions = new Sessions(
    store,
    {
      url: 'ws://127.0.0.1:9/ws/chat',
      version: [2, 3000, 1],
      browser: ['a', 'b'],
      proxyNetworks: [],
      plain: undefined,
    },
    silent,
    media,
    { clock: systemClock, pace: 'off' },
  );
  const schedule = new Schedule({ store, sessions, clock: systemClock, log: silent });
  const engine: Engine = {
    store,
    sessions,
    approvals: new Approvals(store, systemClock),
    door: new Door({ store, clock: systemClock, log: silent }),
    jobs: new Jobs({ store, sessions, clock: systemClock, log: silent }),
    wakeSubscription: async (id) => void woken.push(id),
    postSample: () => {},
    webhookNetworks: NETWORKS,
    proxies: { networks: ['loopback'], setting: 'WARBLER_PROXY_NETWORKS' },
    media,
    schedule,
    inquiries: new Inquiries({ store, sessions, schedule, clock: systemClock, log: silent }),
    clock: systemClock,
    metrics: new Metrics({ store, clock: systemClock, version: '0.0.0-test' }),
    limits: new Limits({ store, clock: systemClock, operations, documented: false }),
    version: '0.0.0-test',
    url: () => url,
    notReady: () => waiting,
  };
  server = createServer(httpSurface({ engine, log: silent }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  session = await newSession();
  waiting = undefined;
  woken.length = 0;
});
afterEach(async () => {
  sessions.stop();
  await media.stop();
  server.close();
  server.closeAllConnections();
  await store.close();
});

async function newSession(settings: Parameters<typeof aSession>[0] = {}): Promise<SessionRecord> {
  const record = await store.sessions.create(aSession(settings), someKeys());
  sessions.add(record);
  return record;
}

interface Asked {
  key?: string | null;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is. */
  raw?: string | Buffer;
}

/** `ask('GET /path')`, with the personal access token unless said otherwise. */
async function ask(what: string, { key = TOKEN, headers = {}, body, raw }: Asked = {}): Promise<Answer> {
  const [method, path] = what.split(' ', 2) as [string, string];
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(key !== null && { authorization: `Bearer ${key}` }),
      ...((body !== undefined || raw !== undefined) && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(raw !== undefined && { body: raw as string }),
    redirect: 'manual',
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString());
  } catch {
    json = { text: bytes.toString() };
  }
  documented(method, path, json as Json);
  return { status: response.status, headers: response.headers, body: json as Json, bytes };
}

const asked = async (what: string, about?: Asked) => {
  const { status, body } = await ask(what, about);
  return [status, body['message']];
};
const dataOf = ({ body }: Answer) => body['data'] as Json;
const own = (record = session) => `/api/whatsapp-sessions/${record.id}`;

test('without limits nothing is said of them', async () => {
  const { status, headers } = await ask('GET /api/status', { key: session.apiKey });
  expect([status, headers.get('x-ratelimit-limit')]).toEqual([200, null]);
});

describe('who is let in', () => {
  test.each<[string, Record<string, string>, string]>([
    ['nobody', {}, 'API key is required'],
    ['an empty key', { authorization: 'Bearer ' }, 'API key is required'],
    ['another scheme', { authorization: 'Basic abc' }, 'API key is required'],
    ['an unknown key', { authorization: 'Bearer abc' }, 'Invalid API key'],
    ['a key with something before it', { authorization: `x Bearer ${TOKEN}` }, 'API key is required'],
  ])('not %s', async (_who, headers, message) => {
    const { status, body, headers: answered } = await ask('GET /api/whatsapp-sessions', { key: null, headers });
    expect(status).toBe(401);
    expect(body).toEqual({ success: false, code: 'unauthorized', message, error: message });
    expect(answered.get('www-authenticate')).toBe('Bearer');
  });

  test('a personal access token, also in the other form that WasenderApi documents', async () => {
    for (const authorization of [`Bearer ${TOKEN}`, `bearer  ${TOKEN}`, `Bearer token ${TOKEN}`]) {
      const { status, body } = await ask('GET /api/auth-check', { key: null, headers: { authorization } });
      expect([status, body]).toEqual([200, { success: true, data: { engine: 'warbler', version: '0.0.0-test' } }]);
    }
  });

  test('anybody to ask whether the engine is alive and ready, and for its front page', async () => {
    expect(await ask('GET /healthz', { key: null })).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await ask('GET /readyz', { key: null })).toMatchObject({ status: 200, body: { status: 'ready' } });
    waiting = 'sessions are being restored';
    const { status, body, headers } = await ask('GET /readyz', { key: null });
    expect([status, body['message']]).toEqual([503, 'Not ready: sessions are being restored.']);
    expect(headers.get('retry-after')).toBe('1');
    expect((await ask('GET /', { key: null })).status).toBe(200);
  });

  test('a session’s key to its own session only, and to nothing of the account', async () => {
    const other = await newSession();
    const { apiKey: key } = session;
    expect((await ask(`GET ${own()}`, { key })).status).toBe(200);
    expect((await ask(`GET ${own(other)}`, { key })).status).toBe(403);
    expect((await ask(`GET ${own(other)}/webhooks`, { key })).status).toBe(403);
    expect((await ask('GET /api/whatsapp-sessions/999', { key })).status).toBe(403);
    for (const what of [
      'GET /api/whatsapp-sessions',
      'POST /api/whatsapp-sessions',
      `PUT ${own()}`,
      `DELETE ${own()}`,
    ]) {
      expect(await asked(what, { key })).toEqual([403, expect.stringContaining('Use a personal access token')]);
    }
    expect((await ask(`GET ${own()}`)).status).toBe(200);
  });

  test('a session’s key to its own session, which the header may name, and no other', async () => {
    const other = await newSession();
    const status = (id: number) =>
      asked('GET /api/status', { key: session.apiKey, headers: { 'x-warbler-session': String(id) } });
    expect((await status(session.id))[0]).toBe(200);
    for (const id of [other.id, 999]) {
      expect(await status(id)).toEqual([403, expect.stringContaining('belongs to another session')]);
    }
  });

  test('a personal access token to the session that X-Warbler-Session names', async () => {
    const status = (header?: string) =>
      asked('GET /api/status', { headers: header === undefined ? {} : { 'x-warbler-session': header } });
    expect((await status(String(session.id)))[0]).toBe(200);
    expect(await status()).toEqual([400, expect.stringContaining('X-Warbler-Session')]);
    for (const wrong of ['999', 'abc', '0', '-1', '1e0', '9'.repeat(400)]) expect((await status(wrong))[0]).toBe(404);
  });

  test('no deleted session’s key', async () => {
    await ask(`DELETE ${own()}`);
    expect(await asked('GET /api/status', { key: session.apiKey })).toEqual([401, 'Invalid API key']);
  });
});

describe('what cannot be answered', () => {
  test.each(['GET /nothing', 'POST /api/whatsapp-sessions/1/nothing', 'PATCH /api/status', 'DELETE /healthz'])(
    '%s is a 404 in JSON',
    async (what) => {
      const { status, body, headers } = await ask(what);
      expect(status).toBe(404);
      expect(headers.get('content-type')).toContain('application/json');
      expect(body).toMatchObject({ success: false, code: 'not_found', message: expect.stringContaining(what) });
    },
  );

  test.each(['%', '%ZZ', '%E0%A4%A', '..%2f..%2fetc', '%00', '1%00', "1'--", '1.0', '٣', '9'.repeat(40), '-1', '0x1'])(
    'a session called %s is refused',
    async (id) => {
      for (const what of [`GET /api/whatsapp-sessions/${id}`, `DELETE /api/whatsapp-sessions/${id}`]) {
        const { status, body } = await ask(what);
        expect([400, 404, 422]).toContain(status);
        expect(body).toMatchObject({ success: false, message: expect.any(String) });
      }
      expect(await store.sessions.get(session.id)).toBeDefined();
    },
  );

  test.each([
    ['broken JSON', '{"to": ', 400, 'The request body is not valid JSON.'],
    ['a word', '"hello"', 400, 'The request body is not valid JSON.'],
    ['a list', '[1, 2]', 400, 'The request body must be a JSON object.'],
  ])('a body that is %s', async (_what, raw, status, message) => {
    expect(await asked('POST /api/send-message', { key: session.apiKey, raw })).toEqual([status, message]);
  });

  test('a body that is too much', async () => {
    const raw = JSON.stringify({ name: 'x'.repeat(1_100_000) });
    expect(await asked('POST /api/whatsapp-sessions', { raw })).toEqual([413, 'The request body is over 1 MB.']);
  });

  test('a body in an encoding that nobody knows', async () => {
    const headers = { 'content-encoding': 'zstd-of-tomorrow' };
    expect((await ask('POST /api/send-message', { key: session.apiKey, raw: '{}', headers })).status).toBe(415);
    const charset = { 'content-type': 'application/json; charset=klingon' };
    expect((await ask('POST /api/send-message', { key: session.apiKey, raw: '{}', headers: charset })).status).toBe(
      415,
    );
    const gzip = { 'content-encoding': 'gzip' };
    expect((await ask('POST /api/send-message', { key: session.apiKey, raw: '{}', headers: gzip })).status).toBe(415);
  });

  test('an Idempotency-Key that cannot be one', async () => {
    for (const key of ['', 'with space', 'x'.repeat(201)]) {
      const about = { key: session.apiKey, body: { to: '1', text: 'a' }, headers: { 'idempotency-key': key } };
      expect(await asked('POST /api/send-message', about)).toEqual([400, expect.stringContaining('Idempotency-Key')]);
    }
  });
});

describe('wrong fields', () => {
  const errors = async (body: unknown) => {
    const { status, body: answer } = await ask('POST /api/send-message', { key: session.apiKey, body });
    expect(status).toBe(422);
    expect(answer).toMatchObject({ success: false, code: 'validation_failed', message: 'Validation failed' });
    return answer['errors'];
  };

  test('are told all at once, in WasenderApi’s words', async () => {
    const both = { to: ['The to field is required.'], text: ['The text field is required when no media is present.'] };
    expect(await errors({})).toEqual(both);
    expect(await errors({ to: '', text: '' })).toEqual(both);
    expect(await errors({ to: '+15550100002' })).toEqual({ text: both.text });
    expect(await errors({ text: 'Hello' })).toEqual({ to: both.to });
  });

  test('are said to be of the wrong kind when they are, not missing', async () => {
    expect(await errors({ to: 15550100002, text: ['Hello'], wait: 'yes', mentions: 'all', replyTo: {} })).toEqual({
      to: ['The to field must be a string.'],
      text: ['The text field must be a string.'],
      wait: ['The wait field must be a boolean.'],
      mentions: ['The mentions field must be an array.'],
      replyTo: [expect.stringContaining('The replyTo field is not valid')],
    });
    expect(await errors({ to: null, text: null })).toEqual({
      to: ['The to field must be a string.'],
      text: ['The text field is required when no media is present.'],
    });
    expect(await errors({ to: 'x', text: 'x', mentions: ['a', 7] })).toEqual({
      'mentions.1': ['The mentions.1 field must be a string.'],
    });
  });

  test('in a choice are told with what there is to choose from', async () => {
    const { body } = await ask(`POST ${own()}/webhooks`, { body: { url: 'http://a.test/', events: ['nonsense'] } });
    expect(body['errors']).toEqual({
      'events.0': [expect.stringMatching(/^The events\.0 field must be one of: messages\.received, /)],
    });
  });

  test('with names that JavaScript knows are ignored like any other unknown one', async () => {
    const raw =
      '{"constructor": 1, "__proto__": {"wait": true}, "toString": 2, "hasOwnProperty": 3, "to": "x", "text": "x"}';
    const { status, body } = await ask('POST /api/send-message?constructor=1&__proto__=2&toString=3', {
      key: session.apiKey,
      raw,
    });
    expect([status, body['errors']]).toEqual([422, { to: [expect.stringContaining('The to field must be')] }]);
  });
});

describe('sending', () => {
  test('without a connection is refused in WasenderApi’s words, and stores nothing', async () => {
    const body = { to: '+15550100002', text: 'Hello' };
    const message = 'Your Whatsapp Session is not connected please connect your session first.';
    const answer = await ask('POST /api/send-message', { key: session.apiKey, body });
    expect([answer.status, answer.body['message'], answer.body['error']]).toEqual([409, message, message]);
    expect(answer.body['details']).toEqual({ status: 'disconnected' });
    expect(await store.messages.queued(session.id, 9)).toEqual([]);
  });

  test('over a session that is on its way accepts the message, once per Idempotency-Key', async () => {
    await paired();
    const about = {
      key: session.apiKey,
      body: { to: '+1 555 010 0002', text: 'Hello' },
      headers: { 'idempotency-key': 'order-1' },
    };
    const first = await ask('POST /api/send-message', about);
    expect([first.status, first.body]).toEqual([
      200,
      {
        success: true,
        data: { msgId: expect.any(Number), jid: '+15550100002', status: 'in_progress', id: expect.any(String) },
      },
    ]);
    expect((await ask('POST /api/send-message', about)).body).toEqual(first.body);
    expect(await store.messages.queued(session.id, 9)).toHaveLength(1);
    const other = { ...about, body: { ...about.body, text: 'Bye' } };
    expect(await asked('POST /api/send-message', other)).toEqual([422, expect.stringContaining('another message')]);
  });

  test('takes a form and a query as well as JSON', async () => {
    await paired();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const form = { key: session.apiKey, raw: 'to=%2B15550100002&text=Hello&wait=false', headers };
    expect((await ask('POST /api/send-message', form)).status).toBe(200);
    const query = 'POST /api/send-message?to=15550100002&text=Hello&linkPreview=0&wait=0';
    expect((await ask(query, { key: session.apiKey })).status).toBe(200);
    expect((await store.messages.queued(session.id, 9)).map(({ request }) => request)).toEqual([
      { to: '+15550100002', text: 'Hello' },
      { to: '15550100002', text: 'Hello', linkPreview: false },
    ]);
  });

  /** A session with a login that is about to connect: what it accepts is sent later. */
  async function paired(): Promise<void> {
    const account = { jid: '15550100001:1@s.whatsapp.net', lid: null, name: null };
    await store.commit({ sessionId: session.id, session: { status: 'connecting', wanted: true, account } });
    sessions.add((await store.sessions.get(session.id))!);
  }
});

describe('sessions', () => {
  test('are created with defaults, in WasenderApi’s form', async () => {
    const { status, body } = await ask('POST /api/whatsapp-sessions', {
      body: { name: 'Business', phone_number: '+1234567890', account_protection: true, unknown: 'ignored' },
    });
    expect(status).toBe(201);
    expect(body).toEqual({
      success: true,
      data: {
        ...aSession({ name: 'Business', phone_number: '+1234567890', account_protection: true }),
        id: session.id + 1,
        status: 'disconnected',
        reason: null,
        last_seen_at: null,
        account: null,
        api_key: expect.stringMatching(/^[0-9a-f]{64}$/),
        webhook_secret: expect.stringMatching(/^[0-9a-f]{32}$/),
        created_at: expect.stringMatching(/^\d{4}-.*Z$/),
        updated_at: expect.stringMatching(/^\d{4}-.*Z$/),
      },
    });
    const created = body['data'] as Json;
    expect((await ask('GET /api/status', { key: String(created['api_key']) })).body).toEqual({
      status: 'disconnected',
    });
  });

  test('are listed without their keys, and shown one by one with them', async () => {
    const listed = (await ask('GET /api/whatsapp-sessions')).body['data'] as Json[];
    expect(listed).toHaveLength(1);
    expect(JSON.stringify(listed)).not.toContain(session.apiKey);
    expect(JSON.stringify(listed)).not.toContain(session.webhookSecret);
    const one = dataOf(await ask(`GET ${own()}`));
    expect(one).toEqual({ ...listed[0], api_key: session.apiKey, webhook_secret: session.webhookSecret });
  });

  test('keep every setting that an update does not name', async () => {
    const settings = aSession({
      account_protection: true,
      log_messages: false,
      webhook_url: 'http://127.0.0.1:9/',
      webhook_enabled: true,
      webhook_events: ['session.status'],
      read_incoming_messages: true,
      auto_reject_calls: true,
      ignore_groups: true,
      ignore_channels: true,
      ignore_broadcasts: true,
      always_online: true,
    });
    const record = await newSession(settings);
    for (const body of [{}, { name: 'Other' }, { unknown: true }]) {
      const { status } = await ask(`PUT ${own(record)}`, { body });
      expect(status).toBe(200);
    }
    expect((await store.sessions.get(record.id))?.settings).toEqual({ ...settings, name: 'Other' });
    await ask(`PUT ${own(record)}`, { body: { webhook_enabled: false, webhook_url: null, webhook_events: null } });
    expect((await store.sessions.get(record.id))?.settings).toMatchObject({
      webhook_enabled: false,
      webhook_url: null,
      webhook_events: null,
      always_online: true,
    });
  });

  test('wake their webhook when it is set, corrected, or waits for its receiver', async () => {
    const webhook = async () => (await store.subscriptions.list(session.id))[0]!;
    await ask(`PUT ${own()}`, { body: { webhook_url: 'http://127.0.0.1:9/a', webhook_enabled: true } });
    const { id } = await webhook();
    expect(woken).toEqual([id]);
    await store.subscriptions.park(id, 'gone');
    await ask(`PUT ${own()}`, { body: { webhook_url: 'http://127.0.0.1:9/b' } });
    expect(woken).toEqual([id, id]);
    expect(await webhook()).toMatchObject({ id, state: 'active', url: 'http://127.0.0.1:9/b' });
  });

  test.each<[Json, string]>([
    [{ webhook_url: 'http://169.254.169.254/' }, 'never allowed'],
    [{ webhook_url: 'http://user:pass@example.com/' }, 'user name or password'],
  ])('with the webhook %j are refused', async (body, message) => {
    expect(await asked(`PUT ${own()}`, { body })).toEqual([422, expect.stringContaining(message)]);
    expect(
      await asked('POST /api/whatsapp-sessions', { body: { name: 'a', phone_number: '+1234567', ...body } }),
    ).toEqual([422, expect.stringContaining(message)]);
  });

  test.each<[Json, string]>([
    [{ webhook_enabled: true }, 'webhook_url'],
    [{ webhook_url: 'file:///etc/passwd' }, 'webhook_url'],
    [{ phone_number: 'Robin' }, 'phone_number'],
    [{ name: '' }, 'name'],
    [{ name: null }, 'name'],
    [{ always_online: 'maybe' }, 'always_online'],
    [{ webhook_events: ['x'.repeat(61)] }, 'webhook_events'],
  ])('with %j are refused, and stay as they were', async (body, field) => {
    const { status, body: answer } = await ask(`PUT ${own()}`, { body });
    expect([status, Object.keys(answer['errors'] as Json)]).toEqual([422, [field]]);
    expect((await store.sessions.get(session.id))?.settings).toEqual(session.settings);
  });

  test('are named by the path, whatever query and body say', async () => {
    const other = await newSession({ name: 'Other' });
    const about = { body: { whatsappSession: other.id, name: 'Changed' } };
    const { body } = await ask(`PUT ${own()}?whatsappSession=${other.id}`, about);
    expect(body['data']).toMatchObject({ id: session.id, name: 'Changed' });
    expect((await store.sessions.get(other.id))?.settings.name).toBe('Other');
    await ask(`DELETE ${own()}?whatsappSession=${other.id}`, { body: { whatsappSession: other.id } });
    expect((await store.sessions.list()).map(({ id }) => id)).toEqual([other.id]);
  });

  test('are deleted with an empty answer, once', async () => {
    const { status, bytes } = await ask(`DELETE ${own()}`);
    expect([status, bytes.length]).toEqual([204, 0]);
    expect(await asked(`DELETE ${own()}`)).toEqual([404, expect.any(String)]);
    expect((await ask(`GET ${own()}`)).status).toBe(404);
  });

  test('get a new key, and the old one is worth nothing', async () => {
    const { status, body } = await ask(`POST ${own()}/regenerate-key`, { key: session.apiKey });
    expect([status, body]).toEqual([200, { success: true, api_key: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
    expect((await ask('GET /api/status', { key: session.apiKey })).status).toBe(401);
    expect((await ask('GET /api/status', { key: String(body['api_key']) })).status).toBe(200);
  });

  test('that are not connected cannot be restarted, and are disconnected already', async () => {
    expect(await asked(`POST ${own()}/restart`)).toEqual([409, 'WhatsApp session is not connected. Cannot restart.']);
    const { body } = await ask(`POST ${own()}/disconnect`);
    expect(body['data']).toEqual({ status: 'disconnected', message: 'WhatsApp session disconnected successfully' });
  });

  test('that do not exist are a 404 in WasenderApi’s words', async () => {
    const missing = '/api/whatsapp-sessions/999';
    for (const what of [`GET ${missing}`, `PUT ${missing}`, `POST ${missing}/connect`, `GET ${missing}/webhooks`]) {
      expect(await asked(what)).toEqual([404, 'The specified session was not found.']);
    }
  });
});

describe('the QR code', () => {
  const PNG = [0x89, 0x50, 0x4e, 0x47];
  const accept = (header: string) => ask(`GET ${own()}/qrcode`, { headers: { accept: header } });

  test('is refused in WasenderApi’s words when there is none, also to who wants a picture', async () => {
    for (const header of ['application/json', 'image/png']) {
      const { status, body } = await accept(header);
      expect([status, body['error']]).toEqual([
        409,
        expect.stringMatching(/^QR code scan requested for a session that is not/),
      ]);
    }
  });

  test('is text for programs and a picture for who asks for one', async () => {
    Object.defineProperty(sessions.get(session.id), 'qr', { value: '2@DTMUHeYfa9/RMXr8A2IP3/,abc,def' });
    for (const header of ['application/json', '*/*', 'text/html', 'application/json, image/png']) {
      const { status, body } = await accept(header);
      expect([status, body]).toEqual([200, { success: true, data: { qrCode: '2@DTMUHeYfa9/RMXr8A2IP3/,abc,def' } }]);
    }
    const { status, headers, bytes } = await accept('image/png, application/json;q=0.5');
    expect([status, headers.get('content-type')]).toEqual([200, 'image/png']);
    expect([...bytes.subarray(0, 4)]).toEqual(PNG);
  });
});

describe('webhooks', () => {
  const created = async (body: Json = {}) =>
    ask(`POST ${own()}/webhooks`, { body: { url: 'http://127.0.0.1:9/hook', events: ['*'], ...body } });

  test('are created with a secret that is shown just then', async () => {
    const { status, body } = await created();
    expect(status).toBe(201);
    const webhook = body['data'] as Json;
    expect(webhook).toEqual({
      id: expect.stringMatching(/^whk_/),
      session_id: session.id,
      filter: null,
      collect: null,
      markAsRead: false,
      url: 'http://127.0.0.1:9/hook',
      events: ['*'],
      format: 'standard',
      state: 'active',
      parked_reason: null,
      expires_at: null,
      created_at: expect.any(String),
      secret: expect.stringMatching(/^whsec_/),
    });
    const { secret, ...shown } = webhook;
    expect((await ask(`GET ${own()}/webhooks`)).body['data']).toEqual([shown]);
    expect((await ask(`GET ${own()}/webhooks/${String(shown['id'])}`)).body['data']).toEqual(shown);
    expect(woken).toEqual([shown['id']]);
    expect(secret).toBeDefined();
  });

  test('of the same URL are one', async () => {
    const first = dataOf(await created());
    const second = dataOf(await created({ events: ['session.status'], secret: SECRET, format: 'wasender' }));
    expect(second).toMatchObject({ id: first['id'], events: ['session.status'], secret: SECRET, format: 'wasender' });
  });

  test('may expire by themselves', async () => {
    const webhook = dataOf(await created({ expires_in: 60 }));
    expect(Date.parse(String(webhook['expires_at']))).toBeGreaterThan(Date.now());
  });

  test.each<[Json, string | undefined]>([
    [{ url: 'ftp://a.test/' }, undefined],
    [{ url: 'http://169.254.169.254/' }, undefined],
    [{ url: 'http://[::7f00:1]/' }, undefined],
    [{ url: `http://a.test/${'x'.repeat(2048)}` }, 'url'],
    [{ events: [] }, 'events'],
    [{ events: '*' }, 'events'],
    [{ secret: 'hunter2' }, 'secret'],
    [{ secret: 'whsec_AAAA' }, 'secret'],
    [{ format: 'xml' }, 'format'],
    [{ expires_in: 0 }, 'expires_in'],
  ])('with %j are refused', async (body, field) => {
    const answer = await created(body);
    expect(answer.status).toBe(422);
    expect(answer.body['errors'] && Object.keys(answer.body['errors'])).toEqual(field && [field]);
    expect(await store.subscriptions.list(session.id)).toEqual([]);
  });

  test('are deleted once; the session’s own only by its settings', async () => {
    const { id } = dataOf(await created());
    const { status, body } = await ask(`DELETE ${own()}/webhooks/${String(id)}`);
    expect([status, body]).toEqual([200, { success: true, message: 'Webhook deleted successfully.' }]);
    expect((await ask(`DELETE ${own()}/webhooks/${String(id)}`)).status).toBe(404);
    await ask(`PUT ${own()}`, { body: { webhook_url: 'http://127.0.0.1:9/own', webhook_enabled: true } });
    const [webhook] = await store.subscriptions.list(session.id);
    expect(await asked(`DELETE ${own()}/webhooks/${webhook!.id}`)).toEqual([
      400,
      expect.stringContaining('webhook_url'),
    ]);
  });

  test('of another session are not there', async () => {
    const other = await newSession();
    const { id } = dataOf(await created());
    for (const what of [`GET ${own(other)}/webhooks/`, `DELETE ${own(other)}/webhooks/`]) {
      expect((await ask(what + String(id))).status).toBe(404);
    }
    expect((await ask(`POST ${own(other)}/webhooks/${String(id)}/resume`)).status).toBe(404);
  });

  test('that are parked say why, and can be resumed', async () => {
    const { id } = dataOf(await created());
    await store.subscriptions.park(String(id), 'The receiver answered 404');
    const before = (await ask(`GET ${own()}/webhooks/${String(id)}`)).body['data'];
    expect(before).toMatchObject({ state: 'parked', parked_reason: 'The receiver answered 404' });
    const after = dataOf(await ask(`POST ${own()}/webhooks/${String(id)}/resume`));
    expect(after).toMatchObject({ state: 'active', parked_reason: null });
    expect(woken).toEqual([id, id]);
  });

  test('show what became of each event, and deliver one again', async () => {
    const { id } = dataOf(await created());
    const { events } = await store.commit({ sessionId: session.id, events: [anEvent(), anEvent()] });
    const list = async (query = '') => (await ask(`GET ${own()}/deliveries${query}`)).body['data'] as Json[];
    const [first, second] = await list();
    expect(first).toEqual({
      id: expect.any(Number),
      webhook_id: id,
      event_id: events[0]!.id,
      event: 'messages.received',
      seq: events[0]!.seq,
      status: 'pending',
      redeliveries: 0,
      attempts: 0,
      next_attempt_at: expect.any(String),
      last_attempt_at: null,
      last_status: null,
      last_error: null,
    });
    await store.deliveries.record(Number(first!['id']), { status: 'delivered', at: Date.now(), httpStatus: 200 });
    expect(await list('?status=delivered')).toEqual([
      {
        ...first,
        status: 'delivered',
        attempts: 1,
        next_attempt_at: null,
        last_attempt_at: expect.any(String),
        last_status: 200,
      },
    ]);
    expect(await list(`?after=${String(first!['id'])}&limit=1&webhookId=${String(id)}`)).toEqual([second]);
    expect(await list('?webhookId=whk_other')).toEqual([]);
    woken.length = 0;
    const again = await ask(`POST ${own()}/deliveries/${String(first!['id'])}/redeliver`);
    expect(dataOf(again)).toMatchObject({ id: first!['id'], status: 'pending', attempts: 1 });
    expect(woken).toEqual([id]);
    const other = await newSession();
    expect((await ask(`POST ${own(other)}/deliveries/${String(first!['id'])}/redeliver`)).status).toBe(404);
    expect((await ask(`POST ${own()}/deliveries/0/redeliver`)).status).toBe(422);
  });

  test('stand beside the event log, which is read page by page', async () => {
    const { events } = await store.commit({ sessionId: session.id, events: [anEvent(), anEvent(), anEvent()] });
    const list = async (query = '') => (await ask(`GET ${own()}/events${query}`)).body['data'];
    expect(await list()).toEqual(events);
    expect(await list(`?after=${events[0]!.seq}&limit=1`)).toEqual([events[1]]);
    expect((await ask(`GET ${own()}/events?limit=501`)).status).toBe(422);
    expect((await ask(`GET ${own()}/events?after=soon`)).status).toBe(422);
  });
});

test('a fault of ours tells the caller nothing, and nothing is cached', async () => {
  store.sessions.list = () => Promise.reject(new Error('secret detail'));
  const { status, body, headers } = await ask('GET /api/whatsapp-sessions');
  expect(status).toBe(500);
  expect(body).toMatchObject({ success: false, code: 'internal' });
  expect(JSON.stringify(body)).not.toContain('secret');
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.has('x-powered-by')).toBe(false);
});

describe('whatever is asked', () => {
  /** Connecting takes WhatsApp, or a sandbox. */
  const askable = operations.filter(({ id }) => id !== 'session.connect');
  const operationOf = (id: string) => operations.find((operation) => operation.id === id)!;
  const scalar = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom<unknown>(
      '',
      'true',
      '1',
      '-1',
      '1e999',
      '9007199254740993',
      'null',
      '+15550100002',
      'http://a.test/',
    ),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
  );
  const value = fc.oneof(
    scalar,
    fc.array(scalar, { maxLength: 3 }),
    fc.dictionary(fc.string(), scalar, { maxKeys: 3 }),
  );
  const fieldsOf = ({ input }: (typeof operations)[number]) =>
    fc.dictionary(
      fc.oneof(
        fc.constantFrom('__proto__', 'constructor', 'toString', ...Object.keys(input.shape)),
        fc.string({ maxLength: 5 }),
      ),
      value,
      { maxKeys: 6 },
    );
  const inPath = fc.oneof(
    fc.constantFrom('1', '2', 'whk_1', '..', '%', '%ff', '%2e%2e', '1/2', '١', '0', '1e3', ' '),
    fc.string({ unit: 'binary', minLength: 1 }).map((text) => encodeURIComponent(text)),
  );
  const inHeader = fc.stringMatching(/^[\x21-\x7e]{0,20}$/);
  const question = fc.constantFrom(...askable.map(({ id }) => id)).chain((id) =>
    fc.record({
      id: fc.constant(id),
      path: fc.array(inPath, { minLength: 3, maxLength: 3 }),
      query: fc.dictionary(fc.constantFrom('after', 'limit', 'wait', 'to', '__proto__', 'x[y]'), inHeader, {
        maxKeys: 3,
      }),
      body: fc.oneof(
        fieldsOf(operationOf(id)).map((fields) => JSON.stringify(fields)),
        fc.json(),
        fc.string(),
      ),
      headers: fc.record(
        {
          'x-warbler-session': fc.constantFrom('1', '2', '0', 'x'),
          'idempotency-key': inHeader,
          accept: inHeader,
          'content-type': fc.constantFrom('application/json', 'application/x-www-form-urlencoded', 'text/plain', 'x/y'),
        },
        { requiredKeys: [] },
      ),
      key: fc.constantFrom('token', 'session', 'none'),
    }),
  );

  test('the engine answers in JSON, and is never at fault', async () => {
    await fc.assert(
      fc.asyncProperty(question, async ({ id, path, query, body, headers, key }) => {
        const [method, pattern] = operationOf(id).http.split(' ') as [string, string];
        let used = 0;
        const filled = pattern.replace(/:\w+/g, () => path[used++]!);
        const asks = `${method} ${filled}?${new URLSearchParams(query).toString()}`;
        const { apiKey } = session;
        const { status, body: answer } = await ask(asks.replaceAll('\n', ''), {
          key: key === 'token' ? TOKEN : key === 'session' ? apiKey : null,
          headers,
          ...(method !== 'GET' && { raw: body }),
        });
        expect(status).toBeLessThan(500);
        if (status >= 400) expect(answer).toMatchObject({ success: false, code: expect.any(String) });
      }),
      { numRuns: 400 },
    );
    expect((await ask('GET /healthz')).status).toBe(200);
  });
});

describe('the documentation', () => {
  test('is there for everybody, and names the engine by its own address', async () => {
    const { status, headers, body } = await ask('GET /openapi.json', { key: null });
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toContain('public');
    expect(headers.get('etag')).toBeTruthy();
    expect(body).toMatchObject({ openapi: '3.1.0', servers: [{ url }] });
    expect(Object.keys(body['paths'] as Json)).toContain('/api/send-message');
  });

  test('is a page that needs no other host: the engine answers every address in it', async () => {
    const { status, headers, bytes } = await ask('GET /docs', { key: null });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toContain('text/html');
    const policy = headers.get('content-security-policy')!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/https?:|\*|unsafe-eval/);
    const addresses = [...bytes.toString().matchAll(/(?:src|href|spec-url)="([^"]+)"/g)].map(([, address]) => address!);
    expect(addresses).toEqual(expect.arrayContaining(['openapi.json', 'docs/redoc.js', 'docs/api.md']));
    for (const address of addresses.filter((one) => !one.startsWith('data:'))) {
      const { origin, pathname } = new URL(address, `${url}/docs`);
      expect(origin).toBe(url);
      expect((await ask(`GET ${pathname}`, { key: null })).status).toBe(200);
    }
  });

  test('can be read without scripts', async () => {
    const page = (await ask('GET /docs', { key: null })).bytes.toString();
    expect(page).toContain('<code>POST /api/send-message</code>');
    const text = await ask('GET /docs/api.md', { key: null });
    expect(text.headers.get('content-type')).toContain('text/plain');
    expect(text.bytes.toString()).toContain('### `POST /api/send-message`');
  });

  test('holds behind a proxy that adds a path, with a slash at the end or without', async () => {
    const { status, headers } = await ask('GET /docs/', { key: null });
    expect([status, headers.get('location')]).toEqual([301, '../docs']);
  });

  test('is named wherever somebody may look for it', async () => {
    expect((await ask('GET /', { key: null })).bytes.toString()).toContain('/docs');
    expect((await ask('GET /nowhere')).body['message']).toContain('/docs');
  });
});
