import type { EventName, NewEvent } from '../events.ts';
import { MESSAGE_STATUS } from '../model.ts';
import type { Addresses, Change, Known, MessageName, NewMessage } from '../store/store.ts';
import {
  cleanMessage,
  decodeMessageNode,
  getBinaryNodeChild,
  getContentType,
  jidNormalizedUser,
  normalizeMessageContent,
  proto,
  unpadRandomMax16,
  type BinaryNode,
  type WAMessage,
  type WAMessageKey,
} from './baileys.ts';
import { changeEvents, changeOf } from './changes.ts';
import { bodyOf, describeKey, describeMessage, laneOf, plain, subjectOf, type Me } from './describe.ts';
import { attachmentOf } from './download.ts';
import { isChannel, isGroup, isPerson, lidOf, phoneOf, toJid } from './jid.ts';
import { pollOf } from './polls.ts';
import { saidIn } from './said.ts';

/**
 * A decrypted `<message>` stanza as messages to store, with the events they bring. None for what is no message to
 * anybody: key distribution, history and app state sync, and other talk between devices; but the own phone's answer to
 * our request for messages that could not be read is those messages. `byAdmin`: of an admin who may delete what others
 * wrote in a group.
 */
export function readMessage(stanza: BinaryNode, plaintext: Uint8Array, me: Me, byAdmin = false): NewMessage[] {
  const { fullMessage } = decodeMessageNode(stanza, me.id, me.lid ?? '');
  const decoded = decodedContent(unpadRandomMax16(plaintext));
  fullMessage.message = decoded.deviceSentMessage?.message ?? decoded;
  if (stanza.attrs['category'] === 'peer') return fullMessage.key.fromMe ? resent(decoded, me) : [];
  if (!isContent(fullMessage.message)) return [];
  // The sender's key for the group may come along with a message: it is Baileys' to keep, and nobody's to be told.
  delete fullMessage.message.senderKeyDistributionMessage;
  delete fullMessage.message.fastRatchetKeySenderKeyDistributionMessage;
  cleanMessage(fullMessage, me.id, me.lid ?? '');
  return [toNewMessage(fullMessage, me, byAdmin)];
}

/**
 * A post of a channel, which is not encrypted, or a change of one: that comes under the id of the post, with the new
 * content, or with none when the post was taken back. `undefined` for a stanza that is neither.
 */
export function readPost(stanza: BinaryNode, me: Me): Omit<Change, 'sessionId'> | undefined {
  const { from = '', edit, is_sender: own } = stanza.attrs;
  if (!isChannel(from)) return undefined;
  const { fullMessage } = decodeMessageNode(stanza, me.id, me.lid ?? '');
  if (own === 'true') fullMessage.key.fromMe = true;
  const plaintext = getBinaryNodeChild(stanza, 'plaintext')?.content;
  const content = plaintext instanceof Uint8Array && plaintext.length > 0 ? decodedContent(plaintext) : undefined;
  if (edit) return postChange(stanza, fullMessage.key, content);
  if (!content || !isContent(content)) return undefined;
  fullMessage.message = content;
  return { messages: [toNewMessage(fullMessage, me)] };
}

function postChange(
  stanza: BinaryNode,
  key: WAMessageKey,
  content: proto.IMessage | undefined,
): Omit<Change, 'sessionId'> {
  const lane = key.remoteJid!;
  const named = { id: key.id, fromMe: Boolean(key.fromMe), remoteJid: lane };
  const at = getBinaryNodeChild(stanza, 'meta')?.attrs['msg_edit_t'] ?? '';
  const once = `post ${lane} ${key.id} ${content ? at : 'deleted'}`;
  const place = { lane, jid: lane };
  if (!content) return { once, events: [{ event: 'messages.delete', ...place, data: { keys: [named] } }] };
  const update = { message: plain(content), messageBody: bodyOf(content), editedTimestampMs: Number(at) };
  return { once, events: [{ event: 'messages.update', ...place, data: { update, key: named } }] };
}

