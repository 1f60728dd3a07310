import type { IHookFunctions, IHttpRequestOptions } from 'n8n-workflow';
import type { Filters } from '../../dist/nodes/WarblerTrigger/filters.js';
import type { Options } from '../../dist/nodes/WarblerTrigger/options.js';
import { isRegistered, register, unregister, type Registration } from '../../dist/nodes/WarblerTrigger/subscription.js';

interface Subscription {
  id: string;
  url: string;
  events: string[];
  state: string;
  secret: string;
  expires_in?: number;
  filter?: object;
  collect?: number;
  markAsRead?: boolean;
}

const PRODUCTION = 'http://n8n.example/webhook/1/webhook';
const TEST = 'http://n8n.example/webhook-test/1/webhook';

/** What the engine keeps per session, and every request the trigger made. The real engine is asked in test/n8n. */
class Subscriptions {
  readonly rows: Subscription[] = [];

  readonly requests: string[] = [];

  reachable = true;

  answer({ method, url, body }: IHttpRequestOptions): { statusCode: number; body: unknown } {
    if (!this.reachable) throw Object.assign(new Error('refused'), { httpCode: 'ECONNREFUSED' });
    this.requests.push(`${method} ${url}`);
    if (url.endsWith('/sample')) return { statusCode: 202, body: { data: { source: 'example' } } };
    const id = /webhooks\/(.+)$/.exec(url)?.[1];
    const row = this.rows.find((candidate) => candidate.id === id);
    if (method === 'POST') return { statusCode: 201, body: { data: this.put(body as Partial<Subscription>) } };
    if (id === undefined) return { statusCode: 200, body: { data: [...this.rows] } };
    if (!row) return { statusCode: 404, body: { success: false, message: 'There is no such webhook.' } };
    if (method === 'DELETE') this.rows.splice(this.rows.indexOf(row), 1);
    return { statusCode: 200, body: { data: row } };
  }

  private put(wish: Partial<Subscription>): Subscription {
    const known = this.rows.find(({ url }) => url === wish.url);
    const fresh = { id: `sub_${this.requests.length}`, secret: `whsec_${this.requests.length}` };
    const made = { ...fresh, ...(known && { id: known.id, secret: known.secret }), ...wish, state: 'active' };
    if (known) this.rows.splice(this.rows.indexOf(known), 1);
    this.rows.push(made as Subscription);
    return made as Subscription;
  }
}

interface Change {
  isTest?: boolean;
  session?: string;
  events?: string[];
  filters?: Filters;
  options?: Options;
}

function hook(engine: Subscriptions, registration: Registration, change: Change = {}) {
  const { isTest = false, session = '1', events = ['messages.received'], filters = {}, options = {} } = change;
  const parameters: Record<string, unknown> = { session, events, filters, options };
  return {
    getWorkflowStaticData: () => registration,
    getWorkflow: () => ({ id: 'w' }),
    getNode: () => ({ id: 'n', name: 'Warbler Trigger', type: 'warblerTrigger' }),
    getNodeParameter: (name: string) => parameters[name],
    getNodeWebhookUrl: () => (isTest ? TEST : PRODUCTION),
    getActivationMode: () => (isTest ? 'manual' : 'activate'),
    getCredentials: async () => ({ url: 'http://engine.example/', token: 't' }),
    helpers: {
      httpRequestWithAuthentication: async (_type: string, options: IHttpRequestOptions) => engine.answer(options),
    },
  } as unknown as IHookFunctions;
}

test('activation registers the address of the trigger and keeps id and secret', async () => {
  const engine = new Subscriptions();
  const registration: Registration = {};
  expect(await isRegistered.call(hook(engine, registration))).toBe(false);
  await register.call(hook(engine, registration));
  expect(engine.rows).toMatchObject([{ url: PRODUCTION, events: ['messages.received'], format: 'standard' }]);
  expect(engine.rows[0]?.expires_in).toBeUndefined();
  expect(registration).toMatchObject({ subscriptionId: engine.rows[0]?.id, secret: engine.rows[0]?.secret });
  expect(await isRegistered.call(hook(engine, registration))).toBe(true);
});

