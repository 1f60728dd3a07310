import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { SandboxError } from './problem.ts';

/** What the keys of a kind of media are derived for; a file of one kind cannot be passed off as another. */
const KEYS_FOR: Record<string, string> = {
  image: 'WhatsApp Image Keys',
  sticker: 'WhatsApp Image Keys',
  video: 'WhatsApp Video Keys',
  audio: 'WhatsApp Audio Keys',
  document: 'WhatsApp Document Keys',
  'thumbnail-link': 'WhatsApp Link Thumbnail Keys',
  'md-msg-hist': 'WhatsApp History Keys',
  'md-app-state': 'WhatsApp App State Keys',
};
const MAC_BYTES = 10;
const SIDECAR_CHUNK = 64 * 1024;
const BLOCK_BYTES = 16;

/** A file as it is uploaded, and what a recipient needs to read it. */
export interface EncryptedFile {
  bytes: Buffer;
  mediaKey: Buffer;
  fileSha256: Buffer;
  fileEncSha256: Buffer;
  fileLength: number;
  /** One MAC per 64 kB, so that a player can check what it has before it has all of it. */
  streamingSidecar: Buffer;
}

/** AES-256-CBC under keys derived from a random media key, with the first ten bytes of an HMAC behind it. */
export function encryptMedia(kind: string, plaintext: Buffer): EncryptedFile {
  const mediaKey = randomBytes(32);
  const { iv, cipherKey, macKey } = keysOf(kind, mediaKey);
  const cipher = createCipheriv('aes-256-cbc', cipherKey, iv);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const bytes = Buffer.concat([ciphertext, macOf(macKey, iv, ciphertext)]);
  return {
    bytes,
    mediaKey,
    fileSha256: sha256(plaintext),
    fileEncSha256: sha256(bytes),
    fileLength: plaintext.length,
    streamingSidecar: sidecar(macKey, Buffer.concat([iv, bytes])),
  };
}

/** What a message says of its file. */
export interface FileClaim {
  mediaKey?: Uint8Array | null;
  fileSha256?: Uint8Array | null;
  fileEncSha256?: Uint8Array | null;
}

/** The file's own bytes. Refuses what is not the file that the message speaks of. */
export function decryptMedia(kind: string, bytes: Buffer, claim: FileClaim): Buffer {
  const { mediaKey, fileSha256, fileEncSha256 } = claim;
  // what is sent to a channel is not encrypted
  if (!mediaKey?.length) return genuine(bytes, fileSha256, 'The file');
  genuine(bytes, fileEncSha256, 'The encrypted file');
  const { iv, cipherKey, macKey } = keysOf(kind, Buffer.from(mediaKey));
  const ciphertext = bytes.subarray(0, -MAC_BYTES);
  const mac = bytes.subarray(-MAC_BYTES);
  if (mac.length !== MAC_BYTES || !timingSafeEqual(mac, macOf(macKey, iv, ciphertext))) {
    throw new SandboxError(422, 'media-forged', `The file's MAC is not that of its ${kind} key.`);
  }
  const decipher = createDecipheriv('aes-256-cbc', cipherKey, iv);
  return genuine(Buffer.concat([decipher.update(ciphertext), decipher.final()]), fileSha256, 'The file');
}

function genuine(bytes: Buffer, hash: Uint8Array | null | undefined, what: string): Buffer {
  if (!hash?.length || sha256(bytes).equals(hash)) return bytes;
  throw new SandboxError(422, 'media-forged', `${what} does not have the hash that the message gives.`);
}

function keysOf(kind: string, mediaKey: Buffer): { iv: Buffer; cipherKey: Buffer; macKey: Buffer } {
  const info = KEYS_FOR[kind];
  if (info === undefined) throw new SandboxError(422, 'unknown-media', `There are no keys for media of kind ${kind}.`);
  const expanded = Buffer.from(hkdfSync('sha256', mediaKey, Buffer.alloc(0), info, 112));
  return { iv: expanded.subarray(0, 16), cipherKey: expanded.subarray(16, 48), macKey: expanded.subarray(48, 80) };
}

function macOf(macKey: Buffer, iv: Buffer, ciphertext: Buffer): Buffer {
  return createHmac('sha256', macKey).update(iv).update(ciphertext).digest().subarray(0, MAC_BYTES);
}

/** Chunks overlap by a block: that block is what the next chunk is decrypted with. */
function sidecar(macKey: Buffer, stream: Buffer): Buffer {
  const macs: Buffer[] = [];
  for (let from = 0; from < stream.length; from += SIDECAR_CHUNK) {
    const chunk = stream.subarray(from, from + SIDECAR_CHUNK + BLOCK_BYTES);
    macs.push(createHmac('sha256', macKey).update(chunk).digest().subarray(0, MAC_BYTES));
  }
  return Buffer.concat(macs);
}

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();
