import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { proto, type BinaryNode, type WAMessage } from '@whiskeysockets/baileys';
import sharp from 'sharp';
import { startSandbox, type PhoneInfo } from '../../engine/sandbox/index.ts';
import { freshNumber, type Client } from './client.ts';
import { inside } from './raw-client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();
const channels = () => world.sandbox.channels;
const CHANNEL = /^120363\d{12}@newsletter$/;

type Details = { id: string; thread_metadata: Record<string, never>; viewer_metadata?: { role: string; mute: string } };
/** What Baileys hands on of a channel's metadata: WhatsApp's own form. */
const details = async (client: Client, jid: string): Promise<Details> =>
  (await client.socket.newsletterMetadata('jid', jid)) as unknown as Details;

/** The acks that a client got for its messages. */
function acksOf(client: Client): BinaryNode[] {
  const acks: BinaryNode[] = [];
  client.socket.ws.on('CB:ack,class:message', (node: BinaryNode) => acks.push(node));
  return acks;
}

/** Messages of a channel as the client reports them, in order. */
const postsAt = (client: Client, jid: string): WAMessage[] =>
  client.messages.filter(({ key }) => key.remoteJid === jid);

async function channelOf(owner: PhoneInfo, ...followers: PhoneInfo[]): Promise<string> {
  const { jid } = channels().create({ owner: owner.phone, name: 'News' });
  for (const { phone } of followers) channels().follow(jid, { phone });
  return jid;
}

test('a client creates a channel and is its owner', async () => {
  const mine = world.phone();
  const client = await world.linked(mine);
  const created = await client.socket.newsletterCreate('Weather', 'Every morning');
  expect(created).toMatchObject({ name: 'Weather', description: 'Every morning', subscribers: 1, mute_state: 'OFF' });
  expect(created.id).toMatch(CHANNEL);
  expect(channels().get(created.id)).toMatchObject({ owner: mine.phone, name: 'Weather', followers: [] });
  expect(await details(client, created.id)).toMatchObject({
    id: created.id,
    state: { type: 'ACTIVE' },
    thread_metadata: { name: { text: 'Weather' }, invite: created.invite, verification: 'UNVERIFIED' },
    viewer_metadata: { role: 'OWNER' },
  });
});

test('a channel is found by its invite, and what is none is refused', async () => {
  const [owner, client] = [world.phone(), await world.linked()];
  const { jid, invite } = channels().create({ owner: owner.phone, name: 'Sports', description: 'All of it' });
  const found = (await client.socket.newsletterMetadata('invite', invite)) as unknown as Details;
  expect(found).toMatchObject({ id: jid, viewer_metadata: { role: 'GUEST' } });
  await expect(client.socket.newsletterMetadata('invite', 'nothing')).rejects.toMatchObject({
    output: { statusCode: 404 },
  });
  await expect(details(client, '120363999999999999@newsletter')).rejects.toThrow('Not Found');
});

test('a client follows, mutes, unmutes and leaves a channel; its other devices are told', async () => {
  const [owner, mine] = [world.phone(), world.phone()];
  const [client, second] = [await world.linked(mine), await world.linked(mine)];
  const told: string[] = [];
  second.socket.ws.on('CB:notification,type:mex', (node: BinaryNode) => {
    told.push(inside(node)[0]?.attrs['op_name'] ?? '');
  });
  const jid = await channelOf(owner);
  await client.socket.newsletterFollow(jid);
  expect(channels().get(jid).followers).toEqual([mine.phone]);
  expect((await details(client, jid)).viewer_metadata).toEqual({ role: 'SUBSCRIBER', mute: 'OFF' });
  await client.socket.newsletterMute(jid);
  expect((await details(client, jid)).viewer_metadata).toEqual({ role: 'SUBSCRIBER', mute: 'ON' });
  await client.socket.newsletterUnmute(jid);
  await client.socket.newsletterUnfollow(jid);
  expect((await details(client, jid)).viewer_metadata?.role).toBe('GUEST');
  await eventually('the other device has heard of it all', () => told.length === 4);
  expect(told).toEqual([
    'NotificationNewsletterJoin',
    'NotificationNewsletterUserSettingChange',
    'NotificationNewsletterUserSettingChange',
    'NotificationNewsletterLeave',
  ]);
  await expect(client.socket.newsletterMute(jid)).rejects.toMatchObject({ output: { statusCode: 403 } });
});

