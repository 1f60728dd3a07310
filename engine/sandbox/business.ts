import { proto } from '@whiskeysockets/baileys';
import { z } from 'zod';
import { jidOf, type Account, type Sender } from './accounts.ts';
import { sign } from './keys.ts';
import type { Network } from './network.ts';
import { profileValue, setProfileValue } from './profile.ts';
import { child, children, iqError, result, stanza, text, type Stanza } from './stanza.ts';

const line = z.string().trim().max(512);
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const MODES = ['open_24h', 'specific_hours', 'appointment_only'] as const;

/** What a business says about itself. `name` is the verified name; without it, the name of the account is. */
export const businessRequest = z.strictObject({
  name: z.string().trim().min(1).max(100).optional(),
  description: line.optional(),
  category: line.optional(),
  email: line.optional(),
  website: z.union([line, z.array(line).max(2)]).optional(),
  address: line.optional(),
  hours: z
    .strictObject({
      timezone: z.string(),
      days: z.array(
        z.strictObject({
          day: z.enum(DAYS),
          mode: z.enum(MODES),
          /** Minutes after midnight. */
          open: z.int().min(0).max(1440).optional(),
          close: z.int().min(0).max(1440).optional(),
        }),
      ),
    })
    .optional(),
});

export type BusinessRequest = z.input<typeof businessRequest>;
export type Business = z.output<typeof businessRequest>;

/** Undefined for a private account. */
export function businessOf(network: Network, phone: string): Business | undefined {
  const kept = profileValue(network, phone, 'business');
  return kept && (JSON.parse(kept.value) as Business);
}

export function setBusiness(network: Network, phone: string, business: Business): void {
  setProfileValue(network, phone, 'business', JSON.stringify(business));
}

/** The name of a business, in the certificate in which it travels; nothing for a private account. */
export function verifiedName(network: Network, account: Account): Stanza[] {
  const business = businessOf(network, account.phone);
  if (!business) return [];
  const serial = Number(BigInt(account.lid) % 1_000_000_007n);
  const named = { serial, issuer: 'smb:wa', verifiedName: business.name ?? account.name };
  const details = Buffer.from(proto.VerifiedNameCertificate.Details.encode(named).finish());
  const signature = sign(account.identity.private, details);
  const certificate = proto.VerifiedNameCertificate.encode({ details, signature }).finish();
  return [stanza('verified_name', { v: 1, serial, verified_level: 'unknown' }, Buffer.from(certificate))];
}

/**
 * `<iq xmlns=w:biz type=get><business_profile><profile jid/>…`: what businesses say about themselves. A private account
 * has no profile in the answer.
 */
export function getProfile(network: Network, _from: Sender, iq: Stanza): Stanza {
  const asked = children(child(iq, 'business_profile'), 'profile');
  const profiles = asked.flatMap(({ attrs }) => {
    const account = network.accounts.find(attrs['jid'])?.account;
    const business = account && businessOf(network, account.phone);
    return business ? [profileNode(attrs['jid'] ?? jidOf(account, 'pn'), business)] : [];
  });
  return result(iq, [stanza('business_profile', {}, profiles)]);
}

function profileNode(jid: string, business: Business): Stanza {
  const { description, category, email, address, hours } = business;
  const field = (tag: string, value: string | undefined): Stanza[] =>
    value === undefined ? [] : [stanza(tag, {}, Buffer.from(value))];
  const categories = category === undefined ? [] : [stanza('category', { id: idOf(category) }, Buffer.from(category))];
  const days = (hours?.days ?? []).map(({ day, mode, open, close }) =>
    stanza('business_hours_config', { day_of_week: day, mode, open_time: open, close_time: close }),
  );
  return stanza('profile', { jid }, [
    ...field('address', address),
    ...field('description', description),
    ...[business.website ?? []].flat().flatMap((website) => field('website', website)),
    ...field('email', email),
    stanza('categories', {}, categories),
    ...(hours ? [stanza('business_hours', { timezone: hours.timezone }, days)] : []),
  ]);
}

/** Categories are numbered by WhatsApp; here, the same name has the same number. */
const idOf = (category: string): number =>
  [...category].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1e9, 7);

/** `<iq xmlns=w:biz type=set><business_profile mutation_type=delta>`: a business changes some of it. 403 it is none. */
export function setProfile(network: Network, from: Sender, iq: Stanza): Stanza {
  const { phone } = from.account;
  const before = businessOf(network, phone);
  const changes = child(iq, 'business_profile');
  if (!before) return iqError(iq, 403);
  const fields = ['address', 'description', 'email'].flatMap((name) => {
    const given = child(changes, name);
    return given ? [[name, text(given)]] : [];
  });
  const websites = children(changes, 'website').map(text);
  const hours = child(changes, 'business_hours');
  const read = businessRequest.safeParse({
    ...before,
    ...Object.fromEntries(fields),
    ...(websites.length > 0 ? { website: websites } : {}),
    ...(hours ? { hours: readHours(hours) } : {}),
  });
  if (!read.success) return iqError(iq, 400);
  setBusiness(network, phone, read.data);
  return result(iq);
}

function readHours(hours: Stanza) {
  const days = children(hours, 'business_hours_config').map(({ attrs }) => ({
    day: attrs['day_of_week'],
    mode: attrs['mode'],
    ...(attrs['open_time'] === undefined ? {} : { open: Number(attrs['open_time']) }),
    ...(attrs['close_time'] === undefined ? {} : { close: Number(attrs['close_time']) }),
  }));
  return { timezone: hours.attrs['timezone'], days };
}

/** `<product_catalog/>`, `<collections/>`, `<order/>`: nobody here sells anything. */
export function nothing(_network: Network, _from: Sender, iq: Stanza): Stanza {
  return iqError(iq, 404);
}

/** There is no catalogue to change. */
export function forbidden(_network: Network, _from: Sender, iq: Stanza): Stanza {
  return iqError(iq, 403);
}
