import type { Sender } from './accounts.ts';
import type { Network } from './network.ts';
import { child, result, stanza, text, type Stanza } from './stanza.ts';

/** `<iq xmlns=status type=set><status>…`: the text under the profile name. */
export function setAbout(network: Network, from: Sender, iq: Stanza): Stanza {
  network.accounts.setAbout(from.account.phone, text(child(iq, 'status')));
  return result(iq);
}

/** `<iq xmlns=w:biz><business_profile/>`: accounts here are private ones, so there is none. */
export function businessProfile(_network: Network, _from: Sender, iq: Stanza): Stanza {
  return result(iq, [stanza('business_profile', {}, [])]);
}

/** `<iq xmlns=bot><bot v=2/>`: the list of AI personas. */
export function bots(_network: Network, _from: Sender, iq: Stanza): Stanza {
  return result(iq, [stanza('bot', {}, [stanza('section', { type: 'all' }, [])])]);
}
