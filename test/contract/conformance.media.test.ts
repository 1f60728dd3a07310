import { file } from './files.ts';
import { prove } from './prove.ts';
import { must, OWN, SAMPLE, World, type Answer } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world?.close());

const upload = (body: unknown) => world.api('POST', '/api/upload', body);
/** The file itself as the body. */
async function raw(bytes: Buffer, type: string | undefined): Promise<Answer> {
  const response = await fetch(`${world.stage.engine.url}/api/upload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${world.apiKey}`, ...(type && { 'content-type': type }) },
    body: new Uint8Array(bytes),
  });
  return { status: response.status, body: (await response.json()) as Answer['body'], headers: response.headers };
}
async function download(url: string): Promise<{ bytes: Buffer; type: string | null }> {
  const response = await fetch(url);
  must(response.ok, `${url} is ${response.status}`);
  return { bytes: Buffer.from(await response.arrayBuffer()), type: response.headers.get('content-type') };
}
/** What was uploaded is there, for everybody who has its address, and a message can be made of it. */
async function isThere(answer: Answer, name: string, type: string): Promise<void> {
  const { publicUrl } = answer.body as unknown as { publicUrl: string };
  must(publicUrl, `Status ${answer.status}: ${JSON.stringify(answer.body)}`);
  const there = await download(publicUrl);
  must(there.bytes.equals(file(name)) && there.type === type, `Another file, of type ${there.type}`);
}
const base64 = (name: string) => file(name).toString('base64');

prove('upload-media-file', {
  parameters: {
    base64: async () => {
      await isThere(await upload({ base64: `data:image/png;base64,${base64('logo.png')}` }), 'logo.png', 'image/png');
      must((await upload({})).status === 422, 'Nothing is a file');
      must((await upload({ base64: '!!!', mimetype: 'image/png' })).status === 422, 'Anything is base64');
    },
    mimetype: async () => {
      await isThere(await upload({ base64: base64('logo.png'), mimetype: 'image/png' }), 'logo.png', 'image/png');
      // It overrides the data: URL, and the content has to be what it says.
      const right = await upload({ base64: `data:image/jpeg;base64,${base64('logo.png')}`, mimetype: 'image/png' });
      await isThere(right, 'logo.png', 'image/png');
      const wrong = await upload({ base64: base64('logo.png'), mimetype: 'video/mp4' });
      must(wrong.status === 422 || wrong.status === 415, `A PNG as a video is ${wrong.status}`);
    },
    'Request Body': async () => {
      await isThere(await raw(file('report.pdf'), 'application/pdf'), 'report.pdf', 'application/pdf');
      await isThere(await raw(file('training-video.mp4'), 'video/mp4'), 'training-video.mp4', 'video/mp4');
      const wrong = await raw(file('report.pdf'), 'image/jpeg');
      must(wrong.status === 422 || wrong.status === 415, `A PDF as a picture is ${wrong.status}`);
    },
  },
  responses: {
    'Success Response': async (is) => {
      const { publicUrl } = is(await raw(file('image.jpg'), 'image/jpeg')) as unknown as { publicUrl: string };
      must(/\/media\/[^/]+\.jpg$/.test(publicUrl), publicUrl);
      const { message } = await world.sent({ imageUrl: publicUrl });
      must(message.media?.kind === 'image', 'No message can be made of it');
    },
    'Error Response': async (is) => {
      // A JPEG, by its first bytes, of more than the 16 MB that pictures may have.
      const huge = Buffer.concat([file('image.jpg'), Buffer.alloc(16 * 1024 * 1024 + 1)]);
      is(await raw(huge, 'image/jpeg'));
    },
  },
});

/** The `data` of the webhook that a received file brings. */
async function received(content: Record<string, unknown>): Promise<{ messages: { key: { id: string } } }> {
  const { id } = await world.sandbox.send(SAMPLE, { to: OWN, ...content });
  return world.stage.until((events) => {
    const data = events.filter(({ event }) => event === 'messages.received').map((event) => event.data);
    return (data as { messages: { key: { id: string } } }[]).find(({ messages }) => messages.key.id === id);
  });
}
const decrypt = (data: unknown) => world.api('POST', '/api/decrypt-media', { data });
const dataUrl = (type: string, name: string) => `data:${type};base64,${base64(name)}`;

prove('decrypt-media-file', {
  parameters: {
    data: async () => {
      const missing = await world.api('POST', '/api/decrypt-media', {});
      must(missing.status === 422, `Nothing is ${missing.status}`);
      for (const [content, name] of [
        [{ imageUrl: dataUrl('image/png', 'logo.png') }, 'logo.png'],
        [{ videoUrl: dataUrl('video/mp4', 'training-video.mp4') }, 'training-video.mp4'],
        [{ audioUrl: dataUrl('audio/ogg', 'voice.ogg') }, 'voice.ogg'],
        [{ documentUrl: dataUrl('application/pdf', 'report.pdf'), fileName: 'report.pdf' }, 'report.pdf'],
        [{ stickerUrl: dataUrl('image/webp', 'sticker.webp') }, 'sticker.webp'],
      ] as const) {
        const answer = await decrypt(await received(content));
        const { publicUrl } = answer.body as unknown as { publicUrl: string };
        must(publicUrl, `${name}: ${JSON.stringify(answer.body)}`);
        must((await download(publicUrl)).bytes.equals(file(name)), `${name} is another file`);
      }
    },
  },
  responses: {
    'Success Response': async (is) => {
      const data = await received({ imageUrl: dataUrl('image/png', 'logo.png'), text: 'look' });
      const { publicUrl } = is(await decrypt(data)) as unknown as { publicUrl: string };
      must(publicUrl.includes('/api/decrypted-media/'), publicUrl);
      must((await download(publicUrl)).bytes.equals(file('logo.png')), 'Another file');
    },
    'Error Response': async (is) => void is(await decrypt(await received({ text: 'no file' }))),
  },
});
