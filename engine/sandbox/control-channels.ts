import { z } from 'zod';
import type { Account } from './accounts.ts';
import {
  postById,
  postsOf,
  reactionsOf,
  reactToPost,
  routePost,
  viewsOf,
  addView,
  type Post,
} from './channel-posts.ts';
import { mustPost, phoneOf, type Channel } from './channels.ts';
import { decodeContent, encodeContent, readableContent, textOf, typeOf } from './content.ts';
import { jidOfKey } from './chats.ts';
import type { SendRequest } from './control.ts';
import type { Network } from './network.ts';
import { checked, SandboxError } from './problem.ts';
import { stanza } from './stanza.ts';

const name = z.string().trim().min(1).max(100);
const description = z.string().max(2048);
const newChannel = z.strictObject({ owner: z.string().min(1), name, description: description.optional() });
const changes = z.strictObject({ name: name.optional(), description: description.optional() });
const onePhone = z.strictObject({ phone: z.string().min(1) });
const postRequest = z.looseObject({ by: z.string().min(1) });
const reactRequest = z.strictObject({ phone: z.string().min(1), id: z.string().min(1), emoji: z.string().max(32) });
const viewRequest = z.strictObject({ phone: z.string().min(1), id: z.string().min(1).optional() });
const editRequest = z.strictObject({ by: z.string().min(1), id: z.string().min(1), text: z.string().min(1) });
const deleteRequest = z.strictObject({ by: z.string().min(1), id: z.string().min(1) });

export type NewChannel = z.input<typeof newChannel>;
export type ChannelChange = z.input<typeof changes>;

/** A channel as its page shows it, and who belongs to it. */
export interface ChannelInfo {
  jid: string;
  name: string;
  description: string;
  invite: string;
  link: string;
  /** Numbers. Nobody owns a channel whose owner's account has been deleted. */
  owner: string | null;
  admins: string[];
  followers: string[];
  /** Everybody who follows it, the owner and the admins included. */
  subscribers: number;
  hasPicture: boolean;
  createdAt: number;
}

/** A post as a channel's page shows it. */
export interface PostInfo {
  id: string;
  serverId: number;
  by: string;
  type: string;
  text: string | null;
  message: object;
  timestamp: number;
  /** Milliseconds since 1970. */
  editedAt: number | null;
  deleted: boolean;
  views: number;
  reactions: Record<string, number>;
}

/** What people can do with channels. */
export class ChannelControl {
  readonly #network: Network;
  readonly #send: (phone: string, request: SendRequest) => Promise<{ id: string }>;

  /** `send` has a phone send what is given, as to any other chat. */
  constructor(network: Network, send: (phone: string, request: SendRequest) => Promise<{ id: string }>) {
    this.#network = network;
    this.#send = send;
  }

  create(request: NewChannel): ChannelInfo {
    const { owner, name, description = '' } = checked(newChannel, request);
    return this.#info(this.#network.channels.create(this.#person(owner), name, description));
  }

  list(): ChannelInfo[] {
    return this.#network.channels.list().map((channel) => this.#info(channel));
  }

  get(jid: string): ChannelInfo {
    return this.#info(this.#network.channels.must(jid));
  }

  /** The owner (or an admin) gives it another name or description. */
  update(jid: string, request: ChannelChange): ChannelInfo {
    return this.#info(this.#network.channels.change(this.#network.channels.must(jid), checked(changes, request)));
  }

  remove(jid: string): void {
    this.#network.channels.remove(this.#network.channels.must(jid), undefined);
  }

  follow(jid: string, request: { phone: string }): ChannelInfo {
    const channel = this.#network.channels.must(jid);
    this.#network.channels.follow(channel, this.#person(checked(onePhone, request).phone));
    return this.#info(channel);
  }

  unfollow(jid: string, request: { phone: string }): ChannelInfo {
    const channel = this.#network.channels.must(jid);
    const account = this.#person(checked(onePhone, request).phone);
    if (this.#network.channels.member(jid, account.phone)?.role === 'OWNER') {
      throw new SandboxError(
        409,
        'is-owner',
        `+${account.phone} owns the channel; delete it, or make another one its owner.`,
      );
    }
    this.#network.channels.unfollow(channel, account);
    return this.#info(channel);
  }

  /** Makes a follower an admin; somebody who does not follow it yet does so with that. */
  promote(jid: string, request: { phone: string }): ChannelInfo {
    const channel = this.#network.channels.must(jid);
    const account = this.#person(checked(onePhone, request).phone);
    const owner = this.#owner(channel);
    if (account.phone === owner.phone) throw new SandboxError(409, 'is-owner', `+${account.phone} owns the channel.`);
    this.#network.channels.follow(channel, account);
    this.#network.channels.promote(channel, account, owner);
    return this.#info(channel);
  }

