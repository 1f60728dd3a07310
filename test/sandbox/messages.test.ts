import { beforeAll, expect, test } from '@jest/globals';
import { proto } from '@whiskeysockets/baileys';
import type { PhoneInfo } from '../../engine/sandbox/index.ts';
import { textOf, type Client, type Memory } from './client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();
const { DELIVERY_ACK, READ } = proto.WebMessageInfo.Status;
let mine: PhoneInfo;
let memory: Memory;

beforeAll(async () => {
  mine = world.phone('Ada');
  const client = await world.linked(mine);
  memory = client.memory;
  await client.disconnect();
});

/** The same device in most tests: pairing anew each time would be most of the work. */
async function online(): Promise<Client> {
  const client = world.client(memory).connect();
  await client.opened();
  return client;
}

test('a text from a phone reaches the linked client, addressed by number', async () => {
  const friend = world.phone('Grace');
  const client = await online();
  const { id } = await world.sandbox.send(friend.phone, { to: mine.phone, text: 'hello' });
  const message = await client.text('hello');
  expect(message.key).toMatchObject({ id, remoteJid: friend.jid, remoteJidAlt: friend.lid, fromMe: false });
  expect(message.pushName).toBe('Grace');
});

test('a text from a phone reaches the linked client, addressed by LID', async () => {
  const friend = world.phone();
  const client = await online();
  await world.sandbox.send(friend.phone, { to: mine.lid, text: 'hello' });
  const message = await client.text('hello');
  expect(message.key).toMatchObject({ remoteJid: friend.lid, remoteJidAlt: friend.jid, fromMe: false });
});

test('a text from a client reaches the phone, addressed by number', async () => {
  const friend = world.phone();
  const client = await online();
  const sent = await client.socket.sendMessage(friend.jid, { text: 'hi there' });
  await client.status(sent!.key.id!, DELIVERY_ACK);
  expect(world.sandbox.messages(friend.phone, { chat: mine.phone })).toMatchObject([
    { id: sent!.key.id, text: 'hi there', from: mine.jid, fromMe: false, addressing: 'pn', fromDevice: client.jid },
  ]);
});

test('a text from a client reaches the phone, addressed by LID', async () => {
  const friend = world.phone();
  const client = await online();
  const sent = await client.socket.sendMessage(friend.lid, { text: 'hi there' });
  await client.status(sent!.key.id!, DELIVERY_ACK);
  expect(world.sandbox.messages(friend.phone, { chat: mine.lid })).toMatchObject([
    { id: sent!.key.id, text: 'hi there', from: mine.jid, addressing: 'lid' },
  ]);
});

test('a conversation goes back and forth in order', async () => {
  const friend = world.phone();
  const client = await online();
  for (let i = 0; i < 5; i++) {
    const sent = await client.socket.sendMessage(friend.jid, { text: `question ${i}` });
    await client.status(sent!.key.id!, DELIVERY_ACK);
    await world.sandbox.send(friend.phone, { to: mine.phone, text: `answer ${i}` });
    await client.text(`answer ${i}`);
  }
  const texts = world.sandbox.messages(friend.phone).map(({ text }) => text);
  expect(texts).toEqual([0, 1, 2, 3, 4].flatMap((i) => [`question ${i}`, `answer ${i}`]));
});

test("the account's own phone gets a copy of what a linked device sends", async () => {
  const friend = world.phone();
  const client = await online();
  const sent = await client.socket.sendMessage(friend.jid, { text: 'copied' });
  await client.status(sent!.key.id!, DELIVERY_ACK);
  await world.sandbox.idle();
  expect(world.sandbox.messages(mine.phone, { chat: friend.phone })).toMatchObject([
    { id: sent!.key.id, text: 'copied', fromMe: true, fromDevice: client.jid, status: 'delivered' },
  ]);
});

test('the linked client gets a copy of what its phone sends, under the chat it was sent to', async () => {
  const friend = world.phone();
  const client = await online();
  const { id } = await world.sandbox.send(mine.phone, { to: friend.phone, text: 'from my phone' });
  const message = await client.text('from my phone');
  expect(message.key).toMatchObject({ id, remoteJid: friend.jid, remoteJidAlt: friend.lid, fromMe: true });
  // what must not happen: the contact's number taken for our own LID's
  expect(await client.socket.signalRepository.lidMapping.getPNForLID(mine.lid)).toContain(mine.phone);
});

test('two linked devices of one account see what the other sends', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const [first, second] = [await world.linked(mine), await world.linked(mine)];
  await first.socket.sendMessage(friend.jid, { text: 'from the first' });
  const copy = await second.text('from the first');
  expect(copy.key).toMatchObject({ remoteJid: friend.jid, fromMe: true });
  await world.sandbox.send(friend.phone, { to: mine.phone, text: 'for both' });
  await Promise.all([first.text('for both'), second.text('for both')]);
});

