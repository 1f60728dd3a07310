import { createHash, createHmac, randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import {
  encodeSyncdPatch,
  proto,
  type BinaryNode,
  type LTHashState,
  type WAPatchCreate,
} from '@whiskeysockets/baileys';
import { encryptMedia } from '../../engine/sandbox/media-cipher.ts';
import type { PhoneInfo } from '../../engine/sandbox/index.ts';
import type { Client } from './client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();

/** What a client was told about a chat, oldest first. */
const chatUpdates = (client: Client, jid: string) =>
  client.events
    .flatMap((one) => (one.event === 'chats.update' ? one.data : []))
    .filter(({ id }) => id === jid)
    .map(({ archived, pinned, muteEndTime, unreadCount }) => ({ archived, pinned, muteEndTime, unreadCount }));

async function chatUpdate(client: Client, jid: string, wanted: Record<string, unknown>): Promise<void> {
  await client.until(`${JSON.stringify(wanted)} of ${jid}`, () =>
    chatUpdates(client, jid).find((one) =>
      Object.entries(wanted).every(([name, value]) => (one as Record<string, unknown>)[name] === value),
    ),
  );
}

const chatOf = (phone: PhoneInfo, partner: PhoneInfo) =>
  world.sandbox.chats.list(phone.phone).find(({ chat }) => chat === partner.jid);

/** A chat with one message from the friend, on the phone and on two linked devices. */
async function chat() {
  const [mine, friend] = [world.phone('Ada'), world.phone('Grace')];
  const [client, other] = [await world.linked(mine), await world.linked(mine)];
  const { id } = await world.sandbox.send(friend.phone, { to: mine.phone, text: 'hello' });
  const message = await client.text('hello');
  await other.text('hello');
  const lastMessages = [{ key: message.key, messageTimestamp: message.messageTimestamp! }];
  return { mine, friend, client, other, id, message, lastMessages };
}

test('what the person does in the list of chats reaches the linked devices', async () => {
  const { mine, friend, client } = await chat();
  const { chats } = world.sandbox;
  expect(chats.change(mine.phone, { chat: friend.phone, pinned: true })).toMatchObject({ pinned: expect.any(Number) });
  await client.until('the pin', () => chatUpdates(client, friend.jid).find(({ pinned }) => Number(pinned) > 0));
  expect(chats.change(mine.phone, { chat: friend.lid, archived: true, mutedUntil: -1 })).toMatchObject({
    archived: true,
    pinned: null,
    mutedUntil: -1,
  });
  await chatUpdate(client, friend.jid, { archived: true });
  await chatUpdate(client, friend.jid, { pinned: null });
  await chatUpdate(client, friend.jid, { muteEndTime: -1 });
  chats.change(mine.phone, { chat: friend.phone, read: true });
  await chatUpdate(client, friend.jid, { unreadCount: 0 });
  expect(chatOf(mine, friend)).toMatchObject({ unread: 0, markedUnread: false, name: 'Grace' });
  chats.change(mine.phone, { chat: friend.phone, read: false, mutedUntil: null });
  await chatUpdate(client, friend.jid, { unreadCount: -1 });
  await chatUpdate(client, friend.jid, { muteEndTime: null });
  expect(chatOf(mine, friend)).toMatchObject({ markedUnread: true, mutedUntil: null });
});

test('what a client does in its list of chats is done on the phone and on the other devices', async () => {
  const { mine, friend, client, other, lastMessages } = await chat();
  await client.socket.chatModify({ archive: true, lastMessages }, friend.jid);
  await client.socket.chatModify({ pin: true }, friend.jid);
  await client.socket.chatModify({ mute: 1_900_000_000_000 }, friend.jid);
  await client.socket.chatModify({ markRead: true, lastMessages }, friend.jid);
  expect(chatOf(mine, friend)).toMatchObject({
    archived: true,
    pinned: expect.any(Number),
    mutedUntil: 1_900_000_000_000,
    unread: 0,
  });
  await chatUpdate(other, friend.jid, { archived: true });
  await chatUpdate(other, friend.jid, { muteEndTime: 1_900_000_000_000 });
  await chatUpdate(other, friend.jid, { unreadCount: 0 });
});

test('messages are starred and deleted on both sides', async () => {
  const { mine, friend, client, other, id, message, lastMessages } = await chat();
  world.sandbox.chats.star(mine.phone, { chat: friend.phone, id });
  const isStarred = (of: Client) =>
    of.events
      .flatMap((one) => (one.event === 'messages.update' ? one.data : []))
      .filter(({ key }) => key.id === id)
      .map(({ update }) => update.starred)
      .at(-1);
  await eventually('both know of the star', () => isStarred(client) === true && isStarred(other) === true);
  await client.socket.star(friend.jid, [{ id, fromMe: false }], false);
  expect(chatOf(mine, friend)).toMatchObject({ starred: [] });
  await eventually('the other one knows', () => isStarred(other) === false);

  const deleted = (of: Client) =>
    of.events.flatMap((one) => (one.event === 'messages.delete' && 'keys' in one.data ? one.data.keys : []));
  await client.socket.chatModify(
    { deleteForMe: { deleteMedia: true, key: message.key, timestamp: Number(message.messageTimestamp) } },
    friend.jid,
  );
  await eventually('the other one has deleted it', () => deleted(other).some((key) => key.id === id));
  expect(world.sandbox.messages(mine.phone)).toEqual([]);
  expect(world.sandbox.messages(friend.phone)).toHaveLength(1);

  const second = await world.sandbox.send(friend.phone, { to: mine.phone, text: 'again' });
  await client.text('again');
  world.sandbox.chats.deleteForMe(mine.phone, { chat: friend.phone, id: second.id });
  await eventually('the client has deleted it', () => deleted(client).some((key) => key.id === second.id));
  expect(world.sandbox.messages(mine.phone)).toEqual([]);
  expect(lastMessages).toHaveLength(1);
});

test('a chat is emptied by the phone and deleted by a client', async () => {
  const { mine, friend, client, other } = await chat();
  expect(world.sandbox.chats.change(mine.phone, { chat: friend.phone, clear: true })).toMatchObject({ messages: 0 });
  await world.sandbox.send(friend.phone, { to: mine.phone, text: 'one more' });
  const message = await client.text('one more');
  const lastMessages = [{ key: message.key, messageTimestamp: message.messageTimestamp! }];
  await client.socket.chatModify({ delete: true, lastMessages }, friend.jid);
  await other.until('the end of the chat', (events) =>
    events.find((one) => one.event === 'chats.delete' && one.data.includes(friend.jid)),
  );
  expect(world.sandbox.messages(mine.phone)).toEqual([]);
});

test('labels are made and put on chats and messages, on both sides', async () => {
  const { mine, friend, client, id } = await chat();
  const { chats } = world.sandbox;
  const label = chats.saveLabel(mine.phone, { name: 'Customers', color: 3 });
  chats.label(mine.phone, label.id, { chat: friend.phone });
  await client.until('the label', (events) =>
    events.find((one) => one.event === 'labels.edit' && one.data.name === 'Customers' && one.data.color === 3),
  );
  await client.until('the labelled chat', (events) =>
    events.find((one) => one.event === 'labels.association' && one.data.association.chatId === friend.jid),
  );
  await client.socket.addLabel(friend.jid, { id: '7', name: 'Urgent', color: 1 });
  await client.socket.addMessageLabel(friend.jid, id, '7');
  await client.socket.removeChatLabel(friend.jid, label.id);
  expect(chats.labels(mine.phone)).toMatchObject([
    { name: 'Customers', chats: [], messages: [] },
    { id: '7', name: 'Urgent', chats: [], messages: [{ chat: friend.jid, id }] },
  ]);
  chats.removeLabel(mine.phone, '7');
  await client.until('its end', (events) =>
    events.find((one) => one.event === 'labels.edit' && one.data.id === '7' && one.data.deleted),
  );
  await client.socket.addOrEditQuickReply({ shortcut: 'hi', message: 'Hello there', timestamp: '1700000000' });
  expect(chats.quickReplies(mine.phone)).toEqual([{ id: '1700000000', shortcut: 'hi', message: 'Hello there' }]);
});

/** A patch of a client's, as Baileys would write it on top of what it knows, changed by `forge`. */
async function patchOf(
  client: Client,
  create: WAPatchCreate,
  forge: (patch: proto.ISyncdPatch) => void,
): Promise<Buffer> {
  const { creds, state } = client.memory;
  const keyId = creds.myAppStateKeyId!;
  const versions = await state.keys.get('app-state-sync-version', [create.type]);
  const known: LTHashState = versions[create.type] ?? { version: 0, hash: Buffer.alloc(128), indexValueMap: {} };
  const getKey = async (id: string) => (await state.keys.get('app-state-sync-key', [id]))[id];
  const { patch } = await encodeSyncdPatch(create, keyId, known, getKey);
  forge(patch);
  return Buffer.from(proto.SyncdPatch.encode(patch).finish());
}

async function write(client: Client, version: string, patch: Buffer): Promise<BinaryNode> {
  const answer = (await client.socket.query({
    tag: 'iq',
    attrs: { to: '@s.whatsapp.net', type: 'set', xmlns: 'w:sync:app:state' },
    content: [
      {
        tag: 'sync',
        attrs: {},
        content: [
          {
            tag: 'collection',
            attrs: { name: 'regular_low', version, return_snapshot: 'false' },
            content: [{ tag: 'patch', attrs: {}, content: patch }],
          },
        ],
      },
    ],
  })) as BinaryNode;
  return ((answer.content as BinaryNode[])[0]!.content as BinaryNode[])[0]!;
}

const errorOf = (collection: BinaryNode): string | undefined =>
  (collection.content as BinaryNode[] | undefined)?.find(({ tag }) => tag === 'error')?.attrs['code'];

test('a large patch has what it changes on the media host, in both directions', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const { chats } = world.sandbox;
  chats.saveLabel(mine.phone, { name: 'small' });
  await client.until('the label', (events) => events.find((one) => one.event === 'labels.edit'));
  chats.addQuickReply(mine.phone, { shortcut: 'long', message: randomBytes(60_000).toString('base64') });
  // its own patch fits on top of that only when it has read it
  await client.socket.addLabel(friend.jid, { id: '9', name: 'after that' });
  expect(chats.labels(mine.phone).map(({ name }) => name)).toEqual(['small', 'after that']);
  const answers = world.sandbox.stanzas({ device: client.jid }).map(({ stanza }) => JSON.stringify(stanza));
  const patches = answers.filter((answer) => answer.includes('"patches"'));
  expect(Math.max(...patches.map(({ length }) => length))).toBeLessThan(10_000);

  const { auth } = await client.socket.refreshMediaConn(true);
  const create = {
    type: 'regular_low',
    index: ['pin_v1', friend.jid],
    syncAction: { pinAction: { pinned: true }, timestamp: Date.now() },
    apiVersion: 5,
    operation: proto.SyncdMutation.SyncdOperation.SET,
  } as WAPatchCreate;
  const whole = proto.SyncdPatch.decode(await patchOf(client, create, () => {}));
  const mutations = Buffer.from(proto.SyncdMutations.encode({ mutations: whole.mutations }).finish());
  const { bytes, ...keys } = encryptMedia('md-app-state', mutations);
  const hash = keys.fileEncSha256.toString('base64url');
  const address = `${world.sandbox.url}/mms/md-app-state/${hash}?auth=${encodeURIComponent(auth)}&token=${hash}`;
  const uploaded = await fetch(address, { method: 'POST', body: bytes });
  const { direct_path: directPath } = (await uploaded.json()) as { direct_path: string };
  const externalMutations = { ...keys, directPath, fileSizeBytes: mutations.length };
  const patch = proto.SyncdPatch.encode({ ...whole, mutations: [], externalMutations }).finish();
  expect(errorOf(await write(client, '0', Buffer.from(patch)))).toBeUndefined();
  expect(chatOf(mine, friend)).toMatchObject({ pinned: expect.any(Number) });
});

