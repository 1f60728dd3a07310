import { request } from 'undici';
import { Stage, TOKEN } from '../whatsapp/stage.ts';
import { jpeg, MP3_BEGINNING, MP4_BEGINNING, padded, PDF, png, webp } from './pictures.ts';

const MB = 1024 * 1024;

let stage: Stage;
beforeAll(async () => void (stage = await Stage.open()));
afterAll(() => stage?.close());

type Body = Record<string, string | number | undefined>;
const headers = { authorization: `Bearer ${TOKEN}`, 'x-warbler-session': '1' };

async function post(
  body: string | Uint8Array<ArrayBuffer> | FormData,
  more: Record<string, string> = {},
): Promise<{ status: number; body: Body }> {
  const encoded = new Request('http://engine', { method: 'POST', body });
  const type = encoded.headers.get('content-type');
  const answer = await request(`${stage.engine.url}/api/upload`, {
    method: 'POST',
    headers: { ...headers, ...(type && { 'content-type': type }), ...more },
    body: Buffer.from(await encoded.arrayBuffer()),
    // Large bodies take their time in this very process, and a connection that idles is closed.
    reset: true,
  });
  return { status: answer.statusCode, body: (await answer.body.json()) as Body };
}
const raw = (bytes: Buffer, type: string) => post(new Uint8Array(bytes), { 'content-type': type });
const json = (body: unknown) => post(JSON.stringify(body), { 'content-type': 'application/json' });
const get = (url: unknown, more: RequestInit = {}) => fetch(String(url), more);
const bytesAt = async (url: unknown) => Buffer.from(await (await get(url)).arrayBuffer());

describe('a file can be uploaded', () => {
  test('as the body itself, and comes back byte for byte from its address', async () => {
    const photo = await jpeg();
    const { status, body } = await raw(photo, 'image/jpeg');
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        success: true,
        publicUrl: `${stage.engine.url}/media/${body['id']}.jpg`,
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        mimetype: 'image/jpeg',
        size: photo.length,
      },
    });
    expect(await bytesAt(body['publicUrl'])).toEqual(photo);
  });

  test.each([
    ['as a data: URL', (text: string) => ({ base64: `data:image/png;base64,${text}` })],
    ['as plain base64 with its type', (text: string) => ({ base64: text, mimetype: 'image/png' })],
    [
      'with a type that wins over the one in the data: URL',
      (text: string) => ({ base64: `data:text/plain;base64,${text}`, mimetype: 'image/png' }),
    ],
    ['without a type, which is then seen in the content', (text: string) => ({ base64: text })],
    [
      'in lines, as mail programs write base64',
      (text: string) => ({ base64: text.replace(/(.{76})/g, '$1\r\n'), mimetype: 'image/png' }),
    ],
  ])('in JSON %s', async (_how, bodyOf) => {
    const photo = await png();
    const { status, body } = await json(bodyOf(photo.toString('base64')));
    expect([status, body['mimetype']]).toEqual([200, 'image/png']);
    expect(await bytesAt(body['publicUrl'])).toEqual(photo);
  });

  test.each(['file', 'data', 'whatever'])('in a form, as field %s, with its name', async (field) => {
    const form = new FormData();
    form.set('before', 'x');
    form.set(field, new Blob([new Uint8Array(PDF)], { type: 'application/pdf' }), 'Bericht März.pdf');
    form.set('after', 'y');
    const { status, body } = await post(form);
    expect(status).toBe(200);
    const answer = await get(body['publicUrl']);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(PDF);
    expect(answer.headers.get('content-disposition')).toBe(
      `attachment; filename="Bericht M_rz.pdf"; filename*=UTF-8''Bericht%20M%C3%A4rz.pdf`,
    );
  });

  test('of any type as a document, also such as have no magic number', async () => {
    const csv = Buffer.from('a,b\n1,2\n');
    for (const type of [
      'text/csv',
      'application/vnd.ms-excel',
      'text/plain; charset=utf-8',
      'application/octet-stream',
    ]) {
      expect((await raw(csv, type)).status).toBe(200);
    }
    const docx = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
    expect((await raw(Buffer.from('504b0304140000000000', 'hex'), docx)).status).toBe(200);
  });

  test('with a session’s own API key, too', async () => {
    const { body } = await stage.call('GET', '/api/whatsapp-sessions/1');
    const { api_key: key } = body.data as { api_key: string };
    const answer = await fetch(`${stage.engine.url}/api/upload`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/pdf' },
      body: new Uint8Array(PDF),
    });
    expect(answer.status).toBe(200);
  });
});

