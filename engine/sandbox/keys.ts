import { createHmac, hkdfSync } from 'node:crypto';
import * as curve from 'libsignal/src/curve.js';
import { calculateSignature, verifySignature } from 'whatsapp-rust-bridge';

/** A Curve25519 key pair; both halves are 32 bytes, without Signal's leading type byte. */
export interface KeyPair {
  private: Buffer;
  public: Buffer;
}

/** The byte Signal puts before a public key (and WhatsApp sends as `<type>` of a key bundle): Curve25519. */
export const KEY_TYPE = Buffer.from([5]);

export function generateKeyPair(): KeyPair {
  const pair = curve.generateKeyPair();
  return { private: Buffer.from(pair.privKey), public: Buffer.from(pair.pubKey).subarray(1) };
}

/** The 33-byte form that libsignal works with. */
export function signalKey(publicKey: Uint8Array): Buffer {
  return publicKey.length === 33 ? Buffer.from(publicKey) : Buffer.concat([KEY_TYPE, publicKey]);
}

export function agree(privateKey: Buffer, publicKey: Uint8Array): Buffer {
  return Buffer.from(curve.calculateAgreement(signalKey(publicKey), privateKey));
}

export function sign(privateKey: Buffer, message: Uint8Array): Buffer {
  return Buffer.from(calculateSignature(privateKey, message));
}

/** Whether the signature is genuine. Baileys' own `Curve.verify` answers true for a wrong one. */
export function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array | null | undefined): boolean {
  const key = signalKey(publicKey);
  if (key.length !== 33 || signature?.length !== 64) return false;
  try {
    return verifySignature(key, message, signature);
  } catch {
    // not every 32 bytes are a point
    return false;
  }
}

export function hkdf(secret: Uint8Array, length: number, salt: Uint8Array, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, length));
}

export function hmac(key: Uint8Array, message: Uint8Array): Buffer {
  return createHmac('sha256', key).update(message).digest();
}

/** Big-endian number of a fixed width, as WhatsApp writes registration ids (4 bytes) and key ids (3 bytes). */
export function bigEndian(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}

export function fromBigEndian(bytes: Uint8Array): number {
  return bytes.length === 0 || bytes.length > 6 ? 0 : Buffer.from(bytes).readUIntBE(0, bytes.length);
}
