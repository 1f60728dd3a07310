import { ProtocolAddress, SessionBuilder, SessionRecord, type SessionCipher, type SignalStorage } from 'libsignal';
import { generateKeyPair, sign, signalKey } from '../../engine/sandbox/keys.ts';

const SIGNED_PREKEY_ID = 1;
const PREKEY_ID = 7;

/** In the form that libsignal works with. */
function keyPair() {
  const { private: privKey, public: pubKey } = generateKeyPair();
  return { privKey, pubKey: signalKey(pubKey) };
}

/** One side of a conversation, by libsignal alone: its keys, and its sessions as they would be written down. */
class Side {
  private readonly identity = keyPair();
  private readonly signed = keyPair();
  private readonly prekey = keyPair();
  private readonly records = new Map<string, string>();

  constructor(
    private readonly Cipher: typeof SessionCipher,
    private readonly address: ProtocolAddress,
  ) {}

  private readonly storage: SignalStorage = {
    loadSession: async (id) => {
      const record = this.records.get(id);
      return record === undefined ? undefined : SessionRecord.deserialize(JSON.parse(record) as Uint8Array);
    },
    storeSession: async (id, record) => void this.records.set(id, JSON.stringify(record.serialize())),
    isTrustedIdentity: () => true,
    loadPreKey: async () => this.prekey,
    removePreKey: () => {},
    loadSignedPreKey: () => this.signed,
    getOurRegistrationId: () => 1,
    getOurIdentity: () => this.identity,
  };

  /** Begins a session with the other side, beside the ones that there are. */
  begin(other: Side): Promise<void> {
    return new SessionBuilder(this.storage, other.address).initOutgoing({
      registrationId: 1,
      identityKey: other.identity.pubKey,
      signedPreKey: {
        keyId: SIGNED_PREKEY_ID,
        publicKey: other.signed.pubKey,
        signature: sign(other.identity.privKey, other.signed.pubKey),
      },
      preKey: { keyId: PREKEY_ID, publicKey: other.prekey.pubKey },
    });
  }

  write(other: Side, text: string) {
    return new this.Cipher(this.storage, other.address).encrypt(Buffer.from(text));
  }

  async read(other: Side, { type, body }: { type: number; body: string }): Promise<string> {
    const cipher = new this.Cipher(this.storage, other.address);
    const ciphertext = Buffer.from(body, 'binary');
    const plain = await (type === 3
      ? cipher.decryptPreKeyWhisperMessage(ciphertext)
      : cipher.decryptWhisperMessage(ciphertext));
    return plain.toString();
  }
}

/**
 * What happens when two write at the same time and one of them begins a new session: a message on the old one arrives
 * after the new one was begun. Answers what the one who began it reads from then on.
 */
export async function crossing(Cipher: typeof SessionCipher): Promise<string[]> {
  const ours = new Side(Cipher, new ProtocolAddress('ours', 0));
  const theirs = new Side(Cipher, new ProtocolAddress('theirs', 0));
  await ours.begin(theirs);
  await theirs.read(ours, await ours.write(theirs, 'hello'));
  await ours.read(theirs, await theirs.write(ours, 'hello to you'));

  await ours.begin(theirs);
  const ahead = await ours.write(theirs, 'on the new session');
  const late = await theirs.write(ours, 'on the old session');
  const read = [await ours.read(theirs, late)];
  await theirs.read(ours, ahead);
  read.push(await ours.read(theirs, await theirs.write(ours, 'on the new session, too')));
  return read;
}

/** What it has to answer. */
export const READ = ['on the old session', 'on the new session, too'];
