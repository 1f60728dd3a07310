import { DateTime } from 'luxon';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { checkUrl } from '../network/guard.ts';
import { isSecret, newSecret } from '../delivery/signature.ts';
import { EngineError, validationFailed } from '../errors.ts';
import { EVENT_NAMES } from '../events.ts';
import type { DeliveryRecord, SubscriptionRecord } from '../model.ts';
import { chatJid, isoTime, unixMs, whatWasDone } from './fields.ts';
import { operation, whatsappSession, type Call } from './operation.ts';

const RECEIVER = 'https://n8n.example.com/webhook/warbler';
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwm5xNfhPLHVQ=';

const webhookId = z.string().meta({ description: 'Id of the webhook', examples: ['whk_5f2c9a7e41b84d0c3e'] });
const eventId = z.string().meta({
  description: 'Id of the event, the same on every retry',
  examples: ['evt_9f86d081884c7d659a2feaa0'],
});
const seq = z.int().meta({
  description: 'Number of the event in this engine: tells the order in which things happened',
  examples: [318],
});
const format = z.enum(['standard', 'wasender']);
const shown = z
  .object({
    id: webhookId,
    session_id: whatsappSession,
    url: z.string().meta({ description: 'Where events are posted to', examples: [RECEIVER] }),
    events: z.array(z.string()).meta({
      description: 'Names of the events that are posted, or * for all',
      examples: [['messages.received', 'session.status']],
    }),
    format: format.describe('wasender: also X-Webhook-Signature, as WasenderApi’s clients expect it'),
    state: z.enum(['active', 'parked']).describe('parked: the receiver answered 404 or 410; events wait for it'),
    parked_reason: z
      .string()
      .nullable()
      .meta({
        description: 'Why it is parked; null while it is active',
        examples: ['The receiver answered 404: nobody listens at this URL'],
      }),
    expires_at: isoTime.nullable().describe('When it is removed by itself, in ISO 8601; null: never'),
    created_at: isoTime.describe('When it was made, in ISO 8601'),
  })
  .meta({ title: 'Webhook' });
const deliveryStatus = z.enum(['pending', 'delivered', 'parked', 'failed']);
const shownDelivery = z
  .object({
    id: z.int().meta({ description: 'Number of the delivery', examples: [902] }),
    webhook_id: webhookId,
    event_id: eventId,
    event: z.string().meta({ description: 'Name of the event', examples: ['messages.received'] }),
    seq,
    status: deliveryStatus.describe(
      'pending: not tried yet. failed: tried, and will be tried again. parked: waits for a resume or a redelivery. delivered: the receiver answered 2xx',
    ),
    redeliveries: z.int().meta({ description: 'How often somebody has asked for the event once more', examples: [0] }),
    attempts: z.int().meta({ description: 'How often it was tried', examples: [1] }),
    next_attempt_at: isoTime.nullable().describe('When it is tried next, in ISO 8601; null: not by itself'),
    last_attempt_at: isoTime.nullable().describe('When it was tried last, in ISO 8601; null: never'),
    last_status: z
      .int()
      .nullable()
      .meta({ description: 'HTTP status of the last answer; null: there was none', examples: [200] }),
    last_error: z
      .string()
      .nullable()
      .meta({
        description: 'What was wrong with the last try; null: nothing',
        examples: ['The receiver answered 500'],
      }),
  })
  .meta({ title: 'Delivery' });
/** An event as the log has it. */
const eventShown = z
  .looseObject({
    event: z.enum(EVENT_NAMES).describe('Name of the event'),
    id: eventId,
    seq,
    sessionId: z.string().meta({ description: 'Id of the session', examples: ['1'] }),
    timestamp: unixMs.describe('When it happened, in Unix milliseconds'),
    jid: chatJid.optional().describe('WhatsApp’s address of the chat, where the event is about one'),
    lid: z
      .string()
      .optional()
      .meta({ description: 'LID of the person, where known', examples: ['123456789012345@lid'] }),
    phone: z
      .string()
      .optional()
      .meta({
        description: 'Phone number of the person, digits with country code, where known',
        examples: ['15551234567'],
      }),
    data: z.unknown().meta({
      description: 'What happened, in WasenderApi’s form; it differs from event to event',
      examples: [{ status: 'connected' }],
    }),
  })
  .meta({ title: 'Event' });
/** An event as it is posted. */
export const eventPosted = eventShown
  .extend({
    redelivery: z
      .int()
      .optional()
      .meta({
        description:
          'How often somebody has asked that the event be posted once more; missing while nobody has. Drop a repeat of the same id and redelivery',
        examples: [1],
      }),
  })
  .meta({ title: 'PostedEvent' });
const ofSession = z.object({ whatsappSession });
const byId = ofSession.extend({ webhookId });
const page = {
  after: z.int().min(0).default(0).describe('Answer what comes after the one with this number'),
  limit: z.int().min(1).max(500).default(100).describe('How many to answer at most'),
};

