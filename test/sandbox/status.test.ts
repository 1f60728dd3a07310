import { beforeAll, expect, test } from '@jest/globals';
import { proto } from '@whiskeysockets/baileys';
import type { PhoneInfo } from '../../engine/sandbox/index.ts';
import type { Client, Memory } from './client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();
const STATUS = 'status@broadcast';
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

const seen = (phone: PhoneInfo) => world.sandbox.messages(phone.phone, { chat: STATUS });

const arrived = (phone: PhoneInfo, id: string) =>
  eventually('the status is there', () => seen(phone).find((message) => message.id === id));

const post = async (client: Client, text: string, ...to: PhoneInfo[]): Promise<string> => {
  const sent = await client.socket.sendMessage(STATUS, { text }, { statusJidList: to.map(({ jid }) => jid) });
  return sent!.key.id!;
};

test("a client's status reaches those whom it is for, and nobody else", async () => {
  const [friend, stranger] = [world.phone(), world.phone()];
  const client = await online();
  const id = await post(client, 'on holiday', friend, mine);
  expect(await arrived(friend, id)).toMatchObject({ chat: STATUS, chatLid: null, text: 'on holiday', from: mine.jid });
  expect(await arrived(mine, id)).toMatchObject({ fromMe: true, fromDevice: client.jid });
  await world.sandbox.idle();
  expect(seen(stranger)).toEqual([]);
});

test("a phone's status reaches a client, which sees whose it is", async () => {
  const friend = world.phone('Grace');
  const client = await online();
  const { id } = await world.sandbox.status(friend.phone, { text: 'at the sea', to: [mine.phone] });
  const message = await client.text('at the sea');
  expect(message.key).toMatchObject({ id, remoteJid: STATUS, fromMe: false, participant: friend.jid });
  expect(message).toMatchObject({ pushName: 'Grace', broadcast: true });
  expect(message.message?.extendedTextMessage).toMatchObject({ text: 'at the sea', backgroundArgb: 0xff1f7a4d });
  await arrived(mine, id);
});

test('without a list it is for everybody whom the person knows', async () => {
  const [friend, partner, stranger] = [world.phone(), world.phone(), world.phone()];
  world.sandbox.account.saveContact(friend.phone, { phone: mine.phone, name: 'Ada' });
  await world.sandbox.send(friend.phone, { to: partner.phone, text: 'hello' });
  const { id } = await world.sandbox.status(friend.phone, { text: 'for all of you' });
  await Promise.all([arrived(mine, id), arrived(partner, id)]);
  await world.sandbox.idle();
  expect(seen(stranger)).toEqual([]);
});

test("one's own linked devices see what the phone posts", async () => {
  const client = await online();
  const { id } = await world.sandbox.status(mine.phone, { text: 'from my phone', to: [world.phone().phone] });
  expect((await client.text('from my phone')).key).toMatchObject({ id, remoteJid: STATUS, fromMe: true });
});

test('a picture is a status, too', async () => {
  const friend = world.phone();
  const client = await online();
  const red = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
  await world.sandbox.status(friend.phone, { imageBase64: red, text: 'red', to: [mine.phone] });
  const message = await client.message('a picture', (one) => one.message?.imageMessage?.caption === 'red');
  expect(message.key).toMatchObject({ remoteJid: STATUS, participant: friend.jid });
});

test('whoever has blocked somebody does not see their status', async () => {
  const [friend, foe] = [world.phone(), world.phone()];
  world.sandbox.account.block(foe.phone, { phone: mine.phone });
  const client = await online();
  const id = await post(client, 'for friends', friend, foe);
  await arrived(friend, id);
  await world.sandbox.idle();
  expect(seen(foe)).toEqual([]);
});

test('a status that was posted while one was away comes later', async () => {
  const friend = world.phone();
  await world.sandbox.status(friend.phone, { text: 'one', to: [mine.phone] });
  await world.sandbox.status(friend.phone, { text: 'two', to: [mine.phone] });
  const client = await online();
  await client.text('two');
  await client.text('one');
});

