import { createHmac, createPublicKey, hkdfSync, verify as verifySignature } from 'node:crypto';
import * as curve from 'libsignal/src/curve.js';

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
  return Buffer.from(curve.calculateSignature(privateKey, message));
}

/**
 * Whether the signature is genuine. Baileys' own `Curve.verify` must not be used here: it answers true whenever
 * libsignal does not throw, and libsignal does not throw on a wrong signature.
 *
 * Signal signs with Curve25519 keys (XEdDSA). The same point written as an Ed25519 key, with the sign that the
 * signature keeps in its last bit, lets Node's own Ed25519 do the work; libsignal's takes a hundred times as long.
 */
export function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array | null | undefined): boolean {
  const key = publicKey.length === 33 ? publicKey.subarray(1) : publicKey;
  if (key.length !== 32 || signature?.length !== 64) return false;
  const plain = Buffer.from(signature);
  const sign = plain.readUInt8(63) & 0x80;
  plain.writeUInt8(plain.readUInt8(63) & 0x7f, 63);
  const point = edwards(key);
  point.writeUInt8(point.readUInt8(31) | sign, 31);
  const der = Buffer.concat([ED25519_DER, point]);
  try {
    return verifySignature(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), plain);
  } catch {
    return false;
  }
}

const ED25519_DER = Buffer.from('302a300506032b6570032100', 'hex');
const P = 2n ** 255n - 19n;

/** The point with the Montgomery coordinate u, as its Edwards coordinate y = (u - 1) / (u + 1), both little-endian. */
function edwards(key: Uint8Array): Buffer {
  const u = BigInt(`0x${Buffer.from(key).reverse().toString('hex')}`) & (2n ** 255n - 1n);
  const y = ((u - 1n + P) * power(u + 1n, P - 2n)) % P;
  return Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse();
}

function power(base: bigint, exponent: bigint): bigint {
  let product = 1n;
  for (let square = base % P; exponent > 0n; square = (square * square) % P, exponent >>= 1n) {
    if (exponent & 1n) product = (product * square) % P;
  }
  return product;
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
