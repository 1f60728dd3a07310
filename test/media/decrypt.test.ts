import { FRIEND, OWN, Stage } from '../whatsapp/stage.ts';
import { jpeg, MP4_BEGINNING, opus, padded, PDF, webp } from './pictures.ts';

const HOUR_MS = 3_600_000;

let stage: Stage;
beforeAll(async () => void (stage = await Stage.open()));
afterAll(() => stage?.close());

type Json = Record<string, unknown>;
type Received = Json & { key: { id: string }; message: Record<string, Json> };
const b64 = (bytes: Buffer) => bytes.toString('base64');

/** The friend sends a file; answers the message as messages.received tells it. */
async function received(fields: Json, to = `+${OWN}`): Promise<Received> {
  const { id } = await stage.sandbox.send(FRIEND, { to, ...fields } as never);
  return stage.until((events) => {
    const found = events.find(({ event, data }) => event === 'messages.received' && JSON.stringify(data).includes(id));
    return found && ((found.data as Json)['messages'] as Received);
  });
}
const decrypt = (body: unknown, headers: Record<string, string> = {}) =>
  stage.call('POST', '/api/decrypt-media', body, headers);
const bytesAt = async (url: unknown) => Buffer.from(await (await fetch(String(url))).arrayBuffer());

test.each([
  ['image', async () => ({ imageBase64: b64(await jpeg()), text: 'look' }), jpeg, 'image/jpeg'],
  [
    'video',
    async () => ({ videoBase64: b64(padded(MP4_BEGINNING, 4000)) }),
    async () => padded(MP4_BEGINNING, 4000),
    'video/mp4',
  ],
  ['audio', async () => ({ audioBase64: b64(opus(4)) }), async () => opus(4), expect.stringContaining('audio/ogg')],
  ['document', async () => ({ documentBase64: b64(PDF), fileName: 'Plan.pdf' }), async () => PDF, 'application/pdf'],
  ['sticker', async () => ({ stickerBase64: b64(await webp(512, 512)) }), () => webp(512, 512), 'image/webp'],
])('a received %s is decrypted, byte for byte, from what the event brought', async (kind, fields, bytes, mimetype) => {
  const message = await received(await fields());
  const { status, body } = await decrypt({ data: { messages: message } });
  expect(status).toBe(200);
  const expected = await bytes();
  expect(body).toEqual({
    success: true,
    publicUrl: expect.stringMatching(
      new RegExp(`^${stage.engine.url}/api/decrypted-media/${message.key.id}-[0-9a-f]{32}$`),
    ),
    id: expect.any(String),
    kind,
    mimetype,
    size: expected.length,
    fileName: kind === 'document' ? 'Plan.pdf' : null,
    expiresAt: expect.any(Number),
  });
  expect(Math.abs(Number(body['expiresAt']) - Date.now() - HOUR_MS)).toBeLessThan(30_000);
  expect(await bytesAt(body['publicUrl'])).toEqual(expected);
});

test('the same message gives the same file, also in a list, by its id and by its number', async () => {
  const message = await received({ imageBase64: b64(await jpeg(90, 60)) });
  const first = await decrypt({ data: { messages: message } });
  const before = stage.sandbox.stanzas({ limit: 1 }).length;
  const { msgId } = (await stage.engine.store.messages.find(1, message.key.id))!;
  for (const body of [{ data: { messages: [message] } }, { id: message.key.id }, { msgId }]) {
    expect((await decrypt(body)).body['publicUrl']).toBe(first.body['publicUrl']);
  }
  const both = await Promise.all(
    [received({ documentBase64: b64(PDF) })].map(async (one) => {
      const next = await one;
      return Promise.all([decrypt({ data: { messages: next } }), decrypt({ data: { messages: next } })]);
    }),
  );
  expect(both[0]![0].body['publicUrl']).toBe(both[0]![1].body['publicUrl']);
  expect(before).toBeGreaterThan(0);
});

