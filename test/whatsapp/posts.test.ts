import type { EventEnvelope } from '../../engine/events.ts';
import { FRIEND, OWN, Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => void (stage = await Stage.open()));
afterAll(() => stage?.close());

const about = (name: string, text: string) =>
  stage.until((events: EventEnvelope[]) =>
    events.find(({ event, data }) => event === name && JSON.stringify(data).includes(text)),
  );

test('a post of a channel, its edit and its deletion are events, each once', async () => {
  const { jid } = stage.sandbox.channels.create({ owner: FRIEND, name: 'Bird news' });
  stage.sandbox.channels.follow(jid, { phone: OWN });
  const { id } = await stage.sandbox.channels.post(jid, { by: FRIEND, text: 'A wern was seen' });
  const post = await about('messages-newsletter.received', 'A wern was seen');
  expect(post).toMatchObject({
    jid,
    data: { messages: { key: { id, fromMe: false, remoteJid: jid }, messageBody: 'A wern was seen' } },
  });
  stage.sandbox.addFault({ fault: 'duplicate', phone: OWN, match: 'message' });
  stage.sandbox.channels.edit(jid, { by: FRIEND, id, text: 'A wren was seen' });
  expect((await about('messages.update', 'A wren was seen')).data).toMatchObject({
    key: { id, remoteJid: jid },
    update: { messageBody: 'A wren was seen' },
  });
  stage.sandbox.channels.delete(jid, { by: FRIEND, id });
  expect((await about('messages.delete', id)).data).toMatchObject({ keys: [{ id, remoteJid: jid }] });
  stage.sandbox.removeFaults();
  await stage.sandbox.channels.post(jid, { by: FRIEND, text: 'the end' });
  await about('messages-newsletter.received', 'the end');
  const counts = ['messages-newsletter.received', 'messages.update', 'messages.delete'].map(
    async (name) => (await stage.events(name)).length,
  );
  expect(await Promise.all(counts)).toEqual([2, 1, 1]);
});

test('the account posts in a channel of its own, edits and deletes there', async () => {
  const { jid } = stage.sandbox.channels.create({ owner: OWN, name: 'My own' });
  stage.sandbox.channels.follow(jid, { phone: FRIEND });
  const { status, body } = await stage.call('POST', '/api/send-message', {
    to: jid,
    text: 'Hello follwers',
    wait: true,
  });
  expect([status, body.message]).toEqual([200, undefined]);
  const { msgId, id } = body.data as { msgId: number; id: string };
  const posts = () => stage.sandbox.channels.posts(jid);
  expect(posts()).toMatchObject([{ id, text: 'Hello follwers' }]);
  expect((await stage.call('PUT', `/api/messages/${msgId}`, { text: 'Hello followers' })).status).toBe(200);
  expect(posts()).toMatchObject([{ id, text: 'Hello followers' }]);
  expect((await stage.call('DELETE', `/api/messages/${msgId}`)).status).toBe(200);
  expect(posts()).toMatchObject([{ id, deleted: true }]);
});

test('a channel of others takes no posts, and says so', async () => {
  const { jid } = stage.sandbox.channels.create({ owner: FRIEND, name: 'Not mine' });
  stage.sandbox.channels.follow(jid, { phone: OWN });
  const { status, body } = await stage.call('POST', '/api/send-message', { to: jid, text: 'may I?', wait: true });
  expect([status, body.code]).toEqual([502, 'whatsapp_refused']);
  expect(body.message).toMatch(/not let this account send here/);
});
