import { beforeAll, describe, expect, test } from '@jest/globals';
import { proto, type BaileysEventMap, type BinaryNode } from '@whiskeysockets/baileys';
import type { PhoneInfo } from '../../engine/sandbox/index.ts';
import type { Client, Memory } from './client.ts';
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

const updated = (client: Client, jid: string, change: object) =>
  happened(client, 'groups.update', (groups) =>
    groups.some((group) => {
      const wanted = Object.entries(change);
      return group.id === jid && wanted.every(([name, value]) => Reflect.get(group, name) === value);
    }),
  );

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
      .stanzas({ device: mine.jid })
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
    expect(info).toMatchObject({ id: jid, subject: 'Open house', size: 1, participants: [] });
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
