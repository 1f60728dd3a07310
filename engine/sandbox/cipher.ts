import { SessionCipher } from 'libsignal';

/** What libsignal keeps of one session with a device; its types do not know it. */
interface Entry {
  /** By the key with which each was begun, the oldest first. */
  _chains: Record<string, { chainType: number }>;
  serialize(): object;
  constructor: { deserialize(serialized: object): Entry };
}

interface Attempts {
  doDecryptWhisperMessage(message: Buffer, session: Entry): Promise<Buffer>;
}

const attempts = SessionCipher.prototype as unknown as Attempts;

/**
 * Decrypts as phones do. libsignal tries a message on one session after the other and writes all of them down in the
 * end, the ones on which it failed with their ratchet moved on: those are broken from then on. Here a session on which
 * a message failed is as it was before. And of the chains with which messages are read, one for every answer, it keeps
 * all; phones keep the latest five.
 */
export class Cipher extends SessionCipher {
  async doDecryptWhisperMessage(message: Buffer, session: Entry): Promise<Buffer> {
    const before = session.constructor.deserialize(session.serialize());
    try {
      const plaintext = await attempts.doDecryptWhisperMessage.call(this, message, session);
      keepLatest(session._chains);
      return plaintext;
    } catch (error) {
      Object.assign(session, before);
      throw error;
    }
  }
}

const RECEIVING = 2;
const CHAINS_KEPT = 5;

function keepLatest(chains: Entry['_chains']): void {
  const read = Object.entries(chains).filter(([, { chainType }]) => chainType === RECEIVING);
  for (const [key] of read.slice(0, -CHAINS_KEPT)) delete chains[key];
}
