import { FRIEND } from '../whatsapp/stage.ts';
import { file } from './files.ts';
import { prove } from './prove.ts';
import { must, OWN, SAMPLE, SAMPLE_JID, World, type Answer } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await World.open();
  for (const [phone, name] of [
    [SAMPLE, 'Sam from work'],
    [FRIEND, 'Robin from work'],
  ] as const) {
    // Whoever has written is known by the name of the profile, too.
    await world.sandbox.send(phone, { to: OWN, text: 'Hello' });
    await world.eventually('the name of the profile', async () =>
      dataOf<Contact[]>(await get('contacts')).some(({ jid, notify }) => jid?.startsWith(phone) && notify),
    );
    await put({ jid: `${phone}@s.whatsapp.net`, fullName: name });
  }
});
afterAll(() => world?.close());

const put = (body: Record<string, unknown>) => world.api('PUT', '/api/contacts', body);
const get = (path: string) => world.api('GET', `/api/${path}`);
const post = (path: string) => world.api('POST', `/api/${path}`);
const dataOf = <T>(answer: Answer) => answer.body.data as T;
const blocked = () => world.sandbox.account.blocklist(OWN).map(({ phone }) => phone);
const lidOf = (phone: string) => world.sandbox.phone(phone).lid;

interface Contact {
  jid?: string;
  id?: string;
  name: string | null;
  notify: string | null;
  status: string | null;
  imgUrl: string | null;
}
interface Page {
  items: Contact[];
  pagination: { total: number; page: number; limit: number; totalPages: number };
}
const page = async (query: string) => dataOf<Page>(await get(`contacts?${query}`));

