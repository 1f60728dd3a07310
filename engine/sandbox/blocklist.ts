import { createHash } from 'node:crypto';
import { jidOf, type Account, type Sender } from './accounts.ts';
import { syncAccount } from './account-sync.ts';
import type { Network } from './network.ts';
import { child, iqError, result, stanza, type Stanza } from './stanza.ts';

/** `<iq xmlns=blocklist type=get>`: whom the account has blocked, by LID. */
export function get(network: Network, from: Sender, iq: Stanza): Stanza {
  const items = blockedBy(network, from.account.phone).map((one) => stanza('item', { jid: jidOf(one, 'lid') }));
  return result(iq, [stanza('list', { dhash: hashOf(network, from.account.phone) }, items)]);
}

/** `<iq xmlns=blocklist type=set><item action=block|unblock jid/>`. Answers with the list as it is then. */
export function set(network: Network, from: Sender, iq: Stanza): Stanza {
  const { action, jid } = child(iq, 'item')?.attrs ?? {};
  const whom = network.accounts.find(jid);
  if (!whom) return iqError(iq, 404);
  if ((action !== 'block' && action !== 'unblock') || whom.account.phone === from.account.phone)
    return iqError(iq, 400);
  changeBlocklist(network, from, whom.account, action);
  return get(network, from, iq);
}

/** Somebody is blocked or no longer; the account's other devices are told. Returns whether that changed anything. */
export function changeBlocklist(network: Network, by: Sender, whom: Account, action: 'block' | 'unblock'): boolean {
  const { phone } = by.account;
  return network.store.transaction(() => {
    const before = hashOf(network, phone);
    const changed =
      action === 'block'
        ? network.store.run('insert or ignore into blocklist (phone, blocked) values (?, ?)', phone, whom.phone)
        : network.store.run('delete from blocklist where phone = ? and blocked = ?', phone, whom.phone);
    if (changed === 0) return false;
    const item = stanza('item', { jid: jidOf(whom, 'lid'), action });
    syncAccount(network, by, stanza('blocklist', { dhash: hashOf(network, phone), prev_dhash: before }, [item]));
    return true;
  });
}

export function blockedBy(network: Network, phone: string): Account[] {
  return network.store
    .all<{ blocked: string }>('select blocked from blocklist where phone = ? order by blocked', phone)
    .flatMap(({ blocked }) => network.accounts.get(blocked) ?? []);
}

/** Whether `phone` has blocked `other`. */
export function hasBlocked(network: Network, phone: string, other: string): boolean {
  return network.store.get('select 1 from blocklist where phone = ? and blocked = ?', phone, other) !== undefined;
}

/** Clients compare it to see whether their list is the newest. */
function hashOf(network: Network, phone: string): string {
  const list = blockedBy(network, phone).map(({ lid }) => lid);
  return createHash('md5').update(list.join()).digest('hex');
}
