import type { NewEvent, Subject } from '../events.ts';
import { MESSAGE_STATUS, type MessageRecord, type MessageStatus } from '../model.ts';
import type { MessageName, MessageOutcome, NewMessage } from '../store/store.ts';
import {
  areJidsSameUser,
  cleanMessage,
  decodeMessageNode,
  getBinaryNodeChildren,
  getContentType,
  isJidBroadcast,
  jidNormalizedUser,
  normalizeMessageContent,
  proto,
  unpadRandomMax16,
  type BinaryNode,
  type WAMessage,
  type WAMessageKey,
} from './baileys.ts';
import { nackText } from './failure.ts';
import { isGroup, isPerson, lidOf, phoneOf } from './jid.ts';

/** The account that a session is logged in as. */
export interface Me {
  id: string;
  lid?: string | undefined;
}

/**
 * A decrypted `<message>` stanza as a message to store and the events it brings. `undefined` for what is no message
 * to anybody: key distribution, history and app state sync, and other talk between devices.
 */
export function readMessage(stanza: BinaryNode, plaintext: Uint8Array, me: Me): NewMessage | undefined {
  const { fullMessage } = decodeMessageNode(stanza, me.id, me.lid ?? '');
  const decoded = proto.Message.decode(unpadRandomMax16(plaintext));
  fullMessage.message = decoded.deviceSentMessage?.message ?? decoded;
  if (stanza.attrs['category'] === 'peer' || !isContent(fullMessage.message)) return undefined;
  cleanMessage(fullMessage, me.id, me.lid ?? '');
  return toNewMessage(fullMessage);
}

