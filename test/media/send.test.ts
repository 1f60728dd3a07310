import { createHash } from 'node:crypto';
import sharp from 'sharp';
import { programs } from '../../engine/media/ffmpeg.ts';
import { FRIEND, Stage } from '../whatsapp/stage.ts';
import { FileServer } from './file-server.ts';
import { clip, hasFfmpeg, jpeg, MP4_BEGINNING, opus, padded, PDF, picture, png, tone, webp } from './pictures.ts';

let stage: Stage;
let web: FileServer;
beforeAll(async () => {
  stage = await Stage.open();
  web = await FileServer.start();
});
afterAll(async () => {
  await stage?.close();
  await web?.close();
});

const withFfmpeg = hasFfmpeg ? test : test.skip;
const dataUrl = (bytes: Buffer, type: string) => `data:${type};base64,${bytes.toString('base64')}`;
const send = (fields: Record<string, unknown>, headers: Record<string, string> = {}) =>
  stage.call('POST', '/api/send-message', { to: FRIEND, wait: true, ...fields }, headers);

interface Shown {
  id: string;
  type: string;
  text: string | null;
  media?: Record<string, unknown>;
  message: Record<string, Record<string, unknown>>;
}

/** Sends, and answers what the friend's phone has of it: the message, and the file that it downloaded. */
async function arrived(
  fields: Record<string, unknown>,
): Promise<{ shown: Shown; bytes: Buffer; mimetype: string; fileName: string | null }> {
  const { status, body } = await send(fields);
  expect({ status, body }).toMatchObject({ status: 200 });
  const { id } = body.data as { id: string };
  await stage.sandbox.idle();
  const shown = stage.sandbox.messages(FRIEND).find((one) => one.id === id) as unknown as Shown;
  return { shown, ...(await stage.sandbox.gestures.media(FRIEND, id)) };
}

describe('what is sent is what the phone downloads, byte for byte', () => {
  test.each(['http', 'data', 'upload', 'id'])('an image with a caption, named as %s', async (how) => {
    const photo = await jpeg();
    const { shown, bytes, mimetype } = await arrived({ imageUrl: await named(how, photo, 'image/jpeg'), text: 'look' });
    expect(bytes).toEqual(photo);
    expect([mimetype, shown.type, shown.text]).toEqual(['image/jpeg', 'image', 'look']);
    expect(shown.media).toMatchObject({ kind: 'image', width: 320, height: 200, size: photo.length });
    const thumbnail = Buffer.from(String(shown.message['imageMessage']!['jpegThumbnail']), 'base64');
    expect(await sharp(thumbnail).metadata()).toMatchObject({ format: 'jpeg', width: 72, height: 45 });
  });

  test('an image that its server calls something else, by what it is', async () => {
    const photo = await png();
    const url = web.put('/photo', photo, 'application/octet-stream');
    expect(await arrived({ imageUrl: url })).toMatchObject({ bytes: photo, mimetype: 'image/png' });
  });

  test('a document, by default as document.<extension>, or under the name that was asked for', async () => {
    const url = web.put('/reports/2025.pdf', PDF, 'application/pdf');
    expect(await arrived({ documentUrl: url, text: 'the report' })).toMatchObject({
      bytes: PDF,
      mimetype: 'application/pdf',
      fileName: 'document.pdf',
      shown: { type: 'document', text: 'the report' },
    });
    expect(await arrived({ documentUrl: url, fileName: '../../März "1".pdf' })).toMatchObject({
      fileName: 'März "1".pdf',
    });
    const csv = Buffer.from('a,b\n1,2\n');
    expect(await arrived({ documentUrl: web.put('/list.csv', csv, 'application/octet-stream') })).toMatchObject({
      bytes: csv,
      mimetype: 'text/csv',
      fileName: 'document.csv',
    });
  });

  test('an uploaded document under the name it was uploaded with', async () => {
    const answer = await stage.call('POST', '/api/upload', {
      base64: PDF.toString('base64'),
      fileName: 'Vertrag.pdf',
      mimetype: 'application/pdf',
    });
    expect(await arrived({ documentUrl: answer.body['publicUrl'] })).toMatchObject({
      bytes: PDF,
      fileName: 'Vertrag.pdf',
    });
  });

  test('a video, also as a GIF, a round note, or to be seen once', async () => {
    const video = padded(MP4_BEGINNING, 5000);
    const url = web.put('/film.mp4', video, 'video/mp4');
    expect(await arrived({ videoUrl: url, text: 'film' })).toMatchObject({
      bytes: video,
      mimetype: 'video/mp4',
      shown: { type: 'video', text: 'film' },
    });
    expect((await arrived({ videoUrl: url, gif: true })).shown.media).toMatchObject({ gifPlayback: true });
    expect((await arrived({ videoUrl: url, videoNote: true })).shown.message).toHaveProperty('ptvMessage');
    expect((await arrived({ videoUrl: url, viewOnce: true })).shown.media).toMatchObject({ viewOnce: true });
  });

  test('an OGG with Opus as a voice note with its length, or as a file with a player', async () => {
    const note = opus(7);
    const url = web.put('/note.ogg', note, 'audio/ogg');
    const { bytes, mimetype, shown } = await arrived({ audioUrl: url });
    expect(bytes).toEqual(note);
    expect(mimetype).toBe('audio/ogg; codecs=opus');
    expect(shown.media).toMatchObject({ kind: 'audio', ptt: true, seconds: 7 });
    expect((await arrived({ audioUrl: url, voice: false })).shown.media).toMatchObject({ ptt: false, seconds: 7 });
    expect((await arrived({ audioUrl: url, viewOnce: true })).shown.media).toMatchObject({ viewOnce: true });
  });

  withFfmpeg('an MP3 as a file with a player', async () => {
    const song = await tone('mp3', 3);
    const { bytes, mimetype, shown } = await arrived({
      audioUrl: web.put('/song.mp3', song, 'audio/mpeg'),
      voice: false,
    });
    expect([bytes.equals(song), mimetype]).toEqual([true, 'audio/mpeg']);
    expect(shown.media).toMatchObject({ ptt: false, seconds: 3 });
  });

  test('a sticker that is one already', async () => {
    const sticker = await picture(64, 64).resize(512, 512, { kernel: 'nearest' }).webp({ quality: 20 }).toBuffer();
    expect(sticker.length).toBeLessThan(100 * 1024);
    expect(await arrived({ stickerUrl: dataUrl(sticker, 'image/webp') })).toMatchObject({
      bytes: sticker,
      shown: { type: 'sticker' },
    });
  });
});

