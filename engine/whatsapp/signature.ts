import { verifySignature } from 'whatsapp-rust-bridge';

/** Something is not signed by whom it is said to be from. */
export class InvalidSignature extends Error {
  override readonly name = 'InvalidSignature';
}

/**
 * Whether the owner of a Curve25519 key (32 bytes, or 33 with Signal's type byte) has signed the message, as Signal
 * does it (XEdDSA). libsignal's own check in JavaScript takes 10 ms each, and a group of a thousand has thousands of
 * keys to be checked before the first message leaves.
 */
export function isSignedBy(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = signalKey(publicKey);
  if (key.length !== 33 || signature.length !== 64) return false;
  try {
    return verifySignature(key, message, signature);
  } catch {
    // Not every 32 bytes are a point.
    return false;
  }
}

/** A key with the type byte that Signal puts before it. */
export const signalKey = (key: Uint8Array): Buffer =>
  key.length === 33 ? Buffer.from(key) : Buffer.concat([Buffer.of(5), key]);
