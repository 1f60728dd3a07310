import { z } from 'zod';
import { isSecret } from '../delivery/signature.ts';
import { INQUIRY_KINDS, INQUIRY_STATUSES, type InquiryKind, type InquiryRecord } from '../model.ts';
import { checkUrl } from '../network/guard.ts';
import { sameOption } from '../store/inquiry.ts';
import { toJid } from '../whatsapp/jid.ts';
import { shownJid } from '../whatsapp/outgoing.ts';
import { chatJid, iso, isoTime, msgId } from './fields.ts';
import { operation } from './operation.ts';
import { paged, pageFields, pageOf } from './page.ts';
import { SENDING } from './refusals.ts';

const PATH = '/api/inquiries';
const LABELS = { approve: '✓ Approve', reject: '✗ Decline' };
const MONTH_S = 2_592_000;

const inquiryId = z
  .string()
  .min(1)
  .meta({ description: 'Id of the inquiry', examples: ['inq_4c1f0a9b7d2e83566a0b91de'] });
const byId = z.object({ inquiryId });
const kind = z
  .enum(INQUIRY_KINDS)
  .describe(
    'text: the next message of the person answers. choice: one of the options does, as a vote in a poll or as a message. approval: a poll of yes and no, their words as a message, or a reaction (👍 ✅ or 👎 ❌)',
  );
const label = z.string().min(1).max(100);
const options = z.array(label);
const question = z.string().meta({ description: 'The question', examples: ['Shall we deliver on Friday?'] });
const person = z.object({
  jid: z.string().meta({
    description: 'WhatsApp’s address of the person: by their number where that is known',
    examples: ['15551234567@s.whatsapp.net'],
  }),
  lid: z
    .string()
    .optional()
    .meta({ description: 'LID of the person, where known', examples: ['123456789012345@lid'] }),
  phone: z
    .string()
    .optional()
    .meta({ description: 'Phone number, digits with country code, where known', examples: ['15551234567'] }),
  name: z
    .string()
    .optional()
    .meta({ description: 'What the person calls themselves', examples: ['Robin'] }),
});
const answer = z
  .object({
    approved: z.boolean().optional().describe('Of an approval: whether it was approved'),
    choice: z
      .string()
      .optional()
      .meta({ description: 'Of a choice: the option, word for word', examples: ['Friday'] }),
    text: z
      .string()
      .optional()
      .meta({
        description: 'What was written, if the answer is a message; empty for a file without a caption',
        examples: ['Friday, please'],
      }),
    via: z
      .enum(['message', 'reply', 'vote', 'reaction'])
      .describe('reply: a message that quotes the question or its reminder'),
    respondedAt: isoTime.describe('When the answer was given, in ISO 8601, by WhatsApp’s clock'),
    from: person.describe('Who has answered'),
    messageId: z
      .string()
      .meta({ description: 'WhatsApp’s id of the message that answers', examples: ['3EB0C767D26A8B3F5C2A'] }),
    type: z
      .string()
      .meta({ description: 'Kind of content of that message, as WhatsApp calls it', examples: ['conversation'] }),
  })
  .meta({ title: 'InquiryAnswer' });
const shown = z
  .object({
    id: inquiryId,
    status: z
      .enum(INQUIRY_STATUSES)
      .describe(
        'open: it waits. expired: nobody has answered in time. cancelled: by request, or by a newer one with the same callbackUrl. failed: the question could not be sent, or the session was linked to another account',
      ),
    kind,
    question,
    options: options.meta({
      description: 'Of a choice, what can be chosen; of an approval, the words for yes and for no',
      examples: [['Friday', 'Saturday']],
    }),
    msgId,
    jid: chatJid.meta({
      description: 'Where it is asked, +… for a phone number',
      examples: ['+15551234567'],
    }),
    from: z.string().meta({ description: 'Who may answer, +… for a phone number', examples: ['+15551234567'] }),
    answer: answer.nullable().describe('What was answered; null while nothing is'),
    error: z
      .string()
      .nullable()
      .meta({
        description: 'Why it failed; null: nothing went wrong',
        examples: ['+15551234567 is not on WhatsApp'],
      }),
    expiresAt: isoTime.nullable().describe('When it ends without an answer, in ISO 8601; null: never'),
    createdAt: isoTime.describe('When it was asked, in ISO 8601'),
    closedAt: isoTime.nullable().describe('When it was closed, in ISO 8601; null: it is open'),
  })
  .meta({ title: 'Inquiry' });

