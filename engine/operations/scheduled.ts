import { z } from 'zod';
import type { MessageRecord } from '../model.ts';
import { shownJid } from '../whatsapp/outgoing.ts';
import { chatJid, isoTime, msgId as number, waId } from './fields.ts';
import { operation } from './operation.ts';
import { paged, pageFields, pageOf } from './page.ts';
import { sendFields, timingFields } from './send-fields.ts';
import { SEND_STATUSES, statusOf } from './send-status.ts';

const PATH = '/api/scheduled-messages';

const byId = z.object({
  msgId: z
    .union([z.int(), z.string().min(1)])
    .meta({ description: 'The msgId that the send answered, or the WhatsApp id', examples: [1042] }),
});
const shown = z
  .object({
    msgId: number,
    id: waId,
    jid: chatJid.meta({ description: 'Recipient, +… for a phone number', examples: ['+15551234567'] }),
    status: z.enum(SEND_STATUSES).describe('What has become of it; scheduled: it waits'),
    scheduledAt: isoTime.describe('When it is to leave, in UTC'),
    timeZone: z
      .string()
      .nullable()
      .meta({ description: 'Time zone that it was scheduled in, where one was given', examples: ['Europe/Berlin'] }),
    expiresAt: isoTime
      .nullable()
      .describe('After this it is not sent any more, but fails, in UTC; null: never, after a resend'),
    reason: z
      .string()
      .nullable()
      .meta({
        description: 'Why it still waits though its time has come, or why it was not sent',
        examples: ['the session was not connected'],
      }),
    content: z
      .looseObject({})
      .nullable()
      .meta({
        description: 'What was asked to be sent; null once it has left unlogged',
        examples: [{ text: 'Happy birthday!' }],
      }),
  })
  .meta({ title: 'ScheduledMessage' });

export const list = operation({
  id: 'scheduled.list',
  http: `GET ${PATH}`,
  access: 'session',
  summary: 'List the messages that wait for their time, the next one first',
  tools: [
    {
      name: 'list_scheduled_messages',
      description:
        'List the messages that were sent with scheduledAt and still wait for their time, the next one first, with their msgId, recipient, time and content.',
      readOnly: true,
      local: true,
    },
  ],
  input: z.object(pageFields),
  output: pageOf(shown),
  run: async ({ engine, record }, { page, per_page: limit }) => {
    const { items, total } = await engine.store.schedule.list(record.id, { offset: (page - 1) * limit, limit });
    return paged({ items: items.map(show), total }, page, limit, PATH);
  },
});

export const get = operation({
  id: 'scheduled.get',
  http: `GET ${PATH}/:msgId`,
  access: 'session',
  summary: 'Get a message that is or was scheduled, with what has become of it',
  input: byId,
  output: shown,
  errors: ['message_not_found'],
  run: async ({ engine, session }, { msgId }) => show(await engine.schedule.get(session, String(msgId))),
});

export const update = operation({
  id: 'scheduled.update',
  http: `PUT ${PATH}/:msgId`,
  access: 'session',
  summary: 'Change time, recipient or text of a message that waits for its time; what is not given stays',
  tools: [
    {
      name: 'update_scheduled_message',
      description:
        'Change time, recipient or text of a message that waits for its time; what is not given stays. Give a time that is now to have it leave at once. Its other content cannot be changed: cancel it and send another one.',
      idempotent: true,
    },
  ],
  input: byId.extend({
    ...timingFields,
    to: sendFields.to.optional(),
    text: sendFields.text.describe(
      'New text of the message, or caption of its file. For any other content cancel it and send a new one',
    ),
  }),
  rules: ({ msgId: _msgId, ...changes }): Record<string, string[]> | undefined => {
    const names = Object.keys(changes);
    if (names.length === 0) return { body: ['Give at least one of scheduledAt, expireAfter, to and text.'] };
    if (!names.includes('timeZone') || names.includes('scheduledAt')) return undefined;
    return { timeZone: ['The timeZone field goes with scheduledAt: give the time as well.'] };
  },
  output: shown,
  errors: ['message_not_found', 'conflict'],
  run: async ({ engine, session }, { msgId, ...changes }) =>
    show(await engine.schedule.change(session, String(msgId), changes)),
});

export const cancel = operation({
  id: 'scheduled.cancel',
  http: `DELETE ${PATH}/:msgId`,
  access: 'session',
  summary: 'Cancel a message that waits for its time: it is never sent',
  tools: [
    {
      name: 'cancel_scheduled_message',
      description:
        'Cancel a message that waits for its time: it is never sent, and nobody is told. One that has left already can be taken back with delete_message.',
      destructive: true,
      idempotent: true,
      local: true,
    },
  ],
  input: byId,
  output: shown,
  errors: ['message_not_found', 'conflict'],
  run: async ({ engine, session }, { msgId }) => show(await engine.schedule.cancel(session, String(msgId))),
});

function show(message: MessageRecord) {
  const { msgId, waId: id, chat, logged, send, sendAt, expiresAt, error: reason } = message;
  const { timeZone = null, ...request } = message.request!;
  const {
    to: _to,
    scheduledAt: _at,
    expireAfter: _after,
    changed: _changed,
    file: _file,
    source: _,
    ...content
  } = request;
  return {
    msgId,
    id,
    jid: shownJid(chat),
    status: statusOf(message),
    scheduledAt: new Date(sendAt!).toISOString(),
    timeZone,
    expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString(),
    reason,
    content: logged || send === 'scheduled' ? content : null,
  };
}
