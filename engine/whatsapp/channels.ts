import { EngineError, validationFailed } from '../errors.ts';
import { getBinaryNodeChild, QueryIds, type WASocket } from './baileys.ts';
import { Refusal } from './failure.ts';
import { textOf } from './group.ts';
import { query } from './query.ts';
import type { Session } from './session.ts';

/** WhatsApp's number for the query that lists the channels an account follows; Baileys has no name for it. */
const SUBSCRIBED = '6388546374527196';

/** A channel, and what the account is to it. */
export interface Channel {
  jid: string;
  name: string;
  description: string | null;
  invite: string | null;
  subscribers: number | null;
  verified: boolean;
  /** Seconds since 1970. */
  createdAt: number | null;
  imgUrl: string | null;
  role: 'owner' | 'admin' | 'subscriber' | 'guest' | null;
  muted: boolean | null;
}

/** What names a channel: its jid, or the code of its link. */
export interface ChannelName {
  type: 'JID' | 'INVITE';
  key: string;
}

/** The channel that somebody typed: its jid, its link (https://whatsapp.com/channel/…), or the code in it. */
export function toChannel(typed: string, field: string): ChannelName {
  const text = typed.trim();
  const id = /^(\d{5,20})(?:@newsletter)?$/i.exec(text)?.[1];
  if (id) return { type: 'JID', key: `${id}@newsletter` };
  const code = /^(?:https?:\/\/(?:www\.)?whatsapp\.com\/channel\/)?([A-Za-z0-9_-]{5,64})\/?$/.exec(text)?.[1];
  if (code) return { type: 'INVITE', key: code };
  throw validationFailed({
    [field]: [`The ${field} field must be the address of a channel (…@newsletter) or the code of its link.`],
  });
}

const NO_CHANNEL = { 400: 'There is no such channel.', 404: 'There is no such channel.' };

export function get(session: Session, name: ChannelName): Promise<Channel> {
  return session.ask('Failed to get channel', (wa) => channelOf(wa, name), NO_CHANNEL);
}

/** Every channel that the account follows or runs, by name. */
export async function list(session: Session): Promise<Channel[]> {
  const channels = await session.ask('Failed to list channels', async (wa) => {
    const answer = (await graph(wa, SUBSCRIBED, {}, 'xwa2_newsletter_subscribed')) as Thread[];
    return answer.map(readChannel);
  });
  // Its posts come without the name of a channel.
  const chats = channels.map(({ jid, name }) => ({ jid, name: name || null, knownOnly: true }));
  await session.directory.learn({ chats });
  return channels.sort((a, b) => a.name.localeCompare(b.name) || a.jid.localeCompare(b.jid));
}

export function follow(session: Session, name: ChannelName): Promise<string> {
  return setFollowing(session, name, 'Failed to follow channel', QueryIds.FOLLOW, 'xwa2_newsletter_join_v2');
}

export function unfollow(session: Session, name: ChannelName): Promise<string> {
  return setFollowing(session, name, 'Failed to unfollow channel', QueryIds.UNFOLLOW, 'xwa2_newsletter_leave_v2');
}

function setFollowing(
  session: Session,
  name: ChannelName,
  what: string,
  queryId: string,
  path: string,
): Promise<string> {
  return session.ask(
    what,
    async (wa) => {
      const jid = name.type === 'JID' ? name.key : (await channelOf(wa, name)).jid;
      await graph(wa, queryId, { newsletter_id: jid }, path);
      return jid;
    },
    { ...NO_CHANNEL, 403: 'The owner of a channel cannot leave it.' },
  );
}

async function channelOf(wa: WASocket, { type, key }: ChannelName): Promise<Channel> {
  const input = { key, type, view_role: 'GUEST' };
  const fetch = { fetch_creation_time: true, fetch_full_image: true, fetch_viewer_metadata: true };
  const answer = await graph(wa, QueryIds.METADATA, { input, ...fetch }, 'xwa2_newsletter');
  if (!answer) throw new EngineError('not_found', 'Failed to get channel: There is no such channel.');
  return readChannel(answer as Thread);
}

/** What WhatsApp's GraphQL tells of a channel. */
interface Thread {
  id: string;
  thread_metadata?: {
    name?: { text?: string };
    description?: { text?: string };
    invite?: string;
    subscribers_count?: string;
    verification?: string;
    creation_time?: string;
    picture?: { direct_path?: string } | null;
    preview?: { direct_path?: string } | null;
  };
  viewer_metadata?: { role?: string; mute?: string } | null;
}

const ROLES = ['owner', 'admin', 'subscriber', 'guest'] as const;

function readChannel({ id, thread_metadata: thread = {}, viewer_metadata: viewer }: Thread): Channel {
  const path = thread.picture?.direct_path ?? thread.preview?.direct_path;
  const role = viewer?.role?.toLowerCase();
  return {
    jid: id,
    name: thread.name?.text ?? '',
    description: thread.description?.text || null,
    invite: thread.invite ?? null,
    subscribers: numberOf(thread.subscribers_count),
    verified: thread.verification?.toUpperCase() === 'VERIFIED',
    createdAt: numberOf(thread.creation_time),
    imgUrl: path ? new URL(path, 'https://pps.whatsapp.net').href : null,
    role: ROLES.find((one) => one === role) ?? null,
    muted: viewer?.mute ? viewer.mute.toUpperCase() === 'ON' : null,
  };
}

const numberOf = (text: string | undefined) => (text === undefined || text === '' ? null : Number(text));

interface GraphError {
  extensions?: { error_code?: number };
}

/** Asks WhatsApp's GraphQL, which refuses within an answer that is none by itself. */
async function graph(wa: WASocket, queryId: string, variables: object, path: string): Promise<unknown> {
  const content = Buffer.from(JSON.stringify({ variables }), 'utf8');
  const attrs = { to: '@s.whatsapp.net', type: 'get', xmlns: 'w:mex' } as const;
  const answer = await query(wa, attrs, [{ tag: 'query', attrs: { query_id: queryId }, content }]);
  const { data, errors = [] } = JSON.parse(textOf(getBinaryNodeChild(answer, 'result'))) as {
    data?: Record<string, unknown> | null;
    errors?: GraphError[] | null;
  };
  const [error] = errors ?? [];
  if (error) throw new Refusal(error.extensions?.error_code ?? 400);
  return data?.[path] ?? null;
}
