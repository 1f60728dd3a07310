import type { EventEnvelope } from '../../engine/events.ts';
import { FRIEND, OWN, Stage } from './stage.ts';

const WREN = '15550100003';

/** WhatsApp knows the members of new groups by LID, of old ones by number. */
describe.each(['lid', 'pn'] as const)('in a group whose members are known by %s', (addressing) => {
  let stage: Stage;
  let jid: string;
  beforeAll(async () => {
    stage = await Stage.open();
    stage.sandbox.addPhone({ phone: WREN, name: 'Wren' });
    ({ jid } = stage.sandbox.groups.create({
      creator: FRIEND,
      subject: 'Birds',
      participants: [OWN, WREN],
      addressing,
    }));
    await stage.until((events) => events.find(({ event }) => event === 'groups.upsert'));
  });
  afterAll(() => stage?.close());

  const about = (name: string, text: string) =>
    stage.until((events: EventEnvelope[]) =>
      events.find(({ event, data }) => event === name && JSON.stringify(data).includes(text)),
    );
  const send = async (message: Record<string, unknown>) => {
    const { status, body } = await stage.call('POST', '/api/send-message', { to: jid, wait: true, ...message });
    expect([status, body.message]).toEqual([200, undefined]);
    return body.data as { msgId: number; id: string };
  };
  const on = async (
    phone: string,
    id: string,
    check: (message: NonNullable<ReturnType<Stage['message']>>) => unknown,
  ) => {
    await stage.untilTrue(() => {
      const message = stage.message(phone, id);
      return message && check(message);
    });
  };
  /** How a member is told in this group. */
  const addressOf = (phone: string) =>
    addressing === 'pn' ? `${phone}@s.whatsapp.net` : stage.sandbox.phone(phone).lid;

  test('a message is received once, with the member’s number and LID', async () => {
    const { id } = await stage.sandbox.send(FRIEND, { to: jid, text: 'hello all' });
    const { data, phone, lid } = await about('messages-group.received', 'hello all');
    expect(data).toMatchObject({
      messages: {
        key: { id, fromMe: false, remoteJid: jid, cleanedParticipantPn: FRIEND, addressingMode: addressing },
        messageBody: 'hello all',
      },
    });
    expect([phone, lid]).toEqual([FRIEND, stage.sandbox.phone(FRIEND).lid]);
    expect((await stage.events('messages-personal.received')).length).toBe(0);
  });

  test('who has received and read a message is told member by member', async () => {
    const { msgId, id } = await send({ text: 'who reads this?' });
    await on(WREN, id, () => true);
    await stage.sandbox.read(WREN, { chat: jid });
    const read = await about('message-receipt.update', 'readTimestamp');
    expect([read.phone, read.lid]).toEqual([WREN, stage.sandbox.phone(WREN).lid]);
    expect(read.data).toMatchObject({
      message: {
        key: { remoteJid: jid, id, fromMe: true, participant: addressOf(WREN) },
        receipt: { userJid: addressOf(WREN), readTimestamp: expect.any(Number) },
      },
    });
    const { body } = await stage.call('GET', `/api/messages/${msgId}/info`);
    const { receipts } = body.data as { receipts: { userJid: string; status: number }[] };
    expect(receipts).toContainEqual(expect.objectContaining({ userJid: addressOf(WREN), status: 4 }));
    expect(receipts.filter(({ userJid }) => userJid.startsWith(OWN))).toEqual([]);
  });

  test('a reply, a reaction and a deletion find their message', async () => {
    const { id } = await stage.sandbox.send(WREN, { to: jid, text: 'answer me' });
    await about('messages.received', 'answer me');
    const reply = await send({ text: 'answered', replyTo: id });
    await on(WREN, reply.id, ({ quoted }) => quoted?.id === id);
    expect((await stage.call('POST', `/api/messages/${id}/react`, { emoji: '👍' })).status).toBe(200);
    await on(FRIEND, id, ({ reactions }) => reactions?.some(({ emoji }) => emoji === '👍'));
    await stage.sandbox.gestures.react(FRIEND, { chat: jid, id: reply.id, emoji: '🎉' });
    expect((await about('messages.reaction', '🎉')).data).toMatchObject([{ key: { id: reply.id, fromMe: true } }]);
    expect((await stage.call('DELETE', `/api/messages/${reply.msgId}`)).status).toBe(200);
    await on(FRIEND, reply.id, ({ deleted }) => deleted);
    await stage.sandbox.gestures.delete(WREN, { chat: jid, id });
    expect((await about('messages.delete', id)).data).toMatchObject({
      keys: [{ id, fromMe: false, remoteJid: jid, participant: addressOf(WREN) }],
    });
  });

  test('votes of several members are tallied', async () => {
    const { id } = await send({ poll: { question: 'When?', options: ['Now', 'Later'] } });
    await on(FRIEND, id, () => true);
    await on(WREN, id, () => true);
    await stage.sandbox.gestures.vote(FRIEND, { chat: jid, id, options: ['Now'] });
    await stage.sandbox.gestures.vote(WREN, { chat: jid, id, options: ['Now'] });
    const tallied = await stage.until((events) =>
      events.find(({ event, data }) => {
        const { key, pollResult } = (event === 'poll.results' ? data : {}) as {
          key?: { id: string };
          pollResult?: { voters: string[] }[];
        };
        return key?.id === id && pollResult?.[0]?.voters.length === 2;
      }),
    );
    const { pollResult } = tallied.data as { pollResult: { name: string; voters: string[] }[] };
    expect(pollResult.map(({ name, voters }) => [name, [...voters].sort()])).toEqual([
      ['Now', [addressOf(FRIEND), addressOf(WREN)].sort()],
      ['Later', []],
    ]);
  });

  test('a vote of ours in a member’s poll counts on the members’ phones', async () => {
    const { id } = await stage.sandbox.send(WREN, { to: jid, poll: { question: 'Seeds?', options: ['Yes', 'No'] } });
    await about('messages-group.received', id);
    expect((await stage.call('POST', `/api/messages/${id}/vote`, { options: ['Yes'] })).status).toBe(200);
    await on(WREN, id, ({ poll }) => poll?.options[0]?.voters.length === 1);
  });

  test('mentioning all names every member', async () => {
    const { id } = await send({ text: '@all look up', mentionAll: true });
    const all = [FRIEND, OWN, WREN].map((phone) => `${phone}@s.whatsapp.net`);
    await on(WREN, id, ({ mentions }) => all.every((member) => mentions?.includes(member)));
    expect(JSON.stringify(stage.message(WREN, id)!.message)).toContain(addressOf(FRIEND));
  });
});
