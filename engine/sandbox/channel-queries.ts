import { QueryIds } from '@whiskeysockets/baileys';
import type { Account, Sender } from './accounts.ts';
import { listed, postsOf, type Post } from './channel-posts.ts';
import type { Channel, ReactionCodes } from './channels.ts';
import type { Network } from './network.ts';
import { child, iqError, now, result, stanza, type Stanza } from './stanza.ts';

/** The variables of a GraphQL query, as it came. */
export type Variables = Record<string, unknown>;

/** A query that is refused, as GraphQL says it: within a result. */
export class QueryError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

type Answer = (network: Network, from: Sender, variables: Variables) => object | null;

/** A query about channels: the field of `data` that its answer stands in, and what answers it. */
interface Query {
  path: string;
  answer: Answer;
}

const create: Query = {
  path: 'xwa2_newsletter_create',
  answer: (network, { account, device }, variables) => {
    const input = objectIn(variables, 'input') ?? objectIn(variables, 'newsletter_input') ?? {};
    const name = textIn(input, 'name') ?? '';
    if (name.trim() === '' || name.length > MAX_NAME) throw new QueryError(400, 'Bad Request');
    const channel = network.channels.create(account, name, textIn(input, 'description') ?? '', device);
    const picture = textIn(input, 'picture');
    if (picture) network.channels.change(channel, { picture: Buffer.from(picture, 'base64') }, device);
    return network.channels.metadata(network.channels.must(channel.jid), account.phone);
  },
};

const update: Query = {
  path: 'xwa2_newsletter_update',
  answer: (network, from, variables) => {
    const channel = ofStaff(network, from, variables);
    const updates = objectIn(variables, 'updates') ?? {};
    const name = textIn(updates, 'name');
    if (name !== undefined && (name.trim() === '' || name.length > MAX_NAME)) throw new QueryError(400, 'Bad Request');
    const picture = textIn(updates, 'picture');
    const codes = textIn(objectIn(objectIn(updates, 'settings') ?? {}, 'reaction_codes') ?? {}, 'value');
    const changes = {
      name,
      description: textIn(updates, 'description'),
      picture: picture === undefined ? undefined : Buffer.from(picture, 'base64'),
      reactionCodes: REACTION_CODES.find((one) => one === codes?.toUpperCase()),
    };
    return network.channels.metadata(network.channels.change(channel, changes, from.device));
  },
};

const metadata: Query = {
  path: 'xwa2_newsletter',
  answer: (network, { account }, variables) => {
    const input = objectIn(variables, 'input') ?? {};
    const key = textIn(input, 'key') ?? '';
    const isInvite = textIn(input, 'type')?.toUpperCase() === 'INVITE';
    const channel = isInvite ? network.channels.byInvite(key) : network.channels.get(key);
    if (!channel) throw new QueryError(404, 'Not Found');
    const viewer = variables['fetch_viewer_metadata'] === false ? undefined : account.phone;
    return network.channels.metadata(channel, viewer);
  },
};

const follow: Query = {
  path: 'xwa2_newsletter_join_v2',
  answer: (network, { account, device }, variables) => {
    const channel = named(network, variables);
    network.channels.follow(channel, account, device);
    return network.channels.metadata(channel, account.phone);
  },
};

const unfollow: Query = {
  path: 'xwa2_newsletter_leave_v2',
  answer: (network, { account, device }, variables) => {
    const channel = named(network, variables);
    // an owner has to hand the channel over, or to delete it
    if (network.channels.member(channel.jid, account.phone)?.role === 'OWNER') throw new QueryError(403, 'Forbidden');
    network.channels.unfollow(channel, account, device);
    return { id: channel.jid, state: { type: 'ACTIVE' }, viewer_metadata: { role: 'GUEST' } };
  },
};

