import { z } from 'zod';
import type { SendRequest } from '../model.ts';
import { fileFields, fileRules, filesIn } from './attach.ts';
import { people, unixSeconds } from './fields.ts';

const contact = z
  .object({
    name: z
      .string()
      .min(1)
      .max(200)
      .meta({ description: 'Name on the card', examples: ['Robin Example'] }),
    phone: z
      .string()
      .regex(/^\+?\d[\d ().-]{4,24}$/, 'write it in international format, e.g. +15551234567')
      .meta({ description: 'Phone number in international format', examples: ['+15551234567'] }),
    organization: z
      .string()
      .max(200)
      .optional()
      .meta({ description: 'Company on the card', examples: ['Example Ltd'] }),
  })
  .meta({ title: 'ContactCard' });
const location = z
  .object({
    latitude: z
      .number()
      .min(-90)
      .max(90)
      .meta({ description: 'Latitude in degrees', examples: [52.5163] }),
    longitude: z
      .number()
      .min(-180)
      .max(180)
      .meta({ description: 'Longitude in degrees', examples: [13.3777] }),
    name: z
      .string()
      .max(1000)
      .optional()
      .meta({ description: 'Name of the place', examples: ['Brandenburg Gate'] }),
    address: z
      .string()
      .max(1000)
      .optional()
      .meta({ description: 'Address of the place', examples: ['Pariser Platz, Berlin'] }),
    live: z.boolean().optional().describe('Send it as a live location; it does not move by itself'),
  })
  .meta({ title: 'Location' });
const poll = z
  .object({
    question: z
      .string()
      .min(1)
      .max(255)
      .meta({ description: 'Question', examples: ['When shall we meet?'] }),
    options: z
      .array(z.string().min(1).max(100))
      .min(2)
      .max(12)
      .meta({ description: 'Answers to choose from, 2 to 12', examples: [['Friday', 'Saturday']] }),
    multiSelect: z.boolean().optional().describe('Let a voter choose several answers'),
  })
  .meta({ title: 'Poll' });
const event = z
  .object({
    name: z
      .string()
      .min(1)
      .max(100)
      .meta({ description: 'What takes place', examples: ['Choir practice'] }),
    description: z
      .string()
      .max(2048)
      .optional()
      .meta({ description: 'More about it', examples: ['Bring your scores'] }),
    startTime: unixSeconds.min(0).describe('When it begins, in Unix seconds'),
    endTime: unixSeconds
      .min(0)
      .optional()
      .meta({ description: 'When it ends, in Unix seconds', examples: [1768476600] }),
    location: z
      .string()
      .max(1000)
      .optional()
      .meta({ description: 'Where it takes place', examples: ['Town hall'] }),
  })
  .meta({ title: 'Invitation' });
const button = z
  .object({
    text: z
      .string()
      .min(1)
      .max(25)
      .meta({ description: 'Words on the button', examples: ['Confirm'] }),
    id: z
      .string()
      .max(256)
      .optional()
      .meta({ description: 'What the answer carries; the number of the button when missing', examples: ['confirm'] }),
  })
  .meta({ title: 'Button' });
const list = z
  .object({
    title: z
      .string()
      .min(1)
      .max(60)
      .meta({ description: 'Title of the list', examples: ['Our menu'] }),
    button: z
      .string()
      .min(1)
      .max(20)
      .meta({ description: 'Words on the button that opens the list', examples: ['Choose'] }),
    sections: z
      .array(
        z.object({
          title: z
            .string()
            .min(1)
            .max(24)
            .meta({ description: 'Title of the section', examples: ['Soups'] }),
          rows: z
            .array(
              z.object({
                title: z
                  .string()
                  .min(1)
                  .max(24)
                  .meta({ description: 'Words of the row', examples: ['Tomato soup'] }),
                id: z
                  .string()
                  .max(200)
                  .optional()
                  .meta({ description: 'What the answer carries; made when missing', examples: ['soup-1'] }),
              }),
            )
            .min(1)
            .describe('What can be chosen'),
        }),
      )
      .min(1)
      .max(10),
  })
  .meta({ title: 'List' });
