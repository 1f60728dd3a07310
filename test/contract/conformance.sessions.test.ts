import { Server as Proxy } from 'proxy-chain';
import { Receiver } from '../engine/receiver.ts';
import { TOKEN } from '../whatsapp/stage.ts';
import { notApplicable, prove, type Check } from './prove.ts';
import { must, OWN, World, SAMPLE, type Answer } from './world.ts';

let world: World;
let receiver: Receiver;
let proxy: Proxy;
/** The ports that the proxy was asked to connect to. */
const tunnels: number[] = [];
beforeAll(async () => {
  world = await World.open({ config: { limits: 'documented' } });
  receiver = await Receiver.start();
  proxy = new Proxy({
    port: 0,
    host: '127.0.0.1',
    prepareRequestFunction: ({ username, password, port }) => {
      tunnels.push(Number(port));
      return { requestAuthentication: username !== 'user' || password !== 'pass' };
    },
  });
  await proxy.listen();
});
afterEach(() => world.tidy());
afterAll(async () => {
  await world?.close();
  await receiver?.close();
  await proxy?.close(true);
});

const NO_PLANS = 'Warbler has no plans or subscriptions';
const at = (id: number, rest = '') => `/api/whatsapp-sessions/${id}${rest}`;
const dataOf = (answer: Answer) => answer.body.data as Record<string, unknown>;

/** The body that a session can be made of, as documented, with or without some of it. */
function newSession(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const phone_number = `+${world.newPhone()}`;
  return { name: 'Business WhatsApp', phone_number, account_protection: false, log_messages: true, ...changes };
}
const create = (changes?: Record<string, unknown>) =>
  world.account('POST', '/api/whatsapp-sessions', newSession(changes));
const shownAs = async (id: number) => dataOf(await world.account('GET', at(id)));

function refused(answer: Answer, field: string, text = `The ${field} field is required.`): void {
  must(answer.status === 422, `Status ${answer.status}`);
  const errors = answer.body['errors'] as Record<string, string[]>;
  must(errors[field]?.includes(text), `Says ${JSON.stringify(errors)}, documented: ${text}`);
}

/** Whatever is made with a setting that is no boolean, or no list, is refused in words. */
async function validated(field: string, wrong: unknown): Promise<void> {
  const answer = await create({ [field]: wrong });
  must(answer.status === 422 && field in (answer.body['errors'] as object), `Took ${field}: ${JSON.stringify(wrong)}`);
}

/** A session to each of the two endpoints that take settings: made with one, or changed to one. */
type Make = (settings: Record<string, unknown>) => Promise<{ id: number; phone: string; apiKey: string }>;
const created: Make = (settings) => world.session({ connected: true, ...settings });
/** One connected session for all of them, which begins each time with the settings of a new one. */
let changing: ReturnType<Make> | undefined;
const changed: Make = async (settings) => {
  const session = await (changing ??= world.session({ connected: true, keep: true }));
  // Without a webhook in between, what the last one has yet to get would go to the next one.
  await world.account('PUT', at(session.id), AS_NEW);
  const { status, body } = await world.account('PUT', at(session.id), settings);
  must(status === 200, JSON.stringify(body));
  return session;
};
const AS_NEW = {
  account_protection: false,
  log_messages: true,
  webhook_url: null,
  webhook_enabled: false,
  webhook_events: null,
  read_incoming_messages: false,
  auto_reject_calls: false,
  ignore_groups: false,
  ignore_channels: false,
  ignore_broadcasts: false,
  proxy_url: null,
  always_online: false,
};

const send = (session: { apiKey: string }, body: object) =>
  world.request('POST', '/api/send-message', { to: SAMPLE, ...body }, session.apiKey);

