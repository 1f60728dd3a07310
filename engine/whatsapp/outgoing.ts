import { EngineError, validationFailed } from '../errors.ts';
import type { ContactCard, MessageRecord, SendRequest } from '../model.ts';
import {
  generateForwardMessageContent,
  generateWAMessageContent,
  getContentType,
  isJidNewsletter,
  normalizeMessageContent,
  proto,
  type AnyMessageContent,
  type BinaryNode,
  type WAMessageKey,
} from './baileys.ts';
import { isGroup, phoneOf, toJid } from './jid.ts';
import { castVote, pollOf, type Addresses } from './polls.ts';

/** What composing a message may need besides the request. */
export interface Composing {
  me: Addresses;
  /** The members of a group, as it names them. */
  members(group: string): Promise<string[]>;
  /** The message that the request names: by WasenderApi's number, or by WhatsApp's id. */
  find(id: string): Promise<MessageRecord | undefined>;
  /** WhatsApp's form of a request's file, uploaded to WhatsApp. */
  media(request: SendRequest, chat: string): Promise<proto.IMessage>;
  /** The preview of the first link in a text, when there is one to be had. */
  preview(text: string): Promise<LinkPreview | undefined>;
}

export interface LinkPreview {
  url: string;
  title: string;
  description?: string;
  /** JPEG. */
  thumbnail?: Buffer;
}

/**
 * WhatsApp's form of a message to send. Made once: what comes out is stored, and every later try sends the same bytes
 * under the same id. Throws `validation_failed` or `message_not_found` for what can never be sent.
 */
export async function compose(request: SendRequest, chat: string, composing: Composing): Promise<proto.IMessage> {
  const message = await contentOf(request, chat, composing);
  const context: proto.IContextInfo = {};
  const mentions = await mentionsOf(request, chat, composing);
  if (mentions.length > 0) context.mentionedJid = mentions;
  if (request.mentionAll) context.nonJidMentions = 1;
  if (request.replyTo !== undefined) Object.assign(context, await quotation(request.replyTo, chat, composing));
  if (request.disappearAfter !== undefined) context.expiration = request.disappearAfter;
  if (Object.keys(context).length > 0) addContext(message, context);
  return message;
}

/** Our request → WhatsApp's message. One switch for every message type. */
async function contentOf(request: SendRequest, chat: string, composing: Composing): Promise<proto.IMessage> {
  const { kind, contacts, location, poll, event, buttons, list, reaction, edit, pin, forward, vote } = request;
  if (reaction) return generate({ react: { key: await keyOf(reaction.message, composing), text: reaction.emoji } });
  if (edit) return editOf(request.text ?? '', await target(edit.message, composing), composing.me);
  if (request.delete) return generate({ delete: await keyOf(request.delete.message, composing) });
  if (pin) {
    const { PIN_FOR_ALL, UNPIN_FOR_ALL } = proto.Message.PinInChatMessage.Type;
    const time = pin.seconds as 86400;
    const type = (pin.seconds > 0 ? PIN_FOR_ALL : UNPIN_FOR_ALL) as number;
    return generate({ pin: await keyOf(pin.message, composing), type, time } as AnyMessageContent);
  }
  if (vote) {
    const poll = await target(vote.message, composing);
    return castVote(poll, keyTo(poll, composing.me), vote.options, composing.me);
  }
  if (forward) return forwardOf(await target(forward.message, composing));
  if (kind) return composing.media(request, chat);
  if (contacts) {
    const cards = contacts.map((contact) => ({ displayName: contact.name, vcard: vcard(contact) }));
    return generate({ contacts: { displayName: `${cards.length} contacts`, contacts: cards } });
  }
  if (location) return locationOf(location);
  if (poll) {
    const { question: name, options: values, multiSelect } = poll;
    return generate({ poll: { name, values, selectableCount: multiSelect ? 0 : 1 } });
  }
  if (event) return eventOf(event);
  if (buttons || list) return interactiveOf(request);
  return textOf(request, composing);
}

const generate = (content: AnyMessageContent): Promise<proto.IMessage> =>
  generateWAMessageContent(content, { upload: refuseUpload });

const refuseUpload = () => {
  throw new Error('this kind of message has nothing to upload');
};

async function textOf({ text = '', linkPreview, backgroundColor }: SendRequest, composing: Composing) {
  const preview = linkPreview === false ? undefined : await composing.preview(text);
  const message = await generateWAMessageContent(
    {
      text,
      linkPreview: preview
        ? {
            'canonical-url': preview.url,
            'matched-text': preview.url,
            title: preview.title,
            ...(preview.description && { description: preview.description }),
            ...(preview.thumbnail && { jpegThumbnail: preview.thumbnail }),
          }
        : null,
    },
    { upload: refuseUpload, ...(backgroundColor && { backgroundColor }) },
  );
  return message;
}

