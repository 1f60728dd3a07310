import { createHash, randomBytes } from 'node:crypto';
import { beforeAll, expect, test } from '@jest/globals';
import { downloadMediaMessage, proto, type WAMessage } from '@whiskeysockets/baileys';
import { clientAgents, type PhoneInfo } from '../../engine/sandbox/index.ts';
import type { Client, Memory } from './client.ts';
import { dataUrl, picture } from './files.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();
let mine: PhoneInfo;
let memory: Memory;

beforeAll(async () => {
  mine = world.phone('Ada');
  const client = await world.linked(mine);
  memory = client.memory;
  await client.disconnect();
});

/** A client that reaches the media host. */
async function online(): Promise<Client> {
  const client = world.client(memory, clientAgents(world.sandbox.url)).connect();
  await client.opened();
  return client;
}

function download(message: WAMessage): Promise<Buffer> {
  // a client that has not uploaded anything yet does not know the host and takes WhatsApp's own
  const host = `127.0.0.1:${world.sandbox.port}`;
  return downloadMediaMessage(message, 'buffer', { ...clientAgents(world.sandbox.url), host });
}

/** Where a client is to upload, as `media_conn` says. */
async function mediaConnection(client: Client): Promise<{ auth: string; origin: string }> {
  const { auth, hosts } = await client.socket.refreshMediaConn(true);
  return { auth, origin: `http://${hosts[0]!.hostname}` };
}

const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('base64url');

test('a client uploads a picture and downloads the same bytes', async () => {
  const client = await online();
  const bytes = await picture();
  const sent = await client.socket.sendMessage(mine.jid, { image: bytes, caption: 'look' });
  const { imageMessage } = sent!.message!;
  expect(imageMessage!.url).toMatch(`https://127.0.0.1:${world.sandbox.port}/v/t62.7118-24/`);
  expect(imageMessage).toMatchObject({
    directPath: expect.stringMatching(/^\/v\/t62.*[?&]oe=/),
    width: 64,
    height: 48,
  });
  expect(await download(sent!)).toEqual(bytes);
});

test('a client downloads a part of a file', async () => {
  const client = await online();
  const bytes = randomBytes(100_000);
  const sent = await client.socket.sendMessage(mine.jid, { document: bytes, mimetype: 'application/x-thing' });
  const { downloadContentFromMessage } = await import('@whiskeysockets/baileys');
  const part = await downloadContentFromMessage(sent!.message!.documentMessage as never, 'document', {
    ...clientAgents(world.sandbox.url),
    startByte: 40_000,
    endByte: 50_000,
  });
  const chunks: Buffer[] = [];
  for await (const chunk of part) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks)).toEqual(bytes.subarray(40_000, 50_000));
});

test('an upload needs the token, the right hash, a known kind and a bearable size', async () => {
  const { auth, origin } = await mediaConnection(await online());
  const body = randomBytes(2000);
  const hash = hashOf(body);
  const post = async (path: string, query: Record<string, string>, bytes: Buffer = body, headers = {}) => {
    const init = { method: 'POST', body: bytes as never, headers };
    return (await fetch(`${origin}${path}?${new URLSearchParams(query).toString()}`, init)).status;
  };
  expect(await post(`/mms/image/${hash}`, { token: hash })).toBe(401);
  expect(await post(`/mms/image/${hash}`, { token: hash, auth: `${auth}x` })).toBe(401);
  expect(await post(`/mms/image/${hash}`, { token: hashOf(Buffer.from('other')), auth })).toBe(403);
  expect(await post(`/mms/image/${hash}`, { token: hash, auth }, randomBytes(2000))).toBe(415);
  expect(await post(`/mms/nonsense/${hash}`, { token: hash, auth })).toBe(404);
  const large = randomBytes(2 * 1024 * 1024);
  expect(await post(`/mms/sticker/${hashOf(large)}`, { token: hashOf(large), auth }, large)).toBe(413);
  expect(await post(`/mms/image/${hash}`, { token: hash, auth })).toBe(200);
});

