import type { IDataObject } from 'n8n-workflow';

/** A file of a message, as far as the message tells. */
export interface Media extends IDataObject {
  /** What it is to WhatsApp: image, video, audio, document or sticker. */
  kind: string;
  mimeType?: string;
  fileName?: string;
  /** In bytes. */
  size?: number;
  /** How long it plays. */
  seconds?: number;
  /** ID of its message, by which Media: Download finds it. */
  id?: string;
  /** The binary field that has the file, where it was downloaded. */
  field?: string;
  /** Why there is no file though it was to be downloaded. */
  error?: string;
}

/** What most workflows read, beside the whole event. What makes no sense for an event is missing. */
export interface Flat extends IDataObject {
  /** What was written: text, caption, question; the emoji of a reaction, the chosen options of a vote; the answer to an inquiry. */
  text?: string;
  /**
   * Digits with country code of whoever it is about: the other person of a chat, whoever of the two writes or votes, and
   * the author in a group; null where WhatsApp does not tell it.
   */
  phone?: string | null;
  /** Address of the chat: what to send an answer to. */
  chat?: string;
  /** How the person calls themselves, or how the group or chat is called; null where that is not told. */
  name?: string | null;
  /** One of the message types that can be filtered by. */
  type?: string;
  isGroup?: boolean;
  /** Null for a message without a file. */
  media?: Media | null;
  /** WhatsApp's ID of the message, or of the one that a reaction, a vote or a change is about. */
  messageId?: string;
}

const objectOf = (value: unknown): IDataObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as IDataObject) : {};
const firstOf = (value: unknown): IDataObject => objectOf(Array.isArray(value) ? value[0] : value);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Without what is not there. */
const told = <T extends IDataObject>(fields: T): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== '')) as T;

/** The content itself, out of what WhatsApp wraps it in: messages that disappear, are viewed once, have a caption … */
function contentOf(message: unknown): IDataObject {
  const content = objectOf(message);
  const wrapped = Object.values(content)
    .map((part) => objectOf(part).message)
    .find((inner) => typeof inner === 'object' && inner !== null);
  return wrapped ? contentOf(wrapped) : content;
}

/** WhatsApp's names of contents, in a person's words; those of the trigger's filter. */
const TYPES: Readonly<Record<string, string>> = {
  conversation: 'text',
  extendedTextMessage: 'text',
  buttonsResponseMessage: 'text',
  templateButtonReplyMessage: 'text',
  listResponseMessage: 'text',
  interactiveResponseMessage: 'text',
  imageMessage: 'image',
  videoMessage: 'video',
  ptvMessage: 'video',
  audioMessage: 'audio',
  documentMessage: 'document',
  stickerMessage: 'sticker',
  contactMessage: 'contact',
  contactsArrayMessage: 'contact',
  locationMessage: 'location',
  liveLocationMessage: 'location',
  pollCreationMessage: 'poll',
  pollCreationMessageV2: 'poll',
  pollCreationMessageV3: 'poll',
  pollCreationMessageV5: 'poll',
  eventMessage: 'event',
  reactionMessage: 'reaction',
  encReactionMessage: 'reaction',
};
const FILES = ['image', 'video', 'audio', 'document', 'sticker'];

function typeOf(content: IDataObject): string {
  const name = Object.keys(content).find((key) => Object.hasOwn(TYPES, key));
  if (name === 'audioMessage' && objectOf(content[name]).ptt === true) return 'voice';
  return name === undefined ? 'other' : TYPES[name]!;
}

function mediaOf(content: IDataObject, id: unknown): Media | null {
  const key = Object.keys(content).find((one) => FILES.includes(TYPES[one] ?? ''));
  if (key === undefined) return null;
  const { mimetype, fileName, fileLength, seconds } = objectOf(content[key]);
  return told({
    kind: TYPES[key] as string,
    mimeType: textOf(mimetype),
    fileName: textOf(fileName),
    size: Number(fileLength) || undefined,
    seconds: Number(seconds) || undefined,
    id: textOf(id),
  });
}