test('two Baileys clients talk to each other', async () => {
  const [ada, grace] = [world.phone('Ada'), world.phone('Grace')];
  const [a, b] = [await world.linked(ada), await world.linked(grace)];
  const sent = await a.socket.sendMessage(grace.jid, { text: 'ping' });
  const received = await b.text('ping');
  expect(received.key).toMatchObject({ remoteJid: ada.jid, fromMe: false });
  await b.socket.sendMessage(received.key.remoteJid!, { text: 'pong' }, { quoted: received });
  const answer = await a.text('pong');
  expect(answer.message?.extendedTextMessage?.contextInfo?.stanzaId).toBe(sent!.key.id);
  await b.socket.readMessages([received.key]);
  await a.status(sent!.key.id!, READ);
});

test('the sender learns that its message was delivered and then read', async () => {
  const friend = world.phone();
  const client = await online();
  const sent = await client.socket.sendMessage(friend.jid, { text: 'read me' });
  expect(await client.status(sent!.key.id!, DELIVERY_ACK)).toBe(DELIVERY_ACK);
  expect(await world.sandbox.read(friend.phone, { chat: mine.phone })).toEqual({ read: 1 });
  expect(await client.status(sent!.key.id!, READ)).toBe(READ);
});

test("a phone's message shows which devices have it and that it was read", async () => {
  const friend = world.phone();
  const client = await online();
  const { id } = await world.sandbox.send(friend.phone, { to: mine.phone, text: 'status' });
  const received = await client.text('status');
  await world.sandbox.idle();
  await client.socket.readMessages([received.key]);
  await eventually('the read receipt is here', () => progress()?.status === 'read');
  expect(progress()).toMatchObject({
    status: 'read',
    devices: [
      { device: mine.jid, status: 'delivered' },
      { device: client.jid, status: 'read' },
    ],
  });
  function progress() {
    return world.sandbox.messages(friend.phone).find((message) => message.id === id);
  }
});

test('a reply quotes and mentions as WhatsApp does', async () => {
  const friend = world.phone();
  const client = await online();
  const first = await world.sandbox.send(mine.phone, { to: friend.phone, text: 'the original' });
  await world.sandbox.idle();
  await world.sandbox.send(friend.phone, {
    to: mine.phone,
    text: 'the reply',
    replyTo: first.id,
    mentions: [mine.phone],
  });
  const reply = await client.text('the reply');
  expect(reply.message?.extendedTextMessage?.contextInfo).toMatchObject({
    stanzaId: first.id,
    participant: mine.jid,
    quotedMessage: { conversation: 'the original' },
    mentionedJid: [mine.jid],
  });
});

test('a note to self goes both ways', async () => {
  const client = await online();
  const { id } = await world.sandbox.send(mine.phone, { to: mine.phone, text: 'remember the milk' });
  const note = await client.text('remember the milk');
  expect(note.key).toMatchObject({ id, remoteJid: mine.jid, fromMe: true });
  const sent = await client.socket.sendMessage(mine.jid, { text: 'and the bread' });
  await eventually('it is on the phone', () =>
    world.sandbox.messages(mine.phone, { chat: mine.phone }).some((message) => message.id === sent!.key.id),
  );
});

test('typing is shown to those who are there', async () => {
  const friend = world.phone();
  const client = await online();
  await client.socket.sendPresenceUpdate('available');
  await client.socket.query({
    tag: 'iq',
    attrs: { to: '@s.whatsapp.net', type: 'get', xmlns: 'w:p' },
    content: [{ tag: 'ping', attrs: {} }],
  });
  world.sandbox.typing(friend.phone, { to: mine.phone });
  const presence = await client.until(
    'typing',
    (events) => events.find((one) => one.event === 'presence.update')?.data,
  );
  expect(presence).toMatchObject({ id: friend.jid, presences: { [friend.jid]: { lastKnownPresence: 'composing' } } });
});

test('a linked device that has just been added gets the chats so far', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  await world.sandbox.send(friend.phone, { to: mine.phone, text: 'before you came' });
  await world.sandbox.idle();
  const client = await world.linked(mine);
  const history = await client.until('history', (events) => {
    const one = events.find(({ event }) => event === 'messaging-history.set');
    return one?.event === 'messaging-history.set' ? one.data : undefined;
  });
  expect(history.messages.map(textOf)).toEqual(['before you came']);
  expect(history.chats).toMatchObject([{ id: friend.jid, unreadCount: 1 }]);
});

test('a contact that links another device is written to there too', async () => {
  const friend = world.phone();
  const client = await online();
  const first = await client.socket.sendMessage(friend.jid, { text: 'one' });
  await client.status(first!.key.id!, DELIVERY_ACK);
  const later = await world.linked(friend);
  await client.socket.sendMessage(friend.jid, { text: 'two' });
  await later.text('two');
});
