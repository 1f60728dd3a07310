import { SandboxError } from './problem.ts';

/** `pn` speaks of a user by phone number (`…@s.whatsapp.net`), `lid` by WhatsApp's hidden number (`…@lid`). */
export type Addressing = 'pn' | 'lid';

export interface Jid {
  user: string;
  device: number;
  server: string;
}

/** Takes a jid apart; undefined when it is none. `c.us` is the old name of `s.whatsapp.net`. */
export function parseJid(jid: string | undefined): Jid | undefined {
  const match = /^([^@:_]*)(?:_\d+)?(?::(\d+))?@([a-z.]+)$/.exec(jid ?? '');
  if (!match) return undefined;
  const server = match[3] === 'c.us' ? 's.whatsapp.net' : (match[3] ?? '');
  return { user: match[1] ?? '', device: Number(match[2] ?? 0), server };
}

/** Device 0, the phone, is written without a device. */
export function formatJid(user: string, device: number, server: string): string {
  return device === 0 ? `${user}@${server}` : `${user}:${device}@${server}`;
}

/** Digits of a phone number as people write it: `491511234567`, `+49 151 1234567`. */
export function parsePhone(written: string): string {
  const digits = written.replace(/[\s()-]/g, '').replace(/^\+/, '');
  if (!/^[1-9]\d{6,14}$/.test(digits)) {
    throw new SandboxError(
      422,
      'invalid-phone',
      `"${written}" is not a phone number: give 7 to 15 digits with the country code, for example 491511234567.`,
    );
  }
  return digits;
}
