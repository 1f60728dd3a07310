import type { EventEnvelope } from '../../engine/events.ts';
import { Receiver, type ReceivedRequest } from '../engine/receiver.ts';
import { FRIEND, OWN, Stage, TOKEN } from './stage.ts';

const WREN = '15550100003';
const SECOND = '15550100009';
const PICTURE =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';

let stage: Stage;
let receiver: Receiver;
let group: string;
let second: number;
beforeAll(async () => {
  stage = await Stage.open();
  receiver = await Receiver.start();
  stage.sandbox.addPhone({ phone: WREN, name: 'Wren' });
  group = stage.sandbox.groups.create({ creator: FRIEND, subject: 'Birds', participants: [OWN, WREN] }).jid;
  stage.sandbox.addPhone({ phone: SECOND, name: 'Second' });
  const made = await stage.call('POST', '/api/whatsapp-sessions', { name: 'Two', phone_number: `+${SECOND}` });
  second = (made.body.data as { id: number }).id;
  const { body } = await stage.call('POST', `/api/whatsapp-sessions/${second}/connect`);
  await stage.sandbox.scan(SECOND, (body.data as { qrCode: string }).qrCode);
  await stage.untilStatus(({ status }) => status === 'connected', second);
});
afterAll(async () => {
  await stage?.close();
  await receiver?.close();
});

const OF_ONE = '/api/whatsapp-sessions/1/webhooks';
const OF_ALL = '/api/webhooks';
type Shown = Record<string, unknown> & { id: string; state: string };

async function register(base: string, path: string, wishes: Record<string, unknown> = {}): Promise<Shown> {
  const body = { url: `${receiver.origin}${path}`, events: ['messages.received'], ...wishes };
  const { status, body: answer } = await stage.call('POST', base, body);
  expect([status, answer.message]).toEqual([201, undefined]);
  return answer.data as Shown;
}
const shown = async (base: string, id: string) => (await stage.call('GET', `${base}/${id}`)).body.data as Shown;

/** Everything that waits has been posted. */
const delivered = (session = 1) =>
  stage.untilTrue(async () => {
    const all = await stage.engine.store.deliveries.list(session, {}, { after: 0, limit: 500 });
    return all.every(({ status }) => status === 'delivered');
  });
const at = (path: string) => receiver.requests.filter((one) => one.path === path);
const eventsAt = (path: string): EventEnvelope[] => at(path).map(({ event }) => event);
/** Waits for so many requests at a path. */
async function posted(path: string, count = 1): Promise<ReceivedRequest[]> {
  await stage.untilTrue(() => at(path).length >= count);
  return at(path);
}
const arrived = (text: string, session = 1) =>
  stage.until(
    (events) => events.some(({ event, data }) => event === 'messages.upsert' && JSON.stringify(data).includes(text)),
    session,
  );
interface Written {
  messages: { messageBody: string } | { messageBody: string }[];
}
const textsAt = (path: string) =>
  eventsAt(path).flatMap(({ data }) => [(data as Written).messages].flat().map(({ messageBody }) => messageBody));

