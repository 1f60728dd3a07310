import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp, { type Sharp } from 'sharp';

const run = promisify(execFile);

/** A picture that is not all of one colour, so that what becomes of it can be compared. */
export function picture(width = 320, height = 200): Sharp {
  const pixels = Buffer.alloc(width * height * 3);
  for (let at = 0; at < pixels.length; at++) pixels[at] = (at * 7 + Math.floor(at / (width * 3)) * 13) % 256;
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

export const jpeg = (width?: number, height?: number) => picture(width, height).jpeg().toBuffer();
export const png = (width?: number, height?: number) => picture(width, height).png().toBuffer();
export const webp = (width?: number, height?: number) => picture(width, height).webp().toBuffer();

export const PDF = Buffer.from('%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n');

/** Files of so many bytes that begin like what they are said to be. */
export const padded = (beginning: Buffer, size: number) =>
  Buffer.concat([beginning, Buffer.alloc(Math.max(0, size - beginning.length))]);
export const MP4_BEGINNING = Buffer.from('000000186674797069736f6d0000020069736f6d69736f32', 'hex');
export const MP3_BEGINNING = Buffer.from('49443304000000000000', 'hex');

export const hasFfmpeg = await run('ffmpeg', ['-version']).then(
  () => true,
  () => false,
);

/** What ffmpeg makes of a tone or a test picture; `args` begin with the input. */
export async function made(ending: string, ...args: string[]): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'warbler-made-'));
  const path = join(folder, `out.${ending}`);
  try {
    await run('ffmpeg', ['-v', 'error', '-nostdin', ...args, path]);
    return readFileSync(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
export const tone = (ending: string, seconds: number, ...args: string[]) =>
  made(ending, '-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`, ...args);
export const clip = (ending = 'mp4', seconds = 2, ...args: string[]) =>
  made(ending, '-f', 'lavfi', '-i', `testsrc=duration=${seconds}:size=320x240:rate=10`, '-pix_fmt', 'yuv420p', ...args);

/** An Ogg stream of Opus: header, tags, and one page that says how long it is. No sound that could be played. */
export function opus(seconds: number): Buffer {
  const head = Buffer.from('4f707573486561640101380180bb0000000000', 'hex');
  const tags = Buffer.concat([Buffer.from('OpusTags'), Buffer.from('0000000000000000', 'hex')]);
  return Buffer.concat([
    page(head, 2, 0n, 0),
    page(tags, 0, 0n, 1),
    page(Buffer.alloc(60, 0xf8), 4, BigInt(seconds * 48_000 + 312), 2),
  ]);
}

function page(packet: Buffer, flags: number, granule: bigint, sequence: number): Buffer {
  const header = Buffer.alloc(28);
  header.write('OggS', 0, 'latin1');
  header[5] = flags;
  header.writeBigUInt64LE(granule, 6);
  header.writeUInt32LE(1, 14);
  header.writeUInt32LE(sequence, 18);
  header[26] = 1;
  header[27] = packet.length;
  return Buffer.concat([header, packet]);
}
