import { z } from 'zod';
import * as channels from '../whatsapp/channels.ts';
import { imgUrl, unixSeconds } from './fields.ts';
import { operation } from './operation.ts';
import { ASKING } from './refusals.ts';

const channelJid = z.string().meta({
  description: 'Address of the channel (…@newsletter), or the code of its link (https://whatsapp.com/channel/…)',
  examples: ['120363144038483540@newsletter'],
});
const jid = z
  .string()
  .meta({ description: 'WhatsApp’s address of the channel', examples: ['120363144038483540@newsletter'] });

const shown = z
  .object({
    jid,
    name: z.string().meta({ description: 'Name of the channel', examples: ['Choir news'] }),
    description: z
      .string()
      .nullable()
      .meta({ description: 'What it is about', examples: ['Dates and recordings'] }),
    invite: z
      .string()
      .nullable()
      .meta({ description: 'Code of its link', examples: ['0029VaBcDeFgHiJkLmNoPq1r'] }),
    subscribers: z
      .int()
      .nullable()
      .meta({ description: 'Number of followers, where WhatsApp tells it', examples: [128] }),
    verified: z.boolean().describe('Whether WhatsApp has verified the channel'),
    createdAt: unixSeconds.nullable().describe('When it was made, in Unix seconds'),
    imgUrl,
    role: z.enum(['owner', 'admin', 'subscriber', 'guest']).nullable().describe('What this account is to the channel'),
    muted: z.boolean().nullable().describe('Whether this account has muted it'),
  })
  .meta({ title: 'Channel' });

export const get = operation({
  id: 'channel.get',
  http: 'GET /api/channels/:channelJid',
  access: 'session',
  summary: 'Get a channel by its address or the code of its link',
  tools: [
    {
      name: 'get_channel',
      description:
        'Get a WhatsApp channel by its address or the code of its link: name, description, number of subscribers.',
      readOnly: true,
    },
  ],
  errors: ASKING,
  input: z.object({ channelJid }),
  output: shown,
  run: ({ session }, { channelJid }) => channels.get(session, channels.toChannel(channelJid, 'channelJid')),
});

export const list = operation({
  id: 'channel.list',
  http: 'GET /api/channels',
  access: 'session',
  summary: 'List the channels that the account follows or runs, by name',
  tools: [
    {
      name: 'list_channels',
      description: 'List the WhatsApp channels that the account follows or runs.',
      readOnly: true,
    },
  ],
  errors: ASKING,
  input: z.object({}),
  output: z.array(shown),
  run: ({ session }) => channels.list(session),
});

export const follow = operation({
  id: 'channel.follow',
  http: 'POST /api/channels/:channelJid/follow',
  access: 'session',
  summary: 'Follow a channel: its posts arrive as messages',
  errors: ASKING,
  input: z.object({ channelJid }),
  output: z.object({ jid }),
  run: async ({ session }, { channelJid }) => ({
    jid: await channels.follow(session, channels.toChannel(channelJid, 'channelJid')),
  }),
});

export const unfollow = operation({
  id: 'channel.unfollow',
  http: 'POST /api/channels/:channelJid/unfollow',
  access: 'session',
  summary: 'Stop following a channel',
  errors: ASKING,
  input: z.object({ channelJid }),
  output: z.object({ jid }),
  run: async ({ session }, { channelJid }) => ({
    jid: await channels.unfollow(session, channels.toChannel(channelJid, 'channelJid')),
  }),
});