async function named(how: string, bytes: Buffer, type: string): Promise<string> {
  if (how === 'http') return web.put(`/${createHash('sha256').update(bytes).digest('hex')}`, bytes, type);
  if (how === 'data') return dataUrl(bytes, type);
  const { body } = await stage.call('POST', '/api/upload', { base64: bytes.toString('base64'), mimetype: type });
  return String(body[how === 'id' ? 'id' : 'publicUrl']);
}

describe('what WhatsApp does not show is converted', () => {
  test('a PNG into a sticker of 512 × 512 that is as transparent as before', async () => {
    const logo = await sharp({
      create: { width: 300, height: 100, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0.5 } },
    })
      .png()
      .toBuffer();
    const { bytes, mimetype } = await arrived({ stickerUrl: dataUrl(logo, 'image/png') });
    expect(mimetype).toBe('image/webp');
    expect(await sharp(bytes).metadata()).toMatchObject({ format: 'webp', width: 512, height: 512, hasAlpha: true });
    const { data } = await sharp(bytes).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    const alphaAt = (x: number, y: number) => data[(y * 512 + x) * 4 + 3];
    expect(alphaAt(256, 5)).toBe(0);
    expect(Math.abs(alphaAt(256, 256)! - 128)).toBeLessThan(8);
  });

  test('a moving WebP into a sticker that still moves', async () => {
    const frames = await Promise.all(
      [0, 1, 2].map((n) =>
        sharp({ create: { width: 200, height: 200, channels: 4, background: { r: n * 100, g: 50, b: 9, alpha: 1 } } })
          .png()
          .toBuffer(),
      ),
    );
    const moving = await sharp(frames, { join: { animated: true } })
      .webp({ delay: [100, 100, 100] })
      .toBuffer();
    const { bytes, shown } = await arrived({ stickerUrl: dataUrl(moving, 'image/webp') });
    expect(await sharp(bytes, { animated: true }).metadata()).toMatchObject({ pages: 3, width: 512, pageHeight: 512 });
    expect(shown.media).toMatchObject({ animated: true });
  });

  test.each(['webp', 'gif', 'tiff', 'avif'] as const)('a %s picture into JPEG', async (format) => {
    const given = await picture(200, 100).toFormat(format).toBuffer();
    const { bytes, mimetype } = await arrived({ imageUrl: dataUrl(given, `image/${format}`) });
    expect(mimetype).toBe('image/jpeg');
    expect(await sharp(bytes).metadata()).toMatchObject({ format: 'jpeg', width: 200, height: 100 });
  });

  const formats: [string, string[]][] = [
    ['mp3', []],
    ['m4a', []],
    ['aac', []],
    ['wav', []],
    ['flac', []],
    ['ogg', ['-c:a', 'libvorbis']],
    ['webm', []],
  ];
  describe(hasFfmpeg ? 'with ffmpeg' : 'with ffmpeg (skipped: apt-get install ffmpeg)', () => {
    (hasFfmpeg ? test : test.skip).each(formats)(
      'a recording in %s into a voice note with length and waveform',
      async (ending, args) => {
        const given = await tone(ending, 2, ...args);
        const { bytes, mimetype, shown } = await arrived({ audioUrl: web.put(`/voice.${ending}`, given) });
        expect(mimetype).toBe('audio/ogg; codecs=opus');
        expect(bytes.subarray(0, 4).toString()).toBe('OggS');
        expect(shown.media).toMatchObject({ ptt: true, seconds: 2 });
        const waveform = Buffer.from(String(shown.message['audioMessage']!['waveform']), 'base64');
        expect(waveform).toHaveLength(64);
        expect(Math.max(...waveform)).toBe(100);
      },
    );

    withFfmpeg('a GIF into a video that plays like one', async () => {
      const gif = await clip('gif', 1).catch(() => clip('gif', 1));
      const { bytes, mimetype } = await arrived({ videoUrl: web.put('/moving.gif', gif, 'image/gif'), gif: true });
      expect(mimetype).toBe('video/mp4');
      expect(bytes.subarray(4, 8).toString()).toBe('ftyp');
    });

    withFfmpeg('of a video the first picture, the size and the length are told', async () => {
      const film = await clip();
      const { bytes, shown } = await arrived({ videoUrl: web.put('/real.mp4', film, 'video/mp4') });
      expect(bytes).toEqual(film);
      expect(shown.media).toMatchObject({ width: 320, height: 240, seconds: 2 });
      const thumbnail = Buffer.from(String(shown.message['videoMessage']!['jpegThumbnail']), 'base64');
      expect(await sharp(thumbnail).metadata()).toMatchObject({ format: 'jpeg', width: 72 });
    });
  });

  test('without ffmpeg, a voice note that would need it is refused with two ways to go on; a file goes as it is', async () => {
    const installed = { ...programs };
    Object.assign(programs, { ffmpeg: '/nowhere/ffmpeg', ffprobe: '/nowhere/ffprobe' });
    try {
      const song = web.put('/short.mp3', padded(Buffer.from('fffb9064', 'hex'), 2000), 'audio/mpeg');
      const { status, body } = await send({ audioUrl: song });
      expect([status, body.code]).toEqual([422, 'media_not_usable']);
      expect(body.message).toMatch(/Install ffmpeg .* voice: false/);
      expect((await arrived({ audioUrl: song, voice: false })).bytes).toHaveLength(2000);
      expect((await arrived({ audioUrl: web.put('/n.ogg', opus(3)) })).shown.media).toMatchObject({ seconds: 3 });
      expect((await arrived({ videoUrl: web.put('/v.mp4', padded(MP4_BEGINNING, 900)) })).bytes).toHaveLength(900);
    } finally {
      Object.assign(programs, installed);
    }
  });
});

