import { expect, test } from '@jest/globals';
import { proto } from '@whiskeysockets/baileys';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();
const { DELIVERY_ACK } = proto.WebMessageInfo.Status;

/** How often a client sent a stanza that contains this. */
function sent(device: string, what: string): number {
  return world.sandbox
    .stanzas({ device })
    .filter(({ direction, stanza }) => direction === 'in' && JSON.stringify(stanza).includes(what)).length;
}

test('a client that has lost its sessions asks again, and the phone encrypts the same message anew', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  await world.sandbox.send(friend.phone, { to: mine.phone, text: 'first' });
  const first = await client.text('first');
  await client.socket.sendMessage(friend.jid, { text: 'so that the session is settled' });
  await eventually('it is there', () => world.sandbox.messages(friend.phone).length === 2);
  await client.disconnect();
  client.memory.forget('session');
  const from = client.events.length;
  client.connect();
  await client.opened(from);
  const { id } = await world.sandbox.send(friend.phone, { to: mine.phone, text: 'second' });
  const second = await client.text('second');
  expect(second.key).toMatchObject({ id, remoteJid: first.key.remoteJid });
  expect(sent(client.jid, '"type":"retry"')).toBeGreaterThan(0);
  await eventually('the phone knows that it was delivered in the end', () =>
    world.sandbox
      .messages(friend.phone)
      .find((message) => message.id === id)
      ?.devices?.some((one) => one.device === client.jid && one.status === 'delivered' && one.error === undefined),
  );
});

test('a phone that cannot decrypt asks the client again, and gets the message under the same id', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const first = await client.socket.sendMessage(friend.jid, { text: 'first' });
  await client.status(first!.key.id!, DELIVERY_ACK);
  await world.sandbox.send(friend.phone, { to: mine.phone, text: 'so that the session is settled' });
  await client.text('so that the session is settled');
  world.sandbox.loseSessions(friend.phone);
  const second = await client.socket.sendMessage(friend.jid, { text: 'second' });
  await client.status(second!.key.id!, DELIVERY_ACK);
  expect(
    world.sandbox
      .messages(friend.phone)
      .map(({ id, text }) => [id, text])
      .at(-1),
  ).toEqual([second!.key.id, 'second']);
  const copies = world.sandbox.messages(friend.phone).filter(({ id }) => id === second!.key.id);
  expect(copies).toHaveLength(1);
});

test('a message that arrives twice is kept once and acknowledged twice', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const message = await client.socket.sendMessage(friend.jid, { text: 'twice' });
  await client.status(message!.key.id!, DELIVERY_ACK);
  await client.socket.relayMessage(friend.jid, { conversation: 'twice' }, { messageId: message!.key.id! });
  const after = await client.socket.sendMessage(friend.jid, { text: 'afterwards' });
  await client.status(after!.key.id!, DELIVERY_ACK);
  expect(world.sandbox.messages(friend.phone).map(({ text }) => text)).toEqual(['twice', 'afterwards']);
});

test("a client's own phone that cannot decrypt its copy gets it again", async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const first = await client.socket.sendMessage(friend.jid, { text: 'first' });
  await client.status(first!.key.id!, DELIVERY_ACK);
  await world.sandbox.send(mine.phone, { to: friend.phone, text: 'settle' });
  await client.text('settle');
  await client.socket.sendMessage(friend.jid, { text: 'second' });
  world.sandbox.loseSessions(mine.phone);
  const third = await client.socket.sendMessage(friend.jid, { text: 'third' });
  await eventually('the copy is on the phone', () =>
    world.sandbox.messages(mine.phone, { chat: friend.phone }).some(({ id }) => id === third!.key.id),
  );
});

test('a phone resends a message that its linked device could not read, when it is asked for it', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const { id } = await world.sandbox.send(friend.phone, { to: mine.phone, text: 'again, please' });
  const first = await client.text('again, please');
  const from = client.events.length;
  await client.socket.sendPeerDataOperationMessage({
    placeholderMessageResendRequest: [{ messageKey: { remoteJid: friend.jid, fromMe: false, id: first.key.id } }],
    peerDataOperationRequestType: proto.Message.PeerDataOperationRequestType.PLACEHOLDER_MESSAGE_RESEND,
  });
  const resent = await client.until(
    'the message again',
    (events) =>
      events
        .flatMap((one) => (one.event === 'messages.upsert' ? one.data.messages : []))
        .find((message) => message.key.id === id),
    from,
  );
  expect(resent.message?.conversation).toBe('again, please');
});
