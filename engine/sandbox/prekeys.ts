import { createHash } from 'node:crypto';
import type { Device, Sender } from './accounts.ts';
import { KEY_TYPE, bigEndian, fromBigEndian, signalKey, verify } from './keys.ts';
import { forgedVoucher, withForgedPrekey, withSwappedIdentity } from './impostors.ts';
import type { Network } from './network.ts';
import { SERVER, bytes, child, children, errorNode, iqError, now, result, stanza, type Stanza } from './stanza.ts';

/** What somebody needs to open a Signal session with a device. */
export interface KeyBundle {
  registrationId: number;
  identity: Buffer;
  signedPreKey: { id: number; public: Buffer; signature: Buffer };
  /** Absent when the device has run out of one-time keys. */
  preKey: { id: number; public: Buffer } | undefined;
  signedIdentity: Buffer | undefined;
}

/** A device with fewer one-time keys than this is told so, once, until it uploads more. */
const LOW = 5;
/** A phone makes new one-time keys by itself when it has fewer than this. */
const PHONE_LOW = 20;
const PHONE_REFILL = 50;
/** WhatsApp takes no more than this in one upload. */
const MAX_UPLOAD = 2000;

interface SignedRow {
  id: number;
  public: Buffer;
  signature: Buffer;
}

/** Hands out a key bundle. The one-time key in it is gone with that: nobody gets it a second time. */
export function takeBundle(network: Network, device: Device): KeyBundle | undefined {
  const { store } = network;
  const { phone, id } = device;
  return store.transaction(() => {
    const signed = store.get<SignedRow>('select * from signed_prekeys where phone = ? and device = ?', phone, id);
    if (!signed) return undefined;
    const preKey = store.get<{ id: number; public: Buffer }>(
      `delete from prekeys where phone = ? and device = ? and id =
       (select min(id) from prekeys where phone = ? and device = ?) returning id, public`,
      ...[phone, id, phone, id],
    );
    if (id === 0) refillPhone(network, phone);
    else tellWhenLow(network, device);
    return {
      registrationId: device.registrationId,
      identity: device.identity,
      signedPreKey: { id: signed.id, public: signed.public, signature: signed.signature },
      preKey: preKey && { id: preKey.id, public: preKey.public },
      signedIdentity: device.signedIdentity,
    };
  });
}

function refillPhone(network: Network, phone: string): void {
  if (countOf(network, phone, 0) < PHONE_LOW) network.accounts.addPhonePrekeys(phone, PHONE_REFILL);
}

function tellWhenLow(network: Network, device: Device): void {
  const { phone, id } = device;
  const left = countOf(network, phone, id);
  if (left >= LOW) return;
  const first = network.store.run(
    'update devices set prekey_low = 1 where phone = ? and id = ? and prekey_low = 0',
    ...[phone, id],
  );
  if (first === 0) return;
  const attrs = { from: SERVER, type: 'encrypt', id: network.newId(), t: now() };
  network.outbox.enqueue(device, stanza('notification', attrs, [stanza('count', { value: left })]), SERVER);
}

function countOf(network: Network, phone: string, device: number): number {
  const row = network.store.get<{ count: number }>(
    'select count(*) as count from prekeys where phone = ? and device = ?',
    ...[phone, device],
  );
  return row?.count ?? 0;
}

/** `<iq xmlns=encrypt type=get><count/>`: how many one-time keys of the asking device are left. */
export function count(network: Network, from: Sender, iq: Stanza): Stanza {
  return result(iq, [stanza('count', { value: countOf(network, from.device.phone, from.device.id) })]);
}

/** `<iq xmlns=encrypt type=set><registration/><type/><identity/><list/><skey/>`: new one-time keys and the signed key. */
export function upload(network: Network, from: Sender, iq: Stanza): Stanza {
  const { phone, id, identity } = from.device;
  const keys = children(child(iq, 'list'), 'key').map(readKey);
  const signed = readSignedKey(child(iq, 'skey'));
  const fits =
    bytes(child(iq, 'identity')).equals(identity) &&
    bytes(child(iq, 'type')).equals(KEY_TYPE) &&
    fromBigEndian(bytes(child(iq, 'registration'))) === from.device.registrationId &&
    keys.length <= MAX_UPLOAD &&
    keys.every((key) => key.id > 0 && key.public.length === 32) &&
    isGenuine(signed, identity);
  if (!fits) return iqError(iq, 406);
  network.store.transaction(() => {
    for (const key of keys) {
      network.store.run(
        'insert or replace into prekeys (phone, device, id, public) values (?, ?, ?, ?)',
        ...[phone, id, key.id, key.public],
      );
    }
    putSignedKey(network, phone, id, signed);
    network.store.run('update devices set prekey_low = 0 where phone = ? and id = ?', phone, id);
  });
  return result(iq);
}

/** `<iq xmlns=encrypt type=set><rotate><skey/></rotate>`: the signed key is replaced. */
export function rotate(network: Network, from: Sender, iq: Stanza): Stanza {
  const signed = readSignedKey(child(child(iq, 'rotate'), 'skey'));
  if (!isGenuine(signed, from.device.identity)) return iqError(iq, 406);
  putSignedKey(network, from.device.phone, from.device.id, signed);
  return result(iq);
}