test('who has seen it is told to the one who posted it', async () => {
  const friend = world.phone();
  const client = await online();
  const id = await post(client, 'look', friend);
  await arrived(friend, id);
  await world.sandbox.read(friend.phone, { chat: STATUS });
  // Baileys folds a receipt into the message while it still holds that back.
  const receipt = await client.until('the read receipt', (events) =>
    events
      .flatMap((one) => {
        if (one.event === 'message-receipt.update') return one.data;
        if (one.event !== 'messages.upsert') return [];
        return one.data.messages.flatMap(({ key, userReceipt }) =>
          (userReceipt ?? []).map((told) => ({ key, receipt: told })),
        );
      })
      .find(({ key, receipt: { readTimestamp } }) => key.id === id && readTimestamp),
  );
  expect(receipt).toMatchObject({ key: { remoteJid: STATUS }, receipt: { userJid: friend.jid } });
});

test("a phone sees who has seen its status, and a client's reading counts", async () => {
  const friend = world.phone();
  const client = await online();
  const { id } = await world.sandbox.status(friend.phone, { text: 'seen?', to: [mine.phone] });
  const message = await client.text('seen?');
  await client.socket.readMessages([message.key]);
  await eventually('it has been seen', () => seen(friend).find((one) => one.id === id)?.status === 'read');
});

test('a status is taken back by a phone', async () => {
  const friend = world.phone();
  const client = await online();
  const { id } = await world.sandbox.status(friend.phone, { text: 'oops', to: [mine.phone] });
  await client.text('oops');
  await world.sandbox.gestures.delete(friend.phone, { chat: STATUS, id });
  const { REVOKE } = proto.Message.ProtocolMessage.Type;
  const revoked = await client.message(
    'the revocation',
    ({ message }) => message?.protocolMessage?.type === REVOKE && message.protocolMessage.key?.id === id,
  );
  expect(revoked.key).toMatchObject({ remoteJid: STATUS, participant: friend.jid });
});

test('a status is taken back by a client', async () => {
  const friend = world.phone();
  const client = await online();
  const id = await post(client, 'oops', friend);
  await arrived(friend, id);
  await client.socket.sendMessage(
    STATUS,
    { delete: { remoteJid: STATUS, fromMe: true, id } },
    { statusJidList: [friend.jid] },
  );
  await eventually('it is gone', () => seen(friend).find((message) => message.id === id)?.deleted);
});

test('a client that has lost the keys gets the status again', async () => {
  const friend = world.phone();
  const reader = world.phone();
  const client = await world.linked(reader);
  await world.sandbox.status(friend.phone, { text: 'one', to: [reader.phone] });
  await client.text('one');
  await client.disconnect();
  for (const kind of ['sender-key', 'session'] as const) client.memory.forget(kind);
  const again = world.client(client.memory).connect();
  await again.opened();
  const { id } = await world.sandbox.status(friend.phone, { text: 'two', to: [reader.phone] });
  expect((await again.text('two')).key).toMatchObject({ id, remoteJid: STATUS, participant: friend.jid });
});

test.each<[string, object, string]>([
  ['without anything to show', { to: ['PHONE'] }, 'invalid-request'],
  ['for nobody', { text: 'x', to: [] }, 'invalid-request'],
  ['for a group', { text: 'x', to: ['120363000000000000@g.us'] }, 'unsupported-recipient'],
  ['for a number without an account', { text: 'x', to: ['491519999999'] }, 'unknown-phone'],
])('a status %s is refused with what is wrong', async (_what, body, error) => {
  const answer = await world.http(
    'POST',
    `/phones/${mine.phone}/status`,
    JSON.parse(JSON.stringify(body).replace('PHONE', mine.phone)),
  );
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.status).toBeLessThan(500);
  expect(answer.body).toMatchObject({ error, message: expect.any(String) });
});

test('a status is posted over HTTP', async () => {
  const friend = world.phone();
  const answer = await world.http('POST', `/phones/${mine.phone}/status`, { text: 'hello', to: [friend.phone] });
  expect(answer).toMatchObject({ status: 201, body: { id: expect.any(String) } });
  await arrived(friend, String(answer.body['id']));
});
