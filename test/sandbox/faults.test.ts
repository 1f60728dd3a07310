import { beforeAll, expect, test } from '@jest/globals';
import { proto, type BinaryNode } from '@whiskeysockets/baileys';
import type { PhoneInfo } from '../../engine/sandbox/index.ts';
import { verify } from '../../engine/sandbox/keys.ts';
import type { Client, Memory } from './client.ts';
import { inside } from './raw-client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();
const { DELIVERY_ACK } = proto.WebMessageInfo.Status;
let mine: PhoneInfo;
let friend: PhoneInfo;
let memory: Memory;
let device: string;

beforeAll(async () => {
  [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  memory = client.memory;
  device = client.jid;
  await client.disconnect();
});

/** The same device in every test: pairing anew each time would be most of the work. */
async function online(): Promise<Client> {
  const client = world.client(memory).connect();
  await client.opened();
  return client;
}

const ping: BinaryNode = {
  tag: 'iq',
  attrs: { to: '@s.whatsapp.net', type: 'get', xmlns: 'w:p' },
  content: [{ tag: 'ping', attrs: {} }],
};
/** The answer to a ping, or undefined when there is none in time. */
const query = (client: Client, timeoutMs: number) =>
  client.socket.query({ ...ping, attrs: { ...ping.attrs } }, timeoutMs).catch(() => undefined);
const fired = (): number[] => world.sandbox.faults().map((fault) => fault.fired);

test('drop tears the connection down at once, and only once', async () => {
  const client = await online();
  const closed = client.closed();
  const fault = world.sandbox.addFault({ fault: 'drop', phone: mine.phone });
  expect(fault).toMatchObject({ fired: 1, active: false });
  expect(await closed).toBe(428);
  await online();
});

test('drop after n stanzas waits for them', async () => {
  const client = await online();
  const closed = client.closed();
  world.sandbox.addFault({ fault: 'drop', device, match: 'ping', after: 2, times: 1 });
  await query(client, 2000);
  await query(client, 2000);
  expect(await closed).toBe(428);
  expect(fired()).toEqual([1]);
});

test('drop on a match tears the connection down instead of dealing with the stanza', async () => {
  const client = await online();
  const closed = client.closed();
  world.sandbox.addFault({ fault: 'drop', device, match: 'message', times: 1 });
  await client.socket.sendMessage(friend.jid, { text: 'never arrives' });
  expect(await closed).toBe(428);
  expect(world.sandbox.messages(friend.phone).some(({ text }) => text === 'never arrives')).toBe(false);
});

test.each([401, 403, 408, 411, 428, 440, 500, 503, 515])('close ends a live connection with %i', async (code) => {
  const client = await online();
  const closed = client.closed();
  world.sandbox.addFault({ fault: 'close', code, device });
  expect(await closed).toBe(code);
});

test.each([401, 403, 405, 408, 411, 428, 440, 500, 503, 515])(
  'close refuses a login with %i until it is deleted',
  async (code) => {
    world.sandbox.addFault({ fault: 'close', code, at: 'login', phone: mine.phone });
    const client = world.client(memory).connect();
    expect(await client.closed(0)).toBe(code);
    world.sandbox.removeFaults();
    await online();
  },
);

test('refuse-version refuses a login with 405', async () => {
  world.sandbox.addFault({ fault: 'refuse-version', times: 1 });
  const client = world.client(memory).connect();
  expect(await client.closed(0)).toBe(405);
  await online();
});

test('never-answer loses a query', async () => {
  const client = await online();
  world.sandbox.addFault({ fault: 'never-answer', match: 'ping', device, times: 1 });
  expect(await query(client, 300)).toBeUndefined();
  expect(await query(client, 2000)).toBeDefined();
  expect(world.sandbox.faults()).toMatchObject([{ fired: 1, active: false }]);
});

test('never-answer with lose: answer delivers a message and loses only its ack', async () => {
  const client = await online();
  world.sandbox.addFault({ fault: 'never-answer', match: 'message', lose: 'answer', device });
  await client.socket.sendMessage(friend.jid, { text: 'carried out' });
  await eventually('it is delivered', () =>
    world.sandbox.messages(friend.phone).some(({ text }) => text === 'carried out'),
  );
  const acks = world.sandbox
    .stanzas({ device })
    .filter(({ stanza }) => JSON.stringify(stanza).includes('"class":"message"'));
  expect(acks.filter(({ direction }) => direction === 'out')).toEqual([]);
});

test('never-answer loses the handshake', async () => {
  world.sandbox.addFault({ fault: 'never-answer', match: 'handshake', times: 1 });
  const client = world.client(memory, { connectTimeoutMs: 300 }).connect();
  expect(await client.closed(0)).toBe(408);
});

test('delay holds an answer up', async () => {
  const client = await online();
  world.sandbox.addFault({ fault: 'delay', ms: 250, match: 'ping', device });
  const start = Date.now();
  await query(client, 2000);
  expect(Date.now() - start).toBeGreaterThanOrEqual(245);
});

test('delay to the client keeps the order', async () => {
  const client = await online();
  world.sandbox.addFault({ fault: 'delay', ms: 200, match: 'message', direction: 'out', device, times: 1 });
  const before = client.messages.length;
  await world.sandbox.send(friend.phone, { to: mine.phone, text: 'slow' });
  await world.sandbox.send(friend.phone, { to: mine.phone, text: 'behind it' });
  await client.text('behind it');
  expect(client.messages.slice(before).map(({ message }) => message?.conversation)).toEqual(['slow', 'behind it']);
});

test('duplicate sends a stanza twice', async () => {
  const client = await online();
  const frames: BinaryNode[] = [];
  client.socket.ws.on('CB:message', (node: BinaryNode) => frames.push(node));
  world.sandbox.addFault({ fault: 'duplicate', match: 'message', device, times: 1 });
  const { id } = await world.sandbox.send(friend.phone, { to: mine.phone, text: 'seen twice' });
  await client.text('seen twice');
  await eventually('both are there', () => frames.filter(({ attrs }) => attrs['id'] === id).length === 2);
});

test('half-open leaves the socket open and answers nothing', async () => {
  const client = await online();
  world.sandbox.addFault({ fault: 'half-open', device });
  expect(await query(client, 300)).toBeUndefined();
  expect(client.socket.ws.isOpen).toBe(true);
  // the device comes back over a new connection, which takes the place of the dead one
  await online();
  (client.socket.ws as unknown as { socket: { terminate(): void } }).socket.terminate();
});

test.each([463, 479])('nack refuses a message with %i and does not deliver it', async (code) => {
  const client = await online();
  world.sandbox.addFault({ fault: 'nack', code, device, times: 1 });
  const acks: BinaryNode[] = [];
  client.socket.ws.on('CB:ack,class:message', (node: BinaryNode) => acks.push(node));
  const sent = await client.socket.sendMessage(friend.jid, { text: `refused with ${code}` });
  await eventually('it is refused', () => acks.length === 1);
  expect(acks[0]?.attrs).toMatchObject({ id: sent!.key.id, error: String(code) });
  const next = await client.socket.sendMessage(friend.jid, { text: 'the next one' });
  await client.status(next!.key.id!, DELIVERY_ACK);
  expect(world.sandbox.messages(friend.phone).some(({ text }) => text === `refused with ${code}`)).toBe(false);
});

test('forged-identity signs a device with a key that is not the account’s', async () => {
  world.sandbox.addFault({ fault: 'forged-identity', phone: friend.phone, times: 1 });
  const client = world.client().connect();
  await world.sandbox.scan(friend.phone, await client.qr());
  const account = client.memory.creds.account!;
  const signed = Buffer.concat([Buffer.from([6, 0]), account.details!, client.memory.creds.signedIdentityKey.public]);
  expect(verify(account.accountSignatureKey!, signed, account.accountSignature)).toBe(false);
  world.sandbox.unlink(friend.phone);
});

test('phones do not believe a device with a forged identity', async () => {
  world.sandbox.addFault({ fault: 'forged-identity', times: 1 });
  const client = await world.linked(world.phone());
  await client.socket.sendMessage(friend.jid, { text: 'believe me' });
  await eventually('the phone has asked again', () =>
    world.sandbox
      .stanzas({ device: client.jid })
      .some(({ direction, stanza }) => direction === 'out' && JSON.stringify(stanza).includes('"type":"retry"')),
  );
  await world.sandbox.idle();
  expect(world.sandbox.messages(friend.phone).some(({ text }) => text === 'believe me')).toBe(false);
});

test('a fault for another device leaves this one alone', async () => {
  const client = await online();
  world.sandbox.addFault({ fault: 'never-answer', match: 'ping', phone: friend.phone });
  expect(await query(client, 2000)).toBeDefined();
  expect(fired()).toEqual([0]);
});

test('each one-time prekey is handed out once, and a client that runs low uploads more', async () => {
  const client = await online();
  const ask = (...content: BinaryNode[]): Promise<BinaryNode> =>
    client.socket.query({ tag: 'iq', attrs: { to: '@s.whatsapp.net', type: 'get', xmlns: 'encrypt' }, content });
  const left = async (): Promise<number> => Number(inside(await ask({ tag: 'count', attrs: {} }))[0]?.attrs['value']);
  const keys = (await left()) - 1;
  const users = Array.from({ length: keys }, () => ({ tag: 'user', attrs: { jid: device } }));
  const answer = await ask({ tag: 'key', attrs: {}, content: users });
  const bundles = inside(inside(answer)[0]);
  const seen = bundles.map((user) => JSON.stringify(inside(user).find(({ tag }) => tag === 'key')));
  expect(new Set(seen).size).toBe(keys);
  const deadline = Date.now() + 5000;
  while ((await left()) < 5 && Date.now() < deadline);
  expect(await left()).toBe(6);
});
