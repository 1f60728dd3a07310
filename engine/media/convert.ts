import { rm, stat } from 'node:fs/promises';
import sharp, { type Sharp, type SharpOptions } from 'sharp';
import { EngineError, storageFailure } from '../errors.ts';
import type { MediaKind } from '../model.ts';
import { ffmpeg, NoFfmpeg } from './ffmpeg.ts';
import type { Draft, MediaFiles } from './files.ts';
import { KINDS, tooLarge } from './kinds.ts';
import { isOpus, VOICE_TYPE } from './ogg.ts';

/** So many pixels are decoded at the most: a few kilobytes can claim to be a picture that fills the memory. */
export const PIXEL_LIMIT = 100_000_000;
const STICKER_PIXELS = 512;
/** As large as WhatsApp shows stickers, still ones and moving ones. */
const STICKER_BYTES = { still: 100 * 1024, moving: 500 * 1024 };
/** Beyond this WhatsApp takes no sticker at all. */
const STICKER_MOST = 1024 * 1024;

/** So many frames of a sticker are drawn at the most: small ones become large ones, however few pixels they had. */
const STICKER_FRAMES = Math.floor(PIXEL_LIMIT / STICKER_PIXELS ** 2);

// Files come and go, and each is read once or twice.
sharp.cache(false);
// Only what is a picture and nothing else is read: an SVG is a program, whose drawing has no limits.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif', 'Tiff'].map((format) => `VipsForeignLoad${format}`),
});

export interface Converted {
  draft: Draft;
  mimetype: string;
}

/** Opens a picture with its limits. Throws in words what cannot be read. */
export async function openPicture(path: string, options: SharpOptions = {}): Promise<Sharp> {
  // The header alone, which is small whatever it claims.
  const header = await sharp(path, { ...options, limitInputPixels: false })
    .metadata()
    .catch((cause: unknown) => {
      throw new EngineError('media_not_usable', 'The picture cannot be read: it is damaged.', { cause });
    });
  const { width, height, pageHeight = height, pages = 1 } = header;
  if (width * pageHeight * (options.animated ? pages : 1) > PIXEL_LIMIT) {
    throw new EngineError(
      'media_not_usable',
      `The picture has more than ${PIXEL_LIMIT / 1e6} megapixels. Make it smaller.`,
    );
  }
  return sharp(path, { limitInputPixels: PIXEL_LIMIT, ...options });
}

/**
 * Brings a file into a form that WhatsApp shows: pictures become JPEG unless they are JPEG or PNG, stickers WebP of
 * 512 × 512, voice notes OGG with Opus. Everything else stays as it is. The draft it answers is the one it was given
 * or a new one; then the given one is gone.
 */
export async function convert(
  kind: MediaKind,
  draft: Draft,
  type: string,
  { voice }: { voice: boolean },
  files: MediaFiles,
): Promise<Converted> {
  switch (kind) {
    case 'image':
      return picture(draft, type, files);
    case 'sticker':
      return sticker(draft, type, files);
    case 'audio':
      if (await isOpus(draft.path)) return { draft, mimetype: VOICE_TYPE };
      return voice ? voiceNote(draft, type, files) : { draft, mimetype: type };
    case 'video':
      return type === 'image/gif' ? movingPicture(draft, type, files) : { draft, mimetype: type };
    case 'document':
      return { draft, mimetype: type };
  }
}

async function picture(draft: Draft, type: string, files: MediaFiles): Promise<Converted> {
  const opened = await openPicture(draft.path);
  if (type === 'image/jpeg' || type === 'image/png') return { draft, mimetype: type };
  const made = await replaced(draft, files, (path) =>
    opened.rotate().flatten({ background: 'white' }).jpeg({ quality: 90 }).toFile(path),
  );
  return { draft: made, mimetype: 'image/jpeg' };
}

