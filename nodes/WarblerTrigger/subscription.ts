import type { IDataObject, IHookFunctions } from 'n8n-workflow';
import { ask } from '../Warbler/shared/engine';
import { dropMemory } from './memory';

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
  /** What was taken last, by event and redelivery; see memory.ts. */
  seen?: string[];
}

interface Subscription {
  id: number | string;
  url: string;
  events: string[];
  state: string;
  secret?: string;
}

/** Triggers whose last look-up failed, until n8n has rolled that activation back. */
const undecided = new Set<string>();

const registrationOf = (hook: IHookFunctions) => hook.getWorkflowStaticData('node') as Registration;
const keyOf = (hook: IHookFunctions) => `${hook.getWorkflow().id}/${hook.getNode().id}`;
const pathOf = (sessionId: string, id?: number | string) =>
  `/api/whatsapp-sessions/${encodeURIComponent(sessionId)}/webhooks${id === undefined ? '' : `/${encodeURIComponent(id)}`}`;

function wishOf(hook: IHookFunctions) {
  const sessionId = hook.getNodeParameter('session', undefined, { extractValue: true });
  return {
    url: hook.getNodeWebhookUrl('default') as string,
    sessionId: String(sessionId),
    events: hook.getNodeParameter('events') as string[],
  };
}

/**
 * Whether the engine still has this trigger's subscription as it should be and delivers to it. Asked on every
 * activation and at every start of n8n; a subscription that was parked while n8n was down is registered again, which
 * resumes it.
 */
export async function isRegistered(this: IHookFunctions): Promise<boolean> {
  const { url, sessionId, events } = wishOf(this);
  const registration = registrationOf(this);
  const isOurs = registration.url === url && registration.sessionId === sessionId && Boolean(registration.secret);
  if (!isOurs || registration.subscriptionId === undefined) return false;
  undecided.add(keyOf(this));
  const path = pathOf(sessionId, registration.subscriptionId);
  const { statusCode, body } = await ask.call(this, { method: 'GET', path, expect: [404] });
  undecided.delete(keyOf(this));
  if (statusCode === 404) return false;
  const found = (body as { data: Subscription }).data;
  const hasEvents = [...found.events].sort().join() === [...events].sort().join();
  return found.url === url && found.state === 'active' && hasEvents;
}

/**
 * Registers this trigger's address. The secret of an earlier registration of the same address stays: n8n writes static
 * data back as a whole, so a delivery under way may restore what was there before.
 */
export async function register(this: IHookFunctions): Promise<boolean> {
  const { url, sessionId, events } = wishOf(this);
  const registration = registrationOf(this);
  const body: IDataObject = { url, events, format: 'standard' };
  if (this.getActivationMode() === 'manual') body.expires_in = TEST_EXPIRES_IN_S;
  if (registration.url === url && registration.secret) body.secret = registration.secret;
  const response = await ask.call(this, { method: 'POST', path: pathOf(sessionId), body });
  const created = (response.body as { data: Subscription }).data;
  Object.assign(registration, { url, sessionId, subscriptionId: String(created.id), secret: created.secret });
  return true;
}

async function removeFrom(this: IHookFunctions, sessionId: string, url: string): Promise<void> {
  const path = pathOf(sessionId);
  const { statusCode, body } = await ask.call(this, { method: 'GET', path, expect: [404] });
  if (statusCode === 404) return;
  const subscriptions = (body as { data: Subscription[] }).data.filter((subscription) => subscription.url === url);
  for (const { id } of subscriptions) {
    await ask.call(this, { method: 'DELETE', path: pathOf(sessionId, id), expect: [404] });
  }
}

/**
 * Removes this trigger's subscription, found by its address, so that none is left behind when static data is stale.
 *
 * When n8n starts and the engine cannot be asked, n8n rolls the activation back by a delete and tries again later. That
 * delete must not reach an engine that has come up in the meantime: the events it still holds would go with it.
 */
export async function unregister(this: IHookFunctions): Promise<boolean> {
  if (undecided.delete(keyOf(this))) return true;
  const { url, sessionId } = wishOf(this);
  const registration = registrationOf(this);
  for (const session of new Set([sessionId, registration.sessionId ?? sessionId])) {
    await removeFrom.call(this, session, url);
  }
  if (registration.subscriptionId !== undefined) dropMemory(registration.subscriptionId);
  delete registration.subscriptionId;
  return true;
}
