import type { Subject } from '../events.ts';
import {
  isJidBroadcast,
  jidNormalizedUser,
  normalizeMessageContent,
  proto,
  type WAMessage,
  type WAMessageKey,
} from './baileys.ts';
import { isGroup, isPerson, lidOf, phoneOf } from './jid.ts';
import { pollOf } from './polls.ts';

/** The account that a session is logged in as. */
export interface Me {
  id: string;
  lid?: string | undefined;
}

/** jid of the chat; lid and phone of the person it is about, from whichever address tells them. */
export function subjectOf(chat: string, addresses: (string | null | undefined)[]): Subject {
  const lid = addresses.map(lidOf).find(Boolean);
  const phone = addresses.map(phoneOf).find(Boolean);
  return { jid: jidNormalizedUser(chat), ...(lid && { lid }), ...(phone && { phone }) };
}

/**
 * Messages of one chat share a lane. A person may write from the phone-number address today and from the LID
 * tomorrow, so the LID names the lane where it is known.
 */
export function laneOf(chat: string, { lid }: Subject): string {
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

export function describeKey(key: WAMessageKey): Record<string, unknown> {
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
export function plain(message: proto.IMessage): Record<string, unknown> {
  return proto.Message.toObject(proto.Message.fromObject(message), { bytes: String, longs: Number });
}

/** The text of a message wherever WhatsApp puts it: text, caption, question, name; empty when there is none. */
export function bodyOf(message: proto.IMessage | null | undefined): string {
  const content = normalizeMessageContent(message);
  return (
    content?.conversation ??
    content?.extendedTextMessage?.text ??
    content?.imageMessage?.caption ??
    content?.videoMessage?.caption ??
    content?.documentMessage?.caption ??
    content?.interactiveMessage?.body?.text ??
    content?.buttonsResponseMessage?.selectedDisplayText ??
    content?.templateButtonReplyMessage?.selectedDisplayText ??
    content?.listResponseMessage?.title ??
    content?.interactiveResponseMessage?.body?.text ??
    content?.eventMessage?.name ??
    pollOf(content)?.name ??
    ''
  );
}
