import { randomBytes } from 'node:crypto';
import { proto } from '@whiskeysockets/baileys';
import { stanza, type Stanza } from './stanza.ts';

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

/** Fields in which WhatsApp puts a message into another: what counts is what is inside. */
const WRAPPERS = [
  'ephemeralMessage',
  'viewOnceMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
  'documentWithCaptionMessage',
  'editedMessage',
  'associatedChildMessage',
  'groupMentionedMessage',
  'groupStatusMessage',
  'groupStatusMessageV2',
  'botInvokeMessage',
  'botForwardedMessage',
  'botTaskMessage',
  'lottieStickerMessage',
  'pollCreationMessageV4',
  'pollCreationOptionImageMessage',
  'limitSharingMessage',
  'questionMessage',
  'questionReplyMessage',
  'statusAddYours',
] as const;
/** Nobody wraps more often. */
const MAX_WRAPPERS = 5;

/** The message without its wrappers. */
export function unwrapped(content: MessageContent): MessageContent {
  let inner = content;
  for (let depth = 0; depth < MAX_WRAPPERS; depth++) {
    const wrapper = WRAPPERS.find((name) => inner[name]?.message);
    const next = wrapper && inner[wrapper]?.message;
    if (!next) break;
    // what is said about the whole message stands outside
    const messageContextInfo = next.messageContextInfo ?? inner.messageContextInfo ?? null;
    inner = Object.assign(Message.create(next), { messageContextInfo });
  }
  return inner;
}

export function isViewOnce(content: MessageContent): boolean {
  const media = mediaOf(content)?.media;
  if (media && 'viewOnce' in media && media.viewOnce) return true;
  let inner = content;
  for (let depth = 0; depth < MAX_WRAPPERS; depth++) {
    if (inner.viewOnceMessage || inner.viewOnceMessageV2 || inner.viewOnceMessageV2Extension) return true;
    const wrapper = WRAPPERS.find((name) => inner[name]?.message);
    inner = (wrapper && inner[wrapper]?.message) ?? {};
  }
  return false;
}

/**
 * A message after an edit. A text takes the place of a caption where there is one: then only the caption changes. The
 * secret stays that of the original.
 */
export function edited(original: MessageContent, change: MessageContent): MessageContent {
  const messageContextInfo = original.messageContextInfo ?? null;
  const said = change.conversation ?? change.extendedTextMessage?.text;
  const { media } = mediaOf(original) ?? {};
  if (said === undefined || said === null || !media) return { ...change, messageContextInfo };
  const copy = decodeContent(encodeContent(original));
  const inCopy = mediaOf(copy)?.media;
  if (inCopy) Object.assign(inCopy, { caption: said });
  return copy;
}

export const pollOf = (content: MessageContent): proto.Message.IPollCreationMessage | undefined => {
  const inner = unwrapped(content);
  return (
    inner.pollCreationMessage ??
    inner.pollCreationMessageV2 ??
    inner.pollCreationMessageV3 ??
    inner.pollCreationMessageV5 ??
    undefined
  );
};

/** A file in a message: its kind (which decides its keys), and the part of the message that tells where it lies. */
export interface MediaPart {
  kind: 'image' | 'video' | 'audio' | 'document' | 'sticker';
  media:
    | proto.Message.IImageMessage
    | proto.Message.IVideoMessage
    | proto.Message.IAudioMessage
    | proto.Message.IDocumentMessage
    | proto.Message.IStickerMessage;
}

export function mediaOf(content: MessageContent): MediaPart | undefined {
  const inner = unwrapped(content);
  const template = inner.templateMessage?.hydratedFourRowTemplate ?? inner.templateMessage?.hydratedTemplate;
  for (const part of [inner, inner.buttonsMessage, template, inner.interactiveMessage?.header]) {
    if (!part) continue;
    if (part.imageMessage) return { kind: 'image', media: part.imageMessage };
    if (part.videoMessage) return { kind: 'video', media: part.videoMessage };
    if (part.documentMessage) return { kind: 'document', media: part.documentMessage };
  }
  if (inner.ptvMessage) return { kind: 'video', media: inner.ptvMessage };
  if (inner.audioMessage) return { kind: 'audio', media: inner.audioMessage };
  if (inner.stickerMessage) return { kind: 'sticker', media: inner.stickerMessage };
  return undefined;
}