/** Words for messages that reach a linked device without content; the phone has them. */
const UNAVAILABLE: Record<string, string> = {
  view_once: 'A message that can be viewed once opens on the phone only.',
  view_once_unavailable_fanout: 'A message that can be viewed once opens on the phone only.',
};

/** A message without content: WhatsApp says that there is one, and keeps it from linked devices. */
export function readUnavailable(stanza: BinaryNode, me: Me): Omit<Change, 'sessionId'> | undefined {
  const unavailable = getBinaryNodeChild(stanza, 'unavailable');
  if (!unavailable || getBinaryNodeChild(stanza, 'enc') || stanza.attrs['category'] === 'peer') return undefined;
  const type = unavailable.attrs['type'] ?? 'unknown';
  const why = UNAVAILABLE[type] ?? 'WhatsApp delivered the message without its content; the phone is asked for it.';
  return { messages: [unreadable(decodeMessageNode(stanza, me.id, me.lid ?? '').fullMessage, type, why)] };
}

/** A message whose decryption failed. `undefined` where nobody would miss it. */
export function readUndecryptable(stanza: BinaryNode, error: unknown, me: Me): NewMessage | undefined {
  // What was decrypted before and is known no more was no message to anybody.
  const repeated = /Key used already|old counter/i.test(String((error as Error | undefined)?.message));
  if (repeated || stanza.attrs['category'] === 'peer') return undefined;
  return unreadable(
    decodeMessageNode(stanza, me.id, me.lid ?? '').fullMessage,
    'undecryptable',
    'The message could not be decrypted. Its sender is asked to send it again, which happens by itself.',
  );
}

function unreadable(message: WAMessage, reason: string, advice: string): NewMessage {
  const { place, ...stored } = storedForm(message);
  const data = { key: describeKey(message.key), reason, message: advice };
  return { ...stored, content: null, events: () => [{ event: 'message.undecryptable', ...place, data }] };
}

/** What the phone answers when it is asked for messages that this device could not read. */
function resent({ protocolMessage }: proto.IMessage, me: Me): NewMessage[] {
  const results = protocolMessage?.peerDataOperationRequestResponseMessage?.peerDataOperationResult ?? [];
  return results.flatMap(({ placeholderMessageResendResponse }) => {
    const bytes = placeholderMessageResendResponse?.webMessageInfoBytes;
    if (!bytes) return [];
    const message = proto.WebMessageInfo.decode(bytes) as WAMessage;
    if (!message.message || !message.key?.id || !isContent(message.message)) return [];
    refuseDeep(message.message);
    cleanMessage(message, me.id, me.lid ?? '');
    return [{ ...toNewMessage(message, me, true), resent: true as const }];
  });
}

/** WhatsApp's own messages are some wrappers deep. What is deeper was made to break whoever reads it. */
const DEEPEST = 100;

function decodedContent(bytes: Uint8Array): proto.IMessage {
  const content = proto.Message.decode(bytes);
  refuseDeep(content);
  return content;
}

function refuseDeep(value: object, depth = 0): void {
  if (depth > DEEPEST) throw new Error(`the message is nested more than ${DEEPEST} deep`);
  for (const inner of Object.values(value) as unknown[]) {
    if (typeof inner === 'object' && inner !== null && !(inner instanceof Uint8Array)) refuseDeep(inner, depth + 1);
  }
}

/** Protocol messages that people see the effect of; the others are talk between devices. */
const SEEN: readonly (number | null | undefined)[] = [
  proto.Message.ProtocolMessage.Type.REVOKE,
  proto.Message.ProtocolMessage.Type.MESSAGE_EDIT,
];

function isContent(message: proto.IMessage): boolean {
  const content = normalizeMessageContent(message);
  const type = getContentType(content);
  if (type === 'protocolMessage') return SEEN.includes(content!.protocolMessage?.type);
  return type !== undefined && type !== 'senderKeyDistributionMessage';
}

