import sharp, { type Sharp } from 'sharp';
import type { MediaKind } from '../model.ts';
import { openPicture, PIXEL_LIMIT } from './convert.ts';
import { ffmpeg, ffprobe } from './ffmpeg.ts';
import { plainType } from './kinds.ts';
import { opusSeconds } from './ogg.ts';

/** Small enough to travel inside the message. */
const THUMBNAIL_PIXELS = 72;
const WAVEFORM_VALUES = 64;

/** What a message says of its file, so that the recipient sees something before it is downloaded. */
export interface Details {
  width?: number;
  height?: number;
  seconds?: number;
  /** 64 values from 0 to 100. */
  waveform?: Uint8Array;
  /** JPEG. */
  thumbnail?: Buffer;
  /** Of a sticker: whether it moves. */
  animated?: boolean;
}

/** As much as can be found out of a file. What cannot, because it is damaged or ffmpeg is missing, is left out. */
export async function detailsOf(path: string, kind: MediaKind, mimetype: string, voice: boolean): Promise<Details> {
  const type = plainType(mimetype);
  switch (kind) {
    case 'image':
      return ofPicture(path).catch(() => ({}));
    case 'sticker':
      return ofSticker(path).catch(() => ({}));
    case 'video':
      return ofVideo(path, type);
    case 'audio':
      return ofAudio(path, type, voice);
    case 'document':
      return {};
  }
}

/** A small JPEG of a picture. */
export const thumbnailOf = (picture: Sharp): Promise<Buffer> =>
  picture
    .rotate()
    .resize(THUMBNAIL_PIXELS, THUMBNAIL_PIXELS, { fit: 'inside', withoutEnlargement: true })
    .flatten({ background: 'white' })
    .jpeg({ quality: 50 })
    .toBuffer();

async function ofPicture(path: string): Promise<Details> {
  const picture = await openPicture(path);
  const { width, height, orientation = 1 } = await picture.metadata();
  // The numbers above 4 are turned by 90 degrees.
  const [shownWidth, shownHeight] = orientation > 4 ? [height, width] : [width, height];
  return { width: shownWidth, height: shownHeight, thumbnail: await thumbnailOf(picture) };
}

async function ofSticker(path: string): Promise<Details> {
  const { width, height, pages = 1 } = await (await openPicture(path)).metadata();
  return { width, height, animated: pages > 1 };
}

async function ofVideo(path: string, type: string): Promise<Details> {
  const [probed, thumbnail] = await Promise.all([
    probe(path, type).catch(() => ({})),
    firstPicture(path, type).catch(() => undefined),
  ]);
  return { ...probed, ...(thumbnail && { thumbnail }) };
}

async function ofAudio(path: string, type: string, voice: boolean): Promise<Details> {
  const seconds = (await opusSeconds(path)) ?? (await probe(path, type).catch((): Details => ({}))).seconds;
  const waveform = voice ? await waveformOf(path, type).catch(() => undefined) : undefined;
  return {
    ...(seconds !== undefined && { seconds: Math.max(1, Math.round(seconds)) }),
    ...(waveform && { waveform }),
  };
}

interface Probed {
  streams?: { width?: number; height?: number; side_data_list?: { rotation?: number }[] }[];
  format?: { duration?: string };
}

async function probe(path: string, type: string): Promise<Details> {
  const entries = 'stream=width,height:stream_side_data=rotation:format=duration';
  const text = await ffprobe({ path, type }, ['-select_streams', 'v:0', '-show_entries', entries, '-of', 'json']);
  const { streams: [stream] = [], format } = JSON.parse(text.toString()) as Probed;
  const turned = Math.abs(stream?.side_data_list?.find(({ rotation }) => rotation)?.rotation ?? 0) % 180 === 90;
  const seconds = Number(format?.duration);
  const { width, height } = stream ?? {};
  return {
    ...(width && height && (turned ? { width: height, height: width } : { width, height })),
    ...(Number.isFinite(seconds) && { seconds: Math.max(1, Math.round(seconds)) }),
  };
}

async function firstPicture(path: string, type: string): Promise<Buffer> {
  const frame = await ffmpeg({ path, type }, ['-an', '-frames:v', '1', '-c:v', 'png', '-f', 'image2pipe', 'pipe:1']);
  return thumbnailOf(sharp(frame, { limitInputPixels: PIXEL_LIMIT }));
}

/** How loud a recording is over its time. */
async function waveformOf(path: string, type: string): Promise<Uint8Array> {
  const decoded = await ffmpeg({ path, type }, ['-vn', '-ac', '1', '-ar', '4000', '-f', 's16le', 'pipe:1']);
  const count = Math.floor(decoded.length / 2);
  const block = Math.max(1, count / WAVEFORM_VALUES);
  const loudness = Array.from({ length: WAVEFORM_VALUES }, (_, index) => {
    const from = Math.floor(index * block);
    const to = Math.min(count, Math.max(from + 1, Math.floor((index + 1) * block)));
    let sum = 0;
    for (let at = from; at < to; at++) sum += Math.abs(decoded.readInt16LE(at * 2));
    return to > from ? sum / (to - from) : 0;
  });
  const loudest = Math.max(...loudness, 1);
  return Uint8Array.from(loudness, (value) => Math.round((100 * value) / loudest));
}
