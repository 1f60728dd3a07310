import { expect, test } from '@jest/globals';
import type { Boom } from '@hapi/boom';
import { proto, type BinaryNode } from '@whiskeysockets/baileys';
import type { PhoneInfo } from '../../engine/sandbox/index.ts';
import type { Client } from './client.ts';
import { inside } from './raw-client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();
const { ERROR, DELIVERY_ACK } = proto.WebMessageInfo.Status;

/** The restriction that the client was last told of. */
const timelock = (client: Client, isActive: boolean) =>
  client.until('news of a restriction', (events) =>
    events
      .flatMap((one) => (one.event === 'connection.update' ? (one.data.reachoutTimeLock ?? []) : []))
      .findLast((state) => state.isActive === isActive),
  );

const cappings = (client: Client) =>
  client.events.flatMap((one) => (one.event === 'message-capping.update' ? [one.data] : []));

/** With what a message was refused; Baileys reports it as an update, or within the message if that was not out yet. */
const refusalOf = (client: Client, id: string): Promise<string[]> =>
  client.until(`the refusal of ${id}`, (events) => {
    const seen = events.flatMap((one) => {
      if (one.event === 'messages.update') return one.data.map(({ key, update }) => ({ ...update, key }));
      return one.event === 'messages.upsert' ? one.data.messages : [];
    });
    return seen.find(({ key, status }) => key.id === id && status === ERROR)?.messageStubParameters ?? undefined;
  });

/** A client with a contact that it has written to before. */
async function withContact(): Promise<{ client: Client; mine: PhoneInfo; friend: PhoneInfo }> {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const sent = await client.socket.sendMessage(friend.jid, { text: 'before' });
  await client.status(sent!.key.id!, DELIVERY_ACK);
  await world.sandbox.idle();
  return { client, mine, friend };
}

test('a restricted account may begin no new chats, and goes on with those that it has', async () => {
  const { client, mine, friend } = await withContact();
  const stranger = world.phone();
  const ends = Math.floor(Date.now() / 1000) + 3600;
  world.sandbox.addFault({ fault: 'restrict-account', phone: mine.phone, seconds: 3600, enforcement: 'BIZ_QUALITY' });
  const told = await timelock(client, true);
  expect(told.enforcementType).toBe('BIZ_QUALITY');
  expect(Math.abs(told.timeEnforcementEnds!.getTime() / 1000 - ends)).toBeLessThan(5);
  const refused = await client.socket.sendMessage(stranger.jid, { text: 'hello stranger' });
  expect(await refusalOf(client, refused!.key.id!)).toEqual(['463', 'Your account has been restricted']);
  const passed = await client.socket.sendMessage(friend.jid, { text: 'hello again' });
  await client.status(passed!.key.id!, DELIVERY_ACK);
  expect(world.sandbox.messages(stranger.phone)).toEqual([]);
  expect(world.sandbox.faults()).toMatchObject([{ fault: 'restrict-account', fired: 1, active: true }]);
});

test('a restricted account may answer who writes to it', async () => {
  const [mine, stranger] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  world.sandbox.addFault({ fault: 'restrict-account', phone: mine.phone });
  await world.sandbox.send(stranger.phone, { to: mine.phone, text: 'are you open?' });
  await client.text('are you open?');
  await world.sandbox.idle();
  const answer = await client.socket.sendMessage(stranger.jid, { text: 'yes' });
  await client.status(answer!.key.id!, DELIVERY_ACK);
});

