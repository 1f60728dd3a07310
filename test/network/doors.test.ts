import { request } from 'undici';
import { Agent } from '../contract/agent.ts';
import { FileServer } from '../media/file-server.ts';
import { png } from '../media/pictures.ts';
import { FRIEND, operations, OWN, Stage, TOKEN } from '../whatsapp/stage.ts';
import { Connections } from './connections.ts';
import { hostileUrls } from './hostile-urls.ts';

const { systemClock } = await import('../../engine/clock.ts');
const { attempt } = await import('../../engine/delivery/attempt.ts');
const { guardedAgent } = await import('../../engine/network/guard.ts');
const { tunnelThrough } = await import('../../engine/network/proxy.ts');
const { tools } = await import('../../engine/surfaces/mcp/tools.ts');

/** Fields that hold an address which the engine goes to. */
const FIELDS = [
  'imageUrl',
  'videoUrl',
  'audioUrl',
  'documentUrl',
  'stickerUrl',
  'profilePicUrl',
  'url',
  'callbackUrl',
  'webhook_url',
  'proxy_url',
];
const FILES = ['imageUrl', 'videoUrl', 'audioUrl', 'documentUrl', 'stickerUrl'];
/** What a refusal says of how to go on. */
const ADVICE =
  /WARBLER_(MEDIA|WEBHOOK|PROXY)_NETWORKS|which is never allowed|starts? with|must not hold a user name|must be an http\(s\) URL|must end after the port|with a stray %|not known|not valid base64|data: URL must look|not one of WhatsApp’s|field is required|is not valid|could not be fetched/;

let stage: Stage;
let canary: FileServer;
let agent: Agent;
let connections: Connections;
let group: string;
let corpus: { trick: string; url: string }[];
/** Where this test and the engine speak with each other. */
let ours: string[];

beforeAll(async () => {
  stage = await Stage.open({
    config: { mediaNetworks: ['public'], webhookNetworks: ['public'], proxyNetworks: ['public'] },
  });
  canary = await FileServer.start();
  canary.put('/', await png(), 'image/png');
  corpus = hostileUrls(canary.port);
  agent = await Agent.connect(stage.engine.url, TOKEN);
  await stage.call('POST', '/api/whatsapp-sessions', { name: 'Two', phone_number: '+15550100009' });
  group = stage.sandbox.groups.create({ creator: OWN, subject: 'Choir', participants: [FRIEND] }).jid;
  ours = [stage.engine.url, stage.sandbox.url].map((url) => `127.0.0.1:${new URL(url).port}`);
  connections = new Connections();
});
afterAll(async () => {
  connections?.stop();
  await agent?.close();
  await canary?.close();
  await stage?.close();
});

/** Connections that were opened to anything but the engine and its sandbox. */
const strange = () => connections.opened.filter((place) => !ours.includes(place) && !isLeftOver(place));

/** Of a suite that ran in this process before: its clients may still look for a port that was given by chance. */
function isLeftOver(place: string): boolean {
  const [, port] = /^127\.0\.0\.1:(\d+)$/.exec(place) ?? [];
  return Number(port) >= 32_768 && Number(port) !== canary.port;
}

let checks = 0;
/** Connections to anywhere else, until some are allowed. */
let made = -1;
const refusals = (code: unknown, text: string, url: string) => {
  checks += 1;
  expect([url, code]).toEqual([
    url,
    expect.stringMatching(/^(url_not_allowed|validation_failed|media_not_fetched|media_not_usable)$/),
  ]);
  expect([url, text]).toEqual([url, expect.stringMatching(ADVICE)]);
  expect(text).not.toMatch(/hunter2|ppppp/);
};

type Door = (url: string) => Promise<void>;

/** A request with the address in a field of its body. */
const asked =
  (method: string, path: string, body: (url: string) => unknown): Door =>
  async (url) => {
    const { body: said } = await stage.call(method, path, body(url));
    refusals(said.code, JSON.stringify(said), url);
  };
const send = (field: string, more: object = {}) =>
  asked('POST', '/api/send-message', (url) => ({ to: FRIEND, ...more, [field]: url }));
const later = () => new Date(Date.now() + 86_400_000).toISOString();
const tool =
  (name: string, args: (url: string) => Record<string, unknown>): Door =>
  async (url) => {
    const { error, text } = await agent.call(name, { session_id: 1, ...args(url) });
    refusals(error?.code, `${text} ${JSON.stringify(error)}`, url);
  };

/** Where names are checked when they are resolved, one that is no address may be taken at first. */
const taken =
  (method: string, path: string, field: string, more: object = {}): Door =>
  async (url) => {
    const { status, body } = await stage.call(method, path, { [field]: url, ...more });
    if (status >= 300) return refusals(body.code, JSON.stringify(body), url);
    checks += 1;
    expect(URL.canParse(url) && /^[a-z.]+$/.test(new URL(url).hostname)).toBe(true);
  };

