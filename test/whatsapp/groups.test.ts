import type { EventEnvelope, EventName } from '../../engine/events.ts';
import type { GroupInfo } from '../../engine/sandbox/control-groups.ts';
import { ask, asked, refused } from './ask.ts';
import { FRIEND, OWN, Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => void (stage = await Stage.open()));
afterAll(() => stage?.close());

let made = 0;
/** A phone that no other test knows. */
const newPhone = () => stage.sandbox.addPhone({ phone: `1555020${String(++made).padStart(4, '0')}` });
const jidOf = (phone: string) => `${phone}@s.whatsapp.net`;
const lidOf = (phone: string) => stage.sandbox.phone(phone).lid;
const person = (phone: string) => ({ jid: jidOf(phone), lid: lidOf(phone), phone });
/** As groups, and what comes of people, name them. */
const named = (phone: string) => ({ ...person(phone), id: jidOf(phone) });

/** A picture of one pixel. */
const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** A group of another phone's making, which the engine's account is in. */
function foreignGroup(more: Partial<Parameters<typeof stage.sandbox.groups.create>[0]> = {}): GroupInfo {
  return stage.sandbox.groups.create({ creator: FRIEND, subject: 'Foreign', participants: [OWN], ...more });
}

/** A group of the engine's own making. */
async function ownGroup(participants: string[] = [FRIEND], name = 'Ours'): Promise<string> {
  const { id } = await asked<{ id: string }>(stage, 'group.create', { name, participants });
  return id;
}

const about = (event: EventName, jid: string) => (one: EventEnvelope) => one.event === event && one.jid === jid;
const untilEvent = (event: EventName, jid: string, index = 0) =>
  stage.until((events) => events.filter(about(event, jid))[index]);
const onPhone = (jid: string) => stage.sandbox.groups.get(jid);
const rolesIn = (jid: string) => Object.fromEntries(onPhone(jid).participants.map(({ phone, role }) => [phone, role]));

describe('a group is made', () => {
  test('with those who can be added, and tells who could not', async () => {
    const [a, shy] = [newPhone(), newPhone()];
    stage.sandbox.account.setPrivacy(shy.phone, { groupadd: 'contacts' });
    const answer = await asked<Record<string, unknown>>(stage, 'group.create', {
      name: 'Weekend',
      participants: [`+${a.phone}`, jidOf(shy.phone), '15550299999'],
    });
    expect(answer).toMatchObject({
      id: expect.stringMatching(/@g\.us$/) as string,
      subject: 'Weekend',
      owner: jidOf(OWN),
      creation: expect.any(Number) as number,
      size: 2,
      participants: expect.arrayContaining([
        { id: jidOf(OWN), admin: 'superadmin', lid: lidOf(OWN), phone: OWN },
        { id: jidOf(a.phone), admin: null, lid: a.lid, phone: a.phone },
      ]) as unknown,
      failed: expect.arrayContaining([
        {
          status: 403,
          message: 'not-authorized',
          ...named(shy.phone),
          invite: { code: expect.any(String) as string, expiration: expect.any(Number) as number },
        },
        {
          status: 404,
          jid: '15550299999@s.whatsapp.net',
          id: '15550299999@s.whatsapp.net',
          message: 'not-on-whatsapp',
          lid: null,
          phone: '15550299999',
        },
      ]) as unknown,
    });
    expect(rolesIn(String(answer['id']))).toEqual({ [OWN]: 'superadmin', [a.phone]: 'member' });
    const { data } = await untilEvent('groups.upsert', String(answer['id']));
    expect(data).toEqual([
      expect.objectContaining({
        jid: answer['id'],
        subject: 'Weekend',
        creation: expect.any(Number) as number,
        owner: jidOf(OWN),
        participants: expect.arrayContaining([
          { ...named(OWN), isAdmin: true, isSuperAdmin: true },
          { ...named(a.phone), isAdmin: false, isSuperAdmin: false },
        ]) as unknown,
      }),
    ]);
  });

  test('without anybody else', async () => {
    expect(rolesIn(await ownGroup([], 'Alone'))).toEqual({ [OWN]: 'superadmin' });
  });

  test('but not without a name, nor with a group as a member', async () => {
    expect(await refused(stage, 'group.create', {})).toEqual({
      status: 422,
      code: 'validation_failed',
      error: 'The name field is required.',
    });
    const withGroup = await refused(stage, 'group.create', { name: 'x', participants: ['123-456789@g.us'] });
    expect(withGroup).toMatchObject({ status: 422, error: expect.stringContaining('people') as string });
  });
});