describe('what a webhook wants', () => {
  const wishes = {
    filter: { chats: ['direct'], in: ['+1 555 010 0002'], from: ['+1 555 010 0002'], types: ['text'], ignoreOwn: true },
    collect: 300,
    markAsRead: true,
  };

  test.each([OF_ONE, OF_ALL])('is shown as it was given, and replaced by the next registration: %s', async (base) => {
    const nothing = { filter: null, collect: null, markAsRead: false };
    const first = await register(base, '/wishes', wishes);
    expect(first).toMatchObject({ ...wishes, session_id: base === OF_ONE ? 1 : null });
    expect(await shown(base, first.id)).toMatchObject(wishes);
    const { body } = await stage.call('GET', base);
    expect(body.data).toContainEqual(expect.objectContaining({ id: first.id, ...wishes }));
    expect(await register(base, '/wishes')).toMatchObject({ id: first.id, ...nothing });
    expect(await shown(base, first.id)).toMatchObject(nothing);
    expect((await stage.call('DELETE', `${base}/${first.id}`)).status).toBe(200);
  });

  test.each<[string, Record<string, unknown>, string, RegExp]>([
    [
      'a chat that is none',
      { filter: { in: ['+15550100002', 'the boss'] } },
      'filter.in.1',
      /phone number with country/,
    ],
    ['a person that is none', { filter: { from: ['123@nowhere'] } }, 'filter.from.0', /not a WhatsApp address/],
    ['a group for a person', { filter: { from: ['1-2@g.us'] } }, 'filter.from.0', /must be a person.*filter\.in/],
    ['no chat at all', { filter: { in: [] } }, 'filter.in', /name at least one, or leave it out/],
    ['an expression that is none', { filter: { text: { matches: '(' } } }, 'filter.text.matches', /RE2.*missing/],
    [
      'an expression that looks back',
      { filter: { text: { matches: '(?<!a)b' } } },
      'filter.text.matches',
      /look-around/,
    ],
    ['one that is too large', { filter: { text: { matches: 'a{900}b{900}' } } }, 'filter.text.matches', /too large/],
    ['one that is too long', { filter: { text: { matches: '('.repeat(100_000) } } }, 'filter.text.matches', /Too big/],
    ['more people than a list takes', { filter: { from: Array(1001).fill('nobody') } }, 'filter.from', /Too big/],
    ['no words', { filter: { text: { contains: '' } } }, 'filter.text.contains', /required/],
    [
      'a kind of chat that there is not',
      { filter: { chats: ['private'] } },
      'filter.chats.0',
      /direct, group, channel/,
    ],
    ['a kind of message that there is not', { filter: { types: ['gif'] } }, 'filter.types.0', /must be one of: text/],
    ['a condition that there is not', { filter: { chat: ['group'] } }, 'filter', /knows no chat, only chats, in, from/],
    ['a filter that is none', { filter: 'group' }, 'filter', /must be an object/],
    ['to collect for nothing', { collect: 0 }, 'collect', /not valid/],
    ['to collect for hours', { collect: 301 }, 'collect', /not valid/],
    ['anything but yes or no', { markAsRead: 'perhaps' }, 'markAsRead', /must be a boolean/],
  ])('is refused with what is wrong when it is %s', async (_what, wrong, field, words) => {
    for (const base of [OF_ONE, OF_ALL]) {
      const body = { url: receiver.origin, events: ['*'], ...wrong };
      const { status, body: answer } = await stage.call('POST', base, body);
      expect([status, answer['errors']]).toEqual([422, { [field]: [expect.stringMatching(words)] }]);
    }
  });
});

test('real messages come through the filters that they fit, and through no other', async () => {
  const events = ['messages.upsert'];
  const filters = {
    '/all': {},
    '/direct': { chats: ['direct'] },
    '/birds': { in: [group] },
    '/friend': { from: [`+${FRIEND}`] },
    '/wren-by-lid': { from: [stage.sandbox.phone(WREN).lid] },
    '/chat-with-friend': { in: [`+${FRIEND}`], types: ['text'] },
    '/orders': { text: { contains: 'ORDER' } },
    '/numbers': { text: { matches: '#\\d+' } },
    '/pictures': { types: ['image'] },
    '/reactions': { types: ['reaction'] },
    '/others': { ignoreOwn: true, types: ['text'] },
  };
  for (const [path, filter] of Object.entries(filters)) await register(OF_ONE, path, { events, filter });
  const { id } = await stage.sandbox.send(FRIEND, { to: OWN, text: 'my order #1' });
  await arrived('my order #1');
  await stage.sandbox.send(FRIEND, { to: group, text: 'hello birds' });
  await stage.sandbox.send(WREN, { to: group, text: 'hello friend' });
  await arrived('hello friend');
  await stage.sandbox.send(FRIEND, { to: OWN, text: 'as in order #2', imageUrl: PICTURE });
  await arrived('as in order #2');
  await stage.sandbox.gestures.react(FRIEND, { chat: OWN, id, emoji: '👍' });
  await arrived('👍');
  expect((await stage.send(`+${FRIEND}`, 'order #1 is on its way')).status).toBe(200);
  await arrived('is on its way');
  await delivered();
  const got = Object.fromEntries(Object.keys(filters).map((path) => [path, textsAt(path)]));
  // Chats do not wait for one another: which of two is first, nobody has promised.
  for (const texts of Object.values(got)) texts.sort();
  const [order, picture, sent] = ['my order #1', 'as in order #2', 'order #1 is on its way'];
  const [birds, wren] = ['hello birds', 'hello friend'];
  const reaction = '';
  expect(got).toEqual({
    '/all': [reaction, order, birds, wren, picture, sent].sort(),
    '/direct': [reaction, order, picture, sent].sort(),
    '/birds': [birds, wren].sort(),
    '/friend': [reaction, order, birds, picture].sort(),
    '/wren-by-lid': [wren],
    '/chat-with-friend': [order, sent].sort(),
    '/orders': [order, picture, sent].sort(),
    '/numbers': [order, picture, sent].sort(),
    '/pictures': [picture],
    '/reactions': [reaction],
    '/others': [order, birds, wren].sort(),
  });
  const { body } = await stage.call('GET', OF_ONE);
  for (const { id: one } of body.data as Shown[]) await stage.call('DELETE', `${OF_ONE}/${one}`);
});