function muting(path: string, muted: boolean): Query {
  return {
    path,
    answer: (network, { account, device }, variables) => {
      const channel = named(network, variables);
      if (!network.channels.member(channel.jid, account.phone)) throw new QueryError(403, 'Forbidden');
      network.channels.mute(channel, account, muted, device);
      return { id: channel.jid, viewer_metadata: { mute: muted ? 'ON' : 'OFF' } };
    },
  };
}

const mute = muting('xwa2_newsletter_mute_v2', true);
const unmute = muting('xwa2_newsletter_unmute_v2', false);

/** How many follow it, for those who run it. */
const subscribers: Query = {
  path: 'xwa2_newsletter_subscribers',
  answer: (network, from, variables) => {
    const channel = ofStaff(network, from, variables);
    return { subscribers: network.channels.members(channel.jid).length };
  },
};

/** Who follows it, for those who run it. */
const subscriberList: Query = {
  path: 'xwa2_newsletter_subscribers',
  answer: (network, from, variables) => {
    const channel = ofStaff(network, from, objectIn(variables, 'input') ?? variables);
    const edges = network.channels.members(channel.jid).flatMap(({ phone, role }) => {
      const account = network.accounts.get(phone);
      return account ? [{ node: { id: `${account.lid}@lid`, display_name: account.name }, role }] : [];
    });
    return { subscribers: { edges } };
  },
};

const adminCount: Query = {
  path: 'xwa2_newsletter_admin',
  answer: (network, _from, variables) => {
    const channel = named(network, variables);
    const staff = network.channels.members(channel.jid).filter(({ role }) => role !== 'SUBSCRIBER');
    return { id: channel.jid, admin_count: staff.length };
  },
};

const changeOwner: Query = {
  path: 'xwa2_newsletter_change_owner',
  answer: (network, from, variables) => {
    const { channel, account, role } = ofOwner(network, from, variables);
    if (role !== 'ADMIN') throw new QueryError(400, 'Bad Request');
    network.channels.changeOwner(channel, account, from.device);
    return { id: channel.jid };
  },
};

const demote: Query = {
  path: 'xwa2_newsletter_demote',
  answer: (network, from, variables) => {
    const { channel, account, role } = ofOwner(network, from, variables);
    if (role !== 'ADMIN') throw new QueryError(400, 'Bad Request');
    network.channels.demote(channel, account, from.account, from.device);
    return { id: channel.jid };
  },
};

const remove: Query = {
  path: 'xwa2_newsletter_delete_v2',
  answer: (network, from, variables) => {
    const channel = named(network, variables);
    if (network.channels.member(channel.jid, from.account.phone)?.role !== 'OWNER')
      throw new QueryError(403, 'Forbidden');
    network.channels.remove(channel, from.account, from.device);
    return { id: channel.jid, state: { type: 'DELETED' } };
  },
};

const subscribed: Query = {
  path: 'xwa2_newsletter_subscribed',
  answer: (network, { account }) =>
    network.channels.of(account.phone).map((channel) => network.channels.metadata(channel, account.phone)),
};

/** Channels that one might like: here, all that there are. */
const recommended: Query = {
  path: 'xwa2_newsletters_recommended',
  answer: (network) => ({ result: network.channels.list().map((channel) => network.channels.metadata(channel)) }),
};

/** By number: those that Baileys asks, and those of WhatsApp's other web clients. */
export const CHANNEL_QUERIES: Record<string, Query> = {
  [QueryIds.CREATE]: create,
  [QueryIds.UPDATE_METADATA]: update,
  [QueryIds.METADATA]: metadata,
  [QueryIds.FOLLOW]: follow,
  [QueryIds.UNFOLLOW]: unfollow,
  [QueryIds.MUTE]: mute,
  [QueryIds.UNMUTE]: unmute,
  [QueryIds.SUBSCRIBERS]: subscribers,
  [QueryIds.ADMIN_COUNT]: adminCount,
  [QueryIds.CHANGE_OWNER]: changeOwner,
  [QueryIds.DEMOTE]: demote,
  [QueryIds.DELETE]: remove,
  '6234210096708695': create,
  '7150902998257522': update,
  '9926858900719341': follow,
  '6392786840836363': unfollow,
  '6274038279359549': mute,
  '6068417879924485': unmute,
  '9800646650009898': subscriberList,
  '6388546374527196': subscribed,
  '7263823273662354': recommended,
};

