import { jpeg } from '../media/pictures.ts';
import type { Phone } from './engine.ts';
import { until } from './n8n.ts';
import { withN8n } from './suite.ts';
import { chosen, refusalOf, typed, Workbench } from './workbench.ts';

const MINUTE = 60_000;
const NAMES = 105;

withN8n('People, groups and channels in a real n8n', () => {
  let bench: Workbench;
  let phone: Phone;
  let own: string;

  const sandbox = async <T>(path: string, body?: object) =>
    await bench.engine.sandbox<T>(body ? 'POST' : 'GET', path, body);

  beforeAll(async () => {
    bench = await Workbench.start();
    own = (await bench.engine.number()).replace('+', '');
    phone = await bench.engine.phone('15550100080');
  }, 5 * MINUTE);

  afterAll(async () => await bench?.stop(), MINUTE);

  describe('Contacts', () => {
    const robin = () => ({ contact: typed(`+${phone.number}`) });

    test('are listed up to a limit, or all of them, page after page', async () => {
      for (let index = 0; index < NAMES; index++) {
        const number = `1555020${1000 + index}`;
        await sandbox('/phones', { phone: number });
        await sandbox(`/phones/${own}/contacts`, { phone: number, name: `Person ${1000 + index}` });
      }
      const all = async () => await bench.outputs('contact: getMany', { returnAll: true });
      await until('the address book', async () => ((await all()).length >= NAMES ? true : undefined), 30_000);
      const jids = (await all()).map(({ json }) => json['jid']);
      expect(new Set(jids).size).toBe(jids.length);
      expect(await bench.outputs('contact: getMany', { limit: 7 })).toHaveLength(7);
      expect(await bench.outputs('contact: getMany', { limit: 103 })).toHaveLength(103);
      const filters = { search: 'Person 1042' };
      const [found, ...more] = await bench.outputs('contact: getMany', { returnAll: true, filters });
      expect(found?.json).toMatchObject({ jid: '15550201042@s.whatsapp.net', name: 'Person 1042' });
      expect(more).toEqual([]);
    }, 60_000);

    test('fill the list of recipients, page after page', async () => {
      const found = await bench.search('searchContacts', '1042');
      expect(found).toEqual([{ name: 'Person 1042 (+15550201042)', value: '15550201042@s.whatsapp.net' }]);
      expect(await bench.search('searchContacts')).toHaveLength(100);
      const parameters = { to: chosen(found[0]!.value), text: 'From the list', options: { wait: true } };
      expect((await bench.output('message: sendText', parameters)).json).toMatchObject({ status: 'sent' });
    });

    test('are saved, and found again', async () => {
      const saved = await bench.output('contact: upsert', { ...robin(), fullName: 'Robin Goodfellow' });
      expect(saved.json).toMatchObject({ jid: phone.jid, fullName: 'Robin Goodfellow' });
      const book = JSON.stringify(await sandbox(`/phones/${own}/contacts`));
      expect(book).toContain('Robin Goodfellow');
      expect((await bench.output('contact: get', robin())).json).toMatchObject({ name: 'Robin Goodfellow' });
    });

    test('have addresses of both kinds, and pictures', async () => {
      const { lid } = (await bench.output('contact: getLid', { phoneNumber: `+${phone.number}` })).json;
      expect(lid).toMatch(/@lid$/);
      expect((await bench.output('contact: getPhone', { lid })).json).toEqual({ pn: phone.jid });
      expect((await bench.output('contact: getPicture', robin())).json).toHaveProperty('imgUrl');
    });

    test('are checked, item by item', async () => {
      const inputs = [{ number: `+${phone.number}` }, { number: '+15550109999' }];
      const checked = await bench.outputs('contact: check', { phoneNumber: '={{ $json.number }}' }, { inputs });
      expect(checked.map(({ json, pairedItem }) => [json['exists'], pairedItem])).toEqual([
        [true, { item: 0 }],
        [false, { item: 1 }],
      ]);
    });

    test('are blocked and unblocked', async () => {
      await bench.output('contact: block', robin());
      const [blocked, ...more] = await bench.outputs('contact: getBlocked');
      expect(JSON.stringify(blocked?.json)).toContain(phone.number);
      expect(more).toEqual([]);
      await bench.output('contact: unblock', robin());
      expect(await bench.outputs('contact: getBlocked')).toEqual([]);
    });
  });

  describe('Bulk jobs', () => {
    const progress = async (bulkJobId: unknown) => (await bench.output('bulkJob: get', { bulkJobId })).json;
    const completed = (id: unknown) =>
      until(
        'the job to be through',
        async () => {
          const job = await progress(id);
          return job['status'] === 'completed' ? job : undefined;
        },
        30_000,
      );

    test('are made from all items at once, and tell what has become of each', async () => {
      const inputs = [
        { phone: `+${phone.number}`, name: 'Robin' },
        { phone: 'nonsense', name: 'Nobody' },
      ];
      const parameters = {
        specifyRecipients: 'json',
        recipientsJson: JSON.stringify(inputs.map((variables) => ({ to: variables.phone, variables }))),
        text: 'Dear {{name}}',
        options: { name: 'From a sheet' },
      };
      const { json } = await bench.output('bulkJob: create', parameters);
      expect(json).toMatchObject({ status: 'running', pending: 1, skipped: { invalid: [{ to: 'nonsense' }] } });
      const bulkJobId = String(json['id']);
      await completed(bulkJobId);
      const all = await bench.outputs('bulkJob: getRecipients', { bulkJobId, returnAll: true });
      expect(all.map(({ json: one }) => one['skipped'])).toEqual([null, 'invalid']);
      const filters = { status: 'completed' };
      const [listed] = await bench.outputs('bulkJob: getMany', { limit: 1, filters });
      expect(listed?.json).toMatchObject({ name: 'From a sheet' });
      expect((await bench.output('bulkJob: delete', { bulkJobId })).json).toEqual({ deleted: true });
    });

    test('are started, paused and cancelled', async () => {
      const parameters = { recipients: `+${phone.number}`, text: 'Later', options: { start: false } };
      const { json } = await bench.output('bulkJob: create', parameters);
      const bulkJobId = String(json['id']);
      expect(await progress(bulkJobId)).toMatchObject({ status: 'ready' });
      await bench.output('bulkJob: resume', { bulkJobId });
      await completed(bulkJobId);
      expect(refusalOf(await bench.run('bulkJob: pause', { bulkJobId }))?.message).toMatch(/completed/);
      const other = String((await bench.output('bulkJob: create', parameters)).json['id']);
      expect((await bench.output('bulkJob: cancel', { bulkJobId: other })).json).toMatchObject({ status: 'cancelled' });
    });

    test('leave people alone who have opted out', async () => {
      const contact = typed(`+${phone.number}`);
      await bench.output('contact: optOut', { contact });
      const [listed] = await bench.outputs('contact: getOptOuts', { returnAll: true });
      expect(listed?.json).toMatchObject({ phone: phone.number, source: 'api' });
      const parameters = { recipients: `+${phone.number}`, text: 'Not again', options: { dryRun: true } };
      expect((await bench.output('bulkJob: create', parameters)).json).toMatchObject({ pending: 0 });
      await bench.output('contact: optIn', { contact });
      expect(await bench.outputs('contact: getOptOuts', { returnAll: true })).toEqual([]);
    });
  });

  describe('Groups', () => {
    interface Group {
      jid: string;
      subject: string;
      participants: Array<{ phone: string; role: string }>;
    }

    const seen = async (jid: string) => await sandbox<Group>(`/groups/${jid}`);
    const newGroup = async (name: string) =>
      String((await bench.output('group: create', { name, participants: `+${phone.number}` })).json['id']);

    test('are created, found in lists, changed and left', async () => {
      const jid = await newGroup('Family');
      expect(await bench.search('searchGroups', 'fam')).toEqual([{ name: 'Family', value: jid }]);
      expect(await bench.search('searchRecipients', 'family')).toEqual([{ name: 'Group: Family', value: jid }]);
      const group = chosen(jid);
      const listed = await bench.outputs('group: getMany', { returnAll: true });
      expect(listed.map(({ json }) => json['jid'])).toContain(jid);

      const updateFields = { subject: 'Relatives', description: 'All of us', announce: true, disappearAfter: 86400 };
      const updated = await bench.output('group: update', { group, updateFields });
      expect(updated.json).toMatchObject({ subject: 'Relatives', announce: true });
      expect((await bench.output('group: get', { group })).json).toMatchObject({
        subject: 'Relatives',
        desc: 'All of us',
        disappearAfter: 86400,
      });
      await bench.output('group: leave', { group });
      expect(JSON.stringify((await seen(jid)).participants)).not.toContain(own);
    });

    test('get a picture from the item', async () => {
      const group = typed(await newGroup('Gallery'));
      expect((await bench.output('group: getPicture', { group })).json).toEqual({ imgUrl: null });
      const file = { bytes: await jpeg(640, 640), mimeType: 'image/jpeg', fileName: 'group.jpg' };
      await bench.output('group: setPicture', { group, source: 'binary' }, { file });
      expect((await bench.output('group: getPicture', { group })).json).toEqual({
        imgUrl: expect.stringMatching(/^http/),
      });
    });

    test('get and lose participants, and admins', async () => {
      const group = typed(await newGroup('Team'));
      const sam = await bench.engine.phone('15550100081');
      const participants = `+${sam.number}`;
      const added = await bench.output('group: addParticipants', { group, participants });
      expect(added.json).toMatchObject({ status: 200, phone: sam.number });
      await bench.output('group: updateRoles', { group, participants, action: 'promote' });
      const admins = async () =>
        (await seen(group.value)).participants.filter(({ role }) => role !== 'member').map(({ phone }) => phone);
      expect(await admins()).toContain(sam.number);
      expect(await bench.outputs('group: getParticipants', { group })).toHaveLength(3);
      const removed = await bench.output('group: removeParticipants', { group, participants });
      expect(removed.json).toMatchObject({ status: 200 });
      expect(await bench.outputs('group: getParticipants', { group })).toHaveLength(2);
    });

    test('are written to, with everybody mentioned', async () => {
      const jid = await newGroup('News');
      const parameters = { to: chosen(jid), text: 'Read this', options: { wait: true, mentionAll: true } };
      const sent = await bench.output('message: sendText', parameters);
      const message = await phone.sees('the message in the group', ({ id }) => id === sent.json['id']);
      expect(message).toMatchObject({ chat: jid, text: 'Read this' });
    });

    test('are joined by invite link, once somebody approves', async () => {
      const group = typed(await newGroup('Club'));
      await bench.output('group: update', { group, updateFields: { joinApproval: true } });
      const { inviteLink } = (await bench.output('group: getInviteLink', { group })).json;
      const info = await bench.output('group: getInviteInfo', { code: inviteLink });
      expect(info.json).toMatchObject({ id: group.value, subject: 'Club' });

      const kim = await bench.engine.phone('15550100082');
      const code = String(inviteLink).split('/').pop();
      await sandbox(`/groups/${group.value}/join`, { phone: kim.number, code });
      const [request] = await bench.outputs('group: getRequests', { group });
      expect(request?.json).toMatchObject({ phone: kim.number });
      const participants = `+${kim.number}`;
      await bench.output('group: decideRequests', { group, participants, action: 'approve' });
      expect(JSON.stringify((await seen(group.value)).participants)).toContain(kim.number);

      const revoked = await bench.output('group: revokeInviteLink', { group });
      expect(revoked.json['inviteLink']).not.toBe(inviteLink);
    });

    test('of others are joined, too', async () => {
      const { jid } = await sandbox<Group>('/groups', { creator: phone.number, subject: 'Theirs', participants: [] });
      const { code } = await sandbox<{ code: string }>(`/groups/${jid}/invite-code`, { by: phone.number });
      const joined = await bench.output('group: join', { code: `https://chat.whatsapp.com/${code}` });
      expect(joined.json).toMatchObject({ id: jid, pending: false });
    });

    test('say what this account may not do', async () => {
      const { jid } = await sandbox<Group>('/groups', {
        creator: phone.number,
        subject: 'Theirs',
        participants: [own],
      });
      const execution = await bench.run('group: update', { group: typed(jid), updateFields: { announce: true } });
      expect(refusalOf(execution)).toMatchObject({
        message: expect.stringMatching(/admin/),
        description: expect.stringMatching(/for admins only/),
      });
    });
  });

  test('Channels are followed, listed and left', async () => {
    const { jid } = await sandbox<{ jid: string }>('/channels', { owner: phone.number, name: 'Weather' });
    const channel = typed(jid);
    expect((await bench.output('channel: get', { channel })).json).toMatchObject({ jid, name: 'Weather' });
    await bench.output('channel: follow', { channel });
    expect(await bench.search('searchChannels', 'weath')).toEqual([{ name: 'Weather', value: jid }]);
    expect((await bench.output('channel: getMany')).json).toMatchObject({ jid });
    await bench.output('channel: unfollow', { channel });
    expect(await bench.outputs('channel: getMany')).toEqual([]);
  });

  describe('Chats', () => {
    test('are archived, pinned and muted', async () => {
      await phone.send(own, 'Hello');
      const chat = typed(`+${phone.number}`);
      const updateFields = { archived: true, pinned: false, mute: 28800 };
      await bench.output('chat: update', { chat, updateFields });
      const chats = JSON.stringify(await sandbox(`/phones/${own}/chats`));
      expect(chats).toMatch(/"archived":true/);
      expect(chats).toMatch(/"mutedUntil":\d{13}/);
    });

    test('show that this account is typing, and tell when the other one does', async () => {
      const chat = typed(`+${phone.number}`);
      const parameters = { chat, presence: 'composing', options: { seconds: 1 } };
      expect((await bench.output('chat: sendPresence', parameters)).json).toMatchObject({ type: 'composing' });
      expect((await bench.output('chat: sendPresence', { presence: 'available' })).json).toMatchObject({
        type: 'available',
      });
      expect((await bench.output('chat: subscribePresence', { contact: chat })).json).toHaveProperty('jid');
    });
  });

  test('A group is written to, from the list of recent chats, and its members are chosen from a list', async () => {
    const sam = await bench.engine.phone('15550100084');
    const people = `+${phone.number}, +${sam.number}`;
    const { id } = (await bench.output('group: create', { name: 'Chess club', participants: people })).json;
    const jid = String(id);
    await bench.output('message: sendText', { to: chosen(jid), text: 'First move', options: { wait: true } });
    const [recent] = await bench.search('searchRecipients', 'chess');
    expect(recent).toEqual({ name: 'Group: Chess club', value: jid });
    expect(await bench.search('searchChats', 'chess')).toEqual([recent]);
    const listed = await bench.outputs('chat: getMany', { limit: 1, filters: { kind: 'group', search: 'chess' } });
    expect(listed[0]?.json).toMatchObject({ jid, kind: 'group', name: 'Chess club' });
    const [said] = await bench.outputs('message: getMany', { limit: 1, filters: { chat: chosen(jid) } });
    expect(said?.json).toMatchObject({ text: 'First move', key: { remoteJid: jid, fromMe: true } });

    const group = chosen(jid);
    const members = await bench.search('searchMembers', sam.number, {
      resource: 'group',
      operation: 'removeParticipants',
      group,
    });
    expect(members).toEqual([{ name: `+${sam.number}`, value: sam.jid }]);
    const participants = chosen(members[0]!.value);
    const removed = await bench.output('group: removeParticipants', { group, participants });
    expect(removed.json).toMatchObject({ status: 200, phone: sam.number });
    expect((await bench.output('group: get', { group, simple: true })).json).toMatchObject({ jid, size: 2 });
  });

  test('A person is written to by phone, by link and by address', async () => {
    const ways = { phone: `+${phone.number}`, url: `https://wa.me/${phone.number}`, id: phone.jid };
    for (const [mode, value] of Object.entries(ways)) {
      const parameters = { to: { __rl: true, mode, value }, text: `By ${mode}`, options: { wait: true } };
      expect((await bench.output('message: sendText', parameters)).json).toMatchObject({ status: 'sent' });
    }
    expect(await phone.received()).toEqual(expect.arrayContaining(Object.keys(ways).map((mode) => `By ${mode}`)));
  });

  test('A poll, a job and a message that waits are chosen from their lists', async () => {
    const to = typed(`+${phone.number}`);
    const poll = { to, question: 'Tea or coffee?', answers: 'Tea\nCoffee', options: { wait: true } };
    await bench.output('message: sendPoll', poll);
    const [found] = await bench.search('searchPolls', 'coffee');
    expect(found?.name).toMatch(/^Tea or coffee\? \(/);
    const messageId = chosen(found!.value);
    await bench.output('message: vote', { messageId, answers: 'Tea' });
    expect(JSON.stringify(await bench.outputs('message: getPollResults', { messageId }))).toContain('Coffee');
    const [listed] = await bench.outputs('message: getPolls', { limit: 1, filters: { search: 'coffee' } });
    expect(listed?.json).toMatchObject({ msgId: Number(found!.value), options: ['Tea', 'Coffee'] });

    const scheduledAt = new Date(Date.now() + 30 * 86_400_000).toISOString();
    await bench.output('message: sendText', { to, text: 'In the far future', options: { scheduledAt } });
    const [scheduled] = await bench.search('searchScheduledMessages', 'far future');
    expect(scheduled?.name).toMatch(`${scheduledAt.slice(0, 16).replace('T', ' ')} UTC to `);
    const cancelled = await bench.output('scheduledMessage: cancel', { messageId: chosen(scheduled!.value) });
    expect(cancelled.json).toMatchObject({ status: 'cancelled' });

    const job = { recipients: `+${phone.number}`, text: 'Hi', options: { start: false, name: 'To be found' } };
    const { id } = (await bench.output('bulkJob: create', job)).json;
    expect(await bench.search('searchBulkJobs', 'found')).toEqual([{ name: 'To be found (ready)', value: String(id) }]);
    expect((await bench.output('bulkJob: delete', { bulkJobId: chosen(String(id)) })).json).toEqual({ deleted: true });
  });

  test('Calls are rejected', async () => {
    const { callId } = await phone.ask<{ callId: string }>('POST', 'call', { to: own });
    const event = await bench.engine.event<{ event: string; data: { call: { id: string } } }>(
      'the call',
      ({ event, data }) => event === 'call' && data.call.id === callId,
    );
    const parameters = { callId: '={{ $json.data.call.id }}', from: '={{ $json.data.call.from }}' };
    await bench.output('call: reject', parameters, { inputs: [event] });
    const calls = JSON.stringify(await phone.ask('GET', 'calls'));
    expect(calls).toMatch(/reject/);
  });

  test('A list that cannot be had says why', async () => {
    const { id } = (await bench.output('session: create', { name: 'Idle', phoneNumber: '+15550100083' })).json;
    const { n8n, credential } = bench;
    const search = async (session: object) =>
      await n8n.search('n8n-nodes-warbler.warbler', 'searchGroups', credential, '', { session });
    await expect(search(typed(String(id)))).rejects.toThrow(/not connected/i);
    await expect(search({ __rl: true, mode: 'list', value: '' })).rejects.toThrow(/Choose a session first/);
  });
});
