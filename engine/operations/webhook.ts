import { z } from 'zod';
import { checkUrl } from '../network/guard.ts';
import { isSecret, newSecret } from '../delivery/signature.ts';
import { EngineError, validationFailed } from '../errors.ts';
import { EVENT_NAMES } from '../events.ts';
import type { DeliveryRecord, SubscriptionRecord } from '../model.ts';
import { operation, whatsappSession, type Call } from './operation.ts';

const shown = z.object({
  id: z.string(),
  session_id: z.int(),
  url: z.string(),
  events: z.array(z.string()),
  format: z.enum(['standard', 'wasender']),
  state: z.enum(['active', 'parked']).describe('parked: the receiver answered 404 or 410; events wait for it'),
  parked_reason: z.string().nullable(),
  expires_at: z.string().nullable(),
  created_at: z.string(),
});
const shownDelivery = z.object({
  id: z.int(),
  webhook_id: z.string(),
  event_id: z.string(),
  event: z.string(),
  seq: z.int(),
  status: z.enum(['pending', 'delivered', 'parked', 'failed']),
  attempts: z.int(),
  next_attempt_at: z.string().nullable(),
  last_attempt_at: z.string().nullable(),
  last_status: z.int().nullable(),
  last_error: z.string().nullable(),
});
/** An event as it is posted and as the log has it. */
export const eventShown = z
  .looseObject({
    event: z.enum(EVENT_NAMES).describe('Name of the event'),
    id: z.string().describe('Id of the event, the same on every retry'),
    seq: z.int().describe('Number of the event in this engine: tells the order in which things happened'),
    sessionId: z.string().describe('Id of the session'),
    timestamp: z.int().describe('When it happened, in Unix milliseconds'),
    jid: z.string().optional().describe('WhatsApp’s address of the chat, where the event is about one'),
    lid: z.string().optional().describe('LID of the person, where known'),
    phone: z.string().optional().describe('Phone number of the person, digits with country code, where known'),
    data: z.unknown().describe('What happened, in WasenderApi’s form; by event'),
  })
  .meta({ title: 'Event' });
const ofSession = z.object({ whatsappSession });
const byId = ofSession.extend({ webhookId: z.string() });
const page = {
  after: z.int().min(0).default(0).describe('Answer what comes after this one'),
  limit: z.int().min(1).max(500).default(100),
};

export const create = operation({
  id: 'webhook.create',
  http: 'POST /api/whatsapp-sessions/:whatsappSession/webhooks',
  access: 'own',
  summary: 'Have events of a session posted to a URL; the same URL again replaces and resumes',
  status: 201,
  input: ofSession.extend({
    url: z.string().max(2048).describe('http(s) URL that takes the events'),
    events: z
      .array(z.enum([...EVENT_NAMES, '*']))
      .min(1)
      .describe('Names of events, or * for all'),
    secret: z.string().optional().describe('Signing secret, whsec_ and 24 to 64 bytes in base64; made when missing'),
    format: z.enum(['standard', 'wasender']).default('standard').describe('wasender adds X-Webhook-Signature'),
    expires_in: z.int().min(1).max(31_536_000).optional().describe('Seconds after which it is removed by itself'),
  }),
  output: shown.extend({ secret: z.string().describe('Shown only now') }),
  run: async ({ engine, record }, { url, events, secret, format, expires_in: expiresIn }) => {
    checkUrl(url, engine.webhookNetworks);
    if (secret !== undefined && !isSecret(secret)) {
      throw validationFailed({ secret: ['The secret field must be whsec_ followed by 24 to 64 bytes in base64.'] });
    }
    const subscription = await engine.store.subscriptions.put({
      sessionId: record.id,
      origin: 'api',
      url,
      events,
      format,
      secret: secret ?? newSecret(),
      expiresAt: expiresIn === undefined ? null : Date.now() + expiresIn * 1000,
    });
    await engine.wakeSubscription(subscription.id);
    return { ...show(subscription), secret: subscription.secret };
  },
});

export const list = operation({
  id: 'webhook.list',
  http: 'GET /api/whatsapp-sessions/:whatsappSession/webhooks',
  access: 'own',
  summary: 'List who gets the events of a session',
  input: ofSession,
  output: z.array(shown),
  run: async ({ engine, record }) => (await engine.store.subscriptions.list(record.id)).map(show),
});

export const get = operation({
  id: 'webhook.get',
  http: 'GET /api/whatsapp-sessions/:whatsappSession/webhooks/:webhookId',
  access: 'own',
  summary: 'Get one webhook',
  input: byId,
  output: shown,
  run: async (call, { webhookId }) => show(await find(call, webhookId)),
});

