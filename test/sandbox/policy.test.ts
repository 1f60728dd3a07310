import { afterEach, expect, test } from '@jest/globals';
import type { PhoneInfo, PolicyRequest } from '../../engine/sandbox/index.ts';
import type { Client } from './client.ts';
import { eventually, makeWorld } from './world.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 0, 5, 9);

let now = START;
const pass = (seconds: number) => (now += seconds * 1000);
const later = (seconds: number) => new Date(now + seconds * 1000).toISOString();

const world = makeWorld({ now: () => now });
afterEach(() => world.sandbox.removePolicy());

/** Sends a text, and tells what the server makes of it. */
async function send(client: Client, { jid }: { jid: string }, text = 'hello'): Promise<'taken' | 'refused'> {
  const from = client.events.length;
  const sent = await client.socket.sendMessage(jid, { text });
  return (await client.taken(sent!.key.id!, from)) ? 'taken' : 'refused';
}

const answers = async (client: Client, people: { jid: string }[]) => {
  const all: string[] = [];
  for (const one of people) all.push(await send(client, one));
  return all;
};
const strangers = (count: number) => Array.from({ length: count }, () => world.phone());
const violations = () => world.sandbox.policy().violations;

/** A client with somebody whom it has a chat with, and a policy from then on. */
async function watched(policy: PolicyRequest): Promise<{ client: Client; mine: PhoneInfo; friend: PhoneInfo }> {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  await send(client, friend);
  world.sandbox.setPolicy(policy);
  return { client, mine, friend };
}

const restriction = (client: Client) =>
  client.until('news of a restriction', (events) =>
    events
      .flatMap((one) => (one.event === 'connection.update' ? (one.data.reachoutTimeLock ?? []) : []))
      .findLast(({ isActive }) => isActive),
  );

test('without a policy nobody is watched', async () => {
  expect(world.sandbox.policy()).toEqual({ policy: null, violations: [] });
  const client = await world.linked();
  expect(await answers(client, strangers(5))).toEqual(Array(5).fill('taken'));
  expect(violations()).toEqual([]);
});

test('an account that begins too many chats is told that it is restricted, and may answer as before', async () => {
  const { client, mine, friend } = await watched({ newChatsPerHour: 2, restrictSeconds: [6 * HOUR] });
  expect(await answers(client, strangers(3))).toEqual(['taken', 'taken', 'taken']);
  const until = later(6 * HOUR);
  expect(violations()).toEqual([
    {
      phone: mine.phone,
      at: new Date(now).toISOString(),
      ...{ rate: 'newChatsPerHour', limit: 2, count: 3 },
      ...{ consequence: 'restricted', until },
    },
  ]);
  expect((await restriction(client)).timeEnforcementEnds?.toISOString()).toBe(until);
  expect(await answers(client, [...strangers(1), friend])).toEqual(['refused', 'taken']);
  expect(await client.socket.fetchAccountReachoutTimelock()).toMatchObject({ isActive: true });
  pass(6 * HOUR);
  expect(await client.socket.fetchAccountReachoutTimelock()).toMatchObject({ isActive: false });
  expect(await answers(client, strangers(1))).toEqual(['taken']);
});

test('rates count in any so long, and not from the full hour', async () => {
  const { client } = await watched({ newChatsPerHour: 2, newChatsPerDay: 4 });
  for (const seconds of [0, 0.6 * HOUR, 0.5 * HOUR, 0.6 * HOUR]) {
    pass(seconds);
    await answers(client, strangers(1));
  }
  expect(violations()).toEqual([]);
  pass(2 * HOUR);
  await answers(client, strangers(1));
  expect(violations()).toMatchObject([{ rate: 'newChatsPerDay', count: 5 }]);
});

test('a chat is new once, and an answer to somebody begins none', async () => {
  const { client, mine, friend } = await watched({ newChatsPerDay: 1 });
  const [one, writer] = strangers(2) as [PhoneInfo, PhoneInfo];
  await world.sandbox.send(writer.phone, { to: mine.phone, text: 'are you open?' });
  await client.text('are you open?');
  await world.sandbox.idle();
  await answers(client, [one, one, one, friend, writer]);
  expect(violations()).toEqual([]);
});

test('each violation restricts for longer, in place of the last; one too many bans for good', async () => {
  const { client, mine } = await watched({ newChatsPerDay: 1, restrictSeconds: [HOUR, DAY] });
  // those that are refused count too: a client that goes on does not know when to stop
  expect(await answers(client, strangers(4))).toEqual(['taken', 'taken', 'refused', 'refused']);
  expect(violations()).toMatchObject([
    { consequence: 'restricted', until: later(HOUR) },
    { consequence: 'restricted', until: later(DAY) },
  ]);
  expect(world.sandbox.faults().filter(({ active }) => active)).toMatchObject([{ fault: 'restrict-account' }]);
  pass(HOUR);
  expect(await answers(client, strangers(1))).toEqual(['refused']);
  const from = client.events.length;
  await client.socket.sendMessage(world.phone().jid, { text: 'one too many' });
  await client.closed(from);
  expect(violations().at(-1)).toMatchObject({ phone: mine.phone, consequence: 'banned', until: null });
  const again = client.events.length;
  client.connect();
  expect(await client.closed(again)).toBe(406);
});

