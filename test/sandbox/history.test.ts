import { randomBytes } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { proto, type BaileysEventMap, type BinaryNode } from '@whiskeysockets/baileys';
import type { PhoneInfo } from '../../engine/sandbox/index.ts';
import { textOf, type Client } from './client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();
const { HistorySyncType } = proto.HistorySync;
const { READ } = proto.WebMessageInfo.Status;

type HistorySet = BaileysEventMap['messaging-history.set'];

const sets = (client: Client): HistorySet[] =>
  client.events.flatMap((one) => (one.event === 'messaging-history.set' ? [one.data] : []));

const allMessages = (client: Client) => sets(client).flatMap(({ messages }) => messages);

/** The notices by which the phone has announced its chunks. */
const notices = (client: Client): proto.Message.IHistorySyncNotification[] =>
  client.messages.flatMap(({ message }) => message?.protocolMessage?.historySyncNotification ?? []);

/** Waits until the last of what is recent has come. */
async function complete(client: Client): Promise<void> {
  await eventually('the end of the history', () =>
    sets(client).some(({ syncType, progress }) => syncType === HistorySyncType.RECENT && progress === 100),
  );
  await eventually('its notice', () =>
    notices(client).some(({ syncType, progress }) => Number(syncType) === HistorySyncType.RECENT && progress === 100),
  );
}

async function talk(from: PhoneInfo, to: PhoneInfo, count: number): Promise<string[]> {
  const texts = Array.from({ length: count }, (_, i) => `${from.phone} ${i}`);
  for (const text of texts) await world.sandbox.send(from.phone, { to: to.phone, text });
  await world.sandbox.idle();
  return texts;
}

test('a new device is given the chats as they stand: names, unread, archived, pinned, muted, starred, read', async () => {
  const [mine, friend, other] = [world.phone('Ada'), world.phone('Grace'), world.phone('Mary')];
  const { sandbox } = world;
  const [first] = [await sandbox.send(friend.phone, { to: mine.phone, text: 'one' })];
  await sandbox.send(friend.phone, { to: mine.phone, text: 'two' });
  const { id } = await sandbox.send(mine.phone, { to: other.phone, text: 'three' });
  await sandbox.idle();
  await sandbox.read(other.phone, { chat: mine.phone });
  sandbox.account.saveContact(mine.phone, { phone: friend.phone, name: 'Grace Hopper' });
  sandbox.chats.change(mine.phone, { chat: friend.phone, pinned: true, mutedUntil: 1_900_000_000_000 });
  sandbox.chats.change(mine.phone, { chat: other.phone, archived: true });
  sandbox.chats.star(mine.phone, { chat: friend.phone, id: first!.id });
  const client = await world.linked(mine);
  await complete(client);
  const chats = sets(client).flatMap((set) => set.chats);
  expect(chats.find((chat) => chat.id === friend.jid)).toMatchObject({
    name: 'Grace Hopper',
    unreadCount: 2,
    archived: false,
    lidJid: friend.lid,
  });
  expect(Number(chats.find((chat) => chat.id === friend.jid)!.pinned)).toBeGreaterThan(1_700_000_000);
  expect(Number(chats.find((chat) => chat.id === friend.jid)!.muteEndTime)).toBe(1_900_000_000_000);
  expect(chats.find((chat) => chat.id === other.jid)).toMatchObject({ unreadCount: 0, archived: true });
  const messages = allMessages(client);
  expect(messages.map(textOf).sort()).toEqual(['one', 'three', 'two']);
  expect(messages.find((one) => textOf(one) === 'one')).toMatchObject({ starred: true, pushName: 'Grace' });
  expect(messages.find(({ key }) => key.id === id)).toMatchObject({ status: READ, key: { fromMe: true } });
  const names = client.events.flatMap((one) => (one.event === 'messaging-history.set' ? one.data.contacts : []));
  expect(names).toEqual(expect.arrayContaining([expect.objectContaining({ id: other.jid, notify: 'Mary' })]));
  expect(await client.socket.signalRepository.lidMapping.getPNForLID(other.lid)).toContain(other.phone);
});

test('what does not fit comes in chunks, and says how far it is', async () => {
  const [mine, ...friends] = [world.phone(), world.phone(), world.phone(), world.phone()];
  const texts = (await Promise.all(friends.map((friend) => talk(friend, mine, 55)))).flat();
  const client = await world.linked(mine);
  await complete(client);
  const of = (type: number) =>
    notices(client)
      .filter(({ syncType }) => syncType === type)
      .map(({ chunkOrder, progress }) => [chunkOrder, progress]);
  await eventually('all is announced', () => of(HistorySyncType.FULL).length > 0);
  expect(of(HistorySyncType.INITIAL_BOOTSTRAP)).toEqual([[1, 100]]);
  expect(of(HistorySyncType.PUSH_NAME)).toEqual([[1, 100]]);
  expect(of(HistorySyncType.NON_BLOCKING_DATA)).toEqual([[1, 100]]);
  expect(of(HistorySyncType.RECENT)).toEqual([
    [1, 50],
    [2, 100],
  ]);
  // Baileys asks for everything when it is linked, and then does not read it by default
  expect(of(HistorySyncType.FULL)).toEqual([[1, 100]]);
  const recent = friends.flatMap(({ phone }) => texts.filter((text) => text.startsWith(`${phone} `)).slice(5));
  expect(allMessages(client).map(textOf).sort()).toEqual(recent.sort());
});

test('a device that reads everything is given everything', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const texts = await talk(friend, mine, 60);
  const client = await world.linked(mine, undefined, { shouldSyncHistoryMessage: () => true });
  await eventually('all is there', () => allMessages(client).length === texts.length);
  expect(allMessages(client).map(textOf).sort()).toEqual(texts.sort());
});

