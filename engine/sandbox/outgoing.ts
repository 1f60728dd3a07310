import { randomBytes } from 'node:crypto';
import { proto } from '@whiskeysockets/baileys';
import { z } from 'zod';
import { jidOf } from './accounts.ts';
import { fromBase64, fromUrl, listenTo, lookAt, watch, type Attachment } from './attachments.ts';
import type { Chat } from './chats.ts';
import { unwrapped, type MessageContent } from './content.ts';
import type { Handset } from './handset.ts';
import { parsePhone } from './jid.ts';
import { encryptMedia } from './media-cipher.ts';
import { SandboxError } from './problem.ts';
import { now } from './stanza.ts';

const text = z.string().min(1).max(65_536);
const short = z.string().min(1).max(1024);
const file = z.string().min(1);
const contact = z.strictObject({ name: short, phone: z.string().min(1) });
const place = {
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
};
const location = z.strictObject({ ...place, name: short.optional(), address: short.optional() });
const seconds = z
  .int()
  .min(0)
  .max(10 ** 9);

const timestamp = z.int().min(0);

/** Contents of which a message has one; all others are about it. */
const CONTENT = {
  imageUrl: file,
  imageBase64: file,
  videoUrl: file,
  videoBase64: file,
  audioUrl: file,
  audioBase64: file,
  documentUrl: file,
  documentBase64: file,
  stickerUrl: file,
  stickerBase64: file,
  contact,
  contacts: z.array(contact).min(1).max(257),
  location,
  liveLocation: z.strictObject({ ...place, sequenceNumber: z.int().min(1).optional(), speed: z.number().optional() }),
  poll: z.strictObject({
    question: z.string().min(1).max(255),
    options: z.array(z.string().min(1).max(100)).min(2).max(12),
    multiSelect: z.boolean().optional(),
  }),
  event: z.strictObject({
    name: short,
    description: z.string().max(2048).optional(),
    location: location.partial({ latitude: true, longitude: true }).optional(),
    startTime: timestamp,
    endTime: timestamp.optional(),
    canceled: z.boolean().optional(),
  }),
  buttons: z
    .array(z.strictObject({ id: short, text: short }))
    .min(1)
    .max(10),
  list: z.strictObject({
    title: short.optional(),
    buttonText: short,
    sections: z
      .array(
        z.strictObject({
          title: short.optional(),
          rows: z.array(z.strictObject({ id: short, title: short, description: short.optional() })).min(1),
        }),
      )
      .min(1),
  }),
  templateButtons: z
    .array(
      z.union([
        z.strictObject({ id: short, text: short }),
        z.strictObject({ url: short, text: short }),
        z.strictObject({ phone: short, text: short }),
      ]),
    )
    .min(1)
    .max(10),
  buttonReply: z.strictObject({ id: short, text: short }),
  listReply: z.strictObject({ id: short, title: short, description: short.optional() }),
  groupInvite: z.strictObject({ jid: short, name: short, code: short, expiration: timestamp }),
  message: z.record(z.string(), z.unknown()),
};
type ContentField = keyof typeof CONTENT;
const CONTENT_FIELDS = Object.keys(CONTENT) as ContentField[];

/**
 * `POST /sandbox/phones/{phone}/send`: what a phone is to send. Names as in `POST /api/send-message`, and some that only
 * a phone has:
 *
 * | field | what it is |
 * |---|---|
 * | `text` | the message; with a picture, a video or a document its caption; with `location` its comment; the text over `buttons`, `list`, `templateButtons` |
 * | `imageUrl`, `videoUrl`, `audioUrl`, `documentUrl`, `stickerUrl` | a `data:` URL, or http(s) on this machine; `imageBase64` … take the bytes |
 * | `fileName`, `mimetype` | of the file, when its address and its bytes do not tell |
 * | `ptt` | with audio: a voice note (true, the default) or a file |
 * | `gifPlayback`, `videoNote` | with video: plays like a GIF; is a round video note |
 * | `viewOnce` | with a picture, a video or a voice note: true, as older WhatsApps send it, to all devices; `phones`, as today, to phones alone, and linked devices are told that there is something they cannot see (in a chat with a person) |
 * | `contact`, `contacts`, `location`, `liveLocation`, `poll`, `event`, `buttons`, `list`, `templateButtons`, `buttonReply`, `listReply`, `groupInvite` | |
 * | `message` | any content, as the protocol has it (bytes as base64) |
 * | `replyTo`, `mentions` | id of a message in the chat; numbers or jids |
 * | `forwarded` | as though it had been forwarded so many times |
 * | `expiration` | seconds after which it disappears; what the chat is set to, when not given |
 * | `linkPreview` | `{url, title, description?, imageUrl?}` with `text` |
 */
