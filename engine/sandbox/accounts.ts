import { randomBytes, randomInt } from 'node:crypto';
import { bigEndian, generateKeyPair, sign, signalKey, type KeyPair } from './keys.ts';
import { formatJid, parseJid, parsePhone, type Addressing } from './jid.ts';
import { SandboxError } from './problem.ts';
import { USERS, now } from './stanza.ts';
import type { Store } from './store.ts';

/** A WhatsApp account. Its number names it inside the sandbox; its LID is the other name that others may use. */
export interface Account {
  phone: string;
  /** User part of the LID. */
  lid: string;
  name: string;
  about: string;
  /** The phone's Signal identity. It also signs the account's device list and every linked device. */
  identity: KeyPair;
  registrationId: number;
  rawId: number;
}

/** One device of an account. 0 is the phone, the others are linked. */
export interface Device {
  phone: string;
  id: number;
  registrationId: number;
  identity: Buffer;
  /** What the device must prove to own in the handshake; the phone has none, it does not connect over a socket. */
  noiseKey: Buffer | undefined;
  keyIndex: number;
  /** ADVSignedDeviceIdentity with both signatures, handed out with the device's key bundle. */
  signedIdentity: Buffer | undefined;
  platform: string;
  /** The profile name that the device last gave, at login or in its presence. */
  pushName: string | undefined;
  bootstrapped: boolean;
  lastSeen: number | undefined;
}

/** Who sent a stanza. */
export interface Sender {
  account: Account;
  device: Device;
}

/** WhatsApp lets an account link four devices besides the phone. */
export const MAX_LINKED_DEVICES = 4;
const FIRST_PREKEYS = 100;

interface AccountRow {
  phone: string;
  lid: string;
  name: string;
  about: string;
  identity_private: Buffer;
  identity_public: Buffer;
  registration_id: number;
  raw_id: number;
}

interface DeviceRow {
  phone: string;
  id: number;
  registration_id: number;
  identity: Buffer;
  noise_key: Buffer | null;
  key_index: number;
  signed_identity: Buffer | null;
  platform: string;
  push_name: string | null;
  bootstrapped: number;
  last_seen: number | null;
}