test('a burst of a person’s messages is posted as one', async () => {
  const { id } = await register(OF_ONE, '/burst', { collect: 1 });
  const texts = ['Hello', 'I have', 'a question'];
  for (const text of texts) await stage.sandbox.send(FRIEND, { to: OWN, text });
  const [request] = await posted('/burst');
  const bodies = request!.event.collected!.map(({ data }) => (data as { messages: { messageBody: string } }).messages);
  expect(bodies.map(({ messageBody }) => messageBody)).toEqual(texts);
  expect(request!.event.id).toBe(request!.event.collected!.at(-1)!.id);
  await stage.call('DELETE', `${OF_ONE}/${id}`);
});

describe('with markAsRead', () => {
  const statusOf = (id: string) => stage.message(FRIEND, id)?.status;

  test('a message is read when the receiver has taken it, and not before', async () => {
    const { id: webhook } = await register(OF_ONE, '/reads', { markAsRead: true });
    receiver.answer = ({ path }) => (path === '/reads' ? 503 : 200);
    const { id } = await stage.sandbox.send(FRIEND, { to: OWN, text: 'read me once you have me' });
    await posted('/reads');
    await stage.untilTrue(() => statusOf(id) === 'delivered');
    receiver.answer = () => 200;
    await stage.call('POST', `${OF_ONE}/${webhook}/resume`);
    await stage.untilTrue(() => statusOf(id) === 'read');
    await stage.call('DELETE', `${OF_ONE}/${webhook}`);
  });

  test('all messages of a burst are, in a group as well, and of all sessions', async () => {
    const { id: webhook } = await register(OF_ALL, '/reads-all', {
      ...{ events: ['messages.upsert', 'messages.received'], collect: 1, markAsRead: true },
    });
    const ids: string[] = [];
    for (const to of [OWN, OWN, group, SECOND]) {
      ids.push((await stage.sandbox.send(FRIEND, { to, text: `one of several to ${to}` })).id);
    }
    await stage.untilTrue(() => ids.filter((_, index) => index !== 2).every((id) => statusOf(id) === 'read'));
    const reads = () =>
      stage.sandbox
        .stanzas({ phone: OWN, limit: 20_000 })
        .filter(({ direction, stanza }) => direction === 'in' && JSON.stringify(stanza).includes('"type":"read"'));
    // In a group the phone tells of it when all have read.
    await stage.untilTrue(() => reads().some(({ stanza }) => JSON.stringify(stanza).includes(ids[2]!)));
    await stage.call('DELETE', `${OF_ALL}/${webhook}`);
  });
});

