import { beforeAll, expect, test } from '@jest/globals';
import { proto, type BinaryNode } from '@whiskeysockets/baileys';
import type { PhoneInfo } from '../../engine/sandbox/index.ts';
import type { Client, Memory } from './client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();
const { DELIVERY_ACK } = proto.WebMessageInfo.Status;
let mine: PhoneInfo;
let friend: PhoneInfo;
let memory: Memory;

beforeAll(async () => {
  [mine, friend] = [world.phone('Ada'), world.phone('Grace')];
  const client = await world.linked(mine);
  memory = client.memory;
  await client.disconnect();
});

/** The same device in every test: pairing anew each time would be most of the work. */
async function online(): Promise<Client> {
  const client = world.client(memory).connect();
  await client.opened();
  return client;
}

function iq(xmlns: string, type: string, ...content: BinaryNode[]): BinaryNode {
  return { tag: 'iq', attrs: { to: '@s.whatsapp.net', type, xmlns }, content };
}

test('a number is on WhatsApp when it has an account', async () => {
  const { socket } = await online();
  // Baileys leaves out those that have none
  expect(await socket.onWhatsApp(friend.phone, '491519999999')).toEqual([{ jid: friend.jid, exists: true }]);
});

test('the text under the profile name is told and can be changed', async () => {
  const { socket } = await online();
  await socket.updateProfileStatus('at work');
  expect(await socket.fetchStatus(mine.jid)).toMatchObject([{ id: mine.jid, status: { status: 'at work' } }]);
});

test('the LID behind a number is told', async () => {
  const { socket } = await online();
  expect(await socket.signalRepository.lidMapping.getLIDForPN(friend.jid)).toBe(friend.lid);
});

test('there are no profile pictures: 404', async () => {
  const { socket } = await online();
  await expect(socket.profilePictureUrl(friend.jid)).rejects.toMatchObject({ message: 'item-not-found', data: 404 });
});

test('an account is not restricted, and says so', async () => {
  const { socket } = await online();
  expect(await socket.fetchAccountReachoutTimelock()).toMatchObject({ isActive: false });
});

test('statistics and privacy tokens are taken', async () => {
  const { socket } = await online();
  expect(await socket.sendWAMBuffer(Buffer.from('WAM'))).toMatchObject({ attrs: { type: 'result' } });
  expect(await socket.issuePrivacyTokens([friend.jid])).toMatchObject({ attrs: { type: 'result' } });
});

test('media would go to the sandbox itself', async () => {
  const { socket } = await online();
  const { hosts, auth } = await socket.refreshMediaConn();
  expect(hosts).toMatchObject([{ hostname: `127.0.0.1:${world.sandbox.port}` }]);
  expect(auth).toEqual(expect.any(String));
});

test('privacy settings are kept', async () => {
  const { socket } = await online();
  expect(await socket.fetchPrivacySettings()).toMatchObject({ readreceipts: 'all', last: 'all' });
  await socket.updateLastSeenPrivacy('none');
  expect(await socket.fetchPrivacySettings(true)).toMatchObject({ last: 'none' });
});

test('a blocked contact does not get through, and does when it is unblocked', async () => {
  const client = await online();
  const blocked = world.phone();
  await client.socket.updateBlockStatus(blocked.jid, 'block');
  expect(await client.socket.fetchBlocklist()).toEqual([blocked.lid]);
  await world.sandbox.send(blocked.phone, { to: mine.phone, text: 'can you hear me' });
  await client.socket.updateBlockStatus(blocked.jid, 'unblock');
  await world.sandbox.send(blocked.phone, { to: mine.phone, text: 'and now' });
  await client.text('and now');
  expect(client.messages.some(({ message }) => message?.conversation === 'can you hear me')).toBe(false);
});