const names = z.union([z.int(), z.string().min(1)]);

/** The fields of `POST /api/send-message` that say when a message leaves, if not now. */
export const timingFields = {
  scheduledAt: z
    .union([z.number().min(0), z.string().min(1)])
    .optional()
    .meta({
      description:
        'When it is to leave, up to a year ahead: Unix seconds, ISO 8601 with an offset, or local time (2026-05-01T09:00) with timeZone',
      examples: ['2026-05-01T09:00:00+02:00'],
    }),
  timeZone: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .meta({
      description:
        'IANA name of the time zone of a local scheduledAt. A local time that comes twice is the first; one that clocks skip is as much later as they skip',
      examples: ['Europe/Berlin'],
    }),
  expireAfter: z
    .int()
    .min(60)
    .max(2_592_000)
    .optional()
    .meta({
      description: 'Seconds after scheduledAt after which it is not sent any more, but fails; 86400 unless given',
      examples: [3600],
    }),
};

/** Fields that say how a message is sent, whatever it is. */
export const sendingFields = {
  replyTo: names.optional().meta({
    description: 'Message to reply to: the msgId of a send, or the WhatsApp id of a message',
    examples: [1042],
  }),
  mentions: people.max(1024).optional().describe('People to mention, as in `to`'),
  mentionAll: z.boolean().optional().describe('Mention every member of the group'),
  disappearAfter: z
    .union([z.literal(86_400), z.literal(604_800), z.literal(7_776_000)])
    .optional()
    .meta({
      description: 'Seconds after which the message disappears: a day, a week or 90 days',
      examples: [604_800],
    }),
  wait: z
    .boolean()
    .optional()
    .describe('Answer only when WhatsApp has taken the message; 504 with the msgId after 30 seconds'),
};

