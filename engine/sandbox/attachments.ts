import { fileTypeFromBuffer } from 'file-type';
import sharp from 'sharp';
import { isLoopback } from './control-api.ts';
import { SandboxError } from './problem.ts';

/** A file that somebody wants a phone to send. */
export interface Attachment {
  bytes: Buffer;
  mimetype: string;
  /** As the address calls it. */
  fileName: string | undefined;
}

const FETCH_TIMEOUT_MS = 30_000;
const MAX_BYTES = 128 * 1024 * 1024;
const THUMBNAIL_PX = 72;
const WAVEFORM_POINTS = 64;

/**
 * The file behind a URL: `data:`, or http(s) on this machine. From elsewhere nothing is fetched: the sandbox has no
 * business on the network.
 */
export async function fromUrl(field: string, written: string): Promise<Attachment> {
  const url = URL.canParse(written) ? new URL(written) : undefined;
  if (url?.protocol === 'data:') return fromResponse(field, await fetch(url), undefined);
  const isWeb = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (!isWeb || !isLoopback(url.hostname.replace(/^\[(.*)\]$/, '$1'))) {
    throw new SandboxError(
      422,
      'not-loopback',
      `"${field}" has to be a data: URL or lie on this machine (http://127.0.0.1:…); ${field.replace(/Url$/, 'Base64')} takes the bytes themselves.`,
    );
  }
  let response: Response;
  try {
    response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  } catch (error) {
    throw new SandboxError(422, 'unreachable-media', `"${field}" cannot be fetched: ${reasonOf(error)}`);
  }
  const name = decodeURIComponent(url.pathname.split('/').at(-1) ?? '');
  return fromResponse(field, response, name === '' ? undefined : name);
}

async function fromResponse(field: string, response: Response, name: string | undefined): Promise<Attachment> {
  if (!response.ok) {
    throw new SandboxError(422, 'unreachable-media', `"${field}" cannot be fetched: it answers ${response.status}.`);
  }
  const bytes = Buffer.from(await response.arrayBuffer());
  const declared = response.headers.get('content-type') ?? undefined;
  return fromBytes(field, bytes, declared, name);
}

/** `base64` may be a whole `data:` URL, too. */
export async function fromBase64(field: string, base64: string): Promise<Attachment> {
  if (base64.startsWith('data:')) return fromUrl(field, base64);
  return fromBytes(field, Buffer.from(base64, 'base64'), undefined, undefined);
}

async function fromBytes(
  field: string,
  bytes: Buffer,
  declared: string | undefined,
  fileName: string | undefined,
): Promise<Attachment> {
  if (bytes.length === 0) throw new SandboxError(422, 'empty-media', `"${field}" is an empty file.`);
  if (bytes.length > MAX_BYTES) throw new SandboxError(413, 'media-too-large', `"${field}" is larger than 128 MB.`);
  const seen = await fileTypeFromBuffer(bytes);
  // a text file has no marks of its own, so that what its server says counts
  const mimetype = seen?.mime ?? (declared === undefined || declared === '' ? 'application/octet-stream' : declared);
  return { bytes, mimetype, fileName };
}

const reasonOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
};

/** What a phone sees of a picture; nothing when it is none that it can read. */
export interface Look {
  width?: number;
  height?: number;
  jpegThumbnail?: Buffer;
  isAnimated?: boolean;
}

export async function lookAt(bytes: Buffer): Promise<Look> {
  try {
    const { width, height, pages = 1 } = await sharp(bytes).metadata();
    const small = sharp(bytes).resize(THUMBNAIL_PX, THUMBNAIL_PX, { fit: 'inside', withoutEnlargement: true });
    const jpegThumbnail = await small.flatten({ background: '#fff' }).jpeg({ quality: 50 }).toBuffer();
    return { width, height, jpegThumbnail, isAnimated: pages > 1 };
  } catch {
    return {};
  }
}

/** How long a recording is, and how loud it is where (64 values up to 100). */
export interface Hearing {
  seconds?: number;
  waveform?: Buffer;
}

