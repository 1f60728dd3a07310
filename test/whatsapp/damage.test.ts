import { randomBytes } from 'node:crypto';
import type { EventEnvelope } from '../../engine/events.ts';
import { FRIEND, OWN, Stage, textsOf } from './stage.ts';

const { Database } = await import('../../engine/store/sqlite/database.ts');
const { proto } = await import('../../engine/whatsapp/baileys.ts');

/** The engine's own database: what happens to records behind the engine's back. */
let db: ReturnType<typeof Database.open>;
const open = Database.open.bind(Database);
Database.open = (...args) => (db = open(...args));

let stage: Stage;
let group = '';
beforeAll(async () => {
  stage = await Stage.open();
  group = stage.sandbox.groups.create({ creator: FRIEND, subject: 'Birds', participants: [OWN] }).jid;
});
afterAll(() => stage?.close());

const named = (events: EventEnvelope[], name: string, text: string) =>
  events.filter(({ event, data }) => event === name && JSON.stringify(data).includes(text));
const arrives = (text: string) => stage.until((events) => textsOf(events).includes(text));
const talk = async (about: string) => {
  for (const to of [OWN, group]) {
    await stage.sandbox.send(FRIEND, { to, text: `${about} to ${to}` });
    await arrives(`${about} to ${to}`);
  }
  for (const to of [FRIEND, group]) {
    const { status, body } = await stage.send(to, `${about} from us to ${to}`);
    expect([status, body.message]).toEqual([200, undefined]);
    const { id } = body.data as { id: string };
    await stage.untilTrue(() => stage.message(FRIEND, id)?.text === `${about} from us to ${to}`);
  }
};
const anew = async () => {
  await stage.call('POST', '/api/whatsapp-sessions/1/disconnect');
  await stage.call('POST', '/api/whatsapp-sessions/1/connect');
  await stage.untilStatus(({ status }) => status === 'connected');
};

/** Bytes that are no message, or none that anybody would send. */
const nested = (depth: number) => {
  let message = proto.Message.create({ conversation: 'deep' });
  for (let at = 0; at < depth; at++) message = proto.Message.create({ ephemeralMessage: { message } });
  return Buffer.from(proto.Message.encode(message).finish());
};
const POISON: Record<string, [Buffer, Record<string, string | null>?]> = {
  'bytes that are no protobuf': [Buffer.from('ff'.repeat(64), 'hex')],
  'nothing at all': [Buffer.alloc(0)],
  'a message within messages, two hundred deep': [nested(200)],
  'two million characters': [Buffer.from(proto.Message.encode({ conversation: 'x'.repeat(2_000_000) }).finish())],
  'a time before there was time': [Buffer.from(proto.Message.encode({ conversation: 'old' }).finish()), { t: '-5' }],
  'no time': [Buffer.from(proto.Message.encode({ conversation: 'no time' }).finish()), { t: null }],
  'a time that is none': [Buffer.from(proto.Message.encode({ conversation: 'when' }).finish()), { t: 'yesterday' }],
};

test.each(Object.entries(POISON))('%s holds nothing up, now or later', async (what, [bytes, attrs = {}]) => {
  await stage.sandbox.sendBytes(FRIEND, { to: OWN, bytes: bytes.toString('base64'), attrs });
  await stage.sandbox.send(FRIEND, { to: OWN, text: `behind ${what}` });
  await arrives(`behind ${what}`);
  expect(await stage.status()).toBe('connected');
});

test('and after all of them a new connection begins as if nothing had been', async () => {
  const known = (await stage.events()).length;
  await anew();
  await talk('after the poison');
  const reasons = named((await stage.events()).slice(known), 'session.status', 'reason');
  expect(reasons).toEqual([]);
});

test('Signal keys of each kind that cannot be opened count as missing: messages come and go all the same', async () => {
  await talk('before');
  const types = db.all('SELECT DISTINCT type FROM auth_keys').map(({ type }) => String(type));
  console.log(`damaged: ${types.sort().join(', ')}`);
  expect(types).toEqual(expect.arrayContaining(['session', 'pre-key', 'sender-key', 'lid-mapping']));
  for (const type of types) {
    db.run('UPDATE auth_keys SET sealed_value = ? WHERE type = ?', randomBytes(40), type);
    // Some are remembered as long as a connection lasts.
    await anew();
    await talk(`without ${type}`);
  }
}, 120_000);