/** Effects of the settings that both endpoints take: what phones, receivers and logs see of them. */
function effectsOf(make: Make) {
  return {
    log_messages: async () => {
      await validated('log_messages', 'perhaps');
      const contentOf = async (log_messages: boolean) => {
        const session = await make({ log_messages });
        await send(session, { text: 'for the log', wait: true });
        const { data } = dataOf(await world.account('GET', at(session.id, '/message-logs'))) as { data: unknown[] };
        return data[0] as { content: string | null; to: string | null };
      };
      const [kept, not] = [await contentOf(true), await contentOf(false)];
      must(kept.content?.includes('for the log') && kept.to, 'Nothing was logged');
      must(not.content === null && not.to === null, `Logged in spite of it: ${JSON.stringify(not)}`);
    },
    webhook_url: async () => {
      await validated('webhook_url', 'no url');
      const path = `/${Math.random()}`;
      const session = await make({ webhook_url: `${receiver.origin}${path}`, webhook_enabled: true });
      await posted(session, path);
    },
    webhook_enabled: async () => {
      await validated('webhook_enabled', 'perhaps');
      const path = `/${Math.random()}`;
      const session = await make({ webhook_url: `${receiver.origin}${path}`, webhook_enabled: false });
      const { id } = await world.sandbox.send(SAMPLE, { to: session.phone, text: 'not told' });
      await world.stage.until((events) => JSON.stringify(events).includes(id), session.id);
      await world.account('PUT', at(session.id), { webhook_enabled: true });
      await posted(session, path);
      const told = receiver.requests.filter((request) => request.path === path);
      must(!told.some(({ body }) => body.includes(id)), 'Posted though it was not enabled');
    },
    webhook_events: async () => {
      await validated('webhook_events', 'messages.received');
      const path = `/${Math.random()}`;
      const session = await make({
        webhook_url: `${receiver.origin}${path}`,
        webhook_enabled: true,
        webhook_events: ['messages.received'],
      });
      await posted(session, path);
      await send(session, { text: 'out', wait: true });
      await posted(session, path);
      const names = receiver.requests.filter((request) => request.path === path).map(({ event }) => event.event);
      must(new Set(names).size === 1, `Posted ${names.join(', ')}`);
    },
    read_incoming_messages: async () => {
      await validated('read_incoming_messages', 'perhaps');
      const session = await make({ read_incoming_messages: true });
      const { id } = await world.sandbox.send(SAMPLE, { to: session.phone, text: 'blue ticks?' });
      await world.eventually('read', () =>
        world.sandbox.messages(SAMPLE).some((message) => message.id === id && message.status === 'read'),
      );
    },
    auto_reject_calls: async () => {
      await validated('auto_reject_calls', 'perhaps');
      const session = await make({ auto_reject_calls: true });
      const { callId } = world.sandbox.calls.start(SAMPLE, { to: session.phone });
      await world.eventually('rejected', () =>
        world.sandbox.calls.list(SAMPLE).some((call) => call.callId === callId && call.outcome === 'rejected'),
      );
    },
    proxy_url: async () => {
      await validated('proxy_url', 'ftp://proxy.example.com');
      const session = await make({ proxy_url: `http://user:pass@127.0.0.1:${proxy.port}` });
      await world.account('POST', at(session.id, '/restart'));
      must(
        tunnels.some((port) => port === world.sandbox.port),
        'It goes past the proxy',
      );
      const shown = (await shownAs(session.id))['proxy_url'];
      must(String(shown).includes(`127.0.0.1:${proxy.port}`), `Shown as ${shown}`);
    },
    ignore_groups: () =>
      ignored(make, 'ignore_groups', async (phone, text) => {
        await world.sandbox.send(SAMPLE, { to: world.group([SAMPLE, phone]), text });
      }),
    ignore_channels: () =>
      ignored(make, 'ignore_channels', async (phone, text) => {
        await world.sandbox.channels.post(world.channel(SAMPLE, phone), { by: SAMPLE, text });
      }),
    ignore_broadcasts: () =>
      ignored(make, 'ignore_broadcasts', async (phone, text) => {
        await world.sandbox.status(SAMPLE, { to: [phone], text });
      }),
    always_online: async () => {
      await validated('always_online', 'perhaps');
      const session = await make({ always_online: true });
      await world.account('POST', at(session.id, '/restart'));
      await world.eventually('online', () => presences(session.phone).at(-1) === 'available');
    },
  };
}

/** What the session's device has said of its presence. */
const presences = (phone: string): string[] =>
  world.sandbox
    .stanzas({ phone, limit: 20_000 })
    .filter(({ direction }) => direction === 'in')
    .map(({ stanza }) => stanza as { tag: string; attrs: Record<string, string> })
    .filter(({ tag, attrs }) => tag === 'presence' && ['available', 'unavailable'].includes(attrs['type'] ?? ''))
    .map(({ attrs }) => attrs['type']!);

