import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { FRIEND, OWN, Stage } from '../whatsapp/stage.ts';
import { FileServer } from './file-server.ts';
import { hasFfmpeg, jpeg, MP4_BEGINNING, PDF, png, webp } from './pictures.ts';

/** Files that are more than they seem, or something else. */

const HUGE = 60_000;
const MB = 1024 * 1024;

let stage: Stage;
let web: FileServer;
let group: string;
beforeAll(async () => {
  stage = await Stage.open();
  web = await FileServer.start();
  group = stage.sandbox.groups.create({ creator: OWN, subject: 'Choir', participants: [FRIEND] }).jid;
});
afterAll(async () => {
  await stage?.close();
  await web?.close();
});

const crcs = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  return crc;
});
const crcOf = (bytes: Buffer) => bytes.reduce((crc, byte) => crcs[(crc ^ byte) & 255]! ^ (crc >>> 8), -1) ^ -1;

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(data.length);
  const crc = Buffer.alloc(4);
  crc.writeInt32BE(crcOf(named));
  return Buffer.concat([size, named, crc]);
}

/** A PNG that says that it is so large; `more` are further chunks. */
function pngOf(width: number, height: number, ...more: Buffer[]): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([1, 0, 0, 0, 0], 8);
  const rows = deflateSync(Buffer.alloc(Math.min(2_000_000, height * Math.ceil(width / 8 + 1))));
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([signature, chunk('IHDR', head), ...more, chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))]);
}

/** A JPEG whose header says that it is so large. */
async function jpegOf(side: number): Promise<Buffer> {
  const bytes = Buffer.from(await jpeg());
  const frame = bytes.indexOf(Buffer.from('ffc0', 'hex'));
  bytes.writeUInt16BE(side, frame + 5);
  bytes.writeUInt16BE(side, frame + 7);
  return bytes;
}

/** A GIF of so many frames, each of this side, of which there is one dot. */
function gifOf(side: number, frames: number): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt16LE(side, 0);
  size.writeUInt16LE(side, 2);
  const head = Buffer.concat([Buffer.from('GIF89a'), size, Buffer.from('800000000000ffffff', 'hex')]);
  const again = [Buffer.from('21ff0b', 'hex'), Buffer.from('NETSCAPE2.0'), Buffer.from('0301000000', 'hex')];
  const place = Buffer.from('21f904000a0000002c00000000', 'hex');
  const frame = Buffer.concat([place, size, Buffer.from('000202440100', 'hex')]);
  return Buffer.concat([head, ...again, ...Array.from({ length: frames }, () => frame), Buffer.from('3b', 'hex')]);
}

/** An AVIF whose header says that it is so large. */
async function avifOf(side: number): Promise<Buffer> {
  const bytes = Buffer.from(
    await sharp(await png())
      .avif()
      .toBuffer(),
  );
  const extents = bytes.indexOf('ispe');
  bytes.writeUInt32BE(side, extents + 8);
  bytes.writeUInt32BE(side, extents + 12);
  return bytes;
}

/** A WebP animation of so many frames of one dot. */
async function animationOf(frames: number): Promise<Buffer> {
  const dots = Buffer.from(Array.from({ length: frames * 4 }, (_, at) => (at * 37) % 256));
  return sharp(dots, { raw: { width: 1, height: frames, channels: 4, pageHeight: 1 } as never })
    .webp({ loop: 0 })
    .toBuffer();
}

const NOTHING = deflateSync(Buffer.alloc(100 * MB));
const text = (keyword: string) => chunk('zTXt', Buffer.concat([Buffer.from(`${keyword}\0\0`, 'latin1'), NOTHING]));
const profile = () => chunk('iCCP', Buffer.concat([Buffer.from('bomb\0\0', 'latin1'), NOTHING]));

const BOMBS: [string, () => Buffer | Promise<Buffer>][] = [
  ['a PNG of 60,000 × 60,000', () => pngOf(HUGE, HUGE)],
  ['a PNG of two billion × two billion', () => pngOf(2 ** 31 - 1, 2 ** 31 - 1)],
  ['a JPEG of 65,000 × 65,000', () => jpegOf(65_000)],
  ['a GIF of 65,535 × 65,535', () => gifOf(65_535, 2)],
  ['an AVIF of 60,000 × 60,000', () => avifOf(HUGE)],
  ['a PNG of one column', () => pngOf(1, 2 ** 31 - 1)],
];

const post = async (fields: Record<string, unknown>) => {
  const { status, body } = await stage.call('POST', '/api/send-message', { to: FRIEND, wait: true, ...fields });
  return [status, body.code];
};
const serve = (bytes: Buffer | string, type = 'application/octet-stream') => web.put(`/${Math.random()}`, bytes, type);