test('messages in a minute count to whomever, in groups too; what changes a message does not', async () => {
  const { client, mine, friend } = await watched({ messagesPerMinute: 3 });
  const { jid } = world.sandbox.groups.create({ creator: friend.phone, subject: 'Ours', participants: [mine.phone] });
  const sent = await client.socket.sendMessage(friend.jid, { text: 'helo' });
  await client.socket.sendMessage(friend.jid, { text: 'hello', edit: sent!.key });
  await client.socket.sendMessage(friend.jid, { react: { text: '👍', key: sent!.key } });
  await client.socket.sendMessage(friend.jid, { delete: sent!.key });
  await client.socket.sendMessage(jid, { text: 'to all' });
  await send(client, friend);
  expect(violations()).toEqual([]);
  await client.socket.sendMessage(jid, { text: 'one more' });
  await eventually('it is noticed', () => violations()[0]);
  expect(violations()).toMatchObject([{ rate: 'messagesPerMinute', limit: 3, count: 4 }]);
  pass(60);
  await send(client, friend);
  expect(violations()).toHaveLength(1);
});

test('messages of a day count together', async () => {
  const { client, friend } = await watched({ messagesPerDay: 2 });
  for (const seconds of [0, 12 * HOUR, 12 * HOUR]) {
    pass(seconds);
    await send(client, friend);
  }
  expect(violations()).toEqual([]);
  await send(client, friend);
  expect(violations()).toMatchObject([{ rate: 'messagesPerDay', count: 3 }]);
});

test('numbers that are checked count one by one, messages to people do not check any', async () => {
  const { client, friend } = await watched({ numberChecksPerDay: 3 });
  const numbers = strangers(3).map(({ phone }) => phone);
  await client.socket.onWhatsApp(...numbers);
  await answers(client, [...strangers(2), friend]);
  expect(violations()).toEqual([]);
  await client.socket.onWhatsApp('15550199999');
  expect(violations()).toMatchObject([{ rate: 'numberChecksPerDay', limit: 3, count: 4 }]);
});

test('questions about groups count', async () => {
  const { client, mine, friend } = await watched({ groupQueriesPerMinute: 2 });
  const { jid } = world.sandbox.groups.create({ creator: friend.phone, subject: 'Ours', participants: [mine.phone] });
  await client.socket.groupMetadata(jid);
  await client.socket.groupFetchAllParticipating();
  expect(violations()).toEqual([]);
  await client.socket.groupMetadata(jid);
  expect(violations()).toMatchObject([{ rate: 'groupQueriesPerMinute', count: 3 }]);
});

test('accounts are counted each for itself, and what a phone does is not watched', async () => {
  const { client, mine } = await watched({ messagesPerDay: 1 });
  const other = await world.linked();
  await answers(client, strangers(1));
  await answers(other, strangers(1));
  for (const text of ['one', 'two']) await world.sandbox.send(mine.phone, { to: world.phone().phone, text });
  expect(violations()).toEqual([]);
});

test('the control API sets a policy, shows it, and takes it away', async () => {
  const rates = { messagesPerMinute: 30, newChatsPerDay: 0 };
  const policy = { ...rates, restrictSeconds: [DAY, 3 * DAY, 7 * DAY] };
  expect(await world.http('POST', '/policy', rates)).toEqual({ status: 201, body: { policy, violations: [] } });
  expect(await world.http('GET', '/policy')).toEqual({ status: 200, body: { policy, violations: [] } });
  expect(await world.http('DELETE', '/policy')).toEqual({ status: 204, body: {} });
  expect((await world.http('GET', '/policy')).body).toEqual({ policy: null, violations: [] });
});

test('another policy begins anew', async () => {
  const { client } = await watched({ newChatsPerDay: 1 });
  await answers(client, strangers(1));
  world.sandbox.setPolicy({ newChatsPerDay: 1 });
  await answers(client, strangers(1));
  expect(violations()).toEqual([]);
});

test.each([
  ['without a rate', { restrictSeconds: [60] }, 'A policy needs a rate'],
  ['with a rate that there is not', { messagesPerYear: 1 }, 'messagesPerYear'],
  ['with half a message', { messagesPerDay: 0.5 }, '"messagesPerDay"'],
  ['with less than nothing', { newChatsPerHour: -1 }, '"newChatsPerHour"'],
  ['with a restriction of no time', { messagesPerDay: 1, restrictSeconds: [0] }, '"restrictSeconds.0"'],
  ['that is none', undefined, 'The request'],
])('a policy %s is refused with what is wrong', async (_words, policy, says) => {
  const { status, body } = await world.http('POST', '/policy', policy ?? []);
  expect([status, body['error']]).toEqual([422, 'invalid-request']);
  expect(body['message']).toContain(says);
});
