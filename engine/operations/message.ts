import { z } from 'zod';
import { EngineError, validationFailed } from '../errors.ts';
import { MESSAGE_STATUS, type MessageRecord, type SendRequest } from '../model.ts';
import { contentAsJson, gistOf, keyFor, pollResults as readPoll, questionOf } from '../whatsapp/message.ts';
import { phoneOf, toJid } from '../whatsapp/jid.ts';
import { shownJid } from '../whatsapp/outgoing.ts';
import { addressesOf } from './addresses.ts';
import type { Timing } from '../jobs/schedule.ts';
import { attach, filesIn } from './attach.ts';
import { chatJid, isoTime, msgId as number, personJid, unixSeconds, waId, whatWasDone } from './fields.ts';
import { listed, listFields, listOf, sliceOf } from './listing.ts';
import { FILE_BODY_MB } from './media.ts';
import { operation, type Call } from './operation.ts';
import {
  requestOf,
  sendExamples,
  sendFields,
  sendingFields,
  sendRules,
  timingFields,
  type SendInput,
} from './send-fields.ts';
import { SEND_STATUSES, statusOf } from './send-status.ts';
import { ASKING, SENDING, TAKING_FILES } from './refusals.ts';
import { sendTools } from './send-tools.ts';

const WAIT_MS = 30_000;
/** For so long the recipients' WhatsApp shows an edit; and a deletion. */
const EDITABLE_MS = 15 * 60_000;
const DELETABLE_MS = 60 * 3_600_000;

const msgId = z.union([z.int(), z.string().min(1)]).meta({
  description: 'The msgId that the send answered, or WhatsApp’s id of the message (key.id of a webhook)',
  examples: [1042],
});
const byId = z.object({ msgId });
const fromMe = z.boolean().describe('Whether this account sent it');
const participant = personJid.optional().describe('In a group: address of the sender');
const key = z
  .object({ id: waId, fromMe, remoteJid: chatJid, participant })
  .meta({ title: 'MessageKey', description: 'What WhatsApp knows the message by' });
/** A message as WasenderApi shows it. */
const status = z
  .int()
  .min(0)
  .max(5)
  .meta({ description: '0 failed, 1 pending, 2 sent, 3 delivered, 4 read, 5 played', examples: [3] });
const message = {
  remoteJid: chatJid,
  id: waId,
  msgId: number,
  key,
  message: z
    .looseObject({})
    .nullable()
    .meta({ description: 'Content, as WhatsApp has it', examples: [{ conversation: 'Hello from Warbler' }] }),
  messageTimestamp: z.string().meta({ description: 'When it was sent, in Unix seconds', examples: ['1768469400'] }),
  status,
};
/** What a message says, in short. */
const gist = {
  text: z
    .string()
    .describe('Text, caption or question; empty when there is none')
    .meta({ examples: ['Hello'] }),
  type: z
    .string()
    .nullable()
    .describe('Kind of content, as WhatsApp calls it')
    .meta({ examples: ['imageMessage'] }),
};
const shown = z.object(message).meta({ title: 'Message' });
const accepted = z
  .object({
    msgId: number,
    jid: chatJid.meta({ description: 'Recipient, +… for a phone number', examples: ['+15551234567'] }),
    status: z.enum(['in_progress', 'sent']).describe('in_progress: in the queue. sent: WhatsApp has taken it'),
    id: waId,
  })
  .meta({ title: 'AcceptedMessage' });

/** The same, of a message that may have been scheduled. */
const acceptedForLater = accepted
  .extend({
    status: z
      .enum(SEND_STATUSES)
      .describe(
        'in_progress: queued. sent: WhatsApp has taken it. scheduled: waits for its time. failed, cancelled: what has become of a scheduled message that a repeated Idempotency-Key names',
      ),
    scheduledAt: isoTime.optional().describe('Of a scheduled message: when it is to leave, in UTC'),
  })
  .meta({ title: 'SentOrScheduledMessage' });

