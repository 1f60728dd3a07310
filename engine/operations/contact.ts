import { z } from 'zod';
import { EngineError } from '../errors.ts';
import * as contacts from '../whatsapp/contacts.ts';
import { describeContact } from '../whatsapp/directory.ts';
import { lidOf, phoneOf, toJid } from '../whatsapp/jid.ts';
import { fresh, imgUrl, lid, personJid, phone, whatWasDone } from './fields.ts';
import { listed, listFields, listOf, sliceOf, sought } from './listing.ts';
import { operation } from './operation.ts';
import { ASKING } from './refusals.ts';

const contactPhoneNumber = z.string().meta({
  description: 'Phone number with country code, or a WhatsApp address (…@s.whatsapp.net, …@lid)',
  examples: ['15551234567'],
});
const lidShown = z.string().meta({ examples: ['123456789012345@lid'] });
const byNumber = z.object({ contactPhoneNumber });

const about = {
  name: z
    .string()
    .nullable()
    .meta({ description: 'Name in the account’s address book', examples: ['Robin Example'] }),
  notify: z
    .string()
    .nullable()
    .meta({ description: 'What the person calls themselves', examples: ['Robin'] }),
  verifiedName: z
    .string()
    .nullable()
    .meta({ description: 'Name of a business that WhatsApp has verified', examples: ['Robin’s Bakery'] }),
  imgUrl,
  status: z
    .string()
    .nullable()
    .meta({ description: 'The about text', examples: ['Hey there! I am using WhatsApp.'] }),
  lid,
  phone,
};

const shown = z.object({ jid: personJid, id: personJid, ...about }).meta({ title: 'Contact' });

export const list = operation({
  id: 'contact.list',
  http: 'GET /api/contacts',
  access: 'session',
  summary: 'List the contacts of the account, by name',
  tools: [
    {
      name: 'list_contacts',
      description:
        'List the contacts of the WhatsApp account by name, a page at a time. To find somebody use search_contacts.',
      readOnly: true,
      local: true,
      fields: ['page', 'limit'],
      set: { paginated: true },
    },
    {
      name: 'search_contacts',
      description:
        'Find contacts by a part of their name or number, for instance to learn the number of somebody known by name before writing to them.',
      readOnly: true,
      local: true,
      fields: ['search', 'page', 'limit'],
      required: ['search'],
      set: { paginated: true },
    },
  ],
  input: z.object(listFields),
  output: listOf(shown),
  run: async ({ engine, record }, { search, ...asked }) => {
    const found = await engine.store.contacts.list(record.id, { search: sought(search) }, sliceOf(asked));
    return listed({ ...found, items: found.items.map(describeContact) }, asked);
  },
});

export const put = operation({
  id: 'contact.put',
  http: 'PUT /api/contacts',
  access: 'session',
  summary: 'Save a contact in the account’s address book, or give it another name',
  tools: [
    {
      name: 'add_or_edit_contact',
      description: 'Save a person in the address book of the WhatsApp account, or give them another name.',
      idempotent: true,
    },
  ],
  input: z.object({
    jid: contactPhoneNumber,
    fullName: z
      .string()
      .trim()
      .min(1)
      .max(200)
      .optional()
      .meta({ description: 'Name of the contact', examples: ['Robin Example'] }),
    saveOnPrimaryAddressbook: z.boolean().default(false).describe('Also save it in the address book of the phone'),
  }),
  errors: [...ASKING, 'budget_exhausted'],
  output: z.object({ jid: personJid, fullName: about.name, lid, phone }),
  run: async ({ session }, { jid, fullName, saveOnPrimaryAddressbook: onPhone }) => {
    const { name, ...who } = await contacts.put(session, contacts.toPerson(jid, 'jid'), { fullName, onPhone });
    return { ...who, fullName: name };
  },
});

export const get = operation({
  id: 'contact.get',
  http: 'GET /api/contacts/:contactPhoneNumber',
  access: 'session',
  tools: [
    {
      name: 'get_contact_info',
      description: 'Get what is known of a person: names, number, picture and the about text.',
      readOnly: true,
    },
  ],
  summary: 'Get what is known of a person; WhatsApp is asked for picture and about text, at most once an hour',
  input: byNumber.extend({ fresh }),
  errors: [...ASKING, 'budget_exhausted'],
  output: shown,
  run: async ({ session }, { contactPhoneNumber, fresh }) => {
    return describeContact(await contacts.get(session, person(contactPhoneNumber), { fresh }));
  },
});

export const picture = operation({
  id: 'contact.picture',
  http: 'GET /api/contacts/:contactPhoneNumber/picture',
  access: 'session',
  limit: 'contact_picture',
  summary: 'Get the URL of a person’s profile picture',
  tools: [
    {
      name: 'get_contact_picture',
      description: 'Get the URL of a person’s profile picture; null when there is none that this account may see.',
      readOnly: true,
      plain: true,
    },
  ],
  input: byNumber.extend({ fresh }),
  errors: [...ASKING, 'budget_exhausted'],
  output: z.object({
    imgUrl: imgUrl.describe('URL of the picture, at WhatsApp; null: there is none that this account may see'),
  }),
  run: async ({ session }, { contactPhoneNumber, fresh }) => ({
    imgUrl: await contacts.picture(session, person(contactPhoneNumber), { fresh }),
  }),
});