describe('a group is looked at', () => {
  test.each(['lid', 'pn'] as const)('addressed by %s, its people carry both addresses', async (addressing) => {
    const { jid } = foreignGroup({ addressing, subject: 'Looked at', description: 'What it is for', announce: true });
    // whatever comes from a member tells the account who is who
    const metadata = await asked<Record<string, unknown>>(stage, 'group.metadata', { groupJid: jid });
    expect(metadata).toMatchObject({
      jid,
      subject: 'Looked at',
      desc: 'What it is for',
      owner: jidOf(FRIEND),
      size: 2,
      announce: true,
      restrict: false,
      joinApproval: false,
      participants: expect.arrayContaining([
        { ...named(FRIEND), isAdmin: true, isSuperAdmin: true },
        { ...named(OWN), isAdmin: false, isSuperAdmin: false },
      ]) as unknown,
    });
    expect(await asked(stage, 'group.participants', { groupJid: jid })).toEqual(
      expect.arrayContaining([
        { id: lidOf(FRIEND), admin: 'superadmin', ...person(FRIEND) },
        { id: lidOf(OWN), ...person(OWN) },
      ]),
    );
  });

  test('by those who are in it only, and under its own address', async () => {
    const { jid } = stage.sandbox.groups.create({ creator: FRIEND, subject: 'Closed', participants: [] });
    expect(await refused(stage, 'group.metadata', { groupJid: jid })).toEqual({
      status: 403,
      code: 'not_permitted',
      error: 'Failed to get group metadata: You are not a member of this group.',
    });
    expect(await refused(stage, 'group.participants', { groupJid: '1203630000000@g.us' })).toMatchObject({
      status: 404,
      code: 'not_found',
      error: 'Failed to get group metadata: There is no such group.',
    });
    expect(await refused(stage, 'group.metadata', { groupJid: OWN + '@s.whatsapp.net' })).toMatchObject({
      status: 422,
      code: 'validation_failed',
    });
  });

  test('among all others, by name, by page and by a part of the name', async () => {
    for (const subject of ['zebra 10', 'Zebra 9', 'zebra 1']) foreignGroup({ subject });
    type Listed = { name: string; jid: string; imgUrl: string | null };
    const all = await asked<Listed[]>(stage, 'group.list');
    expect(all.every(({ imgUrl }) => imgUrl === null)).toBe(true);
    const zebras = await asked<Listed[]>(stage, 'group.list', { search: 'ZEBRA' });
    expect(zebras.map(({ name }) => name)).toEqual(['zebra 1', 'Zebra 9', 'zebra 10']);
    const page = { paginated: true, page: 2, limit: 2, search: 'zebra' };
    expect(await asked(stage, 'group.list', page)).toEqual({
      items: [expect.objectContaining({ name: 'zebra 10' })],
      pagination: { total: 3, page: 2, limit: 2, totalPages: 2 },
    });
    expect(await asked(stage, 'group.list', { ...page, page: 9 })).toMatchObject({ items: [] });
  });
});