function locationOf(location: NonNullable<SendRequest['location']>): Promise<proto.IMessage> | proto.IMessage {
  const { latitude: degreesLatitude, longitude: degreesLongitude, name, address, live } = location;
  const at = { degreesLatitude, degreesLongitude };
  if (live) return { liveLocationMessage: { ...at, sequenceNumber: 1, ...(name && { caption: name }) } };
  return generate({ location: { ...at, ...(name && { name }), ...(address && { address }) } });
}

function eventOf({ name, description, startTime, endTime, location }: NonNullable<SendRequest['event']>) {
  return generate({
    event: {
      name,
      ...(description && { description }),
      startDate: new Date(startTime * 1000),
      ...(endTime !== undefined && { endDate: new Date(endTime * 1000) }),
      ...(location && { location: { name: location } as never }),
    },
  });
}

/** A card as phones make them; `waid` lets the recipient write to the contact with one touch. */
function vcard({ name, phone, organization }: ContactCard): string {
  const digits = phone.replace(/\D/g, '');
  const escaped = (text: string) => text.replace(/([\\,;])/g, '\\$1').replace(/\r?\n/g, '\\n');
  return [
    'BEGIN:VCARD',
    'VERSION:3.0',
    `N:;${escaped(name)};;;`,
    `FN:${escaped(name)}`,
    ...(organization ? [`ORG:${escaped(organization)};`] : []),
    `TEL;type=CELL;type=VOICE;waid=${digits}:+${digits}`,
    'END:VCARD',
  ].join('\n');
}

/**
 * Buttons and lists as "native flow" messages. WhatsApp shows them on phones; on WhatsApp Web and Desktop they may be
 * missing, and WhatsApp may drop those of private accounts without a word. A poll always arrives.
 */
function interactiveOf({ text = '', footer, buttons = [], list }: SendRequest): proto.IMessage {
  const quickReplies = buttons.map(({ text: label, id }, index) => ({
    name: 'quick_reply',
    buttonParamsJson: JSON.stringify({ display_text: label, id: id ?? String(index + 1) }),
  }));
  const sections = list?.sections.map(({ title, rows }, at) => ({
    title,
    rows: rows.map((row, index) => ({ title: row.title, id: row.id ?? `${at + 1}.${index + 1}` })),
  }));
  const lists = list
    ? [{ name: 'single_select', buttonParamsJson: JSON.stringify({ title: list.button, sections }) }]
    : [];
  return {
    viewOnceMessage: {
      message: {
        messageContextInfo: { deviceListMetadata: {}, deviceListMetadataVersion: 2 },
        interactiveMessage: {
          ...(list && { header: { title: list.title, hasMediaAttachment: false } }),
          body: { text },
          ...(footer && { footer: { text: footer } }),
          nativeFlowMessage: { buttons: [...quickReplies, ...lists] },
        },
      },
    },
  };
}

/** The new text of a message of ours, or the new caption of its file. */
function editOf(text: string, original: MessageRecord, me: Addresses): proto.IMessage {
  const content = normalizeMessageContent(proto.Message.decode(original.content!));
  const type = getContentType(content);
  const captioned = type === 'imageMessage' || type === 'videoMessage' || type === 'documentMessage';
  const editedMessage: proto.IMessage = captioned
    ? { [type]: { ...content![type], caption: text } }
    : { extendedTextMessage: { text } };
  return {
    protocolMessage: {
      key: keyTo(original, me),
      type: proto.Message.ProtocolMessage.Type.MESSAGE_EDIT,
      editedMessage,
      timestampMs: Date.now(),
    },
  };
}

function forwardOf(message: MessageRecord): proto.IMessage {
  return generateForwardMessageContent(
    { key: { fromMe: message.fromMe }, message: proto.Message.decode(message.content!) } as never,
    false,
  );
}

async function mentionsOf({ mentions = [], mentionAll }: SendRequest, chat: string, { members }: Composing) {
  const named = mentions.map((typed) => toJid(typed, 'mentions'));
  if (!mentionAll || !isGroup(chat)) return named;
  // "All" is one flag to new apps, and a list of everybody to those before them.
  return [...new Set([...named, ...(await members(chat))])];
}

export function nothingToReplyTo(): EngineError {
  return validationFailed({
    replyTo: ['The replyTo field names no message of this session. Use the msgId of a send, or the id of a message.'],
  });
}

