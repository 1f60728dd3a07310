import { QueryIds, XWAPaths } from '@whiskeysockets/baileys';
import { randomBytes } from 'node:crypto';
import type { Account, Sender } from './accounts.ts';
import { streamEnd } from './endings.ts';
import type { Fault } from './faults.ts';
import type { Network } from './network.ts';
import { SERVER, now, stanza, type Stanza } from './stanza.ts';

/** `<ack error=463>`: the account may not begin this chat. Established chats go on. */
const NO_NEW_CHATS = 463;
/** From which part of its quota on an account is warned: WhatsApp's steps are not known, these are the sandbox's. */
const WARNINGS: [number, string][] = [
  [1, 'CAPPED'],
  [0.9, 'SECOND_WARNING'],
  [0.5, 'FIRST_WARNING'],
];
const CYCLE_SECONDS = 30 * 86_400;

/** Restrictions end by the sandbox's clock, in seconds. */
const secondsOf = ({ now }: Network): number => Math.floor(now() / 1000);

/**
 * What an account is not allowed for a time, by the faults `restrict-account` (no new chats), `limit-new-chats` (so
 * many a month) and `ban-account` (no login). It begins when the fault is set, and is over when the fault is deleted or
 * its time has come; the account's clients are told of it where WhatsApp tells them.
 */
export class Restrictions {
  readonly #network: Network;
  /** Pairs of accounts of which the first has been allowed to write to the second. */
  readonly #begun = new Set<string>();

  constructor(network: Network) {
    this.#network = network;
  }

  /** A fault has been set: if it restricts an account, its clients learn of it. */
  began(fault: Fault): void {
    const account = fault.phone === undefined ? undefined : this.#network.accounts.get(fault.phone);
    if (!account) return;
    if (fault.fault === 'restrict-account')
      this.#tell(account, 'NotificationUserReachoutTimelockUpdate', timelock(fault));
    if (fault.fault === 'limit-new-chats')
      this.#tell(account, 'MessageCappingInfoNotification', capping(this.#network, fault));
    if (fault.fault !== 'ban-account') return;
    for (const connection of this.#network.connections) {
      if (connection.account?.phone === account.phone) connection.end(streamEnd());
    }
  }

  /** A fault is deleted: if it restricted an account, its clients learn that this is over. */
  ended(fault: Fault): void {
    const account = fault.phone === undefined ? undefined : this.#network.accounts.get(fault.phone);
    if (!account || !fault.active) return;
    if (fault.fault === 'restrict-account') this.#tell(account, 'NotificationUserReachoutTimelockUpdate', timelock());
    if (fault.fault === 'limit-new-chats')
      this.#tell(account, 'MessageCappingInfoNotification', capping(this.#network));
  }

  /** The code with which a client's message to somebody is refused, if it is. */
  refusal(from: Sender, to: Account, node: Stanza): number | undefined {
    const { account, device } = from;
    if (device.id === 0 || account.phone === to.phone || node.attrs['category'] === 'peer') return undefined;
    const [restriction] = this.#network.faults.fitting('restrict-account', { phone: account.phone });
    const [limit] = this.#network.faults.fitting('limit-new-chats', { phone: account.phone });
    if ((!restriction && !limit) || this.isKnown(account, to)) {
      this.#begun.add(`${account.phone} ${to.phone}`);
      return undefined;
    }
    if (restriction) {
      this.#network.faults.fired(restriction);
      return NO_NEW_CHATS;
    }
    if (!limit) return undefined;
    if (limit.fired >= (limit.quota ?? 0)) return NO_NEW_CHATS;
    const before = statusOf(limit);
    this.#network.faults.fired(limit);
    this.#begun.add(`${account.phone} ${to.phone}`);
    if (statusOf(limit) !== before)
      this.#tell(account, 'MessageCappingInfoNotification', capping(this.#network, limit));
    return undefined;
  }

