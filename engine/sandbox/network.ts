import { randomBytes } from 'node:crypto';
import { Accounts, jidOf, type Account, type Device } from './accounts.ts';
import { loadServerIdentity, type ServerIdentity } from './certificates.ts';
import { Calls } from './calls.ts';
import { Channels } from './channels.ts';
import type { Connection } from './connection.ts';
import { deviceRemoved } from './endings.ts';
import { Faults, type Fault, type FaultRequest } from './faults.ts';
import { Groups } from './groups.ts';
import { parseJid, parsePhone } from './jid.ts';
import { MediaHost } from './media-host.ts';
import { Outbox } from './outbox.ts';
import { Pairing, type PairingTimes } from './pairing.ts';
import { Phone } from './phone.ts';
import { PolicyServer } from './policy.ts';
import { Presences } from './presence.ts';
import { SandboxError } from './problem.ts';
import { Restrictions } from './restrictions.ts';
import { USERS, now, stanza, type Stanza } from './stanza.ts';
import type { Store } from './store.ts';
import { Damage } from './undecryptable.ts';
import { WireLog } from './wire-log.ts';

/** The part of pino's logger that the sandbox uses. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Everything one sandbox consists of; what the files named after protocol nouns work on. */
export class Network {
  readonly store: Store;
  readonly logger: Logger;
  readonly identity: ServerIdentity;
  readonly accounts: Accounts;
  readonly outbox: Outbox;
  readonly media: MediaHost;
  readonly faults: Faults;
  readonly wire = new WireLog();
  readonly pairing: Pairing;
  readonly presences: Presences;
  readonly calls: Calls;
  readonly channels: Channels;
  readonly restrictions: Restrictions;
  readonly policy: PolicyServer;
  readonly damage: Damage;
  readonly groups: Groups;
  /** Every socket that is open, logged in or not. */
  readonly connections = new Set<Connection>();
  readonly #online = new Map<string, Connection>();
  readonly #phones = new Map<string, Phone>();
  /** `host:port` that clients reach the sandbox by; known once it listens. */
  host = '';

  /** Unix milliseconds, for what an account may do in a time and what it is not allowed for a time. */
  readonly now: () => number;