const DOORS: Record<string, Door> = {
  ...Object.fromEntries(FILES.map((field) => [`message.send ${field}`, send(field)])),
  'message.send scheduled': (url) => send('imageUrl', { scheduledAt: later() })(url),
  'message.send to a group': (url) => send('documentUrl', { to: group })(url),
  'bulk.create': asked('POST', '/api/bulk-jobs', (imageUrl) => ({ recipients: [FRIEND], imageUrl, text: 'x' })),
  'bulk.send': asked('POST', '/api/send-bulk', (imageUrl) => ({ recipients: [FRIEND], type: 'image', imageUrl })),
  'group.settings': (url) => asked('PUT', `/api/groups/${group}/settings`, (one) => ({ profilePicUrl: one }))(url),
  'media.upload': upload,
  'media.decrypt url': decrypt('url'),
  'media.decrypt directPath': decrypt('directPath'),
  'webhook.create': taken('POST', '/api/whatsapp-sessions/1/webhooks', 'url', { events: ['messages.received'] }),
  'accountWebhook.create': taken('POST', '/api/webhooks', 'url', { events: ['messages.received'] }),
  'inquiry.create': taken('POST', '/api/inquiries', 'callbackUrl', { to: FRIEND, kind: 'text', text: 'Well?' }),
  'session.update webhook_url': taken('PUT', '/api/whatsapp-sessions/2', 'webhook_url'),
  'session.update proxy_url': taken('PUT', '/api/whatsapp-sessions/2', 'proxy_url'),
  'tool send_image_message': tool('send_image_message', (imageUrl) => ({ to: FRIEND, imageUrl })),
  'tool send_document_message': tool('send_document_message', (documentUrl) => ({ to: FRIEND, documentUrl })),
  'tool update_group_settings': tool('update_group_settings', (profilePicUrl) => ({ groupJid: group, profilePicUrl })),
};

/** Nothing is fetched here; what is no base64 is refused, and a few of these happen to be some. */
async function upload(url: string): Promise<void> {
  const { status, body } = await stage.call('POST', '/api/upload', { base64: url });
  if (status !== 200) return refusals(body.code, JSON.stringify(body), url);
  checks += 1;
  expect(url).toMatch(/^[\w/+]+$/);
}

/** A message whose sender says that its file lies there. */
function decrypt(field: 'url' | 'directPath'): Door {
  return async (url) => {
    const imageMessage = { [field]: url, mediaKey: Buffer.alloc(32, 1).toString('base64'), mimetype: 'image/png' };
    const { body } = await stage.call('POST', '/api/decrypt-media', {
      data: { messages: { key: { id: 'A1' }, message: { imageMessage } } },
    });
    // A path is looked for at WhatsApp's own media host, whatever it looks like: here that is the sandbox.
    if (field === 'directPath' && ['media_gone', 'whatsapp_unreachable'].includes(String(body.code))) {
      checks += 1;
      return;
    }
    refusals(body.code, JSON.stringify(body), url);
  };
}

/** A few at a time. */
async function through(door: Door, urls: { url: string }[] = corpus): Promise<void> {
  const left = [...urls];
  const lane = async () => {
    for (let next = left.shift(); next; next = left.shift()) await door(next.url);
  };
  await Promise.all(Array.from({ length: 8 }, lane));
}

test('there is a door for every field of an operation that names an address', () => {
  const named = operations.flatMap(({ id, input }) =>
    Object.keys(input.shape)
      .filter((field) => /url$/i.test(field))
      .map((field) => ({ id, field })),
  );
  expect([...new Set(named.map(({ field }) => field))].sort()).toEqual([...FIELDS].sort());
  const covered = new Set(Object.keys(DOORS).map((door) => door.split(' ')[0]));
  // These take the same fields through the same functions as those that have doors.
  const like = ['session.create', 'scheduled.update'];
  expect(named.map(({ id }) => id).filter((id) => !covered.has(id) && !like.includes(id))).toEqual([]);
  for (const door of Object.keys(DOORS).filter((one) => one.startsWith('tool '))) {
    expect(tools.has(door.slice('tool '.length))).toBe(true);
  }
});

test.each(Object.keys(DOORS))(
  '%s goes nowhere that is not allowed',
  async (name) => {
    await through(DOORS[name]!);
    expect(strange()).toEqual([]);
    expect(canary.asked).toEqual([]);
  },
  120_000,
);

