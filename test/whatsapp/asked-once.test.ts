import { TestClock } from '../engine/clock.ts';
import { ask, asked, refused } from './ask.ts';
import { FRIEND, OWN, Stage } from './stage.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A picture of one pixel. */
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const clock = new TestClock();
let stage: Stage;
beforeAll(async () => void (stage = await Stage.open({ clock })));
afterAll(() => stage?.close());
afterEach(() => stage.sandbox.removeFaults());

let made = 0;
/** A phone that no other test knows. */
const newPhone = () => stage.sandbox.addPhone({ phone: `1555030${String(++made).padStart(4, '0')}` });
const jidOf = (phone: string) => `${phone}@s.whatsapp.net`;

/** What the engine has asked of WhatsApp, as the sandbox saw it. */
const QUESTIONS = {
  /** Of one number. */
  number: (phone: string) => ['"xmlns":"usync"', '"tag":"contact"', phone],
  group: (jid: string) => ['"xmlns":"w:g2"', '"type":"get"', '"tag":"query"', jid],
  picture: (jid: string) => ['"xmlns":"w:profile:picture"', '"type":"get"', jid.split('@')[0]!],
  about: (jid: string) => ['"xmlns":"usync"', '"tag":"status"', jid.split('@')[0]!],
};
type Kind = keyof typeof QUESTIONS;

/** How often that was asked. */
function times(kind: Kind, subject: string): number {
  const marks = QUESTIONS[kind](subject);
  return stage.sandbox
    .stanzas({ phone: OWN, limit: 20_000 })
    .filter(({ direction }) => direction === 'in')
    .map(({ stanza }) => JSON.stringify(stanza))
    .filter((stanza) => stanza.includes('"tag":"iq"') && marks.every((mark) => stanza.includes(mark))).length;
}

async function restart(): Promise<void> {
  await stage.engine.stop();
  await stage.startEngine();
}

describe('whether a number is on WhatsApp', () => {
  const NOBODY = '15550309999';
  const check = (phone: string, more: Record<string, unknown> = {}) =>
    asked<{ exists: boolean }>(stage, 'contact.check', { phone_number: phone, ...more });

  test('is asked once, by all who want to know at the same time, and known after a restart', async () => {
    const { phone, lid } = newPhone();
    const answers = await Promise.all([check(phone), check(phone), check(phone)]);
    await restart();
    answers.push(await check(phone), await check(lid));
    expect(answers).toEqual(answers.map(() => ({ exists: true, jid: jidOf(phone), lid, phone })));
    expect(times('number', phone)).toBe(1);
  });

  test('is asked again after a week, and after a day when there was nobody', async () => {
    const { phone } = newPhone();
    await check(phone);
    expect(await check(NOBODY)).toMatchObject({ exists: false });
    clock.advance(DAY_MS - 1);
    await check(phone);
    await check(NOBODY);
    expect([times('number', phone), times('number', NOBODY)]).toEqual([1, 1]);
    clock.advance(1);
    await check(phone);
    await check(NOBODY);
    expect([times('number', phone), times('number', NOBODY)]).toEqual([1, 2]);
    clock.advance(6 * DAY_MS);
    await check(phone);
    expect(times('number', phone)).toBe(2);
  });

  test('is asked when somebody wants to know it now', async () => {
    const { phone } = newPhone();
    await check(phone);
    await check(phone, { fresh: true });
    expect(times('number', phone)).toBe(2);
  });

  test('need not be asked of somebody who has written', async () => {
    const { phone } = newPhone();
    await check(phone);
    clock.advance(5 * DAY_MS);
    await stage.sandbox.send(phone, { to: OWN, text: `from ${phone}` });
    await stage.until((events) =>
      events.find(({ event, phone: from }) => event === 'messages.received' && from === phone),
    );
    clock.advance(5 * DAY_MS);
    expect(await check(phone)).toMatchObject({ exists: true });
    expect(times('number', phone)).toBe(1);
  });

  test('is not asked again to send there, and a refused send corrects it', async () => {
    const { phone } = newPhone();
    await check(phone);
    await stage.send(`+${phone}`, 'known');
    expect(times('number', phone)).toBe(1);
    stage.sandbox.addFault({ fault: 'nack', phone: OWN, code: 404, times: 1 });
    expect((await stage.send(`+${phone}`, 'gone')).status).toBe(502);
    await check(phone);
    expect(times('number', phone)).toBe(2);
  });

  test('is asked again when WhatsApp has not answered', async () => {
    const { phone } = newPhone();
    stage.sandbox.addFault({ fault: 'rate-limit', phone: OWN, xmlns: 'usync', code: 500, times: 1 });
    const both = await Promise.all([1, 2].map(() => refused(stage, 'contact.check', { phone_number: phone })));
    expect(both).toEqual(
      [1, 2].map(() => expect.objectContaining({ status: 502, code: 'whatsapp_refused' }) as unknown),
    );
    expect(times('number', phone)).toBe(1);
    expect(await check(phone)).toMatchObject({ exists: true });
  });
});

