import type { EventEnvelope, EventName } from '../../engine/events.ts';
import { asked } from './ask.ts';
import { OWN, Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
  // WhatsApp tells of others’ presence to those only who are there themselves
  await stage.call('PUT', '/api/whatsapp-sessions/1', { always_online: true });
  await stage.call('POST', '/api/whatsapp-sessions/1/restart');
});
afterAll(() => stage?.close());

let made = 0;
/** A phone that no other test knows. */
const newPhone = (name = `Person ${String(made + 1)}`) =>
  stage.sandbox.addPhone({ phone: `1555040${String(++made).padStart(4, '0')}`, name });
const jidOf = (phone: string) => `${phone}@s.whatsapp.net`;
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const of = (event: EventName, about: string) => (one: EventEnvelope) =>
  one.event === event && (one.phone === about || one.jid === about);
/** The nth event of a name about somebody, as soon as it is there. */
const untilEvent = (event: EventName, about: string, nth = 0) =>
  stage.until((events) => events.filter(of(event, about))[nth]);
const eventsOf = async (event: EventName, about: string) => (await stage.events()).filter(of(event, about));

describe('somebody who writes for the first time', () => {
  test('becomes a contact and a chat; the next message changes the chat alone', async () => {
    const { phone, lid, name } = newPhone('Wren');
    await stage.sandbox.send(phone, { to: OWN, text: 'hello' });
    expect((await untilEvent('contacts.upsert', phone)).data).toEqual([
      {
        jid: jidOf(phone),
        id: jidOf(phone),
        name: null,
        notify: name,
        verifiedName: null,
        imgUrl: null,
        status: null,
        lid,
        phone,
      },
    ]);
    const upsert = await untilEvent('chats.upsert', phone);
    expect(upsert).toMatchObject({ jid: jidOf(phone), lid, phone });
    expect(upsert.data).toEqual([
      {
        id: jidOf(phone),
        name,
        unreadCount: 1,
        conversationTimestamp: expect.any(Number) as number,
        archived: false,
        pinned: null,
        mutedUntil: null,
        lid,
        phone,
      },
    ]);
    await stage.sandbox.send(phone, { to: OWN, text: 'again' });
    expect((await untilEvent('chats.update', phone)).data).toEqual([
      { id: jidOf(phone), lid, phone, unreadCount: 2, conversationTimestamp: expect.any(Number) as number },
    ]);
    expect(await eventsOf('contacts.upsert', phone)).toHaveLength(1);
    expect(await eventsOf('contacts.update', phone)).toHaveLength(0);
  });

  test('and has another name the next time is a contact with another name', async () => {
    const { phone, lid } = newPhone('Before');
    await stage.sandbox.send(phone, { to: OWN, text: 'one' });
    await untilEvent('contacts.upsert', phone);
    stage.sandbox.account.setName(phone, { name: 'After' });
    await stage.sandbox.send(phone, { to: OWN, text: 'two' });
    expect((await untilEvent('contacts.update', phone)).data).toEqual([
      { jid: jidOf(phone), id: jidOf(phone), lid, phone, notify: 'After' },
    ]);
  });

  test('is a chat as soon as WhatsApp has taken what we write', async () => {
    const { phone } = newPhone();
    await stage.send(phone, 'good morning');
    const events = (await stage.events()).filter(({ phone: about }) => about === phone);
    // all of one commit, before the send was answered
    const together = ['messages.upsert', 'message.sent', 'messages.update', 'chats.upsert'];
    expect(events.map(({ event }) => event).slice(0, 4)).toEqual(together);
    expect(await stage.engine.store.chats.get(1, jidOf(phone))).toMatchObject({ jid: jidOf(phone), unreadCount: 0 });
  });

  test('reads as unread until we answer', async () => {
    const { phone } = newPhone();
    await stage.sandbox.send(phone, { to: OWN, text: 'are you there' });
    await untilEvent('chats.upsert', phone);
    await stage.send(phone, 'yes');
    const answered = await stage.until((events) =>
      events
        .filter(of('chats.update', phone))
        .find(({ data }) => (data as { unreadCount: number }[])[0]!.unreadCount === 0),
    );
    expect(answered.data).toMatchObject([{ id: jidOf(phone) }]);
  });
});

test('messages that are marked as read through the engine leave their chat without unread ones', async () => {
  const { phone } = newPhone();
  const { id } = await stage.sandbox.send(phone, { to: OWN, text: 'read me' });
  await untilEvent('chats.upsert', phone);
  await stage.call('POST', '/api/messages/read', { key: { remoteJid: jidOf(phone), id, fromMe: false } });
  expect((await untilEvent('chats.update', phone)).data).toMatchObject([{ id: jidOf(phone), unreadCount: 0 }]);
});

