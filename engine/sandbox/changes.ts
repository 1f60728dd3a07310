import { createHash } from 'node:crypto';
import { proto } from '@whiskeysockets/baileys';
import { jidOf } from './accounts.ts';
import type { Chats, StoredMessage } from './chats.ts';
import { decodeContent, encodeContent, pollOf, ProtocolType, unwrapped, type MessageContent } from './content.ts';
import { unseal, type Purpose } from './message-secret.ts';
import type { Network } from './network.ts';
import { now } from './stanza.ts';

/** Until when clients take an edit: a little longer than their own button shows. */
const EDIT_TAKEN_SECONDS = 20 * 60;

/** Something that was done to a message, by whom and when; one per kind and person, the newest counts. */
export interface Mark {
  kind: MarkKind;
  sender: string;
  value: string;
  timestamp: number;
}

/**
 * `reaction` (the emoji, empty when it was taken back), `edit` (the new content, base64), `revoke`, `vote` (names of the
 * options as JSON), `response` (to an event), `pin` (until when, in seconds; 0 when it was taken down), `keep` (1 or 0),
 * `played` (a recording was heard, a picture that may be seen once was seen).
 */
export type MarkKind = 'reaction' | 'edit' | 'revoke' | 'vote' | 'response' | 'pin' | 'keep' | 'played';

/** A message that says something about another one. */
export interface Change {
  /** Key of the chat it was written in. */
  chat: string;
  /** Number of the account that wrote it. */
  sender: string;
  content: MessageContent;
}

/**
 * What messages do to other messages. A change is taken only when who sent it may do it, as WhatsApp's clients see it
 * (the server cannot look inside): an edit comes from the author within its time, a revocation from the author or an
 * admin of the group, a vote is for options that the poll has, and for one of them where only one may be chosen.
 * Everything else is dropped without a word.
 */
export class Changes {
  readonly #network: Network;
  readonly #phone: string;
  readonly #chats: Chats;

  constructor(network: Network, phone: string, chats: Chats) {
    this.#network = network;
    this.#phone = phone;
    this.#chats = chats;
  }

  /** Does what the message wants done; nothing when it changes no other, or says so in a way that nobody can read. */
  apply(change: Change): void {
    try {
      this.#apply(change);
    } catch (error) {
      this.#network.logger.debug({ err: error, phone: this.#phone, chat: change.chat }, 'a change makes no sense');
    }
  }