describe('a picture that would fill the memory is refused by its header', () => {
  test.each(BOMBS)('%s', async (_what, made) => {
    const url = serve(await made());
    const before = process.memoryUsage().rss;
    for (const field of ['imageUrl', 'stickerUrl']) {
      const [, code] = await post({ [field]: url });
      expect(['media_not_usable', 'unsupported_media_type']).toContain(code);
    }
    const { body } = await stage.call('PUT', `/api/groups/${group}/settings`, { profilePicUrl: url });
    expect(body.code).toBe('media_not_usable');
    expect((process.memoryUsage().rss - before) / MB).toBeLessThan(300);
  });

  test('and leaves a link without its picture', async () => {
    const cover = serve(pngOf(HUGE, HUGE), 'image/png');
    const page = serve(`<title>A page</title><meta property="og:image" content="${cover}">`, 'text/html');
    const { body } = await stage.send(FRIEND, `See ${page}`);
    const { id } = body.data as { id: string };
    const { message } = stage.message(FRIEND, id) as unknown as { message: Record<string, Record<string, unknown>> };
    expect(message['extendedTextMessage']).toMatchObject({ title: 'A page' });
    expect(message['extendedTextMessage']).not.toHaveProperty('jpegThumbnail');
  });
});

test.each([
  ['a text', () => text('Comment')],
  ['ten texts', () => Buffer.concat(Array.from({ length: 10 }, (_, at) => text(`Comment ${at}`)))],
  ['a colour profile', profile],
])('a PNG with %s of 100 MB inside is no burden: it is refused, or sent as it is', async (_what, made) => {
  const url = serve(pngOf(64, 64, made()));
  const before = process.memoryUsage().rss;
  for (const field of ['imageUrl', 'stickerUrl']) {
    const [status, code] = await post({ [field]: url });
    expect([field, [200, 422]]).toEqual([field, expect.arrayContaining([status])]);
    if (status === 422) expect(code).toBe('media_not_usable');
  }
  expect((process.memoryUsage().rss - before) / MB).toBeLessThan(400);
});

test('a sticker of thousands of dots, which would be thousands of drawings, is refused', async () => {
  const { body } = await stage.call('POST', '/api/send-message', {
    to: FRIEND,
    stickerUrl: serve(await animationOf(2000)),
  });
  expect([body.code, body.message]).toEqual(['media_not_usable', expect.stringContaining('381 frames')]);
  expect(await post({ stickerUrl: serve(await animationOf(5)) })).toEqual([200, undefined]);
});

test('a GIF of ten thousand frames is sent as its first, or as a film that ends', async () => {
  expect(await post({ imageUrl: serve(gifOf(1, 10_000)) })).toEqual([200, undefined]);
  if (hasFfmpeg) expect((await post({ videoUrl: serve(gifOf(1, 10_000)), gif: true }))[0]).toBeLessThan(500);
}, 120_000);