test('the documented body is enough: id, url, mimetype and mediaKey; bytes may be written in other ways', async () => {
  const photo = await jpeg(80, 80);
  const { key, message } = await received({ imageBase64: b64(photo) });
  const { url, mimetype, mediaKey } = message['imageMessage']!;
  const few = { data: { messages: { key: { id: key.id }, message: { imageMessage: { url, mimetype, mediaKey } } } } };
  expect(await bytesAt((await decrypt(few)).body['publicUrl'])).toEqual(photo);
  const bytes = Buffer.from(String(mediaKey), 'base64');
  for (const spelled of [bytes.toJSON(), { ...bytes }, [...bytes]]) {
    const body = {
      data: { messages: { key: { id: 'X-1' }, message: { imageMessage: { url, mimetype, mediaKey: spelled } } } },
    };
    expect(await bytesAt((await decrypt(body)).body['publicUrl'])).toEqual(photo);
  }
});

test('wrapped in view once, and sent on to somebody else by its id', async () => {
  const photo = await jpeg(70, 70);
  const message = await received({ imageBase64: b64(photo), viewOnce: true });
  const { body } = await decrypt({ data: { messages: message } });
  expect(await bytesAt(body['publicUrl'])).toEqual(photo);
  for (const imageUrl of [body['id'], body['publicUrl']]) {
    const sent = await stage.call('POST', '/api/send-message', { to: FRIEND, imageUrl, wait: true });
    await stage.sandbox.idle();
    const { id } = sent.body.data as { id: string };
    expect((await stage.sandbox.gestures.media(FRIEND, id)).bytes).toEqual(photo);
  }
});

test('a message without a file is refused in WasenderApi’s words', async () => {
  const words = 'No supported media object (image, video, etc.) found in the message.';
  const text = await received({ text: 'no file' });
  for (const body of [
    { data: { messages: text } },
    { id: text.key.id },
    { data: { messages: { key: { id: 'A' }, message: { imageMessage: {} } } } },
  ]) {
    expect(await decrypt(body)).toMatchObject({ status: 422, body: { success: false, error: words } });
  }
  expect(await decrypt({})).toMatchObject({ status: 422, body: { errors: { data: [expect.any(String)] } } });
  expect(await decrypt({ id: 'NO-SUCH-MESSAGE' })).toMatchObject({ status: 404 });
});

test('what does not fit its hash or its key is refused', async () => {
  const { message } = await received({ imageBase64: b64(await jpeg(60, 60)) });
  const image = message['imageMessage']!;
  const with_ = (changed: Json) =>
    decrypt({ data: { messages: { key: { id: 'B' }, message: { imageMessage: { ...image, ...changed } } } } });
  expect(await with_({ fileSha256: b64(Buffer.alloc(32, 1)) })).toMatchObject({
    status: 422,
    body: { error: expect.stringContaining('hash') },
  });
  expect(await with_({ mediaKey: b64(Buffer.alloc(32, 1)) })).toMatchObject({
    status: 422,
    body: { code: 'media_not_usable' },
  });
  expect(await with_({ mediaKey: 7 })).toMatchObject({ status: 422 });
});

test.each([
  'https://169.254.169.254/latest/meta-data',
  'https://127.0.0.1:9/v/x',
  'https://evil.test/v/x',
  'https://whatsapp.net.evil.test/x',
  'http://mmg.whatsapp.net/x',
  'file:///etc/passwd',
])('a sender cannot have the engine ask %s', async (url) => {
  const imageMessage = { url, mediaKey: b64(Buffer.alloc(32, 1)), mimetype: 'image/jpeg' };
  const answer = await decrypt({ data: { messages: { key: { id: 'C' }, message: { imageMessage } } } });
  expect(answer).toMatchObject({ status: 422, body: { code: 'url_not_allowed' } });
});

test('a file type that a sender made up does not become a page', async () => {
  const message = await received({
    documentBase64: b64(Buffer.from('<script>alert(1)</script>')),
    fileName: 'a"\n.html',
    mimetype: 'text/html',
  });
  const { body } = await decrypt({ data: { messages: message } });
  const { headers } = await fetch(String(body['publicUrl']));
  expect(headers.get('content-disposition')).toMatch(/^attachment/);
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  const { message: content, key } = message;
  const spoilt = { ...content['documentMessage'], mimetype: 'text/html\r\nX-Evil: 1' };
  const again = await decrypt({
    data: { messages: { key, message: { documentMessage: { ...spoilt, fileSha256: undefined } } } },
  });
  expect((await fetch(String(again.body['publicUrl']))).headers.get('content-type')).toBe('application/octet-stream');
});