export function listenTo(bytes: Buffer): Hearing {
  if (bytes.subarray(0, 4).toString('latin1') === 'OggS') return listenToOgg(bytes);
  if (bytes.subarray(0, 4).toString('latin1') === 'RIFF') return listenToWav(bytes);
  const { seconds } = watch(bytes);
  return seconds === undefined ? {} : { seconds };
}

/** Opus counts 48,000 samples per second, whatever it was recorded with, and spends more bytes where it is loud. */
function listenToOgg(bytes: Buffer): Hearing {
  const loudness: number[] = [];
  let samples = 0n;
  for (let page = 0; page + 27 <= bytes.length && bytes.toString('latin1', page, page + 4) === 'OggS';) {
    const segments = bytes[page + 26] ?? 0;
    const sizes = [...bytes.subarray(page + 27, page + 27 + segments)];
    const granule = bytes.readBigInt64LE(page + 6);
    if (granule > samples) samples = granule;
    // the first two pages are the head and the tags
    if (granule > 0n) loudness.push(...sizes);
    page += 27 + segments + sizes.reduce((sum, size) => sum + size, 0);
  }
  return { seconds: Math.round(Number(samples) / 48_000), ...waveformOf(loudness) };
}

function listenToWav(bytes: Buffer): Hearing {
  const bytesPerSecond = bytes.length >= 44 ? bytes.readUInt32LE(28) : 0;
  const data = bytes.indexOf('data', 12, 'latin1');
  if (bytesPerSecond === 0 || data < 0) return {};
  const samples = bytes.subarray(data + 8);
  const loudness: number[] = [];
  if (bytes.readUInt16LE(34) === 16) {
    for (let at = 0; at + 2 <= samples.length; at += 2) loudness.push(Math.abs(samples.readInt16LE(at)));
  }
  return { seconds: Math.round(samples.length / bytesPerSecond), ...waveformOf(loudness) };
}

function waveformOf(loudness: number[]): { waveform?: Buffer } {
  if (loudness.length === 0) return {};
  const points = Array.from({ length: WAVEFORM_POINTS }, (_, index) => {
    const from = Math.floor((index * loudness.length) / WAVEFORM_POINTS);
    const to = Math.max(from + 1, Math.floor(((index + 1) * loudness.length) / WAVEFORM_POINTS));
    const part = loudness.slice(from, to);
    return part.reduce((sum, one) => sum + one, 0) / part.length;
  });
  const loudest = points.reduce((most, one) => Math.max(most, one), 0) || 1;
  return { waveform: Buffer.from(points.map((one) => Math.floor((100 * one) / loudest))) };
}

/** What a phone sees of an MP4 (or an M4A): its length and the size of its picture. */
export function watch(bytes: Buffer): { seconds?: number; width?: number; height?: number } {
  if (bytes.toString('latin1', 4, 8) !== 'ftyp') return {};
  const seen: { seconds?: number; width?: number; height?: number } = {};
  for (const { type, body } of boxes(bytes, ['moov', 'trak'])) {
    if (type === 'mvhd') {
      const isLong = body[0] === 1;
      const scale = body.readUInt32BE(isLong ? 20 : 12);
      const duration = isLong ? Number(body.readBigUInt64BE(24)) : body.readUInt32BE(16);
      if (scale > 0) seen.seconds = Math.round(duration / scale);
    }
    if (type === 'tkhd' && body.length >= 8) {
      const [width, height] = [body.readUInt16BE(body.length - 8), body.readUInt16BE(body.length - 4)];
      if (width > 0 && height > 0) Object.assign(seen, { width, height });
    }
  }
  return seen;
}

/** The boxes of an MP4, and those within the ones named `open`. */
function* boxes(bytes: Buffer, open: string[]): Generator<{ type: string; body: Buffer }> {
  for (let at = 0; at + 8 <= bytes.length;) {
    const size = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (size < 8) return;
    const body = bytes.subarray(at + 8, at + size);
    if (open.includes(type)) yield* boxes(body, open);
    else yield { type, body };
    at += size;
  }
}
