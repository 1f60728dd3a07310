import { EngineError, validationFailed } from '../errors.ts';
import type { ContactRecord } from '../model.ts';
import type { ContactFacts } from '../store/store.ts';
import {
  getBinaryNodeChild,
  getBinaryNodeChildren,
  jidNormalizedUser,
  proto,
  type BinaryNode,
  type WASocket,
} from './baileys.ts';
import { worded } from './failure.ts';
import { textOf } from './group.ts';
import { isPerson, phoneOf, toJid } from './jid.ts';
import { learnPair, whoAre, type Person } from './people.ts';
import { pictureOf } from './pictures.ts';
import { query } from './query.ts';
import type { Session } from './session.ts';

/** Somebody's page asks several questions, none of which is worth waiting for any longer. */
const DETAILS_MS = 5000;

/** The person that somebody typed: a phone number, or an address of a person. */
export function toPerson(typed: string, field: string): string {
  const jid = toJid(typed, field);
  if (isPerson(jid)) return jid;
  throw validationFailed({
    [field]: [`The ${field} field must be a person: a phone number, …@s.whatsapp.net or …@lid.`],
  });
}

/** Whether WhatsApp has an account there, and which addresses it has. */
export interface Found {
  exists: boolean;
  person: Person;
}

/** What WhatsApp answers about an address. */
interface NumberCheck {
  exists: boolean;
  lid: string | null;
}

/** People keep their numbers for years; whoever has none today may have one tomorrow. */
const EXISTS_FRESH_MS = 7 * 86_400_000;
const MISSING_FRESH_MS = 86_400_000;

/** Asked of WhatsApp only when no answer is remembered, or with `fresh`. */
export function check(session: Session, jid: string, options: { fresh?: boolean } = {}): Promise<Found> {
  return worded('Failed to check the number', find(session, jid, options));
}

/** As {@link check}; throws as {@link Session.question} does. `urgent`: a message waits for it. */
export async function find(
  session: Session,
  jid: string,
  { fresh = false, urgent = false }: { fresh?: boolean; urgent?: boolean } = {},
): Promise<Found> {
  const { exists, lid } = await session.known<NumberCheck>({
    kind: 'number',
    subject: jid,
    fresh,
    freshMs: ({ exists }) => (exists ? EXISTS_FRESH_MS : MISSING_FRESH_MS),
    ask: () => session.question((wa) => askNumber(wa, jid), { budget: 'number_checks', urgent }),
  });
  const whoIs = await whoAre(session.assertConnected(), [jid, lid]);
  return { exists, person: whoIs(jid, lid)! };
}

/** The LID behind a phone-number jid, or what WhatsApp answers when this account does not know it. */
export async function lidFor(session: Session, jid: string, options?: { urgent?: boolean }): Promise<string | null> {
  const known = (await whoAre(session.assertConnected(), [jid]))(jid)?.lid;
  if (known) return known;
  const { exists, person } = await find(session, jid, options);
  return exists ? person.lid : null;
}

async function askNumber(wa: WASocket, jid: string): Promise<NumberCheck> {
  const phone = phoneOf(jid);
  const user = await lookUp(wa, phone ? { phone } : { jid }, phone ? ['contact', 'lid'] : ['devices']);
  const exists = phone
    ? getBinaryNodeChild(user, 'contact')?.attrs['type'] === 'in'
    : getBinaryNodeChildren(getBinaryNodeChild(getBinaryNodeChild(user, 'devices'), 'device-list'), 'device').length >
      0;
  const lid = getBinaryNodeChild(user, 'lid')?.attrs['val'];
  if (phone && lid) await learnPair(wa, jid, lid);
  return { exists, lid: lid ? jidNormalizedUser(lid) : null };
}

/** Somebody has written, so there is an account: a later check need not ask. */
export async function heardFrom(session: Session, { chat, lid }: { chat: string; lid: string | null }): Promise<void> {
  if (!isPerson(chat)) return;
  const value: NumberCheck = { exists: true, lid };
  const recent = await session.answers.remembered<NumberCheck>({
    kind: 'number',
    subject: chat,
    // Often enough to keep it fresh for as long as somebody writes, and no write to the disk for every message.
    freshMs: ({ exists }) => (exists ? EXISTS_FRESH_MS / 2 : 0),
  });
  if (!recent) await session.answers.put('number', chat, value);
}