describe('members', () => {
  test('are added, each with what came of it; who is typed twice is one', async () => {
    const jid = await ownGroup();
    const [fresh, shy] = [newPhone(), newPhone()];
    stage.sandbox.account.setPrivacy(shy.phone, { groupadd: 'contacts' });
    const outcomes = await asked(stage, 'group.add', {
      groupJid: jid,
      participants: [`+${fresh.phone}`, fresh.phone, jidOf(fresh.phone), FRIEND, shy.lid, '15550299998'],
    });
    expect(outcomes).toEqual(
      expect.arrayContaining([
        { status: 200, message: 'added', ...named(fresh.phone) },
        { status: 409, message: 'already-a-member', ...named(FRIEND) },
        {
          status: 403,
          message: 'not-authorized',
          ...named(shy.phone),
          invite: { code: expect.any(String) as string, expiration: expect.any(Number) as number },
        },
        expect.objectContaining({ status: 404, message: 'not-on-whatsapp', phone: '15550299998' }),
      ]),
    );
    expect(outcomes).toHaveLength(4);
    expect(rolesIn(jid)).toEqual({ [OWN]: 'superadmin', [FRIEND]: 'member', [fresh.phone]: 'member' });
    const event = await untilEvent('group-participants.update', jid);
    expect(event.data).toEqual({
      jid,
      id: jid,
      participants: [jidOf(fresh.phone)],
      action: 'add',
      by: person(OWN),
      members: [person(fresh.phone)],
    });
  });

  test('are promoted, demoted and removed, and the others are told', async () => {
    const jid = await ownGroup();
    const roles = (action: string) =>
      asked(stage, 'group.roles', { groupId: jid, action, participants: [FRIEND, '15550299997'] });
    expect(await roles('promote')).toMatchObject({ participants: [jidOf(FRIEND)] });
    expect(rolesIn(jid)[FRIEND]).toBe('admin');
    expect((await untilEvent('group-participants.update', jid)).data).toMatchObject({
      action: 'promote',
      participants: [jidOf(FRIEND)],
    });
    expect(await roles('demote')).toMatchObject({
      participants: [jidOf(FRIEND)],
      results: expect.arrayContaining([expect.objectContaining({ status: 404, message: 'not-a-member' })]) as unknown,
    });
    expect(rolesIn(jid)[FRIEND]).toBe('member');
    const removed = await asked(stage, 'group.remove', { groupJid: jid, participants: [jidOf(FRIEND)] });
    expect(removed).toEqual([{ status: 200, message: 'removed', ...named(FRIEND) }]);
    expect(rolesIn(jid)).toEqual({ [OWN]: 'superadmin' });
    expect((await untilEvent('group-participants.update', jid, 2)).data).toMatchObject({ action: 'remove' });
  });

  test('are for admins to change', async () => {
    const { jid } = foreignGroup();
    const them = { participants: [FRIEND] };
    const texts = {
      'group.remove': 'Failed to remove group participants: You are not an admin in this group.',
      'group.roles': 'Failed to promote group participants: You are not an admin in this group.',
    };
    for (const [id, error] of Object.entries(texts)) {
      const input = { groupJid: jid, groupId: jid, ...them, ...(id === 'group.roles' && { action: 'promote' }) };
      expect(await refused(stage, id, input)).toEqual({ status: 403, code: 'not_permitted', error });
    }
  });
});