/** What is said where the session does not listen reaches no webhook, and does again when it listens. */
async function ignored(
  make: Make,
  setting: string,
  say: (phone: string, text: string) => Promise<void>,
): Promise<void> {
  await validated(setting, 'perhaps');
  const path = `/${Math.random()}`;
  const hook = { webhook_url: `${receiver.origin}${path}`, webhook_enabled: true };
  const session = await make({ ...hook, [setting]: true });
  const told = (text: string) => receiver.requests.some((one) => one.path === path && one.body.includes(text));
  const [unheard, heard] = [`not heard ${path}`, `heard again ${path}`];
  await say(session.phone, unheard);
  await world.stage.until((events) => JSON.stringify(events).includes(unheard), session.id);
  await world.account('PUT', at(session.id), { [setting]: false });
  await say(session.phone, heard);
  await world.eventually('heard again', () => told(heard));
  must(!told(unheard), 'Posted in spite of it');
}

/** A message to the session reaches that path. */
async function posted(session: { phone: string }, path: string): Promise<void> {
  const text = `told ${Math.random()}`;
  await world.sandbox.send(SAMPLE, { to: session.phone, text });
  await world.eventually('a webhook', () =>
    receiver.requests.some((request) => request.path === path && request.body.includes(text)),
  );
}

const OPTIONAL = 'may also be left out, and has a default then';
const required = (field: string) => async () => refused(await create({ [field]: undefined }), field);

prove('get-all-whatsapp-sessions', {
  responses: {
    'Success Response': async (is) => {
      await create({
        webhook_url: `${receiver.origin}/a`,
        webhook_enabled: true,
        webhook_events: ['messages.received'],
      });
      const listed = is(await world.account('GET', '/api/whatsapp-sessions')).data as { status: string }[];
      must(
        listed.some(({ status }) => status === 'connected') && listed.some(({ status }) => status === 'disconnected'),
        'Not both statuses are there',
      );
      must(!JSON.stringify(listed).includes(world.apiKey), 'The list holds keys');
    },
  },
});

prove('create-whatsapp-session', {
  parameters: {
    ...effectsOf(created),
    name: async () => {
      await required('name')();
      must((await shownAs(dataOf(await create({ name: 'Ours' }))['id'] as number))['name'] === 'Ours', 'Not kept');
    },
    phone_number: async () => {
      await required('phone_number')();
      await validated('phone_number', 'Sample Phone_number');
      const { id, phone } = await world.session();
      must((await shownAs(id))['phone_number'] === `+${phone}`, 'Not kept');
    },
    account_protection: async () => {
      await validated('account_protection', 'perhaps');
      const session = await created({ account_protection: true });
      const [one, two] = [await send(session, { text: 'one' }), await send(session, { text: 'two' })];
      must(one.status === 200 && two.status === 429, `Answered ${one.status} and ${two.status}`);
      return OPTIONAL;
    },
    log_messages: async () => {
      await effectsOf(created).log_messages();
      return OPTIONAL;
    },
  },
  responses: {
    'Success Response': async (is, example) => {
      const { webhook_events } = (example as { data: { webhook_events: string[] } }).data;
      const answer = await create({
        webhook_url: `${receiver.origin}/webhook`,
        webhook_enabled: true,
        webhook_events,
        read_incoming_messages: false,
      });
      const { api_key: key } = is(answer).data as { api_key: string };
      must((await world.request('GET', '/api/status', undefined, key)).status === 200, 'The key is not valid');
    },
    'Error Response - Session Limit': notApplicable(NO_PLANS),
  },
});

prove('get-whatsapp-session-details', {
  parameters: { whatsappSession: () => named('GET') },
  responses: {
    'Success Response': async (is) => {
      const { id, phone } = await world.session({
        name: 'The one',
        webhook_url: 'http://127.0.0.1:9',
        webhook_events: ['x'],
      });
      const data = is(await world.account('GET', at(id))).data as Record<string, unknown>;
      must(data['id'] === id && data['phone_number'] === `+${phone}` && data['name'] === 'The one', 'Another session');
    },
  },
});

/** The id in the path says which session it is; one that nobody has is 404, and so is what is no id. */
async function named(method: string, rest = '', body?: unknown): Promise<void> {
  for (const id of ['999999', 'my-session-123']) {
    const { status } = await world.account(method, `/api/whatsapp-sessions/${id}${rest}`, body);
    must(status === 404 || status === 422, `${id} is ${status}`);
  }
}

