import { FRIEND, OWN, Stage, textsOf } from './stage.ts';

const WREN = '15550100003';
const PICTURE =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';

/** Recipients who cannot decrypt what we have sent: WhatsApp shows them "Waiting for this message" until they can. */
let stage: Stage;
let group: string;
beforeAll(async () => {
  stage = await Stage.open();
  stage.sandbox.addPhone({ phone: WREN, name: 'Wren' });
  group = stage.sandbox.groups.create({ creator: FRIEND, subject: 'Birds', participants: [OWN, WREN] }).jid;
  await stage.until((events) => events.find(({ event }) => event === 'groups.upsert'));
});
afterAll(() => stage?.close());

type Shown = NonNullable<ReturnType<Stage['message']>>;
const on = (phone: string, id: string, check: (message: Shown) => unknown = () => true) =>
  stage.untilTrue(() => {
    const message = stage.message(phone, id);
    return message && check(message);
  });
const send = async (to: string, message: object) => {
  const { body } = await stage.call('POST', '/api/send-message', { to, wait: true, ...message });
  expect(body).toMatchObject({ success: true });
  return body.data as { msgId: number; id: string };
};
const change = async (method: string, path: string, body?: object) => {
  expect((await stage.call(method, path, body)).status).toBe(200);
};
const times = (phone: string, id: string) => stage.sandbox.messages(phone).filter((one) => one.id === id).length;

test('a session that stands is gone on with after a restart, and begun anew once it was lost', async () => {
  const { id } = await send(FRIEND, { text: 'to begin with' });
  await on(FRIEND, id);
  await stage.sandbox.send(FRIEND, { to: OWN, text: 'an answer' });
  await stage.until((events) => textsOf(events).includes('an answer'));
  await stage.engine.stop();
  await stage.startEngine();
  const kinds = async (text: string) => {
    const { id: sent } = await send(FRIEND, { text });
    await on(FRIEND, sent);
    return stage.sandbox.stanzas({ phone: OWN, limit: 20_000 }).flatMap(({ direction, stanza }) => {
      const { tag, attrs } = stanza as { tag: string; attrs: Record<string, string> };
      const mine = direction === 'in' && tag === 'message' && attrs['id'] === sent;
      return mine ? (JSON.stringify(stanza).match(/pkmsg|"msg"/g) ?? []) : [];
    });
  };
  // One for the friend, one for the own phone.
  expect(await kinds('the session stands')).toEqual(['"msg"', '"msg"']);
  stage.sandbox.loseSessions(FRIEND);
  expect(await kinds('the session was lost')).toContain('pkmsg');
});

describe.each([
  ['a person', () => FRIEND],
  ['a group', () => group],
])('to %s', (_where, chat) => {
  const lose = () => stage.sandbox.loseSessions(FRIEND);

  test.each([
    ['a text', { text: 'can you read this?' }],
    ['a picture', { imageUrl: PICTURE, text: 'look' }],
    ['a poll', { poll: { question: 'When?', options: ['Now', 'Later'] } }],
    ['a contact', { contact: { name: 'Wren', phone: `+${WREN}` } }],
  ])('%s that could not be decrypted arrives', async (_kind, message) => {
    await send(chat(), { text: 'readable' });
    lose();
    const { id } = await send(chat(), message);
    await on(FRIEND, id);
    await stage.sandbox.idle();
    expect(times(FRIEND, id)).toBe(1);
  });

  test('an edit, a reaction and a deletion that could not be decrypted arrive', async () => {
    const { id, msgId } = await send(chat(), { text: 'at first' });
    await on(FRIEND, id);
    lose();
    await change('PUT', `/api/messages/${msgId}`, { text: 'at last' });
    await on(FRIEND, id, ({ text }) => text === 'at last');
    lose();
    await change('POST', `/api/messages/${msgId}/react`, { emoji: '👍' });
    await on(FRIEND, id, ({ reactions }) => reactions?.some(({ emoji }) => emoji === '👍'));
    lose();
    await change('DELETE', `/api/messages/${msgId}`);
    await on(FRIEND, id, ({ deleted }) => deleted);
  });

  test('what was sent before a restart can be asked for after it', async () => {
    await send(chat(), { text: 'readable' });
    lose();
    stage.sandbox.addFault({ fault: 'half-open', phone: OWN, match: 'receipt:retry', direction: 'out' });
    const { body } = await stage.call('POST', '/api/send-message', { to: chat(), text: 'before the restart' });
    const { id } = body.data as { id: string };
    await stage.untilTrue(() => stage.sandbox.faults().some(({ fired }) => fired > 0));
    await stage.engine.stop();
    stage.sandbox.removeFaults();
    await stage.startEngine();
    await on(FRIEND, id, ({ text }) => text === 'before the restart');
  });

  test('many at once arrive, each once', async () => {
    await send(chat(), { text: 'readable' });
    const texts = Array.from({ length: 6 }, (_, n) => `one of many ${n}`);
    const ids: string[] = [];
    for (const text of texts) {
      if (ids.length % 2 === 0) lose();
      const { body } = await stage.call('POST', '/api/send-message', { to: chat(), text });
      ids.push((body.data as { id: string }).id);
    }
    for (const id of ids) await on(FRIEND, id);
    await stage.sandbox.idle();
    expect(ids.map((id) => times(FRIEND, id))).toEqual(ids.map(() => 1));
  }, 60_000);
});

test('a member who lost the keys gets what the others could read at once', async () => {
  await send(group, { text: 'for all' });
  stage.sandbox.loseSessions(WREN);
  const { id } = await send(group, { text: 'for Wren, too' });
  await on(FRIEND, id);
  await on(WREN, id);
});

test('a recipient with a new phone gets what was sent to the old one', async () => {
  await send(FRIEND, { text: 'to the old one' });
  await stage.sandbox.reinstall(FRIEND);
  const { id } = await send(FRIEND, { text: 'to the new one' });
  await on(FRIEND, id);
});

test('a status that could not be decrypted arrives', async () => {
  const status = { to: 'status@broadcast', audience: [`+${FRIEND}`, `+${WREN}`] };
  await on(FRIEND, (await send('status@broadcast', { ...status, text: 'good morning' })).id);
  stage.sandbox.loseSessions(FRIEND);
  const { id } = await send('status@broadcast', { ...status, text: 'good evening' });
  await on(WREN, id);
  await on(FRIEND, id);
});