/** One person's answer to a `usync` question. */
async function lookUp(
  wa: WASocket,
  who: { phone: string } | { jid: string },
  protocols: string[],
  timeoutMs?: number,
): Promise<BinaryNode | undefined> {
  const asked = protocols.map((tag): BinaryNode => ({
    tag,
    attrs: tag === 'devices' ? { version: '2' } : ({} as Record<string, string>),
    ...(tag === 'business' && { content: [{ tag: 'verified_name', attrs: {} }] }),
  }));
  const user: BinaryNode =
    'phone' in who
      ? { tag: 'user', attrs: {}, content: [{ tag: 'contact', attrs: {}, content: `+${who.phone}` }] }
      : { tag: 'user', attrs: { jid: who.jid } };
  const attrs = { sid: wa.generateMessageTag(), mode: 'query', context: 'interactive', last: 'true', index: '0' };
  const content = [
    { tag: 'query', attrs: {}, content: asked },
    { tag: 'list', attrs: {}, content: [user] },
  ];
  const usync = { tag: 'usync', attrs, content };
  const answer = await query(wa, { to: '@s.whatsapp.net', type: 'get', xmlns: 'usync' }, [usync], timeoutMs);
  const list = getBinaryNodeChild(getBinaryNodeChild(answer, 'usync'), 'list');
  return getBinaryNodeChildren(list, 'user')[0];
}

/** People change their picture and their text, and WhatsApp does not tell everybody. */
const DETAILS_FRESH_MS = 3_600_000;

/** What is known of a person, and what WhatsApp adds to it in time. Throws `not_found` when there is nobody. */
export async function get(session: Session, jid: string, options: { fresh?: boolean } = {}): Promise<ContactRecord> {
  const what = 'Failed to get contact';
  const { exists, person } = await worded(what, find(session, jid, options));
  if (!exists) throw notOnWhatsApp(what, person);
  const known = await session.directory.contact(person.jid, person.lid);
  const asked = {
    ...(await worded(what, inTime(details(session, person, options)))),
    ...(await worded(what, inTime(pictureOf(session, person.jid, options).then((imgUrl) => ({ imgUrl }))))),
  };
  const addresses = { ...(person.phone && { jid: person.jid }), ...(person.lid && { lid: person.lid }) };
  // only somebody who was known before is a contact; the question alone makes nobody one
  if (known) await session.directory.learn({ contacts: [{ ...addresses, ...asked }] });
  return { ...NOBODY, ...known, jid: person.phone && person.jid, lid: person.lid, ...asked };
}

const NOBODY: ContactRecord = {
  jid: null,
  lid: null,
  name: null,
  notify: null,
  verifiedName: null,
  about: null,
  imgUrl: null,
};

/** What may be asked about somebody beyond the picture. */
type Details = Pick<ContactFacts, 'about' | 'verifiedName'>;

function details(session: Session, { jid }: Person, { fresh = false }: { fresh?: boolean }): Promise<Details> {
  // A question about a profile like that for the picture, which is counted.
  const cost = { budget: 'profile_pictures', amount: 0 } as const;
  const ask = () => session.question((wa) => askDetails(wa, jid), cost);
  return session.known<Details>({ kind: 'person', subject: jid, fresh, freshMs: () => DETAILS_FRESH_MS, ask });
}

async function askDetails(wa: WASocket, jid: string): Promise<Details> {
  const user = await lookUp(wa, { jid }, ['status', 'business'], DETAILS_MS);
  const status = getBinaryNodeChild(user, 'status');
  const verifiedName = verifiedNameOf(getBinaryNodeChild(getBinaryNodeChild(user, 'business'), 'verified_name'));
  return {
    // with a code it is hidden from this account
    ...(status && { about: status.attrs['code'] ? null : textOf(status) || null }),
    ...(verifiedName && { verifiedName }),
  };
}

/** The name in a business's certificate. */
function verifiedNameOf(node: BinaryNode | undefined): string | undefined {
  if (!(node?.content instanceof Uint8Array)) return undefined;
  const { details } = proto.VerifiedNameCertificate.decode(node.content);
  return (details && proto.VerifiedNameCertificate.Details.decode(details).verifiedName) || undefined;
}

/**
 * A detail that cannot be had in time is left out; a broken connection is for the next question to tell. One that may
 * not be asked for now is no detail that is missing: it can be had later, and the caller is told when.
 */
