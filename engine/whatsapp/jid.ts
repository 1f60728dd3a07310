import { validationFailed } from '../errors.ts';
import { isJidGroup, isJidNewsletter, isLidUser, isPnUser, jidDecode, jidNormalizedUser } from './baileys.ts';

const PHONE_SERVER = 's.whatsapp.net';
/** Where status updates ("stories") go. */
export const STATUS = 'status@broadcast';

/** What people and address books put between digits: spaces, dashes of all kinds, brackets, marks of direction. */
const BETWEEN_DIGITS = /[\s().\p{Pd}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Links by which WhatsApp opens a chat with a number. */
const CHAT_LINK = /^https?:\/\/(?:wa\.me\/|api\.whatsapp\.com\/send\/?\?(?:.*&)?phone=)(\+?\d+)(?:[/?&#].*)?$/i;

/**
 * WhatsApp's address for what a person typed: `+E.164` (spaces, dots, dashes and brackets allowed), digits with
 * country code, a link to a chat (`https://wa.me/…`), or an address itself (`…@s.whatsapp.net`, `…@c.us`, `…@lid`,
 * `…@g.us`, `…@newsletter`). Throws `validation_failed` on `field` otherwise.
 */
export function toJid(typed: string, field = 'to'): string {
  const text = typed.trim().replace(CHAT_LINK, '$1');
  if (text.includes('@')) return addressed(text, field);
  const digits = text.replace(BETWEEN_DIGITS, '').replace(/^(\+|00)/, '');
  if (!/^[1-9]\d{4,14}$/.test(digits)) {
    throw validationFailed({
      [field]: [
        `The ${field} field must be a phone number with country code (e.g. +15551234567) or a WhatsApp address (…@s.whatsapp.net, …@lid, …@g.us).`,
      ],
    });
  }
  return `${digits}@${PHONE_SERVER}`;
}

function addressed(text: string, field: string): string {
  const jid = text.toLowerCase().replace(/@c\.us$/, `@${PHONE_SERVER}`);
  const valid =
    /^[1-9]\d{4,14}(:\d+)?@s\.whatsapp\.net$/.test(jid) ||
    /^\d{5,20}(:\d+)?@lid$/.test(jid) ||
    /^\d+(-\d+)?@(g\.us|newsletter)$/.test(jid) ||
    jid === STATUS;
  if (valid) return jidNormalizedUser(jid);
  throw validationFailed({ [field]: [`The ${field} field is not a WhatsApp address that can be sent to.`] });
}

/** Digits with country code of a phone-number jid; `undefined` for every other address. */
export function phoneOf(jid: string | null | undefined): string | undefined {
  return jid && isPnUser(jid) ? jidDecode(jid)?.user : undefined;
}

export function lidOf(jid: string | null | undefined): string | undefined {
  return jid && isLidUser(jid) ? jidNormalizedUser(jid) : undefined;
}

/** Whether an address is a person (not a group, channel or broadcast). */
export function isPerson(jid: string): boolean {
  return Boolean(isPnUser(jid) || isLidUser(jid));
}

/**
 * Whether a message is of the chat with these addresses, as far as they can be compared: a person has a number and a
 * LID, and not always are both told.
 */
export function isOfChat(
  { chat, lid }: { chat: string; lid: string | null },
  addresses: readonly (string | null | undefined)[],
): boolean {
  const told = addresses.flatMap((one) => (one ? jidNormalizedUser(one) : []));
  if (!isPerson(chat)) return told.includes(chat);
  const people = told.filter(isPerson);
  const own = [chat, ...(lid ? [lid] : [])];
  const comparable = own.some((one) => people.some((other) => Boolean(lidOf(one)) === Boolean(lidOf(other))));
  return people.length > 0 && (!comparable || own.some((one) => people.includes(one)));
}

export const isGroup = (jid: string): boolean => Boolean(isJidGroup(jid));
export const isChannel = (jid: string): boolean => Boolean(isJidNewsletter(jid));