describe('a group', () => {
  const metadata = (jid: string, more: Record<string, unknown> = {}) =>
    asked<Record<string, unknown>>(stage, 'group.metadata', { groupJid: jid, ...more });
  const groups = () => stage.sandbox.groups;

  async function newGroup(participants: string[] = [], more = {}): Promise<string> {
    const members = [OWN, ...participants];
    const { jid } = groups().create({ creator: FRIEND, subject: 'Birds', participants: members, ...more });
    await stage.until((events) => events.find((one) => one.event === 'groups.upsert' && one.jid === jid));
    return jid;
  }

  /** Waits until the engine has taken in what `change` makes WhatsApp tell of the group. */
  async function told(jid: string, change: () => unknown): Promise<void> {
    const count = async () => (await stage.events()).filter((one) => one.jid === jid).length;
    const before = await count();
    await change();
    await stage.until((events) => events.filter((one) => one.jid === jid).length > before);
  }

  test('is asked for once, by all who want to know at the same time, and known after a restart', async () => {
    const jid = await newGroup();
    const [one] = await Promise.all([
      metadata(jid),
      metadata(jid),
      asked(stage, 'group.participants', { groupJid: jid }),
    ]);
    await restart();
    expect(await metadata(jid)).toEqual(one);
    expect(times('group', jid)).toBe(1);
    clock.advance(DAY_MS);
    expect(await metadata(jid)).toEqual(one);
    expect(times('group', jid)).toBe(2);
  });

  test.each(['lid', 'pn'] as const)(
    'known by %s stays right by what WhatsApp tells, without a question',
    async (addressing) => {
      const [a, b] = [newPhone().phone, newPhone().phone];
      const jid = await newGroup([a], { addressing });
      await metadata(jid);
      const by = FRIEND;
      const changes: (() => unknown)[] = [
        () => groups().change(jid, 'add', { by, participants: [b] }),
        () => groups().change(jid, 'promote', { by, participants: [b] }),
        () => groups().change(jid, 'demote', { by, participants: [b] }),
        () => groups().change(jid, 'promote', { by, participants: [OWN] }),
        () => groups().change(jid, 'remove', { by, participants: [a] }),
        () => groups().leave(jid, { phone: b }),
        () => groups().setSubject(jid, { by, subject: 'Renamed' }),
        () => groups().setDescription(jid, { by, description: 'All about birds' }),
        () => groups().setDescription(jid, { by, description: null }),
        () => groups().set(jid, { by, announce: true }),
        () => groups().set(jid, { by, announce: false }),
        () => groups().set(jid, { by, restrict: true }),
        () => groups().set(jid, { by, restrict: false }),
        () => groups().set(jid, { by, joinApproval: true }),
        () => groups().set(jid, { by, joinApproval: false }),
        () => groups().set(jid, { by, memberAdd: 'all_member_add' }),
        () => groups().set(jid, { by, ephemeral: 86_400 }),
        () => groups().set(jid, { by, ephemeral: 0 }),
        () => groups().inviteCode(jid, { by, revoke: true }),
      ];
      for (const [at, change] of changes.entries()) {
        await told(jid, change);
        const remembered = await metadata(jid);
        expect([at, times('group', jid)]).toEqual([at, at + 1]);
        expect([at, remembered]).toEqual([at, await metadata(jid, { fresh: true })]);
      }
    },
  );

  test('is right after what happened while the engine was away', async () => {
    const { phone } = newPhone();
    const jid = await newGroup([phone]);
    await metadata(jid);
    await stage.engine.stop();
    groups().change(jid, 'remove', { by: FRIEND, participants: [phone] });
    groups().setSubject(jid, { by: FRIEND, subject: 'Meanwhile' });
    await stage.startEngine();
    expect(await metadata(jid)).toMatchObject({ subject: 'Meanwhile', size: 2 });
    expect(times('group', jid)).toBe(1);
  });

  test('is right after our own changes, at once', async () => {
    const { phone } = newPhone();
    const { id: jid } = await asked<{ id: string }>(stage, 'group.create', { name: 'Ours', participants: [FRIEND] });
    const size = async () => (await metadata(jid))['size'];
    expect(await size()).toBe(2);
    await asked(stage, 'group.add', { groupJid: jid, participants: [phone] });
    expect(await size()).toBe(3);
    await asked(stage, 'group.remove', { groupJid: jid, participants: [phone] });
    expect(await size()).toBe(2);
    await asked(stage, 'group.settings', { groupJid: jid, subject: 'Changed', description: 'Twice' });
    expect(await metadata(jid)).toMatchObject({ subject: 'Changed', desc: 'Twice' });
    await asked(stage, 'group.settings', { groupJid: jid, description: '' });
    expect(await metadata(jid)).toMatchObject({ subject: 'Changed', desc: null });
  });

  test('that the account is taken out of, or leaves, is not known any more', async () => {
    const [out, left] = [await newGroup(), await newGroup()];
    await metadata(out);
    await metadata(left);
    await told(out, () => groups().change(out, 'remove', { by: FRIEND, participants: [OWN] }));
    await asked(stage, 'group.leave', { groupId: left });
    for (const groupJid of [out, left]) {
      expect(await refused(stage, 'group.metadata', { groupJid })).toMatchObject({ status: 403 });
    }
    await told(out, () => groups().change(out, 'add', { by: FRIEND, participants: [OWN] }));
    expect(await metadata(out)).toMatchObject({ size: 2 });
  });

  test('is not answered from before a change that WhatsApp tells while it is asked', async () => {
    const { phone } = newPhone();
    const jid = await newGroup([phone]);
    stage.sandbox.addFault({ fault: 'delay', phone: OWN, match: 'iq:w:g2', direction: 'out', ms: 300, times: 1 });
    const before = metadata(jid);
    await stage.untilTrue(() => times('group', jid) === 1);
    await told(jid, () => groups().change(jid, 'remove', { by: FRIEND, participants: [phone] }));
    expect(await metadata(jid)).toMatchObject({ size: 2 });
    await before;
    expect(await metadata(jid)).toMatchObject({ size: 2 });
  });

  describe.each(['lid', 'pn'] as const)('that a message is sent to, known by %s,', (addressing) => {
    const keyed = (id: string) =>
      stage.sandbox
        .stanzas({ phone: OWN, limit: 20_000 })
        .filter(({ direction }) => direction === 'in')
        .map(({ stanza }) => JSON.stringify(stanza))
        .find((stanza) => stanza.includes('"tag":"message"') && stanza.includes(`"id":"${id}"`))!;
    const send = async (jid: string, text: string) => (await stage.send(jid, text)).body.data as { id: string };
    const addressOf = (phone: string) => (addressing === 'pn' ? phone : stage.sandbox.phone(phone).lid.split('@')[0]!);

    test('is not asked for again', async () => {
      const { phone } = newPhone();
      const jid = await newGroup([phone], { addressing });
      await metadata(jid);
      const { id } = await send(jid, 'first');
      await send(jid, 'second');
      await stage.untilTrue(() => stage.message(phone, id));
      expect(times('group', jid)).toBe(1);
      await restart();
      await send(jid, 'third');
      await send(jid, 'fourth');
      expect(times('group', jid)).toBe(1);
    });

    test('gives no key to a member who was removed a moment ago', async () => {
      const [stays, goes] = [newPhone().phone, newPhone().phone];
      const jid = await newGroup([stays, goes], { addressing });
      await metadata(jid);
      await told(jid, () => groups().change(jid, 'remove', { by: FRIEND, participants: [goes] }));
      const { id } = await send(jid, 'not for everybody');
      expect(keyed(id)).toContain(addressOf(stays));
      expect(keyed(id)).not.toContain(addressOf(goes));
      await stage.untilTrue(() => stage.message(stays, id));
      expect(stage.message(goes, id)).toBeUndefined();
      expect(times('group', jid)).toBe(1);
    });

    test('gives the key to a member who was added a moment ago', async () => {
      const { phone } = newPhone();
      const jid = await newGroup([], { addressing });
      await send(jid, 'before');
      const retries = stage.retries();
      await told(jid, () => groups().change(jid, 'add', { by: FRIEND, participants: [phone] }));
      const { id } = await send(jid, 'for the new one, too');
      expect(keyed(id)).toContain(addressOf(phone));
      await stage.untilTrue(() => stage.message(phone, id)?.text === 'for the new one, too');
      expect([stage.retries(), times('group', jid)]).toEqual([retries, 1]);
    });

    test('is known by those whom all are to be told of', async () => {
      const { phone } = newPhone();
      const jid = await newGroup([phone], { addressing });
      await stage.send(jid, 'everybody!', { mentionAll: true });
      await stage.send(jid, 'everybody!', { mentionAll: true });
      expect(times('group', jid)).toBe(1);
    });
  });
});