describe('a file that cannot be sent is refused before the message is accepted', () => {
  const refused = async (fields: Record<string, unknown>) => {
    const before = stage.sandbox.messages(FRIEND).length;
    const { status, body } = await send(fields);
    await stage.sandbox.idle();
    expect(stage.sandbox.messages(FRIEND)).toHaveLength(before);
    return { status, code: body.code, text: JSON.stringify(body['errors'] ?? body.message) };
  };

  test.each([
    ['imageUrl', 16],
    ['audioUrl', 16],
    ['stickerUrl', 5],
  ])('an %s over %i MB, whatever length its server states', async (field, limit) => {
    const bytes = padded(await webp(), limit * 1024 * 1024 + 1);
    const text = expect.stringContaining(`File size exceeds the limit of ${limit} MB for this file type.`);
    expect(await refused({ [field]: web.put('/large', bytes) })).toMatchObject({ status: 413, text });
    const unstated = web.on('/unstated', (_request, response) => void response.writeHead(200).end(bytes));
    expect(await refused({ [field]: unstated })).toMatchObject({ status: 413, text });
    expect(await refused({ [field]: dataUrl(bytes, 'image/webp') })).toMatchObject({ status: 413, text });
  });

  test('a body that never ends is cut off at the limit', async () => {
    let sent = 0;
    const endless = web.on('/endless', (_request, response) => {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent += 65_536;
      };
      response.on('drain', more);
      more();
    });
    expect(await refused({ stickerUrl: endless })).toMatchObject({ status: 413 });
    expect(sent).toBeLessThan(30 * 1024 * 1024);
  });

  test('a body that is shorter than its stated length', async () => {
    const short = web.on('/short', (_request, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('abc');
      setTimeout(() => response.destroy(), 20);
    });
    expect(await refused({ documentUrl: short })).toMatchObject({ status: 422, code: 'media_not_fetched' });
  });

  test('what is packed small and unpacks large', async () => {
    const { gzipSync } = await import('node:zlib');
    const bomb = gzipSync(Buffer.alloc(40 * 1024 * 1024));
    const url = web.put('/bomb', bomb, 'image/png', { 'content-encoding': 'gzip' });
    expect(await refused({ imageUrl: url })).toMatchObject({ status: 413 });
    const photo = await png();
    const packed = web.put('/packed', gzipSync(photo), 'image/png', { 'content-encoding': 'gzip' });
    expect((await arrived({ imageUrl: packed })).bytes).toEqual(photo);
  });

  test('a picture with too many pixels, and one that is damaged', async () => {
    const huge = await sharp({ create: { width: 20_000, height: 6000, channels: 3, background: 'red' } })
      .png({ compressionLevel: 9 })
      .toBuffer();
    expect(await refused({ imageUrl: dataUrl(huge, 'image/png') })).toMatchObject({
      status: 422,
      text: expect.stringContaining('100 megapixels'),
    });
    const broken = padded((await png()).subarray(0, 20), 200);
    expect(await refused({ imageUrl: dataUrl(broken, 'image/png') })).toMatchObject({
      status: 422,
      code: 'media_not_usable',
    });
  });

  test('what is of another type than the field is for', async () => {
    expect(await refused({ imageUrl: web.put('/page', '<html>not found</html>', 'image/png') })).toMatchObject({
      status: 415,
    });
    expect(await refused({ imageUrl: dataUrl(PDF, 'image/png') })).toMatchObject({
      status: 415,
      text: expect.stringContaining('documentUrl'),
    });
    expect(await refused({ videoUrl: dataUrl(await png(), 'video/mp4') })).toMatchObject({ status: 415 });
    expect(await refused({ audioUrl: dataUrl(PDF, 'audio/mpeg') })).toMatchObject({ status: 415 });
    expect(await refused({ stickerUrl: dataUrl(PDF, 'image/webp') })).toMatchObject({ status: 415 });
    expect(await refused({ documentUrl: web.put('/login', '<html>log in</html>', 'application/pdf') })).toMatchObject({
      status: 415,
    });
    expect(await refused({ documentUrl: web.put('/nothing', '', 'application/pdf') })).toMatchObject({ status: 422 });
  });

  test('an address at which there is nothing', async () => {
    expect(await refused({ imageUrl: `${web.url}/no-such-file?token=hunter2` })).toEqual({
      status: 422,
      code: 'media_not_fetched',
      text: `"The file could not be fetched from 127.0.0.1:${web.port}: it answers HTTP 404."`,
    });
    expect(await refused({ imageUrl: 'http://no-such-host.invalid/x' })).toMatchObject({ code: 'media_not_fetched' });
    expect(await refused({ imageUrl: 'http://127.0.0.1:9/x' })).toMatchObject({
      code: 'media_not_fetched',
      text: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test.each([
    'ftp://example.com/x.png',
    'file:///etc/passwd',
    '/etc/passwd',
    'photo.png',
    'javascript:1',
    'data:image/png,x',
  ])('an address such as %s', async (imageUrl) => expect(await refused({ imageUrl })).toMatchObject({ status: 422 }));

  test('an address that is not allowed, also behind a redirect, and the setting is named', async () => {
    const text = expect.stringContaining('WARBLER_MEDIA_NETWORKS');
    expect(await refused({ imageUrl: 'http://10.0.0.1/x.png' })).toMatchObject({ code: 'url_not_allowed', text });
    expect(await refused({ imageUrl: 'http://user:hunter2@127.0.0.1/x.png' })).toMatchObject({
      code: 'url_not_allowed',
    });
    const redirect = (path: string, location: string) =>
      web.on(path, (_request, response) => void response.writeHead(302, { location }).end());
    const to = (location: string) => refused({ imageUrl: redirect(`/to/${encodeURIComponent(location)}`, location) });
    expect(await to('http://10.0.0.1/x.png')).toMatchObject({ code: 'url_not_allowed', text });
    expect(await to('http://169.254.169.254/latest/meta-data')).toMatchObject({ code: 'url_not_allowed' });
    expect(await to('file:///etc/passwd')).toMatchObject({ code: 'url_not_allowed' });
    expect(await to('http://[broken')).toMatchObject({ code: 'media_not_fetched' });
  });

  test('redirects are followed five times, not six', async () => {
    const photo = await jpeg();
    web.put('/hop/0', photo, 'image/jpeg');
    for (let n = 1; n <= 6; n++) {
      web.on(`/hop/${n}`, (_request, response) => void response.writeHead(301, { location: `${n - 1}` }).end());
    }
    expect((await arrived({ imageUrl: `${web.url}/hop/5` })).bytes).toEqual(photo);
    expect(await refused({ imageUrl: `${web.url}/hop/6` })).toMatchObject({ code: 'media_not_fetched' });
  });

  test('two files at once, and what does not go with the file', async () => {
    expect(await refused({ imageUrl: 'http://a.test/x', documentUrl: 'http://a.test/y' })).toMatchObject({
      status: 422,
      text: expect.stringContaining('one after the other'),
    });
    expect(await refused({ imageUrl: 'http://a.test/x', gif: true })).toMatchObject({
      text: expect.stringContaining('videoUrl only'),
    });
    expect(await refused({ documentUrl: 'http://a.test/x', viewOnce: true })).toMatchObject({
      text: expect.stringContaining('viewOnce'),
    });
  });

  test('another session’s upload, without a request over the network', async () => {
    const { body: created } = await stage.call('POST', '/api/whatsapp-sessions', {
      name: 'Other',
      phone_number: '+15550100009',
    });
    const { id } = created.data as { id: number };
    const { body } = await stage.call(
      'POST',
      '/api/upload',
      { base64: PDF.toString('base64') },
      { 'x-warbler-session': String(id) },
    );
    const text = expect.stringContaining('names no file of this session');
    expect(await refused({ documentUrl: body['id'] })).toMatchObject({ status: 422, text });
    expect(await refused({ documentUrl: body['publicUrl'] })).toMatchObject({ status: 422, text });
  });
});

describe('once it is accepted', () => {
  test('the same Idempotency-Key fetches nothing again, and another file under it is refused', async () => {
    const url = web.put('/once.pdf', PDF, 'application/pdf');
    const headers = { 'idempotency-key': 'once-1' };
    const first = await send({ documentUrl: url }, headers);
    const asked = web.asked.length;
    const second = await send({ documentUrl: url }, headers);
    expect(second.body.data).toEqual(first.body.data);
    expect(web.asked).toHaveLength(asked);
    expect(await send({ documentUrl: `${url}?other` }, headers)).toMatchObject({
      status: 422,
      body: { code: 'idempotency_mismatch' },
    });
  });

  test('an upload that WhatsApp refuses is tried again, and the message arrives', async () => {
    stage.sandbox.addFault({ fault: 'refuse-upload', code: 503, times: 1 });
    const photo = await jpeg();
    expect((await arrived({ imageUrl: dataUrl(photo, 'image/jpeg') })).bytes).toEqual(photo);
  });

  test('a file that WhatsApp will not take is told with the reason', async () => {
    stage.sandbox.addFault({ fault: 'refuse-upload', code: 413, times: 1 });
    const { status, body } = await send({ imageUrl: dataUrl(await jpeg(), 'image/jpeg') });
    expect([status, body.message]).toEqual([
      502,
      expect.stringContaining('its media host answered HTTP 413 (too large)'),
    ]);
    stage.sandbox.removeFaults();
  });

  test('a queued file survives a restart of the engine, and nothing is fetched for it again', async () => {
    await stage.sandbox.addFault({ fault: 'never-answer', match: 'iq:w:m' });
    const photo = await jpeg(100, 100);
    const { body } = await send({ imageUrl: web.put('/later.jpg', photo, 'image/jpeg'), wait: false });
    const { id } = body.data as { id: string };
    await stage.engine.stop();
    stage.sandbox.removeFaults();
    web.on('/later.jpg', (_request, response) => void response.writeHead(410).end());
    await stage.startEngine();
    await stage.until((events) =>
      events.some(({ event, data }) => event === 'message.sent' && JSON.stringify(data).includes(id)),
    );
    await stage.sandbox.idle();
    expect((await stage.sandbox.gestures.media(FRIEND, id)).bytes).toEqual(photo);
  });
});