/** Every account and device there is, and who is meant by a jid. */
export class Accounts {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Creates the account together with its phone's keys: identity, signed prekey, one-time prekeys, app-state key. */
  create(phone: string, name: string): Account {
    const store = this.#store;
    return store.transaction(() => {
      if (this.get(phone)) {
        throw new SandboxError(
          409,
          'phone-exists',
          `+${phone} already has an account. Delete it first to start afresh.`,
        );
      }
      const identity = generateKeyPair();
      const registrationId = randomInt(1, 16380);
      store.run(
        `insert into accounts (phone, lid, name, identity_private, identity_public, registration_id, raw_id, created)
         values (?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[
          phone,
          this.#freeLid(),
          name,
          identity.private,
          identity.public,
          registrationId,
          randomInt(1, 2 ** 31),
          now(),
        ],
      );
      store.run(
        'insert into devices (phone, id, registration_id, identity, platform, created) values (?, 0, ?, ?, ?, ?)',
        ...[phone, registrationId, identity.public, 'android', now()],
      );
      this.#addPhoneKeys(phone, identity);
      // an app-state key is named by the device that made it (2 bytes) and a counter (4 bytes)
      const keyId = Buffer.concat([bigEndian(0, 2), bigEndian(randomInt(1, 2 ** 31), 4)]);
      store.run(
        'insert into app_state_keys (phone, id, key, created) values (?, ?, ?, ?)',
        ...[phone, keyId, randomBytes(32), now()],
      );
      return this.must(phone);
    });
  }

  /** The keys that others open sessions with the phone by: a signed prekey, and one-time prekeys. */
  #addPhoneKeys(phone: string, identity: KeyPair): void {
    const signed = generateKeyPair();
    this.#store.run(
      'insert into signed_prekeys (phone, device, id, public, signature, private) values (?, 0, 1, ?, ?, ?)',
      ...[phone, signed.public, sign(identity.private, signalKey(signed.public)), signed.private],
    );
    this.addPhonePrekeys(phone, FIRST_PREKEYS);
  }

  /**
   * WhatsApp is installed anew under the number, on this phone or another one: it has a new identity and new keys, and
   * none of its sessions. Chats come back from the backup; linked devices are for the caller to remove.
   */
  reinstall(phone: string): Account {
    return this.#store.transaction(() => {
      const identity = generateKeyPair();
      const registrationId = randomInt(1, 16380);
      this.#store.run(
        'update accounts set identity_private = ?, identity_public = ?, registration_id = ?, raw_id = ? where phone = ?',
        ...[identity.private, identity.public, registrationId, randomInt(1, 2 ** 31), phone],
      );
      this.#store.run(
        'update devices set registration_id = ?, identity = ? where phone = ? and id = 0',
        ...[registrationId, identity.public, phone],
      );
      for (const table of ['signed_prekeys', 'prekeys']) {
        this.#store.run(`delete from ${table} where phone = ? and device = 0`, phone);
      }
      for (const table of ['phone_prekeys', 'phone_sessions', 'phone_sender_keys', 'phone_sender_key_holders']) {
        this.#store.run(`delete from ${table} where phone = ?`, phone);
      }
      this.#addPhoneKeys(phone, identity);
      return this.must(phone);
    });
  }

  /** Makes one-time prekeys of a phone: the private halves stay on the phone, the public ones go to the server. */
  addPhonePrekeys(phone: string, count: number): void {
    const last = this.#store.get<{ id: number | null }>(
      'select max(id) as id from phone_prekeys where phone = ?',
      phone,
    );
    const known = this.#store.get<{ id: number | null }>(
      'select max(id) as id from prekeys where phone = ? and device = 0',
      phone,
    );
    const first = Math.max(last?.id ?? 0, known?.id ?? 0) + 1;
    for (let id = first; id < first + count; id++) {
      this.#store.run(
        'insert into prekeys (phone, device, id, public) values (?, 0, ?, ?)',
        ...[phone, id, this.addPhonePrekey(phone, id)],
      );
    }
  }

  /** Makes one prekey that only the phone knows; returns its public half. */
  addPhonePrekey(phone: string, id: number): Buffer {
    const pair = generateKeyPair();
    this.#store.run(
      'insert into phone_prekeys (phone, id, private, public) values (?, ?, ?, ?)',
      ...[phone, id, pair.private, pair.public],
    );
    return pair.public;
  }

  get(phone: string): Account | undefined {
    return account(this.#store.get<AccountRow>('select * from accounts where phone = ?', phone));
  }

  /** The account of this number, or a problem that says that there is none. */
  must(phone: string): Account {
    const digits = parsePhone(phone);
    const found = this.get(digits);
    if (!found) {
      throw new SandboxError(
        404,
        'unknown-phone',
        `No account has the number +${digits}. Create it with POST /sandbox/phones {"phone": "${digits}"}.`,
      );
    }
    return found;
  }

  list(): Account[] {
    return this.#store.all<AccountRow>('select * from accounts order by created, phone').map((row) => toAccount(row));
  }

  /** Whom a jid means, and whether it speaks of them by number or by LID. */
  find(jid: string | undefined): { account: Account; device: number; addressing: Addressing } | undefined {
    const parsed = parseJid(jid);
    if (!parsed) return undefined;
    if (parsed.server === 'lid') {
      const row = this.#store.get<AccountRow>('select * from accounts where lid = ?', parsed.user);
      return row && { account: toAccount(row), device: parsed.device, addressing: 'lid' };
    }
    if (parsed.server !== USERS) return undefined;
    const found = this.get(parsed.user);
    return found && { account: found, device: parsed.device, addressing: 'pn' };
  }

  /** What a person writes as a recipient: digits, +E.164, a jid or a LID. */
  recipient(written: string): { account: Account; addressing: Addressing } {
    if (!written.includes('@')) return { account: this.must(written), addressing: 'pn' };
    const found = this.find(written);
    if (found) return found;
    const server = parseJid(written)?.server;
    if (server === USERS || server === 'lid') {
      throw new SandboxError(404, 'unknown-phone', `No account of this sandbox has the jid ${written}.`);
    }
    throw new SandboxError(
      422,
      'unsupported-recipient',
      `"${written}" is not a person: this sandbox delivers to phone numbers, …@${USERS} and …@lid.`,
    );
  }

  devices(phone: string): Device[] {
    return this.#store
      .all<DeviceRow>('select * from devices where phone = ? order by id', phone)
      .map((row) => toDevice(row));
  }

  device(phone: string, id: number): Device | undefined {
    const row = this.#store.get<DeviceRow>('select * from devices where phone = ? and id = ?', phone, id);
    return row && toDevice(row);
  }

  /** Ids are never used twice: a client that was removed must not meet its successor's stanzas. */
  takeDeviceId(phone: string): number {
    const row = this.#store.get<{ next_device: number }>('select next_device from accounts where phone = ?', phone);
    // 99 is what WhatsApp calls a device that Meta hosts
    const id = row?.next_device === 99 ? 100 : (row?.next_device ?? 1);
    this.#store.run('update accounts set next_device = ? where phone = ?', id + 1, phone);
    return id;
  }

  addDevice(device: Omit<Device, 'bootstrapped' | 'lastSeen'>): void {
    this.#store.run(
      `insert into devices (phone, id, registration_id, identity, noise_key, key_index, signed_identity, platform,
       push_name, created) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[device.phone, device.id, device.registrationId, device.identity, device.noiseKey ?? null, device.keyIndex],
      ...[device.signedIdentity ?? null, device.platform, device.pushName ?? null, now()],
    );
  }

  removeDevice(phone: string, id: number): void {
    this.#store.transaction(() => {
      this.#store.run('delete from devices where phone = ? and id = ?', phone, id);
      for (const table of ['signed_prekeys', 'prekeys', 'outbox']) {
        this.#store.run(`delete from ${table} where phone = ? and device = ?`, phone, id);
      }
    });
  }

