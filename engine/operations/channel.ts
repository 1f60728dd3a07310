import { z } from 'zod';
import * as channels from '../whatsapp/channels.ts';
import { operation } from './operation.ts';

const channelJid = z
  .string()
  .describe('Address of the channel (…@newsletter), or the code of its link (https://whatsapp.com/channel/…)');

const shown = z.object({
  jid: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  invite: z.string().nullable().describe('Code of its link'),
  subscribers: z.int().nullable(),
  verified: z.boolean(),
  createdAt: z.int().nullable().describe('Seconds since 1970'),
  imgUrl: z.string().nullable(),
  role: z.enum(['owner', 'admin', 'subscriber', 'guest']).nullable().describe('What this account is to the channel'),
  muted: z.boolean().nullable(),
});

export const get = operation({
  id: 'channel.get',
  http: 'GET /api/channels/:channelJid',
  access: 'session',
  summary: 'Get a channel by its address or the code of its link',
  input: z.object({ channelJid }),
  output: shown,
  run: ({ session }, { channelJid }) => channels.get(session, channels.toChannel(channelJid, 'channelJid')),
});

export const list = operation({
  id: 'channel.list',
  http: 'GET /api/channels',
  access: 'session',
  summary: 'List the channels that the account follows or runs, by name',
  input: z.object({}),
  output: z.array(shown),
  run: ({ session }) => channels.list(session),
});

export const follow = operation({
  id: 'channel.follow',
  http: 'POST /api/channels/:channelJid/follow',
  access: 'session',
  summary: 'Follow a channel: its posts arrive as messages',
  input: z.object({ channelJid }),
  output: z.object({ jid: z.string() }),
  run: async ({ session }, { channelJid }) => ({
    jid: await channels.follow(session, channels.toChannel(channelJid, 'channelJid')),
  }),
});

export const unfollow = operation({
  id: 'channel.unfollow',
  http: 'POST /api/channels/:channelJid/unfollow',
  access: 'session',
  summary: 'Stop following a channel',
  input: z.object({ channelJid }),
  output: z.object({ jid: z.string() }),
  run: async ({ session }, { channelJid }) => ({
    jid: await channels.unfollow(session, channels.toChannel(channelJid, 'channelJid')),
  }),
});