test('name, description and picture change, and followers are told', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const [client, follower] = [await world.linked(mine), await world.linked(friend)];
  const jid = await channelOf(mine, friend);
  await client.socket.newsletterUpdateName(jid, 'Newer news');
  await client.socket.newsletterUpdateDescription(jid, 'Fresh');
  const updates = await follower.until('both changes', (events) => {
    const seen = events.flatMap((one) => (one.event === 'newsletter-settings.update' ? [one.data] : []));
    return seen.length === 2 ? seen : undefined;
  });
  expect(updates).toEqual([
    { id: jid, update: { name: 'Newer news' } },
    { id: jid, update: { description: 'Fresh' } },
  ]);
  expect(channels().get(jid)).toMatchObject({ name: 'Newer news', description: 'Fresh', hasPicture: false });
  await client.socket.newsletterUpdate(jid, { picture: Buffer.from('a picture').toString('base64') });
  const { picture } = (await details(client, jid)).thread_metadata;
  expect(picture).toMatchObject({ type: 'IMAGE', direct_path: expect.stringMatching(/^\/m1\//) });
  const response = await fetch(`${world.sandbox.url}${(picture as { direct_path: string }).direct_path}`);
  expect(await response.text()).toBe('a picture');
  await client.socket.newsletterRemovePicture(jid);
  expect(channels().get(jid).hasPicture).toBe(false);
});

test('only those who run a channel change it, and only the owner deletes it', async () => {
  const [owner, mine] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const jid = await channelOf(owner, mine);
  const forbidden = { output: { statusCode: 403 } };
  await expect(client.socket.newsletterUpdateName(jid, 'Mine now')).rejects.toMatchObject(forbidden);
  await expect(client.socket.newsletterSubscribers(jid)).rejects.toMatchObject(forbidden);
  channels().promote(jid, { phone: mine.phone });
  await client.socket.newsletterUpdateName(jid, 'Ours');
  expect(await client.socket.newsletterSubscribers(jid)).toEqual({ subscribers: 2 });
  expect(await client.socket.newsletterAdminCount(jid)).toBe(2);
  await expect(client.socket.newsletterDelete(jid)).rejects.toMatchObject(forbidden);
  await expect(client.socket.newsletterDemote(jid, owner.lid)).rejects.toMatchObject(forbidden);
});

test('an owner hands a channel over, demotes an admin and deletes the channel', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const [client, other] = [await world.linked(mine), await world.linked(friend)];
  const jid = await channelOf(mine, friend);
  await expect(client.socket.newsletterChangeOwner(jid, friend.lid)).rejects.toMatchObject({
    output: { statusCode: 400 },
  });
  channels().promote(jid, { phone: friend.phone });
  const promoted = await other.until('the promotion', (events) =>
    events
      .flatMap((one) => (one.event === 'newsletter-participants.update' ? [one.data] : []))
      .find(({ action }) => action === 'promote'),
  );
  expect(promoted).toMatchObject({ id: jid, user: friend.lid, new_role: 'ADMIN' });
  await client.socket.newsletterChangeOwner(jid, friend.lid);
  expect(channels().get(jid)).toMatchObject({ owner: friend.phone, admins: [mine.phone] });
  await other.socket.newsletterDemote(jid, mine.jid);
  const demoted = await client.until('the demotion', (events) =>
    events
      .flatMap((one) => (one.event === 'newsletter-participants.update' ? [one.data] : []))
      .find(({ action }) => action === 'demote'),
  );
  expect(demoted).toMatchObject({ id: jid, author: friend.lid, user: mine.lid, new_role: 'SUBSCRIBER' });
  await other.socket.newsletterDelete(jid);
  expect(() => channels().get(jid)).toThrow('There is no channel');
});

test('a client’s post is acknowledged with the server’s number and reaches every follower', async () => {
  const [mine, friend, far] = [world.phone(), world.phone(), world.phone()];
  const [client, second, follower] = [await world.linked(mine), await world.linked(mine), await world.linked(friend)];
  const jid = await channelOf(mine, friend, far);
  const acks = acksOf(client);
  const sent = await client.socket.sendMessage(jid, { text: 'It rains' });
  const got = await follower.text('It rains');
  expect(got.key).toMatchObject({ remoteJid: jid, id: sent!.key.id, fromMe: false, server_id: '100' });
  await second.text('It rains');
  await eventually('the ack is here', () => acks.length === 1);
  expect(acks[0]?.attrs).toMatchObject({ id: sent!.key.id, from: jid, server_id: '100' });
  await world.sandbox.idle();
  expect(world.sandbox.messages(far.phone, { chat: jid })).toMatchObject([
    { id: sent!.key.id, chat: jid, from: jid, fromMe: false, text: 'It rains', status: 'delivered' },
  ]);
  expect(world.sandbox.messages(mine.phone, { chat: jid })).toMatchObject([{ fromMe: true, text: 'It rains' }]);
  expect(channels().posts(jid)).toMatchObject([{ serverId: 100, by: mine.jid, text: 'It rains', views: 0 }]);
});

test('who does not run a channel may not post in it: the ack says so', async () => {
  const [owner, mine] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const jid = await channelOf(owner, mine);
  const acks = acksOf(client);
  await client.socket.sendMessage(jid, { text: 'me too' });
  await client.socket.sendMessage('120363999999999999@newsletter', { text: 'anybody?' });
  await eventually('both are refused', () => acks.length === 2);
  expect(acks.map(({ attrs }) => attrs['error'])).toEqual(['403', '404']);
  expect(channels().posts(jid)).toEqual([]);
  await expect(world.sandbox.send(mine.phone, { to: jid, text: 'me too' })).rejects.toMatchObject({
    code: 'not-an-admin',
  });
});

test('a phone posts, and a client that was away finds the post when it comes back', async () => {
  const [owner, mine] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const jid = await channelOf(owner, mine);
  await client.disconnect();
  const { id, serverId } = await channels().post(jid, { by: owner.phone, text: 'while you were away' });
  client.connect();
  const got = await client.text('while you were away');
  expect(got.key).toMatchObject({ remoteJid: jid, id, server_id: String(serverId) });
  // it is acknowledged and does not come again
  await client.disconnect();
  const from = client.events.length;
  client.connect();
  await client.opened(from);
  await channels().post(jid, { by: owner.phone, text: 'the next one' });
  await client.text('the next one');
  expect(postsAt(client, jid).filter(({ key }) => key.id === id)).toHaveLength(1);
});

test('a poll reaches the followers, and what stands beside the content goes with it', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const [client, follower] = [await world.linked(mine), await world.linked(friend)];
  const jid = await channelOf(mine, friend);
  const frames: BinaryNode[] = [];
  follower.socket.ws.on('CB:message', (node: BinaryNode) => frames.push(node));
  await client.socket.sendMessage(jid, { poll: { name: 'Rain?', values: ['yes', 'no'], selectableCount: 1 } });
  const got = await follower.message('the poll', ({ key }) => key.remoteJid === jid);
  expect(got.message?.pollCreationMessageV3?.options).toMatchObject([{ optionName: 'yes' }, { optionName: 'no' }]);
  expect(frames[0]?.attrs['type']).toBe('poll');
  const content: BinaryNode[] = [
    { tag: 'plaintext', attrs: {}, content: proto.Message.encode({ conversation: 'with meta' }).finish() },
    { tag: 'meta', attrs: { polltype: 'creation' } },
  ];
  await client.socket.query({ tag: 'message', attrs: { to: jid, id: 'META', type: 'poll' }, content });
  await follower.text('with meta');
  expect(inside(frames[1]).find(({ tag }) => tag === 'meta')?.attrs).toEqual({ polltype: 'creation' });
});