  #apply(change: Change): void {
    const inner = unwrapped(change.content);
    const { protocolMessage: protocol, reactionMessage: reaction } = inner;
    if (reaction) return this.#mark(change, reaction.key, 'reaction', reaction.text ?? '', reaction.senderTimestampMs);
    if (protocol?.type === ProtocolType.REVOKE) return this.#revoke(change, protocol);
    if (protocol?.type === ProtocolType.MESSAGE_EDIT) {
      return this.#edit(change, protocol.key, protocol.editedMessage, protocol.timestampMs);
    }
    if (protocol?.type === ProtocolType.EPHEMERAL_SETTING) {
      const { ephemeralExpiration, ephemeralSettingTimestamp } = protocol;
      return this.#chats.setDisappearing(
        change.chat,
        ephemeralExpiration ?? 0,
        Number(ephemeralSettingTimestamp ?? 0) || now(),
      );
    }
    if (inner.pollUpdateMessage) return this.#vote(change, inner.pollUpdateMessage);
    if (inner.encEventResponseMessage) return this.#respond(change, inner.encEventResponseMessage);
    if (inner.encReactionMessage) return this.#secretReaction(change, inner.encReactionMessage);
    if (inner.secretEncryptedMessage) return this.#secretEdit(change, inner.secretEncryptedMessage);
    if (inner.pinInChatMessage) return this.#pin(change, inner);
    if (inner.keepInChatMessage) return this.#keep(change, inner.keepInChatMessage);
  }

  #revoke(change: Change, protocol: proto.Message.IProtocolMessage): void {
    const message = this.#target(change, protocol.key);
    if (!message) return;
    const isAuthor = message.sender === change.sender;
    if (!isAuthor && !revokesOthers(this.#network, change.chat, change.sender)) return;
    this.#put(message, 'revoke', change.sender, '', Date.now());
  }

  #edit(change: Change, key: Key, content: MessageContent | null | undefined, at: unknown): void {
    const message = this.#target(change, key);
    if (!message || !content || message.sender !== change.sender) return;
    if (now() - message.timestamp > EDIT_TAKEN_SECONDS) return;
    this.#put(message, 'edit', change.sender, encodeContent(content).toString('base64'), timeOf(at));
  }

  #vote(change: Change, update: proto.Message.IPollUpdateMessage): void {
    const poll = this.#target(change, update.pollCreationMessageKey);
    const creation = poll && pollOf(this.#chats.contentOf(poll));
    const plaintext = poll && this.#unsealed(change, poll, 'Poll Vote', update.vote ?? {});
    if (!creation || !plaintext) return;
    const hashes = proto.Message.PollVoteMessage.decode(plaintext).selectedOptions.map((hash) => hexOf(hash));
    const names = (creation.options ?? []).map(({ optionName }) => optionName ?? '');
    const chosen = names.filter((name) => hashes.includes(hexOf(optionHash(name))));
    const most = creation.selectableOptionsCount || names.length;
    if (chosen.length !== hashes.length || chosen.length > most) return;
    this.#put(poll, 'vote', change.sender, JSON.stringify(chosen), timeOf(update.senderTimestampMs));
  }

  #respond(change: Change, answer: proto.Message.IEncEventResponseMessage): void {
    const event = this.#target(change, answer.eventCreationMessageKey);
    const plaintext = event && this.#unsealed(change, event, 'Event Response', answer);
    if (!event || !plaintext) return;
    const { response, timestampMs } = proto.Message.EventResponseMessage.decode(plaintext);
    const name = proto.Message.EventResponseMessage.EventResponseType[response ?? 0] ?? 'UNKNOWN';
    this.#put(event, 'response', change.sender, name, timeOf(timestampMs));
  }

  #secretReaction(change: Change, sealed: proto.Message.IEncReactionMessage): void {
    const message = this.#target(change, sealed.targetMessageKey);
    const plaintext = message && this.#unsealed(change, message, 'Enc Reaction', sealed);
    if (!message || !plaintext) return;
    const { text, senderTimestampMs } = proto.Message.ReactionMessage.decode(plaintext);
    this.#put(message, 'reaction', change.sender, text ?? '', timeOf(senderTimestampMs));
  }

  #secretEdit(change: Change, sealed: proto.Message.ISecretEncryptedMessage): void {
    const { EVENT_EDIT } = proto.Message.SecretEncryptedMessage.SecretEncType;
    const purpose: Purpose = sealed.secretEncType === EVENT_EDIT ? 'Event Edit' : 'Message Edit';
    const message = this.#target(change, sealed.targetMessageKey);
    const plaintext = message && this.#unsealed(change, message, purpose, sealed);
    if (!plaintext) return;
    const content = decodeContent(plaintext);
    const inner = unwrapped(content).protocolMessage?.editedMessage ?? content;
    this.#edit(change, sealed.targetMessageKey, inner, Date.now());
  }

  #pin(change: Change, inner: MessageContent): void {
    const { PIN_FOR_ALL } = proto.Message.PinInChatMessage.Type;
    const { key, type, senderTimestampMs } = inner.pinInChatMessage ?? {};
    const message = this.#target(change, key);
    if (!message) return;
    const lasts = inner.messageContextInfo?.messageAddOnDurationInSecs ?? 0;
    const until = type === PIN_FOR_ALL ? now() + lasts : 0;
    this.#put(message, 'pin', '', String(until), timeOf(senderTimestampMs));
  }

  #keep(change: Change, { key, keepType, timestampMs }: proto.Message.IKeepInChatMessage): void {
    const message = this.#target(change, key);
    if (!message) return;
    const kept = keepType === proto.KeepType.KEEP_FOR_ALL;
    this.#put(message, 'keep', '', kept ? '1' : '0', timeOf(timestampMs));
  }

  /** The person has heard the recording, or seen what may be seen once. */
  played(message: StoredMessage): void {
    this.#put(message, 'played', this.#phone, '', Date.now());
  }

  #mark(change: Change, key: Key, kind: MarkKind, value: string, at: unknown): void {
    const message = this.#target(change, key);
    if (message) this.#put(message, kind, change.sender, value, timeOf(at));
  }

  /**
   * The message that a key speaks of, as its sender sees it: `fromMe` is the sender's own. In a group the author is
   * named, in a chat of two it is the other one.
   */
  #target({ chat, sender }: Change, key: Key): StoredMessage | undefined {
    const isShared = chat.includes('@');
    const other = sender === this.#phone || isShared ? chat : this.#phone;
    const named = this.#network.accounts.find(key?.participant ?? undefined)?.account.phone;
    const author = key?.fromMe ? sender : (named ?? other);
    const message = key?.id ? this.#chats.get(author, key.id) : undefined;
    return message?.chat === chat ? message : undefined;
  }

  /** Which of their two names author and sender called each other by is not said, so that all are tried. */
  #unsealed(
    change: Change,
    message: StoredMessage,
    purpose: Purpose,
    sealed: { encPayload?: Uint8Array | null; encIv?: Uint8Array | null },
  ): Buffer | undefined {
    const { accounts } = this.#network;
    const secret = decodeContent(message.body).messageContextInfo?.messageSecret;
    const [author, sender] = [accounts.get(message.sender), accounts.get(change.sender)];
    if (!secret || !author || !sender) return undefined;
    for (const ofAuthor of ['pn', 'lid'] as const) {
      for (const ofSender of ['pn', 'lid'] as const) {
        const names = { author: jidOf(author, ofAuthor), sender: jidOf(sender, ofSender) };
        const plaintext = unseal(purpose, { messageId: message.id, secret, ...names }, sealed);
        if (plaintext) return plaintext;
      }
    }
    return undefined;
  }

  #put(message: StoredMessage, kind: MarkKind, sender: string, value: string, timestamp: number): void {
    this.#network.store.run(
      `insert into message_marks (phone, author, id, kind, sender, value, timestamp) values (?, ?, ?, ?, ?, ?, ?)
       on conflict (phone, author, id, kind, sender) do update set value = excluded.value, timestamp = excluded.timestamp
       where excluded.timestamp >= timestamp`,
      ...[this.#phone, message.sender, message.id, kind, sender, value, timestamp],
    );
  }
}

/** Whether the account may take back what others write in the chat. */
export function revokesOthers(network: Network, chat: string, phone: string): boolean {
  const role = network.groups.role(chat, phone);
  return role === 'admin' || role === 'superadmin';
}

type Key = proto.IMessageKey | null | undefined;

/** A poll's options are spoken of by hash. */
export const optionHash = (name: string): Buffer => createHash('sha256').update(name).digest();

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Milliseconds since 1970 as the protocol has them (a Long, a number, or missing). */
const timeOf = (at: unknown): number => Number(at ?? 0) || Date.now();
