import { jidOf, type Sender } from './accounts.ts';
import type { Network } from './network.ts';
import { child, children, iqError, result, stanza, type Stanza } from './stanza.ts';

const DEFAULTS: Record<string, string> = {
  last: 'all',
  online: 'all',
  profile: 'all',
  status: 'all',
  readreceipts: 'all',
  groupadd: 'all',
  calladd: 'all',
  messages: 'all',
  defense: 'off',
};

/** `<iq xmlns=privacy type=get><privacy/>`: the account's settings, by category. */
export function get(network: Network, from: Sender, iq: Stanza): Stanza {
  return result(iq, [settings(network, from)]);
}

/** `<iq xmlns=privacy type=set><privacy><category name value/>…`. */
export function set(network: Network, from: Sender, iq: Stanza): Stanza {
  const changes = children(child(iq, 'privacy'), 'category').map(({ attrs }) => attrs);
  if (changes.some(({ name, value }) => name === undefined || value === undefined || !(name in DEFAULTS))) {
    return iqError(iq, 400);
  }
  for (const { name = '', value = '' } of changes) put(network, from, name, value);
  return result(iq, [settings(network, from)]);
}

/** Whether the account lets others see that it has read their messages. */
export function settingOf(network: Network, phone: string, name: string): string {
  const row = network.store.get<{ value: string }>(
    'select value from privacy where phone = ? and name = ?',
    ...[phone, name],
  );
  return row?.value ?? DEFAULTS[name] ?? '';
}

function settings(network: Network, from: Sender): Stanza {
  const categories = Object.keys(DEFAULTS).map((name) =>
    stanza('category', { name, value: settingOf(network, from.account.phone, name) }),
  );
  return stanza('privacy', {}, categories);
}

function put(network: Network, from: Sender, name: string, value: string): void {
  network.store.run(
    'insert or replace into privacy (phone, name, value) values (?, ?, ?)',
    ...[from.account.phone, name, value],
  );
}

/**
 * `<iq xmlns=privacy type=set><tokens/>`: the account vouches for a contact. The sandbox restricts nobody, so that the
 * token has nothing to open.
 */
export function issueTokens(_network: Network, _from: Sender, iq: Stanza): Stanza {
  return result(iq);
}

/** `<iq xmlns=disappearing_mode type=set>`: the default timer of new chats, in seconds. */
export function setDisappearingMode(network: Network, from: Sender, iq: Stanza): Stanza {
  const duration = child(iq, 'disappearing_mode')?.attrs['duration'] ?? '';
  if (!/^\d+$/.test(duration)) return iqError(iq, 400);
  put(network, from, 'disappearing_mode', duration);
  return result(iq);
}

/** `<iq xmlns=blocklist type=get>`: whom the account has blocked, by LID. */
export function blocklist(network: Network, from: Sender, iq: Stanza): Stanza {
  const rows = network.store.all<{ blocked: string }>(
    'select blocked from blocklist where phone = ? order by blocked',
    from.account.phone,
  );
  const items = rows.flatMap(({ blocked }) => {
    const account = network.accounts.get(blocked);
    return account ? [stanza('item', { jid: jidOf(account, 'lid') })] : [];
  });
  return result(iq, [stanza('list', {}, items)]);
}

/** `<iq xmlns=blocklist type=set><item action jid/>`. */
export function block(network: Network, from: Sender, iq: Stanza): Stanza {
  const { action, jid } = child(iq, 'item')?.attrs ?? {};
  const whom = network.accounts.find(jid);
  if (!whom) return iqError(iq, 404);
  const values = [from.account.phone, whom.account.phone] as const;
  if (action === 'block')
    network.store.run('insert or ignore into blocklist (phone, blocked) values (?, ?)', ...values);
  else if (action === 'unblock') network.store.run('delete from blocklist where phone = ? and blocked = ?', ...values);
  else return iqError(iq, 400);
  return blocklist(network, from, iq);
}

/** Whether `phone` has blocked `other`. */
export function hasBlocked(network: Network, phone: string, other: string): boolean {
  return network.store.get('select 1 from blocklist where phone = ? and blocked = ?', phone, other) !== undefined;
}
