import type { EventEnvelope } from '../../engine/events.ts';
import { FRIEND, OWN, Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => void (stage = await Stage.open()));
afterAll(() => stage?.close());

/** A message of ours that Robin has, as the API answered it. */
async function sent(text: string): Promise<{ msgId: number; id: string }> {
  const { status, body } = await stage.send(`+${FRIEND}`, text);
  expect(status).toBe(200);
  return body.data as { msgId: number; id: string };
}

/** A message that Robin wrote, once it has arrived. */
async function received(text: string): Promise<string> {
  const { id } = await stage.sandbox.send(FRIEND, { to: OWN, text });
  await stage.until((events) => events.some((one) => one.event === 'messages.received' && has(one, id)));
  return id;
}

const has = (event: EventEnvelope, text: string) => JSON.stringify(event.data).includes(text);
const eventAbout = (name: string, id: string) =>
  stage.until((events) => events.find((one) => one.event === name && has(one, id)));

/** Robin's view of a message, once `check` holds of it. */
async function seen(id: string, check: (message: ReturnType<Stage['message']>) => unknown) {
  await stage.untilTrue(() => check(stage.message(FRIEND, id)));
  return stage.message(FRIEND, id);
}

describe('what the API does to a message, Robin’s phone sees', () => {
  test('a reaction, and its being taken back', async () => {
    const id = await received('react to me');
    const { status, body } = await stage.call('POST', `/api/messages/${id}/react`, { emoji: '🐦' });
    expect([status, body.data]).toEqual([200, expect.objectContaining({ status: 'sent', jid: expect.any(String) })]);
    await seen(id, (message) => message?.reactions?.some(({ emoji }) => emoji === '🐦'));
    const told = await eventAbout('messages.reaction', id);
    expect(told.data).toMatchObject([{ key: { id, fromMe: false }, reaction: { text: '🐦', key: { fromMe: true } } }]);
    await stage.call('POST', `/api/messages/${id}/react`, { emoji: '' });
    await seen(id, (message) => !message?.reactions?.length);
  });

  test('an edit, in the form that WasenderApi documents', async () => {
    const { msgId, id } = await sent('my frist text');
    const { status, body } = await stage.call('PUT', `/api/messages/${msgId}`, { text: 'my first text' });
    expect(status).toBe(200);
    expect(body.data).toMatchObject({
      id,
      msgId,
      remoteJid: `${FRIEND}@s.whatsapp.net`,
      key: { id, fromMe: true, remoteJid: `${FRIEND}@s.whatsapp.net` },
      message: {
        protocolMessage: { key: { id }, type: 14, editedMessage: { extendedTextMessage: { text: 'my first text' } } },
      },
    });
    expect((await seen(id, (message) => message?.edited))?.text).toBe('my first text');
    expect((await eventAbout('messages.update', 'my first text')).data).toMatchObject({
      key: { id, fromMe: true },
      update: { messageBody: 'my first text' },
    });
  });

  test('a deletion for everyone', async () => {
    const { msgId, id } = await sent('never mind');
    const { status, body } = await stage.call('DELETE', `/api/messages/${msgId}`);
    expect([status, body]).toEqual([200, { success: true, message: 'Message deleted successfully.' }]);
    await seen(id, (message) => message?.deleted);
    expect((await eventAbout('messages.delete', id)).data).toMatchObject({ keys: [{ id, fromMe: true }] });
  });

  test('a pin, and a star on the own phone', async () => {
    const { msgId, id } = await sent('keep me');
    expect((await stage.call('POST', `/api/messages/${msgId}/pin`, { pinned: true })).status).toBe(200);
    await seen(id, (message) => message?.pinned);
    expect((await stage.call('POST', `/api/messages/${msgId}/star`, { starred: true })).body).toMatchObject({
      data: { starred: true },
    });
  });

  test('a forward, marked as one', async () => {
    const id = await received('pass it on');
    const { body } = await stage.call('POST', `/api/messages/${id}/forward`, { to: FRIEND, wait: true });
    const { id: copy } = body.data as { id: string };
    await stage.untilTrue(() => stage.message(FRIEND, copy));
    expect(stage.message(FRIEND, copy)).toMatchObject({ text: 'pass it on', forwarded: true });
  });

  test('a vote in Robin’s poll', async () => {
    const { id } = await stage.sandbox.send(FRIEND, { to: OWN, poll: { question: 'Lunch?', options: ['Yes', 'No'] } });
    await eventAbout('messages.received', id);
    expect((await stage.call('POST', `/api/messages/${id}/vote`, { options: ['Perhaps'] })).body.errors).toEqual({
      options: ['The options field must hold answers of the poll: Yes, No.'],
    });
    expect((await stage.call('POST', `/api/messages/${id}/vote`, { options: ['Yes'] })).status).toBe(200);
    const poll = await seen(id, (message) => message?.poll?.options.some(({ voters }) => voters.length > 0));
    expect(poll?.poll?.options).toMatchObject([{ name: 'Yes', voters: [expect.any(String)] }, { voters: [] }]);
  });

  test.each([
    [
      '4, which is wrapped',
      (poll: object) => ({ pollCreationMessageV4: { message: { pollCreationMessageV3: poll } } }),
    ],
    ['5', (poll: object) => ({ pollCreationMessageV5: poll })],
  ])('a vote in a poll of version %s', async (version, wrapped) => {
    const { proto } = await import('@whiskeysockets/baileys');
    const name = `Version ${version}?`;
    const options = [{ optionName: 'Yes' }, { optionName: 'No' }];
    const content = {
      ...wrapped({ name, options, selectableOptionsCount: 1 }),
      messageContextInfo: { messageSecret: Buffer.alloc(32, 7) },
    };
    const bytes = Buffer.concat([proto.Message.encode(proto.Message.fromObject(content)).finish(), Buffer.of(1)]);
    const { id } = await stage.sandbox.sendBytes(FRIEND, { to: OWN, bytes: bytes.toString('base64') });
    expect((await eventAbout('messages.received', id)).data).toMatchObject({ messages: { messageBody: name } });
    expect((await stage.call('POST', `/api/messages/${id}/vote`, { options: ['Yes'] })).status).toBe(200);
    expect((await eventAbout('poll.results', id)).data).toMatchObject({
      pollResult: [{ name: 'Yes', voters: [`${OWN}@s.whatsapp.net`] }, { voters: [] }],
    });
  });
});

