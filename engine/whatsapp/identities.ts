import type { NewEvent } from '../events.ts';
import type { Addresses, IdentityNews } from '../store/store.ts';
import {
  Curve,
  getBinaryNodeChild,
  getBinaryNodeChildBuffer,
  getBinaryNodeChildren,
  jidDecode,
  jidNormalizedUser,
  proto,
  type BinaryNode,
  type SignalDataSet,
  type SignalKeyStore,
} from './baileys.ts';
import { laneOf, subjectOf } from './describe.ts';
import { toJid } from './jid.ts';
import { signalKey } from './signature.ts';

/**
 * Who is who (docs/decisions/0002-trust.md). A person is known by the identity key of their WhatsApp account: the
 * phone's own, which also vouches for the account's linked devices. It is pinned when it is first seen, and a change
 * is told once, whoever brings it: a session that was opened with another key, or WhatsApp's word for it.
 */

/** Somebody is not who they claim to be: nobody vouches for the device, or somebody else than has to. */
export class NotVouchedFor extends Error {
  override readonly name = 'NotVouchedFor';
}

/** What a person's key has turned out to be, as news for the store. */
export function identitySeen(person: Addresses, key: Uint8Array, at: number): IdentityNews {
  const seen = Buffer.from(key).toString('base64');
  return {
    ...person,
    next: (pinned, whose) => {
      if (pinned?.key === seen) return undefined;
      const told = !pinned || pinned.ended;
      return { pinned: { key: seen, since: at }, events: told ? [] : [changed(whose, at, false)] };
    },
  };
}

/** WhatsApp says that somebody has another identity since then, and not which one. */
export function identityEnded(person: Addresses, at: number): IdentityNews {
  return {
    ...person,
    next: (pinned, whose) => {
      // The new key may have come with a message before, and was told with that. WhatsApp says the second.
      if (!pinned || pinned.ended || pinned.since >= at + 1000) return undefined;
      return { pinned: { ...pinned, ended: true }, events: [changed(whose, at, true)] };
    },
  };
}

function changed({ jid, lid }: Addresses, at: number, announced: boolean): NewEvent {
  const chat = jid ?? lid!;
  const subject = subjectOf(chat, [jid, lid]);
  const data = {
    changedAt: new Date(at).toISOString(),
    announced,
    message: announced
      ? 'WhatsApp says that this contact has another identity, as after moving to a new phone. Messages go on; if it matters who reads them, ask the contact by another way.'
      : 'This contact has another identity than before, as after moving to a new phone, or somebody is in between. Messages go on; if it matters who reads them, ask the contact by another way.',
  };
  return { event: 'contact.identity_changed', ...subject, lane: laneOf(chat, subject), data };
}

/** How libsignal writes a session down: entries by base key, of which at most one is open (`closed: -1`). */
interface SerializedSession {
  _sessions?: Record<string, { indexInfo: { closed: number; remoteIdentityKey: string } }>;
}

/** Whose identity a session record is with: only who holds that key can have made it work. */
export function identityOf(record: unknown): Buffer | undefined {
  const entries = Object.values((record as SerializedSession | undefined)?._sessions ?? {});
  const open = entries.find(({ indexInfo }) => indexInfo.closed === -1);
  return open && Buffer.from(open.indexInfo.remoteIdentityKey, 'base64');
}

/** The identities of phones in session records that are being written. */
export function identitiesIn({ session = {} }: SignalDataSet, at: number): IdentityNews[] {
  return Object.entries(session).flatMap(([address, record]) => {
    const key = identityOf(record);
    const person = key && phoneAt(address);
    return person ? [identitySeen(person, key, at)] : [];
  });
}

/** The person whose phone a Signal address is; `undefined` for linked devices, and for devices that Meta hosts. */
function phoneAt(address: string): Addresses | undefined {
  const [, user, domain] = /^(\d+)(?:_(\d+))?\.0$/.exec(address) ?? [];
  if (user === undefined) return undefined;
  if (domain === undefined) return { jid: toJid(user) };
  return domain === '1' ? { lid: `${user}@lid` } : undefined;
}

/** The person whose device this is. */
export function ownerOf(jid: string): Addresses {
  const { user, server } = jidDecode(jid)!;
  return server === 'lid' || server === 'hosted.lid' ? { lid: `${user}@lid` } : { jid: toJid(user) };
}

/**
 * Whose identity the session at a Signal address is with, now. Baileys keeps it under the LID where it knows that, also
 * when it is handed the address of the number.
 */
export async function identityAt(keys: Pick<SignalKeyStore, 'get'>, address: string): Promise<Buffer | undefined> {
  const [, user, device] = /^(\d+)\.(\d+)$/.exec(address) ?? [];
  const lid = user === undefined ? undefined : (await keys.get('lid-mapping', [user]))[user];
  const addresses = [...(lid ? [`${lid}_1.${device}`] : []), address];
  const records = await keys.get('session', addresses);
  return addresses.map((one) => identityOf(records[one])).find((identity) => identity !== undefined);
}

