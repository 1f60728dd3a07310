import { EngineError } from '../errors.ts';
import { toJid } from '../whatsapp/jid.ts';
import { addressesOf } from './addresses.ts';
import type { Engine, Operation } from './operation.ts';

type Kind = 'name' | 'names' | 'lid' | 'message' | 'key' | 'job';

/** By which fields a call says whom it is about. What is `name` may be anybody or anything that has an address. */
const ABOUT: Readonly<Record<string, Kind>> = {
  to: 'name',
  jid: 'name',
  chat: 'name',
  groupJid: 'name',
  groupId: 'name',
  channelJid: 'name',
  contactPhoneNumber: 'name',
  phone_number: 'name',
  pn: 'name',
  lid: 'lid',
  participants: 'names',
  mentions: 'names',
  audience: 'names',
  recipients: 'names',
  msgId: 'message',
  message: 'message',
  id: 'message',
  replyTo: 'message',
  key: 'key',
  job: 'job',
};

/** Kinds that do not say themselves who it is. */
const BY_ID: readonly (Kind | undefined)[] = ['message', 'key', 'job'];

/** Fields that say what is sent or how, and change nothing about whom it reaches. */
const CONTENT = new Set(
  'text linkPreview imageUrl audioUrl videoUrl documentUrl stickerUrl fileName viewOnce voice gif videoNote location contact poll disappearAfter wait mentionAll emoji type delayMs fullName saveOnPrimaryAddressbook name action subject description announce restrict joinApproval memberAdd profilePicUrl before limit fresh scheduledAt timeZone expireAfter start dry_run page per_page status'.split(
    ' ',
  ),
);

/** Operations that are about nobody but the account itself, and tell nothing of anybody else. */
const OWN = new Set(
  'session.list session.get session.user session.connect session.disconnect session.qrcode session.sessionLogs documentation.get'.split(
    ' ',
  ),
);

/**
 * Whether calls of this operation can be held to a list of recipients: all its fields are known to say whom it is about,
 * or to have nothing to do with it. What is not known is refused.
 */
export function canBeLimited({ id }: Operation, fields: readonly string[]): boolean {
  if (OWN.has(id)) return true;
  if (id.startsWith('session.')) return false;
  return fields.every((name) => name in ABOUT || CONTENT.has(name)) && fields.some((name) => name in ABOUT);
}

/**
 * Holds a call to the recipients that a token may have to do with: everybody, every chat and every message that the call
 * names has to be of theirs, and it has to name one. Throws `forbidden`.
 */
export async function assertRecipients(
  engine: Engine,
  operation: Operation,
  allowed: readonly string[],
  call: { sessionId: number | undefined; input: Record<string, unknown> },
): Promise<void> {
  const { sessionId, input } = call;
  const given = Object.entries(input).filter(([name, value]) => value !== undefined && name !== 'whatsappSession');
  if (OWN.has(operation.id)) return;
  const fields = given.map(([name]) => name);
  if (sessionId === undefined || !canBeLimited(operation, fields)) throw refused('no recipient that could be checked');
  if (operation.id === 'chat.presence' && ['available', 'unavailable'].includes(String(input['type']))) {
    throw refused('everybody who can see whether the account is online');
  }
  const theirs = new Set(allowed);
  for (const [name, value] of given) {
    const kind = ABOUT[name];
    for await (const jid of named({ engine, sessionId }, kind, name, value)) {
      if (theirs.has(jid)) continue;
      const known = await addressesOf(engine.store, sessionId, jid);
      // Who is behind an id is not told: an agent could try them all.
      if (!known.some((address) => theirs.has(address))) throw refused(BY_ID.includes(kind) ? `another ${name}` : jid);
      theirs.add(jid);
    }
  }
}

/** Addresses of those whom a field names. */
async function* named(
  { engine, sessionId }: { engine: Engine; sessionId: number },
  kind: Kind | undefined,
  field: string,
  value: unknown,
): AsyncGenerator<string> {
  const { messages } = engine.sessions.get(sessionId);
  switch (kind) {
    case 'name':
      yield toJid(String(value), field);
      return;
    case 'names':
      for (const one of value as (string | number | { to: string | number })[]) {
        yield toJid(String(typeof one === 'object' ? one.to : one), field);
      }
      return;
    case 'lid':
      yield toJid(/@/.test(String(value)) ? String(value) : `${String(value)}@lid`, field);
      return;
    case 'message':
      yield (await messages.get(String(value))).chat;
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

const refused = (whom: string) =>
  new EngineError(
    'forbidden',
    `This token may only have to do with certain recipients, and this call is about ${whom}. Ask the person who gave you the token.`,
  );
