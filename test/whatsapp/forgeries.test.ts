import { FRIEND, OWN, Stage, textsOf } from './stage.ts';

let stage: Stage;
beforeEach(async () => void (stage = await Stage.open()));
afterEach(() => stage?.close());

const heard = (text: string) => stage.until((events) => textsOf(events).includes(text) && events);

test('a group’s message with another signature than its author’s is not believed', async () => {
  const { jid } = stage.sandbox.groups.create({ creator: FRIEND, subject: 'Us', participants: [OWN] });
  await stage.sandbox.send(FRIEND, { to: jid, text: 'in my own words' });
  await heard('in my own words');
  // What is changed are the last bytes, which are the signature.
  stage.sandbox.addFault({ fault: 'garble', phone: OWN, times: 1 });
  await stage.sandbox.send(FRIEND, { to: jid, text: 'not my words' });
  await stage.until((events) => events.some(({ event }) => event === 'message.undecryptable'));
  await heard('not my words');
});

test('a setting that is not what its MAC is about changes nothing', async () => {
  await stage.sandbox.send(FRIEND, { to: OWN, text: 'a chat' });
  await heard('a chat');
  // What happens to a chat before it was told of is told along with it.
  await stage.until((events) => events.some(({ event }) => event === 'chats.upsert'));
  const told = async () => (await stage.events('chats.update')).map(({ data }) => JSON.stringify(data)).join();
  stage.sandbox.chats.change(OWN, { chat: FRIEND, archived: true });
  await stage.untilTrue(async () => (await told()).includes('"archived":true'));
  stage.sandbox.addFault({ fault: 'forged-app-state', phone: OWN, times: 1 });
  stage.sandbox.chats.change(OWN, { chat: FRIEND, archived: false });
  await stage.untilTrue(() => stage.sandbox.faults()[0]!.fired > 0);
  stage.sandbox.chats.change(OWN, { chat: FRIEND, mutedUntil: -1 });
  await stage.untilTrue(async () => (await told()).includes('"mutedUntil":-1'));
  expect(await told()).not.toContain('"archived":false');
});

test('a file that is not the one in the message is not handed on', async () => {
  const documentBase64 = Buffer.from('a contract, of some length, with a sum in it').toString('base64');
  const { id } = await stage.sandbox.send(FRIEND, { to: OWN, documentBase64, fileName: 'contract.txt' } as never);
  const event = await stage.until((events) =>
    events.find(({ event, data }) => event === 'messages.received' && JSON.stringify(data).includes(id)),
  );
  stage.sandbox.addFault({ fault: 'forged-media', times: 1 });
  const refused = await stage.call('POST', '/api/decrypt-media', { data: event.data });
  expect(refused).toMatchObject({ status: 422, body: { code: 'media_not_usable' } });
  expect((await stage.call('POST', '/api/decrypt-media', { data: event.data })).status).toBe(200);
});