export const send = operation({
  id: 'message.send',
  http: 'POST /api/send-message',
  access: 'session',
  idempotencyKey: true,
  limit: 'message_send',
  summary: 'Send a message of any kind to a person, a group or a channel, or a status, now or at a time',
  bodyMb: FILE_BODY_MB,
  tools: sendTools,
  errors: [...SENDING, ...TAKING_FILES],
  examples: sendExamples,
  input: z.object({ ...sendFields, ...timingFields }),
  rules: sendRules,
  output: acceptedForLater,
  run: async (call, input) => {
    // A wrong recipient is told whatever the session is in; and a file is not fetched for one that could not send it.
    toJid(input.to);
    const { scheduledAt, timeZone, expireAfter } = input;
    if (scheduledAt !== undefined) return schedule(call, input, { scheduledAt, timeZone, expireAfter });
    if (!(await isRepeated(call))) call.session.assertSending();
    if (filesIn(input).length > 0) await call.session.messages.assertAdmitted(input.to, call.idempotencyKey);
    return accept(call, { ...requestOf(input), ...(await attach(call, input)) }, input.wait);
  },
});

export const list = operation({
  id: 'message.list',
  http: 'GET /api/messages',
  access: 'session',
  summary: 'Read the messages of a chat, or of all chats, newest first',
  tools: [
    {
      name: 'list_messages',
      description:
        'Read a conversation: the messages of one chat (a number, or the address of a group), or of all chats, newest first, sent and received. Messages from before the session was linked are not there.',
      readOnly: true,
      local: true,
    },
  ],
  input: z.object({
    chat: z
      .string()
      .min(1)
      .optional()
      .describe('Phone number with country code, or address of a group or channel; all chats without it')
      .meta({ examples: ['+15551234567'] }),
    before: z
      .int()
      .min(1)
      .optional()
      .describe('Only messages older than this msgId, to read on')
      .meta({ examples: [1042] }),
    limit: z.int().min(1).max(100).default(20).describe('Number of messages'),
  }),
  output: z.array(
    z.object({
      msgId: z
        .int()
        .describe('Number of the message')
        .meta({ examples: [1042] }),
      key: key.describe('What WhatsApp knows the message by'),
      phone: z
        .string()
        .nullable()
        .describe('Phone number of the sender, where known; null for own messages')
        .meta({ examples: ['15551234567'] }),
      ...gist,
      timestamp: z
        .int()
        .describe('Unix seconds')
        .meta({ examples: [1_767_225_600] }),
      status,
    }),
  ),
  run: async ({ engine: { store }, record }, { chat, before, limit }) => {
    const chats = chat === undefined ? undefined : await addressesOf(store, record.id, toJid(chat, 'chat'));
    const filter = { ...(chats && { chats }), ...(before !== undefined && { before }) };
    const found = await store.messages.list(record.id, filter, limit);
    return Promise.all(
      found.map(async (message) => {
        const { key: named, msgId, status } = show(message);
        const addresses = message.fromMe ? [] : await addressesOf(store, record.id, message.sender);
        const phone = addresses.map(phoneOf).find(Boolean) ?? null;
        return {
          msgId,
          key: named,
          phone,
          ...gistOf(message),
          timestamp: Math.floor(message.timestamp / 1000),
          status,
        };
      }),
    );
  },
});

export const edit = operation({
  id: 'message.edit',
  http: 'PUT /api/messages/:msgId',
  access: 'session',
  idempotencyKey: true,
  summary: 'Change the text or the caption of a message, up to 15 minutes after it was sent',
  tools: [
    {
      name: 'edit_message',
      description:
        'Change the text or the caption of a message that this account sent, up to 15 minutes after it was sent. Recipients see that it was edited.',
      idempotent: true,
    },
  ],
  errors: SENDING,
  input: byId.extend({
    text: z
      .string()
      .min(1)
      .max(65_536)
      .meta({ description: 'New text', examples: ['Hello again'] }),
  }),
  output: shown,
  run: async (call, { msgId: id, text }) => {
    const message = await ownMessage(call, id, EDITABLE_MS, 'edited');
    if (!message.content) throw notYet(message);
    const request = { to: message.chat, text, edit: { message: String(message.msgId) } };
    const change = await done(call, message, request);
    return { ...show(message), message: contentAsJson(change), status: change.status };
  },
});