/** `<iq xmlns=encrypt type=get><digest/>`: what the server holds, for the device to compare with what it holds. */
export function digest(network: Network, from: Sender, iq: Stanza): Stanza {
  const { phone, id, identity, registrationId } = from.device;
  const signed = network.store.get<SignedRow>(
    'select * from signed_prekeys where phone = ? and device = ?',
    ...[phone, id],
  );
  if (!signed) return iqError(iq, 404);
  const keys = network.store.all<{ id: number; public: Buffer }>(
    'select id, public from prekeys where phone = ? and device = ? order by id',
    ...[phone, id],
  );
  const hash = createHash('sha1').update(identity).update(signed.public).update(signed.signature);
  for (const key of keys) hash.update(key.public);
  return result(iq, [
    stanza('digest', {}, [
      stanza('registration', {}, bigEndian(registrationId, 4)),
      stanza('type', {}, KEY_TYPE),
      stanza('identity', {}, identity),
      signedKeyNode(signed),
      stanza(
        'list',
        {},
        keys.map((key) => stanza('id', {}, bigEndian(key.id, 3))),
      ),
      stanza('hash', {}, hash.digest()),
    ]),
  ]);
}

/**
 * `<iq xmlns=encrypt type=get><key><user jid/>…`: a key bundle per device, each under the jid it was asked by. WhatsApp
 * promises no order: here phones come last, so that nobody relies on their being known before what is linked to them.
 */
export function fetch(network: Network, from: Sender, iq: Stanza): Stanza {
  const asked = children(child(iq, 'key'), 'user').map((user) => {
    const jid = user.attrs['jid'] ?? '';
    const found = network.accounts.find(jid);
    return { jid, device: found && network.accounts.device(found.account.phone, found.device) };
  });
  asked.sort((a, b) => Number(a.device?.id === 0) - Number(b.device?.id === 0));
  const users = asked.map(({ jid, device }) => {
    const bundle = device && takeBundle(network, device);
    return bundle
      ? bundleNode(jid, asHandedOut(network, from, device, bundle))
      : stanza('user', { jid }, [errorNode(404)]);
  });
  return result(iq, [stanza('list', {}, users)]);
}

/** The bundle as it reaches who asked for it. */
function asHandedOut({ faults }: Network, to: Sender, { phone, id }: Device, bundle: KeyBundle): KeyBundle {
  if (faults.fire('forged-prekey', { phone })) return withForgedPrekey(bundle);
  // A linked device would not be vouched for: in between stands who takes the place of the phone.
  if (id === 0 && faults.fire('swapped-identity', { phone })) return withSwappedIdentity(bundle);
  const deceived = { phone: to.account.phone };
  if (!bundle.signedIdentity || !faults.fireIn('keys', 'forged-voucher', deceived)) return bundle;
  return { ...bundle, signedIdentity: forgedVoucher(bundle.signedIdentity) };
}

function bundleNode(jid: string, bundle: KeyBundle): Stanza {
  const content = [
    stanza('registration', {}, bigEndian(bundle.registrationId, 4)),
    stanza('type', {}, KEY_TYPE),
    stanza('identity', {}, bundle.identity),
    signedKeyNode(bundle.signedPreKey),
  ];
  if (bundle.preKey) content.push(keyNode(bundle.preKey));
  if (bundle.signedIdentity) content.push(stanza('device-identity', {}, bundle.signedIdentity));
  return stanza('user', { jid, t: now() }, content);
}

export function keyNode(key: { id: number; public: Buffer }): Stanza {
  return stanza('key', {}, [stanza('id', {}, bigEndian(key.id, 3)), stanza('value', {}, key.public)]);
}

export function signedKeyNode(key: { id: number; public: Buffer; signature: Buffer }): Stanza {
  return stanza('skey', {}, [
    stanza('id', {}, bigEndian(key.id, 3)),
    stanza('value', {}, key.public),
    stanza('signature', {}, key.signature),
  ]);
}

/** The bundle that a retry receipt carries, when it carries one and its signature is genuine. */
export function readRetryBundle(receipt: Stanza): Omit<KeyBundle, 'signedIdentity'> | undefined {
  const keys = child(receipt, 'keys');
  const identity = bytes(child(keys, 'identity'));
  const signedPreKey = readSignedKey(child(keys, 'skey'));
  if (!keys || !isGenuine(signedPreKey, identity)) return undefined;
  const preKey = child(keys, 'key');
  return {
    registrationId: fromBigEndian(bytes(child(receipt, 'registration'))),
    identity,
    signedPreKey,
    preKey: preKey && readKey(preKey),
  };
}

function readKey(node: Stanza): { id: number; public: Buffer } {
  return { id: fromBigEndian(bytes(child(node, 'id'))), public: bytes(child(node, 'value')) };
}

function readSignedKey(node: Stanza | undefined): { id: number; public: Buffer; signature: Buffer } {
  return {
    id: fromBigEndian(bytes(child(node, 'id'))),
    public: bytes(child(node, 'value')),
    signature: bytes(child(node, 'signature')),
  };
}

/** Whether the owner of the identity really signed the key. */
export function isGenuine(key: { public: Buffer; signature: Buffer }, identity: Buffer): boolean {
  return key.public.length === 32 && verify(identity, signalKey(key.public), key.signature);
}

export function putSignedKey(
  network: Network,
  phone: string,
  device: number,
  key: { id: number; public: Buffer; signature: Buffer },
): void {
  network.store.run(
    'insert or replace into signed_prekeys (phone, device, id, public, signature) values (?, ?, ?, ?, ?)',
    ...[phone, device, key.id, key.public, key.signature],
  );
}