test.each(['video', 'audio', 'document', 'ptt', 'md-msg-hist', 'md-app-state', 'thumbnail-link'])(
  'what is uploaded as %s comes back',
  async (kind) => {
    const { auth, origin } = await mediaConnection(await online());
    const body = randomBytes(500);
    const hash = hashOf(body);
    const query = new URLSearchParams({ auth, token: hash }).toString();
    const answer = await fetch(`${origin}/mms/${kind}/${hash}?${query}`, { method: 'POST', body: body as never });
    const { direct_path: path } = (await answer.json()) as { direct_path: string };
    const there = await fetch(`${origin}${path}`);
    expect(Buffer.from(await there.arrayBuffer())).toEqual(body);
    const head = await fetch(`${origin}${path}`, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe('500');
    const end = await fetch(`${origin}${path}`, { headers: { range: 'bytes=-20' } });
    expect(end.status).toBe(206);
    expect(Buffer.from(await end.arrayBuffer())).toEqual(body.subarray(480));
    expect((await fetch(`${origin}${path}`, { headers: { range: 'bytes=500-' } })).status).toBe(416);
  },
);

test('what is uploaded for a channel lies there unencrypted, under a path of its own, with a handle', async () => {
  const { auth, origin } = await mediaConnection(await online());
  const body = await picture();
  const token = `${hashOf(body)}=`;
  const address = `${origin}/newsletter/newsletter-image/${encodeURIComponent(token)}`;
  const query = new URLSearchParams({ auth, token }).toString();
  const answer = await fetch(`${address}?${query}`, { method: 'POST', body: body as never });
  const placed = (await answer.json()) as { direct_path: string; handle: string };
  expect(placed).toEqual({
    url: expect.any(String),
    direct_path: expect.stringMatching(/^\/m1\/v\//),
    handle: expect.any(String),
  });
  const there = await fetch(`${origin}${placed.direct_path}`);
  expect(Buffer.from(await there.arrayBuffer())).toEqual(body);
});

test('a download needs the address that was given out', async () => {
  const client = await online();
  const sent = await client.socket.sendMessage(mine.jid, { image: await picture() });
  const path = sent!.message!.imageMessage!.directPath!;
  const status = async (wanted: string) => (await fetch(`${world.sandbox.url}${wanted}`)).status;
  expect(await status(path)).toBe(200);
  expect(await status(path.replace(/oh=[^&]*/, 'oh=01_x'))).toBe(403);
  expect(await status(path.replace(/\/\d+_/, '/1_'))).toBe(404);
});

test('a file that has expired is gone', async () => {
  const client = await online();
  const sent = await client.socket.sendMessage(mine.jid, { image: await picture() });
  const path = sent!.message!.imageMessage!.directPath!;
  const answer = await world.http('POST', '/media/expire', { directPath: path });
  expect(answer).toEqual({ status: 200, body: { expired: 1 } });
  expect((await fetch(`${world.sandbox.url}${path}`)).status).toBe(410);
  await expect(download(sent!)).rejects.toMatchObject({ output: { statusCode: 410 } });
});

test('refuse-upload: the client cannot send media, and can when it is over', async () => {
  const client = await online();
  world.sandbox.addFault({ fault: 'refuse-upload', code: 507, phone: mine.phone, times: 1 });
  await expect(client.socket.sendMessage(mine.jid, { image: await picture() })).rejects.toThrow(/upload failed/i);
  expect(world.sandbox.faults()).toMatchObject([{ fired: 1, active: false }]);
  const sent = await client.socket.sendMessage(mine.jid, { image: await picture() });
  expect(sent!.status).toBe(proto.WebMessageInfo.Status.PENDING);
});

// --- media retry ---

test('a file that has expired is uploaded again by the phone that has received it', async () => {
  const friend = world.phone('Grace');
  const client = await online();
  const bytes = await picture();
  const { id } = await world.sandbox.send(friend.phone, { to: mine.phone, imageUrl: dataUrl('image/jpeg', bytes) });
  const message = await client.message('the picture', ({ key }) => key.id === id);
  await world.sandbox.idle();
  world.sandbox.expireMedia();
  await expect(download(message)).rejects.toMatchObject({ output: { statusCode: 410 } });
  const before = message.message!.imageMessage!.directPath;
  const again = await client.socket.updateMediaMessage(message);
  expect(again.message!.imageMessage!.directPath).not.toBe(before);
  expect(await download(again)).toEqual(bytes);
});

test('a file that the client has sent itself is uploaded again by its phone', async () => {
  const friend = world.phone('Grace');
  const client = await online();
  const bytes = await picture();
  const sent = await client.socket.sendMessage(friend.jid, { image: bytes });
  await eventually('the copy is on the phone', () =>
    world.sandbox.messages(mine.phone).some(({ id }) => id === sent!.key.id),
  );
  world.sandbox.expireMedia();
  expect(await download(await client.socket.updateMediaMessage(sent!))).toEqual(bytes);
});

test('a file that the phone has not got either is not found', async () => {
  const friend = world.phone('Grace');
  const client = await online();
  const { id } = await world.sandbox.send(friend.phone, {
    to: mine.phone,
    imageUrl: dataUrl('image/jpeg', await picture()),
  });
  const message = await client.message('the picture', ({ key }) => key.id === id);
  await world.sandbox.idle();
  await world.sandbox.gestures.delete(mine.phone, { chat: friend.phone, id, forEveryone: false });
  world.sandbox.expireMedia();
  await expect(client.socket.updateMediaMessage(message)).rejects.toMatchObject({ output: { statusCode: 404 } });
});

test('who asks without knowing the key of the file gets nothing', async () => {
  const friend = world.phone('Grace');
  const client = await online();
  const { id } = await world.sandbox.send(friend.phone, {
    to: mine.phone,
    imageUrl: dataUrl('image/jpeg', await picture()),
  });
  const message = await client.message('the picture', ({ key }) => key.id === id);
  await world.sandbox.idle();
  message.message!.imageMessage!.mediaKey = randomBytes(32);
  await expect(client.socket.updateMediaMessage(message)).rejects.toMatchObject({ output: { statusCode: 412 } });
});

test('a file whose key is wrong is not opened by a phone', async () => {
  const friend = world.phone('Grace');
  const client = await online();
  const sent = await client.socket.sendMessage(friend.jid, { image: await picture() });
  const imageMessage = { ...sent!.message!.imageMessage!, mediaKey: randomBytes(32) };
  const id = await client.socket.relayMessage(friend.jid, { imageMessage }, {});
  await eventually('the phone has it', () => world.sandbox.messages(friend.phone).some((one) => one.id === id));
  await expect(world.sandbox.gestures.media(friend.phone, id)).rejects.toMatchObject({ code: 'media-forged' });
});