export const block = operation({
  id: 'contact.block',
  http: 'POST /api/contacts/:contactPhoneNumber/block',
  access: 'session',
  summary: 'Block a person: they can no longer write or call',
  tools: [
    {
      name: 'block_contact',
      description: 'Block a person: they can no longer write to this account or call it.',
      idempotent: true,
      plain: true,
    },
  ],
  input: byNumber,
  errors: [...ASKING, 'budget_exhausted'],
  output: z.object({ message: whatWasDone('Contact blocked') }),
  run: async ({ session }, { contactPhoneNumber }) => {
    await contacts.setBlocked(session, person(contactPhoneNumber), true);
    return { message: 'Contact blocked' };
  },
});

export const unblock = operation({
  id: 'contact.unblock',
  http: 'POST /api/contacts/:contactPhoneNumber/unblock',
  access: 'session',
  summary: 'Unblock a person',
  tools: [
    {
      name: 'unblock_contact',
      description: 'Unblock a person, so that they can write and call again.',
      idempotent: true,
      plain: true,
    },
  ],
  input: byNumber,
  errors: [...ASKING, 'budget_exhausted'],
  output: z.object({ message: whatWasDone('Contact unblocked') }),
  run: async ({ session }, { contactPhoneNumber }) => {
    await contacts.setBlocked(session, person(contactPhoneNumber), false);
    return { message: 'Contact unblocked' };
  },
});

export const blocked = operation({
  id: 'contact.blocked',
  http: 'GET /api/blocklist',
  access: 'session',
  summary: 'List the people whom the account has blocked',
  errors: ASKING,
  input: z.object({}),
  output: z.array(z.object({ jid: personJid, lid, phone })),
  run: ({ session }) => contacts.blocked(session),
});

export const check = operation({
  id: 'contact.check',
  http: 'GET /api/on-whatsapp/:phone_number',
  access: 'session',
  limit: 'number_check',
  summary: 'Check whether a phone number, or a LID, is on WhatsApp',
  tools: [
    {
      name: 'check_jid_on_whatsapp',
      description:
        'Check whether a phone number is on WhatsApp, before writing to it for the first time. WhatsApp dislikes accounts that check many numbers.',
      readOnly: true,
      plain: true,
    },
  ],
  input: z.object({ phone_number: contactPhoneNumber, fresh }),
  errors: [...ASKING, 'budget_exhausted'],
  output: z.object({
    exists: z.boolean().describe('Whether it is on WhatsApp'),
    jid: personJid.nullable().describe('WhatsApp’s address of the person; null when there is none'),
    lid,
    phone,
  }),
  run: async ({ session }, { phone_number, fresh }) => {
    const { exists, person } = await contacts.check(session, contacts.toPerson(phone_number, 'phone_number'), {
      fresh,
    });
    return { exists, jid: exists ? person.jid : null, lid: exists ? person.lid : null, phone: person.phone };
  },
});

export const lidFromPn = operation({
  id: 'contact.lidFromPn',
  http: 'GET /api/lid-from-pn/:pn',
  access: 'session',
  summary: 'Get the LID of a phone number',
  tools: [
    {
      name: 'get_lid_from_phone_number',
      description: 'Get the LID (WhatsApp’s address that does not tell the number) of a phone number.',
      readOnly: true,
      plain: true,
    },
  ],
  input: z.object({
    pn: contactPhoneNumber.describe('Phone number with country code, or its address (…@s.whatsapp.net)'),
  }),
  errors: [...ASKING, 'budget_exhausted'],
  output: z.object({ lid: lidShown.describe('LID of the person') }),
  run: async ({ session }, { pn }) => {
    const jid = addressIn(pn, phoneOf);
    const lid = jid && (await contacts.lidOfPhone(session, jid));
    if (!lid) throw new EngineError('not_found', 'Phone number not found or invalid.');
    return { lid };
  },
});

export const pnFromLid = operation({
  id: 'contact.pnFromLid',
  http: 'GET /api/pn-from-lid/:lid',
  access: 'session',
  summary: 'Get the phone number of a LID, where WhatsApp has told it to this account',
  tools: [
    {
      name: 'get_phone_number_from_lid',
      description: 'Get the phone number behind a LID (…@lid), where WhatsApp has told it to this account.',
      readOnly: true,
      plain: true,
    },
  ],
  errors: ASKING,
  input: z.object({ lid: lidShown.describe('LID (…@lid)') }),
  output: z.object({ pn: personJid }),
  run: async ({ session }, { lid: typed }) => {
    const lid = addressIn(/^\d+$/.test(typed) ? `${typed}@lid` : typed, lidOf);
    const pn = lid && (await contacts.phoneOfLid(session, lid));
    if (!pn) throw new EngineError('not_found', 'LID not found or invalid.');
    return { pn };
  },
});

/** WasenderApi has one answer for what cannot be an address and for one that is nobody's. */
function addressIn(typed: string, kind: (jid: string) => string | undefined): string | undefined {
  try {
    const jid = toJid(typed);
    return kind(jid) === undefined ? undefined : jid;
  } catch {
    return undefined;
  }
}

const person = (typed: string) => contacts.toPerson(typed, 'contactPhoneNumber');
