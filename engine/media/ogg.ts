import { open } from 'node:fs/promises';

export const VOICE_TYPE = 'audio/ogg; codecs=opus';
/** Opus counts time in samples of 48 kHz, whatever it was recorded with. */
const SAMPLES_PER_SECOND = 48_000;
const PAGE = Buffer.from('OggS');
const HEAD = Buffer.from('OpusHead');
/** No page is larger. */
const LARGEST_PAGE = 65_307;

/** Whether a file is an Ogg stream of Opus, as WhatsApp's voice notes are. */
export async function isOpus(path: string): Promise<boolean> {
  return (await headOf(path)) !== undefined;
}

/** How long an Ogg stream of Opus plays, in seconds: its last page says so. Undefined for anything else. */
export async function opusSeconds(path: string): Promise<number | undefined> {
  const head = await headOf(path);
  const last = head && (await bytesOf(path, -LARGEST_PAGE));
  const page = last ? last.lastIndexOf(PAGE) : -1;
  if (!head || !last || page < 0 || page + 14 > last.length) return undefined;
  const granule = last.readBigUInt64LE(page + 6);
  // All ones: no packet ends on this page.
  if (granule === 0xffff_ffff_ffff_ffffn) return undefined;
  const preSkip = head.readUInt16LE(10);
  return Math.max(0, (Number(granule) - preSkip) / SAMPLES_PER_SECOND);
}

async function headOf(path: string): Promise<Buffer | undefined> {
  const bytes = await bytesOf(path, 128);
  if (!bytes.subarray(0, 4).equals(PAGE)) return undefined;
  const at = bytes.indexOf(HEAD);
  return at < 0 || at + 12 > bytes.length ? undefined : bytes.subarray(at);
}

/** The first bytes of a file, or the last ones where `count` is negative. */
async function bytesOf(path: string, count: number): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const length = Math.min(size, Math.abs(count));
    const { buffer } = await handle.read(Buffer.alloc(length), 0, length, count < 0 ? size - length : 0);
    return buffer;
  } finally {
    await handle.close();
  }
}