  constructor(store: Store, logger: Logger, times: PairingTimes, now: () => number = Date.now) {
    this.store = store;
    this.logger = logger;
    this.now = now;
    this.faults = new Faults(now);
    this.identity = loadServerIdentity(store);
    this.accounts = new Accounts(store);
    this.outbox = new Outbox(store, (to, node) => this.#push(to, node));
    this.media = new MediaHost(store, () => this.host);
    this.pairing = new Pairing(this, times);
    this.presences = new Presences(this);
    this.calls = new Calls(this);
    this.channels = new Channels(this);
    this.restrictions = new Restrictions(this);
    this.policy = new PolicyServer(this);
    this.damage = new Damage(this);
    this.groups = new Groups(this);
    for (const account of this.accounts.list()) this.addPhone(account);
  }

  addPhone(account: Account): Phone {
    const phone = new Phone(this, account);
    this.#phones.set(account.phone, phone);
    phone.wake();
    return phone;
  }

  phone(number: string): Phone {
    const account = this.accounts.must(number);
    return this.#phones.get(account.phone) ?? this.addPhone(account);
  }

  phones(): Phone[] {
    return [...this.#phones.values()];
  }

  /** The account is gone: its linked devices are logged out, its phone stops. */
  removeAccount(account: Account): void {
    for (const device of this.accounts.devices(account.phone)) if (device.id > 0) this.removeDevice(account, device);
    this.groups.leaveAll(account);
    void this.#phones.get(account.phone)?.stop();
    this.#phones.delete(account.phone);
    this.store.removeAccount(account.phone);
  }

  /**
   * WhatsApp is installed anew on the account's phone. Linked devices are logged out with that, and everybody who has
   * asked for the account's devices is told that its identity has changed.
   */
  async reinstall(account: Account): Promise<void> {
    const { phone } = account;
    await this.#phones.get(phone)?.stop();
    for (const device of this.accounts.devices(phone)) if (device.id > 0) this.removeDevice(account, device);
    this.store.transaction(() => {
      this.accounts.reinstall(phone);
      const from = jidOf(account, 'pn');
      for (const to of this.accounts.watchers(phone).flatMap((watcher) => this.accounts.devices(watcher))) {
        if (to.id === 0) continue;
        const attrs = { from, type: 'encrypt', id: this.newId(), t: now(), lid: jidOf(account, 'lid') };
        this.outbox.enqueue(to, stanza('notification', attrs, [stanza('identity')]), from);
      }
    });
    this.addPhone(this.accounts.must(phone));
  }

  /** A linked device is no more: it is told so if it is here, and refused (401) when it comes. */
  removeDevice(account: Account, device: Device): void {
    this.store.transaction(() => {
      this.accounts.removeDevice(account.phone, device.id);
      this.announceDevices(account, 'remove', device);
    });
    this.connectionOf(device)?.end(deviceRemoved());
  }

  /** Tells the account's other devices, and everybody who has asked for its device list, that it has changed. */
  announceDevices(account: Account, change: 'add' | 'remove', device: Device): void {
    const changed = stanza(change, { device_hash: `2:${randomBytes(6).toString('base64').slice(0, 8)}` }, [
      stanza('device', {
        jid: jidOf(account, 'pn', device.id),
        lid: jidOf(account, 'lid', device.id),
        'key-index': change === 'add' ? device.keyIndex : undefined,
      }),
      stanza('key-index-list', { ts: now() }),
    ]);
    for (const watcher of [account.phone, ...this.accounts.watchers(account.phone)]) {
      for (const to of this.accounts.devices(watcher)) {
        if (to.id === 0 || (watcher === account.phone && to.id === device.id)) continue;
        const from = jidOf(account, 'pn');
        const attrs = { from, type: 'devices', id: this.newId(), t: now(), lid: jidOf(account, 'lid') };
        this.outbox.enqueue(to, stanza('notification', attrs, [changed]), from);
      }
    }
  }

  /** A logged-in connection takes the place of the one that the device had before, if any. */
  setOnline(device: Device, connection: Connection): Connection | undefined {
    const key = keyOf(device);
    const before = this.#online.get(key);
    this.#online.set(key, connection);
    return before;
  }

  setOffline(device: Device, connection: Connection): void {
    if (this.#online.get(keyOf(device)) !== connection) return;
    this.#online.delete(keyOf(device));
    this.accounts.setLastSeen(device.phone, device.id);
    this.presences.gone(device);
  }

  connectionOf(device: Pick<Device, 'phone' | 'id'>): Connection | undefined {
    return this.#online.get(keyOf(device));
  }

  /** Does something right after the stanza that is being dealt with has been answered. */
  soon(work: () => void): void {
    queueMicrotask(() => {
      try {
        work();
      } catch (error) {
        this.logger.error({ err: error }, 'what was to follow an answer has failed');
      }
    });
  }

  /** Id for a stanza that the server itself starts. */
  newId(): string {
    return randomBytes(8).toString('hex').toUpperCase();
  }

  /** What is meant by `device` (a jid by number or LID, or with `phone` its number) and `phone`. */
  whom(phone: string | undefined, device: string | number | undefined): { phone?: string; device?: number } {
    const digits = phone === undefined ? undefined : parsePhone(phone);
    if (device === undefined) return digits === undefined ? {} : { phone: digits };
    const jid = typeof device === 'string' ? parseJid(device) : undefined;
    if (jid?.server === USERS) return { phone: parsePhone(jid.user), device: jid.device };
    const byLid = typeof device === 'string' ? this.accounts.find(device) : undefined;
    if (byLid) return { phone: byLid.account.phone, device: byLid.device };
    const short = /^(?:(\d+):)?(\d{1,4})$/.exec(String(device));
    const owner = short?.[1] ?? digits;
    if (short && owner !== undefined) return { phone: parsePhone(owner), device: Number(short[2]) };
    throw new SandboxError(
      422,
      'invalid-device',
      `"${device}" does not name a device: give its jid (for example 491511234567:1@${USERS}), or "phone" and its number.`,
    );
  }

  /** Adds a fault; what is to happen at once, happens before this returns. */
  addFault(request: FaultRequest): Fault {
    const { phone, device } = { phone: undefined, device: undefined, ...request };
    const fault = this.faults.add(request, this.whom(phone, device));
    this.restrictions.began(fault);
    if (fault.fault !== 'drop' && fault.fault !== 'close' && fault.fault !== 'half-open') return fault;
    if (fault.match !== undefined || fault.after !== undefined || fault.at === 'login') return fault;
    for (const connection of this.connections) {
      const { account, device: connected } = connection;
      if (fault.phone !== undefined && account?.phone !== fault.phone) continue;
      if (fault.device !== undefined && connected?.id !== fault.device) continue;
      if (!fault.active) break;
      this.faults.fired(fault);
      connection.cut(fault);
    }
    fault.active = false;
    return fault;
  }

  /** Removes one fault, or all; who was told that it began is told that it is over. */
  removeFaults(id?: number): void {
    const ended = this.faults.list().filter((fault) => id === undefined || fault.id === id);
    this.faults.remove(id);
    for (const fault of ended) this.restrictions.ended(fault);
  }

  #push(to: Pick<Device, 'phone' | 'id'>, node: Stanza): void {
    if (to.id === 0) {
      this.#phones.get(to.phone)?.wake();
      return;
    }
    const connection = this.connectionOf(to);
    if (connection?.active) connection.send(node);
  }
}

const keyOf = (device: Pick<Device, 'phone' | 'id'>): string => `${device.phone}:${device.id}`;
