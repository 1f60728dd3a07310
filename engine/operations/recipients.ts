import { EngineError } from '../errors.ts';
import { toChannel } from '../whatsapp/channels.ts';
import { toGroupJid } from '../whatsapp/groups.ts';
import { toJid } from '../whatsapp/jid.ts';
import type { Caller } from './access.ts';
import { addressesOf } from './addresses.ts';
import type { Engine, Operation } from './operation.ts';

type Kind = 'chat' | 'group' | 'channel' | 'lid' | 'message' | 'key' | 'job' | 'inquiry' | 'callback';

/** By which fields a call says whom it is about. A `chat` may be anybody or anything that has an address, or several. */
const ABOUT: Readonly<Record<string, Kind>> = {
  to: 'chat',
  jid: 'chat',
  chat: 'chat',
  from: 'chat',
  contactPhoneNumber: 'chat',
  phone_number: 'chat',
  pn: 'chat',
  participants: 'chat',
  mentions: 'chat',
  audience: 'chat',
  recipients: 'chat',
  groupJid: 'group',
  groupId: 'group',
  channelJid: 'channel',
  lid: 'lid',
  msgId: 'message',
  message: 'message',
  id: 'message',
  replyTo: 'message',
  key: 'key',
  job: 'job',
  inquiryId: 'inquiry',
  callbackUrl: 'callback',
};

/** Kinds that do not say themselves who it is. */
const BY_ID: readonly Kind[] = ['message', 'key', 'job', 'inquiry', 'callback'];

/** Fields that say what is sent or how, and change nothing about whom it reaches. */
const CONTENT = new Set(
  `whatsappSession
   text linkPreview imageUrl audioUrl videoUrl documentUrl stickerUrl fileName viewOnce voice gif videoNote
   contact contacts location poll event buttons list footer backgroundColor
   type caption filename mimetype voiceNote latitude longitude
   mentionAll disappearAfter wait scheduledAt timeZone expireAfter
   kind options approveLabel rejectLabel replyOnly reminder secret
   emoji pinned seconds starred archived mutedUntil read delayMs callId
   fullName saveOnPrimaryAddressbook
   name action subject description announce restrict joinApproval memberAdd profilePicUrl
   start dry_run before limit fresh page per_page status`.split(/\s+/),
);

/** Operations that are about nobody but the account itself, tell nothing of anybody else, and leave it as it is. */
const OWN = new Set(
  `system.authCheck documentation.get media.upload session.list session.get session.getStatus session.user
   session.sessionLogs session.limits`.split(/\s+/),
);

/**
 * Whether calls of this operation can be held to a list of recipients: all its fields are known to say whom it is about,
 * or to have nothing to do with it. What is not known is refused.
 */
export function canBeLimited({ id }: Operation, fields: readonly string[]): boolean {
  if (OWN.has(id)) return true;
  if (id.startsWith('session.')) return false;
  return fields.every(isKnown) && fields.some((name) => name in ABOUT);
}

const isKnown = (name: string) => name in ABOUT || CONTENT.has(name);

/**
 * Refuses a token for certain recipients what no call of which could be held to them. Throws `forbidden`. Asked before
 * anything is read: it does not matter what the call says.
 */
export function assertLimitable(operation: Operation, caller: Caller | undefined): void {
  if (!caller?.token?.scope?.recipients) return;
  const least = Object.entries(operation.input.shape)
    .filter(([name, schema]) => name in ABOUT || !schema.isOptional())
    .map(([name]) => name);
  if (canBeLimited(operation, least)) return;
  throw refused(NOT_LIMITABLE);
}

/** What is asked, as far as it can say whom it is about. */
interface About {
  sessionId: number | undefined;
  /** As the operation gets it: read in any other way, it could be about somebody else. */
  input: Record<string, unknown>;
  idempotencyKey?: string | undefined;
}

/**
 * Holds a call to the recipients that a token may have to do with: everybody, every chat and every message that the call
 * names has to be of theirs, and it has to name one. Throws `forbidden`.
 */
