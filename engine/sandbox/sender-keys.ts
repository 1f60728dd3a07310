import { BufferJSON } from '@whiskeysockets/baileys';
import {
  GroupCipher,
  GroupSessionBuilder,
  SenderKeyDistributionMessage,
  SenderKeyName,
  SenderKeyRecord,
} from '@whiskeysockets/baileys/lib/Signal/Group/index.js';
import { ProtocolAddress } from 'libsignal';
import type { Store } from './store.ts';

/** A device, for all that sender keys care. */
interface Owner {
  phone: string;
  id: number;
}

/**
 * A phone's sender keys: in every group (and for the status) each device encrypts with a key of its own, once for
 * everybody, and gives that key to the others one by one. As with sessions, nothing is written before `commit`.
 */
export class SenderKeys {
  readonly #store: Store;
  readonly #phone: string;
  readonly #changed = new Map<string, { chat: string; owner: string; record: SenderKeyRecord }>();
  readonly #given: { chat: string; holder: string }[] = [];
  readonly #keys = {
    loadSenderKey: async (name: SenderKeyName) => this.#load(name.getGroupId(), ownerOf(name)),
    storeSenderKey: async (name: SenderKeyName, record: SenderKeyRecord) => {
      const [chat, owner] = [name.getGroupId(), ownerOf(name)];
      this.#changed.set(`${chat} ${owner}`, { chat, owner, record });
    },
  };

  constructor(store: Store, phone: string) {
    this.#store = store;
    this.#phone = phone;
  }

  /** What others need to read what is encrypted from now on. Makes the phone's key when it has none. */
  async distribution(chat: string): Promise<Buffer> {
    const message = await new GroupSessionBuilder(this.#keys).create(this.#name(chat));
    return Buffer.from(message.serialize());
  }

  async encrypt(chat: string, plaintext: Buffer): Promise<Buffer> {
    return Buffer.from(await new GroupCipher(this.#keys, this.#name(chat)).encrypt(plaintext));
  }

  /** Throws when the phone does not have the key, or has used it up to there. */
  async decrypt(chat: string, author: Owner, ciphertext: Buffer): Promise<Buffer> {
    return Buffer.from(await new GroupCipher(this.#keys, this.#name(chat, author)).decrypt(ciphertext));
  }

  /** A device has given its key. One that is known already stays as it is: it may have been used further. */
  async learn(chat: string, author: Owner, distribution: Uint8Array): Promise<void> {
    const message = new SenderKeyDistributionMessage(null, null, null, null, distribution);
    const name = this.#name(chat, author);
    if (this.#load(chat, ownerOf(name)).getSenderKeyState(message.getId())) return;
    await new GroupSessionBuilder(this.#keys).process(name, message);
  }

  /** Who has been given the phone's own key of a chat. */
  holders(chat: string): Set<string> {
    const rows = this.#store.all<{ holder: string }>(
      'select holder from phone_sender_key_holders where phone = ? and chat = ?',
      ...[this.#phone, chat],
    );
    return new Set(rows.map(({ holder }) => holder));
  }

  /** A device is being given the phone's own key. */
  addHolder(chat: string, holder: string): void {
    this.#given.push({ chat, holder });
  }

  /** The phone's own key of a chat is thrown away: the next message makes a new one, for those who are there then. */
  rotate(chat: string): void {
    this.#store.transaction(() => {
      const owner = ownerOf(this.#name(chat));
      this.#changed.delete(`${chat} ${owner}`);
      this.#store.run(
        'delete from phone_sender_keys where phone = ? and chat = ? and owner = ?',
        ...[this.#phone, chat, owner],
      );
      this.#store.run('delete from phone_sender_key_holders where phone = ? and chat = ?', this.#phone, chat);
    });
  }

  /** Writes what has changed; to be called within a transaction. */
  commit(): void {
    for (const { chat, owner, record } of this.#changed.values()) {
      this.#store.run(
        'insert or replace into phone_sender_keys (phone, chat, owner, record) values (?, ?, ?, ?)',
        ...[this.#phone, chat, owner, serialised(record)],
      );
    }
    for (const { chat, holder } of this.#given) {
      this.#store.run(
        'insert or ignore into phone_sender_key_holders (phone, chat, holder) values (?, ?, ?)',
        ...[this.#phone, chat, holder],
      );
    }
    this.discard();
  }

  discard(): void {
    this.#changed.clear();
    this.#given.length = 0;
  }

  #name(chat: string, owner: Owner = { phone: this.#phone, id: 0 }): SenderKeyName {
    return new SenderKeyName(chat, new ProtocolAddress(owner.phone, owner.id));
  }

  /** A copy: the cipher works on the record that it is given even when it fails in the end. */
  #load(chat: string, owner: string): SenderKeyRecord {
    const changed = this.#changed.get(`${chat} ${owner}`);
    const stored = changed
      ? serialised(changed.record)
      : this.#store.get<{ record: string }>(
          'select record from phone_sender_keys where phone = ? and chat = ? and owner = ?',
          ...[this.#phone, chat, owner],
        )?.record;
    return stored === undefined ? new SenderKeyRecord() : SenderKeyRecord.deserialize(Buffer.from(stored));
  }
}

const serialised = (record: SenderKeyRecord): string => JSON.stringify(record.serialize(), BufferJSON.replacer);

/** Keys are kept by number, whichever name a message used. */
function ownerOf(name: SenderKeyName): string {
  const { id, deviceId } = name.getSender();
  return `${id}.${deviceId}`;
}
