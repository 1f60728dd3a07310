import { randomBytes, randomInt } from 'node:crypto';
import { jidOf, type Account, type Device, type Sender } from './accounts.ts';
import { parseJid } from './jid.ts';
import type { Network } from './network.ts';
import { SandboxError } from './problem.ts';
import { SERVER, now, stanza, type Stanza } from './stanza.ts';

/** The part of a jid that says that it is a channel (in the protocol: a newsletter). */
export const CHANNELS = 'newsletter';

export type Role = 'OWNER' | 'ADMIN' | 'SUBSCRIBER';
/** Which reactions a channel's followers may leave: all, WhatsApp's six, none, or all but some. */
export type ReactionCodes = 'ALL' | 'BASIC' | 'NONE' | 'BLOCKLIST';

export interface Channel {
  jid: string;
  name: string;
  description: string;
  /** What stands behind `https://whatsapp.com/channel/`. */
  invite: string;
  /** Where its picture lies on the media host, and the number of that picture. */
  picture: { id: string; directPath: string } | undefined;
  reactionCodes: ReactionCodes;
  /** Seconds since 1970. */
  created: number;
  /** Ids of the name and the description, and when they were last changed (microseconds since 1970). */
  nameId: string;
  nameTime: string;
  descriptionId: string;
  descriptionTime: string;
}

export interface Member {
  phone: string;
  role: Role;
  muted: boolean;
}

/** What can be changed about a channel. An empty picture removes it. */
export interface ChannelChanges {
  name?: string | undefined;
  description?: string | undefined;
  picture?: Buffer | undefined;
  reactionCodes?: ReactionCodes | undefined;
}

interface ChannelRow {
  jid: string;
  name: string;
  description: string;
  invite: string;
  picture_id: string | null;
  picture_path: string | null;
  reaction_codes: ReactionCodes;
  created: number;
  name_id: string;
  name_time: string;
  description_id: string;
  description_time: string;
}

/** How long a device is told of reactions and views after it has asked for that. */
const LIVE_SECONDS = 300;

/**
 * Channels: who owns, runs and follows them, and what their members are told when that changes. Posts lie in
 * channel-posts.ts; what devices ask for in channel-queries.ts.
 */
export class Channels {
  readonly #network: Network;
  /** Channel → the devices that want to be told of reactions and views, and until when (milliseconds). */
  readonly #live = new Map<string, Map<string, { device: Device; until: number }>>();

  constructor(network: Network) {
    this.#network = network;
  }

  get(jid: string | undefined): Channel | undefined {
    const row = this.#network.store.get<ChannelRow>('select * from channels where jid = ?', jid ?? '');
    return row && toChannel(row);
  }

  /** By the end of its link, or by the whole link. */
  byInvite(link: string): Channel | undefined {
    const invite = link.replace(/^https?:\/\/(?:www\.)?whatsapp\.com\/channel\//, '');
    const row = this.#network.store.get<ChannelRow>('select * from channels where invite = ?', invite);
    return row && toChannel(row);
  }

  must(jid: string): Channel {
    const channel = this.get(jid);
    if (!channel) {
      throw new SandboxError(404, 'unknown-channel', `There is no channel ${jid}; GET /sandbox/channels lists them.`);
    }
    return channel;
  }

  list(): Channel[] {
    return this.#network.store.all<ChannelRow>('select * from channels order by rowid').map(toChannel);
  }

  members(jid: string): Member[] {
    return this.#network.store
      .all<Omit<Member, 'muted'> & { muted: number }>(
        'select phone, role, muted from channel_members where channel = ? order by rowid',
        jid,
      )
      .map((row) => ({ ...row, muted: row.muted === 1 }));
  }

  member(jid: string, phone: string): Member | undefined {
    return this.members(jid).find((one) => one.phone === phone);
  }

  /** The channels that an account owns, runs or follows. */
  of(phone: string): Channel[] {
    const rows = this.#network.store.all<{ channel: string }>(
      'select channel from channel_members where phone = ? order by rowid',
      phone,
    );
    return rows.flatMap(({ channel }) => this.get(channel) ?? []);
  }

