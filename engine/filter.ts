import { RE2JS } from 're2js';
import { z } from 'zod';
import type { EventName, Subject } from './events.ts';
import { CHAT_KINDS, kindOf, knowsOnly } from './model.ts';

export const MESSAGE_TYPES = [
  'text',
  'image',
  'video',
  'audio',
  'voice',
  'document',
  'sticker',
  'contact',
  'location',
  'poll',
  'event',
  'reaction',
  'other',
] as const;
export type MessageType = (typeof MESSAGE_TYPES)[number];

/** Longest list of addresses, and longest expression, in a filter. */
export const MOST_ADDRESSES = 1000;
export const LONGEST_EXPRESSION = 500;
const NAME_ONE = 'name at least one, or leave it out';
const addresses = z.array(z.string().min(1).max(100)).min(1, NAME_ONE).max(MOST_ADDRESSES).optional();

/** Which events a subscription gets, of those that it names. All conditions have to hold. */
export const eventFilter = z.strictObject(
  {
    chats: z
      .array(z.enum(CHAT_KINDS))
      .min(1, NAME_ONE)
      .optional()
      .meta({ description: 'Kinds of chats', examples: [['direct', 'group']] }),
    in: addresses.meta({
      description: 'These chats: phone numbers with country code, or WhatsApp addresses of people, groups, channels',
      examples: [['+15551234567', '120363041234567890@g.us']],
    }),
    from: addresses.meta({
      description: 'These people: phone numbers with country code, or WhatsApp addresses. In a group, who has written',
      examples: [['+15551234567', '123456789012345@lid']],
    }),
    text: z
      .strictObject(
        {
          contains: z
            .string()
            .min(1)
            .max(1000)
            .optional()
            .meta({ description: 'These words, without regard to case', examples: ['order'] }),
          matches: z
            .string()
            .min(1)
            .max(500)
            .optional()
            .meta({
              description:
                'A regular expression in RE2’s syntax, found anywhere in the first 10,000 characters; (?i) in front ignores case',
              examples: ['(?i)order #\\d+'],
            }),
        },
        { error: knowsOnly('contains and matches') },
      )
      .optional()
      .describe('What the text or the caption of a message has to hold'),
    types: z
      .array(z.enum(MESSAGE_TYPES))
      .min(1, NAME_ONE)
      .optional()
      .meta({ description: 'Kinds of messages', examples: [['text', 'voice']] }),
    ignoreOwn: z.boolean().optional().describe('Not what this account has written itself, on whatever device'),
  },
  { error: knowsOnly('chats, in, from, text, types and ignoreOwn') },
);
export type EventFilter = z.output<typeof eventFilter>;

/** What of an event a filter looks at. */
export interface Filtered extends Subject {
  event: EventName;
  data: unknown;
}

/** Whether an event passes a filter: all conditions hold that are about something the event has. */
export function fits(event: Filtered, filter: EventFilter): boolean {
  const message = messageIn(event);
  if (filter.ignoreOwn && message?.own) return false;
  return isWhere(event, filter) && isFrom(event, message, filter) && says(message, filter) && isOne(message, filter);
}

function isWhere({ jid, lid, phone }: Filtered, { chats, in: places }: EventFilter): boolean {
  if (jid === undefined) return true;
  const kind = kindOf(jid);
  if (chats && !(kind && chats.includes(kind))) return false;
  // The person of a group's event is not the group.
  return !places || named(places, kind === 'direct' ? [jid, lid, numberOf(phone)] : [jid]);
}

/** Of what we have written to somebody, the event names whom it was written to. */
function isFrom({ jid, lid, phone }: Filtered, message: Message | undefined, { from }: EventFilter): boolean {
  if (!from || jid === undefined) return true;
  const direct = kindOf(jid) === 'direct';
  if (direct && message?.own) return false;
  return named(from, [lid, numberOf(phone), direct ? jid : undefined]);
}

function says(message: Message | undefined, { text: { contains, matches } = {} }: EventFilter): boolean {
  const text = message?.text;
  if (text === undefined) return true;
  if (contains !== undefined && !text.toLowerCase().includes(contains.toLowerCase())) return false;
  return matches === undefined || (expression(matches)?.test(text.slice(0, LONGEST_TEXT)) ?? true);
}

function isOne(message: Message | undefined, { types }: EventFilter): boolean {
  return !types || !message?.types || message.types.some((type) => types.includes(type));
}

const numberOf = (phone: string | undefined) => phone && `${phone}@s.whatsapp.net`;

const named = (wanted: string[], addresses: (string | undefined)[]) =>
  wanted.some((one) => addresses.includes(addressOf(one)));