test('a text with such an address is sent, without a preview, and nobody has looked', async () => {
  const links = corpus.filter(({ url }) => /^https?:\/\//i.test(url.trim()) && url.length < 4000);
  await through(async (url) => {
    checks += 1;
    const { status, body } = await stage.send(FRIEND, `Look: ${url} !`);
    expect([url, status]).toEqual([url, 200]);
    const { id } = body.data as { id: string };
    const shown = stage.message(FRIEND, id) as unknown as { message: Record<string, Record<string, unknown>> };
    expect(shown.message['extendedTextMessage']?.['title']).toBeUndefined();
  }, links);
  expect(strange()).toEqual([]);
}, 120_000);

test('a webhook that was taken, because a name was all that was known of it, is not posted to', async () => {
  const { body } = await stage.call('GET', '/api/whatsapp-sessions/1/webhooks');
  const hooks = body.data as { id: string; url: string }[];
  expect(hooks.length).toBeGreaterThan(5);
  await stage.sandbox.send(FRIEND, { to: OWN, text: 'Anybody there?' });
  interface Delivery {
    webhook_id: string;
    attempts: number;
    last_error: string | null;
  }
  const tried = async () => {
    const { body: all } = await stage.call('GET', '/api/whatsapp-sessions/1/deliveries?limit=500');
    const deliveries = all.data as Delivery[];
    return hooks.every(({ id }) => deliveries.some((one) => one.webhook_id === id && one.attempts > 0)) && deliveries;
  };
  await stage.untilTrue(tried);
  for (const { last_error: error } of (await tried()) as Delivery[]) {
    checks += 1;
    expect(error).toMatch(/WARBLER_WEBHOOK_NETWORKS|never allowed|No connection to the receiver/);
  }
  expect(strange()).toEqual([]);
  expect(canary.asked).toEqual([]);
}, 60_000);

test('a webhook of older days, when more was allowed, is not posted to either', async () => {
  const dispatcher = guardedAgent(['public']);
  const event = { id: 'evt_1', event: 'messages.received', sessionId: 1, data: {} };
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  await through(async (url) => {
    checks += 1;
    const outcome = await attempt({ url, secret, format: 'standard' } as never, event as never, {
      agent: dispatcher,
      clock: systemClock,
    });
    expect([url, outcome]).toEqual([url, { outcome: 'retry', error: expect.any(String) }]);
    expect(outcome.error).not.toMatch(/hunter2|ppppp/);
  });
  await dispatcher.destroy();
  expect(strange()).toEqual([]);
});

test('a proxy at such an address is not connected to, whatever it says it speaks', async () => {
  const reach = { networks: ['public'], setting: 'WARBLER_PROXY_NETWORKS' } as const;
  const proxies = corpus
    .filter(({ url }) => /^https?:\/\//i.test(url) && url.length < 4000)
    .flatMap(({ url }) => [url, url.replace(/^https?/i, 'socks5'), url.replace(/^https?/i, 'https')])
    .filter((url) => URL.canParse(url) && new URL(url).hostname !== '')
    .map((url) => ({ url }));
  await through(async (url) => {
    checks += 1;
    const refused = await tunnelThrough(url, reach)('web.whatsapp.com', 443).then(
      () => 'connected',
      (error: Error) => error.message,
    );
    expect([url, refused]).toEqual([url, expect.stringMatching(/^the proxy /)]);
    expect(refused).not.toMatch(/hunter2|ppppp/);
  }, proxies);
  expect(strange()).toEqual([]);
});

test('a call that a person has approved goes nowhere either', async () => {
  const { body } = await stage.call('POST', '/api/tokens', { name: 'supervised', scope: { approval: 'writes' } });
  const supervised = await Agent.connect(stage.engine.url, (body.data as { token: string }).token);
  const one = Object.values(Object.fromEntries(corpus.map((entry) => [entry.trick, entry])));
  for (const { url } of one) {
    const calling = supervised.call('send_image_message', { session_id: 1, to: FRIEND, imageUrl: url });
    let waiting: { id: number }[] = [];
    await stage.untilTrue(async () => {
      const { body: list } = await stage.call('GET', '/api/approvals?status=pending');
      waiting = (list.data as { data: { id: number }[] }).data;
      return waiting.length > 0;
    });
    await stage.call('POST', `/api/approvals/${waiting[0]!.id}/approve`);
    const { error, text } = await calling;
    refusals(error?.code, `${text} ${JSON.stringify(error)}`, url);
  }
  await supervised.close();
  expect(strange()).toEqual([]);
}, 60_000);

test('where this machine is allowed, the same server is fetched from: the canary sings', async () => {
  made = strange().length;
  const dispatcher = guardedAgent(['loopback']);
  for (const host of ['127.0.0.1', 'localhost', '0x7f.1', '①②⑦.⓪.⓪.①', '[::ffff:127.0.0.1]']) {
    const { statusCode, body } = await request(`http://${host}:${canary.port}/`, { dispatcher });
    await body.dump();
    expect([host, statusCode]).toEqual([host, 200]);
  }
  await dispatcher.destroy();
  expect(canary.asked).toHaveLength(5);
  expect(strange().length).toBeGreaterThan(0);
});

afterAll(() => {
  const tricks = new Set(corpus.map(({ trick }) => trick)).size;
  console.log(
    `${corpus.length} hostile URLs of ${tricks} kinds × ${Object.keys(DOORS).length + 5} doors = ${checks} checks; connections made: ${made}`,
  );
  expect(corpus.length).toBeGreaterThanOrEqual(150);
  expect(made).toBe(0);
});