test('a client asks whether it is restricted, and learns when that is over', async () => {
  const { client, mine } = await withContact();
  expect(await client.socket.fetchAccountReachoutTimelock()).toMatchObject({
    isActive: false,
    enforcementType: 'DEFAULT',
  });
  const { id } = world.sandbox.addFault({ fault: 'restrict-account', phone: mine.phone });
  await timelock(client, true);
  expect(await client.socket.fetchAccountReachoutTimelock()).toMatchObject({
    isActive: true,
    timeEnforcementEnds: expect.any(Date),
    enforcementType: 'DEFAULT',
  });
  const from = client.events.length;
  world.sandbox.removeFaults(id);
  await client.until(
    'the end of the restriction',
    (events) =>
      events.some((one) => one.event === 'connection.update' && one.data.reachoutTimeLock?.isActive === false) ||
      undefined,
    from,
  );
  const sent = await client.socket.sendMessage(world.phone().jid, { text: 'hello stranger' });
  await client.status(sent!.key.id!, DELIVERY_ACK);
});

test('an account with a limit of new chats is warned, and refused when it has used it up', async () => {
  const { client, mine, friend } = await withContact();
  world.sandbox.addFault({ fault: 'limit-new-chats', phone: mine.phone, quota: 2 });
  expect(await client.socket.fetchNewChatMessageCap()).toMatchObject({
    total_quota: 2,
    used_quota: 0,
    capping_status: 'NONE',
  });
  for (let i = 0; i < 2; i++) {
    const stranger = world.phone();
    const sent = await client.socket.sendMessage(stranger.jid, { text: 'one' });
    await client.socket.sendMessage(stranger.jid, { text: 'two, in a chat that there is now' });
    await client.status(sent!.key.id!, DELIVERY_ACK);
  }
  const refused = await client.socket.sendMessage(world.phone().jid, { text: 'three' });
  await refusalOf(client, refused!.key.id!);
  const passed = await client.socket.sendMessage(friend.jid, { text: 'to a friend' });
  await client.status(passed!.key.id!, DELIVERY_ACK);
  expect(cappings(client).map((one) => one.capping_status)).toEqual(['NONE', 'FIRST_WARNING', 'CAPPED']);
  expect(await client.socket.fetchNewChatMessageCap()).toMatchObject({ used_quota: 2, capping_status: 'CAPPED' });
});

test.each([
  [402, { code: '104', expire: expect.stringMatching(/^\d+$/) }],
  [403, { logout_message_header: expect.any(String), logout_message_subtext: expect.any(String) }],
  [406, { reason: '406' }],
] as const)('a banned account is sent away and refused with %i until the ban is lifted', async (code, attrs) => {
  const { client, mine } = await withContact();
  const closed = client.closed();
  world.sandbox.addFault({ fault: 'ban-account', phone: mine.phone, code, reason: 104, seconds: 600 });
  expect(await closed).toBe(428);
  const from = client.events.length;
  client.connect();
  expect(await client.closed(from)).toBe(code);
  const end = client.events.findLast((one) => one.event === 'connection.update' && one.data.connection === 'close');
  const error = end?.event === 'connection.update' ? (end.data.lastDisconnect?.error as Boom) : undefined;
  expect(error?.data).toMatchObject({ reason: String(code), ...attrs });
  world.sandbox.removeFaults();
  const again = client.events.length;
  client.connect();
  await client.opened(again);
});

test('a ban for a time is over by itself', async () => {
  const { client, mine } = await withContact();
  const closed = client.closed();
  world.sandbox.addFault({ fault: 'ban-account', phone: mine.phone, seconds: 1 });
  await closed;
  await eventually('the time is over', () => world.sandbox.faults()[0]?.active === false);
  const from = client.events.length;
  client.connect();
  await client.opened(from);
});

