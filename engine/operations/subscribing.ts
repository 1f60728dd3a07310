import { DateTime } from 'luxon';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { isSecret, newSecret } from '../delivery/signature.ts';
import { EngineError, validationFailed } from '../errors.ts';
import { COLLECTED, EVENT_NAMES, type EventEnvelope, type EventName } from '../events.ts';
import { eventFilter, faultOf, LONGEST_EXPRESSION, MOST_ADDRESSES } from '../filter.ts';
import type { SubscriptionRecord } from '../model.ts';
import { checkUrl } from '../network/guard.ts';
import { isPerson, toJid } from '../whatsapp/jid.ts';
import { exampleOf } from './event-examples.ts';
import { eventPosted } from './event-shown.ts';
import { isoTime } from './fields.ts';
import { whatsappSession, type Engine } from './operation.ts';

/** What webhooks of a session and those of all sessions have in common. */

const RECEIVER = 'https://n8n.example.com/webhook/warbler';
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwm5xNfhPLHVQ=';

export const webhookId = z.string().meta({ description: 'Id of the webhook', examples: ['whk_5f2c9a7e41b84d0c3e'] });

const filter = eventFilter.meta({
  description:
    'Which of these events are posted: all conditions have to hold. A condition holds back only events that have the thing: one on the text says nothing of a session’s status',
  examples: [{ chats: ['direct'], text: { contains: 'order' } }],
});
const collect = z
  .int()
  .min(1)
  .max(300)
  .meta({
    description:
      'Seconds of quiet after which the messages of a chat are posted as one, with `collected`; after five times as long at the latest, and at most 100',
    examples: [10],
  });
