import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { FRIEND, OWN, Stage, type Answer } from './stage.ts';

/** The smallest there is, of one pixel. */
const PICTURE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
  'base64',
);

let stage: Stage;
beforeAll(async () => void (stage = await Stage.open()));
afterAll(() => stage?.close());

let keys = 0;
const newKey = () => `key-${keys++}`;
const post = (path: string, body: object, key: string, method = 'POST') =>
  stage.call(method, path, body, { 'idempotency-key': key });
const send = (body: object, key: string) => post('/api/send-message', { to: FRIEND, ...body }, key);
const idOf = ({ body }: Answer) => (body.data as { id: string }).id;
const textsAt = (phone: string) => stage.sandbox.messages(phone).map(({ text }) => text);
const said = async (text: string) =>
  stage
    .untilTrue(() => textsAt(FRIEND).includes(text))
    .then(() => textsAt(FRIEND).filter((one) => one === text).length);

test('two requests at once under one key are one message', async () => {
  const key = newKey();
  const answers = await Promise.all([1, 2, 3].map(() => send({ text: 'at once' }, key)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(new Set(answers.map(idOf)).size).toBe(1);
  expect(await said('at once')).toBe(1);
});

test('another message under a key that was used is refused, and sent under one of its own', async () => {
  const key = newKey();
  await send({ text: 'the first' }, key);
  expect(await send({ text: 'the second' }, key)).toMatchObject({
    status: 422,
    body: { code: 'idempotency_mismatch', message: expect.stringContaining('new key') },
  });
  await send({ text: 'the second' }, newKey());
  expect(await said('the second')).toBe(1);
});

test('a repeated request is answered the same after a restart, and while the session is disconnected', async () => {
  const key = newKey();
  const first = await send({ text: 'remembered' }, key);
  await said('remembered');
  await stage.engine.stop();
  await stage.startEngine();
  expect((await send({ text: 'remembered' }, key)).body).toEqual(first.body);
  await stage.call('POST', '/api/whatsapp-sessions/1/disconnect');
  expect((await send({ text: 'remembered' }, newKey())).status).toBe(409);
  expect((await send({ text: 'remembered' }, key)).body).toEqual(first.body);
  await stage.call('POST', '/api/whatsapp-sessions/1/connect');
  await stage.untilStatus((status) => status.status === 'connected');
  expect(await said('remembered')).toBe(1);
});

test('a message that was refused stays refused under its key', async () => {
  const key = newKey();
  stage.sandbox.addFault({ fault: 'nack', phone: OWN, code: 463, times: 1 });
  const first = await send({ text: 'refused', wait: true }, key);
  expect(first).toMatchObject({ status: 502, body: { code: 'whatsapp_refused' } });
  expect((await send({ text: 'refused', wait: true }, key)).body).toEqual(first.body);
  expect(textsAt(FRIEND)).not.toContain('refused');
});

test('a file is not fetched again: the answer is the same when its address is gone', async () => {
  const server = createServer((_req, res) => res.setHeader('content-type', 'image/png').end(PICTURE)).listen(0);
  await once(server, 'listening');
  const imageUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/photo.png`;
  const key = newKey();
  const first = await send({ text: 'a picture', imageUrl }, key);
  expect(first.status).toBe(200);
  server.closeAllConnections();
  server.close();
  expect((await send({ text: 'a picture', imageUrl }, key)).body).toEqual(first.body);
  expect(await said('a picture')).toBe(1);
});

test('a status is for those who were in the address book at the first request', async () => {
  const status = { to: 'status@broadcast', text: 'good morning' };
  const know = (phone: string) =>
    stage.engine.store.commit({
      sessionId: 1,
      directory: { contacts: [{ jid: `${phone}@s.whatsapp.net`, name: phone }], events: () => [] },
    });
  await know(FRIEND);
  const key = newKey();
  const first = await post('/api/send-message', status, key);
  expect(first.status).toBe(200);
  await know('15550100009');
  expect((await post('/api/send-message', status, key)).body).toEqual(first.body);
});

test.each([
  ['a reaction', 'POST', '/react', { emoji: '👍' }],
  ['an edit', 'PUT', '', { text: 'changed' }],
  ['a pin', 'POST', '/pin', {}],
  ['a forward', 'POST', '/forward', { to: FRIEND }],
  ['a deletion', 'DELETE', '', {}],
])('%s under one key is one message', async (_what, method, path, body) => {
  const target = await stage.send(FRIEND, 'about this');
  const { msgId } = target.body.data as { msgId: number };
  const key = newKey();
  const sent = () => stage.engine.store.messages.list(1, {}, 1000).then((all) => all.length);
  const first = await post(`/api/messages/${msgId}${path}`, body, key, method);
  expect(first.status).toBe(200);
  const changes = (await stage.engine.sessions.get(1).messages.about({ waId: idOf(target) } as never)).length;
  const before = await sent();
  const again = await post(`/api/messages/${msgId}${path}`, body, key, method);
  // It may have been delivered meanwhile.
  const steady = ({ body: answer }: Answer) => ({
    ...answer,
    data: answer.data && { ...answer.data, status: undefined },
  });
  expect(steady(again)).toEqual(steady(first));
  expect(await stage.engine.sessions.get(1).messages.about({ waId: idOf(target) } as never)).toHaveLength(changes);
  expect(await sent()).toBe(before);
});

test('a scheduled message is one, also when it is asked for again after it has left', async () => {
  const key = newKey();
  const scheduledAt = new Date(Date.now() + 300).toISOString();
  const first = await send({ text: 'later', scheduledAt }, key);
  expect(first.body.data).toMatchObject({ status: 'scheduled' });
  expect(await said('later')).toBe(1);
  await stage.call('POST', '/api/whatsapp-sessions/1/disconnect');
  expect(idOf(await send({ text: 'later', scheduledAt }, key))).toBe(idOf(first));
  expect(textsAt(FRIEND).filter((text) => text === 'later')).toHaveLength(1);
  await stage.call('POST', '/api/whatsapp-sessions/1/connect');
});