/** The Signal address under which a device is known by its number; its own, when that is not known. */
export async function numberAddress(keys: Pick<SignalKeyStore, 'get'>, address: string): Promise<string> {
  const [, user, device] = /^(\d+)_1\.(\d+)$/.exec(address) ?? [];
  const number = user && (await keys.get('lid-mapping', [`${user}_reverse`]))[`${user}_reverse`];
  return number ? `${number}.${device}` : address;
}

/**
 * The account that a device with this identity belongs to, as its key: the device's own if it is the phone, else the
 * one that vouches for it. `known` is the account's as far as that is known; not every voucher names it.
 */
export function accountOf(
  jid: string,
  identity: Uint8Array | undefined,
  voucher: Uint8Array | undefined,
  known: Uint8Array | undefined,
): Buffer {
  if (!identity) throw new NotVouchedFor('there is no identity');
  return jidDecode(jid)?.device ? accountBehind(identity, voucher, known) : signalKey(identity);
}

const SIGNED_BY_ACCOUNT = Buffer.from([6, 0]);
const SIGNED_BY_HOSTED_ACCOUNT = Buffer.from([6, 5]);

/**
 * The account key that vouches for a linked device with this identity. Throws {@link NotVouchedFor} unless `voucher`,
 * WhatsApp's `<device-identity>`, is signed by the account: with the key that it names, or else with `known`.
 */
function accountBehind(identity: Uint8Array, voucher: Uint8Array | undefined, known: Uint8Array | undefined): Buffer {
  if (!voucher) throw new NotVouchedFor('nobody vouches for this device');
  const { details, accountSignatureKey, accountSignature } = proto.ADVSignedDeviceIdentity.decode(voucher);
  const account = accountSignatureKey?.length ? accountSignatureKey : known;
  if (!account || !details || !accountSignature) throw new NotVouchedFor('nobody vouches for this device');
  const { deviceType } = proto.ADVDeviceIdentity.decode(details);
  const prefix = deviceType === proto.ADVEncryptionType.HOSTED ? SIGNED_BY_HOSTED_ACCOUNT : SIGNED_BY_ACCOUNT;
  const message = Buffer.concat([prefix, details, bare(identity)]);
  if (!Curve.verify(account, message, accountSignature)) {
    throw new NotVouchedFor('the account does not vouch for this device');
  }
  return signalKey(account);
}

/** Without the type byte that Signal puts before a key. */
const bare = (key: Uint8Array): Uint8Array => (key.length === 33 ? key.subarray(1) : key);

/** What vouches for a message's sender, a linked device that opens a session with it. */
export const voucherIn = (stanza: BinaryNode): Uint8Array | undefined =>
  getBinaryNodeChildBuffer(stanza, 'device-identity') as Uint8Array | undefined;

/** What came with a device's keys. */
export interface Voucher {
  /** `<device-identity>`: what the account has signed. Phones have none. */
  signed: Uint8Array | undefined;
  /** Identity of the phone that the device is linked to, where it came with the same answer. */
  phone: Uint8Array | undefined;
  /** WhatsApp was asked for the keys, together with those of other devices. */
  asked: boolean;
}

/** So many identities are remembered until a session is opened with them. */
const REMEMBERED = 5000;

/**
 * What came with the keys of linked devices. Baileys hands the keys on without it, so it is kept under the identity
 * that it vouches for until the session is opened.
 */
export class Vouchers {
  private readonly byIdentity = new Map<string, Voucher>();

  /** Remembers what vouches for the keys in an answer of WhatsApp's, or in a retry receipt. */
  read(stanza: BinaryNode): void {
    const bundles = bundlesIn(stanza);
    const asked = stanza.tag === 'iq';
    const phones = new Map(
      bundles.flatMap((bundle) => (isPhone(bundle) ? [[bundle.attrs['jid'], identityIn(bundle)]] : [])),
    );
    for (const bundle of bundles) {
      const identity = identityIn(bundle);
      if (!identity) continue;
      if (this.byIdentity.size > REMEMBERED) this.byIdentity.clear();
      const phone = phones.get(jidNormalizedUser(bundle.attrs['jid']));
      this.byIdentity.set(nameOf(identity), { signed: voucherIn(bundle), phone, asked });
    }
  }

  /** What came with an identity; it is asked for once. */
  take(identity: Uint8Array): Voucher {
    const voucher = this.byIdentity.get(nameOf(identity));
    this.byIdentity.delete(nameOf(identity));
    return voucher ?? { signed: undefined, phone: undefined, asked: false };
  }
}

const identityIn = (bundle: BinaryNode) => getBinaryNodeChildBuffer(bundle, 'identity') as Uint8Array | undefined;
const isPhone = ({ attrs: { jid } }: BinaryNode) => jid !== undefined && !jidDecode(jid)?.device;
const nameOf = (identity: Uint8Array): string => Buffer.from(bare(identity)).toString('base64');

/** `<iq><list><user>…` and `<receipt type=retry><keys>`. */
function bundlesIn(stanza: BinaryNode): BinaryNode[] {
  if (stanza.tag === 'receipt') return getBinaryNodeChildren(stanza, 'keys');
  if (stanza.tag !== 'iq') return [];
  return getBinaryNodeChildren(getBinaryNodeChild(stanza, 'list'), 'user');
}
