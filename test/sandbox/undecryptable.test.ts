import { expect, test } from '@jest/globals';
import { proto, type BinaryNode, type WAMessage } from '@whiskeysockets/baileys';
import type { PhoneInfo } from '../../engine/sandbox/index.ts';
import type { Client } from './client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();
const { DELIVERY_ACK } = proto.WebMessageInfo.Status;
const { CIPHERTEXT } = proto.WebMessageInfo.StubType;

/** A client and a contact with a settled session. */
async function withContact(): Promise<{ client: Client; mine: PhoneInfo; friend: PhoneInfo }> {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  await world.sandbox.send(friend.phone, { to: mine.phone, text: 'first' });
  await client.text('first');
  const sent = await client.socket.sendMessage(friend.jid, { text: 'second' });
  await client.status(sent!.key.id!, DELIVERY_ACK);
  return { client, mine, friend };
}

const stubOf = (client: Client, id: string): Promise<WAMessage> =>
  client.message(
    `a stub of ${id}`,
    ({ key, messageStubType }) => key.id === id && Number(messageStubType) === Number(CIPHERTEXT),
  );

const frames = (client: Client, id: string) =>
  world.sandbox
    .stanzas({ device: client.jid })
    .map(({ direction, stanza }) => ({ direction, ...(stanza as BinaryNode) }))
    .filter(({ tag, attrs }) => attrs['id'] === id && (tag === 'message' || tag === 'receipt'));

test('a garbled message is reported as one that cannot be read, asked for again, and then read', async () => {
  const { client, mine, friend } = await withContact();
  world.sandbox.addFault({ fault: 'garble', phone: mine.phone, times: 1 });
  const { id } = await world.sandbox.send(friend.phone, { to: mine.phone, text: 'through the noise' });
  expect((await stubOf(client, id)).message ?? null).toBeNull();
  expect((await client.text('through the noise')).key.id).toBe(id);
  expect(frames(client, id).filter(({ tag }) => tag === 'message')).toHaveLength(2);
  await eventually('it counts as delivered', () =>
    world.sandbox
      .messages(friend.phone)
      .find((message) => message.id === id)
      ?.devices?.some(({ device, status }) => device === client.jid && status === 'delivered'),
  );
});

test('a message that is garbled for good is never read, and those behind it are', async () => {
  const { client, mine, friend } = await withContact();
  world.sandbox.addFault({ fault: 'garble', device: client.jid, times: 1, forGood: true });
  const { id } = await world.sandbox.send(friend.phone, { to: mine.phone, text: 'lost' });
  await stubOf(client, id);
  await world.sandbox.send(friend.phone, { to: mine.phone, text: 'found' });
  await client.text('found');
  await eventually('the phone has given up', () => {
    const retries = frames(client, id).filter(({ tag, attrs }) => tag === 'receipt' && attrs['type'] === 'retry');
    return retries.length >= 4;
  });
  expect(client.messages.some(({ message }) => message?.conversation === 'lost')).toBe(false);
  expect(world.sandbox.faults()).toMatchObject([{ fault: 'garble', fired: 1, active: false }]);
});

test.each([
  'view_once',
  'view_once_unavailable_fanout',
  'bot_unavailable_fanout',
  'hosted_unavailable_fanout',
] as const)('a message is withheld from a client as %s', async (type) => {
  const { client, mine, friend } = await withContact();
  world.sandbox.addFault({ fault: 'withhold', phone: mine.phone, type, times: 1 });
  const unavailable = new Promise<BinaryNode>((resolve) => client.socket.ws.on('CB:message,,unavailable', resolve));
  const { id } = await world.sandbox.send(friend.phone, { to: mine.phone, text: 'only on the phone' });
  const node = await unavailable;
  expect(node.attrs['id']).toBe(id);
  expect((node.content as BinaryNode[])[0]).toMatchObject({ tag: 'unavailable', attrs: { type } });
  if (type === 'view_once') {
    const stub = await client.message('the placeholder', ({ key }) => key.id === id);
    expect(stub.key.isViewOnce).toBe(true);
  }
  await world.sandbox.send(friend.phone, { to: mine.phone, text: 'for everybody' });
  await client.text('for everybody');
  expect(client.messages.some(({ message }) => message?.conversation === 'only on the phone')).toBe(false);
  expect(world.sandbox.messages(mine.phone, { chat: friend.phone }).map(({ text }) => text)).toContain(
    'only on the phone',
  );
});

test('a message that never came is asked of the own phone, which has it', async () => {
  const { client, mine, friend } = await withContact();
  world.sandbox.addFault({ fault: 'withhold', phone: mine.phone, times: 1 });
  const { id } = await world.sandbox.send(friend.phone, { to: mine.phone, text: 'ask the phone' });
  expect((await stubOf(client, id)).messageStubParameters).toEqual(['Message absent from node']);
  expect((await client.text('ask the phone')).key.id).toBe(id);
});

test('a contact who installs WhatsApp anew has another identity: clients are told, and both sides go on', async () => {
  const { client, mine, friend } = await withContact();
  const told = new Promise<BinaryNode>((resolve) => client.socket.ws.on('CB:notification,type:encrypt', resolve));
  expect((await world.http('POST', `/phones/${friend.phone}/reinstall`)).status).toBe(204);
  const notification = await told;
  expect(notification.attrs).toMatchObject({ from: friend.jid, lid: friend.lid });
  expect((notification.content as BinaryNode[])[0]?.tag).toBe('identity');
  const sent = await client.socket.sendMessage(friend.jid, { text: 'is it you?' });
  await client.status(sent!.key.id!, DELIVERY_ACK);
  expect(world.sandbox.messages(friend.phone).at(-1)).toMatchObject({ text: 'is it you?' });
  await world.sandbox.send(friend.phone, { to: mine.phone, text: 'a new phone' });
  await client.text('a new phone');
});

test('a contact’s new identity reaches a client that was away', async () => {
  const { client, mine, friend } = await withContact();
  await client.disconnect();
  await world.sandbox.reinstall(friend.phone);
  await world.sandbox.send(friend.phone, { to: mine.phone, text: 'after a fall' });
  client.connect();
  await client.text('after a fall');
  const answer = await client.socket.sendMessage(friend.jid, { text: 'oh dear' });
  await client.status(answer!.key.id!, DELIVERY_ACK);
});

test('installing WhatsApp anew logs the linked devices out, and keeps the chats', async () => {
  const { client, mine, friend } = await withContact();
  const closed = client.closed();
  await world.sandbox.reinstall(mine.phone);
  expect(await closed).toBe(401);
  expect(world.sandbox.phone(mine.phone)).toMatchObject({ jid: mine.jid, lid: mine.lid, devices: [] });
  expect(world.sandbox.messages(mine.phone, { chat: friend.phone })).toHaveLength(2);
  const anew = await world.linked(world.sandbox.phone(mine.phone));
  const sent = await anew.socket.sendMessage(friend.jid, { text: 'linked again' });
  await anew.status(sent!.key.id!, DELIVERY_ACK);
});