export const sendRequest = z.strictObject({
  to: z.string().min(1),
  text: text.optional(),
  ...z.strictObject(CONTENT).partial().shape,
  fileName: short.optional(),
  mimetype: short.optional(),
  footer: short.optional(),
  ptt: z.boolean().optional(),
  gifPlayback: z.boolean().optional(),
  videoNote: z.boolean().optional(),
  viewOnce: z.union([z.boolean(), z.literal('phones')]).optional(),
  replyTo: z.string().min(1).optional(),
  mentions: z.array(z.string().min(1)).max(256).optional(),
  forwarded: z.int().min(1).max(127).optional(),
  expiration: seconds.optional(),
  linkPreview: z
    .strictObject({ url: short, title: short, description: short.optional(), imageUrl: file.optional() })
    .optional(),
});

export type SendRequest = z.input<typeof sendRequest>;
export type Outgoing = z.output<typeof sendRequest>;

const STATUS_LOOK = { textArgb: 0xffffffff, backgroundArgb: 0xff1f7a4d, font: 0 };

/** The content that the phone puts together for a request; its files are on the media host when this resolves. */
export async function compose(handset: Handset, chat: Chat, request: Outgoing): Promise<MessageContent> {
  const given = CONTENT_FIELDS.filter((field) => request[field] !== undefined);
  if (given.length > 1 || (given.length === 0 && request.text === undefined)) {
    const which = given.length === 0 ? 'Give "text" or something else to send.' : `Give one of ${given.join(', ')}.`;
    throw new SandboxError(422, 'invalid-request', `A message has one content. ${which}`);
  }
  const content = await contentOf({ ...handset, isChannel: chat.kind === 'channel' }, request, given[0]);
  // a text as a status is a picture of itself, white on green when the person does not choose
  if (chat.kind === 'status' && content.conversation) {
    content.extendedTextMessage = { text: content.conversation, ...STATUS_LOOK };
    content.conversation = null;
  }
  putContext(content, contextInfo(handset, chat, request));
  content.messageContextInfo = {
    ...content.messageContextInfo,
    deviceListMetadataVersion: 2,
    messageSecret: content.messageContextInfo?.messageSecret ?? randomBytes(32),
  };
  return content;
}

async function contentOf(handset: Writer, request: Outgoing, field: ContentField | undefined): Promise<MessageContent> {
  const { text: said, footer } = request;
  const caption = said === undefined ? {} : { caption: said };
  if (field === undefined) return request.linkPreview ? preview(handset, request) : { conversation: said ?? '' };
  const media = /^(image|video|audio|document|sticker)(Url|Base64)$/.exec(field);
  if (media) return mediaContent(handset, request, media[1] ?? '', field);
  if (request.contact) return { contactMessage: card(request.contact) };
  if (request.contacts) return cards(request.contacts);
  if (request.location) {
    const comment = said === undefined ? {} : { comment: said };
    return { locationMessage: { ...placeOf(request.location), ...comment } };
  }
  if (request.liveLocation) {
    const { sequenceNumber = 1, speed } = request.liveLocation;
    const moving = speed === undefined ? {} : { speedInMps: speed };
    const where = { ...placeOf(request.liveLocation), ...moving, sequenceNumber, accuracyInMeters: 10 };
    return { liveLocationMessage: { ...where, ...caption } };
  }
  if (request.poll) return poll(request.poll);
  if (request.event) return event(request.event);
  if (request.buttons) return buttons(request.buttons, said ?? '', footer);
  if (request.list) return list(request.list, said, footer);
  if (request.templateButtons) return template(request.templateButtons, said ?? '', footer);
  if (request.buttonReply) {
    const { id, text: shown } = request.buttonReply;
    const { DISPLAY_TEXT } = proto.Message.ButtonsResponseMessage.Type;
    return { buttonsResponseMessage: { selectedButtonId: id, selectedDisplayText: shown, type: DISPLAY_TEXT } };
  }
  if (request.listReply) {
    const { id, title, description } = request.listReply;
    const { SINGLE_SELECT } = proto.Message.ListResponseMessage.ListType;
    const chosen = { singleSelectReply: { selectedRowId: id }, listType: SINGLE_SELECT, title };
    return { listResponseMessage: { ...chosen, ...(description === undefined ? {} : { description }) } };
  }
  if (request.groupInvite) {
    const { jid, name, code, expiration } = request.groupInvite;
    const invite = { groupJid: jid, groupName: name, inviteCode: code, inviteExpiration: expiration };
    return { groupInviteMessage: { ...invite, ...caption } };
  }
  return asTheProtocolHasIt(request.message ?? {});
}

