import { jidOf, type Account, type Device, type Sender } from './accounts.ts';
import type { Addressing } from './jid.ts';
import type { Network } from './network.ts';
import { child, now, stanza, type Stanza } from './stanza.ts';

/**
 * Who is there, who types, and who wants to know. None of it is kept: a device that is not connected and `available`
 * is told nothing, as with WhatsApp.
 */
export class Presences {
  readonly #network: Network;
  readonly #available = new Set<string>();
  /** Account → the devices that asked to be told about it, and how they call it. */
  readonly #subscribers = new Map<string, Map<string, { device: Device; addressing: Addressing }>>();

  constructor(network: Network) {
    this.#network = network;
  }

  /** `<presence>`: the device comes or goes, gives its profile name, or wants to know about somebody else. */
  presence(from: Sender, node: Stanza): undefined {
    const { type, name, to } = node.attrs;
    if (type === 'subscribe') return this.#subscribe(from, to);
    if (name !== undefined && name !== '') this.#network.accounts.setPushName(from.account.phone, from.device.id, name);
    if (type !== 'available' && type !== 'unavailable') return undefined;
    if (type === 'available') this.#available.add(keyOf(from.device));
    else this.#available.delete(keyOf(from.device));
    this.#tell(from.account);
  }

  /** `<chatstate>`: somebody types, records or has stopped. Passed on to those who are there to see it. */
  chatstate(from: Pick<Sender, 'account'>, node: Stanza): undefined {
    const to = this.#network.accounts.find(node.attrs['to']);
    const state = child(node);
    if (!to || !state) return undefined;
    for (const device of this.#network.accounts.devices(to.account.phone)) {
      if (!this.#available.has(keyOf(device))) continue;
      const passedOn = stanza('chatstate', { from: jidOf(from.account, to.addressing) }, [state]);
      this.#network.connectionOf(device)?.send(passedOn);
    }
  }

  /** The device's connection is over. */
  gone(device: Device): void {
    for (const subscribers of this.#subscribers.values()) subscribers.delete(keyOf(device));
    const account = this.#network.accounts.get(device.phone);
    if (this.#available.delete(keyOf(device)) && account) this.#tell(account);
  }

  #subscribe(from: Sender, to: string | undefined): undefined {
    const found = this.#network.accounts.find(to);
    if (!found) return undefined;
    const { account, addressing } = found;
    const subscribers = this.#subscribers.get(account.phone) ?? new Map();
    subscribers.set(keyOf(from.device), { device: from.device, addressing });
    this.#subscribers.set(account.phone, subscribers);
    this.#network.connectionOf(from.device)?.send(this.#state(account, addressing));
  }

  #tell(account: Account): void {
    for (const { device, addressing } of this.#subscribers.get(account.phone)?.values() ?? []) {
      this.#network.connectionOf(device)?.send(this.#state(account, addressing));
    }
  }

  #state(account: Account, addressing: Addressing): Stanza {
    const devices = this.#network.accounts.devices(account.phone);
    const there = devices.some((device) => this.#available.has(keyOf(device)));
    const from = jidOf(account, addressing);
    return there ? stanza('presence', { from }) : stanza('presence', { from, type: 'unavailable', last: now() });
  }
}

const keyOf = (device: Device): string => `${device.phone}:${device.id}`;
