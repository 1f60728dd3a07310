import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { CHAT_KINDS, kindOf, type ChatRecord } from '../model.ts';
import { modifyChat, showPresence } from '../whatsapp/chat.ts';
import { person } from '../whatsapp/people.ts';
import { chatJid, lid, phone, unixSeconds } from './fields.ts';
import { listed, listFields, listOf, sliceOf, sought } from './listing.ts';
import { operation } from './operation.ts';
import { ASKING } from './refusals.ts';

const jid = chatJid.min(1).describe('Phone number or address of the chat');

const shown = z
  .object({
    jid: chatJid,
    lid,
    phone,
    name: z
      .string()
      .nullable()
      .meta({ description: 'Name of the person, the group or the channel, where known', examples: ['Robin Example'] }),
    kind: z.enum(CHAT_KINDS).nullable().describe('direct: with one person. null: a broadcast list'),
    unread: z.int().meta({ description: 'Number of unread messages; -1: marked as unread by hand', examples: [2] }),
    archived: z.boolean().describe('Whether it is in the archive'),
    pinned: z.boolean().describe('Whether it is kept at the top of the list of chats'),
    lastMessageAt: unixSeconds.nullable().describe('When its last message was sent, in Unix seconds, where known'),
  })
  .meta({ title: 'Chat' });

export const list = operation({
  id: 'chat.list',
  http: 'GET /api/chats',
  access: 'session',
  summary: 'List the chats of the account, the one with the newest message first',
  tools: [
    {
      name: 'list_chats',
      description:
        'List the chats of the WhatsApp account with people, groups and channels, the most recent first, a page at a time: who has written lately, and where something is unread. For what was said use list_messages.',
      readOnly: true,
      local: true,
      fields: ['search', 'kind', 'page', 'limit'],
      set: { paginated: true },
    },
  ],
  input: z.object({ ...listFields, kind: z.enum(CHAT_KINDS).optional().describe('Only chats of this kind') }),
  output: listOf(shown),
  run: async ({ engine, record }, { search, kind, ...asked }) => {
    const found = await engine.store.chats.list(record.id, { search: sought(search), kind }, sliceOf(asked));
    return listed({ ...found, items: found.items.map(show) }, asked);
  },
});

function show({ jid, lid, name, unreadCount, archived, pinnedAt, lastMessageAt }: ChatRecord): z.input<typeof shown> {
  const who = person(jid, lid);
  const address = who?.jid ?? jid!;
  return {
    jid: address,
    lid: who?.lid ?? null,
    phone: who?.phone ?? null,
    name,
    kind: kindOf(address) ?? null,
    unread: unreadCount,
    archived,
    pinned: pinnedAt !== null,
    lastMessageAt,
  };
}

export const presence = operation({
  id: 'chat.presence',
  http: 'POST /api/send-presence-update',
  access: 'session',
  summary: 'Show the account as typing, recording, online or offline',
  tools: [
    {
      name: 'send_presence_update',
      description:
        'Show in a chat that this account is typing (composing), recording or has stopped (paused); or show the whole account as online (available) or offline (unavailable), for which jid is its own number.',
      idempotent: true,
      plain: true,
    },
  ],
  errors: ASKING,
  input: z.object({
    jid: jid.describe('Chat that sees it; for available and unavailable the account’s own number'),
    type: z
      .enum(['composing', 'recording', 'paused', 'available', 'unavailable'])
      .describe('composing: typing. recording: a voice note. paused: neither. available: online. unavailable: offline'),
    delayMs: z
      .int()
      .min(0)
      .max(60_000)
      .optional()
      .meta({
        description: 'For how long, in milliseconds: after that it is taken back, and the answer comes then',
        examples: [3000],
      }),
  }),
  output: z.object({
    jid: chatJid.describe('Chat that sees it, as it was given'),
    type: z.string().meta({ description: 'What is shown', examples: ['composing'] }),
  }),
  run: async ({ session }, { jid: shown, type, delayMs }) => {
    await showPresence(session, shown, type);
    if (delayMs) {
      await pause(delayMs);
      await showPresence(session, shown, afterwards(type));
    }
    return { jid: shown, type };
  },
});

function afterwards(type: 'composing' | 'recording' | 'paused' | 'available' | 'unavailable') {
  if (type === 'available') return 'unavailable';
  return type === 'unavailable' ? 'available' : 'paused';
}

export const subscribe = operation({
  id: 'chat.subscribe',
  http: 'POST /api/presence/subscribe',
  access: 'session',
  summary: 'Have presence.update tell when somebody is online or typing, until the connection ends',
  errors: ASKING,
  input: z.object({ jid }),
  output: z.object({ jid: chatJid }),
  run: async ({ session }, { jid: whom }) => ({ jid: await session.subscribePresence(whom) }),
});

export const update = operation({
  id: 'chat.update',
  http: 'PUT /api/chats/:jid',
  access: 'session',
  summary: 'Archive, pin, mute or mark a chat, or let its messages disappear; what is not given stays',
  errors: ASKING,
  input: z.object({
    jid,
    archived: z.boolean().optional().describe('Move it to the archive, or back'),
    pinned: z.boolean().optional().describe('Keep it at the top of the list of chats'),
    mutedUntil: unixSeconds.min(0).optional().describe('Until when it is muted, in Unix seconds; 0 unmutes'),
    read: z.boolean().optional().describe('false: mark it as unread'),
    disappearAfter: z
      .union([z.literal(0), z.literal(86_400), z.literal(604_800), z.literal(7_776_000)])
      .optional()
      .meta({
        description: 'Seconds after which new messages disappear: a day, a week, 90 days, or 0 for never',
        examples: [604_800],
      }),
  }),
  rules: ({ jid: _jid, ...changes }) =>
    Object.values(changes).every((value) => value === undefined)
      ? { archived: ['One of archived, pinned, mutedUntil, read and disappearAfter is required.'] }
      : undefined,
  output: z.object({ jid: chatJid }),
  run: async ({ session }, { jid: chat, ...changes }) => ({ jid: await modifyChat(session, chat, changes) }),
});