describe('limits and lies', () => {
  test.each([
    ['image/jpeg', 16, () => jpeg()],
    ['video/mp4', 50, async () => MP4_BEGINNING],
    ['audio/mpeg', 16, async () => MP3_BEGINNING],
    ['image/webp', 5, () => webp()],
    ['application/pdf', 100, async () => PDF],
  ])(
    'a file of type %s may have %i MB and not a byte more',
    async (type, limit, begin) => {
      const beginning = await begin();
      expect((await raw(padded(beginning, limit * MB), type)).status).toBe(200);
      const { status, body } = await raw(padded(beginning, limit * MB + 1), type);
      expect([status, body['error']]).toEqual([413, `File size exceeds the limit of ${limit} MB for this file type.`]);
      const form = new FormData();
      form.set('file', new Blob([new Uint8Array(padded(beginning, limit * MB + 1))], { type }), 'x');
      expect((await post(form)).status).toBe(413);
    },
    120_000,
  );

  test('the same holds for base64', async () => {
    const large = padded(await jpeg(), 16 * MB + 1).toString('base64');
    expect(await json({ base64: large, mimetype: 'image/jpeg' })).toMatchObject({ status: 413 });
    expect(await json({ base64: `data:image/jpeg;base64,${large}` })).toMatchObject({ status: 413 });
    expect(await json({ base64: large })).toMatchObject({ status: 413 });
  }, 60_000);

  test('what the content shows must be what was declared', async () => {
    const { status, body } = await raw(await png(), 'image/jpeg');
    expect([status, body['code']]).toEqual([415, 'unsupported_media_type']);
    expect(body['error']).toBe('The file’s content (image/png) does not match its declared type (image/jpeg).');
    for (const [bytes, type] of [
      [Buffer.from('<script>alert(1)</script>'), 'image/png'],
      [Buffer.from('MZ\x90\0'), 'application/pdf'],
      [await png(), 'text/csv'],
      [await png(), 'application/pdf'],
      [PDF, 'image/webp'],
      [PDF, 'video/mp4'],
    ] as const) {
      expect([type, (await raw(bytes, type)).status]).toEqual([type, 415]);
    }
  });

  test('nothing, and what is no base64, is refused with the way to do it', async () => {
    expect(await json({})).toMatchObject({ status: 422, body: { errors: { base64: [expect.any(String)] } } });
    expect(await json({ base64: 'this is no base64!' })).toMatchObject({
      status: 422,
      body: { code: 'media_not_usable' },
    });
    expect(await json({ base64: 'data:image/png,plain' })).toMatchObject({ status: 422 });
    expect(await raw(Buffer.alloc(0), 'image/png')).toMatchObject({ status: 422 });
    const form = new FormData();
    form.set('name', 'no file');
    expect(await post(form)).toMatchObject({ status: 400, body: { error: expect.stringContaining('curl -F') } });
    expect(await post('--x\r\n', { 'content-type': 'multipart/form-data' })).toMatchObject({ status: 400 });
    expect(await post('--x\r\nbroken', { 'content-type': 'multipart/form-data; boundary=x' })).toMatchObject({
      status: 400,
    });
  });

  test('a stranger’s file is not even read', async () => {
    const answer = await fetch(`${stage.engine.url}/api/upload`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{ this is not JSON',
    });
    expect(answer.status).toBe(401);
  });

  test('other requests take 1 MB of JSON as before', async () => {
    const answer = await stage.call('POST', '/api/whatsapp-sessions', { name: 'x'.repeat(MB) });
    expect([answer.status, answer.body.message]).toEqual([413, 'The request body is over 1 MB.']);
  });
});

describe('a file that is served', () => {
  test('can be asked for in part, or for its size alone', async () => {
    const { body } = await raw(PDF, 'application/pdf');
    const part = await get(body['publicUrl'], { headers: { range: 'bytes=1-3' } });
    expect([part.status, await part.text(), part.headers.get('content-range')]).toEqual([
      206,
      'PDF',
      `bytes 1-3/${PDF.length}`,
    ]);
    const head = await get(body['publicUrl'], { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(PDF.length)]);
    expect((await get(body['publicUrl'], { headers: { range: `bytes=${PDF.length}-` } })).status).toBe(400);
  });

  test('is shown when it is a picture, and only saved when it could be a page', async () => {
    const disposition = async (bytes: Buffer, type: string) => {
      const { body } = await raw(bytes, type);
      const { headers } = await get(body['publicUrl']);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain('sandbox');
      expect(headers.get('cache-control')).toContain('private');
      return [headers.get('content-type'), headers.get('content-disposition')];
    };
    expect(await disposition(await jpeg(), 'image/jpeg')).toEqual(['image/jpeg', 'inline']);
    expect(await disposition(Buffer.from('<script>'), 'text/html')).toEqual([
      expect.stringContaining('text/html'),
      'attachment',
    ]);
    expect(await disposition(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'image/svg+xml')).toEqual([
      'image/svg+xml',
      'attachment',
    ]);
  });

  test('is found by nobody who does not know its address', async () => {
    for (const file of [
      'x',
      '..%2f..%2fwarbler.db',
      '%2e%2e%2fwarbler.db',
      '00000000-0000-0000-0000-000000000000.jpg',
      'tmp-0123456789abcdef01234567',
    ]) {
      const answer = await get(`${stage.engine.url}/media/${file}`);
      expect([file, answer.status, await answer.json()]).toEqual([
        file,
        404,
        expect.objectContaining({ code: 'media_not_found', message: expect.stringContaining('Upload it again') }),
      ]);
    }
  });

  test('has gone with the session it belonged to', async () => {
    const { body: created } = await stage.call('POST', '/api/whatsapp-sessions', {
      name: 'Other',
      phone_number: '+15550100009',
    });
    const other = created.data as { id: number; api_key: string };
    const { body } = await post(new Uint8Array(PDF), {
      'content-type': 'application/pdf',
      'x-warbler-session': String(other.id),
    });
    expect((await get(body['publicUrl'])).status).toBe(200);
    await stage.call('DELETE', `/api/whatsapp-sessions/${other.id}`);
    expect((await get(body['publicUrl'])).status).toBe(404);
  });
});