prove('update-whatsapp-session', {
  parameters: {
    ...effectsOf(changed),
    whatsappSession: () => named('PUT', '', { name: 'Nobody' }),
    name: () => kept('name', 'Renamed'),
    phone_number: () => kept('phone_number', '+15559999999'),
    account_protection: async () => {
      const session = await world.session({ connected: true, account_protection: true });
      await world.account('PUT', at(session.id), { account_protection: false });
      for (const text of ['one', 'two']) must((await send(session, { text })).status === 200, 'Still protected');
    },
  },
  responses: {
    'Success Response': async (is) => {
      const session = await world.session({ connected: true });
      const answer = await world.account('PUT', at(session.id), {
        name: 'Business WhatsApp',
        account_protection: true,
        webhook_url: `${receiver.origin}/webhook`,
        webhook_enabled: true,
        webhook_events: ['messages.received', 'session.status', 'messages.update'],
      });
      const data = is(answer).data as Record<string, unknown>;
      must(data['name'] === 'Business WhatsApp' && data['log_messages'] === true, 'Not what was asked for');
    },
    'Success with Warning': notApplicable('Webhooks live in the engine itself, there is nothing to be synced with'),
  },
});

async function kept(field: string, value: unknown): Promise<void> {
  const { id } = await world.session();
  const before = await shownAs(id);
  must((await world.account('PUT', at(id), { [field]: value })).status === 200, 'Refused');
  const after = await shownAs(id);
  must(after[field] === value && after['log_messages'] === before['log_messages'], `${field} is ${after[field]}`);
}

prove('delete-whatsapp-session', {
  parameters: { whatsappSession: () => named('DELETE') },
  responses: {
    'Success Response (204 No content)': async (is) => {
      const { id, phone } = await world.session({ connected: true });
      is(await world.account('DELETE', at(id)), { status: 204 });
      must(world.sandbox.phone(phone).devices.length === 0, 'The phone still shows the device');
      must((await world.account('GET', at(id))).status === 404, 'Still there');
    },
  },
});

/** A session that comes into a status; then `/api/status` says it, as documented. */
const statusIs =
  (prepare: () => Promise<{ id: number; apiKey: string }>) =>
  async (is: Check, example: unknown): Promise<void> => {
    const { id, apiKey } = await prepare();
    const { status } = example as { status: string };
    await world.stage.untilStatus((now) => now.status === status, id);
    const told = is(await world.request('GET', '/api/status', undefined, apiKey))['status'];
    must(told === status, `Says ${String(told)}`);
  };

prove('get-whatsapp-session-status', {
  responses: {
    'Session Connected Response': statusIs(() => world.session({ connected: true })),
    'Session Logged out Response': statusIs(async () => {
      const session = await world.session({ connected: true });
      world.sandbox.unlink(session.phone);
      return session;
    }),
    'Session Needs Scan Response': statusIs(async () => {
      const session = await world.session();
      await world.account('POST', at(session.id, '/connect'));
      return session;
    }),
    'Session Expired Response': statusIs(async () => {
      const session = await world.session({ connected: true });
      world.sandbox.addFault({ fault: 'close', phone: session.phone, code: 419, times: 1 });
      return session;
    }),
    'Session Disconnected': statusIs(() => world.session()),
  },
});

prove('connect-whatsapp-session', {
  parameters: { whatsappSession: () => named('POST', '/connect') },
  responses: {
    'Success Response - QR Code Needed': async (is) => {
      const { id, phone } = await world.session();
      const { status, qrCode } = is(await world.account('POST', at(id, '/connect'))).data as Record<string, string>;
      must(status === 'NEED_SCAN', `Status ${status}`);
      await world.sandbox.scan(phone, qrCode!);
      await world.stage.untilStatus((now) => now.status === 'connected', id);
    },
    'Success Response - Already Initialized': async (is, example) => {
      const { id } = await world.session({ connected: true });
      const { data } = is(await world.account('POST', at(id, '/connect')));
      must(JSON.stringify(data) === JSON.stringify((example as { data: unknown }).data), JSON.stringify(data));
    },
    'Error Response - No Subscription': notApplicable(NO_PLANS),
    'Error Response - Connection Failure': async (is) => {
      const { id } = await world.session();
      await withoutWhatsApp(async () => void is(await world.account('POST', at(id, '/connect')), { prefix: true }));
    },
  },
});