test('a test run registers an address of its own, which vanishes by itself, and removes only that', async () => {
  const engine = new Subscriptions();
  const trial: Registration = {};
  await register.call(hook(engine, {}));
  await register.call(hook(engine, trial, { isTest: true }));
  expect(engine.rows.map(({ url }) => url)).toEqual([PRODUCTION, TEST]);
  expect(engine.rows[1]?.expires_in).toBeGreaterThan(120);
  engine.requests.length = 0;
  await unregister.call(hook(engine, trial, { isTest: true }));
  expect(engine.rows.map(({ url }) => url)).toEqual([PRODUCTION]);
  expect(engine.requests).toEqual(['DELETE /api/whatsapp-sessions/1/webhooks/sub_2']);
});

test('the secret of an address stays the same from one activation to the next', async () => {
  const engine = new Subscriptions();
  const registration: Registration = {};
  await register.call(hook(engine, registration));
  const { secret } = registration;
  await unregister.call(hook(engine, registration));
  expect(engine.rows).toEqual([]);
  await register.call(hook(engine, registration));
  expect(registration.secret).toBe(secret);
  expect(engine.rows[0]?.secret).toBe(secret);
});

test.each([
  ['is gone', (engine: Subscriptions) => engine.rows.splice(0)],
  ['is parked', (engine: Subscriptions) => Object.assign(engine.rows[0]!, { state: 'parked' })],
  ['has other events', (engine: Subscriptions) => Object.assign(engine.rows[0]!, { events: ['message.sent'] })],
  ['has a filter', (engine: Subscriptions) => Object.assign(engine.rows[0]!, { filter: { chats: ['group'] } })],
  ['collects', (engine: Subscriptions) => Object.assign(engine.rows[0]!, { collect: 10 })],
  ['marks as read', (engine: Subscriptions) => Object.assign(engine.rows[0]!, { markAsRead: true })],
])('a subscription that %s is registered again', async (_name, change) => {
  const engine = new Subscriptions();
  const registration: Registration = {};
  await register.call(hook(engine, registration));
  change(engine);
  expect(await isRegistered.call(hook(engine, registration))).toBe(false);
});

test('deactivation finds the subscription by its address when static data is stale', async () => {
  const engine = new Subscriptions();
  await register.call(hook(engine, {}));
  await unregister.call(hook(engine, { subscriptionId: 'sub_of_yesterday' }));
  expect(engine.rows).toEqual([]);
});

test('the delete by which n8n rolls back a start that could not ask the engine removes nothing', async () => {
  const engine = new Subscriptions();
  const registration: Registration = {};
  await register.call(hook(engine, registration));
  engine.reachable = false;
  await expect(isRegistered.call(hook(engine, registration))).rejects.toThrow('Could not reach the Warbler engine');
  engine.reachable = true;
  await unregister.call(hook(engine, registration));
  expect(engine.rows).toHaveLength(1);
  await unregister.call(hook(engine, registration));
  expect(engine.rows).toEqual([]);
});

const locator = (value: unknown) => ({ address: { __rl: true, mode: 'id', value } });
const FILTERS: Filters = {
  chats: ['direct', 'group'],
  from: { addresses: [locator('+1 555 010 0002, 15550100003'), locator(['15550100004'])] },
  in: { addresses: [locator('9@g.us'), locator('')] },
  types: [],
  contains: ' order ',
  matches: '',
  ignoreOwn: false,
};

