import { Readable } from 'node:stream';
import type { IBinaryData, IExecuteSingleFunctions, IHttpRequestOptions, IN8nHttpFullResponse } from 'n8n-workflow';
import { fetchFile, uploadFile, uploadInto } from '../../dist/nodes/Warbler/shared/files.js';

const BYTES = Buffer.from('the bytes');
const routing = { baseURL: 'http://engine.example', url: '/api/send-message', headers: { 'X-Warbler-Session': '1' } };

type Answer = Partial<IN8nHttpFullResponse>;

/** An item with one file, and an engine that answers; the real ones are tried in test/n8n. */
class Item {
  readonly requests: IHttpRequestOptions[] = [];

  constructor(
    private readonly file: Partial<IBinaryData>,
    private readonly answer: Answer,
  ) {}

  get context(): IExecuteSingleFunctions {
    return {
      getNode: () => ({ id: 'n', name: 'Warbler', type: 'warbler' }),
      getItemIndex: () => 4,
      getNodeParameter: () => 'photo',
      getCredentials: async () => ({ url: 'http://engine.example/', token: 't' }),
      helpers: {
        assertBinaryData: () => this.file,
        getBinaryStream: async (id: string) => Readable.from([`${id}: `, BYTES]),
        binaryToBuffer: async (stream: Readable) => Buffer.concat(await stream.toArray()),
        prepareBinaryData: async (stream: Readable, fileName: string, mimeType: string) => {
          const bytes = Buffer.concat(await stream.toArray());
          return { data: bytes.toString('base64'), fileName, mimeType, fileSize: `${bytes.length} B` };
        },
        httpRequestWithAuthentication: async (_type: string, options: IHttpRequestOptions) => {
          this.requests.push(options);
          return { headers: {}, ...this.answer };
        },
      },
    } as unknown as IExecuteSingleFunctions;
  }
}

const UPLOADED: Answer = {
  statusCode: 200,
  body: { success: true, id: 'f1', publicUrl: 'http://engine/media/f1.jpg' },
};
const stored = { id: 'filesystem:1', data: 'filesystem', mimeType: 'image/jpeg', fileName: 'menu.jpg' };
const inline = { data: BYTES.toString('base64'), mimeType: 'application/json' };

const textOf = async (body: unknown) =>
  Buffer.isBuffer(body)
    ? body.toString()
    : Buffer.concat(await (body as Readable).map(Buffer.from).toArray()).toString();

test('a file that n8n keeps outside the item is streamed, as the session that sends', async () => {
  const item = new Item(stored, UPLOADED);
  const options = await uploadInto('imageUrl').call(item.context, { ...routing, body: { to: '1' } });
  expect(options.body).toEqual({ to: '1', imageUrl: 'f1', fileName: 'menu.jpg' });
  const [request] = item.requests;
  expect(request).toMatchObject({
    method: 'POST',
    baseURL: 'http://engine.example',
    url: '/api/upload',
    qs: { mimetype: 'image/jpeg', fileName: 'menu.jpg' },
    headers: { 'X-Warbler-Session': '1', 'Content-Type': 'application/octet-stream' },
  });
  expect(await textOf(request?.body)).toBe('filesystem:1: the bytes');
});

test('a file inside the item is sent from there; a name that was given stays', async () => {
  const item = new Item(inline, UPLOADED);
  const options = await uploadInto('documentUrl').call(item.context, { ...routing, body: { fileName: 'order.json' } });
  expect(options.body).toEqual({ documentUrl: 'f1', fileName: 'order.json' });
  expect(await textOf(item.requests[0]?.body)).toBe('the bytes');
});

test('an upload that is refused sends nothing and names the item', async () => {
  const body = { code: 'payload_too_large', message: 'File size exceeds the limit of 16 MB for this file type.' };
  const item = new Item(stored, { statusCode: 413, body });
  await expect(uploadInto('imageUrl').call(item.context, { ...routing, body: {} })).rejects.toMatchObject({
    message: body.message,
    description: expect.stringMatching(/smaller/),
    context: { itemIndex: 4 },
  });
});

test('Media: Upload is the upload alone', async () => {
  const options = await uploadFile.call(new Item(stored, UPLOADED).context, { ...routing, url: '/api/upload' });
  expect(options).toMatchObject({ method: 'POST', url: '/api/upload', qs: { mimetype: 'image/jpeg' } });
  expect(await textOf(options.body)).toBe('filesystem:1: the bytes');
});

const decrypted = (publicUrl: string) =>
  ({ statusCode: 200, headers: {}, body: { publicUrl } }) as IN8nHttpFullResponse;

test.each([
  ['http://localhost:3210/api/decrypted-media/f2.jpg', '/api/decrypted-media/f2.jpg'],
  ['https://example.com/warbler/api/decrypted-media/f2.jpg', '/api/decrypted-media/f2.jpg'],
  ['http://localhost:3210/media/f2.jpg', '/media/f2.jpg'],
])('%s is fetched from where n8n reaches the engine', async (publicUrl, path) => {
  const headers = { 'content-type': 'image/jpeg', 'content-disposition': `inline; filename*=UTF-8''caf%C3%A9.jpg` };
  const item = new Item({}, { statusCode: 200, headers, body: Readable.from([BYTES]) });
  const [output] = await fetchFile.call(item.context, [], decrypted(publicUrl));
  expect(item.requests[0]).toMatchObject({ baseURL: 'http://engine.example', url: path, encoding: 'stream' });
  expect(output).toMatchObject({
    json: { fileName: 'café.jpg', mimeType: 'image/jpeg' },
    binary: { photo: { data: BYTES.toString('base64') } },
    pairedItem: { item: 4 },
  });
});

test('a file without a name is called as in its address', async () => {
  const item = new Item(
    {},
    { statusCode: 200, headers: { 'content-type': 'image/png' }, body: Readable.from([BYTES]) },
  );
  const [output] = await fetchFile.call(
    item.context,
    [],
    decrypted('http://localhost:3210/api/decrypted-media/f2.png'),
  );
  expect(output?.json).toMatchObject({ fileName: 'f2.png' });
});

test('a file that is gone is refused in the engine’s words', async () => {
  const refusal = Readable.from([Buffer.from(JSON.stringify({ code: 'media_not_found', message: 'It has expired.' }))]);
  const item = new Item({}, { statusCode: 404, body: refusal });
  const fetched = fetchFile.call(item.context, [], decrypted('http://localhost:3210/media/f2.png'));
  await expect(fetched).rejects.toMatchObject({ message: 'It has expired.', context: { itemIndex: 4 } });
});
