import type { EventEnvelope } from '../../engine/events.ts';
import { FRIEND, OWN, Stage, textsOf } from './stage.ts';

let stage: Stage;
beforeEach(async () => void (stage = await Stage.open()));
afterEach(() => stage?.close());

const named = (events: EventEnvelope[], name: string, id: string) =>
  events.filter(({ event, data }) => event === name && JSON.stringify(data).includes(id));
const when = (name: string, id: string) => stage.until((events) => named(events, name, id)[0]);

test('a message that cannot be decrypted is told at once, and again with its text when it comes readable', async () => {
  await stage.sandbox.send(FRIEND, { to: OWN, text: 'a session first' });
  await stage.until((events) => textsOf(events).includes('a session first'));
  stage.sandbox.addFault({ fault: 'garble', phone: OWN, times: 1 });
  const { id } = await stage.sandbox.send(FRIEND, { to: OWN, text: 'readable later' });
  const undecryptable = await when('message.undecryptable', id);
  expect(undecryptable).toMatchObject({ phone: FRIEND, data: { key: { id, fromMe: false }, reason: 'undecryptable' } });
  const recovered = await when('message.recovered', id);
  expect(recovered.data).toMatchObject({ key: { id } });
  const events = await stage.until((all) => textsOf(all).includes('readable later') && all);
  for (const name of ['message.undecryptable', 'message.recovered', 'messages.received']) {
    expect([name, named(events, name, id).length]).toEqual([name, 1]);
  }
});

test('a view-once message that WhatsApp keeps from linked devices is told with its reason', async () => {
  stage.sandbox.addFault({ fault: 'withhold', phone: OWN, type: 'view_once', times: 1 });
  const { id } = await stage.sandbox.send(FRIEND, { to: OWN, text: 'for your eyes only' });
  expect((await when('message.undecryptable', id)).data).toMatchObject({
    reason: 'view_once',
    message: 'A message that can be viewed once opens on the phone only.',
  });
  expect(textsOf(await stage.events())).not.toContain('for your eyes only');
});

test('a message that came without its content is brought by the own phone, and told as recovered', async () => {
  stage.sandbox.addFault({ fault: 'withhold', phone: OWN, times: 1 });
  const { id } = await stage.sandbox.send(FRIEND, { to: OWN, text: 'the phone has it' });
  await when('message.undecryptable', id);
  const events = await stage.until((all) => textsOf(all).includes('the phone has it') && all);
  for (const name of ['message.undecryptable', 'message.recovered', 'messages.received']) {
    expect([name, named(events, name, id).length]).toEqual([name, 1]);
  }
});

test('a restriction of the account is told when WhatsApp tells of it, and when it is lifted', async () => {
  const { id } = stage.sandbox.addFault({ fault: 'restrict-account', phone: OWN, seconds: 3600 });
  const told = await stage.until((events) => events.find(({ event }) => event === 'account.restricted'));
  expect(told.data).toMatchObject({
    restricted: true,
    until: expect.stringMatching(/Z$/),
    message: expect.any(String),
  });
  stage.sandbox.removeFaults(id);
  await stage.until((events) =>
    events.find(({ event, data }) => event === 'account.restricted' && !(data as { restricted: boolean }).restricted),
  );
});

test('a message that is nested a thousand deep is told as one that cannot be read, and holds nothing up', async () => {
  const { proto } = await import('@whiskeysockets/baileys');
  let content: InstanceType<typeof proto.Message> = proto.Message.create({ conversation: 'at the bottom' });
  for (let depth = 0; depth < 1000; depth++) content = proto.Message.create({ ephemeralMessage: { message: content } });
  const bytes = Buffer.concat([proto.Message.encode(content).finish(), Buffer.of(1)]).toString('base64');
  const { id } = await stage.sandbox.sendBytes(FRIEND, { to: OWN, bytes });
  await when('message.undecryptable', id);
  await stage.sandbox.send(FRIEND, { to: OWN, text: 'behind it' });
  await stage.until((events) => textsOf(events).includes('behind it'));
  expect(stage.engine.sessions.get(1).status.status).toBe('connected');
});

test('a message that brings a group’s key which is none is told with its text', async () => {
  const { proto } = await import('@whiskeysockets/baileys');
  const { jid } = stage.sandbox.groups.create({ creator: FRIEND, subject: 'Birds', participants: [OWN] });
  const content = proto.Message.encode({
    conversation: 'besides',
    senderKeyDistributionMessage: { groupId: jid, axolotlSenderKeyDistributionMessage: Buffer.from('no key') },
  }).finish();
  const bytes = Buffer.concat([content, Buffer.of(1)]).toString('base64');
  const { id } = await stage.sandbox.sendBytes(FRIEND, { to: OWN, bytes });
  await stage.until((events) => textsOf(events).includes('besides'));
  expect(named(await stage.events(), 'message.undecryptable', id)).toEqual([]);
});