function isContent(message: proto.IMessage): boolean {
  const content = normalizeMessageContent(message);
  const type = getContentType(content);
  return type !== undefined && type !== 'protocolMessage' && type !== 'senderKeyDistributionMessage';
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

function nameOf(key: WAMessageKey): MessageName {
  const fromMe = Boolean(key.fromMe);
  const author = authorOf(key);
  const sender = author.map(lidOf).find(Boolean) ?? jidNormalizedUser(author[0] ?? key.remoteJid!);
  return { waId: key.id!, fromMe, sender: fromMe ? '' : sender };
}

/** A message of WhatsApp's in the form that is stored and told. */
function toNewMessage(message: WAMessage): NewMessage {
  const { key } = message;
  const chat = key.remoteJid!;
  const name = nameOf(key);
  const subject = subjectOf(chat, authorOf(key));
  const payload = describeMessage(message);
  const lane = laneOf(chat, subject);
  const events: NewEvent[] = [{ event: 'messages.upsert', lane, ...subject, data: { messages: [payload] } }];
  if (!name.fromMe) events.push({ event: 'messages.received', lane, ...subject, data: { messages: payload } });
  return {
    ...name,
    chat: jidNormalizedUser(chat),
    lid: subject.lid ?? null,
    content: Buffer.from(proto.Message.encode(message.message!).finish()),
    status: name.fromMe ? MESSAGE_STATUS.sent : MESSAGE_STATUS.delivered,
    timestamp: Number(message.messageTimestamp ?? 0) * 1000,
    events: () => events,
  };
}

/** jid of the chat; lid and phone of the person it is about, from whichever address tells them. */
function subjectOf(chat: string, addresses: (string | null | undefined)[]): Subject {
  const lid = addresses.map(lidOf).find(Boolean);
  const phone = addresses.map(phoneOf).find(Boolean);
  return { jid: jidNormalizedUser(chat), ...(lid && { lid }), ...(phone && { phone }) };
}

/**
 * Messages of one chat share a lane. A person may write from the phone-number address today and from the LID
 * tomorrow, so the LID names the lane where it is known.
 */
function laneOf(chat: string, { lid }: Subject): string {
  return isPerson(chat) && lid ? lid : jidNormalizedUser(chat);
}

/** The `messages` object of WasenderApi's message events. */
export function describeMessage(message: WAMessage): Record<string, unknown> {
  return {
    key: describeKey(message.key),
    messageBody: bodyOf(message.message),
    message: message.message ? plain(message.message) : null,
    messageTimestamp: Number(message.messageTimestamp ?? 0),
    ...(message.pushName && { pushName: message.pushName }),
    ...(isJidBroadcast(message.key.remoteJid ?? '') && { broadcast: true }),
  };
}

function describeKey(key: WAMessageKey): Record<string, unknown> {
  const common = { id: key.id, fromMe: Boolean(key.fromMe), remoteJid: key.remoteJid };
  const addressing = key.addressingMode && { addressingMode: key.addressingMode };
  const group = isGroup(key.remoteJid ?? '') || Boolean(key.participant);
  const addresses = group ? [key.participant, key.participantAlt] : [key.remoteJid, key.remoteJidAlt];
  const phone = addresses.map(phoneOf).find(Boolean);
  const lid = addresses.map(lidOf).find(Boolean);
  const pn = phone && `${phone}@s.whatsapp.net`;
  if (group) {
    return {
      ...common,
      participant: key.participant,
      ...(pn && { participantPn: pn, cleanedParticipantPn: phone }),
      ...(lid && { participantLid: lid }),
      ...addressing,
    };
  }
  // The sender of our own messages is ourselves; who they went to is in the envelope.
  if (key.fromMe) return { ...common, ...addressing };
  return {
    ...common,
    ...addressing,
    ...(pn && { senderPn: pn, cleanedSenderPn: phone }),
    ...(lid && { senderLid: lid }),
  };
}

/** WhatsApp's protobuf as JSON: bytes in base64, 64-bit numbers as numbers, enums as numbers. */
function plain(message: proto.IMessage): Record<string, unknown> {
  return proto.Message.toObject(proto.Message.fromObject(message), { bytes: String, longs: Number });
}

/** The text of a message wherever WhatsApp puts it: text, extended text, caption; empty when there is none. */
function bodyOf(message: proto.IMessage | null | undefined): string {
  const content = normalizeMessageContent(message);
  return (
    content?.conversation ??
    content?.extendedTextMessage?.text ??
    content?.imageMessage?.caption ??
    content?.videoMessage?.caption ??
    content?.documentMessage?.caption ??
    ''
  );
}

/**
 * WhatsApp's `<ack class="message">`: it has taken one of our messages, or refuses it. `undefined` for other acks.
 */
export function readAck({ attrs }: BinaryNode): MessageOutcome | undefined {
  const { id, error } = attrs;
  if (attrs['class'] !== 'message' || !id) return undefined;
  if (error) return { waId: id, status: MESSAGE_STATUS.error, error: nackText(error), events: failedEvents };
  return { waId: id, status: MESSAGE_STATUS.sent, events: sentEvents };
}

const RECEIPT_STATUS: Record<string, MessageStatus> = {
  '': MESSAGE_STATUS.delivered,
  inactive: MESSAGE_STATUS.delivered,
  read: MESSAGE_STATUS.read,
  'read-self': MESSAGE_STATUS.read,
  played: MESSAGE_STATUS.played,
};

/**
 * A `<receipt>` for messages of ours: delivered, read or played. In a group or broadcast a receipt speaks for one
 * member only and says nothing about the message as a whole.
 */
export function readReceipt(stanza: BinaryNode, me: Me): MessageOutcome[] {
  const { id, from = '', type = '' } = stanza.attrs;
  const status = RECEIPT_STATUS[type];
  const mine = areJidsSameUser(from, me.id) || areJidsSameUser(from, me.lid);
  if (!id || status === undefined || mine || !isPerson(from)) return [];
  const [list] = getBinaryNodeChildren(stanza, 'list');
  const others = getBinaryNodeChildren(list, 'item').flatMap((item) => item.attrs['id'] ?? []);
  return [id, ...others].map((waId) => ({ waId, status, events: statusEvents }));
}

/** A message that will never be sent, because of `error`. */
export function failure(waId: string, error: string): MessageOutcome {
  return { waId, status: MESSAGE_STATUS.error, error, events: failedEvents };
}

const keyOf = (message: MessageRecord): WAMessageKey => ({
  id: message.waId,
  fromMe: true,
  remoteJid: message.chat,
  ...(message.lid && isPerson(message.chat) && { remoteJidAlt: message.lid }),
});

/** What events about an own message have in common. */
function about(message: MessageRecord): Subject & { lane: string } {
  const subject = subjectOf(message.chat, isPerson(message.chat) ? [message.chat, message.lid] : []);
  return { ...subject, lane: laneOf(message.chat, subject) };
}

function updated(message: MessageRecord): NewEvent {
  const key = { remoteJid: message.chat, id: message.waId, fromMe: true };
  return {
    event: 'messages.update',
    ...about(message),
    data: { update: { status: message.status }, key, msgId: message.msgId },
  };
}

function sentEvents(message: MessageRecord): NewEvent[] {
  const content = message.content ? proto.Message.decode(message.content) : undefined;
  const told = describeMessage({
    key: keyOf(message),
    message: content ?? null,
    messageTimestamp: Math.floor(message.timestamp / 1000),
  } as WAMessage);
  return [
    { event: 'messages.upsert', ...about(message), data: { messages: [told] } },
    { event: 'message.sent', ...about(message), data: { ...told, msgId: message.msgId, success: true } },
    updated(message),
  ];
}

/** Delivered or read before WhatsApp's own acknowledgement came: then this is the acknowledgement, too. */
function statusEvents(message: MessageRecord, before: MessageStatus): NewEvent[] {
  return before === MESSAGE_STATUS.pending ? sentEvents(message) : [updated(message)];
}

function failedEvents(message: MessageRecord): NewEvent[] {
  const key = { id: message.waId, fromMe: true, remoteJid: message.chat };
  return [
    {
      event: 'message.sent',
      ...about(message),
      data: { key, msgId: message.msgId, success: false, error: `Failed to send message: ${message.error}` },
    },
    updated(message),
  ];
}
