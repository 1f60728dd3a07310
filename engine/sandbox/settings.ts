import { QueryIds, XWAPaths } from '@whiskeysockets/baileys';
import type { Sender } from './accounts.ts';
import { AUTH_SECONDS } from './media-host.ts';
import type { Network } from './network.ts';
import { child, iqError, result, stanza, type Stanza } from './stanza.ts';

/** `<iq xmlns=abt><props/>`: switches that WhatsApp turns on for some; none are on here. */
export function props(_network: Network, _from: Sender, iq: Stanza): Stanza {
  return result(iq, [stanza('props', { protocol: 1, hash: 'sandbox', refresh: 86_400, refresh_id: 1 })]);
}

/** `<iq xmlns=w:m><media_conn/>`: where media go up and down, and with which token. */
export function mediaConnection(network: Network, from: Sender, iq: Stanza): Stanza {
  const attrs = { auth: network.media.auth(from.device), ttl: 300, auth_ttl: AUTH_SECONDS, max_buckets: 12 };
  return result(iq, [stanza('media_conn', attrs, [stanza('host', { hostname: network.host, type: 'primary' })])]);
}

/** `<iq xmlns=w:mex><query query_id=…>`: GraphQL. What it does not know it refuses as GraphQL does, in the result. */
const MEX: Record<string, object> = {
  [QueryIds.REACHOUT_TIMELOCK]: { [XWAPaths.xwa2_fetch_account_reachout_timelock]: { is_active: false } },
  [QueryIds.MESSAGE_CAPPING_INFO]: {
    [XWAPaths.xwa2_message_capping_info]: { total_quota: 0, used_quota: 0, capping_status: 'NONE' },
  },
};

export function mex(_network: Network, _from: Sender, iq: Stanza): Stanza {
  const id = child(iq, 'query')?.attrs['query_id'];
  if (id === undefined) return iqError(iq, 400);
  const data = MEX[id];
  const unknown = { data: null, errors: [{ message: 'not found', extensions: { error_code: 404 } }] };
  return result(iq, [stanza('result', {}, Buffer.from(JSON.stringify(data ? { data } : unknown)))]);
}
