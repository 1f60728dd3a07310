import { beforeAll, describe, expect, test } from '@jest/globals';
import { proto, type BaileysEventMap, type BinaryNode } from '@whiskeysockets/baileys';
import type { PhoneInfo } from '../../engine/sandbox/index.ts';
import type { Client, Memory } from './client.ts';
import { inside } from './raw-client.ts';
import { eventually, makeWorld } from './world.ts';

const world = makeWorld();
const { StubType } = proto.WebMessageInfo;
let ada: PhoneInfo;
let bob: PhoneInfo;
const memories = new Map<string, Memory>();

beforeAll(async () => {
  [ada, bob] = [world.phone('Ada'), world.phone('Bob')];
  for (const phone of [ada, bob]) {
    const client = await world.linked(phone);
    memories.set(phone.phone, client.memory);
    await client.disconnect();
  }
});

/** The same device in most tests: pairing anew each time would be most of the work. */
async function online(phone: PhoneInfo): Promise<Client> {
  const client = world.client(memories.get(phone.phone)!).connect();
  await client.opened();
  return client;
}

const both = (): Promise<[Client, Client]> => Promise.all([online(ada), online(bob)]);

function happened<E extends keyof BaileysEventMap>(
  client: Client,
  event: E,
  fits: (data: BaileysEventMap[E]) => boolean,
): Promise<BaileysEventMap[E]> {
  return client.until(
    event,
    (events) =>
      events.find((one) => one.event === event && fits(one.data as BaileysEventMap[E]))?.data as
        BaileysEventMap[E] | undefined,
  );
}

/** The updates of this group that say so: Baileys may tell of others with them. */
async function updated(client: Client, jid: string, change: object) {
  const fits = (group: object) =>
    Object.entries({ id: jid, ...change }).every(([name, value]) => Reflect.get(group, name) === value);
  return (await happened(client, 'groups.update', (groups) => groups.some(fits))).filter(fits);
}

const participants = (client: Client, jid: string, action: string) =>
  happened(client, 'group-participants.update', (update) => update.id === jid && update.action === action);

const joined = (client: Client, jid: string) =>
  happened(client, 'groups.upsert', (groups) => groups.some(({ id }) => id === jid));

const stub = (client: Client, jid: string, type: number, said?: string) =>
  client.message(`stub ${type}`, ({ key, messageStubType, messageStubParameters: [first] = [] }) => {
    return key.remoteJid === jid && messageStubType === type && (said === undefined || said === first);
  });

/** A group of Ada's, with Bob and whoever else. */
const group = (...others: PhoneInfo[]) =>
  world.sandbox.groups.create({
    creator: ada.phone,
    subject: 'Engines',
    participants: [bob, ...others].map(({ phone }) => phone),
  });

const roles = (jid: string) =>
  Object.fromEntries(world.sandbox.groups.get(jid).participants.map(({ phone, role }) => [phone, role]));

/** The code with which something is refused. */
const refusal = (asked: Promise<unknown>): Promise<number> =>
  asked.then(
    () => 200,
    (error: { data?: number }) => error.data ?? 0,
  );