describe('what Robin does to a message becomes events', () => {
  test('a reaction is messages.reaction, and nothing received', async () => {
    const { id } = await sent('like it?');
    const before = (await stage.events('messages.received')).length;
    await stage.sandbox.gestures.react(FRIEND, { chat: OWN, id, emoji: '❤️' });
    expect((await eventAbout('messages.reaction', id)).data).toMatchObject([
      { key: { id, fromMe: true }, reaction: { text: '❤️', key: { fromMe: false } } },
    ]);
    expect((await stage.events('messages.received')).length).toBe(before);
  });

  test('an edit is messages.update with the new text', async () => {
    const id = await received('see you at 7');
    await stage.sandbox.gestures.edit(FRIEND, { chat: OWN, id, text: 'see you at 8' });
    expect((await eventAbout('messages.update', 'see you at 8')).data).toMatchObject({
      key: { id, fromMe: false },
      update: { messageBody: 'see you at 8' },
    });
  });

  test('a deletion is messages.delete', async () => {
    const id = await received('oops');
    await stage.sandbox.gestures.delete(FRIEND, { chat: OWN, id });
    const { data, phone } = await eventAbout('messages.delete', id);
    expect([data, phone]).toEqual([
      expect.objectContaining({ keys: [expect.objectContaining({ id, fromMe: false })] }),
      FRIEND,
    ]);
  });

  test('votes in our poll are tallied, the last one of each voter', async () => {
    const { body } = await stage.call('POST', '/api/send-message', {
      to: FRIEND,
      poll: { question: 'Colour?', options: ['Blue', 'Green', 'Red'], multiSelect: true },
      wait: true,
    });
    const { msgId, id } = body.data as { msgId: number; id: string };
    await stage.sandbox.gestures.vote(FRIEND, { chat: OWN, id, options: ['Blue', 'Red'] });
    const voter = `${FRIEND}@s.whatsapp.net`;
    const results = (chosen: string[]) =>
      ['Blue', 'Green', 'Red'].map((name) => ({ name, voters: chosen.includes(name) ? [voter] : [] }));
    const first = await eventAbout('poll.results', id);
    expect(first.data).toMatchObject({ key: { id, fromMe: true }, msgId, pollResult: results(['Blue', 'Red']) });
    await stage.sandbox.gestures.vote(FRIEND, { chat: OWN, id, options: ['Green'] });
    await stage.until((events) => events.filter((one) => one.event === 'poll.results' && has(one, id)).length === 2);
    const asked = await stage.call('GET', `/api/messages/${msgId}/poll-results`);
    expect(asked.body.data).toEqual({ pollResult: results(['Green']) });
  });

  test('an answer to an invitation is messages.update', async () => {
    const event = { name: 'Bird walk', startTime: 1_900_000_000 };
    const { body } = await stage.call('POST', '/api/send-message', { to: FRIEND, event, wait: true });
    const { id } = body.data as { id: string };
    await stage.sandbox.gestures.respond(FRIEND, { chat: OWN, id, response: 'GOING' });
    const told = await eventAbout('messages.update', 'eventResponse');
    expect(told.data).toMatchObject({ key: { id, fromMe: true }, update: { eventResponse: { response: 'going' } } });
  });

  test('a message that the account’s own phone deletes for itself is told as that', async () => {
    const id = await received('only I need not see it');
    stage.sandbox.chats.deleteForMe(OWN, { chat: FRIEND, id });
    expect((await eventAbout('messages.delete', id)).data).toMatchObject({
      forMe: true,
      keys: [{ id, fromMe: false }],
    });
  });

  test('what is no right of the sender’s has no event: nobody edits or deletes a message of ours', async () => {
    const { id, msgId } = await sent('mine');
    const info = await stage.call('GET', `/api/messages/${msgId}/info`);
    expect(info.body.data).toMatchObject({
      id,
      msgId,
      key: { fromMe: true },
      message: { extendedTextMessage: { text: 'mine' } },
    });
    await expect(stage.sandbox.gestures.edit(FRIEND, { chat: OWN, id, text: 'yours' })).rejects.toThrow();
    expect((await stage.call('DELETE', `/api/messages/${await received('hers')}`)).body).toMatchObject({
      code: 'bad_request',
      message: 'Only the account’s own messages can be deleted for everyone.',
    });
  });
});
