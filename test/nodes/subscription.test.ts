import type { IHookFunctions, IHttpRequestOptions } from 'n8n-workflow';
import { isRegistered, register, unregister, type Registration } from '../../dist/nodes/WarblerTrigger/subscription.js';

interface Subscription {
  id: string;
  url: string;
  events: string[];
  state: string;
  secret: string;
  expires_in?: number;
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
    const made = { ...fresh, ...known, ...wish, state: 'active' } as Subscription;
    if (known) Object.assign(known, made);
    else this.rows.push(made);
    return made;
  }
}

function hook(engine: Subscriptions, registration: Registration, change: { isTest?: boolean; events?: string[] } = {}) {
  const { isTest = false, events = ['messages.received'] } = change;
  return {
    getWorkflowStaticData: () => registration,
    getWorkflow: () => ({ id: 'w' }),
    getNode: () => ({ id: 'n', name: 'Warbler Trigger', type: 'warblerTrigger' }),
    getNodeParameter: (name: string) => (name === 'session' ? '1' : events),
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
  await unregister.call(hook(engine, trial, { isTest: true }));
  expect(engine.rows.map(({ url }) => url)).toEqual([PRODUCTION]);
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
