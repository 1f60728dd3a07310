import type { EventEnvelope } from '../../engine/events.ts';
import { breakWrites, fillDisk, saidAbout } from './broken-disk.ts';
import { FRIEND, OWN, Stage, textsOf } from './stage.ts';

let stage: Stage;
let works = () => {};
beforeAll(async () => void (stage = await Stage.open()));
afterEach(() => {
  works();
  stage.sandbox.removeFaults();
});
afterAll(() => stage?.close());

const WREN = '15550100003';
const seq = () => stage.sandbox.stanzas({ limit: 20_000 }).at(-1)?.seq ?? 0;
const named = (events: EventEnvelope[], name: string, text: string) =>
  events.filter(({ event, data }) => event === name && JSON.stringify(data).includes(text));
const failed = () => stage.untilStatus(({ reason }) => reason?.code === 'storage_failed');
/** Somebody who has freed space, and does not want to wait for the next try. */
const worksAgain = (session = 1) => {
  works();
  return stage.call('POST', `/api/whatsapp-sessions/${session}/connect`);
};
const group = async () => {
  const acknowledged = stage.untilStanza('in', 'ack');
  const { jid } = stage.sandbox.groups.create({ creator: FRIEND, subject: 'Birds', participants: [OWN] });
  await acknowledged;
  return jid;
};
const channel = () => {
  const { jid } = stage.sandbox.channels.create({ owner: FRIEND, name: 'Bird news' });
  stage.sandbox.channels.follow(jid, { phone: OWN });
  return jid;
};

interface Case {
  /** What has to be there before the disk is full. */
  before?: () => Promise<string> | string;
  /** Happens while the disk is full; answers the id that a stanza about it would hold. */
  happens: (before: string) => Promise<string> | string;
  event: string;
  /** What a stanza about it would hold, where that is not the id. */
  wire?: string;
}

/** One of each kind of stanza that WhatsApp says once. */
const CASES: Record<string, Case> = {
  'a message': {
    happens: async () => (await stage.sandbox.send(FRIEND, { to: OWN, text: 'hello' })).id,
    event: 'messages.received',
  },
  'a message within a session that exists': {
    before: async () => {
      await stage.sandbox.send(FRIEND, { to: OWN, text: 'first' });
      await stage.until((events) => textsOf(events).includes('first'));
      return '';
    },
    happens: async () => (await stage.sandbox.send(FRIEND, { to: OWN, text: 'second' })).id,
    event: 'messages.received',
  },
  'a message to a group': {
    before: group,
    happens: async (jid) => (await stage.sandbox.send(FRIEND, { to: jid, text: 'hello all' })).id,
    event: 'messages.received',
  },
  'a message that cannot be decrypted': {
    before: () => void stage.sandbox.addFault({ fault: 'garble', phone: OWN, times: 1, forGood: true }) as never,
    happens: async () => (await stage.sandbox.send(FRIEND, { to: OWN, text: 'garbled' })).id,
    event: 'message.undecryptable',
  },
  'a message without its content': {
    before: () => void stage.sandbox.addFault({ fault: 'withhold', phone: OWN, type: 'view_once' }) as never,
    happens: async () => (await stage.sandbox.send(FRIEND, { to: OWN, text: 'once' })).id,
    event: 'message.undecryptable',
  },
  'a post in a channel': {
    before: channel,
    happens: async (jid) => (await stage.sandbox.channels.post(jid, { by: FRIEND, text: 'news' })).id,
    event: 'messages-newsletter.received',
  },
  'a receipt': {
    before: async () => {
      const { body } = await stage.send(FRIEND, 'read this');
      const { id } = body.data as { id: string };
      await stage.until((events) => named(events, 'messages.update', id).length >= 2);
      return id;
    },
    happens: (id) => {
      stage.sandbox.read(FRIEND, { chat: OWN });
      return id;
    },
    event: 'messages.update',
    wire: '"type":"read"',
  },
  'a notice about a group': {
    before: group,
    happens: (jid) => {
      stage.sandbox.groups.setSubject(jid, { by: FRIEND, subject: 'Wrens' });
      return jid;
    },
    event: 'groups.update',
  },
  'a call': {
    happens: () => stage.sandbox.calls.start(FRIEND, { to: OWN }).callId,
    event: 'call',
  },
};

test.each(Object.entries(CASES))('%s, when the disk is full, is not acknowledged, and comes again', async (_, one) => {
  const before = (await one.before?.()) ?? '';
  const there = named(await stage.events(), one.event, before).length;
  const start = seq();
  works = fillDisk();
  const id = await one.happens(before);
  await failed();
  expect(await saidAbout(stage, OWN, one.wire ?? id, start)).toEqual([]);
  const known = (await stage.events()).length;
  await worksAgain();
  await stage.until((events) => named(events, one.event, id).length > (before === id ? there : 0));
  await stage.untilStatus(({ status }) => status === 'connected');
  const events = await stage.events();
  const statuses = events
    .slice(known)
    .filter(({ event }) => event === 'session.status')
    .map(({ data }) => data);
  expect(statuses).toEqual([
    { status: 'connecting', reason: { code: 'storage_failed', message: expect.stringContaining('Free space') } },
    { status: 'connecting' },
    { status: 'connected' },
  ]);
  expect(named(events.slice(known), one.event, id)).toHaveLength(1);
});