describe('a webhook of all sessions', () => {
  test('gets the events of each, is listed by itself, and shows its deliveries where the events are', async () => {
    const { id } = await register(OF_ALL, '/both', { filter: { chats: ['direct'] } });
    await stage.sandbox.send(FRIEND, { to: OWN, text: 'to the first' });
    await stage.sandbox.send(FRIEND, { to: SECOND, text: 'to the second' });
    await posted('/both', 2);
    expect(
      eventsAt('/both')
        .map(({ sessionId }) => sessionId)
        .sort(),
    ).toEqual(['1', String(second)]);
    const listed = async (base: string) => ((await stage.call('GET', base)).body.data as Shown[]).map((one) => one.id);
    expect(await listed(OF_ALL)).toContain(id);
    expect(await listed(OF_ONE)).not.toContain(id);
    for (const session of [1, second]) {
      const path = `/api/whatsapp-sessions/${session}/deliveries?webhookId=${id}`;
      const { body } = await stage.call('GET', path);
      const [delivery, ...others] = body.data as { id: number; webhook_id: string }[];
      expect([delivery!.webhook_id, others]).toEqual([id, []]);
      const before = at('/both').length;
      const again = `/api/whatsapp-sessions/${session}/deliveries/${delivery!.id}/redeliver`;
      expect((await stage.call('POST', again)).status).toBe(200);
      expect((await posted('/both', before + 1)).at(-1)!.event).toMatchObject({
        redelivery: 1,
        sessionId: String(session),
      });
    }
    await delivered();
    await delivered(second);
    const before = at('/both').length;
    const { body } = await stage.call('POST', `${OF_ALL}/${id}/replay`, { from: '2020-01-01T00:00:00Z' });
    expect(body.data).toMatchObject({ webhook: { id, session_id: null } });
    await posted('/both', before + (body.data as { events: number }).events);
    expect((await stage.call('POST', `${OF_ALL}/${id}/resume`)).body.data).toMatchObject({ id, state: 'active' });
    expect((await stage.call('POST', `${OF_ALL}/${id}/redeliver`)).body.data).toMatchObject({ events: 0 });
    await stage.call('DELETE', `${OF_ALL}/${id}`);
    expect((await stage.call('GET', `${OF_ALL}/${id}`)).status).toBe(404);
  });

  test('is none of a session, nor one of a session of all', async () => {
    const all = await register(OF_ALL, '/apart');
    const one = await register(OF_ONE, '/apart');
    expect(all.id).not.toBe(one.id);
    for (const [base, id] of [
      [OF_ONE, all.id],
      [OF_ALL, one.id],
    ] as const) {
      for (const [method, path, body] of [
        ['GET', ''],
        ['DELETE', ''],
        ['POST', '/resume'],
        ['POST', '/redeliver'],
        ['POST', '/replay', { from: '2020-01-01T00:00:00Z' }],
        ['POST', '/sample'],
      ] as const) {
        const { status, body: answer } = await stage.call(method, `${base}/${id}${path}`, body);
        expect([method, path, status, answer.code]).toEqual([method, path, 404, 'webhook_not_found']);
      }
    }
    await stage.call('DELETE', `${OF_ALL}/${all.id}`);
    await stage.call('DELETE', `${OF_ONE}/${one.id}`);
  });

  test('is only for tokens that are not limited to sessions', async () => {
    const tokenFor = async (name: string, scope: object) =>
      ((await stage.call('POST', '/api/tokens', { name, scope })).body.data as { token: string }).token;
    const { body } = await stage.call('GET', '/api/whatsapp-sessions/1');
    const keys = [
      [(body.data as { api_key: string }).api_key, /API key cannot do this. Use a personal access token/],
      [await tokenFor('of one', { sessions: [1] }), /for session 1 alone. This is about the account as a whole/],
      [await tokenFor('of both', { sessions: [1, second] }), /for sessions 1, \d+ alone/],
    ] as const;
    for (const [key, words] of keys) {
      for (const [method, path] of [
        ['POST', OF_ALL],
        ['GET', OF_ALL],
        ['GET', `${OF_ALL}/whk_any`],
        ['DELETE', `${OF_ALL}/whk_any`],
        ['POST', `${OF_ALL}/whk_any/sample`],
      ] as const) {
        const headers = { authorization: `Bearer ${key}` };
        const answer = await stage.call(method, path, method === 'POST' ? {} : undefined, headers);
        expect([method, path, answer.status, answer.body.message]).toEqual([
          method,
          path,
          403,
          expect.stringMatching(words),
        ]);
      }
    }
    const reader = { authorization: `Bearer ${await tokenFor('a reader', { access: 'read' })}` };
    expect((await stage.call('GET', OF_ALL, undefined, reader)).status).toBe(200);
    expect((await stage.call('POST', OF_ALL, {}, reader)).status).toBe(403);
    expect((await stage.call('GET', OF_ALL, undefined, { authorization: `Bearer ${TOKEN}` })).status).toBe(200);
  });

  test('goes nowhere that is not allowed', async () => {
    const body = { url: 'http://169.254.169.254/latest', events: ['*'] };
    const { status, body: answer } = await stage.call('POST', OF_ALL, body);
    expect([status, answer.code]).toEqual([422, 'url_not_allowed']);
  });
});

