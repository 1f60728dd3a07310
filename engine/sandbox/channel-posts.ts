import type { Sender } from './accounts.ts';
import { decodeContent, encodeContent, ProtocolType, type MessageContent } from './content.ts';
import type { Channel } from './channels.ts';
import type { Network } from './network.ts';
import { SandboxError } from './problem.ts';
import { bytes, child, children, decodeStanza, encodeStanza, now, stanza, type Stanza } from './stanza.ts';

/** A post in a channel. Channels are not encrypted: the server has what it says. */
export interface Post {
  channel: string;
  /** The server's number of the post, which reactions and views name. */
  serverId: number;
  id: string;
  author: string;
  type: string;
  mediatype: string | null;
  body: Buffer;
  /** `<meta>` and the like, which go to the followers as they came. */
  extras: Stanza[];
  timestamp: number;
  /** When it was last edited, in milliseconds since 1970. */
  edited: number | null;
  revoked: boolean;
}

interface PostRow {
  channel: string;
  server_id: number;
  id: string;
  author: string;
  type: string;
  mediatype: string | null;
  body: Buffer;
  extras: Buffer;
  timestamp: number;
  edited: number | null;
  revoked: number;
}

/** `edit` of a post that an admin changes or takes back. Baileys says 1 and 7, as in other chats. */
const ADMIN_EDIT = '3';
const ADMIN_REVOKE = '8';
const REVOKES = ['7', ADMIN_REVOKE];
const FIRST_SERVER_ID = 100;
/** The reactions of a channel that allows only WhatsApp's own. */
const BASIC = ['👍', '❤️', '❤', '😂', '😮', '😢', '🙏'];

/**
 * `<message>` to a channel: a post, a change of one, or a reaction to one (by `server_id`). A post is acknowledged with
 * the server's number for it and goes to every device of everybody who follows the channel. Refused in the ack: 404 no
 * such channel or post, 403 only its owner and admins may post and only followers react, 405 reactions are switched off
 * or limited to others, 479 it is not built as a post has to be.
 */
export function routePost(network: Network, from: Sender, node: Stanza): Stanza {
  const { id, to, type } = node.attrs;
  const ack = (more: { error?: number; server_id?: number } = {}): Stanza =>
    stanza('ack', { class: 'message', id, from: to, t: now(), type, ...more });
  const channel = network.channels.get(to);
  if (!channel) return ack({ error: 404 });
  if (type === 'reaction') return ack(react(network, from, channel, node));
  if (!network.channels.mayPost(channel.jid, from.account.phone)) return ack({ error: 403 });
  const plaintext = child(node, 'plaintext');
  const content = plaintext && readContent(bytes(plaintext));
  if (!id || !plaintext || !content) return ack({ error: 479 });
  const { edit } = node.attrs;
  if (edit !== undefined && edit !== '') return ack(change(network, from, channel, node, content));
  const mediatype = plaintext.attrs['mediatype'] ?? null;
  const extras = children(node).filter(({ tag }) => tag !== 'plaintext');
  const post = network.store.transaction(() => {
    const known = postById(network, channel.jid, id);
    // sent again because the ack was lost
    if (known) return known;
    const added = add(network, channel, from, { id, type: type ?? 'text', mediatype, body: bytes(plaintext), extras });
    fanOut(network, from, added, {});
    return added;
  });
  return ack({ server_id: post.serverId });
}

function readContent(body: Buffer): MessageContent | undefined {
  try {
    return decodeContent(body);
  } catch {
    return undefined;
  }
}