export const remove = operation({
  id: 'message.remove',
  http: 'DELETE /api/messages/:msgId',
  access: 'session',
  idempotencyKey: true,
  summary: 'Delete a message for everyone; in a group that the account administers also one of others',
  tools: [
    {
      name: 'delete_message',
      description:
        'Delete a message for everyone, up to 60 hours after it was sent: one of this account, or in a group that it administers also one of others. It cannot be brought back.',
      destructive: true,
      idempotent: true,
      plain: true,
    },
  ],
  envelope: 'flat',
  errors: SENDING,
  input: byId,
  output: z.object({ message: whatWasDone('Message deleted successfully.') }),
  run: async (call, { msgId: id }) => {
    const message = await deletable(call, id);
    await done(call, message, { to: message.chat, delete: { message: String(message.msgId) } });
    return { message: 'Message deleted successfully.' };
  },
});

export const info = operation({
  id: 'message.info',
  http: 'GET /api/messages/:msgId/info',
  access: 'session',
  summary: 'Get a message with its status; of one to a group also who has received and read it',
  tools: [
    {
      name: 'get_message_info',
      description:
        'Get one message: what it says, its status (0 failed, 1 pending, 2 sent, 3 delivered, 4 read, 5 played) and, for one to a group, which members have received and read it.',
      readOnly: true,
      local: true,
    },
  ],
  errors: ['message_not_found'],
  input: byId,
  output: z
    .object({
      ...message,
      ...gist,
      scheduledAt: isoTime.nullable().describe('Of a message that is or was scheduled: when it is to leave, in UTC'),
      error: z
        .string()
        .nullable()
        .meta({
          description: 'Why it was not sent, or why it still waits; null: nothing went wrong',
          examples: ['WhatsApp refused the message (463)'],
        }),
      unknown: z
        .boolean()
        .describe(
          'Of a failed message: WhatsApp never acknowledged it, so it may have arrived all the same. A receipt may still tell; to resend it is safe, the recipient sees it once',
        ),
      receipts: z
        .array(
          z.object({
            userJid: personJid.describe('Member of the group'),
            status: status.describe('What the member has done with it: 3 received, 4 read, 5 played'),
            timestamp: unixSeconds.describe('When, in Unix seconds'),
          }),
        )
        .describe('Of a message to a group: who has received and read it'),
    })
    .meta({ title: 'MessageInfo' }),
  run: async ({ engine, session }, { msgId: id }) => {
    const message = await session.messages.get(String(id));
    const receipts = await engine.store.messages.receipts(message.msgId);
    return {
      ...show(message),
      ...gistOf(message),
      scheduledAt: message.sendAt === null ? null : new Date(message.sendAt).toISOString(),
      error: message.error,
      unknown: message.unknown,
      receipts: receipts.map(({ member, status, at }) => ({
        userJid: member,
        status,
        timestamp: Math.floor(at / 1000),
      })),
    };
  },
});

export const read = operation({
  id: 'message.read',
  http: 'POST /api/messages/read',
  access: 'session',
  summary: 'Mark a received message as read: the sender sees blue ticks, if the account’s privacy settings let them',
  tools: [
    {
      name: 'mark_message_as_read',
      description:
        'Mark a received message, and with it those before it in its chat, as read: the sender sees blue ticks. The key is the one that list_messages or list_events tells.',
      idempotent: true,
      plain: true,
    },
  ],
  errors: [...ASKING, 'message_not_found'],
  input: z.object({
    key: z
      .object({
        id: waId.min(1),
        remoteJid: chatJid.min(1),
        fromMe,
        participant,
      })
      .describe('The key of the message, from the webhook that brought it'),
  }),
  // WasenderApi's words.
  rules: ({ key: named }) =>
    typeof named === 'object' && named !== null && !(named as { id?: unknown }).id
      ? { 'key.id': ['The key.id field is required and must be a non-empty string.'] }
      : undefined,
  output: z.object({ status: z.literal('read').describe('What was done') }),
  run: async ({ session }, { key: named }) => {
    await session.markRead([await keyFor(session, named)]);
    return { status: 'read' as const };
  },
});