/** Nobody answers at WhatsApp's address, for a time. */
async function withoutWhatsApp(then: () => Promise<void>): Promise<void> {
  await world.sandbox.close();
  try {
    await then();
  } finally {
    await world.stage.startSandbox();
    await world.stage.untilStatus(({ status }) => status === 'connected');
  }
}

prove('restart-whatsapp-session', {
  parameters: { whatsappSession: () => named('POST', '/restart') },
  responses: {
    'Success Response': async (is) => {
      const { id, phone } = await world.session({ connected: true });
      const logins = () =>
        world.sandbox.stanzas({ phone, limit: 20_000 }).filter(({ stanza }) => tagOf(stanza) === 'success');
      const before = logins().length;
      is(await world.account('POST', at(id, '/restart')));
      must(logins().length === before + 1, 'WhatsApp has seen no new login');
      await world.stage.untilStatus((now) => now.status === 'connected', id);
    },
    'Error Response (Not Connected)': async (is) => {
      const { id } = await world.session();
      is(await world.account('POST', at(id, '/restart')));
    },
  },
});

const tagOf = (stanza: object) => (stanza as { tag: string }).tag;

/** A session with a log: three messages, one of which nobody could get. */
let logged: Promise<{ id: number; apiKey: string }> | undefined;
function withLog(): Promise<{ id: number; apiKey: string }> {
  return (logged ??= (async () => {
    const session = await world.session({ connected: true, keep: true });
    await send(session, { text: 'one', wait: true });
    await send(session, { text: 'two', wait: true });
    await send(session, { to: '+15559990000', text: 'three', wait: true });
    return session;
  })());
}

interface Page {
  data: { id: unknown; status: string; failed_reason: string | null }[];
  current_page: number;
  per_page: number;
  total: number;
  last_page: number;
}

/** The pages of a log hold what they should, each entry once. */
async function pages(log: string): Promise<void> {
  const { id } = await withLog();
  const page = async (query: string) =>
    dataOf(await world.account('GET', at(id, `/${log}?${query}`))) as unknown as Page;
  const [first, second] = [await page('page=1&per_page=2'), await page('page=2&per_page=2')];
  must(first.per_page === 2 && first.data.length === 2 && first.current_page === 1, 'Not two to a page');
  must(second.current_page === 2 && second.data.length >= 1, 'No second page');
  must(
    new Set([...first.data, ...second.data].map((entry) => String(entry.id))).size ===
      first.data.length + second.data.length,
    'Twice the same',
  );
  must(first.last_page === Math.ceil(first.total / 2), `last_page ${first.last_page} of ${first.total}`);
}
const usualPages = (log: string) => async () => {
  const { id } = await withLog();
  const page = dataOf(await world.account('GET', at(id, `/${log}`))) as unknown as Page;
  must(page.per_page === 10 && page.current_page === 1, `Default is ${page.per_page} to a page`);
  await pages(log);
};

prove('get-message-logs', {
  parameters: {
    whatsappSession: () => named('GET', '/message-logs'),
    page: () => pages('message-logs'),
    per_page: usualPages('message-logs'),
  },
  responses: {
    'Success Response (Paginated)': async (is) => {
      const { id, apiKey } = await withLog();
      // The documentation's example shows an API key here.
      const answer = await world.request('GET', at(id, '/message-logs?page=1&per_page=2'), undefined, apiKey);
      is(answer);
      const all = dataOf(await world.account('GET', at(id, '/message-logs'))) as unknown as Page;
      const failed = all.data.filter(({ status }) => status === 'failed');
      must(failed.length === 1 && failed[0]!.failed_reason, 'The failed one is not among them, with its reason');
      must(all.data.filter(({ status }) => status === 'sent').length === 2, 'Not two were sent');
    },
  },
});

