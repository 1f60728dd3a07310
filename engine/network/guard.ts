import ipaddr from 'ipaddr.js';
import { lookup, type LookupAddress, type LookupAllOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector } from 'undici';
import type { Network, SettingName } from '../config.ts';
import { EngineError } from '../errors.ts';

/** Cloud metadata services that answer on addresses which are not link-local. */
const METADATA = new Set(['100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254', 'fd20:ce::254']);
/** All of IPv6 that is public; outside of it are, among others, IPv4 addresses in IPv6 form. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');

/** Which network an address is in; `undefined` for those nobody may be sent to: link-local, metadata, multicast … */
export function networkOf(address: string): Network | undefined {
  const parsed = ipaddr.process(address);
  if (METADATA.has(parsed.toString())) return undefined;
  switch (parsed.range()) {
    case 'unicast':
      return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_IPV6) ? 'public' : undefined;
    case 'private':
    case 'uniqueLocal':
    case 'carrierGradeNat':
      return 'private';
    case 'loopback':
      return 'loopback';
    default:
      return undefined;
  }
}

/** Where a connection may go, and the setting that says so: a refusal names it. */
export interface Reach {
  networks: readonly Network[];
  setting: SettingName;
}

const webhooks = (networks: readonly Network[]): Reach => ({ networks, setting: 'WARBLER_WEBHOOK_NETWORKS' });

function refuseUnless({ networks, setting }: Reach, address: string, host: string): void {
  const network = networkOf(address);
  if (network && networks.includes(network)) return;
  throw new EngineError(
    'url_not_allowed',
    network
      ? `${host} is on a ${network} network, which ${setting} does not allow.`
      : `${host} is a link-local, metadata or otherwise special address, which is never allowed.`,
  );
}

/** Checks a host that is an address; names are checked when they are resolved, by {@link guardedLookup}. */
export function checkHost(host: string, reach: Reach): void {
  const address = host.replace(/^\[|\]$/g, '');
  if (isIP(address)) refuseUnless(reach, address, address);
}

/**
 * Checks what can be known of a URL before it is used, so that a caller hears of a mistake at once: scheme, no
 * credentials, and the network when the host is an address. Names are checked when the connection is made.
 */
export function checkUrl(url: string, allowed: readonly Network[] | Reach): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol)) {
    throw new EngineError('url_not_allowed', 'The URL must start with http:// or https://.');
  }
  if (parsed.username || parsed.password) {
    throw new EngineError('url_not_allowed', 'The URL must not hold a user name or password.');
  }
  checkHost(parsed.hostname, reachOf(allowed));
}

/** Finds the addresses of a name: node's `lookup`, unless a test answers instead of the DNS. */
export type Resolve = (
  host: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void;

/**
 * Resolves names and refuses those that resolve to a network which is not allowed. Given to a connection, it is the
 * resolved address that is checked: a name that resolves to another address a moment later does not get past it.
 */
export function guardedLookup(reach: Reach, resolve: Resolve = lookup): LookupFunction {
  return (host, options, callback) => {
    resolve(host, { ...options, all: true } as LookupAllOptions, (error, addresses) => {
      if (error) return callback(error, '', 0);
      if (addresses.length === 0) return callback(unknownName(host), '', 0);
      try {
        for (const { address } of addresses) refuseUnless(reach, address, host);
      } catch (refusal) {
        return callback(refusal as Error, '', 0);
      }
      if (options.all) return callback(null, addresses);
      const first = addresses[0]!;
      return callback(null, first.address, first.family);
    });
  };
}

const unknownName = (host: string) => Object.assign(new Error(`${host} has no address`), { code: 'ENOTFOUND' });

/** An HTTP agent that connects only to the given networks: those of webhooks, when only networks are given. */
export function guardedAgent(
  allowed: readonly Network[] | Reach,
  options: Agent.Options = {},
  resolve?: Resolve,
): Agent {
  const reach = reachOf(allowed);
  const connect = buildConnector({ timeout: 10_000, lookup: guardedLookup(reach, resolve) });
  return new Agent({
    ...options,
    connect: (target, callback) => {
      try {
        checkHost(target.hostname, reach);
      } catch (refusal) {
        return callback(refusal as Error, null);
      }
      return connect(target, callback);
    },
  });
}

const reachOf = (allowed: readonly Network[] | Reach): Reach => ('setting' in allowed ? allowed : webhooks(allowed));
