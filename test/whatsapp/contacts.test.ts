import { ask, asked, refused } from './ask.ts';
import { FRIEND, OWN, Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => void (stage = await Stage.open()));
afterAll(() => stage?.close());

let made = 0;
/** A phone that no other test knows. */
const newPhone = (name?: string) =>
  stage.sandbox.addPhone({ phone: `1555030${String(++made).padStart(4, '0')}`, ...(name && { name }) });
const jidOf = (phone: string) => `${phone}@s.whatsapp.net`;
const NOBODY = '15550399999';
/** The smallest JPEG-to-be: one pixel. */
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

describe('a number', () => {
  test('is checked however it is written, and so is a LID', async () => {
    const { phone, lid } = newPhone();
    for (const typed of [`+${phone}`, phone, jidOf(phone)]) {
      const found = await asked(stage, 'contact.check', { phone_number: typed });
      expect(found).toEqual({ exists: true, jid: jidOf(phone), lid, phone });
    }
    expect(await asked(stage, 'contact.check', { phone_number: lid })).toMatchObject({ exists: true, lid });
    expect(await asked(stage, 'contact.check', { phone_number: NOBODY })).toEqual({
      exists: false,
      jid: null,
      lid: null,
      phone: NOBODY,
    });
    expect(await asked(stage, 'contact.check', { phone_number: '99999999999999@lid' })).toMatchObject({
      exists: false,
    });
    expect(await refused(stage, 'contact.check', { phone_number: 'Bob' })).toMatchObject({ status: 422 });
  });

  test('and its LID lead to each other', async () => {
    const { phone, lid } = newPhone();
    // only who has been told knows a LID’s number
    expect(await refused(stage, 'contact.pnFromLid', { lid })).toEqual({
      status: 404,
      code: 'not_found',
      error: 'LID not found or invalid.',
    });
    expect(await asked(stage, 'contact.lidFromPn', { pn: jidOf(phone) })).toEqual({ lid });
    expect(await asked(stage, 'contact.pnFromLid', { lid })).toEqual({ pn: jidOf(phone) });
    for (const pn of [NOBODY, 'Bob', lid]) {
      expect(await refused(stage, 'contact.lidFromPn', { pn })).toEqual({
        status: 404,
        code: 'not_found',
        error: 'Phone number not found or invalid.',
      });
    }
  });
});

describe('a person', () => {
  test('is known with picture and about text, who is no contact, too', async () => {
    const { phone, lid } = newPhone();
    stage.sandbox.account.setAbout(phone, { text: 'At the lake' });
    const { url } = await stage.sandbox.account.setPicture(phone, { base64: PIXEL });
    const shown = { name: null, notify: null, verifiedName: null, imgUrl: url, status: 'At the lake', lid, phone };
    expect(await asked(stage, 'contact.get', { contactPhoneNumber: phone })).toEqual({
      jid: jidOf(phone),
      id: jidOf(phone),
      ...shown,
    });
    const all = await asked<{ jid: string }[]>(stage, 'contact.list');
    expect(all.map(({ jid }) => jid)).not.toContain(jidOf(phone));
  });

  test('who is a business has the name that WhatsApp has verified', async () => {
    const { phone } = newPhone();
    stage.sandbox.account.setBusiness(phone, { name: 'Bird Seed Ltd' });
    const contact = await asked(stage, 'contact.get', { contactPhoneNumber: phone });
    expect(contact).toMatchObject({ verifiedName: 'Bird Seed Ltd' });
  });

  test('who hides picture and about text has none', async () => {
    const { phone } = newPhone();
    stage.sandbox.account.setAbout(phone, { text: 'Hidden' });
    await stage.sandbox.account.setPicture(phone, { base64: PIXEL });
    stage.sandbox.account.setPrivacy(phone, { profile: 'none', status: 'none' });
    expect(await asked(stage, 'contact.get', { contactPhoneNumber: phone })).toMatchObject({
      imgUrl: null,
      status: null,
    });
    expect(await asked(stage, 'contact.picture', { contactPhoneNumber: phone })).toEqual({ imgUrl: null });
  });

  test('has a picture, or null', async () => {
    const { phone, lid } = newPhone();
    expect(await asked(stage, 'contact.picture', { contactPhoneNumber: phone })).toEqual({ imgUrl: null });
    const { url } = await stage.sandbox.account.setPicture(phone, { base64: PIXEL });
    for (const typed of [`+${phone}`, lid]) {
      expect(await asked(stage, 'contact.picture', { contactPhoneNumber: typed })).toEqual({ imgUrl: url });
    }
    expect((await fetch(url)).headers.get('content-type')).toContain('image/jpeg');
  });

  test('who is not on WhatsApp is not found', async () => {
    expect(await refused(stage, 'contact.get', { contactPhoneNumber: NOBODY })).toEqual({
      status: 404,
      code: 'not_found',
      error: `Failed to get contact: +${NOBODY} is not on WhatsApp.`,
    });
  });

  test('is shown without what WhatsApp does not tell in time', async () => {
    const { phone } = newPhone();
    stage.sandbox.addFault({ fault: 'never-answer', phone: OWN, match: 'iq:w:profile:picture' });
    const answer = await ask(stage, 'contact.get', { contactPhoneNumber: phone });
    stage.sandbox.removeFaults();
    expect([answer.status, answer.body.data]).toEqual([200, expect.objectContaining({ imgUrl: null })]);
  });
});

