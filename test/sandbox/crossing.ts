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

  /** How many chains of keys it keeps for the other side. */
  chains(other: Side): number {
    const { _sessions: sessions } = JSON.parse(this.records.get(other.address.toString())!) as {
      _sessions: Record<string, { _chains: object }>;
    };
    return Object.values(sessions).reduce((sum, { _chains: chains }) => sum + Object.keys(chains).length, 0);
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

/**
 * Two who answer one another so often. Answers what is read in the end of messages that come late, written so many
 * answers before, and how many chains are kept.
 */
export async function answering(
  Cipher: typeof SessionCipher,
  { answers, late }: { answers: number; late: number },
): Promise<{ read: string | undefined; chains: number }> {
  const ours = new Side(Cipher, new ProtocolAddress('ours', 0));
  const theirs = new Side(Cipher, new ProtocolAddress('theirs', 0));
  await ours.begin(theirs);
  await theirs.read(ours, await ours.write(theirs, 'hello'));
  let waiting: Awaited<ReturnType<Side['write']>> | undefined;
  for (let left = answers; left > 0; left--) {
    const written = await theirs.write(ours, 'question');
    if (left === late) waiting = await theirs.write(ours, 'late');
    await ours.read(theirs, written);
    await theirs.read(ours, await ours.write(theirs, 'answer'));
  }
  const read = waiting && (await ours.read(theirs, waiting));
  return { read, chains: ours.chains(theirs) };
}

/** What it has to answer. */
export const READ = ['on the old session', 'on the new session, too'];