test('a picture is uploaded as it is and reaches the followers', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const follower = await world.linked(friend);
  const jid = await channelOf(mine, friend);
  const image = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'blue' } })
    .png()
    .toBuffer();
  await client.socket.sendMessage(jid, { image, caption: 'Sky', jpegThumbnail: '', width: 8, height: 8 });
  const got = await follower.message('the picture', ({ key }) => key.remoteJid === jid);
  const { caption, directPath, mediaKey } = got.message!.imageMessage!;
  expect([caption, mediaKey?.length ?? 0]).toEqual(['Sky', 0]);
  const hosted = await fetch(`${world.sandbox.url}${directPath}`);
  expect(Buffer.from(await hosted.arrayBuffer()).equals(image)).toBe(true);
  expect(channels().posts(jid)).toMatchObject([{ type: 'image' }]);
});

test('a post is edited and taken back, by the way Baileys does it', async () => {
  const [mine, friend] = [world.phone(), world.phone()];
  const [client, follower] = [await world.linked(mine), await world.linked(friend)];
  const jid = await channelOf(mine, friend);
  const frames: BinaryNode[] = [];
  follower.socket.ws.on('CB:message', (node: BinaryNode) => frames.push(node));
  const sent = await client.socket.sendMessage(jid, { text: 'Rian' });
  await client.socket.sendMessage(jid, { text: 'Rain', edit: sent!.key });
  const edited = await follower.text('Rain');
  expect(edited.key).toMatchObject({ id: sent!.key.id, server_id: '100' });
  await client.socket.sendMessage(jid, { delete: sent!.key });
  await eventually('it is taken back', () => frames.length === 3);
  expect(frames.map(({ attrs }) => [attrs['id'], attrs['edit']])).toEqual([
    [sent!.key.id, undefined],
    [sent!.key.id, '3'],
    [sent!.key.id, '8'],
  ]);
  expect(inside(frames[1]).find(({ tag }) => tag === 'meta')?.attrs).toMatchObject({
    msg_edit_t: expect.stringMatching(/^\d{13}$/),
    original_msg_t: expect.stringMatching(/^\d{10}$/),
  });
  expect(channels().posts(jid)).toMatchObject([{ id: sent!.key.id, deleted: true, editedAt: expect.any(Number) }]);
});

