import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';

/**
 * Who may be one and the same caller: an IPv4 address, also when it is written as IPv6, and the /64 of an IPv6 address,
 * which one machine has to itself. A connection that has ended already has no address.
 */
export function neighbourhoodOf(address: string | undefined): string {
  if (address === undefined || !isIP(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  const network = ipaddr.IPv6.networkAddressFromCIDR(`${new ipaddr.IPv6(parsed.parts).toString()}/64`);
  return `${network.toString()}/64`;
}
