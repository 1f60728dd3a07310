import { jidOf } from './accounts.ts';
import type { Mark } from './changes.ts';
import { jidOfKey, type Chats, type StoredMessage } from './chats.ts';
import {
  contextOf,
  isViewOnce,
  mediaOf,
  pollOf,
  readableContent,
  textOf,
  typeOf,
  unwrapped,
  type MessageContent,
} from './content.ts';
import type { Network } from './network.ts';

/** A file in a message, as the message describes it. */
export interface MediaInfo {
  kind: 'image' | 'video' | 'audio' | 'document' | 'sticker';
  mimetype: string | null;
  size: number;
  fileName: string | null;
  viewOnce: boolean;
  width?: number;
  height?: number;
  seconds?: number;
  /** A voice note. */
  ptt?: boolean;
  gifPlayback?: boolean;
  animated?: boolean;
}

export interface PollInfo {
  question: string;
  multiSelect: boolean;
  /** Voters by number. */
  options: { name: string; voters: string[] }[];
}

export interface EventInfo {
  name: string;
  description: string | null;
  startTime: number;
  endTime: number | null;
  canceled: boolean;
  responses: { from: string; response: string }[];
}

/** What a message says and what was done to it, as the phone shows it. People are named by number. */
export interface MessageView {
  type: string;
  /** What a person reads: the text, a caption, a poll's question. */
  text: string | null;
  /** The whole decrypted content, as the protocol has it (bytes as base64): as edited last, empty when it was deleted. */
  message: object;
  edited: boolean;
  /** Taken back for everybody. */
  deleted: boolean;
  reactions: { from: string; emoji: string }[];
  pinned: boolean;
  /** Kept from disappearing. */
  kept: boolean;
  /** Who of this phone's account has heard a recording or seen what may be seen once. */
  played: boolean;
  forwarded: boolean;
  mentions: string[];
  quoted?: { id: string; from: string | null; type: string; text: string | null };
  /** Seconds since 1970 at which it disappears. */
  expiresAt?: number;
  media?: MediaInfo;
  poll?: PollInfo;
  event?: EventInfo;
  contacts?: { name: string; phone: string | null }[];
  location?: { latitude: number; longitude: number; name: string | null; address: string | null };
  /** Of a message that sets the chat's timer: the new one, 0 for none. */
  disappearing?: number;
}

export function viewOf(network: Network, chats: Chats, message: StoredMessage): MessageView {
  const content = chats.contentOf(message);
  const marks = chats.marks(message);
  const of = (kind: Mark['kind']): Mark[] => marks.filter((mark) => mark.kind === kind);
  const deleted = of('revoke').length > 0;
  const context = contextOf(content);
  const kept = of('keep').some(({ value }) => value === '1');
  const expiration = kept ? 0 : (context?.expiration ?? 0);
  return {
    // what was taken back still shows that something was there
    type: deleted ? message.type : typeOf(content),
    text: textOf(content),
    message: readableContent(content),
    edited: !deleted && of('edit').length > 0,
    deleted,
    reactions: of('reaction')
      .filter(({ value }) => value !== '' && !deleted)
      .map(({ sender, value }) => ({ from: jidOfKey(sender), emoji: value })),
    pinned: of('pin').some(({ value }) => Number(value) * 1000 > Date.now()),
    kept,
    played: of('played').length > 0,
    forwarded: context?.isForwarded === true,
    mentions: (context?.mentionedJid ?? []).map((jid) => named(network, jid)),
    ...(context?.stanzaId ? { quoted: quotedOf(network, context) } : {}),
    ...(expiration > 0 ? { expiresAt: message.timestamp + expiration } : {}),
    ...detailsOf(content, of('vote'), of('response')),
  };
}

function detailsOf(content: MessageContent, votes: Mark[], responses: Mark[]): Partial<MessageView> {
  const inner = unwrapped(content);
  const details: Partial<MessageView> = {};
  const part = mediaOf(content);
  if (part) details.media = mediaInfo(content, part);
  const poll = pollOf(content);
  if (poll) {
    const chosen = votes.map(({ sender, value }) => ({ sender, names: JSON.parse(value) as string[] }));
    const options = (poll.options ?? []).map(({ optionName }) => {
      const name = optionName ?? '';
      const voters = chosen.filter(({ names }) => names.includes(name)).map(({ sender }) => jidOfKey(sender));
      return { name, voters };
    });
    details.poll = { question: poll.name ?? '', multiSelect: poll.selectableOptionsCount !== 1, options };
  }
  const event = inner.eventMessage;
  if (event) {
    details.event = {
      name: event.name ?? '',
      description: event.description ?? null,
      startTime: Number(event.startTime ?? 0),
      endTime: event.endTime ? Number(event.endTime) : null,
      canceled: event.isCanceled === true,
      responses: responses.map(({ sender, value }) => ({ from: jidOfKey(sender), response: value })),
    };
  }
  const cards = inner.contactMessage ? [inner.contactMessage] : (inner.contactsArrayMessage?.contacts ?? []);
  if (cards.length > 0) {
    details.contacts = cards.map(({ displayName, vcard }) => ({
      name: displayName ?? '',
      phone: /waid=(\d+)/.exec(vcard ?? '')?.[1] ?? null,
    }));
  }
  const place = inner.locationMessage ?? inner.liveLocationMessage;
  if (place) {
    details.location = {
      latitude: place.degreesLatitude ?? 0,
      longitude: place.degreesLongitude ?? 0,
      name: ('name' in place ? place.name : null) ?? null,
      address: ('address' in place ? place.address : null) ?? null,
    };
  }
  if (typeOf(inner) === 'disappearing') details.disappearing = inner.protocolMessage?.ephemeralExpiration ?? 0;
  return details;
}

function mediaInfo(content: MessageContent, { kind, media }: NonNullable<ReturnType<typeof mediaOf>>): MediaInfo {
  const info: MediaInfo = {
    kind,
    mimetype: media.mimetype ?? null,
    size: Number(media.fileLength ?? 0),
    fileName: ('fileName' in media ? media.fileName : null) ?? null,
    viewOnce: isViewOnce(content),
  };
  if ('width' in media && media.width) info.width = media.width;
  if ('height' in media && media.height) info.height = media.height;
  if ('seconds' in media && media.seconds) info.seconds = media.seconds;
  if (kind === 'audio') info.ptt = 'ptt' in media && media.ptt === true;
  if (kind === 'video') info.gifPlayback = 'gifPlayback' in media && media.gifPlayback === true;
  if (kind === 'sticker') info.animated = 'isAnimated' in media && media.isAnimated === true;
  return info;
}

function quotedOf(
  network: Network,
  context: NonNullable<ReturnType<typeof contextOf>>,
): MessageView['quoted'] & object {
  const quoted = context.quotedMessage ?? {};
  const from = context.participant ? named(network, context.participant) : null;
  return { id: context.stanzaId ?? '', from, type: typeOf(quoted), text: textOf(quoted) };
}

function named(network: Network, jid: string): string {
  const found = network.accounts.find(jid);
  return found ? jidOf(found.account, 'pn') : jid;
}