test('a post is edited and taken back, by the way the apps do it', async () => {
  const [owner, mine] = [world.phone(), world.phone()];
  const client = await world.linked(mine);
  const jid = await channelOf(owner, mine);
  const { id } = await channels().post(jid, { by: owner.phone, text: 'Snwo' });
  await client.text('Snwo');
  expect(channels().edit(jid, { by: owner.phone, id, text: 'Snow' })).toMatchObject({ text: 'Snow' });
  expect((await client.text('Snow')).key.id).toBe(id);
  channels().delete(jid, { by: owner.phone, id });
  await client.until('the empty post', () => (postsAt(client, jid).length === 3 ? true : undefined));
  expect(postsAt(client, jid).at(-1)).toMatchObject({ key: { id } });
  expect(() => channels().edit(jid, { by: owner.phone, id, text: 'again' })).toThrow('has been deleted');
});

test('reactions and views are counted once per follower, and told to who has asked for live updates', async () => {
  const [owner, mine, friend] = [world.phone(), world.phone(), world.phone()];
  const [client, silent] = [await world.linked(mine), await world.linked(friend)];
  const jid = await channelOf(owner, mine, friend);
  const { id, serverId } = await channels().post(jid, { by: owner.phone, text: 'Sun' });
  await client.text('Sun');
  expect(await client.socket.subscribeNewsletterUpdates(jid)).toEqual({ duration: '300' });
  await silent.socket.newsletterReactMessage(jid, String(serverId), '👍');
  const reaction = await client.until(
    'the reaction',
    (events) => events.flatMap((one) => (one.event === 'newsletter.reaction' ? [one.data] : []))[0],
  );
  expect(reaction).toMatchObject({ id: jid, server_id: String(serverId), reaction: { code: '👍' } });
  channels().react(jid, { phone: friend.phone, id, emoji: '❤️' });
  expect(channels().react(jid, { phone: owner.phone, id, emoji: '❤️' }).reactions).toEqual({ '❤️': 2 });
  expect(await world.sandbox.read(friend.phone, { chat: jid })).toEqual({ read: 1 });
  const view = await client.until(
    'the view',
    (events) => events.flatMap((one) => (one.event === 'newsletter.view' ? [one.data] : []))[0],
  );
  expect(view).toEqual({ id: jid, server_id: String(serverId), count: 1 });
  await silent.socket.newsletterReactMessage(jid, String(serverId));
  channels().view(jid, { phone: friend.phone });
  expect(channels().posts(jid)).toMatchObject([{ views: 1, reactions: { '❤️': 1 } }]);
  expect(silent.events.some(({ event }) => event === 'newsletter.reaction')).toBe(false);
});

test('channels outlive the sandbox', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'sandbox-'));
  const first = await startSandbox({ port: 0, dataDir });
  const [owner, fan] = [first.addPhone({ phone: freshNumber() }), first.addPhone({ phone: freshNumber() })];
  const { jid } = first.channels.create({ owner: owner.phone, name: 'Lasting' });
  first.channels.follow(jid, { phone: fan.phone });
  const { id } = await first.channels.post(jid, { by: owner.phone, text: 'still here' });
  first.channels.react(jid, { phone: fan.phone, id, emoji: '👍' });
  await first.close();
  const second = await startSandbox({ port: 0, dataDir });
  expect(second.channels.get(jid)).toMatchObject({ owner: owner.phone, followers: [fan.phone] });
  expect(second.channels.posts(jid)).toMatchObject([{ id, text: 'still here', reactions: { '👍': 1 } }]);
  expect((await second.channels.post(jid, { by: owner.phone, text: 'next' })).serverId).toBe(101);
  await second.close();
  await rm(dataDir, { recursive: true });
});