test('an account that demands a passkey has the client asked for one, and links nothing', async () => {
  const phone = world.phone();
  const client = world.client().connect();
  const asked = new Promise<BinaryNode>((resolve) => client.socket.ws.on('CB:notification', resolve));
  const { id } = world.sandbox.addFault({ fault: 'demand-passkey', phone: phone.phone });
  const qr = await client.qr();
  await expect(world.sandbox.scan(phone.phone, qr)).rejects.toMatchObject({ status: 409, code: 'passkey-demanded' });
  const request = await asked;
  expect(request.attrs).toMatchObject({ from: '@s.whatsapp.net', type: 'passkey_prologue_request' });
  const [options] = inside(request);
  expect(options?.tag).toBe('passkey_request_options');
  expect(JSON.parse(Buffer.from(options?.content as Uint8Array).toString())).toMatchObject({ rpId: 'whatsapp.com' });
  expect(world.sandbox.phone(phone.phone).devices).toEqual([]);
  world.sandbox.removeFaults(id);
  await world.sandbox.scan(phone.phone, qr);
  expect(await client.closed(0)).toBe(515);
});

test('a client may ask for the passkey request again, and no answer to it is believed', async () => {
  const client = world.client().connect();
  await client.qr();
  const ask = (type: string, tag: string): Promise<BinaryNode> =>
    client.socket.query({
      tag: 'iq',
      attrs: { to: '@s.whatsapp.net', type, xmlns: 'md' },
      content: [{ tag, attrs: {} }],
    });
  expect(inside(await ask('get', 'passkey_request_options'))[0]?.tag).toBe('passkey_request_options');
  await expect(ask('set', 'passkey_prologue')).rejects.toMatchObject({ data: 403 });
});

test('an account that demands a passkey does so for a pairing code, too', async () => {
  const phone = world.phone();
  const client = world.client().connect();
  await client.qr();
  const code = await client.socket.requestPairingCode(phone.phone);
  world.sandbox.addFault({ fault: 'demand-passkey', phone: phone.phone, times: 1 });
  await expect(world.sandbox.linkCode(phone.phone, code)).rejects.toMatchObject({ code: 'passkey-demanded' });
  await world.sandbox.linkCode(phone.phone, code);
  expect(await client.closed(0)).toBe(515);
});

test('queries that come too fast are refused with 429, those of other kinds are answered', async () => {
  const { client, friend, mine } = await withContact();
  world.sandbox.addFault({ fault: 'rate-limit', phone: mine.phone, xmlns: 'w:g2', times: 1 });
  expect(await client.socket.onWhatsApp(friend.jid)).toMatchObject([{ exists: true }]);
  const limited = { message: 'rate-overlimit', data: 429 };
  await expect(client.socket.groupFetchAllParticipating()).rejects.toMatchObject(limited);
  expect(await client.socket.groupFetchAllParticipating()).toEqual({});
  world.sandbox.removeFaults();
  world.sandbox.addFault({ fault: 'rate-limit', phone: mine.phone, xmlns: ['usync', 'w:profile:picture'] });
  await expect(client.socket.fetchStatus(friend.jid)).rejects.toMatchObject(limited);
  await expect(client.socket.profilePictureUrl(friend.jid)).rejects.toMatchObject(limited);
});

test('every query but a ping can be refused, with another code, too', async () => {
  const { client, mine } = await withContact();
  world.sandbox.addFault({ fault: 'rate-limit', phone: mine.phone, code: 503 });
  await expect(client.socket.fetchPrivacySettings(true)).rejects.toMatchObject({ data: 503 });
  const ping = { tag: 'iq', attrs: { to: '@s.whatsapp.net', type: 'get', xmlns: 'w:p' }, content: [] };
  expect(((await client.socket.query(ping)) as BinaryNode).attrs['type']).toBe('result');
});

test.each([
  ['a restriction of nobody', { fault: 'restrict-account' }],
  ['an unknown kind of ban', { fault: 'ban-account', phone: '491511234567', code: 404 }],
  ['a limit without a quota', { fault: 'limit-new-chats', phone: '491511234567' }],
  ['a rate limit of nonsense', { fault: 'rate-limit', xmlns: '' }],
])('%s is refused', async (_what, fault) => {
  expect(await world.http('POST', '/faults', fault)).toMatchObject({ status: 422, body: { error: 'invalid-request' } });
});