function asTheProtocolHasIt(message: object): MessageContent {
  try {
    const content = proto.Message.fromObject(message);
    if (Object.keys(content).length > 0) return content;
  } catch {
    // said below
  }
  throw new SandboxError(422, 'invalid-request', '"message" is not the content of a WhatsApp message.');
}

// --- files ---

async function mediaContent(
  handset: Writer,
  request: Outgoing,
  kind: string,
  field: ContentField,
): Promise<MessageContent> {
  const attachment = await attached(request, field);
  const caption = request.text === undefined ? {} : { caption: request.text };
  const { streamingSidecar, ...file } = { streamingSidecar: null, ...upload(handset, kind, attachment.bytes) };
  const mimetype = request.mimetype ?? attachment.mimetype;
  const viewOnce = request.viewOnce ? { viewOnce: true } : {};
  switch (kind) {
    case 'image': {
      const { isAnimated: _, ...look } = await lookAt(attachment.bytes);
      return onceOnly(request, { imageMessage: { ...file, mimetype, ...caption, ...look, ...viewOnce } });
    }
    case 'video': {
      const gif = request.gifPlayback ? { gifPlayback: true } : {};
      const video = {
        ...file,
        mimetype,
        ...caption,
        ...watch(attachment.bytes),
        ...gif,
        ...viewOnce,
        streamingSidecar,
      };
      return request.videoNote ? { ptvMessage: video } : onceOnly(request, { videoMessage: video });
    }
    case 'audio': {
      const ptt = request.ptt ?? true;
      const { seconds: length, waveform } = listenTo(attachment.bytes);
      const heard = { ...(length === undefined ? {} : { seconds: length }), ...(ptt && waveform ? { waveform } : {}) };
      const isOpus = mimetype.startsWith('audio/ogg') || mimetype === 'audio/opus';
      const audio = { ...file, mimetype: isOpus ? 'audio/ogg; codecs=opus' : mimetype, ptt, ...heard, ...viewOnce };
      return onceOnly(request, { audioMessage: { ...audio, streamingSidecar } });
    }
    case 'sticker': {
      const { width, height, isAnimated = false } = await lookAt(attachment.bytes);
      const size = width === undefined || height === undefined ? {} : { width, height };
      return { stickerMessage: { ...file, mimetype, ...size, isAnimated, stickerSentTs: Date.now() } };
    }
    default: {
      const fileName = request.fileName ?? attachment.fileName ?? 'file';
      const { jpegThumbnail } = mimetype.startsWith('image/') ? await lookAt(attachment.bytes) : {};
      const thumbnail = jpegThumbnail === undefined ? {} : { jpegThumbnail };
      const documentMessage = { ...file, mimetype, fileName, title: fileName, ...caption, ...thumbnail };
      return request.text === undefined
        ? { documentMessage }
        : { documentWithCaptionMessage: { message: { documentMessage } } };
    }
  }
}

function attached(request: Outgoing, field: ContentField): Promise<Attachment> {
  const value = String(request[field]);
  return field.endsWith('Base64') ? fromBase64(field, value) : fromUrl(field, value);
}

/** A phone that is about to write in a chat. */
type Writer = Handset & { isChannel: boolean };

/**
 * Encrypts a file, leaves it on the media host and keeps a copy; what is returned goes into the message. What is posted
 * in a channel is not encrypted.
 */
function upload({ network, account, isChannel }: Writer, kind: string, plaintext: Buffer) {
  const { bytes, fileSha256, fileLength, ...keys } = encryptMedia(kind, plaintext);
  const { url, directPath } = network.media.keep(kind, isChannel ? plaintext : bytes, !isChannel);
  network.media.keepFor(account.phone, isChannel ? fileSha256 : keys.fileEncSha256);
  const place = { url, directPath, fileSha256, fileLength };
  return isChannel ? place : { ...place, ...keys, mediaKeyTimestamp: now() };
}