/**
 * `<iq xmlns=newsletter type=get><messages type=jid|invite …/>`: posts with what they say, newest `count` of those
 * before or after a server number.
 */
export function messages(network: Network, from: Sender, iq: Stanza): Stanza {
  const asked = child(iq, 'messages')?.attrs ?? {};
  const channel =
    asked['type'] === 'invite'
      ? network.channels.byInvite(asked['key'] ?? asked['jid'] ?? '')
      : network.channels.get(asked['jid'] ?? iq.attrs['to']);
  if (!channel) return iqError(iq, 404);
  return result(iq, [list(network, from, channel, postsOf(network, channel.jid, wanted(asked)), true)]);
}

/** `<iq xmlns=newsletter type=get to=CHANNEL><message_updates/>`: reactions and views of posts, without what they say. */
export function messageUpdates(network: Network, from: Sender, iq: Stanza): Stanza {
  const channel = network.channels.get(iq.attrs['to']);
  if (!channel) return iqError(iq, 404);
  const posts = postsOf(network, channel.jid, wanted(child(iq)?.attrs ?? {}));
  return result(iq, [stanza('message_updates', {}, [list(network, from, channel, posts, false)])]);
}

/** `<iq xmlns=newsletter type=set to=CHANNEL><live_updates/>`: the device wants to be told of reactions and views. */
export function liveUpdates(network: Network, from: Sender, iq: Stanza): Stanza {
  const channel = network.channels.get(iq.attrs['to']);
  if (!channel) return iqError(iq, 404);
  return result(iq, [stanza('live_updates', { duration: network.channels.subscribe(channel, from.device) })]);
}

function list(network: Network, from: Sender, channel: Channel, posts: Post[], withContent: boolean): Stanza {
  const nodes = posts.map((post) => listed(network, post, from.account.phone, withContent));
  return stanza('messages', { jid: channel.jid, t: now() }, nodes);
}

function wanted({ count, before, after, since }: Record<string, string>) {
  const number = (value: string | undefined): number | undefined =>
    value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
  // Baileys writes 0 for "from the beginning"
  return { count: number(count), before: number(before), after: number(after), since: number(since) };
}

/** WhatsApp takes no longer name. */
const MAX_NAME = 100;
const REACTION_CODES: ReactionCodes[] = ['ALL', 'BASIC', 'NONE', 'BLOCKLIST'];

function named(network: Network, variables: Variables): Channel {
  const channel = network.channels.get(textIn(variables, 'newsletter_id'));
  if (!channel) throw new QueryError(404, 'Not Found');
  return channel;
}

function ofStaff(network: Network, from: Sender, variables: Variables): Channel {
  const channel = named(network, variables);
  if (!network.channels.mayPost(channel.jid, from.account.phone)) throw new QueryError(403, 'Forbidden');
  return channel;
}

/** The channel, which the asking account owns, and somebody in it whom the query names. */
function ofOwner(network: Network, from: Sender, variables: Variables) {
  const channel = named(network, variables);
  if (network.channels.member(channel.jid, from.account.phone)?.role !== 'OWNER')
    throw new QueryError(403, 'Forbidden');
  const account: Account | undefined = network.accounts.find(textIn(variables, 'user_id'))?.account;
  const role = account && network.channels.member(channel.jid, account.phone)?.role;
  if (!account || !role) throw new QueryError(404, 'Not Found');
  return { channel, account, role };
}

function textIn(from: Variables, name: string): string | undefined {
  const value = from[name];
  return typeof value === 'string' ? value : undefined;
}

function objectIn(from: Variables, name: string): Variables | undefined {
  const value = from[name];
  return typeof value === 'object' && value !== null ? (value as Variables) : undefined;
}
