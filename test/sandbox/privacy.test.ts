import { expect, test } from '@jest/globals';
import { proto, type BinaryNode } from '@whiskeysockets/baileys';
import type { Client } from './client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();
const { DELIVERY_ACK, READ } = proto.WebMessageInfo.Status;

/** Notifications of a type that came in, as stanzas: Baileys has no events for all of them. */
function notifications(client: Client, type: string): BinaryNode[] {
  const seen: BinaryNode[] = [];
  client.socket.ws.on(`CB:notification,type:${type}`, (node: BinaryNode) => seen.push(node));
  return seen;
}

test('privacy settings are changed by the phone and by clients, and the other devices are told', async () => {
  const mine = world.phone();
  const [client, other] = [await world.linked(mine), await world.linked(mine)];
  const [seenByClient, seenByOther] = [notifications(client, 'account_sync'), notifications(other, 'account_sync')];
  await client.socket.updateStatusPrivacy('none');
  await eventually('the other device is told', () => seenByOther.length === 1);
  expect(seenByOther[0]!.content).toMatchObject([
    { tag: 'privacy', content: [{ tag: 'category', attrs: { name: 'status', value: 'none' } }] },
  ]);
  expect(seenByClient).toEqual([]);
  const answer = await world.http('POST', `/phones/${mine.phone}/privacy`, { profile: 'contacts', calladd: 'known' });
  expect(answer).toMatchObject({ status: 200, body: { profile: 'contacts', calladd: 'known', status: 'none' } });
  await eventually('both are told', () => seenByClient.length === 1 && seenByOther.length === 2);
  expect(await client.socket.fetchPrivacySettings(true)).toMatchObject({ profile: 'contacts', status: 'none' });
  expect(await world.http('POST', `/phones/${mine.phone}/privacy`, { last: 'friends' })).toMatchObject({
    status: 422,
    body: { error: 'unknown-setting' },
  });
});

test('a caller whom the person does not know does not ring where such callers are silenced', async () => {
  const [mine, stranger, friend] = [world.phone(), world.phone(), world.phone()];
  world.sandbox.account.saveContact(mine.phone, { phone: friend.phone, name: 'Grace' });
  const client = await world.linked(mine);
  await client.socket.updateCallPrivacy('known');
  world.sandbox.calls.start(stranger.phone, { to: mine.phone });
  world.sandbox.calls.start(friend.phone, { to: mine.phone });
  const calls = () => client.events.flatMap((one) => (one.event === 'call' ? one.data : []));
  await eventually('the friend rings', () => calls().length > 0);
  expect(calls().map(({ from }) => from)).not.toContain(stranger.jid);
});

test('a setting that does not exist is refused: 400', async () => {
  const client = await world.linked();
  await expect(client.socket.updateLastSeenPrivacy('friends' as never)).rejects.toMatchObject({ data: 400 });
});

test('without read receipts nobody knows what is read, on neither side', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const peer = await world.linked(friend);
  await client.socket.updateReadReceiptsPrivacy('none');
  const toMe = await peer.socket.sendMessage(mine.jid, { text: 'read this in secret' });
  const { key } = await client.text('read this in secret');
  await client.socket.fetchPrivacySettings(true);
  await client.socket.readMessages([key]);
  const toThem = await client.socket.sendMessage(friend.jid, { text: 'and you this' });
  await peer.text('and you this');
  await world.sandbox.read(friend.phone, { chat: mine.phone });
  await client.socket.updateReadReceiptsPrivacy('all');
  const last = await client.socket.sendMessage(friend.jid, { text: 'and this openly' });
  await peer.text('and this openly');
  await eventually('it has arrived', () => world.sandbox.messages(friend.phone, { chat: mine.phone }).length === 3);
  await world.sandbox.read(friend.phone, { chat: mine.phone });
  await client.status(last!.key.id!, READ);
  expect(await client.status(toThem!.key.id!, DELIVERY_ACK)).toBe(DELIVERY_ACK);
  expect(await peer.status(toMe!.key.id!, DELIVERY_ACK)).toBe(DELIVERY_ACK);
  expect(world.sandbox.messages(mine.phone, { chat: friend.phone })).toMatchObject([
    { fromMe: false },
    { text: 'and you this', status: 'delivered' },
    { text: 'and this openly', status: 'read' },
  ]);
});

test('the text under the profile name is shown to those whom the setting names, and they are told of a change', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  world.sandbox.account.saveContact(friend.phone, { phone: mine.phone, name: 'Ada' });
  const client = await world.linked(friend);
  const told = notifications(client, 'status');
  world.sandbox.account.setAbout(mine.phone, { text: 'in the attic' });
  await eventually('the friend is told', () => told.length === 1);
  expect(told[0]).toMatchObject({ attrs: { from: mine.jid }, content: [{ tag: 'set' }] });
  const about = async () =>
    (await client.socket.fetchStatus(mine.jid))![0]!['status'] as { status: string; setAt: Date };
  expect((await about()).status).toBe('in the attic');
  expect((await about()).setAt.getTime()).toBeGreaterThan(Date.now() - 60_000);
  world.sandbox.account.setPrivacy(mine.phone, { status: 'contacts' });
  // Baileys makes an empty text of "not for you to see"
  expect((await about()).status).toBe('');
  world.sandbox.account.saveContact(mine.phone, { phone: friend.phone, name: 'Grace' });
  expect((await about()).status).toBe('in the attic');
});

