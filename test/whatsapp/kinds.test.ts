import { FRIEND, OWN, Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => void (stage = await Stage.open()));
afterAll(() => stage?.close());

/** Sends and answers what Robin's phone shows of it. */
async function send(message: Record<string, unknown>) {
  const { status, body } = await stage.call('POST', '/api/send-message', { to: `+${FRIEND}`, wait: true, ...message });
  expect([status, body.message, body['errors']]).toEqual([200, undefined, undefined]);
  const { id } = body.data as { id: string };
  await stage.untilTrue(() => stage.message(FRIEND, id));
  return stage.message(FRIEND, id)!;
}

/** Sends what is wrong and answers the errors by field. */
async function refuse(message: Record<string, unknown>) {
  const { status, body } = await stage.call('POST', '/api/send-message', { to: `+${FRIEND}`, ...message });
  expect(status).toBe(422);
  return body['errors'] as Record<string, string[]>;
}

test('a text that replies to another, with a mention', async () => {
  const { id } = await stage.sandbox.send(FRIEND, { to: OWN, text: 'question?' });
  await stage.until((events) => events.some(({ data }) => JSON.stringify(data).includes(id)));
  const shown = await send({ text: `answer @${FRIEND}`, replyTo: id, mentions: [FRIEND] });
  expect(shown).toMatchObject({
    text: `answer @${FRIEND}`,
    quoted: { id },
    mentions: [expect.stringContaining(FRIEND)],
  });
});

test('one contact card, and several', async () => {
  const one = await send({ contact: { name: 'Support; Team', phone: '+1 234 567 890' } });
  expect(one.type).toBe('contact');
  const { vcard } = (one.message as { contactMessage: { vcard: string } }).contactMessage;
  expect(vcard).toContain('FN:Support\\; Team');
  expect(vcard).toContain('waid=1234567890:+1234567890');
  const contacts = [
    { name: 'A', phone: '1234567890' },
    { name: 'B', phone: '1234567891', organization: 'Birds' },
  ];
  const two = await send({ contacts });
  expect((two.message as { contactsArrayMessage: { contacts: unknown[] } }).contactsArrayMessage.contacts).toHaveLength(
    2,
  );
});

test('a location, and a live one', async () => {
  const place = { latitude: 37.7749, longitude: -122.4194, name: 'Company HQ', address: '123 Business St' };
  expect((await send({ location: place })).message).toMatchObject({
    locationMessage: { degreesLatitude: 37.7749, degreesLongitude: -122.4194, name: 'Company HQ' },
  });
  expect((await send({ location: { ...place, live: true } })).message).toMatchObject({
    liveLocationMessage: { degreesLatitude: 37.7749, caption: 'Company HQ' },
  });
});

test('a poll with one answer, and one with several', async () => {
  const one = await send({ poll: { question: 'Colour?', options: ['Blue', 'Green'] } });
  expect(one).toMatchObject({
    type: 'poll',
    text: 'Colour?',
    poll: { options: [{ name: 'Blue' }, { name: 'Green' }] },
  });
  expect(one.message).toMatchObject({ pollCreationMessageV3: { selectableOptionsCount: 1 } });
  const several = await send({ poll: { question: 'Colours?', options: ['Blue', 'Green'], multiSelect: true } });
  expect(several.message).toMatchObject({ pollCreationMessage: { options: [{ optionName: 'Blue' }, {}] } });
});

test('an event', async () => {
  const event = { name: 'Bird walk', description: 'Bring boots', startTime: 1_800_000_000, location: 'The pond' };
  expect((await send({ event })).message).toMatchObject({
    eventMessage: {
      name: 'Bird walk',
      description: 'Bring boots',
      startTime: '1800000000',
      location: { name: 'The pond' },
    },
  });
});

test('buttons and a list, in the form that phones show', async () => {
  const { message } = await send({
    text: 'Choose',
    footer: 'small print',
    buttons: [{ text: 'Yes', id: 'y' }, { text: 'No' }],
  });
  const buttons = JSON.stringify(message);
  expect(buttons).toContain('quick_reply');
  expect(buttons).toContain('small print');
  const rows = [{ title: 'Tea' }, { title: 'Coffee' }];
  const list = await send({
    text: 'Menu',
    list: { title: 'Drinks', button: 'Open', sections: [{ title: 'Hot', rows }] },
  });
  expect(JSON.stringify(list.message)).toContain('single_select');
});

test('a message that disappears', async () => {
  const { message } = await send({ text: 'gone tomorrow', disappearAfter: 86_400 });
  expect(message).toMatchObject({ extendedTextMessage: { contextInfo: { expiration: 86_400 } } });
});

test('a status, for those who are named, else for the address book', async () => {
  const to = 'status@broadcast';
  const texts = () => stage.sandbox.messages(FRIEND).map(({ text }) => text);
  expect(await refuse({ to, text: 'nobody to see it' })).toEqual({ audience: [expect.stringMatching(/required/)] });
  await send({ to, text: 'for Robin', audience: [`+${FRIEND}`], backgroundColor: '#225588' });
  stage.sandbox.account.saveContact(OWN, { phone: FRIEND, name: 'Robin Redbreast' });
  await stage.until((events) =>
    events.some(({ event, data }) => event === 'contacts.upsert' && JSON.stringify(data).includes('Robin Redbreast')),
  );
  await send({ to, text: 'for all who are saved' });
  expect(texts()).toEqual(expect.arrayContaining(['for Robin', 'for all who are saved']));
});

test.each([
  ['nothing at all', {}, { text: ['The text field is required when no media is present.'] }],
  ['two things', { contact: { name: 'A', phone: '12345' }, poll: { question: '?', options: ['a', 'b'] } }, 'poll'],
  ['a poll with one option', { poll: { question: '?', options: ['a'] } }, 'poll.options'],
  ['a poll with the same option twice', { poll: { question: '?', options: ['a', 'a'] } }, 'poll.options'],
  ['a place that is nowhere', { location: { latitude: 91, longitude: 0 } }, 'location.latitude'],
  ['a card without a number', { contact: { name: 'A' } }, 'contact.phone'],
  ['a time that WhatsApp does not know', { text: 'x', disappearAfter: 5 }, 'disappearAfter'],
  ['a reply to nothing that is known', { text: 'x', replyTo: 999_999 }, 'replyTo'],
])('%s is refused with the field that is wrong', async (_words, message, wrong) => {
  const errors = await refuse(message);
  if (typeof wrong === 'string') expect(Object.keys(errors)).toContain(wrong);
  else expect(errors).toEqual(wrong);
});
