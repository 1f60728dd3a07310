import type { Sender } from './accounts.ts';
import type { Network } from './network.ts';
import { iqError, result, stanza, type Stanza } from './stanza.ts';

/*
 * Accounts here are private ones. What only businesses have is not there when one asks for it, and cannot be changed.
 */

/** `<iq xmlns=w:biz><business_profile/>`: there is none. */
export function profile(_network: Network, _from: Sender, iq: Stanza): Stanza {
  return result(iq, [stanza('business_profile', {}, [])]);
}

/** `<product_catalog/>`, `<collections/>`, `<order/>` of somebody who sells nothing. */
export function nothing(_network: Network, _from: Sender, iq: Stanza): Stanza {
  return iqError(iq, 404);
}

/** A private account has no business profile and no catalogue to change. */
export function forbidden(_network: Network, _from: Sender, iq: Stanza): Stanza {
  return iqError(iq, 403);
}