/** What is said about the message: whom it mentions, what it quotes, when it disappears. */
export function contextOf(content: MessageContent): proto.IContextInfo | undefined {
  for (const part of Object.values(unwrapped(content)) as unknown[]) {
    if (typeof part !== 'object' || part === null || !('contextInfo' in part)) continue;
    if (part.contextInfo) return part.contextInfo;
  }
  return undefined;
}

/** What a person reads of it: the text, a caption, a poll's question, a contact's name. Null when there is none. */
export function textOf(content: MessageContent): string | null {
  const inner = unwrapped(content);
  const template = inner.templateMessage?.hydratedFourRowTemplate ?? inner.templateMessage?.hydratedTemplate;
  const media = mediaOf(inner)?.media;
  const texts = [
    inner.conversation,
    inner.extendedTextMessage?.text,
    inner.buttonsMessage?.contentText,
    template?.hydratedContentText,
    inner.interactiveMessage?.body?.text,
    inner.listMessage?.description,
    inner.listMessage?.title,
    media && 'caption' in media ? media.caption : undefined,
    pollOf(inner)?.name,
    inner.eventMessage?.name,
    inner.locationMessage?.comment,
    inner.liveLocationMessage?.caption,
    inner.contactMessage?.displayName,
    inner.contactsArrayMessage?.displayName,
    inner.groupInviteMessage?.caption,
    inner.buttonsResponseMessage?.selectedDisplayText,
    inner.templateButtonReplyMessage?.selectedDisplayText,
    inner.listResponseMessage?.title,
    inner.interactiveResponseMessage?.body?.text,
    inner.productMessage?.body,
    inner.commentMessage?.message ? textOf(inner.commentMessage.message) : undefined,
  ];
  return texts.find((text) => text !== undefined && text !== null && text !== '') ?? inner.conversation ?? null;
}

/** Types that are not simply the name of the message's field. */
const TYPES: Partial<Record<keyof MessageContent, string>> = {
  conversation: 'text',
  extendedTextMessage: 'text',
  contactsArrayMessage: 'contacts',
  ptvMessage: 'videoNote',
  pollCreationMessage: 'poll',
  pollCreationMessageV2: 'poll',
  pollCreationMessageV3: 'poll',
  pollCreationMessageV5: 'poll',
  pollUpdateMessage: 'vote',
  encReactionMessage: 'reaction',
  encEventResponseMessage: 'eventResponse',
  pinInChatMessage: 'pin',
  keepInChatMessage: 'keep',
  secretEncryptedMessage: 'edit',
  encCommentMessage: 'comment',
};
const PROTOCOL_TYPES: Partial<Record<number, string>> = {
  [ProtocolType.REVOKE]: 'delete',
  [ProtocolType.MESSAGE_EDIT]: 'edit',
  [ProtocolType.EPHEMERAL_SETTING]: 'disappearing',
};
/** Types of messages that only say something about another one: they are not shown in the chat. */
export const CHANGES = ['reaction', 'edit', 'delete', 'vote', 'eventResponse', 'pin', 'keep'];
export const isChange = (content: MessageContent): boolean => CHANGES.includes(typeOf(content));

/** Fields that come beside the message proper. */
const BESIDE = ['messageContextInfo', 'senderKeyDistributionMessage', 'fastRatchetKeySenderKeyDistributionMessage'];

/**
 * What kind of message it is: `text`, `image`, `video`, `videoNote`, `audio`, `document`, `sticker`, `contact`,
 * `contacts`, `location`, `liveLocation`, `poll`, `event`, `buttons`, `list`, `template`, `disappearing` …; of what has
 * no name here the message's field without its ending.
 */
export function typeOf(content: MessageContent): string {
  const inner = unwrapped(content);
  const field = Object.keys(readableContent(inner)).find((name) => !BESIDE.includes(name));
  if (field === 'protocolMessage') return PROTOCOL_TYPES[inner.protocolMessage?.type ?? 0] ?? 'protocol';
  return (field && TYPES[field as keyof MessageContent]) ?? field?.replace(/Message$/, '') ?? 'unknown';
}