  demote(jid: string, request: { phone: string }): ChannelInfo {
    const channel = this.#network.channels.must(jid);
    const account = this.#person(checked(onePhone, request).phone);
    if (this.#network.channels.member(jid, account.phone)?.role !== 'ADMIN') {
      throw new SandboxError(409, 'not-an-admin', `+${account.phone} is not an admin of ${jid}.`);
    }
    this.#network.channels.demote(channel, account, this.#owner(channel));
    return this.#info(channel);
  }

  /** The owner or an admin posts: the same fields as when a phone sends a message. */
  async post(
    jid: string,
    request: { by: string } & Omit<SendRequest, 'to'>,
  ): Promise<{ id: string; serverId: number }> {
    this.#network.channels.must(jid);
    const { by, ...message } = checked(postRequest, request);
    const { id } = await this.#send(by, { ...message, to: jid } as SendRequest);
    return { id, serverId: this.#post(jid, id).serverId };
  }

  posts(jid: string): PostInfo[] {
    this.#network.channels.must(jid);
    return postsOf(this.#network, jid, { count: Infinity }).map((post) => this.#postInfo(post));
  }

  /** Somebody who follows it reacts to a post; an empty `emoji` takes the reaction back. */
  react(jid: string, request: { phone: string; id: string; emoji: string }): PostInfo {
    this.#network.channels.must(jid);
    const { phone, id, emoji } = checked(reactRequest, request);
    const account = this.#person(phone);
    reactToPost({ network: this.#network, account }, jid, id, emoji);
    return this.#postInfo(this.#post(jid, id));
  }

  /** Somebody looks at a post, or at all of them. */
  view(jid: string, request: { phone: string; id?: string }): void {
    this.#network.channels.must(jid);
    const { phone, id } = checked(viewRequest, request);
    const account = this.#person(phone);
    const posts = id === undefined ? postsOf(this.#network, jid, { count: Infinity }) : [this.#post(jid, id)];
    for (const post of posts) addView(this.#network, post, account.phone);
  }

  /** The owner or an admin changes what a post says. */
  edit(jid: string, request: { by: string; id: string; text: string }): PostInfo {
    const { by, id, text } = checked(editRequest, request);
    return this.#change(jid, by, id, '3', encodeContent({ conversation: text }));
  }

  /** The owner or an admin takes a post back. */
  delete(jid: string, request: { by: string; id: string }): PostInfo {
    const { by, id } = checked(deleteRequest, request);
    return this.#change(jid, by, id, '8', Buffer.alloc(0));
  }

  #change(jid: string, by: string, id: string, edit: string, content: Buffer): PostInfo {
    this.#network.channels.must(jid);
    const author = phoneOf(this.#network, by);
    mustPost(this.#network, jid, author.account);
    this.#post(jid, id);
    const node = stanza('message', { to: jid, id, type: 'text', edit }, [stanza('plaintext', {}, content)]);
    const { error } = routePost(this.#network, author, node).attrs;
    if (error !== undefined) throw new SandboxError(409, 'deleted-post', `The post ${id} has been deleted.`);
    return this.#postInfo(this.#post(jid, id));
  }

  #person(phone: string): Account {
    return this.#network.accounts.recipient(phone).account;
  }

  #owner(channel: Channel): Account {
    const owner = this.#network.channels.members(channel.jid).find(({ role }) => role === 'OWNER');
    if (owner) return this.#network.accounts.must(owner.phone);
    throw new SandboxError(
      409,
      'no-owner',
      `Nobody owns ${channel.jid} any more: its owner's account has been deleted.`,
    );
  }

  #post(jid: string, id: string): Post {
    const post = postById(this.#network, jid, id);
    if (!post) throw new SandboxError(404, 'unknown-message', `There is no post ${id} in ${jid}.`);
    return post;
  }

  #info(channel: Channel): ChannelInfo {
    const members = this.#network.channels.members(channel.jid);
    const phones = (role: string): string[] => members.filter((one) => one.role === role).map(({ phone }) => phone);
    const { jid, name, description, invite, created } = this.#network.channels.must(channel.jid);
    return {
      jid,
      name,
      description,
      invite,
      link: `https://whatsapp.com/channel/${invite}`,
      owner: phones('OWNER')[0] ?? null,
      admins: phones('ADMIN'),
      followers: phones('SUBSCRIBER'),
      subscribers: members.length,
      hasPicture: channel.picture !== undefined,
      createdAt: created,
    };
  }

  #postInfo(post: Post): PostInfo {
    const content = decodeContent(post.body);
    return {
      id: post.id,
      serverId: post.serverId,
      by: jidOfKey(post.author),
      type: post.revoked ? 'unknown' : typeOf(content),
      text: textOf(content),
      message: readableContent(content),
      timestamp: post.timestamp,
      editedAt: post.edited,
      deleted: post.revoked,
      views: viewsOf(this.#network, post),
      reactions: Object.fromEntries(reactionsOf(this.#network, post).map(({ code, count }) => [code, count])),
    };
  }
}
