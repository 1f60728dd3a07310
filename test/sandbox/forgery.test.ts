import { expect, test } from '@jest/globals';
import { proto, type BinaryNode } from '@whiskeysockets/baileys';
import type { Client } from './client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
/** A text as a client would pad it. */
const text = (conversation: string) =>
  base64(Buffer.concat([proto.Message.encode({ conversation }).finish(), Buffer.of(1)]));

function framesOf(client: Client): BinaryNode[] {
  const frames: BinaryNode[] = [];
  client.socket.ws.on('frame', (node: BinaryNode) => frames.push(node));
  return frames;
}

test('a stanza of any shape reaches the client as it was written', async () => {
  const client = await world.linked();
  const frames = framesOf(client);
  const node = {
    tag: 'notification',
    attrs: { type: 'unheard-of', from: 'nobody' },
    content: [{ tag: 'inner', attrs: {}, content: { base64: 'AAEC' } }],
  };
  const sent = await world.http('POST', '/stanzas', { device: client.jid, node });
  expect(sent).toEqual({ status: 201, body: { devices: [client.jid] } });
  const seen = await eventually('it is there', () => frames.find(({ attrs }) => attrs['type'] === 'unheard-of'));
  expect(seen.content).toEqual([{ tag: 'inner', attrs: {}, content: Buffer.of(0, 1, 2) }]);
});

test('bytes that are no stanza go out as they are, and the log shows them as bytes', async () => {
  const client = await world.linked();
  const frame = base64(Buffer.of(0, 248, 1));
  // Baileys alone does not survive it: its listener fails, and nobody catches that.
  client.socket.ws.removeAllListeners('message');
  world.sandbox.sendStanza({ device: client.jid, frame });
  expect(world.sandbox.stanzas({ device: client.jid }).at(-1)).toMatchObject({
    direction: 'out',
    stanza: { frame: { base64: frame } },
  });
});

test('bytes are encrypted as a message, with attributes that the server would not have given it', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const frames = framesOf(client);
  const attrs = { notify: 'Somebody else', sender_lid: null };
  const sent = await world.http('POST', `/phones/${friend.phone}/send-bytes`, {
    to: mine.phone,
    bytes: text('from bytes'),
    attrs,
  });
  expect(sent).toEqual({ status: 201, body: { id: expect.any(String), devices: [client.jid] } });
  const message = await client.text('from bytes');
  expect(message).toMatchObject({ key: { id: sent.body['id'] }, pushName: 'Somebody else' });
  expect(frames.find(({ tag }) => tag === 'message')?.attrs).not.toHaveProperty('sender_lid');
  expect(world.sandbox.messages(friend.phone)).toEqual([]);
});

test('in a group, too, and what is sent before and after it can be read', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const { jid } = world.sandbox.groups.create({ creator: friend.phone, subject: 'Bytes', participants: [mine.phone] });
  await world.sandbox.send(friend.phone, { to: jid, text: 'before' });
  await client.text('before');
  await world.sandbox.sendBytes(friend.phone, { to: jid, bytes: text('between') });
  await client.text('between');
  await world.sandbox.send(friend.phone, { to: jid, text: 'after' });
  await client.text('after');
});

test.each([
  [{ node: { tag: 'iq' } }, 422, '"phone", "device"'],
  [{ phone: '15550100001' }, 422, '"node"'],
  [{ phone: '15550100001', node: { tag: 'iq' } }, 409, 'connect one first'],
  [{ phone: '15550100001', node: { tag: '' } }, 422, 'node.tag'],
])('%j is refused with %i', async (request, status, message) => {
  const answer = await world.http('POST', '/stanzas', request);
  expect(answer).toMatchObject({ status, body: { message: expect.stringContaining(message) } });
});
