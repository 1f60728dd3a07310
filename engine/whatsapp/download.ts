import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { EngineError } from '../errors.ts';
import type { Draft, MediaFiles } from '../media/files.ts';
import { LARGEST_RECEIVED, safeName, typeOrBytes } from '../media/kinds.ts';
import type { MediaKind, MediaRecord } from '../model.ts';
import { isWhatsAppHost, type Way } from '../network/way.ts';
import { downloadContentFromMessage, extractMessageContent, proto, type WAMessageKey } from './baileys.ts';

const DEFAULT_HOST = 'mmg.whatsapp.net';
/** In these statuses the media host says that it no longer has a file. */
const EXPIRED = [403, 404, 410];

type Part =
  | proto.Message.IImageMessage
  | proto.Message.IVideoMessage
  | proto.Message.IAudioMessage
  | proto.Message.IDocumentMessage
  | proto.Message.IStickerMessage;

/** A file in a message. */
export interface Attachment {
  kind: MediaKind;
  part: Part;
}

/** The file that a message carries, whatever the message is wrapped in; undefined for one without. */
export function attachmentOf(message: proto.IMessage | null | undefined): Attachment | undefined {
  const content = message ? extractMessageContent(message) : undefined;
  if (!content) return undefined;
  const { imageMessage, videoMessage, ptvMessage, audioMessage, documentMessage, stickerMessage } = content;
  const lottie = content.lottieStickerMessage?.message?.stickerMessage;
  const found: [MediaKind, Part | null | undefined][] = [
    ['image', imageMessage],
    ['video', videoMessage ?? ptvMessage],
    ['audio', audioMessage],
    ['document', documentMessage],
    ['sticker', stickerMessage ?? lottie],
  ];
  const [kind, part] = found.find(([, one]) => one?.directPath || one?.url) ?? [];
  return kind && part ? { kind, part } : undefined;
}

/** The media host no longer has the file: only a phone that has it can bring it back. */
export class Expired extends Error {
  override readonly name = 'Expired';
}

/** A decrypted file, and what its message says of it. */
export interface Downloaded {
  draft: Draft;
  kind: MediaKind;
  mimetype: string;
  fileName: string | undefined;
}

/** Names what was downloaded, so that asking for it again gives the same file. */
export function sourceOf({ part }: Attachment): string {
  const hash = createHash('sha256').update(part.mediaKey ?? '');
  return `received:${hash.update(part.fileSha256?.length ? part.fileSha256 : (part.directPath ?? part.url ?? '')).digest('base64url')}`;
}

/**
 * Downloads and decrypts a file, and compares it with the hash in its message. Throws {@link Expired} when WhatsApp no
 * longer has it, `media_not_usable` when what came is not what the message describes.
 */
export async function download(
  { kind, part }: Attachment,
  { way, plain, files }: { way: Way; plain: string | undefined; files: MediaFiles },
): Promise<Downloaded> {
  const address = addressOf(part, plain);
  const bytes = part.mediaKey?.length
    ? await opened(() => downloadContentFromMessage({ mediaKey: part.mediaKey!, url: address }, kind, transport(way)))
    : // What is posted in a channel is for everybody, and not encrypted.
      await opened(() => plainBytes(address, way));
  let draft: Draft;
  try {
    draft = await files.draft(bytes, LARGEST_RECEIVED, () => unusable('it is over 2 GB'));
  } catch (error) {
    const { code = '' } = error as { code?: string };
    if (/^ERR_OSSL|WRONG_FINAL_BLOCK/.test(code)) throw unusable('the mediaKey is not the one of this file', error);
    throw error;
  }
  const expected = part.fileSha256?.length ? Buffer.from(part.fileSha256) : undefined;
  if (expected && !expected.equals(await hashOf(draft.path))) {
    await files.discard(draft);
    throw unusable('its content does not match the hash in the message');
  }
  const fileName = 'fileName' in part ? safeName(part.fileName) : undefined;
  return { draft, kind, mimetype: typeOrBytes(part.mimetype), fileName };
}

