import type { Sender } from './accounts.ts';
import { AUTH_SECONDS } from './media-host.ts';
import type { Network } from './network.ts';
import { result, stanza, type Stanza } from './stanza.ts';

/** `<iq xmlns=abt><props/>`: switches that WhatsApp turns on for some; none are on here. */
export function props(_network: Network, _from: Sender, iq: Stanza): Stanza {
  return result(iq, [stanza('props', { protocol: 1, hash: 'sandbox', refresh: 86_400, refresh_id: 1 })]);
}

/** `<iq xmlns=w:m><media_conn/>`: where media go up and down, and with which token. */
export function mediaConnection(network: Network, from: Sender, iq: Stanza): Stanza {
  const attrs = { auth: network.media.auth(from.device), ttl: 300, auth_ttl: AUTH_SECONDS, max_buckets: 12 };
  return result(iq, [stanza('media_conn', attrs, [stanza('host', { hostname: network.host, type: 'primary' })])]);
}