describe('something that is something else', () => {
  const SVG =
    '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64" onload="alert(1)"><rect width="64" height="64"/><image href="file:///etc/passwd"/></svg>';

  test.each([
    ['an SVG', SVG],
    ['an SVG with an XML head', `<?xml version="1.0"?>${SVG}`],
    ['a page', '<!doctype html><script>alert(1)</script>'],
    ['a script', 'alert(1)//'],
    ['a playlist', '#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n'],
    ['a list of files', 'ffconcat version 1.0\nfile /etc/passwd\n'],
    ['a PDF with a page in it', `${PDF.toString()}<script>alert(1)</script>`],
    ['an archive', 'PK\x03\x04'],
  ])('%s is no picture, film, recording or sticker, whatever it is called', async (_what, content) => {
    for (const [field, type] of [
      ['imageUrl', 'image/png'],
      ['videoUrl', 'video/mp4'],
      ['audioUrl', 'audio/ogg'],
      ['stickerUrl', 'image/webp'],
    ] as const) {
      expect([field, await post({ [field]: serve(content, type) })]).toEqual([field, [415, 'unsupported_media_type']]);
    }
  });

  test.each([
    ['a PNG with a page behind it', async () => [await png(), '<script>alert(1)</script>'], 'image/png'],
    ['a JPEG with an archive behind it', async () => [await jpeg(), 'PK\x03\x04 … PK\x05\x06'], 'image/jpeg'],
    ['a WebP with a script behind it', async () => [await webp(), '*/=1;alert(1)//'], 'image/webp'],
  ] as const)('%s is served as the picture that it is, and as nothing else', async (_what, parts, type) => {
    const bytes = Buffer.concat((await parts()).map((part) => Buffer.from(part)));
    const answer = await fetch(await uploaded(bytes, type));
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(bytes);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': type,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
      'cache-control': expect.stringContaining('private'),
    });
  });

  test('an SVG can be a document, and is only to be saved', async () => {
    const answer = await fetch(await uploaded(Buffer.from(SVG), 'image/svg+xml'));
    expect(answer.headers.get('content-disposition')).toMatch(/^attachment/);
    expect(await post({ documentUrl: serve(SVG, 'image/svg+xml') })).toEqual([200, undefined]);
  });

  test('a picture that names files of this machine shows nothing of them in a preview', async () => {
    const cover = serve(SVG, 'image/svg+xml');
    const page = serve(`<title>Look</title><meta property="og:image" content="${cover}">`, 'text/html');
    const { body } = await stage.send(FRIEND, `See ${page}`);
    const { id } = body.data as { id: string };
    const { message } = stage.message(FRIEND, id) as unknown as { message: Record<string, Record<string, unknown>> };
    expect(message['extendedTextMessage']).not.toHaveProperty('jpegThumbnail');
  });

  test('a film that points elsewhere is not followed there', async () => {
    const elsewhere = web.on('/canary', (_asked, answer) => void answer.end());
    const playlist = `#EXTM3U\n#EXTINF:10,\n${elsewhere}\n#EXTINF:10,\nfile:///etc/passwd\n`;
    const film = Buffer.concat([MP4_BEGINNING, Buffer.from(playlist)]);
    for (const field of ['videoUrl', 'documentUrl']) {
      expect((await post({ [field]: serve(film, 'video/mp4') }))[0]).toBeLessThan(500);
    }
    const voice = Buffer.concat([Buffer.from('ID3\x04\0\0\0\0\0\0', 'latin1'), Buffer.from(playlist)]);
    expect((await post({ audioUrl: serve(voice, 'audio/mpeg') }))[0]).toBeLessThan(500);
    expect(web.asked).not.toContain('/canary');
  });
});

/** Its address, once it is uploaded. */
async function uploaded(bytes: Buffer, mimetype: string, fileName?: string): Promise<string> {
  const { body } = await stage.call('POST', '/api/upload', { base64: bytes.toString('base64'), mimetype, fileName });
  return String(body['publicUrl']);
}

describe('the name of a file', () => {
  test.each([
    ['../../etc/passwd', 'passwd'],
    ['/etc/cron.d/x', 'x'],
    ['C:\\Windows\\System32\\x.exe', 'x.exe'],
    ['a\0b.pdf', 'ab.pdf'],
    ['line\r\nX-Injected: 1.pdf', 'lineX-Injected: 1.pdf'],
    ['\u202efdp.exe', 'fdp.exe'],
    ['half \ud800 a letter.pdf', 'half  a letter.pdf'],
    ['dots.pdf...  ', 'dots.pdf'],
    ['quo"te;.pdf', 'quo"te;.pdf'],
    ['%2e%2e%2fx.pdf', '%2e%2e%2fx.pdf'],
    [`${'long'.repeat(60)}.pdf`, expect.stringMatching(/^(long){40,50}l?o?n?\.pdf$/)],
    [`${'März'.repeat(50)}.pdf`, expect.stringMatching(/^(März){30,45}M?ä?r?\.pdf$/)],
  ])('%j is handed out as %j', async (given, shown) => {
    const url = await uploaded(PDF, 'application/pdf', given);
    const { status, headers } = await fetch(url);
    expect(status).toBe(200);
    expect(headers.has('x-injected')).toBe(false);
    const whole = /filename\*=UTF-8''(\S+)$/.exec(headers.get('content-disposition') ?? '')?.[1] ?? '';
    expect(decodeURIComponent(whole)).toEqual(shown);
    expect(new URL(url).pathname).toMatch(/^\/media\/[0-9a-f-]{36}\.pdf$/);
  });

  test.each(['..', '.', '/', '...', '\0', ' ', '\u202e'])('%j is none', async (given) => {
    const { headers } = await fetch(await uploaded(PDF, 'application/pdf', given));
    expect(headers.get('content-disposition')).toBe('attachment');
  });
});

test('an address is one of 2^122, and nobody lists them', async () => {
  const ids = await Promise.all(Array.from({ length: 20 }, () => uploaded(PDF, 'application/pdf')));
  expect(new Set(ids).size).toBe(20);
  for (const id of ids)
    expect(id).toMatch(/\/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.pdf$/);
  for (const path of ['/media', '/media/', '/api/decrypted-media', '/api/decrypted-media/']) {
    expect((await fetch(`${stage.engine.url}${path}`)).status).toBe(404);
  }
});