/** The form that WasenderApi's clients send a message in, as Baileys has it: base64 and other spellings of bytes. */
export function messageFrom(json: Record<string, unknown>): proto.IMessage {
  try {
    const message = proto.Message.fromObject(withBytes(json) as Record<string, unknown>);
    // There and back: what was written as a list of numbers comes back as bytes.
    return proto.Message.decode(proto.Message.encode(message).finish());
  } catch (cause) {
    throw new EngineError('media_not_usable', 'The message cannot be read: it is not in WhatsApp’s form.', { cause });
  }
}

/** What is told of a decrypted file. */
export function keepingOf(key: WAMessageKey, { kind, mimetype, fileName }: Downloaded) {
  const prefix = (key.id ?? '').replace(/[^A-Za-z0-9]/g, '').slice(0, 64);
  return { use: 'received' as const satisfies MediaRecord['use'], kind, mimetype, fileName, prefix: prefix || 'file' };
}

const unusable = (why: string, cause?: unknown) =>
  new EngineError('media_not_usable', `The file cannot be decrypted: ${why}.`, { cause });

const transport = ({ dispatcher }: Way) => ({ options: { dispatcher } as never });

function addressOf({ url, directPath }: Part, plain: string | undefined): string {
  const given = url && URL.canParse(url) ? new URL(url) : undefined;
  const trusted = given && (given.host === plain || (isWhatsAppHost(given.hostname) && !given.port));
  if (directPath?.startsWith('/')) return `https://${trusted ? given.host : (plain ?? DEFAULT_HOST)}${directPath}`;
  if (trusted && given.protocol === 'https:') return given.href;
  throw new EngineError('url_not_allowed', 'The url of the file is not one of WhatsApp’s (https://….whatsapp.net/…).');
}

async function opened<T>(open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    const { output, cause } = error as {
      output?: { statusCode?: number };
      cause?: { code?: string; message?: string };
    };
    // It was redirected to somebody else.
    if (cause instanceof EngineError) throw cause;
    const status = output?.statusCode;
    if (status !== undefined && EXPIRED.includes(status)) throw new Expired('WhatsApp no longer has the file');
    const why =
      cause?.code === 'EPROXY'
        ? cause.message
        : (cause?.code ?? (status === undefined ? 'no answer' : `HTTP ${status}`));
    throw new EngineError(
      'whatsapp_unreachable',
      `WhatsApp’s media host could not be asked for the file: ${why}. Try again.`,
      {
        cause: error,
      },
    );
  }
}

async function plainBytes(address: string, { dispatcher }: Way): Promise<AsyncIterable<Uint8Array>> {
  const response = await fetch(address, { dispatcher } as never);
  if (response.ok && response.body) return response.body as unknown as AsyncIterable<Uint8Array>;
  throw Object.assign(new Error(`HTTP ${response.status}`), { output: { statusCode: response.status } });
}

async function hashOf(path: string): Promise<Buffer> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest();
}

/** `{type: 'Buffer', data: […]}` and `{0: 1, 1: 2, …}`, as other programs write bytes in JSON, become bytes. */
function withBytes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withBytes);
  if (typeof value !== 'object' || value === null) return value;
  const { type, data } = value as { type?: unknown; data?: unknown };
  if (type === 'Buffer' && (Array.isArray(data) || typeof data === 'string')) {
    return typeof data === 'string' ? Buffer.from(data, 'base64') : Buffer.from(data as number[]);
  }
  const entries = Object.entries(value);
  if (entries.length > 0 && entries.every(([name, one], index) => name === String(index) && typeof one === 'number')) {
    return Buffer.from(entries.map(([, one]) => one as number));
  }
  return Object.fromEntries(entries.map(([name, one]) => [name, withBytes(one)]));
}
