import { z } from 'zod';
import type { SendRequest } from '../model.ts';
import { fileFields, fileRules, filesIn } from './attach.ts';

const contact = z.object({
  name: z.string().min(1).max(200).describe('Name on the card'),
  phone: z
    .string()
    .regex(/^\+?\d[\d ().-]{4,24}$/, 'write it in international format, e.g. +15551234567')
    .describe('Phone number in international format'),
  organization: z.string().max(200).optional().describe('Company on the card'),
});
const location = z.object({
  latitude: z.number().min(-90).max(90).describe('Degrees'),
  longitude: z.number().min(-180).max(180).describe('Degrees'),
  name: z.string().max(1000).optional().describe('Name of the place'),
  address: z.string().max(1000).optional().describe('Address of the place'),
  live: z.boolean().optional().describe('Send it as a live location; it does not move by itself'),
});
const poll = z.object({
  question: z.string().min(1).max(255).describe('Question'),
  options: z.array(z.string().min(1).max(100)).min(2).max(12).describe('Answers to choose from, 2 to 12'),
  multiSelect: z.boolean().optional().describe('Let a voter choose several answers'),
});
const event = z.object({
  name: z.string().min(1).max(100).describe('What takes place'),
  description: z.string().max(2048).optional(),
  startTime: z.int().min(0).describe('Unix seconds'),
  endTime: z.int().min(0).optional().describe('Unix seconds'),
  location: z.string().max(1000).optional().describe('Where it takes place'),
});
const button = z.object({
  text: z.string().min(1).max(25).describe('Words on the button'),
  id: z.string().max(256).optional().describe('What the answer carries; the number of the button when missing'),
});
const list = z.object({
  title: z.string().min(1).max(60),
  button: z.string().min(1).max(20).describe('Words on the button that opens the list'),
  sections: z
    .array(
      z.object({
        title: z.string().min(1).max(24),
        rows: z.array(z.object({ title: z.string().min(1).max(24), id: z.string().max(200).optional() })).min(1),
      }),
    )
    .min(1)
    .max(10),
});
const names = z.union([z.int(), z.string().min(1)]);

/** Fields that say how a message is sent, whatever it is. */
export const sendingFields = {
  replyTo: names.optional().describe('Message to reply to: the msgId of a send, or the WhatsApp id of a message'),
  mentions: z.array(z.string()).max(1024).optional().describe('People to mention, as in `to`'),
  mentionAll: z.boolean().optional().describe('Mention every member of the group'),
  disappearAfter: z
    .union([z.literal(86_400), z.literal(604_800), z.literal(7_776_000)])
    .optional()
    .describe('Seconds after which the message disappears: a day, a week or 90 days'),
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
    .describe('Recipient: +15551234567, digits with country code, the address of a group or channel, status@broadcast'),
  text: z.string().max(65_536).optional().describe('Text of the message, or caption of the file'),
  ...fileFields,
  contact: contact.optional().describe('Contact card'),
  contacts: z.array(contact).min(1).max(50).optional().describe('Several contact cards'),
  location: location.optional(),
  poll: poll.optional(),
  event: event.optional().describe('Invitation to something that takes place at a time'),
  buttons: z.array(button).min(1).max(3).optional().describe('Shown on phones, not everywhere else; a poll always is'),
  list: list.optional().describe('Shown on phones, not everywhere else; a poll always is'),
  footer: z.string().max(60).optional().describe('Small print below buttons or a list'),
  linkPreview: z.boolean().optional().describe('false: no preview of the first link in the text'),
  audience: z.array(z.string()).max(1024).optional().describe('For a status: who may see it; without it all contacts'),
  backgroundColor: z
    .string()
    .regex(/^#[0-9a-f]{6}$/i, 'write it as #RRGGBB')
    .optional()
    .describe('For a status of text'),
  ...sendingFields,
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
  return Object.keys(wrong).length > 0 ? wrong : undefined;
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