describe('the phone’s address book', () => {
  test('is followed: saved, renamed, and nothing for a name that is the same', async () => {
    const { phone, lid } = newPhone();
    stage.sandbox.account.saveContact(OWN, { phone, name: 'Aunt Ada' });
    expect((await untilEvent('contacts.upsert', phone)).data).toMatchObject([{ name: 'Aunt Ada', lid, phone }]);
    stage.sandbox.account.saveContact(OWN, { phone, name: 'Aunt Ada' });
    stage.sandbox.account.saveContact(OWN, { phone, name: 'Ada' });
    expect((await untilEvent('contacts.upsert', phone, 1)).data).toMatchObject([{ name: 'Ada' }]);
    expect(await asked(stage, 'contact.list', { search: 'aunt' })).toEqual([]);
    expect(await asked(stage, 'contact.list', { search: phone })).toMatchObject([{ name: 'Ada', lid, phone }]);
  });
});

describe('a contact’s', () => {
  test('picture is told with its URL, and its removal', async () => {
    const { phone, lid } = newPhone();
    await stage.sandbox.send(phone, { to: OWN, text: 'hello' });
    await untilEvent('contacts.upsert', phone);
    const { url } = await stage.sandbox.account.setPicture(phone, { base64: PIXEL });
    const update = await untilEvent('contacts.update', phone);
    expect(update.data).toEqual([{ jid: jidOf(phone), id: jidOf(phone), lid, phone, imgUrl: url }]);
    expect(await asked(stage, 'contact.list', { search: phone })).toMatchObject([{ imgUrl: url }]);
    stage.sandbox.account.removePicture(phone);
    expect((await untilEvent('contacts.update', phone, 1)).data).toEqual([
      { jid: jidOf(phone), id: jidOf(phone), lid, phone, imgUrl: null },
    ]);
  });

  test('picture is told once the engine can ask for it, however long that takes', async () => {
    const { phone } = newPhone();
    await stage.sandbox.send(phone, { to: OWN, text: 'hello' });
    await untilEvent('contacts.upsert', phone);
    stage.sandbox.addFault({ fault: 'never-answer', phone: OWN, match: 'iq:w:profile:picture' });
    const asking = stage.untilStanza('in', 'picture');
    const { url } = await stage.sandbox.account.setPicture(phone, { base64: PIXEL });
    await asking;
    await stage.engine.stop();
    stage.sandbox.removeFaults();
    await stage.startEngine();
    expect((await untilEvent('contacts.update', phone)).data).toMatchObject([{ imgUrl: url }]);
  });

  test('about text is told', async () => {
    const { phone, lid } = newPhone();
    await stage.sandbox.send(phone, { to: OWN, text: 'hello' });
    await untilEvent('contacts.upsert', phone);
    stage.sandbox.account.setAbout(phone, { text: 'At the lake' });
    expect((await untilEvent('contacts.update', phone)).data).toEqual([
      { jid: jidOf(phone), id: jidOf(phone), lid, phone, status: 'At the lake' },
    ]);
  });
});

describe('a chat', () => {
  test('that the phone archives, pins, mutes or marks is told as it is then', async () => {
    const { phone } = newPhone();
    await stage.sandbox.send(phone, { to: OWN, text: 'hello' });
    await untilEvent('chats.upsert', phone);
    const change = async (wanted: object, told: object) => {
      const before = (await eventsOf('chats.update', phone)).length;
      stage.sandbox.chats.change(OWN, { chat: phone, ...wanted });
      expect((await untilEvent('chats.update', phone, before)).data).toMatchObject([{ id: jidOf(phone), ...told }]);
    };
    await change({ archived: true }, { archived: true, unreadCount: 1 });
    await change({ archived: false }, { archived: false });
    await change({ mutedUntil: -1 }, { mutedUntil: -1 });
    await change({ mutedUntil: null }, { mutedUntil: null });
    await change({ pinned: true }, { pinned: expect.any(Number) as number });
    await change({ pinned: false }, { pinned: null });
    await change({ read: true }, { unreadCount: 0 });
    await change({ read: false }, { unreadCount: -1 });
  });

  test('that the phone deletes is told, and is new when somebody writes again', async () => {
    const { phone } = newPhone();
    await stage.sandbox.send(phone, { to: OWN, text: 'hello' });
    await untilEvent('chats.upsert', phone);
    stage.sandbox.chats.change(OWN, { chat: phone, delete: true });
    expect(await untilEvent('chats.delete', jidOf(phone))).toMatchObject({ data: [jidOf(phone)], phone });
    await stage.sandbox.send(phone, { to: OWN, text: 'me again' });
    expect((await untilEvent('chats.upsert', phone, 1)).data).toMatchObject([{ unreadCount: 1 }]);
  });

  test('with a group has the group’s name, and its picture is told', async () => {
    const { phone } = newPhone();
    const { jid } = stage.sandbox.groups.create({ creator: phone, subject: 'Birders', participants: [OWN] });
    expect((await untilEvent('chats.upsert', jid)).data).toMatchObject([{ id: jid, name: 'Birders' }]);
    stage.sandbox.groups.setSubject(jid, { by: phone, subject: 'Twitchers' });
    expect((await untilEvent('chats.update', jid)).data).toMatchObject([{ id: jid, name: 'Twitchers' }]);
  });
});