describe('a group that is created', () => {
  test('is described in the answer, and told to everybody in it', async () => {
    const carol = world.phone('Carol');
    const [mine, his] = await both();
    const created = await mine.socket.groupCreate('Engines', [bob.jid, carol.lid]);
    const metadata = {
      id: expect.stringMatching(/^120363\d{12}@g\.us$/),
      subject: 'Engines',
      addressingMode: 'lid',
      owner: ada.lid,
      ownerPn: ada.jid,
      subjectOwner: ada.lid,
      size: 3,
      restrict: false,
      announce: false,
      joinApprovalMode: false,
      participants: [
        { id: ada.lid, phoneNumber: ada.jid, admin: 'superadmin' },
        { id: bob.lid, phoneNumber: bob.jid, admin: null },
        { id: carol.lid, phoneNumber: carol.jid, admin: null },
      ],
    };
    expect(created).toMatchObject(metadata);
    for (const client of [mine, his]) {
      const [upserted] = await joined(client, created.id);
      expect(upserted).toMatchObject({ ...metadata, author: ada.lid, authorPn: ada.jid });
      expect((await stub(client, created.id, StubType.GROUP_CREATE)).messageStubParameters).toEqual(['Engines']);
    }
    expect(await his.socket.groupMetadata(created.id)).toMatchObject(metadata);
    expect(roles(created.id)).toEqual({ [ada.phone]: 'superadmin', [bob.phone]: 'member', [carol.phone]: 'member' });
  });

  test('says who could not be added, and why', async () => {
    const shy = world.phone();
    world.sandbox.account.setPrivacy(shy.phone, { groupadd: 'none' });
    const mine = await online(ada);
    const created = await mine.socket.groupCreate('Engines', ['491519999999@s.whatsapp.net', shy.jid]);
    expect(Object.keys(roles(created.id))).toEqual([ada.phone]);
    const answer = world.sandbox
      .stanzas({ device: mine.jid, limit: 20_000 })
      .filter(({ direction, stanza }) => direction === 'out' && JSON.stringify(stanza).includes('add_request'));
    expect(JSON.stringify(answer)).toMatch(/491519999999@s\.whatsapp\.net","error":"404"/);
    expect(JSON.stringify(answer)).toMatch(/"error":"403"/);
  });

  test('may speak of people by number, as older groups do', async () => {
    const { jid } = world.sandbox.groups.create({
      creator: ada.phone,
      subject: 'Old friends',
      participants: [bob.phone],
      addressing: 'pn',
      description: 'since 2015',
    });
    const his = await online(bob);
    const metadata = {
      addressingMode: 'pn',
      owner: ada.jid,
      desc: 'since 2015',
      descOwner: ada.jid,
      participants: [
        { id: ada.jid, lid: ada.lid, admin: 'superadmin' },
        { id: bob.jid, lid: bob.lid, admin: null },
      ],
    };
    expect(await his.socket.groupMetadata(jid)).toMatchObject(metadata);
    expect((await joined(his, jid))[0]).toMatchObject({ ...metadata, author: ada.jid });
  });

  test('is in the list of groups of those who are in it', async () => {
    const { jid } = group();
    const other = world.sandbox.groups.create({ creator: ada.phone, subject: 'Other', participants: [] });
    const his = await online(bob);
    const groups = await his.socket.groupFetchAllParticipating();
    expect(groups[jid]).toMatchObject({ id: jid, subject: 'Engines', participants: { length: 2 } });
    expect(groups[other.jid]).toBeUndefined();
  });

  test('is seen by nobody else', async () => {
    const other = world.sandbox.groups.create({ creator: ada.phone, subject: 'Other', participants: [] });
    const his = await online(bob);
    expect(await refusal(his.socket.groupMetadata(other.jid))).toBe(403);
    expect(await refusal(his.socket.groupMetadata('120363000000000000@g.us'))).toBe(404);
  });

  test('needs a subject, which is not too long', async () => {
    const mine = await online(ada);
    expect(await refusal(mine.socket.groupCreate('', [bob.jid]))).toBe(406);
    expect(await refusal(mine.socket.groupCreate('x'.repeat(101), [bob.jid]))).toBe(406);
  });

  test('comes to a device that is linked later with the first sync', async () => {
    const carol = world.phone();
    const { jid } = group(carol);
    await world.sandbox.send(bob.phone, { to: jid, text: 'before you came' });
    await world.sandbox.idle();
    const client = await world.linked(carol);
    const history = await happened(client, 'messaging-history.set', ({ chats }) => chats.length > 0);
    expect(history.chats).toMatchObject([{ id: jid, name: 'Engines', unreadCount: 1 }]);
    expect(history.messages).toMatchObject([
      { key: { remoteJid: jid, participant: bob.lid, fromMe: false }, message: { conversation: 'before you came' } },
    ]);
  });
});

describe('members', () => {
  test('are added: they learn of the whole group, the others of them', async () => {
    const carol = world.phone('Carol');
    const { jid } = world.sandbox.groups.create({
      creator: ada.phone,
      subject: 'Engines',
      participants: [carol.phone],
    });
    const [mine, his] = await both();
    expect(await mine.socket.groupParticipantsUpdate(jid, [bob.jid], 'add')).toMatchObject([
      { status: '200', jid: bob.lid },
    ]);
    expect((await joined(his, jid))[0]).toMatchObject({ id: jid, subject: 'Engines', author: ada.lid, size: 3 });
    expect(await participants(mine, jid, 'add')).toMatchObject({
      author: ada.lid,
      participants: [{ id: bob.lid, phoneNumber: bob.jid }],
    });
    await stub(mine, jid, StubType.GROUP_PARTICIPANT_ADD);
  });

  test('are removed: they and the others are told, and they are out', async () => {
    const { jid } = group();
    const [mine, his] = await both();
    expect(await mine.socket.groupParticipantsUpdate(jid, [bob.lid], 'remove')).toMatchObject([{ status: '200' }]);
    for (const client of [mine, his]) {
      expect(await participants(client, jid, 'remove')).toMatchObject({
        author: ada.lid,
        participants: [{ id: bob.lid, phoneNumber: bob.jid }],
      });
      await stub(client, jid, StubType.GROUP_PARTICIPANT_REMOVE);
    }
    expect(await refusal(his.socket.groupMetadata(jid))).toBe(403);
  });

  test('are made admins and plain members again', async () => {
    const { jid } = group();
    const [mine, his] = await both();
    await mine.socket.groupParticipantsUpdate(jid, [bob.jid], 'promote');
    expect(await participants(his, jid, 'promote')).toMatchObject({ participants: [{ id: bob.lid }] });
    expect(roles(jid)[bob.phone]).toBe('admin');
    expect((await his.socket.groupMetadata(jid)).participants).toMatchObject([{}, { id: bob.lid, admin: 'admin' }]);
    await mine.socket.groupParticipantsUpdate(jid, [bob.jid], 'demote');
    await participants(his, jid, 'demote');
    expect(roles(jid)[bob.phone]).toBe('member');
  });

  test('that cannot be dealt with are answered one by one', async () => {
    const [shy, foe, friend] = [world.phone(), world.phone(), world.phone()];
    const { jid } = group();
    world.sandbox.account.setPrivacy(shy.phone, { groupadd: 'contacts' });
    world.sandbox.account.block(foe.phone, { phone: ada.phone });
    const mine = await online(ada);
    const nobody = '491519999999@s.whatsapp.net';
    const added = await mine.socket.groupParticipantsUpdate(
      jid,
      [nobody, bob.jid, shy.jid, foe.jid, friend.jid],
      'add',
    );
    expect(added.map(({ status }) => status)).toEqual(['404', '409', '403', '401', '200']);
    expect(added[2]!.content.content).toMatchObject([
      { tag: 'add_request', attrs: { code: expect.any(String), expiration: expect.stringMatching(/^\d{10}$/) } },
    ]);
    const removed = await mine.socket.groupParticipantsUpdate(jid, [shy.jid, ada.jid], 'remove');
    expect(removed.map(({ status }) => status)).toEqual(['404', '406']);
    const demoted = await mine.socket.groupParticipantsUpdate(jid, [bob.jid, ada.jid], 'demote');
    expect(demoted.map(({ status }) => status)).toEqual(['409', '406']);
  });

  test('who let only their contacts add them are added by those', async () => {
    const shy = world.phone();
    const { jid } = group();
    world.sandbox.account.setPrivacy(shy.phone, { groupadd: 'contacts' });
    world.sandbox.account.saveContact(shy.phone, { phone: ada.phone, name: 'Ada' });
    const mine = await online(ada);
    const [outcome] = await mine.socket.groupParticipantsUpdate(jid, [shy.jid], 'add');
    expect(outcome).toMatchObject({ status: '200' });
  });

  test('leave: they and the others are told that they left by themselves', async () => {
    const { jid } = group();
    const [mine, his] = await both();
    await his.socket.groupLeave(jid);
    for (const client of [mine, his]) {
      expect(await participants(client, jid, 'remove')).toMatchObject({
        author: bob.lid,
        participants: [{ id: bob.lid }],
      });
      await stub(client, jid, StubType.GROUP_PARTICIPANT_LEAVE);
    }
    expect(Object.keys(roles(jid))).toEqual([ada.phone]);
  });

  test('get a new admin when the last one leaves', async () => {
    const { jid } = group(world.phone());
    const his = await online(bob);
    world.sandbox.groups.leave(jid, { phone: ada.phone });
    expect(await participants(his, jid, 'promote')).toMatchObject({ participants: [{ id: bob.lid }] });
    expect(roles(jid)[bob.phone]).toBe('admin');
  });

  test('whose account is deleted are out', async () => {
    const carol = world.phone();
    const { jid } = group(carol);
    const his = await online(bob);
    world.sandbox.removePhone(carol.phone);
    expect(await participants(his, jid, 'remove')).toMatchObject({ participants: [{ id: carol.lid }] });
    expect(roles(jid)).not.toHaveProperty(carol.phone);
  });
});

describe('who is no admin', () => {
  test.each<[string, (client: Client, jid: string) => Promise<unknown>, number]>([
    ['adds nobody', (client, jid) => client.socket.groupParticipantsUpdate(jid, [ada.jid], 'add'), 403],
    ['removes nobody', (client, jid) => client.socket.groupParticipantsUpdate(jid, [ada.jid], 'remove'), 403],
    ['makes nobody an admin', (client, jid) => client.socket.groupParticipantsUpdate(jid, [bob.jid], 'promote'), 403],
    ['does not decide who writes', (client, jid) => client.socket.groupSettingUpdate(jid, 'announcement'), 403],
    ['does not decide who edits', (client, jid) => client.socket.groupSettingUpdate(jid, 'locked'), 403],
    ['does not decide who is let in', (client, jid) => client.socket.groupJoinApprovalMode(jid, 'on'), 403],
    ['does not decide who adds', (client, jid) => client.socket.groupMemberAddMode(jid, 'all_member_add'), 403],
    ['does not see requests', (client, jid) => client.socket.groupRequestParticipantsList(jid), 403],
    ['does not have the link', (client, jid) => client.socket.groupInviteCode(jid), 401],
    ['does not revoke the link', (client, jid) => client.socket.groupRevokeInvite(jid), 401],
    ['changes the subject', (client, jid) => client.socket.groupUpdateSubject(jid, 'Ours'), 200],
    ['changes the description', (client, jid) => client.socket.groupUpdateDescription(jid, 'Ours'), 200],
    ['lets messages disappear', (client, jid) => client.socket.groupToggleEphemeral(jid, 86_400), 200],
  ])('%s', async (_what, ask, code) => {
    const { jid } = group();
    expect(await refusal(ask(await online(bob), jid))).toBe(code);
  });

  test.each<[string, (client: Client, jid: string) => Promise<unknown>]>([
    ['the subject', (client, jid) => client.socket.groupUpdateSubject(jid, 'Ours')],
    ['the description', (client, jid) => client.socket.groupUpdateDescription(jid, 'Ours')],
    ['the timer', (client, jid) => client.socket.groupToggleEphemeral(jid, 86_400)],
    ['the picture', (client, jid) => setPicture(client, jid)],
  ])('does not change %s of a locked group', async (_what, ask) => {
    const { jid } = group();
    world.sandbox.groups.set(jid, { by: ada.phone, restrict: true });
    expect(await refusal(ask(await online(bob), jid))).toBe(403);
    expect(world.sandbox.groups.get(jid)).toMatchObject({ subject: 'Engines', description: null, ephemeral: 0 });
  });

  test('adds others where everybody may', async () => {
    const carol = world.phone();
    const { jid } = group();
    world.sandbox.groups.set(jid, { by: ada.phone, memberAdd: 'all_member_add' });
    const his = await online(bob);
    expect(await his.socket.groupParticipantsUpdate(jid, [carol.jid], 'add')).toMatchObject([{ status: '200' }]);
    expect(roles(jid)[carol.phone]).toBe('member');
  });

  test.each<[string, (client: Client, jid: string) => Promise<unknown>]>([
    ['adds', (client, jid) => client.socket.groupParticipantsUpdate(jid, [bob.jid], 'add')],
    ['renames', (client, jid) => client.socket.groupUpdateSubject(jid, 'Ours')],
    ['describes', (client, jid) => client.socket.groupUpdateDescription(jid, 'Ours')],
    ['sets', (client, jid) => client.socket.groupSettingUpdate(jid, 'announcement')],
    ['invites', (client, jid) => client.socket.groupInviteCode(jid)],
  ])('and not even a member %s nothing', async (_what, ask) => {
    const { jid } = world.sandbox.groups.create({ creator: ada.phone, subject: 'Other', participants: [] });
    expect(await refusal(ask(await online(bob), jid))).toBe(403);
    expect(await refusal(ask(await online(bob), '120363000000000000@g.us'))).toBe(404);
  });
});

async function setPicture(client: Client, jid: string): Promise<BinaryNode> {
  const jpeg = Buffer.from('ffd8ffe000104a46494600010100000100010000ffd9', 'hex');
  return (await client.socket.query({
    tag: 'iq',
    attrs: { to: '@s.whatsapp.net', type: 'set', xmlns: 'w:profile:picture', target: jid },
    content: [{ tag: 'picture', attrs: { type: 'image' }, content: jpeg }],
  })) as BinaryNode;
}

describe('what a group is called and how it is set', () => {
  test('the subject', async () => {
    const { jid } = group();
    const [mine, his] = await both();
    await his.socket.groupUpdateSubject(jid, 'Steam engines');
    for (const client of [mine, his]) {
      const [update] = await updated(client, jid, { subject: 'Steam engines' });
      expect(update).toMatchObject({ author: bob.lid });
      await stub(client, jid, StubType.GROUP_CHANGE_SUBJECT);
    }
    expect(await mine.socket.groupMetadata(jid)).toMatchObject({ subject: 'Steam engines', subjectOwner: bob.lid });
    expect(await refusal(mine.socket.groupUpdateSubject(jid, 'x'.repeat(101)))).toBe(406);
  });

  test('the description: set, changed and taken away', async () => {
    const { jid } = group();
    const [mine, his] = await both();
    await mine.socket.groupUpdateDescription(jid, 'All about engines');
    await updated(his, jid, { desc: 'All about engines' });
    const metadata = await his.socket.groupMetadata(jid);
    expect(metadata).toMatchObject({ desc: 'All about engines', descOwner: ada.lid, descOwnerPn: ada.jid });
    await his.socket.groupUpdateDescription(jid, 'Steam only');
    await updated(mine, jid, { desc: 'Steam only' });
    await mine.socket.groupUpdateDescription(jid, '');
    await eventually('it is gone', () => world.sandbox.groups.get(jid).description === null);
    expect((await his.socket.groupMetadata(jid)).desc).toBeUndefined();
    await stub(his, jid, StubType.GROUP_CHANGE_DESCRIPTION);
  });

  test('a description that replaces another one than it thinks is refused', async () => {
    const { jid } = group();
    const mine = await online(ada);
    await mine.socket.groupUpdateDescription(jid, 'All about engines');
    const stale = mine.socket.query({
      tag: 'iq',
      attrs: { to: jid, type: 'set', xmlns: 'w:g2' },
      content: [
        {
          tag: 'description',
          attrs: { id: 'NEW', prev: 'SOMETHING-ELSE' },
          content: [{ tag: 'body', attrs: {}, content: Buffer.from('mine') }],
        },
      ],
    });
    expect(await refusal(stale)).toBe(409);
    expect(await refusal(mine.socket.groupUpdateDescription(jid, 'x'.repeat(2049)))).toBe(406);
    expect(world.sandbox.groups.get(jid).description).toBe('All about engines');
  });

  test.each<[string, (client: Client, jid: string) => Promise<unknown>, object, object, number, object]>([
    [
      'only admins write',
      (client, jid) => client.socket.groupSettingUpdate(jid, 'announcement'),
      { announce: true },
      { announce: true },
      StubType.GROUP_CHANGE_ANNOUNCE,
      { announce: true },
    ],
    [
      'only admins edit',
      (client, jid) => client.socket.groupSettingUpdate(jid, 'locked'),
      { restrict: true },
      { restrict: true },
      StubType.GROUP_CHANGE_RESTRICT,
      { restrict: true },
    ],
    [
      'admins let in',
      (client, jid) => client.socket.groupJoinApprovalMode(jid, 'on'),
      { joinApprovalMode: true },
      { joinApprovalMode: true },
      StubType.GROUP_MEMBERSHIP_JOIN_APPROVAL_MODE,
      { joinApproval: true },
    ],
    [
      'everybody adds',
      (client, jid) => client.socket.groupMemberAddMode(jid, 'all_member_add'),
      { memberAddMode: true },
      { memberAddMode: true },
      StubType.GROUP_MEMBER_ADD_MODE,
      { memberAdd: 'all_member_add' },
    ],
  ])('%s', async (_what, ask, update, metadata, type, state) => {
    const { jid } = group();
    const [mine, his] = await both();
    await ask(mine, jid);
    for (const client of [mine, his]) {
      await updated(client, jid, update);
      await stub(client, jid, type);
    }
    expect(await his.socket.groupMetadata(jid)).toMatchObject(metadata);
    expect(world.sandbox.groups.get(jid)).toMatchObject(state);
  });

  test('and back again', async () => {
    const { jid } = group();
    const all = { announce: true, restrict: true, joinApproval: true, memberAdd: 'all_member_add' } as const;
    world.sandbox.groups.set(jid, { by: ada.phone, ...all });
    const [mine, his] = await both();
    await mine.socket.groupSettingUpdate(jid, 'not_announcement');
    await mine.socket.groupSettingUpdate(jid, 'unlocked');
    await mine.socket.groupJoinApprovalMode(jid, 'off');
    await mine.socket.groupMemberAddMode(jid, 'admin_add');
    // Baileys keeps but the first of several group updates that it has held back; the messages are all there
    await stub(his, jid, StubType.GROUP_CHANGE_ANNOUNCE, 'off');
    await stub(his, jid, StubType.GROUP_CHANGE_RESTRICT, 'off');
    await stub(his, jid, StubType.GROUP_MEMBERSHIP_JOIN_APPROVAL_MODE, 'off');
    await stub(his, jid, StubType.GROUP_MEMBER_ADD_MODE, 'admin_add');
    const metadata = { announce: false, restrict: false, joinApprovalMode: false, memberAddMode: false };
    expect(await his.socket.groupMetadata(jid)).toMatchObject(metadata);
  });

  test('disappearing messages', async () => {
    const { jid } = group();
    const [mine, his] = await both();
    await mine.socket.groupToggleEphemeral(jid, 604_800);
    const setting = await his.message(
      'the timer',
      ({ key, message }) => key.remoteJid === jid && message?.protocolMessage?.ephemeralExpiration === 604_800,
    );
    expect(setting.key.participant).toBe(ada.lid);
    expect((await his.socket.groupMetadata(jid)).ephemeralDuration).toBe(604_800);
    await mine.socket.groupToggleEphemeral(jid, 0);
    await eventually('they stay', () => world.sandbox.groups.get(jid).ephemeral === 0);
    expect((await his.socket.groupMetadata(jid)).ephemeralDuration).toBeUndefined();
    expect(await refusal(mine.socket.groupToggleEphemeral(jid, 17))).toBe(400);
  });

  test('the picture', async () => {
    const { jid } = group();
    const [mine, his] = await both();
    const answer = await setPicture(mine, jid);
    const id = (answer.content as BinaryNode[])[0]!.attrs['id']!;
    expect((await stub(his, jid, StubType.GROUP_CHANGE_ICON)).messageStubParameters).toEqual([id]);
    await happened(his, 'contacts.update', (contacts) =>
      contacts.some((one) => one.id === jid && one.imgUrl === 'changed'),
    );
    expect(await his.socket.profilePictureUrl(jid)).toContain(world.sandbox.url);
    expect(world.sandbox.groups.get(jid).pictureId).toBe(id);
    await mine.socket.removeProfilePicture(jid);
    await happened(his, 'contacts.update', (contacts) =>
      contacts.some((one) => one.id === jid && one.imgUrl === 'removed'),
    );
    expect(world.sandbox.groups.get(jid).pictureId).toBeNull();
  });

  test('what is set to what it is changes nothing and is told to nobody', async () => {
    const { jid } = group();
    const mine = await online(ada);
    await mine.socket.groupSettingUpdate(jid, 'not_announcement');
    await mine.socket.groupUpdateSubject(jid, 'Afterwards');
    await updated(mine, jid, { subject: 'Afterwards' });
    expect(mine.messages.some(({ messageStubType }) => messageStubType === StubType.GROUP_CHANGE_ANNOUNCE)).toBe(false);
  });
});

describe('the invite link', () => {
  test('shows the group and lets people in', async () => {
    const { jid } = world.sandbox.groups.create({ creator: ada.phone, subject: 'Open house', participants: [] });
    const [mine, his] = await both();
    const code = await mine.socket.groupInviteCode(jid);
    const info = await his.socket.groupGetInviteInfo(code!);
    expect(info).toMatchObject({ id: jid, subject: 'Open house', size: 1 });
    // who is not in the group sees its admins and nobody else
    expect(info.participants.map(({ id }) => id)).toEqual([ada.lid]);
    expect(await his.socket.groupAcceptInvite(code!)).toBe(jid);
    expect((await joined(his, jid))[0]).toMatchObject({ id: jid, size: 2 });
    expect(await participants(mine, jid, 'add')).toMatchObject({ author: bob.lid, participants: [{ id: bob.lid }] });
    expect(await refusal(his.socket.groupAcceptInvite(code!))).toBe(409);
  });

  test('is replaced', async () => {
    const { jid } = world.sandbox.groups.create({ creator: ada.phone, subject: 'Open house', participants: [] });
    const [mine, his] = await both();
    const before = await mine.socket.groupInviteCode(jid);
    const after = await mine.socket.groupRevokeInvite(jid);
    expect(after).not.toBe(before);
    await updated(mine, jid, { inviteCode: after });
    await stub(mine, jid, StubType.GROUP_CHANGE_INVITE_LINK);
    expect(await refusal(his.socket.groupAcceptInvite(before!))).toBe(410);
    expect(await refusal(his.socket.groupGetInviteInfo(before!))).toBe(410);
    expect(await refusal(his.socket.groupAcceptInvite('no-such-code'))).toBe(406);
    expect(await his.socket.groupAcceptInvite(after!)).toBe(jid);
  });

  test('does not let those in who have been removed, but those who left', async () => {
    const { jid, inviteCode } = group();
    const his = await online(bob);
    await his.socket.groupLeave(jid);
    expect(await his.socket.groupAcceptInvite(inviteCode)).toBe(jid);
    world.sandbox.groups.change(jid, 'remove', { by: ada.phone, participants: [bob.phone] });
    expect(await refusal(his.socket.groupAcceptInvite(inviteCode))).toBe(401);
  });
});

describe('a personal invitation', () => {
  /** Ada tries to add Bob, who does not let himself be added. */
  async function invited(): Promise<{
    jid: string;
    mine: Client;
    his: Client;
    invite: proto.Message.IGroupInviteMessage;
  }> {
    const { jid } = world.sandbox.groups.create({ creator: ada.phone, subject: 'By invitation', participants: [] });
    world.sandbox.account.setPrivacy(bob.phone, { groupadd: 'none' });
    const [mine, his] = await both();
    const [outcome] = await mine.socket.groupParticipantsUpdate(jid, [bob.jid], 'add');
    world.sandbox.account.setPrivacy(bob.phone, { groupadd: 'all' });
    const { code, expiration } = (outcome!.content.content as BinaryNode[])[0]!.attrs;
    const invite = {
      groupJid: jid,
      inviteCode: code!,
      inviteExpiration: Number(expiration),
      groupName: 'By invitation',
    };
    return { jid, mine, his, invite };
  }

  test('lets the one in whom it is for', async () => {
    const { jid, mine, his, invite } = await invited();
    expect(await his.socket.groupAcceptInviteV4(ada.jid, invite)).toBe(jid);
    expect((await joined(his, jid))[0]).toMatchObject({ id: jid });
    expect(await participants(mine, jid, 'add')).toMatchObject({ participants: [{ id: bob.lid }] });
    expect(roles(jid)[bob.phone]).toBe('member');
  });

  test('lets nobody else in', async () => {
    const { jid, invite } = await invited();
    const carol = await world.linked();
    expect(await refusal(carol.socket.groupAcceptInviteV4(ada.jid, invite))).toBe(406);
    expect(Object.keys(roles(jid))).toEqual([ada.phone]);
  });

  test('is taken back', async () => {
    const { jid, mine, his, invite } = await invited();
    expect(await mine.socket.groupRevokeInviteV4(jid, bob.jid)).toBe(true);
    expect(await refusal(his.socket.groupAcceptInviteV4(ada.jid, invite))).toBe(406);
  });

  test('is good only as long as the one who gave it is in the group', async () => {
    const { jid, his, invite } = await invited();
    world.sandbox.groups.leave(jid, { phone: ada.phone });
    expect(await refusal(his.socket.groupAcceptInviteV4(ada.jid, invite))).toBe(410);
  });
});

describe('requests to be let in', () => {
  const closed = (...members: PhoneInfo[]) =>
    world.sandbox.groups.create({
      creator: ada.phone,
      subject: 'Members only',
      participants: members.map(({ phone }) => phone),
      joinApproval: true,
    });

  test('are made by the link, listed and approved', async () => {
    const { jid, inviteCode } = closed();
    const [mine, his] = await both();
    expect(await his.socket.groupAcceptInvite(inviteCode)).toBeUndefined();
    const request = await happened(mine, 'group.join-request', ({ id }) => id === jid);
    expect(request).toMatchObject({
      author: bob.lid,
      participant: bob.lid,
      participantPn: bob.jid,
      action: 'created',
      method: 'invite_link',
    });
    expect(await refusal(his.socket.groupAcceptInvite(inviteCode))).toBe(409);
    expect(await mine.socket.groupRequestParticipantsList(jid)).toMatchObject([
      { jid: bob.lid, phone_number: bob.jid, request_method: 'invite_link', request_time: expect.any(String) },
    ]);
    expect(await mine.socket.groupRequestParticipantsUpdate(jid, [bob.lid], 'approve')).toEqual([
      { status: '200', jid: bob.lid },
    ]);
    expect((await joined(his, jid))[0]).toMatchObject({ id: jid });
    await participants(mine, jid, 'add');
    expect(await mine.socket.groupRequestParticipantsList(jid)).toEqual([]);
  });

  test('are rejected', async () => {
    const { jid, inviteCode } = closed();
    const [mine, his] = await both();
    await his.socket.groupAcceptInvite(inviteCode);
    expect(await mine.socket.groupRequestParticipantsUpdate(jid, [bob.jid], 'reject')).toMatchObject([
      { status: '200' },
    ]);
    expect(
      await happened(mine, 'group.join-request', ({ id, action }) => id === jid && action === 'rejected'),
    ).toMatchObject({ author: ada.lid, participant: bob.lid });
    expect(await mine.socket.groupRequestParticipantsUpdate(jid, [bob.jid], 'approve')).toMatchObject([
      { status: '404' },
    ]);
    expect(roles(jid)).not.toHaveProperty(bob.phone);
  });

  test('are taken back', async () => {
    const { jid, inviteCode } = closed();
    const [mine, his] = await both();
    await his.socket.groupAcceptInvite(inviteCode);
    await his.socket.query({
      tag: 'iq',
      attrs: { to: jid, type: 'set', xmlns: 'w:g2' },
      content: [
        { tag: 'cancel_membership_requests', attrs: {}, content: [{ tag: 'participant', attrs: { jid: bob.lid } }] },
      ],
    });
    expect(
      await happened(mine, 'group.join-request', ({ id, action }) => id === jid && action === 'revoked'),
    ).toMatchObject({ author: bob.lid, participant: bob.lid });
    expect(world.sandbox.groups.get(jid).requests).toEqual([]);
  });

  test('are made by members for others', async () => {
    const carol = world.phone();
    const { jid } = closed(bob);
    world.sandbox.groups.set(jid, { by: ada.phone, memberAdd: 'all_member_add' });
    const [mine, his] = await both();
    await his.socket.groupParticipantsUpdate(jid, [carol.jid], 'add');
    const request = await happened(mine, 'group.join-request', ({ id }) => id === jid);
    expect(request).toMatchObject({ author: bob.lid, action: 'created', method: 'non_admin_add' });
    expect(await mine.socket.groupRequestParticipantsList(jid)).toMatchObject([
      { jid: carol.lid, request_method: 'non_admin_add', requestor: bob.lid },
    ]);
    expect(world.sandbox.groups.get(jid).requests).toMatchObject([{ phone: carol.phone, method: 'non_admin_add' }]);
  });
});

test('changes come in order to who was away', async () => {
  const { jid } = group();
  world.sandbox.groups.setSubject(jid, { by: ada.phone, subject: 'One' });
  world.sandbox.groups.setSubject(jid, { by: ada.phone, subject: 'Two' });
  world.sandbox.groups.change(jid, 'promote', { by: ada.phone, participants: [bob.phone] });
  const his = await online(bob);
  await participants(his, jid, 'promote');
  const stubs = his.messages.filter(({ key }) => key.remoteJid === jid).map(({ messageStubType }) => messageStubType);
  expect(stubs).toEqual([
    StubType.GROUP_CREATE,
    StubType.GROUP_CHANGE_SUBJECT,
    StubType.GROUP_CHANGE_SUBJECT,
    StubType.GROUP_PARTICIPANT_PROMOTE,
  ]);
});

test('an account is in no community', async () => {
  const { jid } = group();
  const mine = await online(ada);
  const ask = (tag: string) =>
    mine.socket.query({ tag: 'iq', attrs: { to: jid, type: 'get', xmlns: 'w:g2' }, content: [{ tag, attrs: {} }] });
  expect(await refusal(ask('sub_groups'))).toBe(404);
  expect(await refusal(ask('linked_groups_participants'))).toBe(404);
  expect(await refusal(ask('something'))).toBe(501);
});

test('a group that WhatsApp takes away is gone for everybody', async () => {
  const { jid } = group();
  const his = await online(bob);
  world.sandbox.groups.delete(jid);
  expect(await refusal(his.socket.groupMetadata(jid))).toBe(404);
  const notices = world.sandbox
    .stanzas({ device: his.jid, limit: 20_000 })
    .filter(({ stanza }) => (stanza as BinaryNode).attrs['from'] === jid)
    .filter(({ stanza }) => inside(stanza as BinaryNode).some(({ tag }) => tag === 'delete'));
  expect(notices).toMatchObject([{ direction: 'out', stanza: { attrs: { type: 'w:gp2', from: jid } } }]);
});

describe('over HTTP', () => {
  const jidOf = (answer: { body: Record<string, unknown> }): string => String(answer.body['jid']);

  test('a group is made, seen, changed and left', async () => {
    const carol = world.phone('Carol');
    const made = await world.http('POST', '/groups', {
      creator: `+${ada.phone}`,
      subject: 'By hand',
      participants: [bob.jid],
      description: 'with curl',
    });
    expect(made).toMatchObject({
      status: 201,
      body: {
        subject: 'By hand',
        description: 'with curl',
        addressing: 'lid',
        creator: ada.phone,
        announce: false,
        restrict: false,
        joinApproval: false,
        memberAdd: 'admin_add',
        ephemeral: 0,
        inviteCode: expect.stringMatching(/^\w{22}$/),
        pictureId: null,
        participants: [
          { phone: ada.phone, jid: ada.jid, lid: ada.lid, name: 'Ada', role: 'superadmin' },
          { phone: bob.phone, jid: bob.jid, lid: bob.lid, name: 'Bob', role: 'member' },
        ],
        requests: [],
      },
    });
    const path = `/groups/${jidOf(made)}`;
    const list = (await world.http('GET', '/groups')).body as unknown as { jid: string }[];
    expect(list.map(({ jid }) => jid)).toContain(jidOf(made));
    const by = ada.phone;
    const people = { by, participants: [carol.phone] };
    const outcome = { status: 200, body: { participants: [{ phone: carol.phone, status: 200 }] } };
    for (const what of ['add', 'promote', 'demote', 'remove']) {
      expect(await world.http('POST', `${path}/${what}`, people)).toEqual(outcome);
    }
    const subject = await world.http('POST', `${path}/subject`, { by: bob.phone, subject: 'By heart' });
    expect(subject).toMatchObject({ status: 200, body: { subject: 'By heart' } });
    const description = await world.http('POST', `${path}/description`, { by, description: null });
    expect(description).toMatchObject({ status: 200, body: { description: null } });
    const settings = {
      announce: true,
      restrict: true,
      joinApproval: true,
      memberAdd: 'all_member_add',
      ephemeral: 86_400,
    };
    expect(await world.http('POST', `${path}/settings`, { by, ...settings })).toMatchObject({ body: settings });
    expect((await world.http('POST', `${path}/leave`, { phone: bob.phone })).status).toBe(204);
    expect((await world.http('GET', path)).body).toMatchObject({ participants: [{ phone: ada.phone }] });
    expect((await world.http('DELETE', path)).status).toBe(204);
    expect((await world.http('GET', path)).status).toBe(404);
  });

  test('a phone comes in by the link, or asks to', async () => {
    const [carol, dave, eve] = [world.phone(), world.phone(), world.phone()];
    const { jid } = group();
    const path = `/groups/${jid}`;
    const { body: before } = await world.http('POST', `${path}/invite-code`, { by: ada.phone });
    expect(before['link']).toBe(`https://chat.whatsapp.com/${String(before['code'])}`);
    const { body: after } = await world.http('POST', `${path}/invite-code`, { by: ada.phone, revoke: true });
    const join = (phone: PhoneInfo, code: unknown) => world.http('POST', `${path}/join`, { phone: phone.phone, code });
    expect(await join(carol, before['code'])).toMatchObject({ status: 410, body: { error: 'revoked-code' } });
    expect(await join(carol, after['link'])).toEqual({ status: 200, body: { jid, joined: true } });
    await world.http('POST', `${path}/settings`, { by: ada.phone, joinApproval: true });
    expect(await join(dave, after['code'])).toEqual({ status: 200, body: { jid, joined: false } });
    await join(eve, after['code']);
    const decide = (what: string, phone: PhoneInfo) =>
      world.http('POST', `${path}/requests/${what}`, { by: ada.phone, participants: [phone.phone] });
    await decide('approve', dave);
    await decide('reject', eve);
    expect(roles(jid)).toMatchObject({ [carol.phone]: 'member', [dave.phone]: 'member' });
    expect(roles(jid)).not.toHaveProperty(eve.phone);
    expect((await world.http('GET', path)).body).toMatchObject({ requests: [] });
  });

  test('a phone that cannot be added is invited, and comes', async () => {
    const shy = world.phone();
    const { jid } = group();
    world.sandbox.account.setPrivacy(shy.phone, { groupadd: 'none' });
    const add = { by: ada.phone, participants: [shy.phone] };
    const { body } = await world.http('POST', `/groups/${jid}/add`, add);
    const [refused] = body['participants'] as { status: number; invite: { code: string; expiration: number } }[];
    expect(refused).toMatchObject({
      status: 403,
      invite: { code: expect.any(String), expiration: expect.any(Number) },
    });
    const invited = await world.sandbox.send(ada.phone, {
      to: shy.phone,
      groupInvite: { jid, name: 'Engines', ...refused!.invite },
    });
    await eventually('the invitation is there', () =>
      world.sandbox.messages(shy.phone, { chat: ada.phone }).some(({ id }) => id === invited.id),
    );
    const joined = await world.http('POST', `/groups/${jid}/join`, { phone: shy.phone, code: refused!.invite.code });
    expect(joined).toEqual({ status: 200, body: { jid, joined: true } });
  });

  test.each<[string, string, object | undefined, number, string]>([
    ['a group of nobody', '', { subject: 'x', participants: [] }, 422, 'invalid-request'],
    ['a group without a subject', '', { creator: 'ADA', subject: ' ', participants: [] }, 406, 'empty-subject'],
    ['a field that does not exist', '', { creator: 'ADA', subjekt: 'x', participants: [] }, 422, 'invalid-request'],
    [
      'somebody without an account',
      '',
      { creator: 'ADA', subject: 'x', participants: ['491519999999'] },
      404,
      'unknown-phone',
    ],
    ['a change without a body', '/JID/add', undefined, 422, 'invalid-request'],
    ['a change of nobody', '/JID/add', { by: 'ADA', participants: [] }, 422, 'invalid-request'],
    ['a change by somebody else', '/JID/add', { by: 'BOB', participants: ['ADA'] }, 403, 'not-an-admin'],
    ['a change of no group', '/1@g.us/add', { by: 'ADA', participants: ['BOB'] }, 404, 'unknown-group'],
    ['a change that there is not', '/JID/rename', { by: 'ADA' }, 404, 'unknown-route'],
    ['a timer that there is not', '/JID/settings', { by: 'ADA', ephemeral: 17 }, 422, 'invalid-request'],
    ['a mode that there is not', '/JID/settings', { by: 'ADA', memberAdd: 'everybody' }, 422, 'invalid-request'],
    ['a code that is none', '/JID/join', { phone: 'BOB', code: 'x' }, 406, 'invalid-code'],
    ['the link for somebody who is no admin', '/JID/invite-code', { by: 'BOB' }, 401, 'not-an-admin'],
  ])('%s is refused with what is wrong', async (_what, path, body, status, error) => {
    const { jid } = group();
    const filled = body && JSON.stringify(body).replaceAll('ADA', ada.phone).replaceAll('BOB', bob.phone);
    const answer = await world.http('POST', `/groups${path.replace('JID', jid)}`, filled && JSON.parse(filled));
    expect(answer).toMatchObject({ status, body: { error, message: expect.any(String) } });
  });

  test('the code of another group does not open this one', async () => {
    const [one, other] = [group(), group()];
    const carol = world.phone();
    const answer = await world.http('POST', `/groups/${one.jid}/join`, { phone: carol.phone, code: other.inviteCode });
    expect(answer).toMatchObject({ status: 406, body: { error: 'code-of-another-group' } });
  });
});