async function sticker(draft: Draft, type: string, files: MediaFiles): Promise<Converted> {
  const mimetype = 'image/webp';
  const { width, height, pages = 1 } = await (await openPicture(draft.path)).metadata();
  const most = pages > 1 ? STICKER_BYTES.moving : STICKER_BYTES.still;
  const asItShouldBe = width === STICKER_PIXELS && height === STICKER_PIXELS && draft.size <= most;
  if (type === mimetype && asItShouldBe) return { draft, mimetype };
  if (pages > STICKER_FRAMES) {
    throw new EngineError('media_not_usable', `The sticker has more than ${STICKER_FRAMES} frames. Use fewer.`);
  }
  const animated = pages > 1;
  const source = await openPicture(draft.path, { animated });
  const at = (quality: number) => (path: string) =>
    source
      .clone()
      .rotate()
      .resize(STICKER_PIXELS, STICKER_PIXELS, { fit: 'contain', background: { r: 0, g: 0, b: 0, alpha: 0 } })
      .webp({ quality, alphaQuality: quality, effort: animated ? 2 : 4 })
      .toFile(path);
  let made: Draft | undefined;
  for (const quality of [85, 60, 35, 15]) {
    if (made) await files.discard(made);
    made = await written(files, at(quality));
    if (made.size <= most) break;
  }
  await files.discard(draft);
  if (made!.size <= STICKER_MOST) return { draft: made!, mimetype };
  await files.discard(made!);
  throw new EngineError('media_not_usable', 'The sticker is over 1 MB even at low quality. Use fewer frames.');
}

async function voiceNote(draft: Draft, type: string, files: MediaFiles): Promise<Converted> {
  try {
    const made = await replaced(draft, files, (path) =>
      ffmpeg({ path: draft.path, type }, [
        ...['-vn', '-map', '0:a:0', '-map_metadata', '-1', '-ac', '1', '-ar', '48000'],
        ...['-c:a', 'libopus', '-b:a', '32k', '-application', 'voip', '-f', 'ogg', path],
      ]),
    );
    if (made.size > KINDS.audio.limit) throw tooLarge('audio');
    return { draft: made, mimetype: VOICE_TYPE };
  } catch (error) {
    if (!(error instanceof NoFfmpeg)) throw error;
    throw new EngineError(
      'media_not_usable',
      `A voice note must be OGG with Opus, and this is ${type}. Install ffmpeg where the engine runs, so that it is converted; or send voice: false for an audio file with a player.`,
      { cause: error },
    );
  }
}

async function movingPicture(draft: Draft, type: string, files: MediaFiles): Promise<Converted> {
  await openPicture(draft.path, { animated: true });
  try {
    const made = await replaced(draft, files, (path) =>
      ffmpeg({ path: draft.path, type }, [
        ...['-an', '-vf', 'scale=trunc(iw/2)*2:trunc(ih/2)*2', '-pix_fmt', 'yuv420p', '-movflags', '+faststart'],
        ...['-t', '60', '-f', 'mp4', path],
      ]),
    );
    return { draft: made, mimetype: 'video/mp4' };
  } catch (error) {
    if (!(error instanceof NoFfmpeg)) throw error;
    throw new EngineError(
      'media_not_usable',
      'WhatsApp plays a GIF as an MP4 video. Install ffmpeg where the engine runs, so that it is converted; or send it as imageUrl or documentUrl.',
      { cause: error },
    );
  }
}

/** A new draft in place of the old one. */
async function replaced(draft: Draft, files: MediaFiles, write: (path: string) => Promise<unknown>): Promise<Draft> {
  const made = await written(files, write);
  await files.discard(draft);
  return made;
}

async function written(files: MediaFiles, write: (path: string) => Promise<unknown>): Promise<Draft> {
  const path = files.temporary();
  try {
    await write(path);
    return { path, size: (await stat(path)).size };
  } catch (error) {
    await rm(path, { force: true });
    const unwritable = storageFailure({ code: codeIn(error), cause: error });
    if (unwritable) throw unwritable;
    if (error instanceof EngineError || error instanceof NoFfmpeg) throw error;
    throw new EngineError('media_not_usable', 'The file cannot be converted: it is damaged.', { cause: error });
  }
}

/** ffmpeg and libvips tell in words what the system has told them by code. */
function codeIn(error: unknown): string | undefined {
  const { message = '', cause } = error as { message?: string; cause?: { message?: string } };
  const words = `${message} ${cause?.message ?? ''}`;
  if (/no space left on device|disk quota exceeded/i.test(words)) return 'ENOSPC';
  return /read-only file system|file too large/i.test(words) ? 'EROFS' : undefined;
}