  mayPost(jid: string, phone: string): boolean {
    const role = this.member(jid, phone)?.role;
    return role === 'OWNER' || role === 'ADMIN';
  }

  create(by: Account, name: string, description: string, device?: Device): Channel {
    const jid = `120363${randomInt(10 ** 11, 10 ** 12 - 1)}@${CHANNELS}`;
    const invite = `0029Va${randomBytes(12).toString('base64url').replace(/[-_]/g, '0')}`;
    const time = micros();
    this.#network.store.transaction(() => {
      this.#network.store.run(
        `insert into channels (jid, name, description, invite, created, name_id, name_time, description_id,
         description_time) values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[jid, name, description, invite, now(), time, time, time, time],
      );
      this.#put(jid, by.phone, 'OWNER');
      this.#tellJoined(this.must(jid), by, device);
    });
    return this.must(jid);
  }

  /** `device` is the one on which it was done; it has its answer and is not told again. */
  change(channel: Channel, changes: ChannelChanges, device?: Device): Channel {
    const { store } = this.#network;
    const { jid } = channel;
    store.transaction(() => {
      const time = micros();
      if (changes.name !== undefined) {
        store.run(
          'update channels set name = ?, name_id = ?, name_time = ? where jid = ?',
          changes.name,
          time,
          time,
          jid,
        );
      }
      if (changes.description !== undefined) {
        store.run(
          'update channels set description = ?, description_id = ?, description_time = ? where jid = ?',
          ...[changes.description, time, time, jid],
        );
      }
      if (changes.reactionCodes !== undefined) {
        store.run('update channels set reaction_codes = ? where jid = ?', changes.reactionCodes, jid);
      }
      if (changes.picture !== undefined) this.#setPicture(jid, changes.picture);
      const { name, description, picture } = changes;
      const settings = { name, description, ...(picture === undefined ? {} : { picture: picture.length > 0 }) };
      this.#tell(this.members(jid), device, 'NotificationNewsletterUpdate', {
        data: { xwa2_notify_newsletter_on_metadata_update: { id: jid, thread_metadata: threadOf(this.must(jid)) } },
        updates: [{ jid, settings }],
      });
    });
    return this.must(jid);
  }

  #setPicture(jid: string, picture: Buffer): void {
    const path = picture.length > 0 ? this.#network.media.keep('image', picture, false).directPath : null;
    this.#network.store.run(
      'update channels set picture_id = ?, picture_path = ? where jid = ?',
      ...[path === null ? null : String(now()), path, jid],
    );
  }

  /** Does nothing when the account follows it already. */
  follow(channel: Channel, account: Account, device?: Device): void {
    if (this.member(channel.jid, account.phone)) return;
    this.#network.store.transaction(() => {
      this.#put(channel.jid, account.phone, 'SUBSCRIBER');
      this.#tellJoined(channel, account, device);
    });
  }

  /** The account's other devices learn that it belongs to a channel now, and as what. */
  #tellJoined({ jid }: Channel, { phone }: Account, device: Device | undefined): void {
    const member = this.member(jid, phone);
    if (!member) return;
    this.#tell([member], device, 'NotificationNewsletterJoin', {
      data: { xwa2_notify_newsletter_on_join: this.metadata(this.must(jid), phone) },
    });
  }

  unfollow(channel: Channel, account: Account, device?: Device): void {
    const member = this.member(channel.jid, account.phone);
    if (!member) return;
    this.#network.store.transaction(() => {
      this.#network.store.run(
        'delete from channel_members where channel = ? and phone = ?',
        ...[channel.jid, account.phone],
      );
      this.#tell([member], device, 'NotificationNewsletterLeave', {
        data: { xwa2_notify_newsletter_on_leave: { id: channel.jid, role: 'GUEST' } },
      });
    });
  }

  mute(channel: Channel, account: Account, muted: boolean, device?: Device): void {
    const member = this.member(channel.jid, account.phone);
    if (!member) return;
    this.#network.store.transaction(() => {
      this.#network.store.run(
        'update channel_members set muted = ? where channel = ? and phone = ?',
        ...[muted ? 1 : 0, channel.jid, account.phone],
      );
      this.#tell([member], device, 'NotificationNewsletterUserSettingChange', {
        data: { xwa2_notify_newsletter_on_mute_change: { id: channel.jid, mute: muted ? 'ON' : 'OFF' } },
      });
    });
  }

  /** Makes a follower an admin. All who run the channel are told. */
  promote(channel: Channel, account: Account, by: Account, device?: Device): void {
    this.#network.store.transaction(() => {
      this.#put(channel.jid, account.phone, 'ADMIN');
      const user = jidOf(account, 'lid');
      this.#tell(this.#staff(channel.jid), device, 'NotificationNewsletterAdminPromote', {
        data: { xwa2_notify_newsletter_admin_promote: { id: channel.jid, actor: who(by), user: who(account) } },
        updates: [{ jid: channel.jid, user }],
      });
    });
  }

  /** Makes an admin a follower again. */
  demote(channel: Channel, account: Account, by: Account, device?: Device): void {
    this.#network.store.transaction(() => {
      const told = this.#staff(channel.jid);
      this.#put(channel.jid, account.phone, 'SUBSCRIBER');
      this.#tell(told, device, 'NotificationNewsletterAdminDemote', {
        data: { xwa2_notify_newsletter_admin_demote: { id: channel.jid, actor: who(by), user: who(account) } },
        updates: [{ jid: channel.jid, user: jidOf(account, 'lid') }],
      });
      const attrs = { jid: jidOf(account, 'lid'), action: 'demote', role: 'SUBSCRIBER' };
      this.#notify(told, device, channel.jid, stanza('participant', attrs), jidOf(by, 'lid'));
    });
  }

  /** The former owner stays as an admin. */
  changeOwner(channel: Channel, account: Account, device?: Device): void {
    this.#network.store.transaction(() => {
      for (const { phone, role } of this.members(channel.jid)) {
        if (role === 'OWNER') this.#put(channel.jid, phone, 'ADMIN');
      }
      this.#put(channel.jid, account.phone, 'OWNER');
      this.#tell(this.#staff(channel.jid), device, 'NotificationNewsletterOwnerUpdate', {
        data: { xwa2_notify_newsletter_on_owner_update: { id: channel.jid, user: who(account) } },
      });
    });
  }

  /** The channel and everything in it are gone; who belonged to it is told. */
  remove(channel: Channel, by: Account | undefined, device?: Device): void {
    const { store } = this.#network;
    const { jid } = channel;
    store.transaction(() => {
      for (const member of this.members(jid)) {
        const state = { id: jid, is_requestor: member.phone === by?.phone, state: { type: 'DELETED' } };
        this.#tell([member], device, 'NotificationNewsletterStateChange', {
          data: { xwa2_notify_newsletter_on_state_change: state },
        });
      }
      for (const table of ['channel_members', 'channel_posts', 'channel_reactions', 'channel_views']) {
        store.run(`delete from ${table} where channel = ?`, jid);
      }
      store.run('delete from channels where jid = ?', jid);
    });
    this.#live.delete(jid);
  }

  /** A channel as GraphQL tells it, with what it is to the account that asks. */
  metadata(channel: Channel, phone?: string): object {
    const followers = this.members(channel.jid).length;
    const mine = phone === undefined ? undefined : this.member(channel.jid, phone);
    const viewer = { mute: mine?.muted ? 'ON' : 'OFF', role: mine?.role ?? 'GUEST' };
    return {
      id: channel.jid,
      state: { type: 'ACTIVE' },
      thread_metadata: { ...threadOf(channel), subscribers_count: String(followers) },
      ...(phone === undefined ? {} : { viewer_metadata: viewer }),
    };
  }

  /** The device wants to be told of reactions and views. Answers for how many seconds it will be. */
  subscribe(channel: Channel, device: Device): number {
    const devices = this.#live.get(channel.jid) ?? new Map<string, { device: Device; until: number }>();
    devices.set(`${device.phone}:${device.id}`, { device, until: Date.now() + LIVE_SECONDS * 1000 });
    this.#live.set(channel.jid, devices);
    return LIVE_SECONDS;
  }

  /** Tells whoever has asked for it what has happened to a post. What is missed is not given later. */
  tellLive(jid: string, content: Stanza[]): void {
    const devices = [...(this.#live.get(jid)?.values() ?? [])].filter(({ until }) => until > Date.now());
    this.#network.store.afterCommit(() => {
      for (const { device } of devices) {
        const attrs = { from: jid, type: 'newsletter', id: this.#network.newId(), t: now() };
        this.#network.connectionOf(device)?.send(stanza('notification', attrs, content));
      }
    });
  }

  #staff(jid: string): Member[] {
    return this.members(jid).filter(({ role }) => role !== 'SUBSCRIBER');
  }

  #put(jid: string, phone: string, role: Role): void {
    this.#network.store.run(
      `insert into channel_members (channel, phone, role) values (?, ?, ?)
       on conflict (channel, phone) do update set role = excluded.role`,
      ...[jid, phone, role],
    );
  }

  /** `<notification type=mex>`: news in GraphQL's form. `updates` is where Baileys looks for them, `data` all others. */
  #tell(members: Member[], except: Device | undefined, operation: string, news: { data: object; updates?: object[] }) {
    const update = stanza('update', { op_name: operation }, Buffer.from(JSON.stringify(news)));
    for (const device of this.#devices(members, except)) {
      const attrs = { from: SERVER, type: 'mex', id: this.#network.newId(), t: now() };
      this.#network.outbox.enqueue(device, stanza('notification', attrs, [update]), SERVER);
    }
  }

  #notify(members: Member[], except: Device | undefined, jid: string, news: Stanza, participant: string): void {
    for (const device of this.#devices(members, except)) {
      const attrs = { from: jid, type: 'newsletter', id: this.#network.newId(), t: now(), participant };
      this.#network.outbox.enqueue(device, stanza('notification', attrs, [news]), jid);
    }
  }

  #devices(members: Member[], except: Device | undefined): Device[] {
    return members
      .flatMap(({ phone }) => this.#network.accounts.devices(phone))
      .filter(({ phone, id }) => id !== 0 && !(phone === except?.phone && id === except.id));
  }
}

/** Whether a jid is a channel's, there or not. */
export const isChannelJid = (jid: string | undefined): boolean => parseJid(jid)?.server === CHANNELS;

/** The device of an account that does something, as the server knows it. */
export const phoneOf = (network: Network, phone: string): Sender => {
  const account = network.accounts.must(phone);
  const device = network.accounts.device(account.phone, 0);
  if (!device) throw new SandboxError(404, 'unknown-phone', `+${account.phone} has been deleted.`);
  return { account, device };
};

/** Only its owner and its admins post in a channel. */
export function mustPost(network: Network, jid: string, account: Account): void {
  if (network.channels.mayPost(jid, account.phone)) return;
  throw new SandboxError(
    403,
    'not-an-admin',
    `+${account.phone} may not post in ${jid}: it is neither owner nor admin.`,
  );
}

const who = (account: Account) => ({ id: jidOf(account, 'lid'), pn: jidOf(account, 'pn') });
const micros = (): string => String(BigInt(Date.now()) * 1000n + BigInt(randomInt(1000)));

function threadOf(channel: Channel): object {
  const { picture } = channel;
  const image = (type: string) => ({ id: picture?.id ?? '', type, direct_path: picture?.directPath ?? '' });
  return {
    creation_time: String(channel.created),
    name: { id: channel.nameId, text: channel.name, update_time: channel.nameTime },
    description: { id: channel.descriptionId, text: channel.description, update_time: channel.descriptionTime },
    handle: null,
    invite: channel.invite,
    picture: image('IMAGE'),
    preview: image('PREVIEW'),
    settings: { reaction_codes: { value: channel.reactionCodes } },
    verification: 'UNVERIFIED',
  };
}

function toChannel(row: ChannelRow): Channel {
  const { jid, name, description, invite, created } = row;
  const picture = row.picture_path === null ? undefined : { id: row.picture_id ?? '', directPath: row.picture_path };
  const named = { nameId: row.name_id, nameTime: row.name_time };
  const described = { descriptionId: row.description_id, descriptionTime: row.description_time };
  return {
    jid,
    name,
    description,
    invite,
    picture,
    created,
    reactionCodes: row.reaction_codes,
    ...named,
    ...described,
  };
}
