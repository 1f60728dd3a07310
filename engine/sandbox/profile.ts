import { jidOf, type Account, type Sender } from './accounts.ts';
import { acquaintances } from './contacts.ts';
import type { Network } from './network.ts';
import { maySee } from './privacy.ts';
import { changeSettings } from './shared-settings.ts';
import { child, now, result, stanza, text, type Stanza } from './stanza.ts';

/** `<iq xmlns=status type=set><status>…`: the text under the profile name. */
export function setAbout(network: Network, from: Sender, iq: Stanza): Stanza {
  changeAbout(network, from.account, text(child(iq, 'status')));
  return result(iq);
}

/** Those who know the account and may see it are told (`notification type=status`). */
export function changeAbout(network: Network, account: Account, about: string): void {
  network.store.transaction(() => {
    network.accounts.setAbout(account.phone, about);
    setProfileValue(network, account.phone, 'about', about);
    const from = jidOf(account, 'pn');
    for (const phone of acquaintances(network, account)) {
      if (!maySee(network, account.phone, 'status', phone)) continue;
      for (const device of network.accounts.devices(phone)) {
        if (device.id === 0) continue;
        const attrs = { from, type: 'status', id: network.newId(), t: now() };
        network.outbox.enqueue(device, stanza('notification', attrs, [stanza('set', {}, Buffer.from(about))]), from);
      }
    }
  });
}

/** When the text was set; the beginning of the account's time when it never was. */
export function aboutSince(network: Network, phone: string): number {
  return profileValue(network, phone, 'about')?.updated ?? 0;
}

/** The person gives the account another name; its linked devices take it over and give it with their next presence. */
export function changeName(network: Network, account: Account, name: string): void {
  changeSettings(network, account, [{ index: ['setting_pushName'], value: { pushNameSetting: { name } } }]);
}

/** Something about an account that is kept with the time at which it was set. */
export function profileValue(
  network: Network,
  phone: string,
  name: string,
): { value: string; updated: number } | undefined {
  return network.store.get('select value, updated from profile where phone = ? and name = ?', phone, name);
}

export function setProfileValue(network: Network, phone: string, name: string, value: string): void {
  network.store.run(
    'insert or replace into profile (phone, name, value, updated) values (?, ?, ?, ?)',
    ...[phone, name, value, now()],
  );
}

/** `<iq xmlns=bot><bot v=2/>`: the list of AI personas. */
export function bots(_network: Network, _from: Sender, iq: Stanza): Stanza {
  return result(iq, [stanza('bot', {}, [stanza('section', { type: 'all' }, [])])]);
}