describe('a picture', () => {
  const picture = async (phone: string, more: Record<string, unknown> = {}) =>
    (await asked<{ imgUrl: string | null }>(stage, 'contact.picture', { contactPhoneNumber: phone, ...more })).imgUrl;
  const setPicture = async (phone: string) => (await stage.sandbox.account.setPicture(phone, { base64: PIXEL })).url;

  test('is asked for once an hour of a stranger, and each time of one who has none', async () => {
    const { phone } = newPhone();
    expect(await picture(phone)).toBeNull();
    const url = await setPicture(phone);
    expect(await Promise.all([picture(phone), picture(phone)])).toEqual([url, url]);
    expect(await picture(phone)).toBe(url);
    expect(times('picture', jidOf(phone))).toBe(2);
    clock.advance(HOUR_MS);
    await picture(phone);
    await picture(phone, { fresh: true });
    expect(times('picture', jidOf(phone))).toBe(4);
  });

  test('that somebody has changed is asked for when WhatsApp tells, and by nobody else', async () => {
    const { phone } = newPhone();
    await stage.sandbox.send(phone, { to: OWN, text: 'hello' });
    await stage.until((events) =>
      events.find(({ event, phone: from }) => event === 'messages.received' && from === phone),
    );
    await picture(phone);
    const url = await setPicture(phone);
    await stage.until((events) =>
      events.find(({ event, data }) => event === 'contacts.update' && JSON.stringify(data).includes(url)),
    );
    const before = times('picture', jidOf(phone));
    expect([await picture(phone), await picture(phone)]).toEqual([url, url]);
    expect(times('picture', jidOf(phone))).toBe(before);
  });

  test('of a group is asked for once, and after our own change', async () => {
    const { id: jid } = await asked<{ id: string }>(stage, 'group.create', { name: 'Pictured', participants: [] });
    const ofGroup = () => asked<{ imgUrl: string | null }>(stage, 'group.picture', { groupJid: jid });
    expect(await ofGroup()).toEqual({ imgUrl: null });
    expect(await ofGroup()).toEqual({ imgUrl: null });
    expect(times('picture', jid)).toBe(1);
    const profilePicUrl = `data:image/png;base64,${PIXEL}`;
    const { imgUrl } = await asked<{ imgUrl: string }>(stage, 'group.settings', { groupJid: jid, profilePicUrl });
    expect(imgUrl).toMatch(/^http/);
    expect(await ofGroup()).toEqual({ imgUrl });
  });
});

