import { z } from 'zod';
import { EngineError } from '../errors.ts';
import type { DeliveryRecord } from '../model.ts';
import { eventId, eventShown, seq } from './event-shown.ts';
import { iso, isoTime } from './fields.ts';
import { operation, whatsappSession } from './operation.ts';
import { webhookId, webhookOperations } from './subscribing.ts';

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
const ofSession = z.object({ whatsappSession });
const page = {
  after: z.int().min(0).default(0).describe('Answer what comes after the one with this number'),
  limit: z.int().min(1).max(500).default(100).describe('How many to answer at most'),
};

export const { create, list, get, remove, resume, redeliverParked, replay, sample } = webhookOperations({
  id: 'webhook',
  path: '/api/whatsapp-sessions/:whatsappSession/webhooks',
  access: 'own',
  input: ofSession,
  of: 'a session',
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
