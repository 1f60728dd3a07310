import { z } from 'zod';
import { EngineError } from '../errors.ts';
import type { DeliveryRecord } from '../model.ts';
import { eventId, eventShown, seq } from './event-shown.ts';
import { isoTime, whatWasDone } from './fields.ts';
import { operation, whatsappSession, type Call } from './operation.ts';
import {
  findWebhook,
  iso,
  newWebhook,
  onceMore,
  redeliverParked as redeliverAllParked,
  replay as replaySpan,
  resume as resumeWebhook,
  sample as postSample,
  sampled,
  showWebhook,
  shownWebhook,
  span,
  spanFaults,
  subscribe,
  webhookId,
  webhooksOf,
  wishes,
  wishFaults,
} from './subscribing.ts';

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
  input: ofSession.extend(wishes),
  rules: wishFaults,
  output: newWebhook,
  run: ({ engine, record }, wish) => subscribe(engine, record.id, wish),
});

export const list = operation({
  id: 'webhook.list',
  http: 'GET /api/whatsapp-sessions/:whatsappSession/webhooks',
  access: 'own',
  summary: 'List who gets the events of a session; not those who get the events of all sessions',
  input: ofSession,
  output: z.array(shownWebhook),
  run: ({ engine, record }) => webhooksOf(engine, record.id),
});

export const get = operation({
  id: 'webhook.get',
  http: 'GET /api/whatsapp-sessions/:whatsappSession/webhooks/:webhookId',
  access: 'own',
  summary: 'Get one webhook',
  errors: ['webhook_not_found'],
  input: byId,
  output: shownWebhook,
  run: async (call, { webhookId: id }) => showWebhook(await find(call, id)),
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
  run: async (call, { webhookId: named }) => {
    const { id, origin } = await find(call, named);
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
  output: shownWebhook,
  run: async (call, { webhookId: id }) => resumeWebhook(call.engine, await find(call, id)),
});

export const redeliverParked = operation({
  id: 'webhook.redeliverParked',
  http: 'POST /api/whatsapp-sessions/:whatsappSession/webhooks/:webhookId/redeliver',
  access: 'own',
  summary: 'Deliver all events once more that were given up, under the same ids and in the same order',
  errors: ['webhook_not_found'],
  input: byId,
  output: onceMore,
  run: async (call, { webhookId: id }) => redeliverAllParked(call.engine, await find(call, id)),
});

export const replay = operation({
  id: 'webhook.replay',
  http: 'POST /api/whatsapp-sessions/:whatsappSession/webhooks/:webhookId/replay',
  access: 'own',
  summary: 'Deliver the events of a span of time once more, also those from before the webhook was made',
  errors: ['webhook_not_found'],
  input: byId.extend(span),
  output: onceMore,
  rules: spanFaults,
  run: async (call, { webhookId: id, ...asked }) => replaySpan(call.engine, await find(call, id), asked),
});

export const sample = operation({
  id: 'webhook.sample',
  http: 'POST /api/whatsapp-sessions/:whatsappSession/webhooks/:webhookId/sample',
  access: 'own',
  summary: 'Post a sample to a webhook: the newest event that it would have got, or an example',
  status: 202,
  errors: ['webhook_not_found'],
  input: byId,
  output: sampled,
  run: async (call, { webhookId: id }) => postSample(call.engine, await find(call, id)),
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

const find = ({ engine, record }: Call, id: string) => findWebhook(engine, record.id, id);

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
