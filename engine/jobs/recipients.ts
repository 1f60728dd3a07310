import { setImmediate as giveWay } from 'node:timers/promises';
import { parsePhoneNumberFromString } from 'libphonenumber-js';
import { EngineError } from '../errors.ts';
import type { NewRecipient, Store } from '../store/store.ts';
import { phoneOf, STATUS, toJid } from '../whatsapp/jid.ts';

/** A recipient as a caller names them. */
export interface Asked {
  to: string;
  variables: Record<string, unknown>;
}

/** After so many recipients others get their turn: looking at a hundred thousand takes a second. */
const AT_ONCE = 500;
/** A value is a part of a text, which may have 65,536 characters. */
const LONGEST_VALUE = 4096;

/**
 * Looks at every recipient before anything is sent, and says of each who is not to be written to why: an address that
 * cannot be, a person who has opted out, a variable without a value, a person who is in the list already, by whichever
 * address.
 */
export async function checkRecipients(
  asked: readonly Asked[],
  { store, sessionId, variables }: { store: Store; sessionId: number; variables: readonly string[] },
): Promise<NewRecipient[]> {
  const checked: NewRecipient[] = [];
  /** By each address of a person, where in the list they are first. */
  const places = new Map<string, number>();
  for (let start = 0; start < asked.length; start += AT_ONCE) {
    const part = asked.slice(start, start + AT_ONCE).map((one) => ({ ...one, ...address(one.to) }));
    const chats = part.flatMap(({ chat }) => chat ?? []);
    const optedOut = await store.optOuts.among(sessionId, chats);
    const otherAddresses = await store.contacts.otherAddresses(sessionId, chats);
    for (const { to, chat, variables: given, wrong } of part) {
      const values = valuesOf(given, variables);
      const missing = variables.filter((name) => values[name] === undefined);
      const long = variables.find((name) => (values[name]?.length ?? 0) > LONGEST_VALUE);
      const place = chat === null ? undefined : places.get(chat);
      const skip = (skipped: NonNullable<NewRecipient['skipped']>, detail: string) =>
        checked.push({ to, chat, variables: values, skipped, detail });
      if (chat === null) skip('invalid', wrong);
      else if (optedOut.has(chat)) skip('opted_out', 'This person has opted out.');
      else if (long) skip('invalid', `The value of ${long} is longer than ${LONGEST_VALUE} characters.`);
      else if (missing.length > 0) skip('missing_variable', `There is no value for ${missing.join(', ')}.`);
      else if (place !== undefined) skip('duplicate', `The same as recipient ${place}, ${asked[place]!.to}.`);
      else {
        const other = otherAddresses.get(chat);
        for (const one of [chat, other]) if (one !== undefined) places.set(one, checked.length);
        checked.push({ to, chat, variables: values, skipped: null, detail: null });
      }
    }
    await giveWay();
  }
  return checked;
}

/** What the message needs of what a caller knows about somebody. A value of nothing but space is none. */
function valuesOf(given: Record<string, unknown>, names: readonly string[]): Record<string, string> {
  const found = names.flatMap((name) => {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    const text = ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : '';
    return text.trim() === '' ? [] : [[name, text]];
  });
  return Object.fromEntries(found) as Record<string, string>;
}

function address(to: string): { chat: string; wrong: '' } | { chat: null; wrong: string } {
  try {
    const chat = toJid(to);
    if (chat === STATUS) return { chat: null, wrong: 'A status goes to nobody in particular: send it as a message.' };
    const phone = phoneOf(chat);
    if (phone && !parsePhoneNumberFromString(`+${phone}`)?.isPossible()) {
      return { chat: null, wrong: 'No phone number of its country is like this. Check it, with its country code.' };
    }
    return { chat, wrong: '' };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { chat: null, wrong: error.fields?.['to']?.[0] ?? error.message };
  }
}