test('what is filtered by and what is wanted goes to the engine, without what says nothing', async () => {
  const engine = new Subscriptions();
  const registration: Registration = {};
  const change = { events: ['groupChanges', 'call', 'groups.update'], filters: FILTERS, options: { collect: 5 } };
  await register.call(hook(engine, registration, change));
  expect(engine.rows).toMatchObject([
    {
      events: ['group-participants.update', 'group.join-request', 'groups.update', 'groups.upsert', 'call'],
      filter: {
        chats: ['direct', 'group'],
        from: ['+1 555 010 0002', '15550100003', '15550100004'],
        in: ['9@g.us'],
        text: { contains: 'order' },
      },
      collect: 5,
    },
  ]);
  expect(engine.rows[0]).not.toHaveProperty('markAsRead');
  expect(Object.keys(engine.rows[0]?.filter ?? {})).not.toContain('types');
  expect(await isRegistered.call(hook(engine, registration, change))).toBe(true);
});

test.each<[string, Change]>([
  ['a filter less', { options: { collect: 5 } }],
  ['another filter', { filters: { ...FILTERS, chats: ['direct'] }, options: { collect: 5 } }],
  ['another time to collect', { filters: FILTERS, options: { collect: 6 } }],
  ['an option more', { filters: FILTERS, options: { collect: 5, markAsRead: true } }],
  ['another event', { events: ['call'], filters: FILTERS, options: { collect: 5 } }],
  ['another session', { session: '2', filters: FILTERS, options: { collect: 5 } }],
])('%s is registered anew, under the same address and secret', async (_name, change) => {
  const engine = new Subscriptions();
  const registration: Registration = {};
  await register.call(hook(engine, registration, { filters: FILTERS, options: { collect: 5 } }));
  const { id, secret } = engine.rows[0]!;
  expect(await isRegistered.call(hook(engine, registration, change))).toBe(false);
  await register.call(hook(engine, registration, change));
  expect(engine.rows).toMatchObject([{ id, secret }]);
  expect(await isRegistered.call(hook(engine, registration, change))).toBe(true);
});

test('options of n8n alone need no other registration', async () => {
  const engine = new Subscriptions();
  const registration: Registration = {};
  await register.call(hook(engine, registration));
  const options: Options = { downloadMedia: true, binaryPropertyName: 'photo', testWith: 'new' };
  expect(await isRegistered.call(hook(engine, registration, { options }))).toBe(true);
});

test('all sessions are registered at an address of their own, looked up and removed there', async () => {
  const engine = new Subscriptions();
  const registration: Registration = {};
  const all = () => hook(engine, registration, { session: 'all' });
  await register.call(all());
  expect(await isRegistered.call(all())).toBe(true);
  await unregister.call(all());
  const id = registration.subscriptionId ?? 'sub_1';
  expect(engine.requests).toEqual([
    'POST /api/webhooks',
    `GET /api/webhooks/${id}`,
    'GET /api/webhooks',
    `DELETE /api/webhooks/${id}`,
  ]);
});

test('a trigger that goes from one session to all leaves nothing behind at the one', async () => {
  const engine = new Subscriptions();
  const registration: Registration = {};
  await register.call(hook(engine, registration));
  await unregister.call(hook(engine, registration, { session: 'all' }));
  expect(engine.requests).toContain('GET /api/whatsapp-sessions/1/webhooks');
  expect(engine.rows).toEqual([]);
});

test('a test asks for a sample, an activation and a test with a new event do not', async () => {
  const engine = new Subscriptions();
  const asks = async (change: Change) => {
    await register.call(hook(engine, {}, change));
    return engine.requests.pop()!.replace(/sub_\d+/, 'sub');
  };
  expect(await asks({ isTest: true })).toBe('POST /api/whatsapp-sessions/1/webhooks/sub/sample');
  expect(await asks({ isTest: true, session: 'all' })).toBe('POST /api/webhooks/sub/sample');
  expect(await asks({ isTest: true, options: { testWith: 'sample' } })).toMatch(/sample$/);
  expect(await asks({ isTest: true, options: { testWith: 'new' } })).toBe('POST /api/whatsapp-sessions/1/webhooks');
  expect(await asks({})).toBe('POST /api/whatsapp-sessions/1/webhooks');
});