describe('a sample', () => {
  interface Sampled {
    source: string;
    event: EventEnvelope;
  }
  async function sampled(base: string, id: string): Promise<Sampled> {
    const { status, body } = await stage.call('POST', `${base}/${id}/sample`);
    expect(status).toBe(202);
    return body.data as Sampled;
  }

  test('is the newest event that the webhook would have got, and leaves no trace', async () => {
    await stage.sandbox.send(FRIEND, { to: OWN, text: 'the newest of mine' });
    await arrived('the newest of mine');
    await stage.sandbox.send(WREN, { to: group, text: 'newer, and in a group' });
    await arrived('newer, and in a group');
    const wishes = { filter: { chats: ['direct'] }, collect: 300 };
    const { id } = await register(OF_ONE, '/sample', wishes);
    const { source, event } = await sampled(OF_ONE, id);
    const log = await stage.events('messages.received');
    const real = log.findLast(({ data }) => JSON.stringify(data).includes('the newest of mine'));
    expect([source, event]).toEqual(['latest', { ...real, collected: [real], sample: true }]);
    const [request] = await posted('/sample');
    expect(request!.event).toEqual(event);
    expect(request!.headers['webhook-id']).toBe(real!.id);
    const { body } = await stage.call('GET', `/api/whatsapp-sessions/1/deliveries?webhookId=${id}`);
    expect(body.data).toEqual([]);
    await stage.call('DELETE', `${OF_ONE}/${id}`);
  });

  test('is an example where there is none, another one each time, also before anybody listens', async () => {
    receiver.script(404);
    const { id } = await register(OF_ALL, '/example', { events: ['group.join-request', 'call'] });
    const { source, event } = await sampled(OF_ALL, id);
    expect([source, event]).toMatchObject(['example', { event: 'group.join-request', sample: true, seq: 0 }]);
    expect(event).not.toHaveProperty('collected');
    const [first, again] = await posted('/example', 2);
    expect([first!.event, again!.event]).toEqual([event, event]);
    expect((await shown(OF_ALL, id)).state).toBe('active');
    expect((await sampled(OF_ALL, id)).event.id).not.toBe(event.id);
    await posted('/example', 3);
    await stage.call('DELETE', `${OF_ALL}/${id}`);
  });
});

test('a session that is deleted leaves the webhooks of all sessions alone', async () => {
  const { id } = await register(OF_ALL, '/stays');
  receiver.answer = () => 503;
  await stage.sandbox.send(FRIEND, { to: SECOND, text: 'for nobody any more' });
  await posted('/stays');
  expect((await stage.call('DELETE', `/api/whatsapp-sessions/${second}`)).status).toBe(204);
  receiver.answer = () => 200;
  expect(await shown(OF_ALL, id)).toMatchObject({ id, state: 'active' });
  await stage.sandbox.send(FRIEND, { to: OWN, text: 'for the one that stays' });
  await stage.untilTrue(() => textsAt('/stays').includes('for the one that stays'));
});