/** How a message is put into a stanza: what the server and the recipients are to know before they can read it. */
export interface StanzaForm {
  /** `type` of `<message>`. */
  type: string;
  /** `edit` of `<message>`: it changes (1) or pins (2) another message, or takes it back as its author (7) or an admin (8). */
  edit: string | undefined;
  /** Attributes of every `<enc>`. */
  enc: Record<string, string | undefined>;
  /** Further children of `<message>`. */
  nodes: Stanza[];
}

export function stanzaForm(content: MessageContent): StanzaForm {
  const inner = unwrapped(content);
  const mediatype = mediaType(inner);
  const edit = editOf(inner);
  const isPoll = pollOf(inner) !== undefined || Boolean(inner.pollUpdateMessage);
  const isEvent = Boolean(inner.eventMessage ?? inner.encEventResponseMessage);
  const isReaction = Boolean(inner.reactionMessage ?? inner.encReactionMessage);
  let type = mediatype === undefined ? 'text' : 'media';
  if (isReaction) type = 'reaction';
  else if (isPoll) type = 'poll';
  else if (isEvent) type = 'event';
  const hidden =
    edit !== undefined ||
    isReaction ||
    Boolean(inner.pollUpdateMessage ?? inner.encEventResponseMessage ?? inner.keepInChatMessage);
  const nodes: Stanza[] = [];
  if (isPoll) nodes.push(stanza('meta', { polltype: inner.pollUpdateMessage ? 'vote' : 'creation' }));
  if (isEvent) nodes.push(stanza('meta', { event_type: inner.eventMessage ? 'creation' : 'response' }));
  const buttons = buttonsNode(inner);
  if (buttons) nodes.push(stanza('biz', {}, [buttons]));
  return { type, edit, enc: { mediatype, 'decrypt-fail': hidden ? 'hide' : undefined }, nodes };
}

function mediaType(inner: MessageContent): string | undefined {
  if (inner.imageMessage) return 'image';
  if (inner.videoMessage) return inner.videoMessage.gifPlayback ? 'gif' : 'video';
  if (inner.ptvMessage) return 'ptv';
  if (inner.audioMessage) return inner.audioMessage.ptt ? 'ptt' : 'audio';
  if (inner.documentMessage) return 'document';
  if (inner.stickerMessage) return 'sticker';
  if (inner.contactMessage) return 'vcard';
  if (inner.contactsArrayMessage) return 'contact_array';
  if (inner.locationMessage) return 'location';
  if (inner.liveLocationMessage) return 'livelocation';
  if (inner.extendedTextMessage?.title || inner.groupInviteMessage) return 'url';
  if (inner.listMessage) return 'list';
  if (inner.listResponseMessage) return 'list_response';
  if (inner.buttonsResponseMessage) return 'buttons_response';
  if (inner.interactiveResponseMessage) return 'native_flow_response';
  if (inner.orderMessage) return 'order';
  if (inner.productMessage) return 'product';
  return undefined;
}

function editOf(inner: MessageContent): string | undefined {
  const change = inner.protocolMessage;
  if (change?.type === ProtocolType.REVOKE) return change.key?.fromMe ? '7' : '8';
  if (change?.type === ProtocolType.MESSAGE_EDIT) return '1';
  if (inner.pinInChatMessage) return '2';
  if (inner.reactionMessage?.text === '') return '7';
  const keep = inner.keepInChatMessage;
  return keep?.key?.fromMe && keep.keepType === proto.KeepType.UNDO_KEEP_FOR_ALL ? '7' : undefined;
}

function buttonsNode(inner: MessageContent): Stanza | undefined {
  if (inner.buttonsMessage) return stanza('buttons');
  if (inner.listMessage) return stanza('list', { v: 2, type: 'single_select' });
  return undefined;
}

/** For people to read: enums by name, bytes as base64. */
export function readableContent(content: MessageContent): object {
  return Message.toObject(Message.create(content), { longs: String, enums: String, bytes: String });
}
