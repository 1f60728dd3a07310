import { randomBytes } from 'node:crypto';
import { syncAccount } from './account-sync.ts';
import { jidOf, type Account, type Device, type Sender } from './accounts.ts';
import { acquaintances } from './contacts.ts';
import type { Network } from './network.ts';
import { maySee } from './privacy.ts';
import { bytes, child, iqError, now, result, stanza, type Stanza } from './stanza.ts';

/** The picture of an account or of a group. */
export interface Picture {
  id: string;
  /** Names the picture in its address; nobody can guess it. */
  token: string;
  image: Buffer;
  updated: number;
}

/** Whose picture is meant. `key` is the number of an account, or the jid of a group. */
type Owner = { key: string; jid: string; account: Account } | { key: string; jid: string; account: undefined };

const PATH = '/pps/v/t61.24694-24/';
const NAME = /^\/pps\/v\/t61\.24694-24\/([0-9a-f]{48})_n\.jpg$/;
const JPEG = Buffer.from([0xff, 0xd8, 0xff]);

/**
 * `<iq xmlns=w:profile:picture type=get target><picture type=preview|image query=url [id]/>`: the address of a picture.
 * 404 there is none, 401 it is not shown to the asking account. A client that names the picture which it has gets an
 * empty answer when that is still the one.
 */
export function getPicture(network: Network, from: Sender, iq: Stanza): Stanza {
  const asked = child(iq, 'picture')?.attrs ?? {};
  const owner = ownerOf(network, from, iq);
  if (!owner) return iqError(iq, 404);
  if (!mayLook(network, from.account, owner)) return iqError(iq, 401);
  const picture = pictureOf(network, owner.key);
  if (!picture) return iqError(iq, 404);
  if (asked['id'] === picture.id) return result(iq);
  const type = asked['type'] === 'preview' ? 'preview' : 'image';
  const path = pathOf(picture, type);
  const attrs = { id: picture.id, type, url: `http://${network.host}${path}`, direct_path: path };
  return result(iq, [stanza('picture', attrs)]);
}

/**
 * `<iq xmlns=w:profile:picture type=set [target]><picture type=image>JPEG`, without a picture to take it away: one's
 * own, or that of the group `target`. 406 the bytes are no JPEG, 403 it is not for the sender to change.
 */
export function setPicture(network: Network, from: Sender, iq: Stanza): Stanza {
  const owner = ownerOf(network, from, iq);
  if (!owner) return iqError(iq, 404);
  if (!mayChange(network, from.account, owner)) return iqError(iq, 403);
  const image = bytes(child(iq, 'picture'));
  if (image.length === 0) {
    changePicture(network, owner.key, undefined, from);
    return result(iq);
  }
  if (!image.subarray(0, JPEG.length).equals(JPEG)) return iqError(iq, 406);
  const id = changePicture(network, owner.key, image, from);
  return result(iq, [stanza('picture', { id, type: 'image' })]);
}

/** The picture of an account (by number) or a group (by jid). */
export function pictureOf(network: Network, key: string): Picture | undefined {
  return network.store.get<Picture>('select id, token, image, updated from pictures where owner = ?', key);
}

/** Where a picture lies on this server. */
export function pathOf({ token }: Picture, type: 'image' | 'preview'): string {
  return `${PATH}${token}_n.jpg?${type === 'preview' ? 'stp=dst-jpg_s96x96&' : ''}ccb=11-4`;
}

/** The picture that lies under a path; undefined when there is none (any more). */
export function pictureAt(network: Network, path: string): Picture | undefined {
  const token = NAME.exec(path)?.[1];
  if (token === undefined) return undefined;
  return network.store.get<Picture>('select id, token, image, updated from pictures where token = ?', token);
}

/** A JPEG becomes the picture of an account or a group, or it has none any more; whom it concerns is told. */
export function changePicture(network: Network, key: string, image: Buffer | undefined, by: Sender): string {
  const before = Number(pictureOf(network, key)?.id ?? 0);
  const id = String(Math.max(now(), before + 1));
  network.store.transaction(() => {
    network.store.run('delete from pictures where owner = ?', key);
    if (image) {
      network.store.run(
        'insert into pictures (owner, id, token, image, updated) values (?, ?, ?, ?, ?)',
        ...[key, id, randomBytes(24).toString('hex'), image, now()],
      );
    }
    if (key.includes('@')) network.groups.tellPicture(key, by.account, image && id);
    else tellAcquaintances(network, network.accounts.must(key), image && id, by);
  });
  return id;
}

/** Those who know the account and may see its picture; and its own other devices, which are told to look again. */
function tellAcquaintances(network: Network, account: Account, id: string | undefined, by: Sender): void {
  for (const phone of acquaintances(network, account)) {
    if (!maySee(network, account.phone, 'profile', phone)) continue;
    for (const device of network.accounts.devices(phone)) notify(network, device, jidOf(account, 'pn'), id, undefined);
  }
  syncAccount(network, by, stanza('picture'));
}

function notify(network: Network, to: Device, of: string, id: string | undefined, author: string | undefined): void {
  if (to.id === 0) return;
  const change = id === undefined ? stanza('delete', { jid: of, author }) : stanza('set', { jid: of, id, author });
  const attrs = { from: of, type: 'picture', id: network.newId(), t: now() };
  network.outbox.enqueue(to, stanza('notification', attrs, [change]), of);
}

function ownerOf(network: Network, from: Sender, iq: Stanza): Owner | undefined {
  const target = iq.attrs['target'];
  if (target === undefined) return { key: from.account.phone, jid: jidOf(from.account, 'pn'), account: from.account };
  const found = network.accounts.find(target);
  if (found) return { key: found.account.phone, jid: target, account: found.account };
  return network.groups.get(target) ? { key: target, jid: target, account: undefined } : undefined;
}

function mayLook(network: Network, who: Account, owner: Owner): boolean {
  if (owner.account) return maySee(network, owner.key, 'profile', who.phone);
  return network.groups.role(owner.key, who.phone) !== undefined;
}

function mayChange(network: Network, who: Account, owner: Owner): boolean {
  return owner.account ? owner.key === who.phone : network.groups.mayEdit(owner.key, who);
}