export const create = operation({
  id: 'webhook.create',
  http: 'POST /api/whatsapp-sessions/:whatsappSession/webhooks',
  access: 'own',
  summary: 'Have events of a session posted to a URL; the same URL again replaces and resumes',
  status: 201,
  errors: ['url_not_allowed'],
  input: ofSession.extend({
    url: z
      .string()
      .max(2048)
      .meta({ description: 'http(s) URL that takes the events', examples: [RECEIVER] }),
    events: z
      .array(z.enum([...EVENT_NAMES, '*']))
      .min(1)
      .meta({ description: 'Names of events, or * for all', examples: [['messages.received', 'session.status']] }),
    secret: z
      .string()
      .optional()
      .meta({
        description: 'Signing secret, whsec_ and 24 to 64 bytes in base64; made when missing',
        examples: [SECRET],
      }),
    format: format.default('standard').describe('wasender adds X-Webhook-Signature'),
    expires_in: z
      .int()
      .min(1)
      .max(31_536_000)
      .optional()
      .meta({ description: 'Seconds after which it is removed by itself', examples: [86_400] }),
  }),
  output: shown
    .extend({ secret: z.string().meta({ description: 'Signing secret; shown only now', examples: [SECRET] }) })
    .meta({ title: 'NewWebhook' }),
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
      expiresAt: expiresIn === undefined ? null : engine.clock.now() + expiresIn * 1000,
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
  errors: ['webhook_not_found'],
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
  errors: ['webhook_not_found'],
  input: byId,
  output: z.object({ message: whatWasDone('Webhook deleted successfully.') }),
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
  errors: ['webhook_not_found'],
  input: byId,
  output: shown,
  run: async (call, { webhookId }) => {
    const { id } = await find(call, webhookId);
    await call.engine.store.subscriptions.resume(id);
    await call.engine.wakeSubscription(id);
    return show(await find(call, id));
  },
});

const onceMore = z
  .object({
    events: z.int().meta({ description: 'How many events are delivered once more', examples: [12] }),
    webhook: shown.describe('The webhook as it is then; one that was parked is active, and parked again if need be'),
  })
  .meta({ title: 'DeliveredOnceMore' });

export const redeliverParked = operation({
  id: 'webhook.redeliverParked',
  http: 'POST /api/whatsapp-sessions/:whatsappSession/webhooks/:webhookId/redeliver',
  access: 'own',
  summary: 'Deliver all events once more that were given up, under the same ids and in the same order',
  errors: ['webhook_not_found'],
  input: byId,
  output: onceMore,
  run: async (call, { webhookId }) => {
    const { id } = await find(call, webhookId);
    const events = await call.engine.store.deliveries.redeliverParked(id);
    await call.engine.wakeSubscription(id);
    return { events, webhook: show(await find(call, id)) };
  },
});

/** So many events of the log are looked at before whatever else the engine has to do has its turn. */
const REPLAYED_AT_ONCE = 1000;

export const replay = operation({
  id: 'webhook.replay',
  http: 'POST /api/whatsapp-sessions/:whatsappSession/webhooks/:webhookId/replay',
  access: 'own',
  summary: 'Deliver the events of a span of time once more, also those from before the webhook was made',
  errors: ['webhook_not_found'],
  input: byId.extend({
    from: z.string().meta({
      description: 'Time of the first event, in ISO 8601 with Z or an offset',
      examples: ['2026-01-15T09:00:00Z'],
    }),
    to: z
      .string()
      .optional()
      .meta({
        description: 'Time before which the last event happened, in the same form; now unless given',
        examples: ['2026-01-15T12:00:00+01:00'],
      }),
  }),
  output: onceMore,
  rules: ({ from, to }) => {
    const wrong = Object.entries({ from, to }).filter(([, time]) => typeof time === 'string' && isNaN(timeOf(time)));
    if (wrong.length > 0) {
      return Object.fromEntries(
        wrong.map(([name]) => [
          name,
          [`The ${name} field must be a time such as 2026-01-15T09:00:00Z or 2026-01-15T09:00:00+02:00.`],
        ]),
      );
    }
    if (typeof from === 'string' && typeof to === 'string' && timeOf(from) >= timeOf(to)) {
      return { to: ['The to field must be later than from.'] };
    }
    return undefined;
  },
  run: async (call, { webhookId, from, to }) => {
    const { engine } = call;
    const { id } = await find(call, webhookId);
    const now = engine.clock.now();
    const span = await engine.store.events.between(timeOf(from), to === undefined ? now + 1 : timeOf(to));
    let events = 0;
    let first = span?.first;
    while (span && first !== undefined) {
      const part = await engine.store.deliveries.replay(id, { first, last: span.last }, REPLAYED_AT_ONCE);
      events += part.count;
      first = part.next;
      await setImmediate();
    }
    await engine.wakeSubscription(id);
    return { events, webhook: show(await find(call, id)) };
  },
});

export const events = operation({
  id: 'webhook.events',
  http: 'GET /api/whatsapp-sessions/:whatsappSession/events',
  access: 'own',
  summary: 'Read the event log of a session, oldest first',
  tools: [
    {
      name: 'list_events',
      description:
        'Read the event log of a session from oldest to newest: received messages, reactions, votes, receipts, group changes, status. Start with after 0 or the seq of the last event read. For conversations list_messages is easier.',
      readOnly: true,
      local: true,
      fields: ['after', 'limit'],
    },
  ],
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
    status: deliveryStatus.optional().describe('Only those in this status'),
    webhookId: webhookId.optional().describe('Only those to this webhook'),
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
  summary: 'Deliver an event once more, under the same id and with its redelivery counted',
  errors: ['delivery_not_found'],
  input: ofSession.extend({
    deliveryId: z
      .int()
      .min(1)
      .meta({ description: 'Number of the delivery', examples: [902] }),
  }),
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
  if (subscription?.sessionId === record.id && subscription.origin !== 'inquiry') return subscription;
  throw new EngineError('webhook_not_found', 'There is no such webhook in this session.');
}

/** NaN for what is no time, or one that would be another elsewhere. */
const timeOf = (text: string) => (/T.*(Z|[+-]\d\d:?\d\d)$/i.test(text) ? DateTime.fromISO(text).toMillis() : NaN);

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
    redeliveries: delivery.redeliveries,
    attempts: delivery.attempts,
    next_attempt_at: waiting ? iso(delivery.nextAttemptAt) : null,
    last_attempt_at: iso(delivery.lastAttemptAt),
    last_status: delivery.lastStatus,
    last_error: delivery.lastError,
  };
}