test.each<[string, (patch: proto.ISyncdPatch) => void]>([
  ['a forged patch MAC', (patch) => (patch.patchMac = createHash('sha256').update('x').digest())],
  ['a forged snapshot MAC', (patch) => (patch.snapshotMac = createHmac('sha256', 'x').update('x').digest())],
  ['a key that nobody gave', (patch) => (patch.keyId = { id: Buffer.from([0, 0, 0, 0, 0, 9]) })],
  ['no mutations', (patch) => (patch.mutations = [])],
  [
    'a changed record',
    (patch) => {
      const blob = patch.mutations![0]!.record!.value!.blob!;
      blob[20] = (blob[20] ?? 0) ^ 1;
    },
  ],
])('a patch with %s is refused, and changes nothing', async (_what, forge) => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const create = {
    type: 'regular_low',
    index: ['pin_v1', friend.jid],
    syncAction: { pinAction: { pinned: true }, timestamp: Date.now() },
    apiVersion: 5,
    operation: proto.SyncdMutation.SyncdOperation.SET,
  } as WAPatchCreate;
  expect(errorOf(await write(client, '0', await patchOf(client, create, forge)))).toBe('400');
  expect(chatOf(mine, friend)).toBeUndefined();
  expect(errorOf(await write(client, '0', await patchOf(client, create, () => {})))).toBeUndefined();
  expect(chatOf(mine, friend)).toMatchObject({ pinned: expect.any(Number) });
  // once more on the old version: refused, with what was missed
  const again = await write(client, '0', await patchOf(client, create, () => {}));
  expect(errorOf(again)).toBe('409');
  expect((again.content as BinaryNode[]).map(({ tag }) => tag)).toEqual(['error', 'patches']);
});