async function quotation(id: string, chat: string, composing: Composing): Promise<proto.IContextInfo> {
  const quoted = await composing.find(id);
  if (!quoted?.content) throw nothingToReplyTo();
  const content = normalizeMessageContent(proto.Message.decode(quoted.content));
  const type = getContentType(content);
  const quotedMessage = proto.Message.fromObject(type ? { [type]: content![type] } : {});
  const inner = type && (quotedMessage[type] as { contextInfo?: unknown } | null);
  if (inner && typeof inner === 'object') delete inner.contextInfo;
  return {
    stanzaId: quoted.waId,
    participant: authorOf(quoted, composing.me),
    quotedMessage,
    // Replying privately to what was said in a group.
    ...(quoted.chat !== chat && { remoteJid: quoted.chat }),
  };
}

/** Who wrote a message, in the addressing of its chat. */
function authorOf(message: MessageRecord, me: Addresses): string {
  if (message.fromMe) return phoneOf(message.chat) ? me.jid : (me.lid ?? me.jid);
  return isGroup(message.chat) ? (message.participant ?? message.sender) : message.chat;
}

/** How others know a message: what a reaction, an edit or a deletion points at. */
export function keyTo(message: MessageRecord, me: Addresses): WAMessageKey {
  return {
    remoteJid: message.chat,
    fromMe: message.fromMe,
    id: message.waId,
    ...(isGroup(message.chat) && !message.fromMe && { participant: authorOf(message, me) }),
  };
}

const keyOf = async (id: string, composing: Composing) => keyTo(await target(id, composing), composing.me);

async function target(id: string, { find }: Composing): Promise<MessageRecord> {
  const message = await find(id);
  if (!message) throw new EngineError('message_not_found', `There is no message ${id} in this session`);
  return message;
}

/** Every kind of content has a context of its own; plain text gets a form that can hold one. */
function addContext(message: proto.IMessage, context: proto.IContextInfo): void {
  const content = normalizeMessageContent(message) ?? message;
  if (typeof content.conversation === 'string') {
    content.extendedTextMessage = { text: content.conversation };
    delete content.conversation;
  }
  const type = getContentType(content);
  const inner = type && (content[type] as { contextInfo?: proto.IContextInfo | null } | null);
  if (!inner || typeof inner !== 'object') return;
  inner.contextInfo = { ...inner.contextInfo, ...context };
}

/** What the stanza of a message says of it, since the server cannot read what is inside. */
export interface StanzaOptions {
  additionalAttributes?: Record<string, string>;
  additionalNodes?: BinaryNode[];
  statusJidList?: string[];
}

/** The options of a stanza follow from the message alone, so that every try sends the same ones. */
export function stanzaOptions(message: proto.IMessage, { audience }: Pick<SendRequest, 'audience'>): StanzaOptions {
  const content = normalizeMessageContent(message);
  const edit = editAttribute(content);
  const node = metaNode(content);
  return {
    ...(edit && { additionalAttributes: { edit } }),
    ...(node && { additionalNodes: [node] }),
    ...(audience && { statusJidList: audience.map((typed) => toJid(typed, 'audience')) }),
  };
}

/** WhatsApp's numbers: 1 an edit, 2 a pin, 7 taken back by its author, 8 deleted by an admin of the group. */
function editAttribute(content: proto.IMessage | null | undefined): string | undefined {
  const { REVOKE, MESSAGE_EDIT } = proto.Message.ProtocolMessage.Type;
  const { protocolMessage, pinInChatMessage, reactionMessage } = content ?? {};
  if (protocolMessage?.type === MESSAGE_EDIT) return isJidNewsletter(protocolMessage.key?.remoteJid ?? '') ? '3' : '1';
  if (protocolMessage?.type === REVOKE) {
    return protocolMessage.key?.fromMe || !isGroup(protocolMessage.key?.remoteJid ?? '') ? '7' : '8';
  }
  if (pinInChatMessage) return '2';
  if (reactionMessage && !reactionMessage.text) return '7';
  return undefined;
}

function metaNode(content: proto.IMessage | null | undefined): BinaryNode | undefined {
  if (pollOf(content)) return { tag: 'meta', attrs: { polltype: 'creation' } };
  if (content?.pollUpdateMessage) return { tag: 'meta', attrs: { polltype: 'vote' } };
  if (content?.eventMessage) return { tag: 'meta', attrs: { event_type: 'creation' } };
  if (content?.interactiveMessage?.nativeFlowMessage) {
    const flow = { tag: 'native_flow', attrs: { v: '9', name: 'mixed' } };
    return {
      tag: 'biz',
      attrs: {},
      content: [{ tag: 'interactive', attrs: { type: 'native_flow', v: '1' }, content: [flow] }],
    };
  }
  return undefined;
}

/** The number that WasenderApi's answers show in `jid`: `+…` for a phone number, else the address. */
export function shownJid(jid: string): string {
  const phone = phoneOf(jid);
  return phone ? `+${phone}` : jid;
}