export const resend = operation({
  id: 'message.resend',
  http: 'POST /api/messages/:message/resend',
  access: 'session',
  summary: 'Send a failed message again; the message log must be on',
  tools: [
    {
      name: 'resend_message',
      description: 'Send a message again whose status is failed (0). It does not help against a wrong recipient.',
      plain: true,
    },
  ],
  envelope: 'flat',
  errors: [
    'not_permitted',
    'message_not_found',
    'conflict',
    'session_not_connected',
    'session_restricted',
    'budget_exhausted',
  ],
  input: z.object({ message: msgId }),
  output: z.object({ message: whatWasDone('Message resend initiated successfully.') }),
  run: async ({ session }, { message: id }) => {
    await session.messages.resend(String(id));
    return { message: 'Message resend initiated successfully.' };
  },
});

export const react = operation({
  id: 'message.react',
  http: 'POST /api/messages/:msgId/react',
  access: 'session',
  idempotencyKey: true,
  summary: 'React to a message with an emoji, or take the reaction back',
  tools: [
    {
      name: 'react_to_message',
      description: 'React to a message with one emoji; an empty emoji takes the reaction back.',
      idempotent: true,
      plain: true,
    },
  ],
  errors: SENDING,
  input: byId.extend({
    emoji: z
      .string()
      .max(30)
      .meta({ description: 'Emoji; empty takes the reaction back', examples: ['👍'] }),
  }),
  output: accepted,
  run: async (call, { msgId: id, emoji }) => {
    const target = await leftMessage(call, id);
    return change(call, target, { to: target.chat, reaction: { message: String(target.msgId), emoji } });
  },
});

export const forward = operation({
  id: 'message.forward',
  http: 'POST /api/messages/:msgId/forward',
  access: 'session',
  idempotencyKey: true,
  limit: 'message_send',
  summary: 'Forward a message, marked as forwarded',
  tools: [
    {
      name: 'forward_message',
      description: 'Forward a message to somebody; the recipient sees that it was forwarded.',
      plain: true,
    },
  ],
  errors: [...SENDING, 'media_gone'],
  input: byId.extend({ to: sendFields.to, wait: sendingFields.wait }),
  output: accepted,
  run: async (call, { msgId: id, to, wait }) => {
    const message = await leftMessage(call, id);
    if (!message.content) throw notYet(message);
    return accept(call, { to, forward: { message: String(message.msgId) } }, wait);
  },
});

export const pin = operation({
  id: 'message.pin',
  http: 'POST /api/messages/:msgId/pin',
  access: 'session',
  idempotencyKey: true,
  summary: 'Pin a message at the top of its chat for everyone, or unpin it',
  errors: SENDING,
  input: byId.extend({
    pinned: z.boolean().default(true).describe('false: unpin it'),
    seconds: z
      .union([z.literal(86_400), z.literal(604_800), z.literal(2_592_000)])
      .default(86_400)
      .describe('For how long, in seconds: a day, a week or 30 days'),
  }),
  output: accepted,
  run: async (call, { msgId: id, pinned, seconds }) => {
    const target = await leftMessage(call, id);
    const pin = { message: String(target.msgId), seconds: pinned ? seconds : 0 };
    return change(call, target, { to: target.chat, pin });
  },
});

export const star = operation({
  id: 'message.star',
  http: 'POST /api/messages/:msgId/star',
  access: 'session',
  summary: 'Star a message on this account, or take the star back',
  errors: [...ASKING, 'message_not_found'],
  input: byId.extend({ starred: z.boolean().default(true).describe('false: take the star back') }),
  output: z.object({ starred: z.boolean().describe('Whether it is starred now') }),
  run: async (call, { msgId: id, starred }) => {
    const message = await leftMessage(call, id);
    const messages = [{ id: message.waId, fromMe: message.fromMe }];
    await call.session.ask('Failed to star message', (wa) =>
      wa.chatModify({ star: { messages, star: starred } }, message.chat),
    );
    return { starred };
  },
});