describe('settings', () => {
  test('are all changed in one call, and the phones see them', async () => {
    const jid = await ownGroup();
    const answer = await asked(stage, 'group.settings', {
      groupJid: jid,
      subject: 'New name',
      description: 'New text',
      announce: true,
      restrict: true,
      joinApproval: true,
      memberAdd: true,
      disappearAfter: 86400,
    });
    const now = { announce: true, restrict: true, joinApproval: true };
    expect(answer).toEqual({
      subject: 'New name',
      description: 'New text',
      ...now,
      memberAdd: true,
      disappearAfter: 86400,
    });
    expect(onPhone(jid)).toMatchObject({
      subject: 'New name',
      description: 'New text',
      ...now,
      memberAdd: 'all_member_add',
      ephemeral: 86400,
    });
    const updates = await stage.until((events) => {
      const all = events.filter(about('groups.update', jid));
      return all.length >= 7 && all;
    });
    const changes = updates.map(({ data }) => (data as object[])[0]);
    for (const change of [
      { subject: 'New name' },
      { desc: 'New text' },
      { announce: true },
      { restrict: true },
      { joinApproval: true },
      { memberAdd: true },
      { disappearAfter: 86400 },
    ]) {
      expect(changes).toContainEqual({ jid, id: jid, ...change, by: person(OWN) });
    }
  });

  test('have a picture, from wherever files are taken', async () => {
    const jid = await ownGroup();
    const answer = await asked<{ imgUrl: string }>(stage, 'group.settings', { groupJid: jid, profilePicUrl: PIXEL });
    const shown = await asked(stage, 'group.picture', { groupJid: jid });
    expect(shown).toEqual({ imgUrl: answer.imgUrl });
    const picture = await fetch(answer.imgUrl);
    expect(picture.headers.get('content-type')).toContain('image/jpeg');
    const told = await untilEvent('groups.update', jid);
    expect(told.data).toEqual([{ jid, id: jid, imgUrl: answer.imgUrl }]);
    const listed = await asked<{ jid: string; imgUrl: string }[]>(stage, 'group.list');
    expect(listed.find((one) => one.jid === jid)?.imgUrl).toBe(answer.imgUrl);
    expect(await asked(stage, 'group.settings', { groupJid: jid, profilePicUrl: '' })).toMatchObject({ imgUrl: null });
    expect((await untilEvent('groups.update', jid, 1)).data).toEqual([{ jid, id: jid, imgUrl: null, by: person(OWN) }]);
    expect(await asked(stage, 'group.picture', { groupJid: jid })).toEqual({ imgUrl: null });
  });

  test('have no picture that is none; the others are changed all the same', async () => {
    const jid = await ownGroup();
    const notOne = `data:image/png;base64,${Buffer.from('no picture').toString('base64')}`;
    expect(await refused(stage, 'group.settings', { groupJid: jid, profilePicUrl: notOne })).toMatchObject({
      status: 415,
      code: 'unsupported_media_type',
    });
    const answer = await asked(stage, 'group.settings', { groupJid: jid, profilePicUrl: notOne, announce: true });
    expect(answer).toMatchObject({
      announce: true,
      imgUrl: null,
      failed: { profilePicUrl: expect.any(String) as string },
    });
  });

  test('are taken back as well', async () => {
    const jid = await ownGroup();
    const set = { groupJid: jid, description: 'x', announce: true, restrict: true, joinApproval: true };
    await asked(stage, 'group.settings', { ...set, memberAdd: true, disappearAfter: 604800 });
    const back = { groupJid: jid, description: '', announce: false, restrict: false, joinApproval: false };
    expect(await asked(stage, 'group.settings', { ...back, memberAdd: false, disappearAfter: 0 })).toEqual({
      subject: 'Ours',
      description: null,
      announce: false,
      restrict: false,
      joinApproval: false,
      memberAdd: false,
      disappearAfter: 0,
    });
    expect(onPhone(jid)).toMatchObject({ description: null, announce: false, memberAdd: 'admin_add', ephemeral: 0 });
    await stage.until((events) =>
      events.filter(about('groups.update', jid)).some(({ data }) => (data as { desc?: null }[])[0]!.desc === null),
    );
  });

  test('that only admins may change are told by field, and the others are changed', async () => {
    const { jid } = foreignGroup();
    const answer = await asked<Record<string, unknown>>(stage, 'group.settings', {
      groupJid: jid,
      subject: 'By a member',
      announce: true,
    });
    expect(answer).toMatchObject({
      subject: 'By a member',
      announce: false,
      failed: { announce: 'Failed to update announce: You are not an admin in this group.' },
    });
    expect(onPhone(jid)).toMatchObject({ subject: 'By a member', announce: false });
  });

  test('of which none could be changed are a refusal', async () => {
    const { jid } = foreignGroup({ restrict: true });
    const { status, body } = await ask(stage, 'group.settings', { groupJid: jid, subject: 'x', announce: true });
    expect([status, body.code, body['error']]).toEqual([
      403,
      'not_permitted',
      'Failed to update subject: You are not an admin in this group.',
    ]);
    expect(Object.keys((body['details'] as { failed: object }).failed)).toEqual(['subject', 'announce']);
  });

  test('have to be named, with values that WhatsApp has', async () => {
    const { jid } = foreignGroup();
    expect(await refused(stage, 'group.settings', { groupJid: jid })).toMatchObject({ status: 422 });
    expect(await refused(stage, 'group.settings', { groupJid: jid, disappearAfter: 7 })).toMatchObject({
      status: 422,
      error: expect.stringContaining('86400') as string,
    });
  });
});