prove('get-whatsapp-session-qr-code', {
  parameters: { whatsappSession: () => named('GET', '/qrcode') },
  responses: {
    'Success Response': async (is) => {
      const { id, phone } = await world.session();
      await world.account('POST', at(id, '/connect'));
      const { qrCode } = is(await world.account('GET', at(id, '/qrcode'))).data as { qrCode: string };
      await world.sandbox.scan(phone, qrCode);
      await world.stage.untilStatus((now) => now.status === 'connected', id);
    },
    'Error Response - No Subscription': notApplicable(NO_PLANS),
    'Error Response - QR Code Failure': async (is) => {
      const { id } = await world.session();
      await withoutWhatsApp(async () => {
        await world.account('POST', at(id, '/connect'));
        is(await world.account('GET', at(id, '/qrcode')));
      });
    },
    'Error Response - Session Not initialized': async (is) => {
      const { id } = await world.session();
      is(await world.account('GET', at(id, '/qrcode')));
    },
  },
});

prove('disconnect-whatsapp-session', {
  parameters: { whatsappSession: () => named('POST', '/disconnect') },
  responses: {
    'Success Response': async (is) => {
      const { id, phone } = await world.session({ connected: true });
      is(await world.account('POST', at(id, '/disconnect')));
      await world.eventually('offline', () => world.sandbox.phone(phone).devices[0]?.online === false);
    },
  },
});

prove('get-session-logs', {
  parameters: {
    whatsappSession: () => named('GET', '/session-logs'),
    page: () => pages('session-logs'),
    per_page: usualPages('session-logs'),
  },
  responses: {
    'Success Response (Paginated)': async (is) => {
      const { id, apiKey } = await world.session({ connected: true });
      await world.account('POST', at(id, '/restart'));
      is(await world.request('GET', at(id, '/session-logs?page=1&per_page=2'), undefined, apiKey));
      const { data } = dataOf(await world.account('GET', at(id, '/session-logs'))) as {
        data: { event_type: string; status: string }[];
      };
      for (const status of ['need_scan', 'connected']) {
        must(
          data.some((entry) => entry.event_type === 'status_change' && entry.status === status),
          `No ${status}`,
        );
      }
      must(
        data.some(({ event_type: type }) => type === 'session_restarted'),
        'The restart is not in it',
      );
    },
    'Error Response': async (is) => void is(await world.account('GET', '/api/whatsapp-sessions/999999/session-logs')),
  },
});

prove('get-session-user-info', {
  responses: {
    'Success Response': async (is) => {
      const { id, lid } = is(await world.api('GET', '/api/user')).data as Record<string, string>;
      const own = world.own();
      must(id?.startsWith(`${own.phone}:`) && lid?.startsWith(own.lid.split('@')[0]!), `Says ${id}, ${lid}`);
    },
  },
});

prove('regenerate-api-key', {
  parameters: { whatsappSession: () => named('POST', '/regenerate-key') },
  responses: {
    'Success Response': async (is) => {
      const { id, apiKey } = await world.session();
      const status = async (key: string) => (await world.request('GET', '/api/status', undefined, key)).status;
      const fresh = is(await world.request('POST', at(id, '/regenerate-key'), undefined, apiKey))['api_key'] as string;
      must((await status(fresh)) === 200 && (await status(apiKey)) === 401, 'Both keys are as before');
      must((await world.request('POST', at(id, '/regenerate-key'), undefined, TOKEN)).status === 200, 'Not by token');
    },
  },
});

prove('using-proxies', {});

prove('bearer-tokens', {
  parameters: {
    Authorization: async () => {
      must((await world.request('GET', '/api/status', undefined, world.apiKey)).status === 200, 'Not let in');
      // The page also writes "Bearer token KEY".
      must(
        (await world.request('GET', '/api/status', undefined, `token ${world.apiKey}`)).status === 200,
        'Not let in',
      );
    },
  },
  responses: {
    'No API KEY Response': async (is) => void is(await world.request('GET', '/api/status'), { status: 401 }),
    'Invalid API KEY Response': async (is) =>
      void is(await world.request('GET', '/api/status', undefined, 'f'.repeat(64)), { status: 401 }),
  },
});

prove('personal-access-token', {
  parameters: {
    Authorization: async () => {
      must((await world.account('GET', '/api/whatsapp-sessions')).status === 200, 'Not let in');
      must((await world.api('GET', '/api/whatsapp-sessions')).status === 403, 'A session’s key opens the account');
    },
  },
  responses: {
    'No API KEY Response': notApplicable(
      'A misspelling of the provider’s ("Unnotarized"); a missing token is told as on the page about API keys',
    ),
  },
});