/** The fields of `POST /api/send-message`. Exactly one says what the message is; text is the caption of a file. */
export const sendFields = {
  to: z
    .string()
    .min(1)
    .meta({
      description:
        'Recipient: +15551234567, digits with country code, the address of a group or channel, status@broadcast',
      examples: ['+15551234567'],
    }),
  text: z
    .string()
    .max(65_536)
    .optional()
    .meta({ description: 'Text of the message, or caption of the file', examples: ['Hello from Warbler'] }),
  ...fileFields,
  contact: contact.optional().describe('Contact card'),
  contacts: z.array(contact).min(1).max(50).optional().describe('Several contact cards'),
  location: location.optional().describe('Place on the map'),
  poll: poll.optional().describe('Question with answers to choose from'),
  event: event.optional().describe('Invitation to something that takes place at a time'),
  buttons: z.array(button).min(1).max(3).optional().describe('Shown on phones, not everywhere else; a poll always is'),
  list: list.optional().describe('Shown on phones, not everywhere else; a poll always is'),
  footer: z
    .string()
    .max(60)
    .optional()
    .meta({ description: 'Small print below buttons or a list', examples: ['Reply STOP to end'] }),
  linkPreview: z.boolean().optional().describe('false: no preview of the first link in the text'),
  audience: people.max(1024).optional().describe('For a status: who may see it; without it all contacts'),
  backgroundColor: z
    .string()
    .regex(/^#[0-9a-fA-F]{6}$/, 'write it as #RRGGBB')
    .optional()
    .meta({ description: 'For a status of text: its background, as #RRGGBB', examples: ['#1F7A5C'] }),
  ...sendingFields,
};
/** Of each kind of message one, for the documentation. */
export const sendExamples: Record<string, Record<string, unknown>> = {
  'A text': { to: '+15551234567', text: 'Hello from Warbler' },
  'An image with a caption': { to: '+15551234567', imageUrl: 'https://files.example.com/photo.jpg', text: 'Look!' },
  'A document': {
    to: '+15551234567',
    documentUrl: 'https://files.example.com/invoice.pdf',
    fileName: 'Invoice 1042.pdf',
  },
  'A voice note': { to: '+15551234567', audioUrl: 'https://files.example.com/hello.ogg' },
  'A location': {
    to: '+15551234567',
    location: { latitude: 52.5163, longitude: 13.3777, name: 'Brandenburg Gate', address: 'Pariser Platz, Berlin' },
  },
  'A contact card': { to: '+15551234567', contact: { name: 'Robin Example', phone: '+15551234567' } },
  'A poll in a group': {
    to: '120363041234567890@g.us',
    poll: { question: 'When shall we meet?', options: ['Friday', 'Saturday'] },
  },
  'A reply that waits for WhatsApp': { to: '+15551234567', text: 'Yes, gladly', replyTo: 1042, wait: true },
  'A text tomorrow morning': {
    to: '+15551234567',
    text: 'Your table is ready at eight',
    scheduledAt: '2026-05-01T09:00',
    timeZone: 'Europe/Berlin',
  },
  'A status': { to: 'status@broadcast', text: 'Open until six', backgroundColor: '#1F7A5C' },
};
export type SendInput = z.output<z.ZodObject<typeof sendFields>>;

/** Fields, besides those of files, of which a message has one at most; with none it is a text. */
const WHAT = ['contact', 'contacts', 'location', 'poll', 'event', 'list'] as const;

const given = (value: unknown) => value !== undefined && value !== null && value !== '';

/** What the schema cannot say of a send. */
export function sendRules(input: Record<string, unknown>): Record<string, string[]> | undefined {
  const files = filesIn(input).map((kind) => `${kind}Url`);
  const what = [...files.slice(0, 1), ...WHAT.filter((name) => given(input[name]))];
  const wrong = fileRules(input);
  if (what.length === 0 && !given(input['text'])) {
    wrong['text'] = ['The text field is required when no media is present.'];
  }
  if (what.length > 1) {
    wrong[what[1]!] = [`The ${what[1]} field cannot be sent with ${what[0]}. Send two messages.`];
  }
  for (const name of ['audience', 'backgroundColor']) {
    if (given(input[name]) && !String(input['to']).endsWith('@broadcast')) {
      wrong[name] = [`The ${name} field is for a status: send it to status@broadcast.`];
    }
  }
  const options = (input['poll'] as { options?: unknown } | undefined)?.options;
  if (Array.isArray(options) && new Set(options).size < options.length) {
    wrong['poll.options'] = ['The poll.options field must hold different answers.'];
  }
  Object.assign(wrong, timingRules(input));
  return Object.keys(wrong).length > 0 ? wrong : undefined;
}

function timingRules(input: Record<string, unknown>): Record<string, string[]> {
  const wrong: Record<string, string[]> = {};
  if (given(input['scheduledAt'])) {
    if (input['wait'] === true) {
      wrong['wait'] = ['The wait field cannot be sent with scheduledAt: message.sent tells when the message has left.'];
    }
    return wrong;
  }
  for (const name of ['timeZone', 'expireAfter']) {
    if (given(input[name])) wrong[name] = [`The ${name} field goes with scheduledAt only.`];
  }
  return wrong;
}

/** The send as it is stored; what became of its file is added by who fetched it. */
export function requestOf(input: SendInput): SendRequest {
  const { contact, contacts = contact && [contact], replyTo, wait: _wait, ...rest } = input;
  const request: Record<string, unknown> = {
    ...rest,
    contacts,
    replyTo: replyTo === undefined ? undefined : String(replyTo),
  };
  for (const name of Object.keys(fileFields)) delete request[name];
  return Object.fromEntries(
    Object.entries(request).filter(([, value]) => value !== undefined),
  ) as unknown as SendRequest;
}
