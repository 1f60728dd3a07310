import { SessionCipher } from 'libsignal';

/** What libsignal keeps of one session with a device; its types do not know it. */
interface Entry {
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
 * a message failed is as it was before.
 */
export class Cipher extends SessionCipher {
  async doDecryptWhisperMessage(message: Buffer, session: Entry): Promise<Buffer> {
    const before = session.constructor.deserialize(session.serialize());
    try {
      return await attempts.doDecryptWhisperMessage.call(this, message, session);
    } catch (error) {
      Object.assign(session, before);
      throw error;
    }
  }
}
