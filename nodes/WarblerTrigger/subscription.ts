import type { IDataObject, IHookFunctions } from 'n8n-workflow';
import { ask } from '../Warbler/shared/engine';
import { eventsOf } from './events';
import { filterOf, type Filters } from './filters';
import type { Options } from './options';
import { ALL } from './sessions';

/** n8n listens for a test event for 120 s and keeps the address for 30 s more; then nobody needs the subscription. */
const TEST_EXPIRES_IN_S = 150;

/**
 * What a trigger keeps in static data. n8n gives a test run static data of its own: empty when it begins to listen,
 * seen by `webhook()` and `delete()` of the same run, never saved. So test and production cannot meet here.
 */
export interface Registration extends IDataObject {
  url?: string;
  sessionId?: string;
  subscriptionId?: string;
  secret?: string;
  isTest?: boolean;
  /** What was taken last, by event and redelivery; see memory.ts. A test takes one event. */
  seen?: string[];
}

/** What the trigger wants of the engine, and what it finds registered there. */
interface Wish {
  url: string;
  events: string[];
  filter?: IDataObject | null;
  collect?: number | null;
  markAsRead?: boolean | null;
}

interface Subscription extends Wish {
  id: number | string;
  state: string;
  secret?: string;
}

/** Triggers whose last look-up failed, until n8n has rolled that activation back. */
const undecided = new Set<string>();

const registrationOf = (hook: IHookFunctions) => hook.getWorkflowStaticData('node') as Registration;
const keyOf = (hook: IHookFunctions) => `${hook.getWorkflow().id}/${hook.getNode().id}`;
const webhooksOf = (sessionId: string) =>
  sessionId === ALL ? '/api/webhooks' : `/api/whatsapp-sessions/${encodeURIComponent(sessionId)}/webhooks`;
const pathOf = (sessionId: string, id: number | string) => `${webhooksOf(sessionId)}/${encodeURIComponent(id)}`;

const sessionOf = (hook: IHookFunctions) => String(hook.getNodeParameter('session', undefined, { extractValue: true }));
const urlOf = (hook: IHookFunctions) => hook.getNodeWebhookUrl('default') as string;
const optionsOf = (hook: IHookFunctions) => hook.getNodeParameter('options', {}) as Options;

function wishOf(hook: IHookFunctions): Wish {
  const filter = filterOf(hook.getNodeParameter('filters', {}) as Filters);
  const { collect, markAsRead } = optionsOf(hook);
  return {
    url: urlOf(hook),
    events: eventsOf(hook.getNodeParameter('events') as string[]),
    ...(filter && { filter }),
    ...(collect && { collect }),
    ...(markAsRead && { markAsRead }),
  };
}

/** A value with its keys and lists in order, as text: two that mean the same are the same. */
const inOrder = (value: unknown): string =>
  JSON.stringify(value ?? {}, (_key, part: unknown) => {
    if (Array.isArray(part)) return [...(part as unknown[])].sort();
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).sort(([one], [other]) => one.localeCompare(other)));
  });

const isSame = (one: Wish, other: Wish): boolean =>
  one.url === other.url &&
  inOrder(one.events) === inOrder(other.events) &&
  inOrder(one.filter) === inOrder(other.filter) &&
  (one.collect ?? 0) === (other.collect ?? 0) &&
  Boolean(one.markAsRead) === Boolean(other.markAsRead);

/**
 * Whether the engine still has this trigger's subscription as it should be and delivers to it. Asked on every
 * activation and at every start of n8n; a subscription that was parked while n8n was down is registered again, which
 * resumes it.
 */
export async function isRegistered(this: IHookFunctions): Promise<boolean> {
  const wish = wishOf(this);
  const sessionId = sessionOf(this);
  const registration = registrationOf(this);
  const isOurs = registration.url === wish.url && registration.sessionId === sessionId && Boolean(registration.secret);
  if (!isOurs || registration.subscriptionId === undefined) return false;
  undecided.add(keyOf(this));
  const path = pathOf(sessionId, registration.subscriptionId);
  const { statusCode, body } = await ask.call(this, { method: 'GET', path, expect: [404] });
  undecided.delete(keyOf(this));
  if (statusCode === 404) return false;
  const found = (body as { data: Subscription }).data;
  return found.state === 'active' && isSame(found, wish);
}

/**
 * Registers this trigger's address, which replaces what the engine has of it and loses nothing that waits. The secret of
 * an earlier registration of the same address stays: n8n writes static data back as a whole, so a delivery under way may
 * restore what was there before.
 */
export async function register(this: IHookFunctions): Promise<boolean> {
  const wish = wishOf(this);
  const sessionId = sessionOf(this);
  const registration = registrationOf(this);
  const isTest = this.getActivationMode() === 'manual';
  const body: IDataObject = { ...wish, format: 'standard' };
  if (isTest) body.expires_in = TEST_EXPIRES_IN_S;
  if (registration.url === wish.url && registration.secret) body.secret = registration.secret;
  const response = await ask.call(this, { method: 'POST', path: webhooksOf(sessionId), body });
  const { id, secret } = (response.body as { data: Subscription }).data;
  Object.assign(registration, { url: wish.url, sessionId, subscriptionId: String(id), secret, isTest });
  if (isTest && optionsOf(this).testWith !== 'new') await askForSample.call(this, sessionId, id);
  return true;
}

/**
 * Has the engine post the latest event that fits, or an example, so that whoever tests need not wait for one. With an
 * engine that knows no samples they do.
 */
async function askForSample(this: IHookFunctions, sessionId: string, id: number | string): Promise<void> {
  await ask.call(this, { method: 'POST', path: `${pathOf(sessionId, id)}/sample`, expect: [404] });
}

async function remove(this: IHookFunctions, sessionId: string, id: number | string): Promise<void> {
  await ask.call(this, { method: 'DELETE', path: pathOf(sessionId, id), expect: [404] });
}

async function removeByUrl(this: IHookFunctions, sessionId: string, url: string): Promise<void> {
  const path = webhooksOf(sessionId);
  const { statusCode, body } = await ask.call(this, { method: 'GET', path, expect: [404] });
  if (statusCode === 404) return;
  const subscriptions = (body as { data: Subscription[] }).data.filter((subscription) => subscription.url === url);
  for (const { id } of subscriptions) await remove.call(this, sessionId, id);
}

/**
 * Removes this trigger's subscription, found by its address, so that none is left behind when static data is stale. That
 * of a test never is, and goes with one request: while n8n (2.41) waits for this, another test that begins would have it
 * copy all that it is made of, and stand still for that.
 *
 * When n8n starts and the engine cannot be asked, n8n rolls the activation back by a delete and tries again later. That
 * delete must not reach an engine that has come up in the meantime: the events it still holds would go with it.
 */
export async function unregister(this: IHookFunctions): Promise<boolean> {
  if (undecided.delete(keyOf(this))) return true;
  const sessionId = sessionOf(this);
  const registration = registrationOf(this);
  const { isTest, subscriptionId } = registration;
  if (isTest && subscriptionId !== undefined) {
    await remove.call(this, registration.sessionId ?? sessionId, subscriptionId);
  } else {
    for (const session of new Set([sessionId, registration.sessionId ?? sessionId])) {
      await removeByUrl.call(this, session, urlOf(this));
    }
  }
  delete registration.subscriptionId;
  return true;
}
