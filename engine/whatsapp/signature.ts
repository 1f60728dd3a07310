import { createPublicKey, verify } from 'node:crypto';

/** Something is not signed by whom it is said to be from. */
export class InvalidSignature extends Error {
  override readonly name = 'InvalidSignature';
}

/**
 * Whether the owner of a Curve25519 key (32 bytes, or 33 with Signal's type byte) has signed the message.
 *
 * Signal signs with XEdDSA. The same point written as an Ed25519 key, with the sign that the signature keeps in its
 * last bit, lets OpenSSL do the work: libsignal's own takes 8 ms each, and a group of a thousand has thousands of keys
 * to be checked before the first message leaves.
 */
export function isSignedBy(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = publicKey.length === 33 ? publicKey.subarray(1) : publicKey;
  if (key.length !== 32 || signature.length !== 64) return false;
  const plain = Buffer.from(signature);
  const sign = plain[63]! & 0x80;
  plain[63]! &= 0x7f;
  const point = edwards(key);
  point[31]! |= sign;
  try {
    const ed25519 = createPublicKey({ key: Buffer.concat([DER_HEAD, point]), format: 'der', type: 'spki' });
    return verify(null, message, ed25519, plain);
  } catch {
    // Not every 32 bytes are a point.
    return false;
  }
}

const DER_HEAD = Buffer.from('302a300506032b6570032100', 'hex');
const P = 2n ** 255n - 19n;

/** The point with the Montgomery coordinate u as its Edwards coordinate y = (u - 1) / (u + 1), both little-endian. */
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