/** WhatsApp's address for one that was typed, and checked by whoever took it. */
export function addressOf(typed: string): string {
  const text = typed.trim().toLowerCase();
  if (!text.includes('@')) return `${text.replace(/\D/g, '').replace(/^00/, '')}@s.whatsapp.net`;
  return text.replace(/@c\.us$/, '@s.whatsapp.net').replace(/:\d+@/, '@');
}

/** What it costs to look for an expression grows with both: with these it is some milliseconds, whoever wrote either. */
const LONGEST_TEXT = 10_000;
const LARGEST = 1000;
const MOST_EXPRESSIONS = 1000;
/** By their source. What cannot be read is none: a filter is no reason to lose events. */
const expressions = new Map<string, RE2JS | undefined>();

function expression(source: string): RE2JS | undefined {
  if (!expressions.has(source)) {
    if (expressions.size >= MOST_EXPRESSIONS) expressions.clear();
    expressions.set(source, readable(source));
  }
  return expressions.get(source);
}

function readable(source: string): RE2JS | undefined {
  return faultOf(source) === undefined ? RE2JS.compile(source) : undefined;
}

/** What is wrong with a regular expression, in words; `undefined`: nothing. */
export function faultOf(source: string): string | undefined {
  const tooLarge = `it is too large: it takes more than ${LARGEST} steps`;
  if (roughSizeOf(source) > 10 * LARGEST) return tooLarge;
  try {
    return RE2JS.compile(source).programSize() > LARGEST ? tooLarge : undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** How large an expression is, by its counts and parentheses: even to read one that is far too large takes long. */
function roughSizeOf(source: string): number {
  const sizes = [0];
  let last = 0;
  for (const [token, least, most] of source.matchAll(/\\.|\[\^?\]?[^\]]*\]|\{(\d+),?(\d*)\}|[^]/g)) {
    if (token === '(') {
      sizes.push(0);
      continue;
    }
    if (least !== undefined) last *= Math.max(Number(least), Number(most)) - 1;
    else last = token === ')' && sizes.length > 1 ? sizes.pop()! : 1;
    sizes.push(sizes.pop()! + last);
  }
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** What somebody has written, as far as an event tells it. */
interface Message {
  /** By this account. */
  own: boolean;
  text?: string;
  /** Several where the event does not tell which of them it is. */
  types?: MessageType[];
}

/** A message as events carry it; what is stored of other versions may lack any of it. */
interface Payload {
  key?: { fromMe?: boolean };
  messageBody?: string;
  message?: Content | null;
}
type Content = Record<string, unknown>;

function messageIn({ event, data }: Filtered): Message | undefined {
  switch (event) {
    case 'messages.received':
    case 'messages-personal.received':
    case 'messages-group.received':
    case 'messages-newsletter.received':
      return read((data as { messages?: Payload } | undefined)?.messages);
    case 'messages.upsert':
      return read((data as { messages?: Payload[] } | undefined)?.messages?.[0]);
    case 'messages.update': {
      const { key, update } = (data ?? {}) as { key?: Payload['key']; update?: Payload };
      // Any other update tells how it stands with a message, and not what it says.
      return update?.message ? read({ ...update, ...(key && { key }) }) : undefined;
    }
    case 'message.sent': {
      // It is always ours: whoever asks for it wants just that.
      const message = read(data as Payload | undefined);
      return message && { ...message, own: false };
    }
    case 'messages.reaction': {
      const first = (data as { reaction?: Payload }[] | undefined)?.[0];
      return { own: first?.reaction?.key?.fromMe === true };
    }
    case 'poll.results': {
      const { vote } = (data ?? {}) as { vote?: Payload };
      return { own: vote?.key?.fromMe === true };
    }
    case 'media.ready': {
      const { kind } = (data ?? {}) as { kind?: MessageType };
      return kind && { own: false, types: kind === 'audio' ? ['audio', 'voice'] : [kind] };
    }
    default:
      return undefined;
  }
}

function read(payload: Payload | undefined): Message | undefined {
  if (!payload) return undefined;
  const { key, messageBody, message } = payload;
  const own = key?.fromMe === true;
  return message ? { own, text: messageBody ?? '', types: [typeOf(message)] } : { own };
}

/** By WhatsApp's name for what a message holds. */
const TYPES: Record<string, MessageType> = {
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

/** The content itself, out of what WhatsApp wraps it in: messages that disappear, are viewed once, were edited … */
const wrappedIn = (message: Content) =>
  Object.values(message)
    .map((part) => (part as { message?: Content } | null)?.message)
    .find((inner) => typeof inner === 'object' && inner !== null);

function typeOf(message: Content): MessageType {
  const wrapped = wrappedIn(message);
  if (wrapped) return typeOf(wrapped);
  const name = Object.keys(message).find((key) => Object.hasOwn(TYPES, key));
  if (name === 'audioMessage' && (message[name] as { ptt?: boolean } | null)?.ptt) return 'voice';
  return name ? TYPES[name]! : 'other';
}
