import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll } from '@jest/globals';
import sharp from 'sharp';

/** Small files of every kind, real enough for whoever looks into them. */

export const picture = (width = 64, height = 48): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: '#2a6' } })
    .jpeg()
    .toBuffer();

export const sticker = (): Promise<Buffer> =>
  sharp({ create: { width: 512, height: 512, channels: 4, background: '#2a68' } })
    .webp()
    .toBuffer();

export const pdf = (): Buffer =>
  Buffer.concat([Buffer.from('%PDF-1.7\n'), randomBytes(3000), Buffer.from('\n%%EOF\n')]);

/** An MP4 that says how long and how large it is. */
export function video(seconds = 3, width = 320, height = 240): Buffer {
  const ftyp = box('ftyp', Buffer.from('isom\0\0\x02\0isomiso2mp41', 'latin1'));
  const mvhd = Buffer.alloc(100);
  mvhd.writeUInt32BE(1000, 12);
  mvhd.writeUInt32BE(seconds * 1000, 16);
  const tkhd = Buffer.alloc(84);
  tkhd.writeUInt16BE(width, 76);
  tkhd.writeUInt16BE(height, 80);
  const moov = box('moov', Buffer.concat([box('mvhd', mvhd), box('trak', box('tkhd', tkhd))]));
  return Buffer.concat([ftyp, moov, box('mdat', randomBytes(150_000))]);
}

function box(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length + 8);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, body]);
}

/** A voice note: pages of Opus packets, louder towards the end. */
export function voiceNote(seconds = 2): Buffer {
  const head = Buffer.from('OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0', 'latin1');
  const tags = Buffer.concat([Buffer.from('OpusTags\0\0\0\0\0\0\0\0', 'latin1')]);
  const pages = [page(0n, 2, [head]), page(0n, 0, [tags])];
  for (let second = 1; second <= seconds; second++) {
    const packets = Array.from({ length: 50 }, () => randomBytes(20 * second));
    pages.push(page(BigInt(second) * 48_000n, second === seconds ? 4 : 0, packets));
  }
  return Buffer.concat(pages);
}

function page(granule: bigint, flags: number, packets: Buffer[]): Buffer {
  const head = Buffer.alloc(27);
  head.write('OggS', 0, 'latin1');
  head[5] = flags;
  head.writeBigInt64LE(granule, 6);
  head[26] = packets.length;
  return Buffer.concat([head, Buffer.from(packets.map(({ length }) => length)), ...packets]);
}

export const dataUrl = (mimetype: string, bytes: Buffer): string =>
  `data:${mimetype};base64,${bytes.toString('base64')}`;

/** A web server on this machine that gives one file at a time, as any host of pictures does. */
export function fileServer(): { put: (path: string, mimetype: string, bytes: Buffer) => string } {
  const files = new Map<string, { mimetype: string; bytes: Buffer }>();
  const server = createServer((request, response) => {
    const file = files.get(request.url ?? '');
    if (!file) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': file.mimetype }).end(file.bytes);
  });
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return {
    put(path, mimetype, bytes) {
      files.set(path, { mimetype, bytes });
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
    },
  };
}
