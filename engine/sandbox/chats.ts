import { proto } from '@whiskeysockets/baileys';
import { jidOf, type Account } from './accounts.ts';
import { addOnsOf } from './add-ons.ts';
import type { Mark } from './changes.ts';
import { CHANNELS } from './channels.ts';
import {
  CHANGES,
  contextOf,
  decodeContent,
  edited,
  encodeContent,
  textOf,
  typeOf,
  type MessageContent,
} from './content.ts';
import type { Group } from './groups.ts';
import { formatJid, parseJid, type Addressing } from './jid.ts';
import type { Network } from './network.ts';
import { SandboxError } from './problem.ts';
import { USERS, now } from './stanza.ts';

/**
 * What messages are written in: a person's chat, a group, a channel, or the status that goes to one's contacts. `key` is what
 * phones keep its messages under: the digits of a person, the jid of everything else.
 */
export type Chat =
  | { kind: 'person'; key: string; jid: string; addressing: Addressing; account: Account }
  | { kind: 'group' | 'status' | 'channel'; key: string; jid: string; addressing: Addressing };

/** The chat of everybody's status. */
export const STATUS = 'status@broadcast';

/** The chat that somebody means who writes digits, +E.164, a jid or a LID. */
export function findChat(network: Network, written: string): Chat {
  const server = written.includes('@') ? parseJid(written)?.server : USERS;
  if (server === USERS || server === 'lid') return personChat(network.accounts.recipient(written));
  if (server === CHANNELS) {
    const { jid } = network.channels.must(written);
    return { kind: 'channel', key: jid, jid, addressing: 'pn' };
  }
  if (server === 'g.us') return groupChat(network.groups.must(written));
  if (written === STATUS) return STATUS_CHAT;
  throw new SandboxError(
    422,
    'unsupported-recipient',
    `"${written}" is not a chat: this sandbox delivers to phone numbers, …@${USERS}, …@lid and …@g.us.`,
  );
}

export function groupChat({ jid, addressing }: Group): Chat {
  return { kind: 'group', key: jid, jid, addressing };
}

export const STATUS_CHAT: Chat = { kind: 'status', key: STATUS, jid: STATUS, addressing: 'pn' };

export function personChat({ account, addressing }: { account: Account; addressing: Addressing }): Chat {
  return { kind: 'person', key: account.phone, jid: jidOf(account, addressing), addressing, account };
}

/** The jid of a chat whose key is known: people are spoken of by number here, whichever name a message used. */
export const jidOfKey = (key: string): string => (key.includes('@') ? key : formatJid(key, 0, USERS));

/** A message as the phone has stored it, in either direction. */
export interface StoredMessage {
  seq: number;
  id: string;
  /** Number of the account that wrote it, and which of its devices. */
  sender: string;
  sender_device: number;
  /** Key of the chat: the number of the other party, or the jid of a group. */
  chat: string;
  addressing: Addressing;
  type: string;
  text: string | null;
  body: Buffer;
  timestamp: number;
  read: number;
}

export interface NewMessage {
  id: string;
  sender: string;
  device: number;
  chat: string;
  addressing: Addressing;
  content: MessageContent;
  read: boolean;
  /** When the server took it, as every device is told; now, when not given. */
  timestamp?: number;
}

/** Which of a phone's messages are wanted. Those that only change others are left out unless they are named by `id`. */
export interface Wanted {
  id?: string;
  sender?: string;
  chat?: string;
  unread?: boolean;
  /** Number (`seq`) of the message behind which to begin. */
  after?: number;
  limit?: number;
}

/** What a phone has in its chats. */
export class Chats {
  readonly #network: Network;
  readonly #phone: string;

  constructor(network: Network, phone: string) {
    this.#network = network;
    this.#phone = phone;
  }

