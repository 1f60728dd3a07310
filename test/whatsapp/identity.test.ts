import type { EventEnvelope } from '../../engine/events.ts';
import { FRIEND, OWN, Stage, textsOf } from './stage.ts';

let stage: Stage;
beforeEach(async () => void (stage = await Stage.open()));
afterEach(() => stage?.close());

const CHANGED = 'contact.identity_changed';
const changes = () => stage.events(CHANGED);

/** The friend writes, and it arrives. */
async function hears(text: string, to = OWN): Promise<EventEnvelope[]> {
  await stage.sandbox.send(FRIEND, { to, text });
  return stage.until((events) => textsOf(events).includes(text) && events);
}

/** The account writes to the friend, and it is on their phone. */
async function says(text: string, to = FRIEND): Promise<void> {
  const { status } = await stage.send(to, text);
  expect(status).toBe(200);
  await stage.untilTrue(() => stage.sandbox.messages(FRIEND).some((message) => message.text === text));
}

/** The changes told so far, once there are so many. */
const told = (count: number) =>
  stage.until((events) => {
    const found = events.filter(({ event }) => event === CHANGED);
    return found.length >= count && found;
  });

test('a contact who installs WhatsApp anew is an event, once, and messages go on both ways', async () => {
  await hears('hello');
  await says('hello to you');
  expect(await changes()).toEqual([]);

  await stage.sandbox.reinstall(FRIEND);
  const [event] = await told(1);
  const { lid } = stage.sandbox.phone(FRIEND);
  expect(event).toMatchObject({ phone: FRIEND, lid, jid: `${FRIEND}@s.whatsapp.net` });
  expect(event!.data).toMatchObject({ changedAt: expect.stringMatching(/Z$/), announced: expect.any(Boolean) });

  await hears('a new phone');
  await says('congratulations');
  await hears('thank you');
  // and the next one is one more
  await stage.sandbox.reinstall(FRIEND);
  await told(2);
  await hears('lost it');
  expect(await changes()).toHaveLength(2);
});

test('a change while the engine was away is told before the message that brings it, and a restart is none', async () => {
  await hears('hello');
  await says('hello to you');
  await stage.engine.stop();
  await stage.sandbox.reinstall(FRIEND);
  await stage.sandbox.send(FRIEND, { to: OWN, text: 'from the new phone' });
  await stage.startEngine();
  const events = await stage.until((all) => textsOf(all).includes('from the new phone') && all);
  const order = events.filter(({ event }) => event === CHANGED || event === 'messages.received').slice(-2);
  expect(order.map(({ event }) => event)).toEqual([CHANGED, 'messages.received']);
  await stage.engine.stop();
  await stage.startEngine();
  await hears('still me');
  await says('still me, too');
  expect(await changes()).toHaveLength(1);
});

test('what was sent to the identity of before is asked for again, and arrives', async () => {
  await hears('hello');
  await says('hello to you');
  // The engine is not told: WhatsApp's word is lost on the way, and the message leaves for the phone of before.
  stage.sandbox.addFault({ fault: 'never-answer', phone: OWN, match: 'iq:encrypt' });
  await stage.sandbox.reinstall(FRIEND);
  await told(1);
  stage.sandbox.removeFaults();
  await says('to whom it may concern');
  expect(await changes()).toHaveLength(1);
});

test('somebody who silently puts his own identity in between is an event, and so is the way back', async () => {
  await hears('hello');
  stage.sandbox.addFault({ fault: 'swapped-identity', phone: FRIEND, times: 1 });
  await stage.forgetSignalSessions();
  await stage.send(FRIEND, 'for your eyes only');
  const [swapped] = await told(1);
  expect(swapped).toMatchObject({ phone: FRIEND, data: { announced: false } });
  // The phone cannot read it, and asks for it again with its own keys.
  await stage.untilTrue(() => stage.sandbox.messages(FRIEND).some(({ text }) => text === 'for your eyes only'));
  expect(await told(2)).toHaveLength(2);
});

test('keys that the contact has not signed are refused: nothing is encrypted with them, and nothing is told', async () => {
  await hears('hello');
  await stage.forgetSignalSessions();
  const forged = stage.sandbox.addFault({ fault: 'forged-prekey', phone: FRIEND });
  await stage.call('POST', '/api/send-message', { to: FRIEND, text: 'with genuine keys only' });
  // It tries again after a while, and goes on waiting.
  await stage.untilTrue(() => stage.sandbox.faults()[0]!.fired > 1);
  expect(stage.sandbox.messages(FRIEND).map(({ text }) => text)).not.toContain('with genuine keys only');
  stage.sandbox.removeFaults(forged.id);
  await stage.untilTrue(() => stage.sandbox.messages(FRIEND).some(({ text }) => text === 'with genuine keys only'));
  expect(await changes()).toEqual([]);
});

test('a member’s changed identity is told, and the group goes on both ways', async () => {
  const { jid: group } = stage.sandbox.groups.create({ creator: OWN, subject: 'Two of us', participants: [FRIEND] });
  await hears('hello', group);
  await says('hello to you', group);
  await stage.sandbox.reinstall(FRIEND);
  await told(1);
  await says('are you still there?', group);
  await hears('on a new phone', group);
  await says('good', group);
  expect(await changes()).toHaveLength(1);
});

test('the own account’s phone installed anew logs the session out, and is no contact’s change', async () => {
  await hears('hello');
  await stage.sandbox.reinstall(OWN);
  await stage.untilStatus(({ status }) => status === 'logged_out');
  expect(await changes()).toEqual([]);
});

test('after a change a message that cannot be read is told and recovered like any other', async () => {
  await hears('hello');
  await says('hello to you');
  await stage.sandbox.reinstall(FRIEND);
  await told(1);
  stage.sandbox.addFault({ fault: 'garble', phone: OWN, times: 1 });
  await hears('first words');
  const names = (await stage.events()).map(({ event }) => event).filter((name) => /^message\.(un|rec)/.test(name));
  expect(names).toEqual(['message.undecryptable', 'message.recovered']);
  expect(await changes()).toHaveLength(1);
});