export const vote = operation({
  id: 'message.vote',
  http: 'POST /api/messages/:msgId/vote',
  access: 'session',
  idempotencyKey: true,
  summary: 'Vote in a poll; no options take the vote back',
  errors: SENDING,
  input: byId.extend({
    options: z
      .array(z.string())
      .max(12)
      .meta({ description: 'Answers, word for word', examples: [['Friday']] }),
  }),
  output: accepted,
  run: async (call, { msgId: id, options }) => {
    const poll = await leftMessage(call, id);
    const known = (await readPoll(call.session, poll)).map(({ name }) => name);
    const unknown = options.filter((option) => !known.includes(option));
    if (unknown.length > 0) {
      throw validationFailed({ options: [`The options field must hold answers of the poll: ${known.join(', ')}.`] });
    }
    return change(call, poll, { to: poll.chat, vote: { message: String(poll.msgId), options } });
  },
});

export const pollResults = operation({
  id: 'message.pollResults',
  http: 'GET /api/messages/:msgId/poll-results',
  access: 'session',
  summary: 'Get how a poll stands',
  tools: [
    {
      name: 'get_poll_results',
      description: 'Get how a poll stands: each answer with those who have chosen it.',
      readOnly: true,
      local: true,
    },
  ],
  errors: ['message_not_found'],
  input: byId,
  output: z.object({
    pollResult: z
      .array(
        z.object({
          name: z.string().meta({ description: 'The answer', examples: ['Friday'] }),
          voters: z
            .array(z.string())
            .meta({ description: 'Addresses of those who chose it', examples: [['15551234567@s.whatsapp.net']] }),
        }),
      )
      .describe('Every answer of the poll'),
  }),
  run: async ({ session }, { msgId: id }) => ({
    pollResult: await readPoll(session, await session.messages.get(String(id))),
  }),
});

export const polls = operation({
  id: 'message.polls',
  http: 'GET /api/polls',
  access: 'session',
  summary: 'List the polls that the account has sent, newest first',
  tools: [
    {
      name: 'list_polls',
      description:
        'List the polls that this account has sent, newest first, a page at a time. get_poll_results tells how one stands.',
      readOnly: true,
      local: true,
      fields: ['search', 'page', 'limit'],
      set: { paginated: true },
    },
  ],
  input: z.object({
    ...listFields,
    search: listFields.search.describe('Only those whose question holds this').meta({ examples: ['meet'] }),
  }),
  output: listOf(
    z
      .object({
        msgId: number,
        id: waId,
        chat: chatJid.describe('WhatsApp’s address of the chat that it was sent to'),
        chatName: z
          .string()
          .nullable()
          .meta({ description: 'Name of the chat, where known', examples: ['Choir'] }),
        question: z.string().meta({ description: 'What it asks', examples: ['When shall we meet?'] }),
        options: z
          .array(z.string())
          .meta({ description: 'The answers to choose from', examples: [['Thursday', 'Friday']] }),
        timestamp: unixSeconds.describe('When it was sent, in Unix seconds'),
      })
      .meta({ title: 'SentPoll' }),
  ),
  run: async ({ engine: { store }, record }, { search, ...asked }) => {
    const found = await store.messages.polls(record.id, { search: search?.trim() }, sliceOf(asked));
    const addresses = found.items.flatMap(({ chat, lid }) => [chat, ...(lid === null ? [] : [lid])]);
    const names = await store.chats.names(record.id, [...new Set(addresses)]);
    const items = found.items.map((poll) => ({
      msgId: poll.msgId,
      id: poll.waId,
      chat: poll.chat,
      chatName: names.get(poll.chat) ?? names.get(poll.lid ?? '') ?? null,
      ...questionOf(poll),
      timestamp: Math.floor(poll.timestamp / 1000),
    }));
    return listed({ ...found, items }, asked);
  },
});

const isRepeated = ({ session, idempotencyKey }: Call) => session.messages.isRepeated(idempotencyKey);