test('a client fetches posts, and the numbers of reactions and views apart from them', async () => {
  const [owner, client] = [world.phone(), await world.linked()];
  const jid = await channelOf(owner);
  for (const text of ['one', 'two', 'three']) await channels().post(jid, { by: owner.phone, text });
  const [first] = channels().posts(jid);
  channels().react(jid, { phone: owner.phone, id: first!.id, emoji: '👍' });
  const updates = (await client.socket.newsletterFetchMessages(jid, 2, 0, 99)) as BinaryNode;
  const [list] = inside(inside(updates)[0]);
  expect(inside(list).map(({ attrs }) => attrs['server_id'])).toEqual(['100', '101']);
  const [views, reactions] = inside(inside(list)[0]);
  expect([views, reactions]).toMatchObject([{ tag: 'views_count', attrs: { count: '0' } }, { tag: 'reactions' }]);
  expect(inside(reactions)[0]?.attrs).toEqual({ code: '👍', count: '1' });
  const attrs = { to: '@s.whatsapp.net', type: 'get', xmlns: 'newsletter' };
  const query = { tag: 'messages', attrs: { type: 'jid', jid, count: '2', before: '102' } };
  const answer: BinaryNode = await client.socket.query({ tag: 'iq', attrs, content: [query] });
  const texts = inside(inside(answer)[0]).map((message) => {
    const plaintext = inside(message).find(({ tag }) => tag === 'plaintext');
    return proto.Message.decode(plaintext?.content as Uint8Array).conversation;
  });
  expect(texts).toEqual(['one', 'two']);
});

test('channels are made and used over HTTP', async () => {
  const [owner, mine] = [world.phone(), world.phone()];
  const created = await world.http('POST', '/channels', { owner: owner.phone, name: 'By hand', description: 'Yes' });
  expect(created).toMatchObject({ status: 201, body: { owner: owner.phone, link: expect.stringContaining('0029Va') } });
  const jid = String(created.body['jid']);
  const path = `/channels/${encodeURIComponent(jid)}`;
  expect(await world.http('POST', `${path}/follow`, { phone: `+${mine.phone}` })).toMatchObject({
    body: { followers: [mine.phone] },
  });
  expect(await world.http('POST', `${path}/admins`, { phone: mine.phone })).toMatchObject({
    body: { admins: [mine.phone] },
  });
  const post = await world.http('POST', `${path}/post`, { by: mine.phone, text: 'Hello' });
  expect(post).toMatchObject({ status: 201, body: { id: expect.any(String), serverId: 100 } });
  const reaction = { phone: owner.phone, id: post.body['id'], emoji: '👍' };
  expect(await world.http('POST', `${path}/react`, reaction)).toMatchObject({ body: { reactions: { '👍': 1 } } });
  expect((await world.http('POST', `${path}/view`, { phone: owner.phone })).status).toBe(204);
  expect(await world.http('GET', `${path}/posts`)).toMatchObject({ body: [{ text: 'Hello', views: 1 }] });
  expect(await world.http('POST', `${path}/demote`, { phone: mine.phone })).toMatchObject({ body: { admins: [] } });
  expect(await world.http('POST', `${path}/post`, { by: mine.phone, text: 'x' })).toMatchObject({
    status: 403,
    body: { error: 'not-an-admin' },
  });
  expect(await world.http('PATCH', path, { name: 'Renamed' })).toMatchObject({ body: { name: 'Renamed' } });
  expect(await world.http('POST', `${path}/unfollow`, { phone: mine.phone })).toMatchObject({
    body: { followers: [] },
  });
  expect(await world.http('POST', `${path}/unfollow`, { phone: owner.phone })).toMatchObject({ status: 409 });
  expect((await world.http('GET', '/channels')).body).toEqual(
    expect.arrayContaining([expect.objectContaining({ jid })]),
  );
  expect((await world.http('DELETE', path)).status).toBe(204);
  expect(await world.http('GET', path)).toMatchObject({ status: 404, body: { error: 'unknown-channel' } });
});