describe('what a person tells of themselves', () => {
  const get = (phone: string, more: Record<string, unknown> = {}) =>
    asked<Record<string, unknown>>(stage, 'contact.get', { contactPhoneNumber: phone, ...more });

  test('is asked once an hour', async () => {
    const { phone } = newPhone();
    stage.sandbox.account.setAbout(phone, { text: 'Singing' });
    const first = await get(phone);
    expect(first).toMatchObject({ status: 'Singing', phone });
    expect(await get(phone)).toEqual(first);
    expect([times('about', jidOf(phone)), times('number', phone)]).toEqual([1, 1]);
    clock.advance(HOUR_MS);
    stage.sandbox.account.setAbout(phone, { text: 'Flying' });
    expect(await get(phone)).toMatchObject({ status: 'Flying' });
    stage.sandbox.account.setAbout(phone, { text: 'Landing' });
    expect(await get(phone, { fresh: true })).toMatchObject({ status: 'Landing' });
  });
});

test('nothing is answered from memory while there is no connection', async () => {
  await ask(stage, 'contact.check', { phone_number: FRIEND });
  await stage.call('POST', '/api/whatsapp-sessions/1/disconnect');
  expect(await refused(stage, 'contact.check', { phone_number: FRIEND })).toMatchObject({
    status: 409,
    code: 'session_not_connected',
  });
  await stage.call('POST', '/api/whatsapp-sessions/1/connect');
  await stage.untilStatus(({ status }) => status === 'connected');
});