/** Every form in which people write a number names the same person; what is no number is refused. */
async function forms(ask: (who: string) => Promise<Answer>, fits: (answer: Answer) => unknown): Promise<void> {
  for (const who of [SAMPLE, `+${SAMPLE}`, SAMPLE_JID, lidOf(SAMPLE)]) {
    const answer = await ask(encodeURIComponent(who));
    must(answer.status === 200 && fits(answer), `${who}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
  const { status } = await ask('nobody');
  must(status === 422 || status === 404, `nobody is ${status}`);
}

prove('get-all-contacts', {
  parameters: {
    paginated: async () => {
      must(Array.isArray(dataOf(await get('contacts'))), 'No list without it');
      must(Array.isArray(dataOf(await get('contacts?paginated=false'))), 'No list with false');
      must(Array.isArray((await page('paginated=true')).items), 'No page with true');
      must((await get('contacts?paginated=perhaps')).status === 422, 'Anything is taken');
    },
    page: async () => {
      const [first, second] = [
        await page('paginated=true&page=1&limit=1'),
        await page('paginated=true&page=2&limit=1'),
      ];
      must(second.pagination.page === 2 && second.items.length === 1, 'No second page');
      must(first.items[0]!.jid !== second.items[0]!.jid, 'The same page twice');
      must((await get('contacts?paginated=true&page=0')).status === 422, 'Page 0 is taken');
    },
    limit: async () => {
      const { items, pagination } = await page('paginated=true&limit=1');
      must(items.length === 1 && pagination.limit === 1 && pagination.totalPages === pagination.total, 'Another limit');
      must((await page('paginated=true')).pagination.limit === 20, 'Another default');
    },
  },
  responses: {
    'Success Response (non-paginated)': async (is) => {
      const answer = await get('contacts');
      const known = dataOf<Contact[]>(answer).filter(({ name, notify }) => name && notify);
      is({ ...answer, body: { ...answer.body, data: known } });
      const sam = known.find(({ name }) => name === 'Sam from work');
      must(sam?.jid?.startsWith(SAMPLE), `Sam is ${JSON.stringify(sam)}`);
    },
    'Success Response (paginated=true)': async (is) => {
      const answer = await get('contacts?paginated=true&page=1&limit=20');
      const { items, pagination } = dataOf<Page>(answer);
      const known = items.filter(({ name, notify }) => name && notify);
      is({ ...answer, body: { ...answer.body, data: { items: known, pagination } } });
      must(pagination.total >= 2 && pagination.totalPages === 1, JSON.stringify(pagination));
    },
  },
});

prove('get-contact-info', {
  parameters: {
    contactPhoneNumber: () =>
      forms(
        (who) => get(`contacts/${who}`),
        (answer) => dataOf<Contact>(answer).name === 'Sam from work',
      ),
  },
  responses: {
    'Success Response': async (is) => {
      world.sandbox.account.setAbout(SAMPLE, { text: 'At the example' });
      const contact = is(await get(`contacts/${SAMPLE}`)).data as unknown as Contact;
      must(contact.status === 'At the example', `About is ${contact.status}`);
    },
  },
});

prove('get-contact-profile-picture', {
  parameters: {
    contactPhoneNumber: async () => {
      await world.sandbox.account.setPicture(SAMPLE, { base64: file('image.jpg').toString('base64') });
      await forms(
        (who) => get(`contacts/${who}/picture`),
        (answer) => dataOf<Contact>(answer).imgUrl,
      );
    },
  },
  responses: {
    'Success Response': async (is) => {
      await world.sandbox.account.setPicture(SAMPLE, { base64: file('image.jpg').toString('base64') });
      const { imgUrl } = is(await get(`contacts/${SAMPLE}/picture`)).data as { imgUrl: string };
      const picture = await fetch(imgUrl);
      must(picture.ok && picture.headers.get('content-type')?.startsWith('image/'), `No picture at ${imgUrl}`);
      must(dataOf<Contact>(await get(`contacts/${FRIEND}/picture`)).imgUrl === null, 'A picture where there is none');
    },
  },
});

prove('block-contact', {
  parameters: {
    contactPhoneNumber: () =>
      forms(
        async (who) => {
          await post(`contacts/${who}/unblock`);
          return post(`contacts/${who}/block`);
        },
        () => blocked().includes(SAMPLE),
      ),
  },
  responses: {
    'Success Response': async (is) => {
      const { data } = is(await post(`contacts/${FRIEND}/block`));
      must((data as { message: string }).message === 'Contact blocked', JSON.stringify(data));
      must(blocked().includes(FRIEND), 'The phone has blocked nobody');
    },
  },
});

prove('unblock-contact', {
  parameters: {
    contactPhoneNumber: () =>
      forms(
        async (who) => {
          await post(`contacts/${SAMPLE}/block`);
          return post(`contacts/${who}/unblock`);
        },
        () => !blocked().includes(SAMPLE),
      ),
  },
  responses: {
    'Success Response': async (is) => {
      await post(`contacts/${FRIEND}/block`);
      const { data } = is(await post(`contacts/${FRIEND}/unblock`));
      must((data as { message: string }).message === 'Contact unblocked', JSON.stringify(data));
      must(!blocked().includes(FRIEND), 'The phone still blocks');
    },
  },
});

const saved = (phone: string) => world.sandbox.account.contacts(OWN).find((contact) => contact.phone === phone);

prove('create-or-update-contact', {
  parameters: {
    jid: async () => {
      const answer = await put({ fullName: 'Nobody' });
      must(answer.status === 422 && answer.body['error'], `Status ${answer.status}`);
      const phone = world.newPhone();
      must((await put({ jid: `+${phone}`, fullName: 'By number' })).status === 200, 'No number is taken');
      await world.eventually('the contact', () => saved(phone)?.name === 'By number');
    },
    fullName: async () => {
      const phone = world.newPhone();
      await put({ jid: phone, fullName: 'Old Name' });
      await put({ jid: phone, fullName: 'New Name' });
      await world.eventually('the new name', () => saved(phone)?.name === 'New Name');
      const { name } = dataOf<Contact>(await get(`contacts/${phone}`));
      must(name === 'New Name', `Told as ${name}`);
      must((await put({ jid: phone })).status === 200, 'Needed, though documented as optional');
    },
    saveOnPrimaryAddressbook: async () => {
      must((await put({ jid: SAMPLE, fullName: 'Sam', saveOnPrimaryAddressbook: 'perhaps' })).status === 422, 'Any');
      for (const saveOnPrimaryAddressbook of [true, false]) {
        const phone = world.newPhone();
        await put({ jid: phone, fullName: 'On the phone?', saveOnPrimaryAddressbook });
        await world.eventually('the contact', () => saved(phone));
        const wanted = onPrimary(phone);
        must(wanted === saveOnPrimaryAddressbook, `${saveOnPrimaryAddressbook} is ${wanted}`);
      }
      await put({ jid: SAMPLE, fullName: 'Sam from work' });
    },
  },
  responses: {
    'Success Response': async (is, example) => {
      const answer = await put({ jid: SAMPLE_JID, fullName: 'John Doe', saveOnPrimaryAddressbook: true });
      const { data } = is(answer);
      must(JSON.stringify(data).includes('John Doe') && JSON.stringify(example).includes('John Doe'), 'Another name');
      await world.eventually('the contact', () => saved(SAMPLE)?.name === 'John Doe');
      await put({ jid: SAMPLE, fullName: 'Sam from work' });
    },
    'Error Response (Validation)': async (is) => void is(await put({ fullName: 'John Doe' }), { status: 422 }),
  },
});

/** Whether the phone was asked to save the contact in its own address book, too. */
const onPrimary = (phone: string) => saved(phone)?.onPrimary;

prove('get-lid-from-phone-number', {
  parameters: {
    pn: async () => {
      const { lid } = dataOf<{ lid: string }>(await get(`lid-from-pn/${FRIEND}@s.whatsapp.net`));
      must(lid === lidOf(FRIEND), `Says ${lid}`);
      must((await get('lid-from-pn/nobody')).status >= 400, 'Anything is taken');
    },
  },
  responses: {
    'Success Response': async (is) => {
      const { lid } = is(await get(`lid-from-pn/${SAMPLE_JID}`)).data as { lid: string };
      must(lid === lidOf(SAMPLE), `Says ${lid}`);
    },
    'Error Response': async (is) => void is(await get('lid-from-pn/15559990000@s.whatsapp.net')),
  },
});

prove('get-phone-number-from-lid', {
  parameters: {
    lid: async () => {
      const { pn } = dataOf<{ pn: string }>(await get(`pn-from-lid/${lidOf(FRIEND)}`));
      must(pn === `${FRIEND}@s.whatsapp.net`, `Says ${pn}`);
      must((await get('pn-from-lid/nobody')).status >= 400, 'Anything is taken');
    },
  },
  responses: {
    'Success Response': async (is) => {
      const { pn } = is(await get(`pn-from-lid/${lidOf(SAMPLE)}`)).data as { pn: string };
      must(pn === SAMPLE_JID, `Says ${pn}`);
    },
    'Error Response': async (is) => void is(await get('pn-from-lid/99999999999999@lid')),
  },
});

prove('check-if-a-number-is-on-whatsapp', {
  parameters: {
    phone_number: async () => {
      const exists = async (phone: string) =>
        dataOf<{ exists: boolean }>(await get(`on-whatsapp/${encodeURIComponent(phone)}`)).exists;
      must((await exists(`+${SAMPLE}`)) && (await exists(SAMPLE)) && (await exists(SAMPLE_JID)), 'Nobody is there');
      must((await exists('+15559990000')) === false, 'Somebody is there');
      must((await get('on-whatsapp/nobody')).status === 422, 'Anything is taken');
    },
  },
  responses: { 'Success Response': async (is) => void is(await get(`on-whatsapp/+${SAMPLE}`)) },
});