describe('an invite link', () => {
  test('is given to admins, shows the group, and lets others in', async () => {
    const jid = await ownGroup();
    const { inviteLink } = await asked<{ inviteLink: string }>(stage, 'group.inviteLink', { groupJid: jid });
    expect(inviteLink).toBe(`https://chat.whatsapp.com/${onPhone(jid).inviteCode}`);
    const { jid: foreign, inviteCode } = stage.sandbox.groups.create({
      creator: FRIEND,
      subject: 'Open house',
      participants: [],
      description: 'Come in',
    });
    for (const code of [inviteCode, `https://chat.whatsapp.com/${inviteCode}`]) {
      expect(await asked(stage, 'group.inviteInfo', { inviteCode: code })).toMatchObject({
        id: foreign,
        subject: 'Open house',
        owner: jidOf(FRIEND),
        size: 1,
        desc: 'Come in',
      });
    }
    expect(await asked(stage, 'group.acceptInvite', { code: inviteCode })).toEqual({ id: foreign, pending: false });
    expect(rolesIn(foreign)).toEqual({ [FRIEND]: 'superadmin', [OWN]: 'member' });
    expect((await untilEvent('groups.upsert', foreign)).data).toMatchObject([{ jid: foreign, subject: 'Open house' }]);
  });

  test('is revoked for a new one', async () => {
    const jid = await ownGroup();
    const before = onPhone(jid).inviteCode;
    const { inviteLink } = await asked<{ inviteLink: string }>(stage, 'group.revokeInvite', { groupJid: jid });
    expect(inviteLink).toBe(`https://chat.whatsapp.com/${onPhone(jid).inviteCode}`);
    expect(onPhone(jid).inviteCode).not.toBe(before);
    expect((await untilEvent('groups.update', jid)).data).toMatchObject([{ jid, inviteCode: onPhone(jid).inviteCode }]);
    expect(await refused(stage, 'group.inviteInfo', { inviteCode: before })).toEqual({
      status: 404,
      code: 'not_found',
      error: 'Failed to get group invite info: Invalid or expired invite code.',
    });
  });

  test('that is none, or not for members, is refused in WasenderApi’s words', async () => {
    expect(await refused(stage, 'group.acceptInvite', { code: 'NoSuchCodeAtAll000000' })).toEqual({
      status: 404,
      code: 'not_found',
      error: 'Failed to accept group invite: Invalid invite code',
    });
    expect(await refused(stage, 'group.acceptInvite', {})).toMatchObject({
      status: 422,
      error: 'The code field is required.',
    });
    const { jid } = foreignGroup();
    expect(await refused(stage, 'group.inviteLink', { groupJid: jid })).toEqual({
      status: 403,
      code: 'not_permitted',
      error: 'Failed to get group invite link: You are not an admin in this group.',
    });
  });
});

