import { FRIEND, OWN, Stage, textsOf } from './stage.ts';

/** Session 2 is a device linked to the friend's account. */
let stage: Stage;
beforeEach(async () => {
  stage = await Stage.open();
  await link(2, FRIEND);
});
afterEach(() => stage?.close());

/** Makes a session and links it to a phone. */
async function link(session: number, phone: string): Promise<void> {
  await stage.call('POST', '/api/whatsapp-sessions', { name: `Of ${phone}`, phone_number: phone });
  const connect = await stage.call('POST', `/api/whatsapp-sessions/${session}/connect`);
  await stage.sandbox.scan(phone, (connect.body.data as { qrCode: string }).qrCode);
  await stage.untilStatus(({ status }) => status === 'connected', session);
}

const asFriend = (text: string) =>
  stage.call('POST', '/api/send-message', { to: OWN, text, wait: true }, { 'x-warbler-session': '2' });
const heard = (text: string, session = 1) => stage.until((events) => textsOf(events).includes(text) && events, session);
const about = (name: string, session = 1) => stage.events(name, session);

test('a linked device for which the account vouches is believed, and no change of identity', async () => {
  await asFriend('from a linked device');
  await heard('from a linked device');
  expect((await stage.send(FRIEND, 'to all your devices')).status).toBe(200);
  await heard('to all your devices', 2);
  await stage.sandbox.send(FRIEND, { to: OWN, text: 'from the phone' });
  await heard('from the phone');
  expect(await about('contact.identity_changed')).toEqual([]);
});

test('a linked device is believed by the key of its phone, whichever of the two WhatsApp answers first', async () => {
  const stranger = '15550100077';
  await stage.sandbox.addPhone({ phone: stranger });
  await link(3, stranger);
  // In a group the keys of all devices are asked for at once.
  const made = await stage.call('POST', '/api/groups', { name: 'Strangers', participants: [stranger] });
  const { id } = made.body.data as { id: string };
  expect((await stage.send(id, 'the first word')).status).toBe(200);
  await heard('the first word', 3);
  // Refused, its keys would have been asked for again.
  const { lid } = stage.sandbox.phones().find(({ phone }) => phone === stranger)!;
  const device = `"${lid.replace('@', ':1@')}"`;
  const asked = stage.sandbox
    .stanzas({ phone: OWN, limit: 1000 })
    .map(({ stanza }) => JSON.stringify(stanza))
    .filter((stanza) => stanza.includes('"xmlns":"encrypt","type":"get"') && stanza.includes(device));
  expect(asked.length).toBe(1);
  expect(await about('contact.identity_changed')).toEqual([]);
});

test('a message of a linked device for which nobody vouches is not believed, until it is vouched for', async () => {
  stage.sandbox.addFault({ fault: 'forged-voucher', in: 'messages', phone: OWN, times: 1 });
  await asFriend('trust me');
  await stage.until((events) => events.some(({ event }) => event === 'message.undecryptable'));
  expect(textsOf(await stage.events())).not.toContain('trust me');
  await heard('trust me');
  expect(stage.sandbox.faults()).toMatchObject([{ fired: 1 }]);
  expect(await about('contact.identity_changed')).toEqual([]);
});

test('nothing is encrypted for a linked device that somebody else has put there; the others get the message', async () => {
  const forged = stage.sandbox.addFault({ fault: 'forged-voucher', in: 'keys', phone: OWN });
  expect((await stage.send(FRIEND, 'not for strangers')).status).toBe(200);
  await stage.untilTrue(() => stage.sandbox.messages(FRIEND).some(({ text }) => text === 'not for strangers'));
  expect(stage.sandbox.faults()[0]!.fired).toBeGreaterThan(0);
  const { devices } = stage.message(OWN, stage.sandbox.messages(FRIEND).at(-1)!.id) ?? {};
  expect(devices?.map(({ device }) => device).filter((device) => device.startsWith(`${FRIEND}:`))).toEqual([]);
  expect(textsOf(await stage.events(undefined, 2))).toEqual([]);
  stage.sandbox.removeFaults(forged.id);
  await stage.send(FRIEND, 'welcome');
  await heard('welcome', 2);
});