test('what waited while the device was away, and meets a full disk at the login', async () => {
  await stage.call('POST', '/api/whatsapp-sessions/1/disconnect');
  const start = seq();
  const texts = ['one', 'two', 'three'].map((text) => `backlog ${text}`);
  const ids: string[] = [];
  for (const text of texts) ids.push((await stage.sandbox.send(FRIEND, { to: OWN, text })).id);
  // The login itself is written before the first message comes.
  works = breakWrites((sql) => (sql.includes('messages') ? 'SQLITE_FULL' : undefined));
  await stage.call('POST', '/api/whatsapp-sessions/1/connect');
  await failed();
  for (const id of ids) expect(await saidAbout(stage, OWN, id, start)).toEqual([]);
  await worksAgain();
  const came = await stage.until((events) => texts.every((text) => textsOf(events).includes(text)) && textsOf(events));
  expect(came.filter((text) => text.startsWith('backlog'))).toEqual(texts);
  await stage.untilStatus(({ status }) => status === 'connected');
});

const FIRST = 'the first of mine here';
test.each<[string, () => Promise<() => Promise<{ id: string }>>]>([
  [
    'of a group’s member',
    async () => {
      const to = await group();
      return () => stage.sandbox.send(FRIEND, { to, text: FIRST });
    },
  ],
  ['of who posts a status', async () => () => stage.sandbox.status(FRIEND, { text: FIRST, to: [OWN] })],
])('the key %s is stored with the message that brings it, or neither is', async (_, prepare) => {
  const write = await prepare();
  const known = (await stage.events()).length;
  works = breakWrites((sql, values) =>
    sql.includes('auth_keys') && values.includes('sender-key') ? 'SQLITE_FULL' : undefined,
  );
  const { id } = await write();
  await failed();
  await worksAgain();
  await stage.until((events) => textsOf(events.slice(known)).includes(FIRST));
  expect(named((await stage.events()).slice(known), 'message.undecryptable', id)).toEqual([]);
  const asked = stage.sandbox.stanzas({ limit: 20_000 }).filter(({ direction, stanza }) => {
    const { tag, attrs } = stanza as { tag: string; attrs: Record<string, string> };
    return direction === 'in' && tag === 'receipt' && attrs['id'] === id && attrs['type'] === 'retry';
  });
  expect(asked).toEqual([]);
});

test('a pairing whose login cannot be stored is not confirmed: the phone links nothing', async () => {
  stage.sandbox.addPhone({ phone: WREN, name: 'Wren' });
  const { body } = await stage.call('POST', '/api/whatsapp-sessions', { name: 'Second', phone_number: `+${WREN}` });
  const { id } = body.data as { id: number };
  const { body: connect } = await stage.call('POST', `/api/whatsapp-sessions/${id}/connect`);
  works = breakWrites((sql) => (sql.includes('auth_creds') ? 'SQLITE_FULL' : undefined));
  await stage.sandbox.scan(WREN, (connect.data as { qrCode: string }).qrCode).catch(() => {});
  await stage.untilStatus(({ reason }) => reason?.code === 'storage_failed', id);
  await stage.untilTrue(() => stage.sandbox.phone(WREN).devices.length === 0);
  await worksAgain(id);
  const qr = await stage.until((events) => events.filter(({ event }) => event === 'qrcode.updated')[1]?.data, id);
  await stage.sandbox.scan(WREN, (qr as { qr: string }).qr);
  await stage.untilStatus(({ status }) => status === 'connected', id);
  expect(await stage.status()).toBe('connected');
});

test('one message that can never be stored ends two connections, and then no more; what comes behind it arrives', async () => {
  await worksAgain();
  const known = (await stage.events()).length;
  let poisoned = '';
  works = breakWrites((_, values) => (values.includes(poisoned) ? 'SQLITE_CONSTRAINT' : undefined));
  stage.sandbox.addFault({ fault: 'delay', phone: OWN, match: 'message', direction: 'out', ms: 50 });
  poisoned = (await stage.sandbox.send(FRIEND, { to: OWN, text: 'poison' })).id;
  await stage.sandbox.send(FRIEND, { to: OWN, text: 'behind it' });
  await stage.until((events) => textsOf(events).includes('behind it'));
  await stage.untilStatus(({ status }) => status === 'connected');
  const wire = stage.sandbox
    .stanzas({ limit: 20_000 })
    .filter(({ stanza }) => JSON.stringify(stanza).includes(poisoned));
  const answered = wire.findIndex(({ direction, device }) => direction === 'in' && device?.startsWith(OWN));
  expect(wire.slice(0, answered).filter(({ direction }) => direction === 'out')).toHaveLength(3);
  const since = (await stage.events()).slice(known);
  expect(named(since, 'session.status', 'not_stored').length).toBeGreaterThan(0);
  expect(textsOf(since)).not.toContain('poison');
});