describe('a contact', () => {
  test('is saved in the address book of the phone, and renamed there', async () => {
    const { phone, lid } = newPhone();
    const answer = await asked(stage, 'contact.put', {
      jid: jidOf(phone),
      fullName: 'John Doe',
      saveOnPrimaryAddressbook: true,
    });
    expect(answer).toEqual({ jid: jidOf(phone), fullName: 'John Doe', lid, phone });
    const onPhone = () => stage.sandbox.account.contacts(OWN).find((one) => one.phone === phone);
    expect(onPhone()).toMatchObject({ name: 'John Doe' });
    const upsert = await stage.until((events) =>
      events.find((one) => one.event === 'contacts.upsert' && one.phone === phone),
    );
    expect(upsert.data).toEqual([
      {
        jid: jidOf(phone),
        id: jidOf(phone),
        name: 'John Doe',
        notify: null,
        verifiedName: null,
        imgUrl: null,
        status: null,
        lid,
        phone,
      },
    ]);
    await asked(stage, 'contact.put', { jid: lid, fullName: 'Johnny' });
    expect(onPhone()).toMatchObject({ name: 'Johnny' });
    await stage.until(
      (events) => events.filter((one) => one.event === 'contacts.upsert' && one.phone === phone).length === 2,
    );
    expect(await asked(stage, 'contact.get', { contactPhoneNumber: phone })).toMatchObject({ name: 'Johnny' });
  });

  test('has to be named, and to be on WhatsApp', async () => {
    expect(await refused(stage, 'contact.put', { fullName: 'John Doe' })).toEqual({
      status: 422,
      code: 'validation_failed',
      error: 'The jid field is required.',
    });
    expect(await refused(stage, 'contact.put', { jid: NOBODY, fullName: 'John Doe' })).toMatchObject({
      status: 404,
      error: `Failed to save contact: +${NOBODY} is not on WhatsApp.`,
    });
    expect(await refused(stage, 'contact.put', { jid: '123-45678@g.us', fullName: 'x' })).toMatchObject({
      status: 422,
    });
  });

  test('is found in the list by name and number, by page, in order', async () => {
    const names = ['Zoë Zander', 'Álvaro Zander', 'zander, Bob'];
    const phones = names.map(() => newPhone().phone);
    for (const [at, fullName] of names.entries()) await asked(stage, 'contact.put', { jid: phones[at]!, fullName });
    type Listed = { name: string; phone: string }[];
    const search = (text: string) => asked<Listed>(stage, 'contact.list', { search: text });
    await stage.until(
      (events) =>
        events.filter((one) => one.event === 'contacts.upsert' && phones.includes(one.phone ?? '')).length === 3,
    );
    expect((await search('ZANDER')).map(({ name }) => name)).toEqual(['Álvaro Zander', 'zander, Bob', 'Zoë Zander']);
    expect((await search('alvaro')).map(({ name }) => name)).toEqual(['Álvaro Zander']);
    expect((await search(`+${phones[0]}`)).map(({ name }) => name)).toEqual(['Zoë Zander']);
    const page = { search: 'zander', paginated: true, page: 2, limit: 2 };
    expect(await asked(stage, 'contact.list', page)).toMatchObject({
      items: [{ name: 'Zoë Zander' }],
      pagination: { total: 3, page: 2, limit: 2, totalPages: 2 },
    });
    expect(await asked<unknown[]>(stage, 'contact.list', { search: 'nobody of that name' })).toEqual([]);
  });
});

describe('blocking', () => {
  test('is done on the phone, listed, and undone', async () => {
    const { phone, lid } = newPhone();
    const block = (op: string, typed: string) => asked(stage, `contact.${op}`, { contactPhoneNumber: typed });
    expect(await block('block', `+${phone}`)).toEqual({ message: 'Contact blocked' });
    expect(stage.sandbox.account.blocklist(OWN).map((one) => one.phone)).toEqual([phone]);
    expect(await asked(stage, 'contact.blocked')).toEqual([{ jid: jidOf(phone), lid, phone }]);
    expect(await block('unblock', lid)).toEqual({ message: 'Contact unblocked' });
    expect(stage.sandbox.account.blocklist(OWN)).toEqual([]);
    await block('block', lid);
    expect(stage.sandbox.account.blocklist(OWN).map((one) => one.phone)).toEqual([phone]);
    await block('unblock', phone);
    expect(await asked(stage, 'contact.blocked')).toEqual([]);
  });

  test('needs somebody who is on WhatsApp', async () => {
    expect(await refused(stage, 'contact.block', { contactPhoneNumber: NOBODY })).toEqual({
      status: 404,
      code: 'not_found',
      error: `Failed to block contact: +${NOBODY} is not on WhatsApp.`,
    });
    expect(await refused(stage, 'contact.unblock', { contactPhoneNumber: 'nobody' })).toMatchObject({ status: 422 });
  });
});

test('a number may be asked about by a friend’s session key as well', async () => {
  const { body } = await stage.call('GET', '/api/whatsapp-sessions/1');
  const key = (body.data as { api_key: string }).api_key;
  const answer = await stage.call('GET', `/api/on-whatsapp/${FRIEND}`, undefined, { authorization: `Bearer ${key}` });
  expect(answer.body.data).toMatchObject({ exists: true });
});