export const create = operation({
  id: 'inquiry.create',
  http: `POST ${PATH}`,
  access: 'session',
  idempotencyKey: true,
  limit: 'message_send',
  summary: 'Ask a person something on WhatsApp, and wait for the answer in the engine',
  status: 201,
  errors: [...SENDING, 'url_not_allowed'],
  examples: {
    'An approval, told to a URL': {
      to: '+15551234567',
      kind: 'approval',
      text: 'Pay invoice 1042 over 300 €?',
      expireAfter: 86_400,
      callbackUrl: 'https://n8n.example.com/webhook/warbler',
    },
    'A choice in a group, by one of its members': {
      to: '120363041234567890@g.us',
      from: '+15551234567',
      kind: 'choice',
      text: 'When shall we deliver?',
      options: ['Friday', 'Saturday'],
    },
    'A free text, with a reminder after an hour': {
      to: '+15551234567',
      kind: 'text',
      text: 'Which address shall we deliver to?',
      reminder: { after: 3600, text: 'We still need your address.' },
    },
  },
  input: z.object({
    to: z
      .string()
      .min(1)
      .meta({
        description: 'Where to ask: +15551234567, digits with country code, or the address of a group',
        examples: ['+15551234567'],
      }),
    text: z
      .string()
      .min(1)
      .max(65_536)
      .meta({
        description:
          'The question. One of more than 255 characters is sent as a text with the answers below it, not as a poll',
        examples: ['Shall we deliver on Friday?'],
      }),
    kind,
    options: options
      .min(2)
      .max(12)
      .optional()
      .meta({ description: 'Of a choice: what can be chosen, 2 to 12', examples: [['Friday', 'Saturday']] }),
    approveLabel: label
      .optional()
      .meta({ description: `Of an approval: the word for yes; ${LABELS.approve} unless given`, examples: ['Yes'] }),
    rejectLabel: label
      .optional()
      .meta({ description: `Of an approval: the word for no; ${LABELS.reject} unless given`, examples: ['No'] }),
    replyOnly: z
      .boolean()
      .optional()
      .describe('Of a text: only a message that quotes the question, or its reminder, answers it'),
    from: z
      .string()
      .min(1)
      .optional()
      .meta({
        description: 'In a group: who may answer, by phone number or address. Nobody else’s answer counts',
        examples: ['+15551234567'],
      }),
    expireAfter: z
      .int()
      .min(60)
      .max(MONTH_S)
      .optional()
      .meta({
        description: 'Seconds after which it ends without an answer; never unless given',
        examples: [86_400],
      }),
    reminder: z
      .object({
        after: z
          .int()
          .min(60)
          .max(MONTH_S)
          .meta({ description: 'Seconds after which it is sent, if there is no answer yet', examples: [3600] }),
        text: z
          .string()
          .min(1)
          .max(65_536)
          .optional()
          .meta({ description: 'What it says; ⏰ unless given', examples: ['May I remind you of this?'] }),
      })
      .optional()
      .describe('A message that quotes the question'),
    callbackUrl: z
      .string()
      .max(2048)
      .optional()
      .meta({
        description:
          'http(s) URL that is told when the inquiry is closed, by one event, until it answers 2xx. An older open inquiry with the same URL is cancelled',
        examples: ['https://n8n.example.com/webhook/warbler'],
      }),
    secret: z
      .string()
      .optional()
      .meta({
        description:
          'Secret that signs what is posted to callbackUrl: whsec_ and 24 to 64 bytes in base64. The session’s webhook_secret unless given',
        examples: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwm5xNfhPLHVQ='],
      }),
  }),
  rules,
  output: shown,
  run: async ({ engine, session, record, turn, idempotencyKey }, input) => {
    const { to, text, kind: asked, replyOnly = false, expireAfter, reminder, callbackUrl: url, secret } = input;
    if (url !== undefined) checkUrl(url, engine.webhookNetworks);
    const inquiry = await turn.counting(() =>
      engine.inquiries.ask(
        session,
        {
          ...{ to, kind: asked, question: text, options: answersOf(input), replyOnly },
          person: toJid(input.from ?? to, input.from === undefined ? 'to' : 'from'),
          expireAfterS: expireAfter,
          reminder: reminder && { afterS: reminder.after, text: reminder.text },
          callback: url === undefined ? undefined : { url, secret: secret ?? record.webhookSecret },
        },
        idempotencyKey,
      ),
    );
    return show(inquiry);
  },
});

export const list = operation({
  id: 'inquiry.list',
  http: `GET ${PATH}`,
  access: 'session',
  summary: 'List the inquiries of a session, the latest first',
  input: z.object({ status: z.enum(INQUIRY_STATUSES).optional().describe('Only those in this status'), ...pageFields }),
  output: pageOf(shown),
  run: async ({ engine, record }, { status, page, per_page: limit }) => {
    const slice = { offset: (page - 1) * limit, limit };
    const { items, total } = await engine.store.inquiries.list(record.id, { status }, slice);
    return paged({ items: items.map(show), total }, page, limit, PATH);
  },
});

export const get = operation({
  id: 'inquiry.get',
  http: `GET ${PATH}/:inquiryId`,
  access: 'session',
  summary: 'Get an inquiry, with its answer if there is one',
  errors: ['inquiry_not_found'],
  input: byId,
  output: shown,
  run: async ({ engine, record }, { inquiryId: id }) => show(await engine.inquiries.get(record.id, id)),
});

