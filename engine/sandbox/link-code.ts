import { createCipheriv, createDecipheriv, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { agree, hkdf, type KeyPair } from './keys.ts';
import { bytes, child, type Stanza } from './stanza.ts';

/**
 * The cryptography of pairing by code. Both sides know eight characters; each sends the other an ephemeral key that is
 * encrypted under them, and with the key on which they then agree the client sends what a QR code would have shown.
 */
const PBKDF2_ROUNDS = 2 << 16;
const derive = promisify(pbkdf2);

/** Opens `companion_finish`: both identities and a random number, under the key that the exchange has led to. */
export function readKeyBundle(
  identity: KeyPair,
  companionIdentity: Buffer,
  expectedRef: string,
  shared: Buffer,
  request: Stanza,
): Buffer | undefined {
  const sealed = bytes(child(request, 'link_code_pairing_wrapped_key_bundle'));
  const ref = bytes(child(request, 'link_code_pairing_ref')).toString();
  const key = hkdf(shared, 32, sealed.subarray(0, 32), 'link_code_pairing_key_bundle_encryption_key');
  const opened = openGcm(key, sealed.subarray(32, 44), sealed.subarray(44));
  if (ref !== expectedRef || opened?.length !== 96) return undefined;
  const [companion, primary, random] = [opened.subarray(0, 32), opened.subarray(32, 64), opened.subarray(64)];
  if (!companion.equals(companionIdentity) || !primary.equals(identity.public)) return undefined;
  const secret = Buffer.concat([shared, agree(identity.private, companion), random]);
  return hkdf(secret, 32, Buffer.alloc(0), 'adv_secret');
}

function openGcm(key: Buffer, iv: Buffer, sealed: Buffer): Buffer | undefined {
  if (iv.length !== 12 || sealed.length < 16) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, iv);
  decipher.setAuthTag(sealed.subarray(-16));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** An ephemeral key under the code: salt, IV, AES-CTR. Nothing tells whether the code was right. */
export async function wrap(publicKey: Buffer, code: string): Promise<Buffer> {
  const [salt, iv] = [randomBytes(32), randomBytes(16)];
  const cipher = createCipheriv('aes-256-ctr', await derive(code, salt, PBKDF2_ROUNDS, 32, 'sha256'), iv);
  return Buffer.concat([salt, iv, cipher.update(publicKey), cipher.final()]);
}

export async function unwrap(wrapped: Buffer, code: string): Promise<Buffer> {
  const key = await derive(code, wrapped.subarray(0, 32), PBKDF2_ROUNDS, 32, 'sha256');
  const decipher = createDecipheriv('aes-256-ctr', key, wrapped.subarray(32, 48));
  return Buffer.concat([decipher.update(wrapped.subarray(48, 80)), decipher.final()]);
}