const markAsRead = z.boolean().describe('Whether a message is marked as read once the receiver has taken it');
const format = z.enum(['standard', 'wasender']);
export const shownWebhook = z
  .object({
    id: webhookId,
    session_id: whatsappSession.nullable().describe('Id of the session whose events are posted; null: of all sessions'),
    url: z.string().meta({ description: 'Where events are posted to', examples: [RECEIVER] }),
    events: z.array(z.string()).meta({
      description: 'Names of the events that are posted, or * for all',
      examples: [['messages.received', 'session.status']],
    }),
    filter: filter.nullable().describe('Which of them are posted; null: all'),
    collect: collect
      .nullable()
      .describe('Seconds of quiet after which the messages of a chat are posted as one; null: each by itself'),
    markAsRead,
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

/** Whatever somebody wants who registers a webhook. */
export const wishes = {
  url: z
    .string()
    .max(2048)
    .meta({ description: 'http(s) URL that takes the events', examples: [RECEIVER] }),
  events: z
    .array(z.enum([...EVENT_NAMES, '*']))
    .min(1)
    .meta({ description: 'Names of events, or * for all', examples: [['messages.received', 'session.status']] }),
  filter: filter.optional(),
  collect: collect.optional(),
  markAsRead: markAsRead.default(false),
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
};
type Wish = z.output<z.ZodObject<typeof wishes>>;

export const newWebhook = shownWebhook
  .extend({ secret: z.string().meta({ description: 'Signing secret; shown only now', examples: [SECRET] }) })
  .meta({ title: 'NewWebhook' });

/** What no schema says: what stands in a filter has to be addresses, and an expression that can be read. */
export function wishFaults({ filter: given }: Record<string, unknown>): Record<string, string[]> | undefined {
  const asked = (given ?? {}) as { in?: unknown; from?: unknown; text?: { matches?: unknown } | null };
  const fields = { ...addressFaults('in', asked.in), ...addressFaults('from', asked.from) };
  const matches = asked.text?.matches;
  const fault = typeof matches === 'string' && matches.length <= LONGEST_EXPRESSION ? faultOf(matches) : undefined;
  if (fault !== undefined) {
    fields['filter.text.matches'] = [
      `The filter.text.matches field must be a regular expression in RE2’s syntax, which has no look-around and no back references; ${fault}.`,
    ];
  }
  return Object.keys(fields).length > 0 ? fields : undefined;
}

function addressFaults(name: 'in' | 'from', given: unknown): Record<string, string[]> {
  const faults: Record<string, string[]> = {};
  const all: unknown[] = Array.isArray(given) ? given : [];
  // The schema says that it is too long.
  if (all.length > MOST_ADDRESSES) return faults;
  all.forEach((typed, index) => {
    const field = `filter.${name}.${index}`;
    if (typeof typed !== 'string' || typed === '') return;
    try {
      if (isPerson(toJid(typed, field)) || name === 'in') return;
      faults[field] = [
        `The ${field} field must be a person: a phone number with country code (e.g. +15551234567), …@s.whatsapp.net or …@lid. Chats go into filter.in.`,
      ];
    } catch (error) {
      Object.assign(faults, (error as EngineError).fields);
    }
  });
  return faults;
}

/** Registers a webhook for a session, or for all (null). */
export async function subscribe(
  engine: Engine,
  sessionId: number | null,
  { url, events, filter: wanted, collect: seconds, secret, format: as, ...wishful }: Wish,
): Promise<z.input<typeof newWebhook>> {
  checkUrl(url, engine.webhookNetworks);
  if (secret !== undefined && !isSecret(secret)) {
    throw validationFailed({ secret: ['The secret field must be whsec_ followed by 24 to 64 bytes in base64.'] });
  }
  const { markAsRead: marks, expires_in: expiresIn } = wishful;
  const subscription = await engine.store.subscriptions.put({
    sessionId,
    origin: 'api',
    url,
    events,
    filter: wanted ?? null,
    collectS: seconds ?? null,
    markAsRead: marks,
    format: as,
    secret: secret ?? newSecret(),
    expiresAt: expiresIn === undefined ? null : engine.clock.now() + expiresIn * 1000,
  });
  await engine.wakeSubscription(subscription.id);
  return { ...showWebhook(subscription), secret: subscription.secret };
}

export async function webhooksOf({ store }: Engine, sessionId: number | null) {
  return (await store.subscriptions.list(sessionId)).map(showWebhook);
}

/** A webhook of a session, or of all sessions (null). Throws `webhook_not_found`. */
export async function findWebhook(
  { store }: Engine,
  sessionId: number | null,
  id: string,
): Promise<SubscriptionRecord> {
  const subscription = await store.subscriptions.get(id);
  if (subscription?.sessionId === sessionId && subscription.origin !== 'inquiry') return subscription;
  throw new EngineError(
    'webhook_not_found',
    sessionId === null ? 'There is no such webhook of all sessions.' : 'There is no such webhook in this session.',
  );
}

async function shownNow({ store }: Engine, id: string) {
  const subscription = await store.subscriptions.get(id);
  if (subscription) return showWebhook(subscription);
  throw new EngineError('webhook_not_found', 'The webhook was deleted meanwhile.');
}

/** Delivers again to a parked webhook. */
export async function resume(engine: Engine, { id }: SubscriptionRecord) {
  await engine.store.subscriptions.resume(id);
  await engine.wakeSubscription(id);
  return shownNow(engine, id);
}

export const onceMore = z
  .object({
    events: z.int().meta({ description: 'How many events are delivered once more', examples: [12] }),
    webhook: shownWebhook.describe(
      'The webhook as it is then; one that was parked is active, and parked again if need be',
    ),
  })
  .meta({ title: 'DeliveredOnceMore' });

/** Delivers all events once more that were given up. */
export async function redeliverParked(engine: Engine, { id }: SubscriptionRecord) {
  const events = await engine.store.deliveries.redeliverParked(id);
  await engine.wakeSubscription(id);
  return { events, webhook: await shownNow(engine, id) };
}

/** So many events of the log are looked at before whatever else the engine has to do has its turn. */
const LOOKED_AT_ONCE = 1000;

export const span = {
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
};

export function spanFaults({ from, to }: Record<string, unknown>): Record<string, string[]> | undefined {
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
}

/** Delivers the events of a span of time once more. */
export async function replay(
  engine: Engine,
  { id }: SubscriptionRecord,
  { from, to }: { from: string; to?: string | undefined },
) {
  const now = engine.clock.now();
  const found = await engine.store.events.between(timeOf(from), to === undefined ? now + 1 : timeOf(to));
  let events = 0;
  let first = found?.first;
  while (found && first !== undefined) {
    const part = await engine.store.deliveries.replay(id, { first, last: found.last }, LOOKED_AT_ONCE);
    events += part.count;
    first = part.next;
    await setImmediate();
  }
  await engine.wakeSubscription(id);
  return { events, webhook: await shownNow(engine, id) };
}

/** NaN for what is no time, or one that would be another elsewhere. */
const timeOf = (text: string) => (/T.*(Z|[+-]\d\d:?\d\d)$/i.test(text) ? DateTime.fromISO(text).toMillis() : NaN);

export const sampled = z
  .object({
    source: z
      .enum(['latest', 'example'])
      .describe('latest: the newest event that the webhook would have got. example: there is none, so one made up'),
    event: eventPosted.describe('What is posted'),
  })
  .meta({ title: 'Sample' });

/** The log is looked through for a sample no further back than so many events. */
const MOST_LOOKED_AT = 20_000;

/** Has the newest event posted that the webhook would have got, or an example. */
export async function sample(engine: Engine, subscription: SubscriptionRecord): Promise<z.input<typeof sampled>> {
  const latest = await latestFor(engine, subscription);
  const event = latest ?? exampleOf(exampled(subscription), subscription.sessionId ?? 1, engine.clock.now());
  const collects = subscription.collectS !== null && COLLECTED.includes(event.event);
  const posted: EventEnvelope = { ...event, ...(collects && { collected: [event] }), sample: true };
  engine.postSample(subscription.id, posted);
  return { source: latest ? 'latest' : 'example', event: posted as z.input<typeof eventPosted> };
}

async function latestFor({ store }: Engine, { id }: SubscriptionRecord): Promise<EventEnvelope | undefined> {
  let before: number | undefined;
  for (let lookedAt = 0; lookedAt < MOST_LOOKED_AT; lookedAt += LOOKED_AT_ONCE) {
    const { event, next } = await store.events.latest(id, { before, limit: LOOKED_AT_ONCE });
    if (event || next === undefined) return event;
    before = next;
    await setImmediate();
  }
  return undefined;
}

/** What most webhooks are there for, if it is; else what it names first. */
function exampled({ events }: SubscriptionRecord): EventName {
  const all = events.includes('*') || events.includes('messages.received');
  return all ? 'messages.received' : (events[0] as EventName);
}

export const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

export function showWebhook(subscription: SubscriptionRecord): z.input<typeof shownWebhook> {
  const { id, sessionId, url, events, format: as, state, parkedReason, expiresAt, createdAt } = subscription;
  return {
    id,
    session_id: sessionId,
    url,
    events,
    filter: subscription.filter,
    collect: subscription.collectS,
    markAsRead: subscription.markAsRead,
    format: as,
    state,
    parked_reason: parkedReason,
    expires_at: iso(expiresAt),
    created_at: new Date(createdAt).toISOString(),
  };
}
