import { randomBytes } from 'node:crypto';
import { syncAccount } from './account-sync.ts';
import { jidOf, type Sender } from './accounts.ts';
import { hasBlocked } from './blocklist.ts';
import { isContact } from './contacts.ts';
import type { Network } from './network.ts';
import { child, children, iqError, now, result, stanza, type Stanza } from './stanza.ts';

export { hasBlocked } from './blocklist.ts';

const WHO = ['all', 'contacts', 'contact_blacklist', 'none'];

/** The settings that there are, and what each may be; the first value is what it is at the beginning. */
export const SETTINGS: Record<string, string[]> = {
  last: WHO,
  online: ['all', 'match_last_seen'],
  profile: WHO,
  status: WHO,
  readreceipts: ['all', 'none'],
  groupadd: WHO,
  calladd: ['all', 'known'],
  messages: ['all', 'contacts'],
  defense: ['off', 'on_standard'],
};

/** What people may see of an account, or do with it, by the setting that rules it. */
export type Visible = 'last' | 'profile' | 'status' | 'groupadd';

/** A change of one setting. `except` is for `contact_blacklist`: contacts that are added to those left out, or taken. */
export interface PrivacyChange {
  name: string;
  value: string;
  except?: { phone: string; action: 'add' | 'remove' }[];
}

/**
 * `<iq xmlns=privacy type=get><privacy/>`: the account's settings, by category; with `<list name value/>` in it, who is
 * left out of one.
 */
export function get(network: Network, from: Sender, iq: Stanza): Stanza {
  const asked = child(child(iq, 'privacy'), 'list');
  if (!asked) return result(iq, [settings(network, from.account.phone)]);
  const { name = '', value } = asked.attrs;
  const users = leftOut(network, from.account.phone, name).flatMap((phone) => {
    const account = network.accounts.get(phone);
    return account ? [stanza('user', { jid: jidOf(account, 'pn') })] : [];
  });
  return result(iq, [stanza('privacy', {}, [stanza('list', { name, value }, users)])]);
}

/** `<iq xmlns=privacy type=set><privacy><category name value>[<user action=add|remove jid/>…]`. */
export function set(network: Network, from: Sender, iq: Stanza): Stanza {
  const changes = children(child(iq, 'privacy'), 'category').map((category) => readChange(network, category));
  if (changes.length === 0 || !changes.every((change) => change !== undefined)) return iqError(iq, 400);
  changePrivacy(network, from, changes);
  return result(iq, [settings(network, from.account.phone)]);
}

function readChange(network: Network, category: Stanza): PrivacyChange | undefined {
  const { name = '', value = '' } = category.attrs;
  if (!isSetting(name, value)) return undefined;
  const except = children(category, 'user').flatMap(({ attrs }) => {
    const phone = network.accounts.find(attrs['jid'])?.account.phone;
    return phone === undefined ? [] : [{ phone, action: attrs['action'] === 'remove' ? 'remove' : 'add' } as const];
  });
  return { name, value, except };
}

export const isSetting = (name: string, value: string): boolean => SETTINGS[name]?.includes(value) === true;

/** Names and values of all settings, for people. */
export function privacyOf(network: Network, phone: string): Record<string, string> {
  return Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, settingOf(network, phone, name)]));
}

export function settingOf(network: Network, phone: string, name: string): string {
  const row = network.store.get<{ value: string }>(
    'select value from privacy where phone = ? and name = ?',
    ...[phone, name],
  );
  return row?.value ?? SETTINGS[name]?.[0] ?? '';
}

/** The account (one of its devices, or the phone) changes settings; its other devices are told. */
export function changePrivacy(network: Network, by: Sender, changes: PrivacyChange[]): void {
  const { phone } = by.account;
  network.store.transaction(() => {
    for (const { name, value, except = [] } of changes) {
      put(network, phone, name, value);
      for (const { phone: other, action } of except) leaveOut(network, phone, name, other, action);
    }
    const categories = changes.map(({ name, value }) => stanza('category', { name, value }));
    syncAccount(network, by, stanza('privacy', {}, categories));
  });
}

/**
 * Whether `viewer` may see something of `owner`'s (or do something with it). Whoever is blocked may see nothing, and
 * whoever hides their own last seen from somebody does not see theirs.
 */
export function maySee(network: Network, owner: string, what: Visible, viewer: string): boolean {
  if (owner === viewer) return true;
  if (hasBlocked(network, owner, viewer)) return false;
  const isMutual = what !== 'last' || shows(network, viewer, what, owner);
  return isMutual && shows(network, owner, what, viewer);
}

/** Whether `viewer` may know that `owner` is online right now. */
export function maySeeOnline(network: Network, owner: string, viewer: string): boolean {
  if (hasBlocked(network, owner, viewer)) return false;
  return settingOf(network, owner, 'online') === 'all' || maySee(network, owner, 'last', viewer);
}