test('a login that cannot be opened is a state with what to do; the engine starts, and the others connect', async () => {
  const { body } = await stage.call('POST', '/api/whatsapp-sessions', { name: 'Two', phone_number: '+15550100003' });
  const { id } = body.data as { id: number };
  stage.sandbox.addPhone({ phone: '15550100003', name: 'Wren' });
  const { body: connect } = await stage.call('POST', `/api/whatsapp-sessions/${id}/connect`);
  await stage.sandbox.scan('15550100003', (connect.data as { qrCode: string }).qrCode);
  await stage.untilStatus(({ status }) => status === 'connected', id);
  const whole = db.get('SELECT sealed_value FROM auth_creds WHERE session_id = 1')!['sealed_value'] as Buffer;
  const write = (value: Buffer) => db.run('UPDATE auth_creds SET sealed_value = ? WHERE session_id = 1', value);

  write(randomBytes(300));
  await stage.engine.stop();
  await stage.startEngine();
  expect(await stage.status(id)).toBe('connected');
  expect((await stage.call('GET', '/api/status')).body).toMatchObject({
    status: 'disconnected',
    reason: { code: 'login_unreadable', message: expect.stringContaining('Restore a backup') },
  });

  // A backup is restored.
  write(whole);
  expect((await stage.call('POST', '/api/whatsapp-sessions/1/connect')).body.data).toMatchObject({
    status: 'CONNECTED',
  });

  // There is none, and whoever connects again has been told.
  await stage.call('POST', '/api/whatsapp-sessions/1/disconnect');
  write(randomBytes(300));
  const told = await stage.call('POST', '/api/whatsapp-sessions/1/connect');
  expect(told.body.data).toMatchObject({ status: 'DISCONNECTED', reason: { code: 'login_unreadable' } });
  const again = await stage.call('POST', '/api/whatsapp-sessions/1/connect');
  expect(again.body.data).toMatchObject({ status: 'NEED_SCAN' });
  await stage.sandbox.scan(OWN, (again.body.data as { qrCode: string }).qrCode);
  await stage.untilStatus(({ status }) => status === 'connected');
}, 90_000);

test('secrets that cannot be opened take nothing else down: the list is answered, and saving makes them anew', async () => {
  const { id, secret } = await stage.subscribe('http://127.0.0.1:9/hook');
  expect(secret).not.toBe('');
  const { body } = await stage.call('GET', '/api/whatsapp-sessions/1');
  const { api_key: key } = body.data as { api_key: string };
  const garbage = randomBytes(60);
  db.run('UPDATE subscriptions SET sealed_secret = ? WHERE id = ?', garbage, id);
  db.run('UPDATE sessions SET sealed_api_key = ?, sealed_webhook_secret = ? WHERE id = 1', garbage, garbage);

  const list = await stage.call('GET', '/api/whatsapp-sessions');
  expect(list.status).toBe(200);
  expect((list.body.data as unknown[]).length).toBeGreaterThan(0);
  const hooks = (await stage.call('GET', '/api/whatsapp-sessions/1/webhooks')).body.data as { id: string }[];
  expect(hooks.find((one) => one.id === id)).toMatchObject({ state: 'parked' });
  expect(await stage.engine.store.subscriptions.get(id)).toMatchObject({
    parkedReason: expect.stringContaining('Register the webhook again'),
  });
  // Who has the key gets in with it.
  const headers = { authorization: `Bearer ${key}` };
  expect((await fetch(`${stage.engine.url}/api/status`, { headers })).status).toBe(200);

  await stage.call('PUT', '/api/whatsapp-sessions/1', { name: 'Saved' });
  await stage.call('POST', '/api/whatsapp-sessions/1/regenerate-key');
  const { body: after } = await stage.call('GET', '/api/whatsapp-sessions/1');
  expect(after.data).toMatchObject({ api_key: expect.stringMatching(/./), webhook_secret: expect.stringMatching(/./) });
  await stage.subscribe('http://127.0.0.1:9/hook');
  expect(await stage.engine.store.subscriptions.get(id)).toMatchObject({ state: 'active' });
});