test('a chunk that is too large for a message lies encrypted on the media host', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const text = randomBytes(45_000).toString('base64');
  await world.sandbox.send(friend.phone, { to: mine.phone, text: randomBytes(45_000).toString('base64') });
  await world.sandbox.send(friend.phone, { to: mine.phone, text });
  await world.sandbox.idle();
  const client = await world.linked(mine);
  await eventually('the message', () => allMessages(client).some((message) => textOf(message) === text));
  const large = notices(client).find(({ syncType }) => syncType === HistorySyncType.INITIAL_BOOTSTRAP)!;
  expect(large.initialHistBootstrapInlinePayload?.length ?? 0).toBe(0);
  expect(large.directPath).toMatch(/^\/v\//);
});

test('a device asks its phone for older messages, until there are none', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const texts = await talk(friend, mine, 56);
  const client = await world.linked(mine, undefined, { syncFullHistory: false });
  await complete(client);
  const seen = () => allMessages(client).filter(({ key }) => key.remoteJid === friend.jid);
  expect(seen()).toHaveLength(50);
  const older = async (count: number) => {
    const oldest = seen().sort((one, other) => texts.indexOf(textOf(one)!) - texts.indexOf(textOf(other)!))[0]!;
    const before = sets(client).length;
    const id = await client.socket.fetchMessageHistory(count, oldest.key, Number(oldest.messageTimestamp) * 1000);
    const set = await eventually('the answer', () =>
      sets(client)
        .slice(before)
        .find(({ syncType }) => syncType === HistorySyncType.ON_DEMAND),
    );
    expect(set.peerDataRequestSessionId).toBe(id);
    const notice = await eventually('its notice', () =>
      notices(client).find((one) => one.peerDataRequestSessionId === id),
    );
    // Baileys passes on only what it does not know of a chat
    const { conversations } = proto.HistorySync.decode(inflateSync(notice.initialHistBootstrapInlinePayload!));
    return { messages: set.messages, end: conversations[0]!.endOfHistoryTransferType };
  };
  const { EndOfHistoryTransferType } = proto.Conversation;
  const first = await older(4);
  expect(first.messages.map(textOf)).toEqual(texts.slice(2, 6).reverse());
  expect(first.end).toBe(EndOfHistoryTransferType.COMPLETE_ON_DEMAND_SYNC_BUT_MORE_MSG_REMAIN_ON_PRIMARY);
  const second = await older(4);
  expect(second.messages.map(textOf)).toEqual(texts.slice(0, 2).reverse());
  expect(second.end).toBe(EndOfHistoryTransferType.COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY);
});

test('what was read on one device is not unread on the phone, nor on the next device', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  await world.sandbox.send(friend.phone, { to: mine.phone, text: 'read me' });
  const { key } = await client.text('read me');
  await client.socket.readMessages([key]);
  await eventually('the phone knows', () => world.sandbox.messages(mine.phone)[0]?.status === 'read');
  const later = await world.linked(mine);
  await complete(later);
  expect(sets(later).flatMap(({ chats }) => chats)).toMatchObject([{ id: friend.jid, unreadCount: 0 }]);
});

test('groups come with their name and their members', async () => {
  const [mine, friend] = [world.phone('Ada'), world.phone('Grace')];
  const group = world.sandbox.groups.create({
    creator: friend.phone,
    subject: 'Engines',
    participants: [mine.phone],
  });
  await world.sandbox.send(friend.phone, { to: group.jid, text: 'to all' });
  await world.sandbox.idle();
  const client = await world.linked(mine);
  await complete(client);
  const chat = sets(client)
    .flatMap(({ chats }) => chats)
    .find(({ id }) => id === group.jid)!;
  expect(chat).toMatchObject({ name: 'Engines', unreadCount: 1 });
  expect(chat.participant).toMatchObject([
    { userJid: friend.lid, rank: proto.GroupParticipant.Rank.SUPERADMIN },
    { userJid: mine.lid, rank: proto.GroupParticipant.Rank.REGULAR },
  ]);
  const message = allMessages(client).find((one) => textOf(one) === 'to all')!;
  expect(message.key).toMatchObject({ remoteJid: group.jid, participant: friend.lid });
});

test('a device that is linked later is given the shared settings as a snapshot', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  for (let i = 0; i < 3; i++) world.sandbox.account.saveContact(mine.phone, { phone: friend.phone, name: `Name ${i}` });
  const client = await world.linked(mine);
  await client.until('the contact', (events) =>
    events.find((one) => one.event === 'contacts.upsert' && one.data.some(({ name }) => name === 'Name 2')),
  );
  const answers = world.sandbox
    .stanzas({ device: client.jid })
    .map(({ stanza }) => JSON.stringify(stanza as BinaryNode));
  expect(answers.some((answer) => answer.includes('"snapshot"'))).toBe(true);
  expect(answers.some((answer) => answer.includes('"patches"'))).toBe(false);
  // it goes on from there: its own patch fits on top of the snapshot, and so does the phone's
  await client.socket.addOrEditContact(friend.jid, { fullName: 'By the client' });
  expect(world.sandbox.account.contacts(mine.phone)).toMatchObject([{ name: 'By the client' }]);
  world.sandbox.account.saveContact(mine.phone, { phone: friend.phone, name: 'By the phone' });
  await client.until('the last name', (events) =>
    events.find((one) => one.event === 'contacts.upsert' && one.data.some(({ name }) => name === 'By the phone')),
  );
});