/** As phones wrap what may be seen once: recordings otherwise than pictures, so that old clients show neither. */
function onceOnly(request: Outgoing, message: MessageContent): MessageContent {
  if (!request.viewOnce) return message;
  return message.audioMessage ? { viewOnceMessageV2Extension: { message } } : { viewOnceMessageV2: { message } };
}

async function preview(handset: Writer, { text: said = '', linkPreview }: Outgoing): Promise<MessageContent> {
  if (!linkPreview) return { conversation: said };
  const { url, title, description, imageUrl } = linkPreview;
  const extendedTextMessage: proto.Message.IExtendedTextMessage = {
    text: said,
    matchedText: url,
    title,
    previewType: 0,
  };
  if (description !== undefined) extendedTextMessage.description = description;
  if (imageUrl !== undefined) {
    const { bytes } = await fromUrl('linkPreview.imageUrl', imageUrl);
    const { width, height, jpegThumbnail } = await lookAt(bytes);
    const { directPath, fileSha256, ...keys } = upload(handset, 'thumbnail-link', bytes);
    const encrypted = 'mediaKey' in keys ? keys : undefined;
    Object.assign(extendedTextMessage, {
      jpegThumbnail,
      thumbnailDirectPath: directPath,
      thumbnailSha256: fileSha256,
      thumbnailWidth: width,
      thumbnailHeight: height,
      ...(encrypted && {
        thumbnailEncSha256: encrypted.fileEncSha256,
        mediaKey: encrypted.mediaKey,
        mediaKeyTimestamp: encrypted.mediaKeyTimestamp,
      }),
    });
  }
  return { extendedTextMessage };
}

// --- what is not a file ---

function card({ name, phone }: { name: string; phone: string }): proto.Message.IContactMessage {
  const digits = parsePhone(phone);
  const lines = ['BEGIN:VCARD', 'VERSION:3.0', `N:;${name};;;`, `FN:${name}`];
  const vcard = [...lines, `TEL;type=CELL;waid=${digits}:+${digits}`, 'END:VCARD'].join('\n');
  return { displayName: name, vcard };
}

function cards(people: { name: string; phone: string }[]): MessageContent {
  const contacts = people.map(card);
  const [first] = contacts;
  if (first && contacts.length === 1) return { contactMessage: first };
  return { contactsArrayMessage: { displayName: `${contacts.length} contacts`, contacts } };
}

interface Place {
  latitude?: number | undefined;
  longitude?: number | undefined;
  name?: string | undefined;
  address?: string | undefined;
}

function placeOf({ latitude, longitude, name, address }: Place): proto.Message.ILocationMessage {
  return definedOnly({ degreesLatitude: latitude, degreesLongitude: longitude, name, address });
}

function poll({ question, options, multiSelect = false }: NonNullable<Outgoing['poll']>): MessageContent {
  if (new Set(options).size !== options.length) {
    throw new SandboxError(422, 'invalid-request', '"poll.options": two options are the same.');
  }
  const creation = {
    name: question,
    options: options.map((optionName) => ({ optionName })),
    // none chosen means that any number may be
    selectableOptionsCount: multiSelect ? 0 : 1,
  };
  return multiSelect ? { pollCreationMessage: creation } : { pollCreationMessageV3: creation };
}

function event({ location: where, canceled = false, ...rest }: NonNullable<Outgoing['event']>): MessageContent {
  const at = where ? { location: placeOf(where) } : {};
  return { eventMessage: definedOnly({ ...rest, isCanceled: canceled, ...at }) };
}

function buttons(choices: { id: string; text: string }[], contentText: string, footer?: string): MessageContent {
  const { RESPONSE } = proto.Message.ButtonsMessage.Button.Type;
  return {
    buttonsMessage: {
      contentText,
      ...(footer === undefined ? {} : { footerText: footer }),
      headerType: proto.Message.ButtonsMessage.HeaderType.EMPTY,
      buttons: choices.map((one) => ({ buttonId: one.id, buttonText: { displayText: one.text }, type: RESPONSE })),
    },
  };
}