test('contacts who are left out do not see what the other contacts see', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  world.sandbox.account.saveContact(mine.phone, { phone: friend.phone, name: 'Grace' });
  world.sandbox.account.setAbout(mine.phone, { text: 'secret' });
  const [client, viewer] = [await world.linked(mine), await world.linked(friend)];
  const except = (action: string) =>
    client.socket.query({
      tag: 'iq',
      attrs: { xmlns: 'privacy', to: '@s.whatsapp.net', type: 'set' },
      content: [
        {
          tag: 'privacy',
          attrs: {},
          content: [
            {
              tag: 'category',
              attrs: { name: 'status', value: 'contact_blacklist' },
              content: [{ tag: 'user', attrs: { jid: friend.jid, action } }],
            },
          ],
        },
      ],
    });
  await except('add');
  expect(await viewer.socket.fetchStatus(mine.jid)).toMatchObject([{ status: { status: '' } }]);
  await except('remove');
  expect(await viewer.socket.fetchStatus(mine.jid)).toMatchObject([{ status: { status: 'secret' } }]);
});

test('the default timer reaches the other devices and whoever asks for it', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const [client, other] = [await world.linked(mine), await world.linked(friend)];
  world.sandbox.account.setPrivacy(mine.phone, { disappearing_mode: 86_400 });
  await client.until('the timer', (events) =>
    events.find(
      (one) =>
        one.event === 'creds.update' &&
        one.data.accountSettings?.defaultDisappearingMode?.ephemeralExpiration === 86_400,
    ),
  );
  expect(await other.socket.fetchDisappearingDuration(mine.jid)).toMatchObject([
    { disappearing_mode: { duration: 86_400 } },
  ]);
});

test('a name that the person gives reaches the linked devices and goes with the next messages', async () => {
  const [mine, friend] = [world.phone('Ada'), world.phone()];
  const [client, peer] = [await world.linked(mine), await world.linked(friend)];
  world.sandbox.account.setName(mine.phone, { name: 'Countess' });
  await client.until('the name', (events) =>
    events.find((one) => one.event === 'creds.update' && one.data.me?.name === 'Countess'),
  );
  await world.sandbox.send(mine.phone, { to: friend.phone, text: 'from the phone' });
  expect((await peer.text('from the phone')).pushName).toBe('Countess');
  await client.socket.updateProfileName('Lovelace');
  expect(world.sandbox.account.profile(mine.phone)).toMatchObject({ name: 'Lovelace' });
  await world.sandbox.send(mine.phone, { to: friend.phone, text: 'again' });
  expect((await peer.text('again')).pushName).toBe('Lovelace');
});

test('a contact to whom one writes is given a token, and shows it with its answer', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const peer = await world.linked(friend);
  await client.socket.sendMessage(friend.jid, { text: 'hello' });
  await peer.text('hello');
  await eventually('the token is kept', () => peer.memory.ids('tctoken').includes(mine.lid));
  await peer.socket.sendMessage(mine.jid, { text: 'hello back' });
  await client.text('hello back');
  const sent = world.sandbox
    .stanzas({ device: peer.jid })
    .filter(({ stanza, direction }) => direction === 'in' && (stanza as BinaryNode).tag === 'message');
  expect(JSON.stringify(sent.at(-1))).toContain('"tctoken"');
});

test('numbers, LIDs and nonsense are looked up', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const { socket } = await world.linked(mine);
  const found = await socket.onWhatsApp(friend.phone, `+${friend.phone}`, '12', '491519999999');
  expect(found).toEqual([
    { jid: friend.jid, exists: true },
    { jid: friend.jid, exists: true },
  ]);
  const answer = (await socket.query({
    tag: 'iq',
    attrs: { to: '@s.whatsapp.net', type: 'get', xmlns: 'usync' },
    content: [
      {
        tag: 'usync',
        attrs: { sid: '1', mode: 'query', last: 'true', index: '0', context: 'interactive' },
        content: [
          { tag: 'query', attrs: {}, content: ['contact', 'lid', 'picture'].map((tag) => ({ tag, attrs: {} })) },
          {
            tag: 'list',
            attrs: {},
            content: [
              { tag: 'user', attrs: { jid: friend.lid } },
              { tag: 'user', attrs: { jid: friend.jid } },
              { tag: 'user', attrs: {}, content: [{ tag: 'contact', attrs: {}, content: '+12' }] },
            ],
          },
        ],
      },
    ],
  })) as BinaryNode;
  const list = (answer.content as BinaryNode[])[0]!.content as BinaryNode[];
  const users = list.find(({ tag }) => tag === 'list')!.content as BinaryNode[];
  expect(users.map(({ attrs }) => attrs['jid'])).toEqual([friend.lid, friend.jid, '12@s.whatsapp.net']);
  expect(users[0]!.content).toMatchObject([{ tag: 'contact', attrs: { type: 'in' } }]);
  expect(users[1]!.content).toMatchObject([{ tag: 'contact' }, { tag: 'lid', attrs: { val: friend.lid } }]);
  expect(users[2]!.content).toMatchObject([{ tag: 'contact', attrs: { type: 'invalid' } }]);
});
