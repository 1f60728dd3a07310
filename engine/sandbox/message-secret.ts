import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/**
 * What is done with a secret that a message carries: only who has the message can vote in it, answer it or change it,
 * and the server cannot see how.
 */
export type Purpose = 'Poll Vote' | 'Event Response' | 'Enc Reaction' | 'Message Edit' | 'Event Edit';

/** Which message it is about, and who says it; jids without a device, as both sides call each other. */
export interface SecretContext {
  messageId: string;
  author: string;
  sender: string;
  secret: Uint8Array;
}

export interface Sealed {
  encPayload: Buffer;
  encIv: Buffer;
}

const TAG_BYTES = 16;

export function seal(purpose: Purpose, context: SecretContext, plaintext: Uint8Array): Sealed {
  const encIv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyOf(purpose, context), encIv).setAAD(boundTo(purpose, context));
  const encPayload = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return { encPayload, encIv };
}

/** Undefined when it was not sealed for this. */
export function unseal(
  purpose: Purpose,
  context: SecretContext,
  sealed: { encPayload?: Uint8Array | null; encIv?: Uint8Array | null },
): Buffer | undefined {
  const payload = Buffer.from(sealed.encPayload ?? []);
  if (payload.length < TAG_BYTES || !sealed.encIv?.length) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', keyOf(purpose, context), sealed.encIv);
  decipher.setAAD(boundTo(purpose, context)).setAuthTag(payload.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(payload.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
}

function keyOf(purpose: Purpose, { messageId, author, sender, secret }: SecretContext): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), `${messageId}${author}${sender}${purpose}`, 32));
}

function boundTo(purpose: Purpose, { messageId, sender }: SecretContext): Buffer {
  const isBound = purpose === 'Poll Vote' || purpose === 'Event Response';
  return Buffer.from(isBound ? `${messageId}\0${sender}` : '');
}