/** Whether `who` may call `owner`: not when blocked; `known` lets contacts through, and those `owner` has written to. */
export function mayCall(network: Network, owner: string, who: string): boolean {
  if (hasBlocked(network, owner, who)) return false;
  return settingOf(network, owner, 'calladd') === 'all' || isKnown(network, owner, who);
}

/** Whether `who` may put `owner` into a group without asking; otherwise an invitation is all there is. */
export function mayAddToGroup(network: Network, owner: string, who: string): boolean {
  return maySee(network, owner, 'groupadd', who);
}

/** Whether both sides have read receipts on; without that neither is told what the other has read. */
export function sharesReads(network: Network, one: string, other: string): boolean {
  return [one, other].every((phone) => settingOf(network, phone, 'readreceipts') === 'all');
}

function shows(network: Network, owner: string, what: Visible, viewer: string): boolean {
  switch (settingOf(network, owner, what)) {
    case 'all':
      return true;
    case 'contacts':
      return isContact(network, owner, viewer);
    case 'contact_blacklist':
      return isContact(network, owner, viewer) && !leftOut(network, owner, what).includes(viewer);
    default:
      return false;
  }
}

function isKnown(network: Network, owner: string, other: string): boolean {
  if (isContact(network, owner, other)) return true;
  const written = network.store.get(
    'select 1 from messages where phone = ? and chat = ? and sender = ? limit 1',
    ...[owner, other, owner],
  );
  return written !== undefined;
}

function leftOut(network: Network, phone: string, name: string): string[] {
  return network.store
    .all<{ other: string }>('select other from privacy_lists where phone = ? and name = ? order by other', phone, name)
    .map(({ other }) => other);
}

function leaveOut(network: Network, phone: string, name: string, other: string, action: 'add' | 'remove'): void {
  if (action === 'add') {
    network.store.run('insert or ignore into privacy_lists (phone, name, other) values (?, ?, ?)', phone, name, other);
  } else {
    network.store.run('delete from privacy_lists where phone = ? and name = ? and other = ?', phone, name, other);
  }
}

function settings(network: Network, phone: string): Stanza {
  const categories = Object.entries(privacyOf(network, phone)).map(([name, value]) =>
    stanza('category', { name, value }),
  );
  return stanza('privacy', {}, categories);
}

function put(network: Network, phone: string, name: string, value: string): void {
  network.store.run('insert or replace into privacy (phone, name, value) values (?, ?, ?)', phone, name, value);
}

/**
 * `<iq xmlns=privacy type=set><tokens><token jid t type=trusted_contact/>…`: the account vouches for contacts. Each of
 * them is given a token, which it shows when it writes, looks at the picture or asks for presence.
 */
export function issueTokens(network: Network, from: Sender, iq: Stanza): Stanza {
  const tokens = children(child(iq, 'tokens'), 'token').filter(({ attrs }) => attrs['type'] === 'trusted_contact');
  network.store.transaction(() => {
    for (const { attrs } of tokens) {
      const contact = network.accounts.find(attrs['jid']);
      if (contact) issueToken(network, from, contact.account.phone, Number(attrs['t'] ?? now()));
    }
  });
  return result(iq);
}

function issueToken(network: Network, from: Sender, contact: string, issued: number): void {
  const token = randomBytes(24);
  network.store.run(
    'insert or replace into trusted_contacts (phone, contact, token, issued) values (?, ?, ?, ?)',
    ...[from.account.phone, contact, token, issued],
  );
  const sender = { from: jidOf(from.account, 'pn'), sender_lid: jidOf(from.account, 'lid') };
  for (const device of network.accounts.devices(contact)) {
    if (device.id === 0) continue;
    const jid = jidOf(network.accounts.must(contact), 'pn');
    const attrs = { ...sender, type: 'privacy_token', id: network.newId(), t: now() };
    const content = [stanza('token', { jid, t: issued, type: 'trusted_contact' }, token)];
    network.outbox.enqueue(device, stanza('notification', attrs, [stanza('tokens', {}, content)]), sender.from);
  }
}

/** `<iq xmlns=disappearing_mode type=set>`: the default timer of new chats, in seconds. */
export function setDisappearingMode(network: Network, from: Sender, iq: Stanza): Stanza {
  const duration = child(iq, 'disappearing_mode')?.attrs['duration'] ?? '';
  if (!/^\d+$/.test(duration)) return iqError(iq, 400);
  changeDisappearingMode(network, from, Number(duration));
  return result(iq);
}

export function changeDisappearingMode(network: Network, by: Sender, duration: number): void {
  network.store.transaction(() => {
    put(network, by.account.phone, 'disappearing_mode', String(duration));
    put(network, by.account.phone, 'disappearing_mode_t', String(now()));
    syncAccount(network, by, stanza('disappearing_mode', { duration, t: now() }));
  });
}