function list(given: NonNullable<Outgoing['list']>, said?: string, footer?: string): MessageContent {
  const { title, buttonText, sections } = given;
  const shown = sections.map((section) =>
    definedOnly({
      title: section.title,
      rows: section.rows.map(({ id, ...row }) => definedOnly({ rowId: id, ...row })),
    }),
  );
  const { SINGLE_SELECT } = proto.Message.ListMessage.ListType;
  const about = definedOnly({ title, description: said, footerText: footer });
  return { listMessage: { ...about, buttonText, listType: SINGLE_SELECT, sections: shown } };
}

function template(given: NonNullable<Outgoing['templateButtons']>, said: string, footer?: string): MessageContent {
  const hydratedButtons = given.map((one, index) => {
    const displayText = one.text;
    if ('url' in one) return { index, urlButton: { displayText, url: one.url } };
    if ('phone' in one) return { index, callButton: { displayText, phoneNumber: one.phone } };
    return { index, quickReplyButton: { displayText, id: one.id } };
  });
  const rows = {
    hydratedContentText: said,
    hydratedButtons,
    ...(footer === undefined ? {} : { hydratedFooterText: footer }),
  };
  return { templateMessage: { hydratedTemplate: rows, hydratedFourRowTemplate: rows } };
}

// --- what is said about the message ---

function contextInfo(handset: Handset, chat: Chat, request: Outgoing): proto.IContextInfo {
  const info: proto.IContextInfo = {};
  if (request.replyTo !== undefined) Object.assign(info, quoted(handset, chat, request.replyTo));
  if (request.mentions?.length) {
    info.mentionedJid = request.mentions.map((one) =>
      jidOf(handset.network.accounts.recipient(one).account, chat.addressing),
    );
  }
  if (request.forwarded !== undefined) Object.assign(info, { isForwarded: true, forwardingScore: request.forwarded });
  return { ...info, ...disappearing(handset, chat, request.expiration) };
}

/** When a message disappears: as the chat is set, or as somebody wants it. */
export function disappearing(handset: Handset, chat: Chat, wanted?: number): proto.IContextInfo {
  const setting = handset.chats.disappearing(chat.key);
  const expiration = wanted ?? setting?.seconds ?? 0;
  if (expiration === 0) return {};
  return { expiration, ephemeralSettingTimestamp: setting?.since ?? now(), disappearingMode: { initiator: 0 } };
}

function quoted(handset: Handset, chat: Chat, id: string): proto.IContextInfo {
  const [message] = handset.chats.list({ chat: chat.key, id });
  const author = message && handset.network.accounts.get(message.sender);
  if (!message || !author) {
    throw new SandboxError(404, 'unknown-message', `There is no message ${id} in the chat ${chat.jid}.`);
  }
  // neither the secret of the quoted message goes along nor what it quotes itself
  const quotedMessage: MessageContent = { ...unwrapped(handset.chats.contentOf(message)), messageContextInfo: null };
  for (const [name, part] of Object.entries(quotedMessage) as [keyof MessageContent, unknown][]) {
    if (typeof part === 'object' && part !== null && 'contextInfo' in part) {
      Object.assign(quotedMessage, { [name]: { ...part, contextInfo: null } });
    }
  }
  return { stanzaId: message.id, participant: jidOf(author, chat.addressing), quotedMessage };
}

/** A plain text cannot bear it, so that it becomes an extended one. */
export function putContext(content: MessageContent, info: proto.IContextInfo): void {
  if (Object.keys(info).length === 0) return;
  if (typeof content.conversation === 'string') {
    content.extendedTextMessage = { text: content.conversation };
    content.conversation = null;
  }
  const inner = innermost(content);
  for (const [name, part] of Object.entries(inner)) {
    if (name === 'messageContextInfo' || typeof part !== 'object' || part === null) continue;
    const target = part as { contextInfo?: proto.IContextInfo | null };
    target.contextInfo = { ...target.contextInfo, ...info };
    return;
  }
}

/** What is inside of the wrappers that are put on here; changed in place. */
function innermost(content: MessageContent): MessageContent {
  const {
    viewOnceMessageV2: once,
    viewOnceMessageV2Extension: onceHeard,
    documentWithCaptionMessage: captioned,
  } = content;
  return once?.message ?? onceHeard?.message ?? captioned?.message ?? content;
}

function definedOnly<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