export async function assertRecipients(
  engine: Engine,
  operation: Operation,
  caller: Caller | undefined,
  { sessionId, input, idempotencyKey }: About,
): Promise<void> {
  const allowed = caller?.token?.scope?.recipients;
  if (!allowed || OWN.has(operation.id)) return;
  const given = Object.entries(input).filter(([, value]) => value !== undefined);
  const unknown = given.map(([name]) => name).filter((name) => !isKnown(name));
  if (sessionId === undefined) throw refused(NOT_LIMITABLE);
  if (unknown.length > 0) throw refused(`the field ${unknown.join(', ')} cannot be checked. Leave it out.`);
  if (operation.id === 'chat.presence' && ['available', 'unavailable'].includes(String(input['type']))) {
    throw refused('this is about everybody who can see whether the account is online.');
  }
  const theirs = new Set(allowed);
  let namesOne = false;
  const assertTheirs = async (jid: string, shown = jid) => {
    namesOne = true;
    if (theirs.has(jid)) return;
    const known = await addressesOf(engine.store, sessionId, jid);
    if (!known.some((address) => theirs.has(address))) throw refused(`this call is about ${shown}. ${GO_ON}`);
    theirs.add(jid);
  };
  for (const [name, value] of given) {
    const kind = ABOUT[name];
    // Who is behind an id is not told: an agent could try them all.
    const shown = kind && BY_ID.includes(kind) ? `another ${name}` : undefined;
    for await (const jid of named({ engine, sessionId }, kind, name, value)) await assertTheirs(jid, shown);
  }
  if (!namesOne) throw refused(`this call names none of them. ${whoMayBeNamed(operation)}`);
  // A repeated request is answered with what came of the first one, whoever made it.
  const repeated = idempotencyKey && (await engine.store.messages.accepted(sessionId, idempotencyKey));
  if (repeated) await assertTheirs(repeated.chat, 'what was sent by this Idempotency-Key before');
}

function whoMayBeNamed({ input: { shape } }: Operation): string {
  const fields = Object.keys(shape).filter((name) => name in ABOUT);
  return fields.length > 0 ? `Give ${fields.join(' or ')}.` : '';
}

/** Addresses of those whom a field names, read just as the operations read it. */
async function* named(
  { engine, sessionId }: { engine: Engine; sessionId: number },
  kind: Kind | undefined,
  field: string,
  value: unknown,
): AsyncGenerator<string> {
  const { messages } = engine.sessions.get(sessionId);
  const text = String(value);
  switch (kind) {
    case 'chat':
      for (const one of [value].flat() as (string | number | { to: string | number })[]) {
        yield toJid(String(typeof one === 'object' ? one.to : one), field);
      }
      return;
    case 'group':
      yield toGroupJid(text, field);
      return;
    case 'channel': {
      const { type, key } = toChannel(text, field);
      // Whose code it is, WhatsApp would have to be asked.
      yield type === 'JID' ? key : text;
      return;
    }
    case 'lid':
      yield toJid(text.includes('@') ? text : `${text}@lid`, field);
      return;
    case 'message':
      yield (await messages.get(text)).chat;
      return;
    case 'key': {
      const { id, remoteJid } = value as { id: string; remoteJid: string };
      yield toJid(remoteJid, `${field}.remoteJid`);
      const stored = await messages.get(id).catch(() => undefined);
      if (stored) yield stored.chat;
      return;
    }
    case 'job':
      yield* ofJob(engine, sessionId, Number(value));
      return;
    case 'inquiry':
      yield (await engine.inquiries.get(sessionId, text)).chat;
      return;
    case 'callback':
      // Whoever asks by a URL ends what was asked by it before.
      yield* await engine.store.inquiries.chatsOf(sessionId, text);
  }
}

/** So many recipients of a job are read at once. */
const PAGE = 500;

/** Recipients of a bulk job; what is no address as it was given, which is nobody's. */
async function* ofJob({ jobs, store }: Engine, sessionId: number, id: number): AsyncGenerator<string> {
  const { id: job } = await jobs.get(sessionId, id);
  for (let offset = 0, total = 1; offset < total; offset += PAGE) {
    const page = await store.jobs.recipients(job, {}, { offset, limit: PAGE });
    for (const { chat, to } of page.items) yield chat ?? to;
    total = page.total;
  }
}

const NOT_LIMITABLE =
  'this is about others, too, or about the account as a whole. Use a token without recipients for it.';
const GO_ON = 'Nothing was done. Take one of them, or ask whoever made the token.';

const refused = (why: string) =>
  new EngineError('forbidden', `This token may only have to do with certain recipients, and ${why}`);