  setPushName(phone: string, id: number, name: string): void {
    this.#store.run('update devices set push_name = ? where phone = ? and id = ?', name, phone, id);
  }

  setLastSeen(phone: string, id: number): void {
    this.#store.run('update devices set last_seen = ? where phone = ? and id = ?', now(), phone, id);
  }

  setBootstrapped(phone: string, id: number): void {
    this.#store.run('update devices set bootstrapped = 1 where phone = ? and id = ?', phone, id);
  }

  setName(phone: string, name: string): void {
    this.#store.run('update accounts set name = ? where phone = ?', name, phone);
  }

  setAbout(phone: string, about: string): void {
    this.#store.run('update accounts set about = ? where phone = ?', about, phone);
  }

  /** Remembers that an account asked for another's devices, so that it is told when they change. */
  watch(phone: string, watcher: string): void {
    if (phone === watcher) return;
    this.#store.run('insert or ignore into watchers (phone, watcher) values (?, ?)', phone, watcher);
  }

  watchers(phone: string): string[] {
    return this.#store
      .all<{ watcher: string }>('select watcher from watchers where phone = ? order by watcher', phone)
      .map((row) => row.watcher);
  }

  #freeLid(): string {
    for (;;) {
      const lid = String(randomInt(1, 10)) + String(randomInt(10 ** 13, 10 ** 14 - 1));
      if (!this.#store.get('select 1 from accounts where lid = ?', lid)) return lid;
    }
  }
}

/** The jid of an account, or of one of its devices. */
export function jidOf(account: Pick<Account, 'phone' | 'lid'>, addressing: Addressing, device = 0): string {
  return addressing === 'lid' ? formatJid(account.lid, device, 'lid') : formatJid(account.phone, device, USERS);
}

function account(row: AccountRow | undefined): Account | undefined {
  return row && toAccount(row);
}

function toAccount(row: AccountRow): Account {
  const { phone, lid, name, about } = row;
  const identity = { private: row.identity_private, public: row.identity_public };
  return { phone, lid, name, about, identity, registrationId: row.registration_id, rawId: row.raw_id };
}

function toDevice(row: DeviceRow): Device {
  return {
    phone: row.phone,
    id: row.id,
    registrationId: row.registration_id,
    identity: row.identity,
    noiseKey: row.noise_key ?? undefined,
    keyIndex: row.key_index,
    signedIdentity: row.signed_identity ?? undefined,
    platform: row.platform,
    pushName: row.push_name ?? undefined,
    bootstrapped: row.bootstrapped === 1,
    lastSeen: row.last_seen ?? undefined,
  };
}
