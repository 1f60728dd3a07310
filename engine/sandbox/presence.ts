import { jidOf, type Account, type Device, type Sender } from './accounts.ts';
import { participantAttrs } from './group-notices.ts';
import type { Addressing } from './jid.ts';
import type { Network } from './network.ts';
import { hasBlocked, maySee, maySeeOnline } from './privacy.ts';
import { profileValue, setProfileValue } from './profile.ts';
import { child, now, stanza, type Stanza } from './stanza.ts';

export type ChatState = 'composing' | 'recording' | 'paused';

/** What one account sees of another one. */
export interface SeenPresence {
  online: boolean;
  /** Seconds since 1970; null when it is online, or does not let that be seen. */
  lastSeen: number | null;
  /** What it last did in the chat with the asking account, since the sandbox was started. */
  chatState: ChatState | null;
}

/**
 * Who is there, who types, and who wants to know. An account is online while its phone or one of its linked devices is
 * `available`; when the last of them goes, the time is kept. A device is told about others only while it is
 * `available` itself, and only what their privacy settings let its account see.
 */
export class Presences {
  readonly #network: Network;
  /** Devices that are there, phones among them. */
  readonly #available = new Set<string>();
  /** Account → the devices that asked to be told about it, and how they call it. */
  readonly #subscribers = new Map<string, Map<string, { device: Device; addressing: Addressing }>>();
  /** `writer>reader` → what the writer last did in their chat. */
  readonly #chatStates = new Map<string, ChatState>();

  constructor(network: Network) {
    this.#network = network;
  }

  /** `<presence>`: the device comes or goes, gives its profile name, or wants to know about somebody else. */
  presence(from: Sender, node: Stanza): undefined {
    const { type, name, to } = node.attrs;
    if (type === 'subscribe') return this.#subscribe(from, to);
    if (name !== undefined && name !== '') this.#network.accounts.setPushName(from.account.phone, from.device.id, name);
    if (type === 'available' || type === 'unavailable') this.set(from.account, from.device, type);
  }

  /** The device (a linked one, or the phone) comes or goes. */
  set(account: Account, device: Device, state: 'available' | 'unavailable'): void {
    const before = this.isOnline(account.phone);
    if (state === 'available') this.#available.add(keyOf(device));
    else this.#available.delete(keyOf(device));
    const after = this.isOnline(account.phone);
    if (before === after) return;
    if (!after) setProfileValue(this.#network, account.phone, 'last_seen', String(now()));
    this.#tell(account);
  }

  /** The device's connection is over. */
  gone(device: Device): void {
    for (const subscribers of this.#subscribers.values()) subscribers.delete(keyOf(device));
    const account = this.#network.accounts.get(device.phone);
    if (account) this.set(account, device, 'unavailable');
    else this.#available.delete(keyOf(device));
  }

  isOnline(phone: string): boolean {
    return this.#network.accounts.devices(phone).some((device) => this.#available.has(keyOf(device)));
  }

  /** What `viewer` sees of `account`. */
  seenBy(viewer: string, account: Account): SeenPresence {
    const { phone } = account;
    const chatState = this.#chatStates.get(`${phone}>${viewer}`) ?? null;
    if (this.isOnline(phone) && maySeeOnline(this.#network, phone, viewer)) {
      return { online: true, lastSeen: null, chatState };
    }
    const known = maySee(this.#network, phone, 'last', viewer);
    return { online: false, lastSeen: known ? this.#lastSeen(phone) : null, chatState };
  }

  /** `<chatstate>`: somebody types, records or has stopped. Passed on to those who are there to see it. */
  chatstate(from: Pick<Sender, 'account'>, node: Stanza): undefined {
    const to = this.#network.accounts.find(node.attrs['to']);
    const state = child(node);
    if (state && this.#network.groups.get(node.attrs['to'] ?? '')) return this.#inGroup(from.account, node, state);
    if (!to || !state) return undefined;
    const [writer, reader] = [from.account.phone, to.account.phone];
    if (hasBlocked(this.#network, reader, writer) || hasBlocked(this.#network, writer, reader)) return undefined;
    this.#chatStates.set(`${writer}>${reader}`, chatStateOf(state));
    this.#show(to.account, stanza('chatstate', { from: jidOf(from.account, to.addressing) }, [state]));
  }

  /** In a group everybody sees who writes. */
  #inGroup(writer: Account, node: Stanza, state: Stanza): undefined {
    const { groups } = this.#network;
    const jid = node.attrs['to'] ?? '';
    const group = groups.must(jid);
    if (!groups.role(jid, writer.phone)) return undefined;
    const shown = stanza('chatstate', { from: jid, ...participantAttrs(group, writer) }, [state]);
    for (const { account } of groups.members(jid)) if (account.phone !== writer.phone) this.#show(account, shown);
  }

  /** Gives something that is not kept to the devices of an account that are there. */
  #show(account: Account, node: Stanza): void {
    for (const device of this.#network.accounts.devices(account.phone)) {
      if (this.#available.has(keyOf(device))) this.#network.connectionOf(device)?.send(node);
    }
  }

  /** Whoever is not `available` is not served, as with WhatsApp. */
  #subscribe(from: Sender, to: string | undefined): undefined {
    const found = this.#network.accounts.find(to);
    if (!found || !this.#available.has(keyOf(from.device))) return undefined;
    const { account, addressing } = found;
    const subscribers = this.#subscribers.get(account.phone) ?? new Map();
    subscribers.set(keyOf(from.device), { device: from.device, addressing });
    this.#subscribers.set(account.phone, subscribers);
    this.#network.connectionOf(from.device)?.send(this.#state(account, addressing, from.account.phone));
  }

  #tell(account: Account): void {
    for (const { device, addressing } of this.#subscribers.get(account.phone)?.values() ?? []) {
      const isThere = this.#available.has(keyOf(device));
      // who may not see that somebody is online is not told that they go, either
      if (!isThere || !maySeeOnline(this.#network, account.phone, device.phone)) continue;
      this.#network.connectionOf(device)?.send(this.#state(account, addressing, device.phone));
    }
  }

  #state(account: Account, addressing: Addressing, viewer: string): Stanza {
    const from = jidOf(account, addressing);
    const { online, lastSeen } = this.seenBy(viewer, account);
    return online
      ? stanza('presence', { from })
      : stanza('presence', { from, type: 'unavailable', last: lastSeen ?? 'deny' });
  }

  /** An account that was never online has been on its phone when it was made. */
  #lastSeen(phone: string): number {
    const seen = profileValue(this.#network, phone, 'last_seen');
    if (seen !== undefined) return Number(seen.value);
    return (
      this.#network.store.get<{ created: number }>('select created from accounts where phone = ?', phone)?.created ??
      now()
    );
  }
}

function chatStateOf(state: Stanza): ChatState {
  if (state.attrs['media'] === 'audio') return 'recording';
  return state.tag === 'composing' ? 'composing' : 'paused';
}

const keyOf = (device: Pick<Device, 'phone' | 'id'>): string => `${device.phone}:${device.id}`;
