import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Thrown when sealed data was written under another key, or was changed on disk. */
export class SealError extends Error {
  override readonly name = 'SealError';
}

/**
 * Seals secrets for the disk with AES-256-GCM. `place` (say, `key:3:session:1234.0`) is authenticated with the data,
 * so that a sealed value moved to another row does not open there.
 */
export class Seal {
  constructor(private readonly key: Buffer) {}

  close(plain: Buffer, place: string): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce).setAAD(Buffer.from(place));
    const body = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), body]);
  }

  /** As {@link open}, but `undefined` for what does not open. */
  tryOpen(sealed: Buffer, place: string): Buffer | undefined {
    try {
      return this.open(sealed, place);
    } catch (error) {
      if (error instanceof SealError) return undefined;
      throw error;
    }
  }

  open(sealed: Buffer, place: string): Buffer {
    try {
      if (sealed[0] !== VERSION) throw new Error(`unknown version ${sealed[0]}`);
      const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
      const tag = sealed.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES);
      // Without its length, a tag cut down to four bytes would be taken.
      const decipher = createDecipheriv('aes-256-gcm', this.key, nonce, { authTagLength: TAG_BYTES })
        .setAAD(Buffer.from(place))
        .setAuthTag(tag);
      return Buffer.concat([decipher.update(sealed.subarray(1 + NONCE_BYTES + TAG_BYTES)), decipher.final()]);
    } catch (cause) {
      throw new SealError(`What is stored at ${place} cannot be opened with this encryption key.`, { cause });
    }
  }
}