/** Who sent a `<message>` stanza, and which of theirs it is: all that can be known before it is decrypted. */
export function nameMessage(stanza: BinaryNode, me: Me): MessageName {
  return nameOf(decodeMessageNode(stanza, me.id, me.lid ?? '').fullMessage.key);
}

/** The content of a stored message as Baileys' decryption would give it: padded, as WhatsApp pads. */
export function asPlaintext(content: Buffer): Uint8Array {
  return Buffer.concat([content, Buffer.of(1)]);
}

function authorOf(key: WAMessageKey): (string | null | undefined)[] {
  return isPerson(key.remoteJid!) ? [key.remoteJid, key.remoteJidAlt] : [key.participant, key.participantAlt];
}

function addressesOf(key: WAMessageKey): Addresses {
  const author = authorOf(key);
  const phone = author.map(phoneOf).find(Boolean);
  return { jid: phone && toJid(phone), lid: author.map(lidOf).find(Boolean) };
}

function nameOf(key: WAMessageKey): MessageName {
  const fromMe = Boolean(key.fromMe);
  const author = authorOf(key);
  const sender = author.map(lidOf).find(Boolean) ?? jidNormalizedUser(author[0] ?? key.remoteJid!);
  return { waId: key.id!, fromMe, sender: fromMe ? '' : sender };
}

/** A message of WhatsApp's in the form that is stored and told. */
function toNewMessage(message: WAMessage, me: Me, byAdmin = false): NewMessage {
  const { place, ...stored } = storedForm(message);
  const content = message.message!;
  const change = changeOf(content);
  const said = saidIn(message, addressesOf(message.key), me);
  const payload = describeMessage(message);
  const poll = stored.fromMe ? pollOf(content)?.name : undefined;
  const upsert: NewEvent = { event: 'messages.upsert', ...place, data: { messages: [payload] } };
  const events = (known: Known): NewEvent[] => {
    const recovered: NewEvent = { event: 'message.recovered', ...place, data: { key: payload['key'] } };
    const received = change || stored.fromMe ? [] : receivedEvents(stored.chat);
    return [
      ...(known.recovered ? [recovered] : []),
      upsert,
      ...received.map((event) => ({ event, ...place, data: { messages: payload } })),
      ...changeEvents(content, message.key, place, known, me, byAdmin),
    ];
  };
  return {
    ...stored,
    ...(change && { about: change.about.id! }),
    ...(poll && { poll }),
    ...(!stored.fromMe && attachmentOf(content) && { file: true }),
    ...(said && { said }),
    content: Buffer.from(proto.Message.encode(content).finish()),
    events,
  };
}

/** What of a message is known without its content. */
function storedForm(message: WAMessage) {
  const { key } = message;
  const chat = jidNormalizedUser(key.remoteJid!);
  const name = nameOf(key);
  const subject = subjectOf(chat, authorOf(key));
  return {
    ...name,
    chat,
    lid: subject.lid ?? null,
    ...(key.participant && { participant: jidNormalizedUser(key.participant) }),
    status: name.fromMe ? MESSAGE_STATUS.sent : MESSAGE_STATUS.delivered,
    // A time that is none is the beginning of time.
    timestamp: (Number(message.messageTimestamp ?? 0) || 0) * 1000,
    place: { lane: laneOf(chat, subject), ...subject },
  };
}

/** Status updates of contacts are received, but in no chat of a kind that has an event of its own. */
function receivedEvents(chat: string): EventName[] {
  if (isPerson(chat)) return ['messages.received', 'messages-personal.received'];
  if (isGroup(chat)) return ['messages.received', 'messages-group.received'];
  if (isChannel(chat)) return ['messages.received', 'messages-newsletter.received'];
  return ['messages.received'];
}
