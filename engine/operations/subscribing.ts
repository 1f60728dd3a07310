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
import { iso, isoTime, whatWasDone } from './fields.ts';
import { operation, whatsappSession, type Call, type Engine, type Operation } from './operation.ts';

/** Webhooks, be they of a session or of all sessions. */

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
const shownWebhook = z
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
const wishes = {
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

const newWebhook = shownWebhook
  .extend({ secret: z.string().meta({ description: 'Signing secret; shown only now', examples: [SECRET] }) })
  .meta({ title: 'NewWebhook' });

/** What no schema says: what stands in a filter has to be addresses, and an expression that can be read. */
function wishFaults({ filter: given }: Record<string, unknown>): Record<string, string[]> | undefined {
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
async function subscribe(
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

/** A webhook of a session, or of all sessions (null). Throws `webhook_not_found`. */
async function findWebhook({ store }: Engine, sessionId: number | null, id: string): Promise<SubscriptionRecord> {
  const subscription = await store.subscriptions.get(id);
  if (subscription?.sessionId === sessionId && subscription.origin !== 'inquiry') return subscription;
  throw new EngineError(
    'webhook_not_found',
    sessionId === null ? 'There is no such webhook of all sessions.' : 'There is no such webhook in this session.',
  );
}

async function remove({ store }: Engine, { id, origin }: SubscriptionRecord): Promise<void> {
  if (origin === 'session') {
    throw new EngineError('bad_request', 'This is the session’s own webhook. Change webhook_url of the session.');
  }
  await store.subscriptions.delete(id);
}

async function shownNow({ store }: Engine, id: string) {
  const subscription = await store.subscriptions.get(id);
  if (subscription) return showWebhook(subscription);
  throw new EngineError('webhook_not_found', 'The webhook was deleted meanwhile.');
}

/** Delivers again to a parked webhook. */
async function resume(engine: Engine, { id }: SubscriptionRecord) {
  await engine.store.subscriptions.resume(id);
  await engine.wakeSubscription(id);
  return shownNow(engine, id);
}

const onceMore = z
  .object({
    events: z.int().meta({ description: 'How many events are delivered once more', examples: [12] }),
    webhook: shownWebhook.describe(
      'The webhook as it is then; one that was parked is active, and parked again if need be',
    ),
  })
  .meta({ title: 'DeliveredOnceMore' });

/** Delivers all events once more that were given up. */
async function redeliverParked(engine: Engine, { id }: SubscriptionRecord) {
  const events = await engine.store.deliveries.redeliverParked(id);
  await engine.wakeSubscription(id);
  return { events, webhook: await shownNow(engine, id) };
}

/** So many events of the log are looked at before whatever else the engine has to do has its turn. */
const LOOKED_AT_ONCE = 1000;

const span = {
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

function spanFaults({ from, to }: Record<string, unknown>): Record<string, string[]> | undefined {
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
async function replay(
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

const sampled = z
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
async function sample(engine: Engine, subscription: SubscriptionRecord): Promise<z.input<typeof sampled>> {
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

function showWebhook(subscription: SubscriptionRecord): z.input<typeof shownWebhook> {
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

/** Whose webhooks operations are about. */
interface Owner extends Pick<Operation, 'access'> {
  /** What stands before the dot of their names. */
  id: string;
  path: string;
  /** What the path names; the events of all sessions are posted where it names none. */
  input: z.ZodObject<Record<never, never>>;
  /** For the summaries. */
  of: string;
}

/** What can be done with webhooks. */
export function webhookOperations({ id: prefix, path, access, input, of }: Owner) {
  const byId = input.extend({ webhookId });
  const sessionOf = ({ record }: Partial<Call>) => record?.id ?? null;
  const find = async (call: Call, { webhookId: id }: { webhookId: string }) =>
    await findWebhook(call.engine, sessionOf(call), id);
  const one = { access, errors: ['webhook_not_found'], input: byId } as const;
  return {
    create: operation({
      id: `${prefix}.create`,
      http: `POST ${path}`,
      access,
      summary: `Have events of ${of} posted to a URL; the same URL again replaces and resumes`,
      status: 201,
      errors: ['url_not_allowed'],
      input: input.extend(wishes),
      rules: wishFaults,
      output: newWebhook,
      run: (call, wish) => subscribe(call.engine, sessionOf(call), wish),
    }),
    list: operation({
      id: `${prefix}.list`,
      http: `GET ${path}`,
      access,
      summary: `List who gets the events of ${of}`,
      input,
      output: z.array(shownWebhook),
      run: async (call) => (await call.engine.store.subscriptions.list(sessionOf(call))).map(showWebhook),
    }),
    get: operation({
      ...one,
      id: `${prefix}.get`,
      http: `GET ${path}/:webhookId`,
      summary: `Get a webhook of ${of}`,
      output: shownWebhook,
      run: async (call, asked) => showWebhook(await find(call, asked)),
    }),
    remove: operation({
      ...one,
      id: `${prefix}.remove`,
      http: `DELETE ${path}/:webhookId`,
      summary: `Stop posting events of ${of} to a URL; the same URL registered again within a minute misses nothing`,
      envelope: 'flat',
      output: z.object({ message: whatWasDone('Webhook deleted successfully.') }),
      run: async (call, asked) => {
        await remove(call.engine, await find(call, asked));
        return { message: 'Webhook deleted successfully.' };
      },
    }),
    resume: operation({
      ...one,
      id: `${prefix}.resume`,
      http: `POST ${path}/:webhookId/resume`,
      summary: `Deliver again to a parked webhook of ${of}, and whatever was given up on`,
      output: shownWebhook,
      run: async (call, asked) => resume(call.engine, await find(call, asked)),
    }),
    redeliverParked: operation({
      ...one,
      id: `${prefix}.redeliverParked`,
      http: `POST ${path}/:webhookId/redeliver`,
      summary: `Deliver all events of ${of} once more that were given up, under the same ids and in the same order`,
      output: onceMore,
      run: async (call, asked) => redeliverParked(call.engine, await find(call, asked)),
    }),
    replay: operation({
      ...one,
      id: `${prefix}.replay`,
      http: `POST ${path}/:webhookId/replay`,
      summary: `Deliver the events of ${of} in a span of time once more, also those from before the webhook was made`,
      input: byId.extend(span),
      rules: spanFaults,
      output: onceMore,
      run: async (call, asked) => replay(call.engine, await find(call, asked), asked),
    }),
    sample: operation({
      ...one,
      id: `${prefix}.sample`,
      http: `POST ${path}/:webhookId/sample`,
      summary: `Post a sample to a webhook of ${of}: the newest event that it would have got, or an example`,
      status: 202,
      output: sampled,
      run: async (call, asked) => sample(call.engine, await find(call, asked)),
    }),
  };
}
