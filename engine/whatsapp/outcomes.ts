import type { NewEvent, Subject } from '../events.ts';
import { MESSAGE_STATUS, type MessageRecord, type MessageStatus } from '../model.ts';
import type { AnswerChange, GroupReceipt, Known, MessageOutcome } from '../store/store.ts';
import {
  areJidsSameUser,
  getBinaryNodeChildren,
  jidNormalizedUser,
  proto,
  type BinaryNode,
  type WAMessage,
  type WAMessageKey,
} from './baileys.ts';
import { changeEvents } from './changes.ts';
import { describeMessage, laneOf, subjectOf, type Me } from './describe.ts';
import { chatOfSent } from './directory.ts';
import { nackText } from './failure.ts';
import { isGroup, isOfChat, isPerson } from './jid.ts';
import { forgotten } from './notifications.ts';

/**
 * WhatsApp's `<ack class="message">`: it has taken one of our messages, or refuses it. `undefined` for other acks.
 */
export function readAck({ attrs }: BinaryNode, me: Me): MessageOutcome | undefined {
  const { id, error, t } = attrs;
  if (attrs['class'] !== 'message' || !id) return undefined;
  if (error) return failure(id, nackText(error));
  const at = t ? { at: Number(t) * 1000 } : {};
  return { waId: id, status: MESSAGE_STATUS.sent, ...at, events: sentBy(me), directory: chatOfSent };
}

/**
 * A refusal says that what WhatsApp has answered is no longer so: of a group, its members or how they are addressed;
 * of a person (404), that they have an account.
 */
export function answersRefuted({ attrs: { from = '', error } }: BinaryNode): AnswerChange[] {
  const subject = jidNormalizedUser(from);
  if (error && isGroup(subject)) return [forgotten('group', subject)];
  return error === '404' && isPerson(subject) ? [forgotten('number', subject)] : [];
}

const RECEIPT_STATUS: Record<string, MessageStatus> = {
  '': MESSAGE_STATUS.delivered,
  inactive: MESSAGE_STATUS.delivered,
  read: MESSAGE_STATUS.read,
  'read-self': MESSAGE_STATUS.read,
  played: MESSAGE_STATUS.played,
};

/**
 * Receipts that tell nothing about the chat, but that WhatsApp has taken the message: a device asks for it to be
 * encrypted anew, or one of our own has its copy.
 */
const TAKEN = ['retry', 'sender'];

/**
 * What a `<receipt>` says: about messages to a person as a whole; about those to a group for one member, and that
 * WhatsApp has taken them.
 */
export interface ReadReceipt {
  outcomes: MessageOutcome[];
  receipts: GroupReceipt[];
}

/** A `<receipt>` for messages of ours: delivered, read or played. Those of our own devices say nothing to us. */
export function readReceipt(stanza: BinaryNode, me: Me): ReadReceipt {
  const { id, from = '', participant, type = '', t } = stanza.attrs;
  const status = RECEIPT_STATUS[type];
  const who = participant ?? from;
  const mine = areJidsSameUser(who, me.id) || areJidsSameUser(who, me.lid);
  const none = { outcomes: [], receipts: [] };
  if (!id) return none;
  const [list] = getBinaryNodeChildren(stanza, 'list');
  const others = getBinaryNodeChildren(list, 'item').flatMap((item) => item.attrs['id'] ?? []);
  const ids = [id, ...others];
  // Only who is in the chat can have got the message.
  const provided = (message: MessageRecord) => mine || isOfChat(message, [from]);
  const taken = { status: MESSAGE_STATUS.sent, provided, events: sentBy(me), directory: chatOfSent };
  if (TAKEN.includes(type)) return { outcomes: ids.map((waId) => ({ waId, ...taken })), receipts: [] };
  if (status === undefined || mine || !isPerson(who)) return none;
  if (isPerson(from)) {
    const outcomes = ids.map((waId) => ({ waId, status, provided, events: statusBy(me), directory: chatOfSent }));
    return { outcomes, receipts: [] };
  }
  const member = jidNormalizedUser(who);
  const at = t ? Number(t) * 1000 : Date.now();
  const chat = jidNormalizedUser(from);
  const receipts = ids.map((waId) => ({ waId, chat, member, status, at, events: memberEvents(member, status, at) }));
  return { outcomes: ids.map((waId) => ({ waId, ...taken })), receipts };
}

/** WasenderApi tells the time of a receipt in seconds, under a name for what was done. */
function memberEvents(member: string, status: MessageStatus, at: number): GroupReceipt['events'] {
  const seconds = Math.floor(at / 1000);
  const done =
    status === MESSAGE_STATUS.delivered
      ? { receiptTimestamp: seconds }
      : status === MESSAGE_STATUS.read
        ? { readTimestamp: seconds }
        : { playedTimestamp: seconds };
  return (message, contact) => {
    const { jid, lane } = about(message);
    const key = { remoteJid: message.chat, id: message.waId, fromMe: true, participant: member };
    const receipt = { userJid: member, ...done };
    const data = { message: { key, receipt }, msgId: message.msgId };
    return [{ event: 'message-receipt.update', lane, ...subjectOf(jid!, [member, contact?.jid]), data }];
  };
}

/** A message that will never be sent, because of `error`. */
export function failure(waId: string, error: string): MessageOutcome {
  return { waId, status: MESSAGE_STATUS.error, error, events: failedEvents };
}

/**
 * A message that was written as often as may be, and never acknowledged: it may have arrived, or not. An acknowledgement
 * or a receipt that comes later tells that it has.
 */
export function unknown(waId: string): MessageOutcome {
  return { ...failure(waId, 'WhatsApp never acknowledged it, so whether it arrived is unknown'), unknown: true };
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

/** Also tells what the message did to another one: our own reaction is one like everybody's. */
function sentBy(me: Me): MessageOutcome['events'] {
  return (message, _before, known) => sentEvents(message, known, me);
}

/**
 * Delivered or read before WhatsApp's own acknowledgement came, or in place of it: then this is the acknowledgement, too,
 * also of a message that was given up.
 */
function statusBy(me: Me): MessageOutcome['events'] {
  return (message, before, known) =>
    before <= MESSAGE_STATUS.pending ? sentEvents(message, known, me) : [updated(message)];
}

function sentEvents(message: MessageRecord, known: Known, me: Me): NewEvent[] {
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
    ...(content ? changeEvents(content, keyOf(message), about(message), known, me) : []),
  ];
}

function failedEvents(message: MessageRecord): NewEvent[] {
  const key = { id: message.waId, fromMe: true, remoteJid: message.chat };
  return [
    {
      event: 'message.sent',
      ...about(message),
      data: {
        ...{ key, msgId: message.msgId, success: false, error: `Failed to send message: ${message.error}` },
        ...(message.unknown && { unknown: true }),
      },
    },
    updated(message),
  ];
}