export const cancel = operation({
  id: 'inquiry.cancel',
  http: `POST ${PATH}/:inquiryId/cancel`,
  access: 'session',
  summary: 'Wait no longer for an answer; the question stays where it was asked',
  errors: ['inquiry_not_found', 'conflict'],
  input: byId,
  output: shown,
  run: async ({ engine, record }, { inquiryId: id }) => show(await engine.inquiries.cancel(record.id, id)),
});

interface Labels {
  kind: InquiryKind;
  options?: string[] | undefined;
  approveLabel?: string | undefined;
  rejectLabel?: string | undefined;
}

function answersOf({ kind: asked, options: given = [], approveLabel, rejectLabel }: Labels): string[] {
  if (asked === 'choice') return given;
  return asked === 'approval' ? [approveLabel ?? LABELS.approve, rejectLabel ?? LABELS.reject] : [];
}

/** By field, the kind of inquiry that it goes with. */
const GOES_WITH: Record<string, InquiryKind> = {
  options: 'choice',
  approveLabel: 'approval',
  rejectLabel: 'approval',
  replyOnly: 'text',
};

const given = (value: unknown) => value !== undefined && value !== null && value !== '' && value !== false;

/** What the schema cannot say of an inquiry. */
function rules(input: Record<string, unknown>): Record<string, string[]> | undefined {
  const wrong: Record<string, string[]> = { ...placeRules(input) };
  for (const [field, asked] of Object.entries(GOES_WITH)) {
    if (given(input[field]) && input['kind'] !== asked) {
      wrong[field] = [`The ${field} field goes with kind ${asked} only.`];
    }
  }
  if (input['kind'] === 'choice' && !given(input['options'])) {
    wrong['options'] = ['The options field is required for kind choice: give 2 to 12 answers.'];
  }
  if (hasTwice(input)) {
    const field = input['kind'] === 'choice' ? 'options' : given(input['rejectLabel']) ? 'rejectLabel' : 'approveLabel';
    wrong[field] ??= [`The ${field} field must hold different answers: people may type them in any case.`];
  }
  const { after } = (typeof input['reminder'] === 'object' && input['reminder'] ? input['reminder'] : {}) as {
    after?: unknown;
  };
  if (typeof after === 'number' && typeof input['expireAfter'] === 'number' && after >= input['expireAfter']) {
    wrong['reminder.after'] = ['The reminder.after field must be less than expireAfter.'];
  }
  const { secret } = input;
  if (given(secret) && !given(input['callbackUrl'])) {
    wrong['secret'] = ['The secret field goes with callbackUrl only.'];
  } else if (typeof secret === 'string' && !isSecret(secret)) {
    wrong['secret'] = ['The secret field must be whsec_ followed by 24 to 64 bytes in base64.'];
  }
  return Object.keys(wrong).length > 0 ? wrong : undefined;
}

/** Where it is asked, and who may answer. */
function placeRules({ to, from }: Record<string, unknown>): Record<string, string[]> {
  if (typeof to !== 'string') return {};
  const place = to.trim().toLowerCase();
  if (place.endsWith('@newsletter') || place.endsWith('@broadcast')) {
    return { to: ['The to field must be a person or a group: nobody could answer in a channel or below a status.'] };
  }
  if (place.endsWith('@g.us') && !given(from)) {
    return { from: ['The from field is required for a group: say who may answer.'] };
  }
  if (!place.endsWith('@g.us') && given(from)) {
    return { from: ['The from field goes with a group only: in a private chat the person who is asked answers.'] };
  }
  if (typeof from === 'string' && /@(g\.us|newsletter|broadcast)\s*$/i.test(from)) {
    return { from: ['The from field must be a person: a phone number with country code, or an address.'] };
  }
  return {};
}

function hasTwice(input: Record<string, unknown>): boolean {
  if (input['kind'] !== 'choice' && input['kind'] !== 'approval') return false;
  const all =
    (Array.isArray(input['options']) || input['kind'] === 'approval') && answersOf(input as unknown as Labels);
  if (!all || !all.every((one) => typeof one === 'string')) return false;
  return all.some((one, index) => all.slice(0, index).some((other) => sameOption(one, other)));
}

function show(inquiry: InquiryRecord): z.input<typeof shown> {
  const { id, status, kind: asked, question: text, options: answers, msgId: number } = inquiry;
  return {
    ...{ id, status, kind: asked, question: text, options: answers, msgId: number },
    jid: shownJid(inquiry.chat),
    from: shownJid(inquiry.person),
    answer: inquiry.answer,
    error: inquiry.error,
    expiresAt: iso(inquiry.expiresAt),
    createdAt: new Date(inquiry.createdAt).toISOString(),
    closedAt: iso(inquiry.closedAt),
  };
}