  /** The attributes of the `<failure>` with which a banned account's login is refused. */
  ban(phone: string | undefined): { reason: number; more: Record<string, string | number | undefined> } | undefined {
    const fault = this.#network.faults.fire('ban-account', { phone });
    if (!fault) return undefined;
    const reason = fault.code ?? 402;
    if (reason === 402) {
      const expire = fault.until === undefined ? undefined : Math.max(0, fault.until - secondsOf(this.#network));
      return { reason, more: { code: fault.reason ?? 101, expire } };
    }
    const logout_message_header = 'This account is not allowed to use WhatsApp';
    const logout_message_subtext = 'Chats are still on your phone.';
    return { reason, more: { logout_message_header, logout_message_subtext } };
  }

  /** Whether there is a chat between the two, in either direction. */
  isKnown(account: Account, to: Account): boolean {
    if (this.#begun.has(`${account.phone} ${to.phone}`)) return true;
    return (
      this.#network.store.get('select 1 from messages where phone = ? and chat = ?', account.phone, to.phone) !==
      undefined
    );
  }

  #tell({ phone }: Account, operation: string, data: object): void {
    const content = Buffer.from(JSON.stringify({ data }));
    for (const device of this.#network.accounts.devices(phone)) {
      if (device.id === 0) continue;
      const attrs = { from: SERVER, type: 'mex', id: this.#network.newId(), t: now() };
      const update = stanza('update', { op_name: operation }, content);
      this.#network.outbox.enqueue(device, stanza('notification', attrs, [update]), SERVER);
    }
  }
}

function timelock(fault?: Fault): object {
  return { xwa2_notify_account_reachout_timelock: timelockState(fault) };
}

function timelockState(fault?: Fault): object {
  if (!fault) return { is_active: false };
  const { until = 0, enforcement = 'DEFAULT' } = fault;
  return { is_active: true, time_enforcement_ends: String(until), enforcement_type: enforcement };
}

function capping(network: Network, fault?: Fault): object {
  return { xwa2_notify_new_chat_messages_capping_info_update: cappingState(network, fault) };
}

function cappingState(network: Network, fault?: Fault): object {
  if (!fault) return { total_quota: 0, used_quota: 0, capping_status: 'NONE' };
  const end = fault.until ?? secondsOf(network) + CYCLE_SECONDS;
  return {
    total_quota: fault.quota ?? 0,
    used_quota: fault.fired,
    cycle_start_timestamp: String(end - CYCLE_SECONDS),
    cycle_end_timestamp: String(end),
    server_sent_timestamp: String(secondsOf(network)),
    ote_status: 'NOT_ELIGIBLE',
    mv_status: 'NOT_ELIGIBLE',
    capping_status: statusOf(fault),
  };
}

function statusOf({ fired, quota = 0 }: Fault): string {
  const used = quota === 0 ? 1 : fired / quota;
  return WARNINGS.find(([part]) => used >= part)?.[1] ?? 'NONE';
}

/** What an account may ask about the limits that it is under; by number of the query. */
export const RESTRICTION_QUERIES: Record<string, { path: string; answer: (network: Network, from: Sender) => object }> =
  {
    [QueryIds.REACHOUT_TIMELOCK]: {
      path: XWAPaths.xwa2_fetch_account_reachout_timelock,
      answer: ({ faults }, { account }) =>
        timelockState(faults.fitting('restrict-account', { phone: account.phone })[0]),
    },
    [QueryIds.MESSAGE_CAPPING_INFO]: {
      path: XWAPaths.xwa2_message_capping_info,
      answer: (network, { account }) =>
        cappingState(network, network.faults.fitting('limit-new-chats', { phone: account.phone })[0]),
    },
  };

/**
 * What a client that wants to be linked is told when the account demands a passkey for that: a WebAuthn request, which
 * only an authenticator of the account's owner can answer.
 */
export function passkeyRequest(): Stanza {
  const challenge = randomBytes(32).toString('base64url');
  const allowed = { id: randomBytes(16).toString('base64url'), type: 'public-key', transports: ['internal', 'hybrid'] };
  const options = { challenge, timeout: 60_000, rpId: 'whatsapp.com', allowCredentials: [allowed] };
  const asked = { ...options, userVerification: 'required', extensions: {} };
  return stanza('passkey_request_options', {}, Buffer.from(JSON.stringify(asked)));
}
