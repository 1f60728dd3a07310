import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { proto } from '@whiskeysockets/baileys';
import { jidOf } from './accounts.ts';
import type { StoredMessage } from './chats.ts';
import { isViewOnce, mediaOf, type MediaPart, type MessageContent } from './content.ts';
import type { Handset } from './handset.ts';
import { decryptMedia } from './media-cipher.ts';
import { SandboxError } from './problem.ts';
import { bytes, child, now, stanza, type Stanza } from './stanza.ts';

/** A file out of a message, as the person has it. */
export interface MediaFile {
  bytes: Buffer;
  mimetype: string;
  fileName: string | null;
}

/** Phones download what they are sent at once, and have it when the media host has forgotten it. */
export function keepMedia({ network, account }: Handset, content: MessageContent): void {
  const hash = hashOf(mediaOf(content)?.media);
  const path = mediaOf(content)?.media.directPath;
  if (hash && path && network.media.find(path.split('?')[0] ?? '')?.kept) network.media.keepFor(account.phone, hash);
}

/** The file of a message: the phone's copy of it, or what the media host still has. */
export function openMedia(handset: Handset, message: StoredMessage): MediaFile {
  const content = handset.chats.contentOf(message);
  const part = mediaOf(content);
  if (!part) throw new SandboxError(404, 'no-media', `There is no file in message ${message.id}.`);
  const { media, kind } = part;
  const isSeen = handset.chats.marks(message).some((mark) => mark.kind === 'played');
  if (isSeen && isViewOnce(content)) {
    throw new SandboxError(410, 'already-seen', `Message ${message.id} may be seen once, and has been seen.`);
  }
  const encrypted = copyOfPhone(handset, part) ?? handset.network.media.read(media.directPath ?? '');
  if (!encrypted) {
    throw new SandboxError(410, 'media-expired', `The file of message ${message.id} is no longer on the media host.`);
  }
  const fileName = 'fileName' in media ? (media.fileName ?? null) : null;
  const mimetype = media.mimetype ?? 'application/octet-stream';
  return { bytes: decryptMedia(kind, encrypted, media), mimetype, fileName };
}

function copyOfPhone({ network, account }: Handset, { media }: MediaPart): Buffer | undefined {
  const hash = hashOf(media);
  return hash && network.media.isKeptFor(account.phone, hash) ? network.media.bytes(hash) : undefined;
}

/** What a file lies under: the hash of what was uploaded, which for a channel is the file itself. */
function hashOf(media: MediaPart['media'] | undefined): Buffer | undefined {
  const hash = media?.fileEncSha256?.length ? media.fileEncSha256 : media?.fileSha256;
  return hash?.length ? Buffer.from(hash) : undefined;
}

const { SUCCESS, NOT_FOUND, DECRYPTION_ERROR } = proto.MediaRetryNotification.ResultType;

/**
 * `<receipt type=server-error>`: a linked device finds a file no longer on the media host and asks its phone to upload
 * it again. The phone answers with `<notification type=mediaretry>`: the new path, encrypted under the file's key, or
 * why there is none.
 */
export function answerMediaRetry(handset: Handset, receipt: Stanza): void {
  const { network, account } = handset;
  const { id = '', from } = receipt.attrs;
  const asker = network.accounts.find(from);
  const device = asker && network.accounts.device(account.phone, asker.device);
  const rmr = child(receipt, 'rmr');
  if (asker?.account.phone !== account.phone || !device || !rmr) return;
  const attrs = { from: jidOf(account, asker.addressing), id, type: 'mediaretry', t: now() };
  const answer = stanza('notification', attrs, [...retryAnswer(handset, receipt, rmr, id), rmr]);
  network.outbox.enqueue(device, answer, attrs.from);
}

function retryAnswer(handset: Handset, receipt: Stanza, rmr: Stanza, id: string): Stanza[] {
  const message = messageOf(handset, rmr, id);
  const part = message && mediaOf(handset.chats.contentOf(message));
  const key = part?.media.mediaKey;
  if (!part || !key?.length) return [stanza('error', { code: NOT_FOUND })];
  const retryKey = Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), 'WhatsApp Media Retry Notification', 32));
  if (!isAskedFor(retryKey, receipt, id)) return [stanza('error', { code: DECRYPTION_ERROR })];
  const copy = copyOfPhone(handset, part);
  const hash = hashOf(part.media);
  if (!copy || !hash) return [sealed(retryKey, id, { stanzaId: id, result: NOT_FOUND })];
  const { directPath } = handset.network.media.place(part.kind, hash, copy.length);
  return [sealed(retryKey, id, { stanzaId: id, directPath, result: SUCCESS })];
}

/** The message that `<rmr>` names: its chat, whether it is our own, and in a group its author. */
function messageOf(handset: Handset, rmr: Stanza, id: string): StoredMessage | undefined {
  const { jid, from_me: fromMe, participant } = rmr.attrs;
  const author = fromMe === 'true' ? handset.account : handset.network.accounts.find(participant ?? jid)?.account;
  return author && handset.chats.get(author.phone, id);
}

/** Who asks has to know the key of the file. */
function isAskedFor(key: Buffer, receipt: Stanza, id: string): boolean {
  const encrypt = child(receipt, 'encrypt');
  const [payload, iv] = [bytes(child(encrypt, 'enc_p')), bytes(child(encrypt, 'enc_iv'))];
  if (payload.length < 16 || iv.length !== 12) return false;
  const decipher = createDecipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(id)).setAuthTag(payload.subarray(-16));
  try {
    const plaintext = Buffer.concat([decipher.update(payload.subarray(0, -16)), decipher.final()]);
    return proto.ServerErrorReceipt.decode(plaintext).stanzaId === id;
  } catch {
    return false;
  }
}

function sealed(key: Buffer, id: string, answer: proto.IMediaRetryNotification): Stanza {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(id));
  const plaintext = proto.MediaRetryNotification.encode(answer).finish();
  const payload = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return stanza('encrypt', {}, [stanza('enc_p', {}, payload), stanza('enc_iv', {}, iv)]);
}