describe('a group with approval', () => {
  test('lists who asks, and lets them in or not', async () => {
    const jid = await ownGroup();
    await asked(stage, 'group.settings', { groupJid: jid, joinApproval: true });
    const [a, b, c] = [newPhone(), newPhone(), newPhone()];
    const { inviteCode } = onPhone(jid);
    for (const { phone } of [a, b, c]) stage.sandbox.groups.join(jid, { phone, code: inviteCode });
    expect((await untilEvent('group.join-request', jid)).data).toEqual({
      jid,
      participant: jidOf(a.phone),
      lid: a.lid,
      phone: a.phone,
      action: 'created',
      method: 'invite_link',
      by: person(a.phone),
    });
    const requests = await asked<unknown[]>(stage, 'group.requests', { groupJid: jid });
    expect(requests).toHaveLength(3);
    expect(requests).toContainEqual({
      ...person(a.phone),
      requestedAt: expect.any(Number) as number,
      method: 'invite_link',
      by: null,
    });
    const decide = (action: string, participants: string[]) =>
      asked(stage, 'group.decide', { groupJid: jid, action, participants });
    expect(await decide('approve', [a.phone, '15550299996'])).toEqual(
      expect.arrayContaining([
        { status: 200, message: 'approved', ...named(a.phone) },
        expect.objectContaining({ status: 404, phone: '15550299996' }),
      ]),
    );
    expect(await decide('reject', [b.phone])).toEqual([{ status: 200, message: 'rejected', ...named(b.phone) }]);
    expect(rolesIn(jid)).toMatchObject({ [a.phone]: 'member' });
    expect(onPhone(jid).requests.map(({ phone }) => phone)).toEqual([c.phone]);
    const rejected = await stage.until((events) =>
      events
        .filter(about('group.join-request', jid))
        .find(({ data }) => (data as { action: string }).action === 'rejected'),
    );
    expect(rejected.data).toMatchObject({ participant: jidOf(b.phone) });
    const joined = await untilEvent('group-participants.update', jid);
    expect(joined.data).toMatchObject({ action: 'add', participants: [jidOf(a.phone)] });
  });

  test('keeps the engine’s account waiting as well', async () => {
    const { jid, inviteCode } = stage.sandbox.groups.create({
      creator: FRIEND,
      subject: 'Picky',
      participants: [],
      joinApproval: true,
    });
    expect(await asked(stage, 'group.acceptInvite', { code: inviteCode })).toEqual({ id: jid, pending: true });
    expect(onPhone(jid).requests.map(({ phone }) => phone)).toEqual([OWN]);
    expect(await refused(stage, 'group.acceptInvite', { code: inviteCode })).toMatchObject({
      status: 409,
      code: 'conflict',
    });
  });

  test('shows its requests to admins only', async () => {
    const { jid } = foreignGroup({ joinApproval: true });
    expect(await refused(stage, 'group.requests', { groupJid: jid })).toMatchObject({
      status: 403,
      error: 'Failed to get group join requests: You are not an admin in this group.',
    });
    const decision = { groupJid: jid, action: 'approve', participants: [FRIEND] };
    expect(await refused(stage, 'group.decide', decision)).toMatchObject({ status: 403, code: 'not_permitted' });
  });
});

describe('leaving', () => {
  test('takes the account out, once', async () => {
    const { jid } = foreignGroup();
    expect(await asked(stage, 'group.leave', { groupId: jid })).toEqual({});
    expect(rolesIn(jid)).toEqual({ [FRIEND]: 'superadmin' });
    expect(await refused(stage, 'group.leave', { groupId: jid })).toEqual({
      status: 403,
      code: 'not_permitted',
      error: 'Failed to leave group: You are not a member of this group.',
    });
  });
});