function add(
  network: Network,
  channel: Channel,
  from: Sender,
  post: Pick<Post, 'id' | 'type' | 'mediatype' | 'body' | 'extras'>,
): Post {
  const last = network.store.get<{ last: number | null }>(
    'select max(server_id) as last from channel_posts where channel = ?',
    channel.jid,
  );
  const serverId = Math.max(last?.last ?? 0, FIRST_SERVER_ID - 1) + 1;
  network.store.run(
    `insert into channel_posts (channel, server_id, id, author, type, mediatype, body, extras, timestamp)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[channel.jid, serverId, post.id, from.account.phone, post.type, post.mediatype, post.body],
    ...[encodeStanza(stanza('extras', {}, post.extras)), now()],
  );
  return {
    ...post,
    channel: channel.jid,
    serverId,
    author: from.account.phone,
    timestamp: now(),
    edited: null,
    revoked: false,
  };
}

/**
 * An admin changes or takes back a post. The apps send it under the post's own id with the new content itself; Baileys
 * sends it as in other chats, under a new id with a protocol message that names the post. Followers get it as the apps
 * send it: an edit with its times in `<meta>`, what is taken back with an empty content.
 */
function change(network: Network, from: Sender, channel: Channel, node: Stanza, content: MessageContent) {
  const order = content.protocolMessage ?? content.editedMessage?.message?.protocolMessage;
  const target = order?.key?.id ?? node.attrs['id'] ?? '';
  const post = postById(network, channel.jid, target);
  if (!post || post.revoked) return { error: 404 };
  const revoke = REVOKES.includes(node.attrs['edit'] ?? '') || order?.type === ProtocolType.REVOKE;
  const changed = order?.editedMessage;
  if (order && !revoke && !changed) return { error: 479 };
  const plain = child(node, 'plaintext');
  let body: Buffer = Buffer.alloc(0);
  if (!revoke) body = changed ? encodeContent(changed) : bytes(plain);
  const edited = Date.now();
  network.store.transaction(() => {
    network.store.run(
      'update channel_posts set body = ?, edited = ?, revoked = ? where channel = ? and server_id = ?',
      ...[body, edited, revoke ? 1 : 0, channel.jid, post.serverId],
    );
    const meta = stanza('meta', { msg_edit_t: edited, original_msg_t: post.timestamp });
    const now = { ...post, body, extras: revoke ? [] : [meta] };
    fanOut(network, from, now, { edit: revoke ? ADMIN_REVOKE : ADMIN_EDIT });
  });
  return { server_id: post.serverId };
}

/** The account that posts gets it too, on its other devices, marked as its own. */
function fanOut(network: Network, from: Sender, post: Post, more: { edit?: string }): void {
  for (const { phone } of network.channels.members(post.channel)) {
    const own = phone === from.account.phone;
    for (const device of network.accounts.devices(phone)) {
      if (own && device.id === from.device.id) continue;
      const { channel, id, serverId, type } = post;
      const attrs = {
        from: channel,
        id,
        server_id: serverId,
        t: now(),
        type,
        is_sender: own ? 'true' : undefined,
        ...more,
      };
      network.outbox.enqueue(device, stanza('message', attrs, contentOf(post)), channel);
    }
  }
}

const contentOf = (post: Post): Stanza[] => [
  stanza('plaintext', { mediatype: post.mediatype ?? undefined }, post.body),
  ...post.extras,
];

function react(network: Network, from: Sender, channel: Channel, node: Stanza): { error?: number; server_id?: number } {
  const reaction = child(node, 'reaction');
  const serverId = Number(node.attrs['server_id']);
  if (!reaction || !Number.isInteger(serverId)) return { error: 479 };
  const post = postByServerId(network, channel.jid, serverId);
  if (!post || post.revoked) return { error: 404 };
  if (!network.channels.member(channel.jid, from.account.phone)) return { error: 403 };
  const code = node.attrs['edit'] === '7' ? '' : (reaction.attrs['code'] ?? '');
  const { reactionCodes } = channel;
  if (code !== '' && (reactionCodes === 'NONE' || (reactionCodes === 'BASIC' && !BASIC.includes(code)))) {
    return { error: 405 };
  }
  setReaction(network, post, from.account.phone, code);
  return { server_id: serverId };
}

/** An account reacts to a post, or (with an empty code) takes its reaction back. */
export function setReaction(network: Network, post: Post, phone: string, code: string): void {
  const { channel, serverId } = post;
  network.store.transaction(() => {
    network.store.run(
      'delete from channel_reactions where channel = ? and server_id = ? and phone = ?',
      ...[channel, serverId, phone],
    );
    if (code !== '') {
      network.store.run(
        'insert into channel_reactions (channel, server_id, phone, code) values (?, ?, ?, ?)',
        ...[channel, serverId, phone, code],
      );
    }
    // Baileys looks for the reaction itself, others for the new numbers
    const seen = code === '' ? [] : [stanza('reaction', {}, Buffer.from(code))];
    network.channels.tellLive(channel, [
      liveUpdates(network, post),
      stanza('reaction', { message_id: serverId }, seen),
    ]);
  });
}

/** A person reacts to a post on the phone; resolves with the id of the stanza that says so. */
export function reactToPost(
  { network, account }: { network: Network; account: Sender['account'] },
  channel: string,
  id: string,
  emoji: string,
): string {
  const post = postById(network, channel, id);
  if (!post || post.revoked) throw new SandboxError(404, 'unknown-message', `There is no post ${id} in ${channel}.`);
  if (!network.channels.member(channel, account.phone)) {
    throw new SandboxError(403, 'not-a-follower', `+${account.phone} does not follow ${channel}.`);
  }
  setReaction(network, post, account.phone, emoji);
  return network.newId();
}

/** An account has seen a post; it counts once. */
export function addView(network: Network, post: Post, phone: string): void {
  const { channel, serverId } = post;
  network.store.transaction(() => {
    const first = network.store.run(
      'insert or ignore into channel_views (channel, server_id, phone) values (?, ?, ?)',
      ...[channel, serverId, phone],
    );
    if (first === 0) return;
    const count = Buffer.from(String(viewsOf(network, post)));
    network.channels.tellLive(channel, [liveUpdates(network, post), stanza('view', { message_id: serverId }, count)]);
  });
}

/** A person looks at posts that have come to the phone. */
export function viewPosts(network: Network, channel: string, messages: { id: string }[], phone: string): void {
  for (const { id } of messages) {
    const post = postById(network, channel, id);
    if (post) addView(network, post, phone);
  }
}

/** `<receipt type=view>` to a channel: the posts in its list have been seen. Any other receipt changes nothing. */
export function routeView(network: Network, from: Sender, node: Stanza): Stanza {
  const { id, to = '', type } = node.attrs;
  if (type === 'view') {
    for (const item of children(child(node, 'list'), 'item')) {
      const post = postByServerId(network, to, Number(item.attrs['server_id']));
      if (post) addView(network, post, from.account.phone);
    }
  }
  return stanza('ack', { class: 'receipt', id, from: to, type, t: now() });
}

export function reactionsOf(network: Network, post: Post): { code: string; count: number }[] {
  return network.store.all<{ code: string; count: number }>(
    `select code, count(*) as count from channel_reactions where channel = ? and server_id = ?
     group by code order by count desc, code`,
    ...[post.channel, post.serverId],
  );
}

export function viewsOf(network: Network, post: Post): number {
  const row = network.store.get<{ count: number }>(
    'select count(*) as count from channel_views where channel = ? and server_id = ?',
    ...[post.channel, post.serverId],
  );
  return row?.count ?? 0;
}

/** `<message>` as it is listed: with the numbers of reactions and views, and with its content when that is wanted. */
export function listed(network: Network, post: Post, viewer: string | undefined, withContent: boolean): Stanza {
  const reactions = reactionsOf(network, post).map((one) => stanza('reaction', one));
  const { id, serverId, type, timestamp, author, revoked } = post;
  const mine = viewer === author ? 'true' : undefined;
  const edit = revoked ? ADMIN_REVOKE : undefined;
  const attrs = { id, server_id: serverId, t: timestamp, type, is_sender: mine, edit };
  const content = withContent ? contentOf(post) : [];
  content.push(stanza('views_count', { count: viewsOf(network, post) }));
  if (reactions.length > 0) content.push(stanza('reactions', {}, reactions));
  return stanza('message', attrs, content);
}

function liveUpdates(network: Network, post: Post): Stanza {
  const messages = stanza('messages', { t: now() }, [listed(network, post, undefined, false)]);
  return stanza('live_updates', {}, [messages]);
}

/** Which of a channel's posts are wanted. */
export interface WantedPosts {
  /** Server numbers: only newer, only older ones than this. */
  after?: number | undefined;
  before?: number | undefined;
  /** Only what was posted or edited since then (seconds). */
  since?: number | undefined;
  count?: number | undefined;
}

/** The newest posts that fit, oldest first; with `after` those that come next. */
export function postsOf(network: Network, channel: string, wanted: WantedPosts = {}): Post[] {
  const rows = network.store.all<PostRow>('select * from channel_posts where channel = ? order by server_id', channel);
  const { after = 0, before = Infinity, since = 0, count = 100 } = wanted;
  const fitting = rows
    .map(toPost)
    .filter(({ serverId }) => serverId > after && serverId < before)
    .filter(({ timestamp, edited }) => Math.max(timestamp, (edited ?? 0) / 1000) >= since);
  return wanted.after === undefined ? fitting.slice(-count) : fitting.slice(0, count);
}

export function postById(network: Network, channel: string, id: string): Post | undefined {
  const row = network.store.get<PostRow>('select * from channel_posts where channel = ? and id = ?', channel, id);
  return row && toPost(row);
}

export function postByServerId(network: Network, channel: string, serverId: number): Post | undefined {
  if (!Number.isInteger(serverId)) return undefined;
  const row = network.store.get<PostRow>(
    'select * from channel_posts where channel = ? and server_id = ?',
    ...[channel, serverId],
  );
  return row && toPost(row);
}

function toPost({ server_id: serverId, revoked, extras, ...row }: PostRow): Post {
  return { ...row, serverId, revoked: revoked === 1, extras: children(decodeStanza(extras)) };
}