async function inTime<T extends object>(detail: Promise<T>): Promise<Partial<T>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Partial<T>>((resolve) => (timer = setTimeout(resolve, DETAILS_MS, {})));
  const had = detail.catch((error: unknown): Partial<T> => {
    if (error instanceof EngineError && error.retryAfterS !== undefined) throw error;
    return {};
  });
  return Promise.race([had, late]).finally(() => clearTimeout(timer));
}

export async function picture(
  session: Session,
  jid: string,
  options: { fresh?: boolean } = {},
): Promise<string | null> {
  const imgUrl = await worded('Failed to get contact picture', pictureOf(session, jid, options));
  const known = await session.directory.contact(jid);
  if (known) await session.directory.learn({ contacts: [{ ...namesOf(known), imgUrl }] });
  return imgUrl;
}

const namesOf = ({ jid, lid }: ContactRecord) => ({ ...(jid && { jid }), ...(lid && { lid }) });

/** Writes a name into the account's address book, and with `onPhone` into the phone's own. */
export async function put(
  session: Session,
  jid: string,
  { fullName, onPhone }: { fullName: string | undefined; onPhone: boolean },
): Promise<Person & { name: string }> {
  const what = 'Failed to save contact';
  const { exists, person } = await worded(what, find(session, jid));
  if (!exists) throw notOnWhatsApp(what, person);
  const known = await session.directory.contact(person.jid, person.lid);
  const name = fullName ?? known?.name ?? known?.notify ?? (person.phone ? `+${person.phone}` : person.jid);
  await session.ask(what, (wa) => {
    if (!wa.authState.creds.myAppStateKeyId) throw notSharedYet(what);
    return wa.addOrEditContact(person.jid, {
      fullName: name,
      firstName: name.split(' ')[0]!,
      saveOnPrimaryAddressbook: onPhone,
      ...(person.lid && { lidJid: person.lid }),
      ...(person.phone && { pnJid: person.jid }),
    });
  });
  const addresses = { ...(person.phone && { jid: person.jid }), ...(person.lid && { lid: person.lid }) };
  await session.directory.tell([{ ...addresses, name }]);
  return { ...person, name };
}

export async function setBlocked(session: Session, jid: string, blocked: boolean): Promise<void> {
  const action = blocked ? 'block' : 'unblock';
  const what = `Failed to ${action} contact`;
  const lid = phoneOf(jid) ? await worded(what, lidFor(session, jid)) : jid;
  const person = (await whoAre(session.assertConnected(), [lid, jid]))(lid, jid)!;
  if (!lid) throw notOnWhatsApp(what, person);
  const number = blocked && person.phone && { pn_jid: person.jid };
  const item = { tag: 'item', attrs: { action, jid: lid, ...number } };
  await session.ask(what, (wa) => query(wa, { to: '@s.whatsapp.net', type: 'set', xmlns: 'blocklist' }, [item]));
}

export function blocked(session: Session): Promise<Person[]> {
  return session.ask('Failed to get blocked contacts', async (wa) => {
    const answer = await query(wa, { to: '@s.whatsapp.net', type: 'get', xmlns: 'blocklist' });
    const items = getBinaryNodeChildren(getBinaryNodeChild(answer, 'list'), 'item').map(({ attrs }) => attrs);
    const whoIs = await whoAre(
      wa,
      items.flatMap(({ jid, pn_jid }) => [jid, pn_jid]),
    );
    return items.flatMap(({ jid, pn_jid }) => whoIs(jid, pn_jid) ?? []);
  });
}

/** The LID of a phone number; `undefined` when WhatsApp has no such account. */
export async function lidOfPhone(session: Session, jid: string): Promise<string | undefined> {
  return (await worded('Failed to get the LID', lidFor(session, jid))) ?? undefined;
}

/** The phone-number jid of a LID, where WhatsApp has told this account of it. It does not answer when asked. */
export async function phoneOfLid(session: Session, lid: string): Promise<string | undefined> {
  const told = await session.ask('Failed to get the phone number', async (wa) => (await whoAre(wa, [lid]))(lid));
  if (told?.phone) return told.jid;
  return (await session.directory.contact(lid))?.jid ?? undefined;
}

function notOnWhatsApp(what: string, { phone, jid }: Person): EngineError {
  return new EngineError('not_found', `${what}: ${phone ? `+${phone}` : jid} is not on WhatsApp.`);
}

/** The address book is encrypted with a key that the phone shares with a newly linked device. */
function notSharedYet(what: string): EngineError {
  return new EngineError(
    'conflict',
    `${what}: The phone has not shared the key of its address book yet. Open WhatsApp on the phone, then try again in a minute.`,
  );
}