  add(message: NewMessage): void {
    const { id, sender, device, chat, addressing, content, read, timestamp = now() } = message;
    this.#network.store.run(
      `insert into messages (phone, id, sender, sender_device, chat, addressing, type, text, body, timestamp, read)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[this.#phone, id, sender, device, chat, addressing, typeOf(content), textOf(content)],
      ...[encodeContent(content), timestamp, read ? 1 : 0],
    );
  }

  /** The author has changed what a message says, or taken it back. */
  change({ seq }: StoredMessage, content: MessageContent): void {
    this.#network.store.run(
      'update messages set type = ?, text = ?, body = ? where seq = ?',
      ...[typeOf(content), textOf(content), encodeContent(content), seq],
    );
  }

  get(sender: string, id: string): StoredMessage | undefined {
    return this.list({ sender, id })[0];
  }

  /** Oldest first. */
  list(wanted: Wanted = {}): StoredMessage[] {
    const { id, sender, chat, unread, after, limit } = wanted;
    const conditions = ['phone = ?'];
    const values: (string | number)[] = [this.#phone];
    const where = (condition: string, value: string | number | undefined): void => {
      if (value === undefined) return;
      conditions.push(condition);
      values.push(value);
    };
    where('id = ?', id);
    where('sender = ?', sender);
    where('chat = ?', chat);
    where('read = ?', unread === undefined ? undefined : unread ? 0 : 1);
    where('seq > ?', after);
    if (id === undefined) conditions.push(`type not in (${CHANGES.map((type) => `'${type}'`).join(', ')})`);
    const most = limit === undefined ? '' : ` limit ${limit}`;
    return this.#network.store.all<StoredMessage>(
      `select * from messages where ${conditions.join(' and ')} order by seq${most}`,
      ...values,
    );
  }

  /** What the message says now: as it was edited last, nothing when it was taken back. */
  contentOf(message: StoredMessage): MessageContent {
    const marks = this.marks(message);
    if (marks.some(({ kind }) => kind === 'revoke')) return {};
    const original = decodeContent(message.body);
    const edit = marks.find(({ kind }) => kind === 'edit');
    return edit ? edited(original, decodeContent(Buffer.from(edit.value, 'base64'))) : original;
  }

  /** What was done to a message, in the order in which it was done. */
  marks({ sender, id }: Pick<StoredMessage, 'sender' | 'id'>): Mark[] {
    return this.#network.store.all<Mark>(
      `select kind, sender, value, timestamp from message_marks where phone = ? and author = ? and id = ?
       order by timestamp, rowid`,
      ...[this.#phone, sender, id],
    );
  }

  /** After how many seconds new messages of a chat disappear, and since when; undefined when they stay. */
  disappearing(chat: string): { seconds: number; since: number } | undefined {
    const group = this.#network.groups.get(chat);
    if (group) return group.ephemeral > 0 ? { seconds: group.ephemeral, since: group.created } : undefined;
    return this.#network.store.get<{ seconds: number; since: number }>(
      'select seconds, since from disappearing where phone = ? and chat = ? and seconds > 0',
      ...[this.#phone, chat],
    );
  }

  /** The newest setting counts, whoever made it. */
  setDisappearing(chat: string, seconds: number, since: number): void {
    this.#network.store.run(
      `insert into disappearing (phone, chat, seconds, since) values (?, ?, ?, ?)
       on conflict (phone, chat) do update set seconds = excluded.seconds, since = excluded.since
       where excluded.since >= since`,
      ...[this.#phone, chat, seconds, since],
    );
  }

  markRead(messages: StoredMessage[]): void {
    for (const { seq } of messages) this.#network.store.run('update messages set read = 1 where seq = ?', seq);
  }

  /** They are gone from this phone. */
  remove(messages: StoredMessage[]): void {
    for (const { seq } of messages) this.#network.store.run('delete from messages where seq = ?', seq);
  }

  /** `after` as people give it, the number or the id of a message, as a number. */
  seqOf(after: string): number {
    if (/^\d{1,15}$/.test(after)) return Number(after);
    const [message] = this.list({ id: after });
    if (message) return message.seq;
    throw new SandboxError(
      404,
      'unknown-message',
      `+${this.#phone} has no message ${after}; "after" takes an id or a seq.`,
    );
  }

  /** The keys of the chats that there are, in the order in which they began. */
  keys(): string[] {
    return [...new Set(this.list().map(({ chat }) => chat))];
  }

  /** The accounts with which there is a chat, in the order in which the chats began. */
  partners(): Account[] {
    return this.keys().flatMap((key) => this.#network.accounts.get(key) ?? []);
  }

  /** The message as phones hand it to their linked devices. */
  webMessage(message: StoredMessage): proto.WebMessageInfo {
    const partner = this.#network.accounts.get(message.chat);
    const author = this.#network.accounts.get(message.sender);
    const fromMe = message.sender === this.#phone;
    const remoteJid = partner ? jidOf(partner, message.addressing) : jidOfKey(message.chat);
    // in a group it has to be said who wrote
    const participant = message.chat.includes('@') && !fromMe && author ? jidOf(author, message.addressing) : undefined;
    const content = this.contentOf(message);
    const keyOf = (sender: string): proto.IMessageKey => {
      const who = this.#network.accounts.get(sender);
      const named = message.chat.includes('@') && who ? { participant: jidOf(who, message.addressing) } : {};
      return { remoteJid, fromMe: sender === this.#phone, ...named };
    };
    return proto.WebMessageInfo.create({
      ...addOnsOf(this.marks(message), content, keyOf),
      ephemeralStartTimestamp: contextOf(content)?.expiration ? message.timestamp : null,
      key: { remoteJid, fromMe, id: message.id, participant },
      participant,
      message: content,
      messageTimestamp: message.timestamp,
      pushName: fromMe ? undefined : author?.name,
      status: fromMe ? proto.WebMessageInfo.Status.SERVER_ACK : undefined,
    });
  }
}