export const remove = operation({
  id: 'webhook.remove',
  http: 'DELETE /api/whatsapp-sessions/:whatsappSession/webhooks/:webhookId',
  access: 'own',
  summary: 'Stop posting events to a URL; the same URL registered again within a minute misses nothing',
  envelope: 'flat',
  input: byId,
  output: z.object({ message: z.string() }),
  run: async (call, { webhookId }) => {
    const { id, origin } = await find(call, webhookId);
    if (origin === 'session') {
      throw new EngineError('bad_request', 'This is the session’s own webhook. Change webhook_url of the session.');
    }
    await call.engine.store.subscriptions.delete(id);
    return { message: 'Webhook deleted successfully.' };
  },
});

export const resume = operation({
  id: 'webhook.resume',
  http: 'POST /api/whatsapp-sessions/:whatsappSession/webhooks/:webhookId/resume',
  access: 'own',
  summary: 'Deliver again to a parked webhook, and whatever was given up on',
  input: byId,
  output: shown,
  run: async (call, { webhookId }) => {
    const { id } = await find(call, webhookId);
    await call.engine.store.subscriptions.resume(id);
    await call.engine.wakeSubscription(id);
    return show(await find(call, id));
  },
});

export const events = operation({
  id: 'webhook.events',
  http: 'GET /api/whatsapp-sessions/:whatsappSession/events',
  access: 'own',
  summary: 'Read the event log of a session, oldest first',
  input: ofSession.extend(page),
  output: z.array(eventShown),
  run: async ({ engine, record }, { after, limit }) =>
    (await engine.store.events.list(record.id, { after, limit })).map((event) => ({ ...event })),
});

export const deliveries = operation({
  id: 'webhook.deliveries',
  http: 'GET /api/whatsapp-sessions/:whatsappSession/deliveries',
  access: 'own',
  summary: 'See what became of each event at each webhook',
  input: ofSession.extend({
    ...page,
    status: z.enum(['pending', 'delivered', 'parked', 'failed']).optional(),
    webhookId: z.string().optional(),
  }),
  output: z.array(shownDelivery),
  run: async ({ engine, record }, { after, limit, status, webhookId }) => {
    const filter = { ...(status && { status }), ...(webhookId && { subscriptionId: webhookId }) };
    return (await engine.store.deliveries.list(record.id, filter, { after, limit })).map(showDelivery);
  },
});

export const redeliver = operation({
  id: 'webhook.redeliver',
  http: 'POST /api/whatsapp-sessions/:whatsappSession/deliveries/:deliveryId/redeliver',
  access: 'own',
  summary: 'Deliver an event once more, under the same id',
  input: ofSession.extend({ deliveryId: z.int().min(1) }),
  output: shownDelivery,
  run: async ({ engine, record }, { deliveryId }) => {
    const known = await engine.store.deliveries.get(record.id, deliveryId);
    if (!known) throw new EngineError('delivery_not_found', 'There is no such delivery in this session.');
    const { subscriptionId } = await engine.store.deliveries.redeliver(known.id);
    await engine.wakeSubscription(subscriptionId);
    return showDelivery((await engine.store.deliveries.get(record.id, known.id))!);
  },
});

async function find({ engine, record }: Call, webhookId: string): Promise<SubscriptionRecord> {
  const subscription = await engine.store.subscriptions.get(webhookId);
  if (subscription?.sessionId === record.id) return subscription;
  throw new EngineError('webhook_not_found', 'There is no such webhook in this session.');
}

const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

function show(subscription: SubscriptionRecord): z.input<typeof shown> {
  const { id, sessionId, url, events, format, state, parkedReason, expiresAt, createdAt } = subscription;
  return {
    id,
    session_id: sessionId,
    url,
    events,
    format,
    state,
    parked_reason: parkedReason,
    expires_at: iso(expiresAt),
    created_at: new Date(createdAt).toISOString(),
  };
}

function showDelivery(delivery: DeliveryRecord): z.input<typeof shownDelivery> {
  const waiting = delivery.status === 'pending' || delivery.status === 'failed';
  return {
    id: delivery.id,
    webhook_id: delivery.subscriptionId,
    event_id: delivery.eventId,
    event: delivery.event,
    seq: delivery.seq,
    status: delivery.status,
    attempts: delivery.attempts,
    next_attempt_at: waiting ? iso(delivery.nextAttemptAt) : null,
    last_attempt_at: iso(delivery.lastAttemptAt),
    last_status: delivery.lastStatus,
    last_error: delivery.lastError,
  };
}
