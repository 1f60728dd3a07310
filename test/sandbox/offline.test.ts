import { expect, test } from '@jest/globals';
import { proto, type BinaryNode } from '@whiskeysockets/baileys';
import { Client, textOf } from './client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();
const { DELIVERY_ACK } = proto.WebMessageInfo.Status;

/** Every stanza that a client gets from now on. */
function record(client: Client): BinaryNode[] {
  const seen: BinaryNode[] = [];
  client.socket.ws.on('frame', (frame: BinaryNode) => seen.push(frame));
  return seen;
}

test('messages that came while the client was away are delivered in order, marked offline, and counted', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const { RECENT } = proto.Message.HistorySyncType;
  await client.message('the end of the first sync', ({ message }) => {
    const { syncType, progress } = message?.protocolMessage?.historySyncNotification ?? {};
    return syncType === RECENT && progress === 100;
  });
  await client.disconnect();
  const texts = Array.from({ length: 30 }, (_, i) => `while away ${i}`);
  for (const text of texts) await world.sandbox.send(friend.phone, { to: mine.phone, text });
  const before = client.messages.length;
  client.connect();
  const stanzas = record(client);
  await client.text('while away 29');
  expect(client.messages.slice(before).map(textOf)).toEqual(texts);
  const given = stanzas.filter(({ tag }) => tag === 'message');
  expect(given.map(({ attrs }) => attrs['offline'])).toEqual(texts.map(() => '1'));
  const end = stanzas.find(
    ({ tag, content }) => tag === 'ib' && Array.isArray(content) && content[0]?.tag === 'offline',
  );
  expect((end?.content as BinaryNode[])[0]?.attrs['count']).toBe('30');
  expect(stanzas.indexOf(end!)).toBeGreaterThan(stanzas.indexOf(given.at(-1)!));
});

test('a message that the client has not acknowledged is delivered again, one that it has is not', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  await world.sandbox.send(friend.phone, { to: mine.phone, text: 'acknowledged' });
  await eventually('it is acknowledged', () =>
    world.sandbox.messages(friend.phone)[0]?.devices?.every(({ status }) => status === 'delivered'),
  );
  // the client dies between receiving and acknowledging
  world.sandbox.addFault({ fault: 'never-answer', match: ['receipt', 'ack'], phone: mine.phone });
  await world.sandbox.send(friend.phone, { to: mine.phone, text: 'not acknowledged' });
  await client.text('not acknowledged');
  await client.disconnect();
  world.sandbox.removeFaults();
  client.connect();
  const stanzas = record(client);
  await client.until('the end of the backlog', () => offlineCount(stanzas));
  const again = stanzas.filter(({ tag, attrs }) => tag === 'message' && attrs['offline'] === '1');
  expect(again).toHaveLength(1);
});

test('receipts that came while the client was away are delivered too', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const sent = await client.socket.sendMessage(friend.jid, { text: 'read me later' });
  await client.status(sent!.key.id!, DELIVERY_ACK);
  await client.disconnect();
  await world.sandbox.read(friend.phone, { chat: mine.phone });
  client.connect();
  await client.status(sent!.key.id!, proto.WebMessageInfo.Status.READ);
});

test('a client that is connected twice is replaced: the first gets 440', async () => {
  const client = await world.linked();
  const second = world.client(client.memory);
  const closed = client.closed();
  second.connect();
  expect(await closed).toBe(440);
  await second.opened();
});

test('nothing is delivered to a passive client until it says that it is active', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  await client.disconnect();
  await world.sandbox.send(friend.phone, { to: mine.phone, text: 'patience' });
  world.sandbox.addFault({ fault: 'never-answer', match: 'iq:passive', phone: mine.phone });
  const from = client.events.length;
  client.connect();
  const stanzas = record(client);
  await eventually(
    'the client has asked to be active',
    () =>
      world.sandbox
        .stanzas({ device: client.jid })
        .some(({ direction, stanza }) => direction === 'in' && JSON.stringify(stanza).includes('"active"')) &&
      world.sandbox.faults()[0]?.fired === 1,
  );
  expect(stanzas.some(({ tag }) => tag === 'message')).toBe(false);
  await client.disconnect();
  world.sandbox.removeFaults();
  client.connect();
  await client.opened(from);
  await client.text('patience');
});

function offlineCount(stanzas: BinaryNode[]): string | undefined {
  for (const { tag, content } of stanzas) {
    if (tag === 'ib' && Array.isArray(content) && content[0]?.tag === 'offline') return content[0].attrs['count'];
  }
  return undefined;
}