describe('what others do in a group', () => {
  test('is told: members come, rise and leave, the name changes', async () => {
    const { jid } = foreignGroup();
    const a = newPhone();
    expect((await untilEvent('groups.upsert', jid)).phone).toBe(FRIEND);
    stage.sandbox.groups.change(jid, 'add', { by: FRIEND, participants: [a.phone] });
    stage.sandbox.groups.change(jid, 'promote', { by: FRIEND, participants: [a.phone] });
    stage.sandbox.groups.setSubject(jid, { by: a.phone, subject: 'Renamed' });
    stage.sandbox.groups.leave(jid, { phone: a.phone });
    const left = await untilEvent('group-participants.update', jid, 2);
    const told = (await stage.events()).filter((one) => one.jid === jid && one.event !== 'chats.update');
    expect(told.map(({ event, data }) => [event, (data as { action?: string }).action])).toEqual(
      expect.arrayContaining([
        ['group-participants.update', 'add'],
        ['group-participants.update', 'promote'],
        ['groups.update', undefined],
      ]),
    );
    expect(left.data).toEqual({
      jid,
      id: jid,
      participants: [jidOf(a.phone)],
      action: 'remove',
      reason: 'left',
      by: person(a.phone),
      members: [person(a.phone)],
    });
    expect((await untilEvent('groups.update', jid)).data).toEqual([
      { jid, id: jid, subject: 'Renamed', by: person(a.phone) },
    ]);
  });

  test('is told once, though WhatsApp delivers the notification twice', async () => {
    const { jid } = foreignGroup();
    await untilEvent('groups.upsert', jid);
    stage.sandbox.addFault({ fault: 'duplicate', phone: OWN, match: 'notification' });
    stage.sandbox.groups.setSubject(jid, { by: FRIEND, subject: 'Once' });
    await untilEvent('groups.update', jid);
    stage.sandbox.removeFaults();
    stage.sandbox.groups.setSubject(jid, { by: FRIEND, subject: 'Last' });
    const last = await untilEvent('groups.update', jid, 1);
    expect(last.data).toMatchObject([{ subject: 'Last' }]);
  });

  test('while the engine is away is told when it is back', async () => {
    const { jid } = foreignGroup();
    await untilEvent('groups.upsert', jid);
    await stage.engine.stop();
    stage.sandbox.groups.setSubject(jid, { by: FRIEND, subject: 'Meanwhile' });
    stage.sandbox.groups.change(jid, 'promote', { by: FRIEND, participants: [OWN] });
    await stage.startEngine();
    expect((await untilEvent('groups.update', jid)).data).toMatchObject([{ subject: 'Meanwhile' }]);
    expect((await untilEvent('group-participants.update', jid)).data).toMatchObject({
      action: 'promote',
      participants: [jidOf(OWN)],
    });
  });

  test('is told once, though the engine’s acknowledgement never reached WhatsApp', async () => {
    const { jid } = foreignGroup();
    await untilEvent('groups.upsert', jid);
    stage.sandbox.addFault({ fault: 'never-answer', phone: OWN, match: 'ack:notification' });
    const acknowledged = stage.untilStanza('in', 'ack');
    stage.sandbox.groups.setSubject(jid, { by: FRIEND, subject: 'Unacknowledged' });
    await untilEvent('groups.update', jid);
    await acknowledged;
    await stage.engine.stop();
    stage.sandbox.removeFaults();
    await stage.startEngine();
    stage.sandbox.groups.setSubject(jid, { by: FRIEND, subject: 'Afterwards' });
    expect((await untilEvent('groups.update', jid, 1)).data).toMatchObject([{ subject: 'Afterwards' }]);
    const sent = stage.sandbox
      .stanzas({ phone: OWN, limit: 20_000 })
      .filter(({ direction, stanza }) => direction === 'out' && JSON.stringify(stanza).includes('"Unacknowledged"'));
    expect(sent.length).toBeGreaterThan(1);
  });
});

describe('when WhatsApp is difficult', () => {
  test('a caller who asks too often is told to wait', async () => {
    stage.sandbox.addFault({ fault: 'rate-limit', phone: OWN, xmlns: 'w:g2', times: 1 });
    const { status, body, headers } = await ask(stage, 'group.list');
    expect([status, body.code, body['retry_after'], headers.get('retry-after')]).toEqual([
      429,
      'rate_limited',
      60,
      '60',
    ]);
  });

  test('an answer that never comes is not taken for a yes', async () => {
    const { jid } = foreignGroup();
    stage.sandbox.addFault({ fault: 'never-answer', phone: OWN, match: 'iq:w:g2', times: 1 });
    expect(await refused(stage, 'group.leave', { groupId: jid })).toMatchObject({
      status: 504,
      code: 'whatsapp_timeout',
      error: expect.stringMatching(/^Failed to leave group: WhatsApp did not answer in time/) as string,
    });
    expect(rolesIn(jid)).toMatchObject({ [OWN]: 'member' });
  }, 40_000);

  test('a connection that breaks is told as that', async () => {
    stage.sandbox.addFault({ fault: 'drop', phone: OWN, match: 'iq:w:g2', times: 1 });
    expect(await refused(stage, 'group.list')).toMatchObject({ status: 502, code: 'whatsapp_unreachable' });
    await stage.untilStatus(({ status }) => status === 'connected');
  });

  test('a session that is not connected says so', async () => {
    await stage.call('POST', '/api/whatsapp-sessions/1/disconnect');
    expect(await refused(stage, 'group.list')).toEqual({
      status: 409,
      code: 'session_not_connected',
      error: 'Your Whatsapp Session is not connected please connect your session first.',
    });
    await stage.call('POST', '/api/whatsapp-sessions/1/connect');
    await stage.untilStatus(({ status }) => status === 'connected');
  });
});
