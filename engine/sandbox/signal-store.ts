import { ProtocolAddress, SessionBuilder, SessionRecord, type SignalStorage } from 'libsignal';
import type { Account } from './accounts.ts';
import { Cipher } from './cipher.ts';
import { signalKey } from './keys.ts';
import type { KeyBundle } from './prekeys.ts';
import { SenderKeys } from './sender-keys.ts';
import type { Store } from './store.ts';

/** How libsignal writes a session down: entries by base key, of which at most one is open (`closed: -1`). */
interface SerialisedRecord {
  _sessions: Record<string, { registrationId: number; indexInfo: { closed: number; remoteIdentityKey: string } }>;
}

interface PrekeyRow {
  private: Buffer;
  public: Buffer;
}

/**
 * A phone's Signal sessions. Nothing is written while libsignal works: the changes are kept aside and `commit` writes
 * them, within the transaction that also stores the message and takes it out of the queue. So a crash leaves the
 * session either before the message or after it, never between. One operation at a time; the phone sees to that.
 */
export class SignalStore {
  readonly #store: Store;
  readonly #account: Account;
  readonly #changed = new Map<string, object>();
  readonly #used = new Set<number>();
  readonly #storage: SignalStorage;
  /** What is encrypted for many at once. */
  readonly senderKeys: SenderKeys;

  constructor(store: Store, account: Account) {
    this.#store = store;
    this.#account = account;
    this.senderKeys = new SenderKeys(store, account.phone);
    this.#storage = {
      loadSession: async (address) => this.#load(address),
      storeSession: async (address, record) => void this.#changed.set(address, record.serialize()),
      isTrustedIdentity: () => true,
      loadPreKey: async (id) => this.#preKey(Number(id)),
      removePreKey: (id) => void this.#used.add(id),
      loadSignedPreKey: () => this.#signedPreKey(),
      getOurRegistrationId: () => account.registrationId,
      getOurIdentity: () => ({ privKey: account.identity.private, pubKey: signalKey(account.identity.public) }),
    };
  }

  async encrypt(
    phone: string,
    device: number,
    plaintext: Buffer,
  ): Promise<{ type: 'pkmsg' | 'msg'; ciphertext: Buffer }> {
    const { type, body } = await new Cipher(this.#storage, addressOf(phone, device)).encrypt(plaintext);
    return { type: type === 3 ? 'pkmsg' : 'msg', ciphertext: Buffer.from(body, 'binary') };
  }

  /** Throws when there is no session that fits, or the message was decrypted before. */
  async decrypt(phone: string, device: number, type: string, ciphertext: Buffer): Promise<Buffer> {
    const cipher = new Cipher(this.#storage, addressOf(phone, device));
    if (type === 'pkmsg') return cipher.decryptPreKeyWhisperMessage(ciphertext);
    if (type === 'msg') return cipher.decryptWhisperMessage(ciphertext);
    throw new Error(`cannot decrypt a message of type ${type}`);
  }

  /** Opens a session with what the server has handed out, or a retry receipt has brought. */
  async openSession(phone: string, device: number, bundle: Omit<KeyBundle, 'signedIdentity'>): Promise<void> {
    const { signedPreKey, preKey } = bundle;
    const session = {
      registrationId: bundle.registrationId,
      identityKey: signalKey(bundle.identity),
      signedPreKey: {
        keyId: signedPreKey.id,
        publicKey: signalKey(signedPreKey.public),
        signature: signedPreKey.signature,
      },
      ...(preKey ? { preKey: { keyId: preKey.id, publicKey: signalKey(preKey.public) } } : {}),
    };
    // libsignal does without a one-time key when there is none; its types do not say so
    await new SessionBuilder(this.#storage, addressOf(phone, device)).initOutgoing(
      session as Parameters<SessionBuilder['initOutgoing']>[0],
    );
  }

  /** The open session with a device: whose identity it is with, and which installation. */
  session(phone: string, device: number): { identity: Buffer; registrationId: number } | undefined {
    const record = this.#read(addressOf(phone, device).toString());
    const open = Object.values(record?._sessions ?? {}).find((entry) => entry.indexInfo.closed === -1);
    if (!open) return undefined;
    const identity = Buffer.from(open.indexInfo.remoteIdentityKey, 'base64').subarray(1);
    return { identity, registrationId: open.registrationId };
  }

  /** Forgets the session with a device: the next message to it opens a new one. */
  forget(phone: string, device: number): void {
    const address = addressOf(phone, device).toString();
    this.#changed.delete(address);
    this.#store.run('delete from phone_sessions where phone = ? and address = ?', this.#account.phone, address);
  }

  /** Writes what has changed; to be called within a transaction. */
  commit(): void {
    const { phone, lid } = this.#account;
    // the account may have been deleted, or even made anew under its number, while libsignal was at work
    if (!this.#store.get('select 1 from accounts where phone = ? and lid = ?', phone, lid)) {
      throw new Error('the account is gone');
    }
    for (const [address, record] of this.#changed) {
      this.#store.run(
        'insert or replace into phone_sessions (phone, address, record) values (?, ?, ?)',
        ...[phone, address, JSON.stringify(record)],
      );
    }
    for (const id of this.#used) this.#store.run('delete from phone_prekeys where phone = ? and id = ?', phone, id);
    this.senderKeys.commit();
    this.discard();
  }

  /** Forgets what has changed since the last commit. */
  discard(): void {
    this.#changed.clear();
    this.#used.clear();
    this.senderKeys.discard();
  }

  #read(address: string): SerialisedRecord | undefined {
    const changed = this.#changed.get(address);
    // a copy: libsignal works on the record that it is given even when it fails in the end
    if (changed) return structuredClone(changed) as SerialisedRecord;
    const row = this.#store.get<{ record: string }>(
      'select record from phone_sessions where phone = ? and address = ?',
      ...[this.#account.phone, address],
    );
    return row && (JSON.parse(row.record) as SerialisedRecord);
  }

  #load(address: string): SessionRecord | undefined {
    const record = this.#read(address);
    // libsignal's types call it bytes; it is a plain object
    return record && SessionRecord.deserialize(record as unknown as Uint8Array);
  }

  #preKey(id: number): { privKey: Buffer; pubKey: Buffer } | undefined {
    const row = this.#store.get<PrekeyRow>(
      'select private, public from phone_prekeys where phone = ? and id = ?',
      ...[this.#account.phone, id],
    );
    return row && { privKey: row.private, pubKey: signalKey(row.public) };
  }

  #signedPreKey(): { privKey: Buffer; pubKey: Buffer } {
    const row = this.#store.get<PrekeyRow>(
      'select private, public from signed_prekeys where phone = ? and device = 0',
      this.#account.phone,
    );
    if (!row) throw new Error('the phone has lost its signed prekey');
    return { privKey: row.private, pubKey: signalKey(row.public) };
  }
}

/** Sessions are kept by number, whichever name a message used. */
function addressOf(phone: string, device: number): ProtocolAddress {
  return new ProtocolAddress(phone, device);
}
