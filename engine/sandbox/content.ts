import { randomBytes } from 'node:crypto';
import { proto } from '@whiskeysockets/baileys';

const { Message } = proto;

/** What a message says, as the protocol has it. */
export type MessageContent = proto.IMessage;
export const ProtocolType = Message.ProtocolMessage.Type;

export function encodeContent(content: MessageContent): Buffer {
  return Buffer.from(Message.encode(Message.create(content)).finish());
}

export function decodeContent(bytes: Buffer): MessageContent {
  return Message.decode(bytes);
}

/** WhatsApp pads a message with 1 to 16 bytes, each of which says how many they are. */
export function padded(message: Buffer): Buffer {
  const length = (randomBytes(1)[0] ?? 0) % 16 || 16;
  return Buffer.concat([message, Buffer.alloc(length, length)]);
}

export function unpadded(message: Buffer): Buffer {
  const length = message.at(-1) ?? 0;
  if (length === 0 || length > message.length) throw new Error('the padding does not fit');
  return message.subarray(0, -length);
}

/** What our own devices are sent instead of the message: the message, and whom it is for. */
export function copyOf(destinationJid: string, message: MessageContent): MessageContent {
  return {
    deviceSentMessage: { destinationJid, message },
    messageContextInfo: message.messageContextInfo ?? null,
  };
}

export function textOf(content: MessageContent): string | null {
  return content.conversation ?? content.extendedTextMessage?.text ?? null;
}

/** `text`, or what the message's field is called without its ending: `image`, `reaction`, `protocol`, … */
export function typeOf(content: MessageContent): string {
  if (textOf(content) !== null) return 'text';
  const field = Object.keys(readableContent(content)).find((name) => name !== 'messageContextInfo');
  return field?.replace(/Message$/, '') ?? 'unknown';
}

/** For people to read: enums by name, bytes as base64. */
export function readableContent(content: MessageContent): object {
  return Message.toObject(Message.create(content), { longs: String, enums: String, bytes: String });
}