/** Accepts a message for a later time. */
async function schedule(call: Call, input: SendInput, timing: Timing) {
  const { engine, session, idempotencyKey } = call;
  if (!(await isRepeated(call))) session.assertLinked();
  const time = await engine.schedule.timeFor(session, timing, idempotencyKey);
  const request = { ...requestOf(input), ...(await attach(call, input)) };
  const options = idempotencyKey === undefined ? {} : { idempotencyKey };
  const message = await engine.schedule.accept(session, request, time, options);
  const { msgId, chat, waId } = message;
  const scheduledAt = new Date(message.sendAt!).toISOString();
  return { msgId, jid: shownJid(chat), status: statusOf(message), id: waId, scheduledAt };
}

/** Accepts a message, and answers at once or, when asked to, when WhatsApp has taken it. */
async function accept({ session, turn, idempotencyKey }: Call, request: SendRequest, wait: boolean | undefined) {
  const options = idempotencyKey === undefined ? {} : { idempotencyKey };
  const message = await turn.counting(() => session.messages.send(request, options));
  if (wait) await session.messages.outcome(message.msgId, WAIT_MS);
  return answer(message, wait ? 'sent' : 'in_progress');
}

/** Sends what changes another message, and answers when WhatsApp has taken it. */
async function change(call: Call, target: MessageRecord, request: SendRequest) {
  return answer(await done(call, target, request), 'sent');
}

async function done({ session, idempotencyKey }: Call, target: MessageRecord, request: SendRequest) {
  const options = { about: target.waId, ...(idempotencyKey !== undefined && { idempotencyKey }) };
  const message = await session.messages.send(request, options);
  return session.messages.outcome(message.msgId, WAIT_MS);
}

function answer(message: MessageRecord, status: 'in_progress' | 'sent') {
  return { msgId: message.msgId, jid: shownJid(message.chat), status, id: message.waId };
}

function show(message: MessageRecord) {
  const { chat: remoteJid, waId: id, fromMe, participant } = message;
  return {
    remoteJid,
    id,
    msgId: message.msgId,
    key: { id, fromMe, remoteJid, ...(participant && { participant }) },
    message: contentAsJson(message),
    messageTimestamp: String(Math.floor(message.timestamp / 1000)),
    status: message.status,
  };
}

/** A message that has left, or is in the queue: what is done to it comes after it. */
async function leftMessage({ session }: Call, id: string | number): Promise<MessageRecord> {
  const message = await session.messages.get(String(id));
  if (message.send === 'scheduled') {
    throw new EngineError(
      'conflict',
      `This message is scheduled and has not been sent yet. Change or cancel it at /api/scheduled-messages/${message.msgId}.`,
      { details: { msgId: message.msgId, status: message.status } },
    );
  }
  if (message.send !== 'cancelled') return message;
  throw new EngineError('conflict', 'This message was cancelled before it was sent. Send a new one.');
}

async function ownMessage(call: Call, id: string | number, withinMs: number, done: string) {
  const message = await leftMessage(call, id);
  if (!message.fromMe) throw new EngineError('bad_request', `Only the account’s own messages can be ${done}.`);
  if (await isRepeated(call)) return message;
  return notTooOld(message, withinMs, done);
}

async function deletable(call: Call, id: string | number): Promise<MessageRecord> {
  const message = await leftMessage(call, id);
  if (!message.fromMe && !message.chat.endsWith('@g.us')) {
    throw new EngineError('bad_request', 'Only the account’s own messages can be deleted for everyone.');
  }
  if (await isRepeated(call)) return message;
  return notTooOld(message, DELETABLE_MS, 'deleted for everyone');
}

/** WhatsApp takes a change that comes too late, and the recipients' apps then ignore it: better to say so. */
function notTooOld(message: MessageRecord, withinMs: number, done: string): MessageRecord {
  if (message.status === MESSAGE_STATUS.error) {
    throw new EngineError('conflict', `This message failed to be sent, so it cannot be ${done}.`);
  }
  if (Date.now() - message.timestamp <= withinMs) return message;
  const words = withinMs < 3_600_000 ? `${withinMs / 60_000} minutes` : `${withinMs / 3_600_000} hours`;
  throw new EngineError('conflict', `A message can be ${done} for ${words} after it was sent, and this one is older.`);
}

const notYet = (message: MessageRecord) =>
  new EngineError('conflict', 'This message has not been sent yet. Try again when it is.', {
    details: { msgId: message.msgId, status: message.status },
  });