test('what WhatsApp no longer has is brought back by the phone', async () => {
  const photo = await jpeg(50, 50);
  const message = await received({ imageBase64: b64(photo) });
  stage.sandbox.expireMedia();
  const { status, body } = await decrypt({ data: { messages: message } });
  expect({ status, body }).toMatchObject({ status: 200 });
  expect(await bytesAt(body['publicUrl'])).toEqual(photo);
});

test('and without the phone’s address in its key, it says what is missing', async () => {
  const { key, message } = await received({ imageBase64: b64(await jpeg(40, 40)) });
  stage.sandbox.expireMedia();
  const answer = await decrypt({ data: { messages: { key: { id: key.id }, message } } });
  expect(answer).toMatchObject({
    status: 422,
    body: { code: 'media_gone', error: expect.stringContaining('remoteJid') },
  });
});

test('an upload is not found among the decrypted files, nor the other way round', async () => {
  const { body: uploaded } = await stage.call('POST', '/api/upload', { base64: b64(PDF) });
  expect((await fetch(`${stage.engine.url}/api/decrypted-media/${String(uploaded['id'])}`)).status).toBe(404);
  const { body } = await decrypt({ data: { messages: await received({ documentBase64: b64(PDF) }) } });
  expect((await fetch(`${stage.engine.url}/media/${String(body['id'])}`)).status).toBe(404);
});

describe('with download_media', () => {
  beforeAll(() => stage.call('PUT', '/api/whatsapp-sessions/1', { download_media: true }));
  afterAll(() => stage.call('PUT', '/api/whatsapp-sessions/1', { download_media: false }));

  const ready = (id: string) =>
    stage.until((events) =>
      events.find(({ event, data }) => event === 'media.ready' && (data as Json)['messageId'] === id),
    );

  test('a received file is there by itself, and media.ready tells where', async () => {
    const message = await received({ documentBase64: b64(PDF), fileName: 'Plan.pdf' });
    const event = await ready(message.key.id);
    expect(event).toMatchObject({
      phone: FRIEND,
      data: {
        key: { id: message.key.id, fromMe: false },
        messageId: message.key.id,
        kind: 'document',
        mimetype: 'application/pdf',
        size: PDF.length,
        fileName: 'Plan.pdf',
        publicUrl: expect.stringContaining('/api/decrypted-media/'),
        expiresAt: expect.any(Number),
      },
    });
    expect(await bytesAt((event.data as Json)['publicUrl'])).toEqual(PDF);
  });

  test('nothing is told of a text, nor of what we sent ourselves', async () => {
    await received({ text: 'no file' });
    await stage.call('POST', '/api/send-message', {
      to: FRIEND,
      documentUrl: `data:application/pdf;base64,${b64(PDF)}`,
      wait: true,
    });
    expect(await stage.engine.store.downloads.next(1)).toBeUndefined();
  });

  test('what came while the engine was killed in between is downloaded by the next', async () => {
    const photo = await jpeg(44, 44);
    await stage.engine.stop();
    const { id } = await stage.sandbox.send(FRIEND, { to: OWN, imageBase64: b64(photo) } as never);
    await stage.startEngine();
    expect(await bytesAt(((await ready(id)).data as Json)['publicUrl'])).toEqual(photo);
  });

  test('what cannot be had is told as an error', async () => {
    const { id } = await stage.sandbox.send(FRIEND, { to: OWN, text: 'the key of the next one is wrong' });
    const spoilt = await received({ imageBase64: b64(await jpeg(33, 33)) });
    await ready(spoilt.key.id);
    const { message } = spoilt;
    // A message whose hash is wrong, as a broken client would send it.
    const { proto } = await import('../../engine/whatsapp/baileys.ts');
    const content = proto.Message.fromObject({
      imageMessage: { ...message['imageMessage'], fileSha256: b64(Buffer.alloc(32)) },
    });
    await stage.engine.store.commit({
      sessionId: 1,
      messages: [
        {
          waId: 'SPOILT',
          fromMe: false,
          sender: 'x@lid',
          chat: stage.sandbox.phone(FRIEND).lid,
          lid: null,
          content: Buffer.from(proto.Message.encode(content).finish()),
          status: 3,
          timestamp: Date.now(),
          file: true,
          events: () => [],
        },
      ],
    });
    expect((await ready('SPOILT')).data).toMatchObject({ kind: 'image', error: expect.stringContaining('hash') });
    expect(id).toBeTruthy();
  });
});