test('app state is kept in versions and given to the other devices', async () => {
  const client = await online();
  const other = await world.linked(mine);
  const from = other.events.length;
  await client.socket.chatModify({ pin: true }, friend.jid);
  await client.socket.chatModify({ pin: false }, friend.jid);
  const seen = await other.until(
    'both changes',
    (events) => {
      const pins = events
        .flatMap((one) => (one.event === 'chats.update' ? one.data : []))
        .filter((chat) => 'pinned' in chat);
      return pins.length > 0 && pins.at(-1)?.pinned === null ? pins : undefined;
    },
    from,
  );
  expect(seen.at(-1)).toMatchObject({ id: friend.jid });
  world.sandbox.unlink(mine.phone, other.jid);
});

test('a patch on top of an old version is refused: 409', async () => {
  const { socket } = await online();
  const patch = Buffer.from(proto.SyncdPatch.encode({ mutations: [] }).finish());
  const attrs = { name: 'regular', version: '77', return_snapshot: 'false' };
  const collection = { tag: 'collection', attrs, content: [{ tag: 'patch', attrs: {}, content: patch }] };
  const answer = (await socket.query(
    iq('w:sync:app:state', 'set', { tag: 'sync', attrs: {}, content: [collection] }),
  )) as BinaryNode;
  expect(JSON.stringify(answer)).toContain('"code":"409"');
});

test('the signed prekey can be rotated, and messages still arrive', async () => {
  const client = await online();
  const stranger = world.phone();
  await client.socket.rotateSignedPreKey();
  await world.sandbox.send(stranger.phone, { to: mine.phone, text: 'with the new key' });
  await client.text('with the new key');
});

test('prekeys that are not signed by the device are refused: 406', async () => {
  const { socket } = await online();
  const key = (content: Buffer[]): BinaryNode[] =>
    ['id', 'value', 'signature'].map((tag, i) => ({ tag, attrs: {}, content: content[i]! }));
  const skey = {
    tag: 'skey',
    attrs: {},
    content: key([Buffer.from([0, 0, 9]), Buffer.alloc(32, 5), Buffer.alloc(64, 5)]),
  };
  const rotated = socket.query(iq('encrypt', 'set', { tag: 'rotate', attrs: {}, content: [skey] }));
  await expect(rotated).rejects.toMatchObject({ message: 'not-acceptable', data: 406 });
});

test.each([
  ['something unknown', 'w:teapot', 'get', 501],
  ['groups that are created', 'w:g2', 'set', 501],
  ['newsletters', 'newsletter', 'get', 501],
])('%s is answered with %s', async (_what, xmlns, type, code) => {
  const { socket } = await online();
  await expect(socket.query(iq(xmlns, type, { tag: 'brew', attrs: {} }))).rejects.toMatchObject({ data: code });
});

test('a group that is asked about is not there: 404', async () => {
  const { socket } = await online();
  await expect(socket.groupMetadata('123456789-1@g.us')).rejects.toMatchObject({ data: 404 });
  expect(await socket.groupFetchAllParticipating()).toEqual({});
});

test.each([
  ['a group that does not exist', '123456789-1@g.us', '404'],
  ['a broadcast list', '1700000000@broadcast', '501'],
  ['a newsletter that does not exist', '123@newsletter', '404'],
  ['a number without an account', '491519999999@s.whatsapp.net', '404'],
])('a message to %s is refused in its ack', async (_what, to, error) => {
  const client = await online();
  const acks: BinaryNode[] = [];
  client.socket.ws.on('CB:ack,class:message', (node: BinaryNode) => acks.push(node));
  await client.socket.sendNode({ tag: 'message', attrs: { to, id: 'X1', type: 'text' }, content: [] });
  await eventually('the ack', () => acks.length > 0);
  expect(acks[0]?.attrs).toMatchObject({ id: 'X1', from: to, error });
});

