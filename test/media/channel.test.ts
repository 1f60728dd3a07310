import { FRIEND, OWN, Stage } from '../whatsapp/stage.ts';
import { jpeg, PDF } from './pictures.ts';

let stage: Stage;
beforeAll(async () => void (stage = await Stage.open()));
afterAll(() => stage?.close());

test('a file posted in a channel is there for everybody, byte for byte', async () => {
  const { jid } = stage.sandbox.channels.create({ owner: OWN, name: 'Birds' });
  const photo = await jpeg();
  for (const [field, bytes, type] of [
    ['imageUrl', photo, 'image/jpeg'],
    ['documentUrl', PDF, 'application/pdf'],
  ] as const) {
    const answer = await stage.call('POST', '/api/send-message', {
      to: jid,
      [field]: `data:${type};base64,${bytes.toString('base64')}`,
      wait: true,
    });
    expect(answer).toMatchObject({ status: 200 });
    await stage.sandbox.idle();
    const post = stage.sandbox.channels.posts(jid).at(-1)!;
    const file = Object.values(post.message as Record<string, { directPath: string; fileSha256: string }>)[0]!;
    const { pathname, searchParams } = new URL(file.directPath, stage.sandbox.url);
    expect(pathname).toMatch(/^\/m1\//);
    const served = await fetch(`${stage.sandbox.url}${pathname}?${searchParams.toString()}`);
    expect(Buffer.from(await served.arrayBuffer())).toEqual(bytes);
    const hash = Buffer.from(file.fileSha256, 'base64').toString('base64url');
    const stanzas = stage.sandbox
      .stanzas({ phone: OWN })
      .map(({ stanza }) => stanza as { attrs?: Record<string, string> });
    expect(stanzas.find(({ attrs }) => attrs?.['id'] === post.id)?.attrs).toMatchObject({ media_id: hash });
  }
});

test('a file posted in a channel that the account follows can be had', async () => {
  const { jid } = stage.sandbox.channels.create({ owner: FRIEND, name: 'Bees' });
  await stage.call('POST', `/api/channels/${jid}/follow`);
  const photo = await jpeg(99, 77);
  const post = await stage.sandbox.channels.post(jid, { by: FRIEND, imageBase64: photo.toString('base64') } as never);
  const id = (post as { id: string }).id;
  await stage.until((events) =>
    events.some(({ event, data }) => event === 'messages-newsletter.received' && JSON.stringify(data).includes(id)),
  );
  const { status, body } = await stage.call('POST', '/api/decrypt-media', { id });
  expect({ status, body }).toMatchObject({ status: 200 });
  expect(Buffer.from(await (await fetch(String(body['publicUrl']))).arrayBuffer())).toEqual(photo);
});
