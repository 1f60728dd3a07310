import { createHash } from 'node:crypto';
import { afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { proto, type WAMessage } from '@whiskeysockets/baileys';
import { clientAgents, type MessageInfo, type PhoneInfo } from '../../engine/sandbox/index.ts';
import type { Client, Memory } from './client.ts';
import { dataUrl, picture, voiceNote } from './files.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();
const { EPHEMERAL_SETTING } = proto.Message.ProtocolMessage.Type;
let mine: PhoneInfo;
let friend: PhoneInfo;
let memory: Memory;

beforeAll(async () => {
  mine = world.phone('Ada');
  friend = world.phone('Grace');
  const client = await world.linked(mine);
  memory = client.memory;
  await client.disconnect();
});

afterEach(() => void jest.useRealTimers());

async function online(): Promise<Client> {
  const client = world.client(memory, clientAgents(world.sandbox.url)).connect();
  await client.opened();
  return client;
}

/** Only the clock changes; everything else goes on as it is. */
function travel(seconds: number): void {
  const doNotFake = ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'];
  const others = ['nextTick', 'queueMicrotask', 'performance', 'hrtime'];
  jest.useFakeTimers({ doNotFake: [...doNotFake, ...others] as never, now: Date.now() + seconds * 1000 });
}

/** A text of the client's that the friend's phone has. */
async function fromClient(client: Client, text: string): Promise<{ key: WAMessage['key']; id: string }> {
  const sent = await client.socket.sendMessage(friend.jid, { text });
  const id = sent!.key.id!;
  await eventually('the phone has it', () => onPhone(friend, id));
  return { key: sent!.key, id };
}

/** A text of the friend's phone that the client has. */
async function fromFriend(client: Client, text: string): Promise<WAMessage> {
  const { id } = await world.sandbox.send(friend.phone, { to: mine.phone, text });
  return client.message(text, ({ key }) => key.id === id);
}

const onPhone = (phone: PhoneInfo, id: string): MessageInfo | undefined =>
  world.sandbox.messages(phone.phone).find((message) => message.id === id);

const show = (
  what: string,
  id: string,
  fits: (message: MessageInfo) => boolean,
  phone = friend,
): Promise<MessageInfo> =>
  eventually(what, () => {
    const message = onPhone(phone, id);
    return message && fits(message) ? message : undefined;
  });

interface Wire {
  attrs: Record<string, string>;
  enc: Record<string, string>;
}

/** How a message was written to the client. */
function wire(id: string): Wire {
  const entry = world.sandbox.stanzas({ phone: mine.phone }).find(({ stanza }) => {
    const { tag, attrs } = stanza as { tag: string; attrs: Record<string, string> };
    return tag === 'message' && attrs['id'] === id;
  });
  const { attrs, content } = entry!.stanza as { attrs: Wire['attrs']; content: { tag: string; attrs: Wire['enc'] }[] };
  return { attrs, enc: content.find(({ tag }) => tag === 'enc')!.attrs };
}

// --- reactions ---

test("a phone reacts to the client's message, otherwise, and not at all", async () => {
  const client = await online();
  const { id } = await fromClient(client, 'react to me');
  for (const emoji of ['👍', '❤️', '']) {
    const sent = await world.sandbox.gestures.react(friend.phone, { chat: mine.phone, id, emoji });
    const message = await client.message(`reaction ${emoji}`, ({ key }) => key.id === sent.id);
    expect(message.message!.reactionMessage).toMatchObject({
      text: emoji,
      key: { id, fromMe: true, remoteJid: friend.jid },
    });
    const { attrs, enc } = wire(sent.id);
    expect(attrs).toMatchObject({ type: 'reaction', ...(emoji === '' ? { edit: '7' } : {}) });
    expect(enc['decrypt-fail']).toBe('hide');
    const reactions = emoji === '' ? [] : [{ from: friend.jid, emoji }];
    expect(onPhone(friend, id)!.reactions).toEqual(reactions);
    await show("the client's own phone knows it", id, (one) => one.reactions.length === reactions.length, mine);
  }
});

test('the client reacts to a message of the phone, and takes it back', async () => {
  const client = await online();
  const message = await fromFriend(client, 'react to me');
  await client.socket.sendMessage(friend.jid, { react: { text: '🎉', key: message.key } });
  const shown = await show('a reaction', message.key.id!, ({ reactions }) => reactions.length > 0);
  expect(shown.reactions).toEqual([{ from: mine.jid, emoji: '🎉' }]);
  await client.socket.sendMessage(friend.jid, { react: { text: '', key: message.key } });
  await show('no reaction', message.key.id!, ({ reactions }) => reactions.length === 0);
  expect(world.sandbox.messages(friend.phone).some(({ type }) => type === 'reaction')).toBe(false);
});

test('a reaction to what is not there, or to the wrong author, changes nothing', async () => {
  const client = await online();
  const message = await fromFriend(client, 'mine, not yours');
  await client.socket.sendMessage(friend.jid, { react: { text: '👎', key: { ...message.key, fromMe: true } } });
  await client.socket.sendMessage(friend.jid, { react: { text: '👎', key: { ...message.key, id: 'NOTHING' } } });
  const after = await fromClient(client, 'after that');
  expect(onPhone(friend, after.id)).toBeDefined();
  expect(onPhone(friend, message.key.id!)!.reactions).toEqual([]);
});

// --- edits ---

test('a phone edits its message; the client is told', async () => {
  const client = await online();
  const message = await fromFriend(client, 'tpyo');
  const { id } = await world.sandbox.gestures.edit(friend.phone, {
    chat: mine.phone,
    id: message.key.id!,
    text: 'typo',
  });
  const update = await client.until('the edit', (events) =>
    events
      .flatMap((one) => (one.event === 'messages.update' ? one.data : []))
      .find(({ update: { message: now } }) => now?.editedMessage),
  );
  expect(update).toMatchObject({
    key: { id: message.key.id },
    update: { message: { editedMessage: { message: { conversation: 'typo' } } } },
  });
  expect(wire(id)).toMatchObject({ attrs: { type: 'text', edit: '1' }, enc: { 'decrypt-fail': 'hide' } });
  expect(onPhone(friend, message.key.id!)).toMatchObject({ text: 'typo', edited: true });
});

test('the client edits its message; both phones show it', async () => {
  const client = await online();
  const { key, id } = await fromClient(client, 'tpyo');
  await client.socket.sendMessage(friend.jid, { text: 'typo', edit: key });
  for (const phone of [friend, mine]) {
    const message = await show('the edit', id, ({ edited }) => edited, phone);
    expect(message).toMatchObject({ text: 'typo', type: 'text', deleted: false });
  }
});

test("a picture's caption is edited, and the picture stays", async () => {
  const client = await online();
  const sent = await client.socket.sendMessage(friend.jid, { image: await picture(), caption: 'befour' });
  const id = sent!.key.id!;
  await eventually('the phone has it', () => onPhone(friend, id));
  await client.socket.sendMessage(friend.jid, { text: 'before', edit: sent!.key });
  const message = await show('the edit', id, ({ edited }) => edited);
  expect(message).toMatchObject({ type: 'image', text: 'before', media: { width: 64 } });
  expect((await world.sandbox.gestures.media(friend.phone, id)).bytes).toEqual(await picture());
});

test('an edit by somebody else than the author changes nothing', async () => {
  const client = await online();
  const message = await fromFriend(client, 'my words');
  await client.socket.sendMessage(friend.jid, { text: 'not my words', edit: message.key });
  await fromClient(client, 'after that');
  expect(onPhone(friend, message.key.id!)).toMatchObject({ text: 'my words', edited: false });
});

test('an edit that comes too late is not sent by a phone and not taken by one', async () => {
  const client = await online();
  const message = await fromFriend(client, 'too late');
  const { key, id } = await fromClient(client, 'too late, too');
  travel(21 * 60);
  await expect(
    world.sandbox.gestures.edit(friend.phone, { chat: mine.phone, id: message.key.id!, text: 'x' }),
  ).rejects.toMatchObject({ status: 422, code: 'too-late' });
  await client.socket.sendMessage(friend.jid, { text: 'changed', edit: key });
  await fromClient(client, 'after that');
  expect(onPhone(friend, id)).toMatchObject({ text: 'too late, too', edited: false });
});

// --- deletions ---

test('a phone takes its message back; the client is told', async () => {
  const client = await online();
  const message = await fromFriend(client, 'forget it');
  const sent = await world.sandbox.gestures.delete(friend.phone, { chat: mine.phone, id: message.key.id! });
  const update = await client.until('the revocation', (events) =>
    events
      .flatMap((one) => (one.event === 'messages.update' ? one.data : []))
      .find(({ update: { message: now } }) => now === null),
  );
  expect(update.key.id).toBe(message.key.id);
  expect(wire('id' in sent ? sent.id : '').attrs).toMatchObject({ edit: '7' });
  expect(onPhone(friend, message.key.id!)).toMatchObject({ deleted: true, text: null, message: {} });
  await expect(
    world.sandbox.gestures.react(friend.phone, { chat: mine.phone, id: message.key.id!, emoji: '👍' }),
  ).rejects.toMatchObject({ status: 410, code: 'deleted-message' });
});

test('the client takes its message back; both phones show that something was there', async () => {
  const client = await online();
  const { key, id } = await fromClient(client, 'forget it');
  await client.socket.sendMessage(friend.jid, { delete: key });
  for (const phone of [friend, mine]) {
    expect(await show('the revocation', id, ({ deleted }) => deleted, phone)).toMatchObject({
      type: 'text',
      text: null,
    });
  }
});

test("somebody else's message cannot be taken back in a chat of two", async () => {
  const client = await online();
  const message = await fromFriend(client, 'stays');
  await client.socket.sendMessage(friend.jid, { delete: message.key });
  const { id } = await fromClient(client, 'after that');
  expect(onPhone(friend, message.key.id!)).toMatchObject({ text: 'stays', deleted: false });
  await expect(world.sandbox.gestures.delete(friend.phone, { chat: mine.phone, id })).rejects.toMatchObject({
    status: 403,
    code: 'not-the-author',
  });
});

test('a message that is deleted on one phone alone stays with everybody else', async () => {
  const client = await online();
  const { id } = await fromClient(client, 'gone here');
  expect(await world.sandbox.gestures.delete(friend.phone, { chat: mine.phone, id, forEveryone: false })).toEqual({
    deleted: true,
  });
  expect(onPhone(friend, id)).toBeUndefined();
  expect(onPhone(mine, id)).toBeDefined();
});

// --- forwarding, pinning, keeping ---

test('a phone forwards a picture; the count rises with every hop', async () => {
  const client = await online();
  const other = world.phone('Linus');
  const sent = await client.socket.sendMessage(friend.jid, { image: await picture(), caption: 'look' });
  await eventually('the phone has it', () => onPhone(friend, sent!.key.id!));
  const first = await world.sandbox.gestures.forward(friend.phone, {
    chat: mine.phone,
    id: sent!.key.id!,
    to: other.phone,
  });
  await world.sandbox.idle();
  const again = await world.sandbox.gestures.forward(other.phone, { chat: friend.phone, id: first.id, to: mine.phone });
  const message = await client.message('it comes back', ({ key }) => key.id === again.id);
  expect(message.message!.imageMessage).toMatchObject({
    caption: 'look',
    contextInfo: { isForwarded: true, forwardingScore: 2 },
  });
  expect((await world.sandbox.gestures.media(other.phone, first.id)).bytes).toEqual(await picture());
  expect(onPhone(other, first.id)).toMatchObject({ forwarded: true });
});

test('a phone pins a message and takes it down', async () => {
  const client = await online();
  const { id } = await fromClient(client, 'important');
  const { PIN_FOR_ALL, UNPIN_FOR_ALL } = proto.Message.PinInChatMessage.Type;
  for (const pinned of [true, false]) {
    const sent = await world.sandbox.gestures.pin(friend.phone, { chat: mine.phone, id, pinned, seconds: 86_400 });
    const message = await client.message('the pin', ({ key }) => key.id === sent.id);
    expect(message.message).toMatchObject({
      pinInChatMessage: { key: { id, fromMe: false }, type: pinned ? PIN_FOR_ALL : UNPIN_FOR_ALL },
      messageContextInfo: { messageAddOnDurationInSecs: pinned ? 86_400 : 0 },
    });
    expect(wire(sent.id)).toMatchObject({ attrs: { edit: '2' }, enc: { 'decrypt-fail': 'hide' } });
    expect(onPhone(friend, id)!.pinned).toBe(pinned);
  }
});

test('the client pins a message; the phone shows it until its time is over', async () => {
  const client = await online();
  const message = await fromFriend(client, 'important');
  const pin = { pin: message.key, type: proto.PinInChat.Type.PIN_FOR_ALL as 1, time: 86_400 as const };
  await client.socket.sendMessage(friend.jid, pin);
  await show('the pin', message.key.id!, ({ pinned }) => pinned);
  travel(86_401);
  expect(onPhone(friend, message.key.id!)!.pinned).toBe(false);
});

test('messages disappear after the time that a phone sets, except those that are kept', async () => {
  const [a, b] = [world.phone('A'), world.phone('B')];
  const client = await world.linked(a);
  const set = await world.sandbox.gestures.disappearing(b.phone, { chat: a.phone, seconds: 86_400 });
  const setting = await client.message('the timer', ({ key }) => key.id === set.id);
  expect(setting.message!.protocolMessage).toMatchObject({ type: EPHEMERAL_SETTING, ephemeralExpiration: 86_400 });
  const gone = await world.sandbox.send(b.phone, { to: a.phone, text: 'gone tomorrow' });
  const kept = await world.sandbox.send(b.phone, { to: a.phone, text: 'kept' });
  const message = await client.message('it', ({ key }) => key.id === kept.id);
  expect(message.message!.extendedTextMessage!.contextInfo!.expiration).toBe(86_400);
  expect(onPhone(b, gone.id)!.expiresAt).toBeGreaterThan(Date.now() / 1000 + 86_000);
  const keep = await world.sandbox.gestures.keep(b.phone, { chat: a.phone, id: kept.id });
  await client.message('the keeping', ({ key }) => key.id === keep.id);
  await world.sandbox.idle();
  travel(86_402);
  for (const phone of [a, b]) {
    expect(onPhone(phone, gone.id)).toBeUndefined();
    expect(onPhone(phone, kept.id)).toMatchObject({ text: 'kept', kept: true });
  }
});

test("the client sets the timer; the phone's next messages disappear", async () => {
  const [a, b] = [world.phone('A'), world.phone('B')];
  const client = await world.linked(a);
  await client.socket.sendMessage(b.jid, { disappearingMessagesInChat: 604_800 });
  const timer = await eventually('the setting', () =>
    world.sandbox.messages(b.phone).find(({ type }) => type === 'disappearing'),
  );
  expect(timer.disappearing).toBe(604_800);
  const { id } = await world.sandbox.send(b.phone, { to: a.phone, text: 'next week' });
  const message = await client.message('it', ({ key }) => key.id === id);
  expect(message.message!.extendedTextMessage!.contextInfo!.expiration).toBe(604_800);
});

// --- voice notes ---

test('a phone plays a voice note; the client is told', async () => {
  const client = await online();
  const sent = await client.socket.sendMessage(friend.jid, { audio: voiceNote(), ptt: true, seconds: 2 });
  const id = sent!.key.id!;
  await eventually('the phone has it', () => onPhone(friend, id));
  await world.sandbox.gestures.played(friend.phone, { chat: mine.phone, ids: [id] });
  await client.status(id, proto.WebMessageInfo.Status.PLAYED);
  expect(onPhone(friend, id)).toMatchObject({ played: true, status: 'read' });
  const { id: text } = await fromClient(client, 'no recording');
  await expect(world.sandbox.gestures.played(friend.phone, { chat: mine.phone, ids: [text] })).rejects.toMatchObject({
    code: 'not-playable',
  });
});

test('the client plays a voice note; the phone knows', async () => {
  const client = await online();
  const { id } = await world.sandbox.send(friend.phone, {
    to: mine.phone,
    audioUrl: dataUrl('audio/ogg', voiceNote()),
  });
  await client.message('the note', ({ key }) => key.id === id);
  await client.socket.sendReceipt(friend.jid, undefined, [id], 'played' as never);
  await eventually('it was played', () => onPhone(friend, id)!.status === 'read');
});

// --- for a device that comes later ---

test('a new device is given messages as they are now, with what was done to them', async () => {
  const [a, b] = [world.phone('A'), world.phone('B')];
  const { sandbox } = world;
  const send = async (text: string) => (await sandbox.send(b.phone, { to: a.phone, text })).id;
  const [loved, wrong, gone] = [await send('loved'), await send('wrnog'), await send('gone')];
  const poll = { question: 'q', options: ['x', 'y'] };
  const asked = (await sandbox.send(b.phone, { to: a.phone, poll })).id;
  await sandbox.idle();
  await sandbox.gestures.react(a.phone, { chat: b.phone, id: loved, emoji: '❤️' });
  await sandbox.gestures.edit(b.phone, { chat: a.phone, id: wrong, text: 'wrong' });
  await sandbox.gestures.delete(b.phone, { chat: a.phone, id: gone });
  await sandbox.gestures.vote(a.phone, { chat: b.phone, id: asked, options: ['y'] });
  await sandbox.idle();
  const client = await world.linked(a);
  const find = (id: string): Promise<WAMessage> =>
    client.until('the history', (events) =>
      events
        .flatMap((one) => (one.event === 'messaging-history.set' ? one.data.messages : []))
        .find(({ key }) => key.id === id),
    );
  expect((await find(loved)).reactions).toMatchObject([{ text: '❤️', key: { fromMe: true } }]);
  expect((await find(wrong)).message!.conversation).toBe('wrong');
  expect(await find(gone)).toMatchObject({ messageStubType: proto.WebMessageInfo.StubType.REVOKE });
  const [update] = (await find(asked)).pollUpdates!;
  expect(Buffer.from(update!.vote!.selectedOptions![0]!)).toEqual(createHash('sha256').update('y').digest());
});

// --- over HTTP ---

test('every gesture has its route', async () => {
  const client = await online();
  const { id } = await fromClient(client, 'over HTTP');
  const own = await world.sandbox.send(friend.phone, { to: mine.phone, text: 'own' });
  const chat = mine.phone;
  const calls: [string, object, number][] = [
    ['react', { chat, id, emoji: '👍' }, 201],
    ['edit', { chat, id: own.id, text: 'edited' }, 201],
    ['forward', { chat, id, to: mine.phone }, 201],
    ['pin', { chat, id }, 201],
    ['vote', { chat, id, options: [] }, 422],
    ['respond', { chat, id, response: 'GOING' }, 422],
    ['keep', { chat, id }, 422],
    ['played', { chat, ids: [id] }, 422],
    ['disappearing', { chat, seconds: 5 }, 422],
    ['download', { id }, 404],
    ['delete', { chat, id: own.id }, 201],
    ['delete', { chat, id, forEveryone: false }, 201],
    ['react', { chat, id: 'NOTHING', emoji: '👍' }, 404],
  ];
  for (const [gesture, body, status] of calls) {
    const answer = await world.http('POST', `/phones/${friend.phone}/${gesture}`, body);
    expect([gesture, answer.status]).toEqual([gesture, status]);
  }
});
