import { proto } from '@whiskeysockets/baileys';
import { jidOf, type Account, type Sender } from './accounts.ts';
import { verifiedName } from './business.ts';
import { parseJid, type Addressing } from './jid.ts';
import { sign } from './keys.ts';
import type { Network } from './network.ts';
import { pictureOf } from './pictures.ts';
import { maySee, settingOf } from './privacy.ts';
import { aboutSince } from './profile.ts';
import { USERS, child, children, now, result, stanza, text, type Stanza } from './stanza.ts';

/** What the signature of a key index list is over, before the list. */
const KEY_INDEX_LIST_SIGNATURE = Buffer.from([6, 2]);

/** One user that is asked about. `account` is absent when nobody has that number. */
interface Asked {
  jid: string;
  addressing: Addressing;
  account: Account | undefined;
  /** The number as the client wrote it, when it asked by number. */
  phone: string | undefined;
}

type Protocol = (network: Network, asked: Asked, by: Account) => Stanza | undefined;

/** What can be asked about users, one protocol per child of `<query>`. */
const PROTOCOLS: Record<string, Protocol> = {
  contact: (_network, { account, phone }) =>
    stanza('contact', { type: contactType(account, phone) }, phone === undefined ? undefined : Buffer.from(phone)),
  devices: (network, { account }) => stanza('devices', {}, account ? deviceList(network, account) : []),
  // a LID is told to those who know the number, not to those who ask by LID
  lid: (_network, { account, addressing }) =>
    account && addressing === 'pn' ? stanza('lid', { val: jidOf(account, 'lid') }) : undefined,
  status: (network, { account }, by) => account && status(network, account, by),
  picture: (network, { account }, by) => account && picture(network, account, by),
  business: (network, { account }) => {
    const name = account ? verifiedName(network, account) : [];
    return name.length > 0 ? stanza('business', {}, name) : undefined;
  },
  disappearing_mode: (network, { account }) =>
    account &&
    stanza('disappearing_mode', {
      duration: settingOf(network, account.phone, 'disappearing_mode') || 0,
      t: settingOf(network, account.phone, 'disappearing_mode_t') || 0,
    }),
};

/** `in`: it has an account, `out`: it has none, `invalid`: it is no phone number. */
function contactType(account: Account | undefined, phone: string | undefined): string {
  if (account) return 'in';
  return phone !== undefined && !/^\+?[1-9]\d{6,14}$/.test(phone) ? 'invalid' : 'out';
}

/** The text under the profile name; 401 when it is not for the asking account to see. */
function status(network: Network, account: Account, by: Account): Stanza {
  if (!maySee(network, account.phone, 'status', by.phone)) return stanza('status', { code: 401 });
  return stanza('status', { t: aboutSince(network, account.phone) }, Buffer.from(account.about));
}

function picture(network: Network, account: Account, by: Account): Stanza | undefined {
  const shown = maySee(network, account.phone, 'profile', by.phone) ? pictureOf(network, account.phone) : undefined;
  return shown && stanza('picture', { id: shown.id });
}

/** `<iq xmlns=usync>`: looks users up by number, jid or LID and tells what was asked about each. */
export function usync(network: Network, from: Sender, iq: Stanza): Stanza {
  const query = child(iq, 'usync');
  const protocols = children(child(query, 'query')).filter(({ tag }) => tag in PROTOCOLS);
  const users = children(child(query, 'list'), 'user').map((user) => {
    const asked = whoIs(network, user);
    if (asked.account && protocols.some(({ tag }) => tag === 'devices')) {
      network.accounts.watch(asked.account.phone, from.account.phone);
    }
    const answers = protocols.flatMap(({ tag }) => PROTOCOLS[tag]?.(network, asked, from.account) ?? []);
    return stanza('user', { jid: asked.jid }, answers);
  });
  const { sid, index, last, mode, context } = query?.attrs ?? {};
  return result(iq, [
    stanza('usync', { sid, index, last, mode, context }, [
      stanza(
        'result',
        {},
        protocols.map(({ tag }) => stanza(tag)),
      ),
      stanza('list', {}, users),
    ]),
  ]);
}

function whoIs(network: Network, user: Stanza): Asked {
  const jid = user.attrs['jid'];
  if (jid !== undefined) {
    const found = network.accounts.find(jid);
    const addressing = parseJid(jid)?.server === 'lid' ? 'lid' : 'pn';
    return {
      jid: found ? jidOf(found.account, addressing) : jid,
      addressing,
      account: found?.account,
      phone: undefined,
    };
  }
  const phone = text(child(user, 'contact'));
  const digits = phone.replace(/\D/g, '');
  return { jid: `${digits}@${USERS}`, addressing: 'pn', account: network.accounts.get(digits), phone };
}

/** Signed key index lists by account; signing one anew for every question would be most of the work of answering. */
const signedLists = new WeakMap<Network, Map<string, { indexes: string; ts: number; list: Buffer }>>();

/** The account's devices, and the list of their key indexes that the phone has signed. */
function deviceList(network: Network, account: Account): Stanza[] {
  const devices = network.accounts.devices(account.phone);
  const list = devices.map(({ id, keyIndex }) =>
    stanza('device', { id, 'key-index': id === 0 ? undefined : keyIndex }),
  );
  const { ts, list: signed } = signedList(
    network,
    account,
    devices.map(({ keyIndex }) => keyIndex),
  );
  return [stanza('device-list', {}, list), stanza('key-index-list', { ts }, signed)];
}

function signedList(network: Network, account: Account, validIndexes: number[]): { ts: number; list: Buffer } {
  const known = signedLists.get(network) ?? new Map<string, { indexes: string; ts: number; list: Buffer }>();
  signedLists.set(network, known);
  // a phone that was installed anew signs with another identity
  const indexes = `${account.rawId}: ${validIndexes.join()}`;
  const last = known.get(account.lid);
  if (last?.indexes === indexes) return last;
  const ts = now();
  const currentIndex = Math.max(...validIndexes);
  const details = proto.ADVKeyIndexList.encode({ rawId: account.rawId, timestamp: ts, currentIndex, validIndexes });
  const bytes = details.finish();
  const accountSignature = sign(account.identity.private, Buffer.concat([KEY_INDEX_LIST_SIGNATURE, bytes]));
  const list = Buffer.from(proto.ADVSignedKeyIndexList.encode({ details: bytes, accountSignature }).finish());
  const fresh = { indexes, ts, list };
  known.set(account.lid, fresh);
  return fresh;
}
