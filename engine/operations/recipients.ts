import { EngineError } from '../errors.ts';
import type { Session } from '../whatsapp/session.ts';
import { toJid } from '../whatsapp/jid.ts';
import { addressesOf } from './addresses.ts';
import type { Engine, Operation } from './operation.ts';

/** By which fields a call says whom it is about. What is `name` may be anybody or anything that has an address. */
const ABOUT: Readonly<Record<string, 'name' | 'names' | 'lid' | 'message' | 'key'>> = {
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
  msgId: 'message',
  message: 'message',
  id: 'message',
  replyTo: 'message',
  key: 'key',
};

/** Fields that say what is sent or how, and change nothing about whom it reaches. */
const CONTENT = new Set(
  'text linkPreview imageUrl audioUrl videoUrl documentUrl stickerUrl fileName viewOnce voice gif videoNote location contact poll disappearAfter wait mentionAll emoji type delayMs fullName saveOnPrimaryAddressbook name action subject description announce restrict joinApproval memberAdd profilePicUrl before limit fresh'.split(
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
  { store, sessions }: Engine,
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
  const session = sessions.get(sessionId);
  for (const [name, value] of given) {
    for (const jid of await named(session, ABOUT[name], name, value)) {
      const known = await addressesOf(store, sessionId, jid);
      if (!known.some((address) => allowed.includes(address))) throw refused(jid);
    }
  }
}

/** Addresses of those whom a field names. */
async function named(
  session: Session,
  kind: (typeof ABOUT)[string] | undefined,
  field: string,
  value: unknown,
): Promise<string[]> {
  switch (kind) {
    case 'name':
      return [toJid(String(value), field)];
    case 'names':
      return (value as unknown[]).map((one) => toJid(String(one), field));
    case 'lid':
      return [toJid(/@/.test(String(value)) ? String(value) : `${String(value)}@lid`, field)];
    case 'message':
      return [(await session.messages.get(String(value))).chat];
    case 'key': {
      const { id, remoteJid } = value as { id: string; remoteJid: string };
      const stored = await session.messages.get(id).catch(() => undefined);
      return [toJid(remoteJid, `${field}.remoteJid`), ...(stored ? [stored.chat] : [])];
    }
    case undefined:
      return [];
  }
}

const refused = (whom: string) =>
  new EngineError(
    'forbidden',
    `This token may only have to do with certain recipients, and this call is about ${whom}. Ask the person who gave you the token.`,
  );