prove('error-responses', {
  responses: {
    'Validation Error': async (is) => void is(await world.api('POST', '/api/send-message', {}), { status: 422 }),
    'Authentication Error': async (is) =>
      void is(await world.request('POST', '/api/send-message', { to: SAMPLE, text: 'x' }, 'f'.repeat(64)), {
        status: 401,
      }),
    'No Active Subscription Error': notApplicable(NO_PLANS),
    'Trial Bulk Limit Error': notApplicable(NO_PLANS),
    'Rate Limit Error (Trial)': notApplicable(NO_PLANS),
    'Rate Limit Error (Account Protection)': refusedByProtection,
    'Session is not Connected': async (is) => {
      const session = await world.session();
      is(await send(session, { text: 'nobody home' }));
    },
  },
});

/** The documented text goes on with the address of the documentation, which is another one here. */
async function refusedByProtection(is: Check): Promise<void> {
  const session = await world.session({ connected: true, account_protection: true });
  await send(session, { text: 'one' });
  is(await send(session, { text: 'two' }), { status: 429, prefix: true });
}

const header = ({ headers }: Answer, name: string) => Number(headers.get(`X-RateLimit-${name}`) ?? NaN);

/** The headers of two requests, one after the other, of a session that has made none before. */
const RATE_LIMIT_HEADERS = {
  'X-RateLimit-Limit': async () => {
    const { apiKey } = await world.session({ connected: true });
    const group = world.group([OWN, SAMPLE]);
    const limits: [string, string, number][] = [
      ['POST', '/api/send-message', 256],
      ['GET', `/api/groups/${group}/metadata`, 10],
      ['GET', `/api/groups/${group}/participants`, 10],
      ['GET', `/api/contacts/${SAMPLE}/picture`, 60],
      ['GET', `/api/on-whatsapp/${SAMPLE}`, 60],
    ];
    for (const [method, path, limit] of limits) {
      const body = method === 'POST' ? { to: SAMPLE, text: 'one of many' } : undefined;
      const told = header(await world.request(method, path, body, apiKey), 'Limit');
      must(told === limit, `${path} says ${told}, documented: ${limit}`);
    }
  },
  'X-RateLimit-Remaining': async () => {
    const { apiKey } = await world.session();
    const remaining = async () => header(await world.request('GET', '/api/status', undefined, apiKey), 'Remaining');
    const [one, two] = [await remaining(), await remaining()];
    must(two === one - 1, `${one} remained, then ${two}`);
  },
  'X-RateLimit-Reset': async () => {
    const { apiKey } = await world.session();
    const left = header(await world.request('GET', '/api/status', undefined, apiKey), 'Reset') - Date.now() / 1000;
    must(left > 0 && left <= 61, `${left} seconds from now`);
    return 'The page calls it a timestamp and seconds until then; it is a time in Unix seconds, as the published client reads it';
  },
};

prove('response-headers', {
  parameters: {
    ...RATE_LIMIT_HEADERS,
    'Content-Type': async () => {
      const { headers } = await world.api('GET', '/api/status');
      must(headers.get('content-type')?.startsWith('application/json'), String(headers.get('content-type')));
    },
  },
});
prove('understanding-rate-limits', {
  parameters: { ...RATE_LIMIT_HEADERS },
  responses: {
    'Rate Limit Error (Trial)': notApplicable(NO_PLANS),
    'Rate Limit Error (Account Protection)': refusedByProtection,
  },
});

prove('webhook-setup', {
  parameters: {
    'X-Webhook-Signature': async () => {
      const path = `/${Math.random()}`;
      const session = await world.session({
        connected: true,
        webhook_url: `${receiver.origin}${path}`,
        webhook_enabled: true,
      });
      await posted(session, path);
      const secret = (await shownAs(session.id))['webhook_secret'];
      const requests = receiver.requests.filter((request) => request.path === path);
      must(
        requests.every(({ headers }) => headers['x-webhook-signature'] === secret),
        'Not the session’s secret',
      );
    },
    'Content-Type': async () => {
      const types = receiver.requests.map(({ headers }) => headers['content-type']);
      must(types.length > 0 && types.every((type) => type?.startsWith('application/json')), types.join(', '));
    },
  },
});
