import { jidOf, type Sender } from './accounts.ts';
import type { Network } from './network.ts';
import { now, stanza, type Stanza } from './stanza.ts';

/**
 * `<notification type=account_sync>`: something about the account has changed (blocklist, privacy, picture, default
 * timer), and its linked devices are told, all but the one that did it.
 */
export function syncAccount(network: Network, by: Sender, change: Stanza): void {
  const from = jidOf(by.account, 'pn');
  for (const device of network.accounts.devices(by.account.phone)) {
    if (device.id === 0 || device.id === by.device.id) continue;
    const attrs = { from, type: 'account_sync', id: network.newId(), t: now() };
    network.outbox.enqueue(device, stanza('notification', attrs, [change]), from);
  }
}
