import { jidOf, type Account } from './accounts.ts';
import { formatJid, parseJid } from './jid.ts';
import type { Network } from './network.ts';
import { changeSettings, settingsOf, type Change } from './shared-settings.ts';
import { USERS } from './stanza.ts';

/** Somebody in a phone's address book. */
export interface Contact {
  /** Null for somebody of whom only the LID is known. */
  phone: string | null;
  jid: string;
  /** Null for a number that has no account. */
  lid: string | null;
  name: string;
  firstName: string | null;
  /** Whether it is in the phone's own address book, too, and not in WhatsApp's alone. */
  onPrimary: boolean;
}

/** The address book, by name. It lies in the account's shared settings, so that its linked devices have it too. */
export function contactsOf(network: Network, phone: string): Contact[] {
  const contacts = new Map<string, Contact>();
  for (const { index, value } of settingsOf(network, phone, 'contact')) {
    const { fullName, firstName, username, saveOnPrimaryAddressbook } = value.contactAction ?? {};
    const contact = named(network, index[1] ?? '');
    const name = fullName || firstName || username || '';
    const onPrimary = saveOnPrimaryAddressbook === true;
    contacts.set(contact.jid, { ...contact, name, firstName: firstName || null, onPrimary });
  }
  return [...contacts.values()].sort((one, other) => one.name.localeCompare(other.name));
}

/** The person saves a number under a name, or gives a saved one another name. */
export function saveContact(network: Network, owner: Account, phone: string, name: string): void {
  const account = network.accounts.get(phone);
  const jid = formatJid(phone, 0, USERS);
  const contactAction = {
    fullName: name,
    firstName: name.split(/\s+/)[0] ?? name,
    lidJid: account && jidOf(account, 'lid'),
    saveOnPrimaryAddressbook: true,
  };
  const elsewhere = indexesOf(network, owner.phone, phone).filter((index) => index[1] !== jid);
  changeSettings(network, owner, [...elsewhere.map(removal), { index: ['contact', jid], value: { contactAction } }]);
}

/** Returns whether there was such a contact. */
export function removeContact(network: Network, owner: Account, phone: string): boolean {
  const indexes = indexesOf(network, owner.phone, phone);
  if (indexes.length > 0) changeSettings(network, owner, indexes.map(removal));
  return indexes.length > 0;
}

/** Whether `owner` has `other` in the address book. */
export function isContact(network: Network, owner: string, other: string): boolean {
  return indexesOf(network, owner, other).length > 0;
}

/** What `owner` has saved `other` as. */
export function savedName(network: Network, owner: string, other: string): string | undefined {
  return contactsOf(network, owner).find(({ phone }) => phone === other)?.name || undefined;
}

/** Accounts that have this one in their address book, or a chat with it: those who are told when its profile changes. */
export function acquaintances(network: Network, account: Account): string[] {
  const indexes = (['pn', 'lid'] as const).map((addressing) => JSON.stringify(['contact', jidOf(account, addressing)]));
  return network.store
    .all<{ phone: string }>(
      `select phone from app_state_records where kind = 'contact' and idx in (?, ?)
       union select phone from messages where chat = ? order by phone`,
      ...[...indexes, account.phone],
    )
    .map(({ phone }) => phone)
    .filter((phone) => phone !== account.phone);
}

const removal = (index: string[]): Change => ({ index, value: { contactAction: {} }, remove: true });

/** A contact may have been saved by number or, by a client, by LID. */
function indexesOf(network: Network, owner: string, other: string): string[][] {
  const account = network.accounts.get(other);
  const jids = [formatJid(other, 0, USERS), ...(account ? [jidOf(account, 'lid')] : [])];
  return jids.map((jid) => ['contact', jid]).filter((index) => isThere(network, owner, index));
}

function isThere(network: Network, owner: string, index: string[]): boolean {
  const row = network.store.get(
    'select 1 from app_state_records where phone = ? and kind = ? and idx = ?',
    ...[owner, 'contact', JSON.stringify(index)],
  );
  return row !== undefined;
}

function named(network: Network, jid: string): Pick<Contact, 'phone' | 'jid' | 'lid'> {
  const found = network.accounts.find(jid);
  if (found) return { phone: found.account.phone, jid: jidOf(found.account, 'pn'), lid: jidOf(found.account, 'lid') };
  const parsed = parseJid(jid);
  return parsed?.server === USERS ? { phone: parsed.user, jid, lid: null } : { phone: null, jid, lid: jid };
}