describe('presence', () => {
  test('of somebody is told when it changes', async () => {
    const { phone, lid } = newPhone();
    await stage.engine.sessions.get(1).ask('Failed', (wa) => wa.presenceSubscribe(jidOf(phone)));
    stage.sandbox.account.setPresence(phone, { state: 'available' });
    const online = await stage.until((events) =>
      events.filter(of('presence.update', phone)).find(({ data }) => JSON.stringify(data).includes('"available"')),
    );
    expect(online).toMatchObject({ jid: jidOf(phone), phone });
    expect(online.data).toMatchObject({
      id: jidOf(phone),
      presences: { [jidOf(phone)]: { lastKnownPresence: 'available' } },
    });
    stage.sandbox.typing(phone, { to: OWN });
    const typing = await stage.until((events) =>
      events.filter(of('presence.update', phone)).find(({ data }) => JSON.stringify(data).includes('"composing"')),
    );
    expect(typing.data).toMatchObject({ presences: { [jidOf(phone)]: { lastKnownPresence: 'composing' } } });
    const before = (await eventsOf('presence.update', phone)).length;
    stage.sandbox.typing(phone, { to: OWN });
    stage.sandbox.typing(phone, { to: OWN, state: 'recording' });
    await stage.until((events) =>
      events.filter(of('presence.update', phone)).some(({ data }) => JSON.stringify(data).includes('"recording"')),
    );
    expect(await eventsOf('presence.update', phone)).toHaveLength(before + 1);
    expect(lid).toMatch(/@lid$/);
  });
});

test('the history of a new login comes in batches, with the address book and how the chats are set', async () => {
  const { phone } = newPhone();
  const friends = Array.from({ length: 4 }, () => newPhone());
  for (const friend of friends) await stage.sandbox.send(friend.phone, { to: phone, text: 'before you came' });
  for (const { phone: friend } of friends)
    stage.sandbox.account.saveContact(phone, { phone: friend, name: `Old ${friend}` });
  stage.sandbox.chats.change(phone, { chat: friends[0]!.phone, archived: true });
  const settings = { name: 'With a past', phone_number: `+${phone}` };
  const { body } = await stage.call('POST', '/api/whatsapp-sessions', settings);
  const { id } = body.data as { id: number };
  const { body: connecting } = await stage.call('POST', `/api/whatsapp-sessions/${id}/connect`);
  await stage.sandbox.scan(phone, (connecting.data as { qrCode: string }).qrCode);
  const upserts = await stage.until((events) => {
    const all = events.filter(({ event }) => event === 'chats.upsert');
    return all.flatMap(({ data }) => data as unknown[]).length >= friends.length && all;
  }, id);
  expect(upserts).toHaveLength(1);
  expect(upserts.flatMap(({ data }) => (data as { id: string }[]).map((chat) => chat.id)).sort()).toEqual(
    friends.map((friend) => jidOf(friend.phone)).sort(),
  );
  await stage.until((events) => {
    const told = events
      .filter(({ event }) => event === 'contacts.upsert')
      .flatMap(({ data }) => data as { name: string }[]);
    return friends.every(({ phone: friend }) => told.some(({ name }) => name === `Old ${friend}`));
  }, id);
  await stage.until((events) => JSON.stringify(events).includes('"archived":true'), id);
  expect(await stage.engine.store.chats.get(id, jidOf(friends[0]!.phone))).toMatchObject({ archived: true });
});