test('a message that is built wrongly is refused with 479', async () => {
  const client = await online();
  const acks: BinaryNode[] = [];
  client.socket.ws.on('CB:ack,class:message', (node: BinaryNode) => acks.push(node));
  const participants = [{ tag: 'to', attrs: { jid: 'nonsense' }, content: [] }];
  await client.socket.sendNode({ tag: 'message', attrs: { to: friend.jid, id: 'X2' }, content: [] });
  await client.socket.sendNode({
    tag: 'message',
    attrs: { to: friend.jid, id: 'X3' },
    content: [{ tag: 'participants', attrs: {}, content: participants }],
  });
  await eventually('the acks', () => acks.length > 1);
  expect(acks.map(({ attrs }) => attrs['error'])).toEqual(['479', '479']);
});

test('nonsense does not end a connection, let alone the sandbox', async () => {
  const client = await online();
  const nonsense: BinaryNode[] = [
    { tag: 'iq', attrs: {} },
    { tag: 'iq', attrs: { type: 'get', xmlns: 'usync', id: 'n1' }, content: 'text' },
    { tag: 'iq', attrs: { type: 'get', xmlns: 'usync', id: 'n2' }, content: [{ tag: 'usync', attrs: {} }] },
    {
      tag: 'iq',
      attrs: { type: 'set', xmlns: 'encrypt', id: 'n3' },
      content: [{ tag: 'registration', attrs: {}, content: Buffer.alloc(9) }],
    },
    {
      tag: 'iq',
      attrs: { type: 'get', xmlns: 'encrypt', id: 'n4' },
      content: [{ tag: 'key', attrs: {}, content: [{ tag: 'user', attrs: {} }] }],
    },
    {
      tag: 'iq',
      attrs: { type: 'set', xmlns: 'w:sync:app:state', id: 'n5' },
      content: [
        {
          tag: 'sync',
          attrs: {},
          content: [
            {
              tag: 'collection',
              attrs: { name: 'x', version: 'y' },
              content: [{ tag: 'patch', attrs: {}, content: Buffer.from('junk') }],
            },
          ],
        },
      ],
    },
    { tag: 'message', attrs: {} },
    {
      tag: 'message',
      attrs: { to: friend.jid, id: 'n6' },
      content: [{ tag: 'enc', attrs: { type: 'pkmsg' }, content: Buffer.from('junk') }],
    },
    { tag: 'receipt', attrs: {} },
    { tag: 'receipt', attrs: { id: 'n7', to: friend.jid, type: 'retry' } },
    { tag: 'ack', attrs: {} },
    { tag: 'presence', attrs: {} },
    { tag: 'presence', attrs: { type: 'subscribe', to: 'nobody' } },
    { tag: 'chatstate', attrs: { to: friend.jid } },
    { tag: 'call', attrs: { id: 'n8', to: friend.jid }, content: [{ tag: 'offer', attrs: {} }] },
    { tag: 'notification', attrs: { id: 'n9' } },
    { tag: 'teapot', attrs: {} },
  ];
  for (const node of nonsense) await client.socket.sendNode(node);
  const sent = await client.socket.sendMessage(friend.jid, { text: 'all is well' });
  await client.status(sent!.key.id!, DELIVERY_ACK);
});

test('the profile name that a device gives goes with its messages', async () => {
  const client = await online();
  const peer = await world.linked(friend);
  await client.socket.sendNode({ tag: 'presence', attrs: { name: 'Countess', type: 'available' } });
  await client.socket.sendMessage(friend.jid, { text: 'who am I' });
  expect((await peer.text('who am I')).pushName).toBe('Countess');
  expect(world.sandbox.phone(mine.phone).devices).toMatchObject([{ pushName: 'Countess' }]);
});

test('somebody who subscribes is told when a contact comes and goes', async () => {
  const client = await online();
  const peer = await world.linked(world.phone('Mary'));
  await client.socket.presenceSubscribe(peer.jid.replace(/:\d+/, ''));
  await peer.socket.sendPresenceUpdate('available');
  const states = () =>
    client.events
      .flatMap((one) => (one.event === 'presence.update' ? Object.values(one.data.presences) : []))
      .map((one) => one.lastKnownPresence);
  await client.until('available', () => states().includes('available') || undefined);
  await peer.disconnect();
  await client.until('unavailable', () => states().at(-1) === 'unavailable' || undefined);
});