/** The object that WasenderApi calls a message. */
function messageOf(value: unknown): Flat {
  const message = firstOf(value);
  const content = contentOf(message.message);
  const { id, fromMe, participant } = objectOf(message.key);
  // What we write in a chat is about the other person, and has our name.
  const isTheirs = fromMe !== true || participant !== undefined;
  const { text: emoji } = objectOf(content.reactionMessage);
  return {
    text: textOf(message.messageBody) || textOf(emoji),
    name: (isTheirs && textOf(message.pushName)) || null,
    type: typeOf(content),
    media: mediaOf(content, id),
    messageId: textOf(id),
  };
}

/** The options that whoever voted has chosen; none when the vote was taken back. */
const votedIn = ({ vote }: IDataObject): string => [objectOf(vote).options ?? []].flat().map(textOf).join(', ');

const received = (data: unknown) => messageOf(objectOf(data).messages);
const about = (key: unknown): Flat => told({ messageId: textOf(objectOf(key).id) });
const called = (data: unknown): Flat => {
  const { name, notify, verifiedName, subject } = firstOf(data);
  return { name: textOf(name) || textOf(notify) || textOf(verifiedName) || textOf(subject) || null };
};

/** What each event says in its data; of the others, who and where is all there is to say. */
const READERS: Readonly<Record<string, (data: unknown) => Flat>> = {
  'messages.received': received,
  'messages-personal.received': received,
  'messages-group.received': received,
  'messages-newsletter.received': received,
  'messages.upsert': received,
  'message.sent': (data) => (firstOf(data).message ? messageOf(data) : about(firstOf(data).key)),
  'messages.update': (data) => {
    const { key, update } = objectOf(data);
    const { message, messageBody } = objectOf(update);
    return message ? { ...messageOf({ key, message, messageBody }), name: null } : about(key);
  },
  'messages.delete': (data) => about(firstOf(objectOf(data).keys)),
  'messages.reaction': (data) => {
    const { key, reaction } = firstOf(data);
    return { text: textOf(objectOf(reaction).text), type: 'reaction', ...about(key) };
  },
  'message.undecryptable': (data) => about(objectOf(data).key),
  'message.recovered': (data) => about(objectOf(data).key),
  'message-receipt.update': (data) => about(objectOf(objectOf(data).message).key),
  'poll.results': (data) => {
    const poll = objectOf(data);
    return { text: votedIn(poll), type: 'poll', ...about(poll.key) };
  },
  'inquiry.answered': (data) => {
    const { text, choice } = objectOf(objectOf(data).answer);
    return { text: textOf(text) || textOf(choice) };
  },
  'media.ready': (data) => {
    const { kind, mimetype, fileName, size, messageId, error } = objectOf(data);
    const media = { kind: textOf(kind), mimeType: textOf(mimetype), fileName: textOf(fileName) };
    const id = textOf(messageId);
    return {
      type: media.kind,
      media: told({ ...media, size: Number(size) || undefined, id, error: textOf(error) }),
      messageId: id,
    };
  },
  'contacts.upsert': called,
  'contacts.update': called,
  'chats.upsert': called,
  'chats.update': called,
  'groups.upsert': called,
  'groups.update': called,
};

const placeOf = ({ jid, phone }: IDataObject): Flat =>
  typeof jid === 'string' ? { phone: textOf(phone) || null, chat: jid, isGroup: jid.endsWith('@g.us') } : {};

/** One event in a few words. Never throws, whatever the event looks like. */
export function flatOf(event: IDataObject): Flat {
  const { text, ...rest } = READERS[String(event.event)]?.(event.data) ?? {};
  return { ...(text !== undefined && { text }), ...placeOf(event), ...rest };
}

/** The events of a delivery, oldest first: several where a burst was collected. */
export const partsOf = (event: IDataObject): IDataObject[] =>
  Array.isArray(event.collected) ? event.collected.map(objectOf) : [event];

/**
 * What the workflow gets of a delivery: the event as it came, with what most workflows read in front; `parts` are its
 * events in a few words. A burst is one text, has the latest file, and `messages`, each in a few words.
 */
export function jsonOf(event: IDataObject, parts = partsOf(event).map(flatOf)): IDataObject {
  const newest = parts.at(-1) ?? {};
  if (!Array.isArray(event.collected)) return { ...newest, ...event };
  const text = parts.flatMap((part) => part.text || []).join('\n');
  const media = [...parts].reverse().find((part) => part.media)?.media ?? null;
  return { ...newest, text, media, messages: parts, ...event };
}
