import { z } from 'zod';
import { jidOf, type Account } from './accounts.ts';
import * as settings from './chat-settings.ts';
import type { ChatSettings, Label, QuickReply } from './chat-settings.ts';
import { Chats, findChat, jidOfKey } from './chats.ts';
import { savedName } from './contacts.ts';
import type { Network } from './network.ts';
import { checked, SandboxError } from './problem.ts';
import { changeSettings, settingsOf, type Change } from './shared-settings.ts';

const chat = z.string().min(1);
const chatRequest = z.strictObject({
  chat,
  archived: z.boolean().optional(),
  pinned: z.boolean().optional(),
  /** Milliseconds since 1970; -1 for ever, null for not at all. */
  mutedUntil: z.int().min(-1).nullable().optional(),
  read: z.boolean().optional(),
  clear: z.literal(true).optional(),
  delete: z.literal(true).optional(),
});
const messageRequest = z.strictObject({ chat, id: z.string().min(1) });
const starRequest = z.strictObject({ chat, id: z.string().min(1), starred: z.boolean().optional() });
const labelRequest = z.strictObject({
  id: z.string().min(1).optional(),
  name: z.string().trim().min(1).max(100),
  color: z.int().min(0).max(19).optional(),
});
const labelledRequest = z.strictObject({
  chat,
  message: z.string().min(1).optional(),
  labeled: z.boolean().optional(),
});
const quickReplyRequest = z.strictObject({ shortcut: z.string().min(1).max(25), message: z.string().min(1) });

export type ChatRequest = z.input<typeof chatRequest>;
export type MessageRequest = z.input<typeof messageRequest>;
export type StarRequest = z.input<typeof starRequest>;
export type LabelRequest = z.input<typeof labelRequest>;
export type LabelledRequest = z.input<typeof labelledRequest>;
export type QuickReplyRequest = z.input<typeof quickReplyRequest>;
export type { ChatSettings, Label, QuickReply } from './chat-settings.ts';

/** A chat in the phone's list. */
export interface ChatInfo extends ChatSettings {
  chat: string;
  lid: string | null;
  /** The name in the address book, or else the other party's own. */
  name: string | null;
  unread: number;
  messages: number;
  /** Ids of messages that the person has starred. */
  starred: string[];
  /** Seconds since 1970 at which the last message came; null in an empty chat. */
  lastMessage: number | null;
}

/** What a person can do in the list of chats. The linked devices do the same, and each sees what the others have done. */
export class ChatControl {
  readonly #network: Network;

  constructor(network: Network) {
    this.#network = network;
  }

  /** Every chat with messages or settings, the newest first. */
  list(phone: string): ChatInfo[] {
    const { phone: number } = this.#network.accounts.must(phone);
    const keys = new Set([
      ...new Chats(this.#network, number).keys(),
      ...settings.chatSettings(this.#network, number).keys(),
    ]);
    const chats = [...keys].map((key) => this.#info(number, key));
    return chats.sort((one, other) => (other.lastMessage ?? 0) - (one.lastMessage ?? 0));
  }

  /** Archives, pins, mutes, marks, empties or deletes a chat. */
  change(phone: string, request: ChatRequest): ChatInfo {
    const account = this.#network.accounts.must(phone);
    const wanted = checked(chatRequest, request);
    const { key } = findChat(this.#network, wanted.chat);
    const jid = settings.settingJid(this.#network, wanted.chat);
    const messages = new Chats(this.#network, account.phone).list({ chat: key });
    const changes: Change[] = [];
    if (wanted.archived !== undefined) changes.push(...settings.archive(jid, messages, wanted.archived));
    if (wanted.pinned !== undefined) changes.push(settings.pin(jid, wanted.pinned));
    if (wanted.mutedUntil !== undefined) changes.push(settings.mute(jid, wanted.mutedUntil));
    if (wanted.read !== undefined) changes.push(settings.markRead(jid, messages, wanted.read));
    if (wanted.clear) changes.push(settings.clear(jid, messages));
    if (wanted.delete) changes.push(settings.deleteChat(jid, messages));
    if (changes.length > 0) changeSettings(this.#network, account, changes);
    return this.#info(account.phone, key);
  }

  star(phone: string, request: StarRequest): ChatInfo {
    const account = this.#network.accounts.must(phone);
    const { chat: written, id, starred = true } = checked(starRequest, request);
    const message = settings.messageIn(this.#network, account.phone, written, id);
    changeSettings(this.#network, account, [settings.star(this.#network, account.phone, message, starred)]);
    return this.#info(account.phone, message.chat);
  }

  /** The message is gone from this account's devices; everybody else keeps it. */
  deleteForMe(phone: string, request: MessageRequest): void {
    const account = this.#network.accounts.must(phone);
    const { chat: written, id } = checked(messageRequest, request);
    const message = settings.messageIn(this.#network, account.phone, written, id);
    changeSettings(this.#network, account, [settings.deleteForMe(this.#network, account.phone, message)]);
  }

  labels(phone: string): Label[] {
    return settings.labelsOf(this.#network, this.#network.accounts.must(phone).phone);
  }

  /** Makes a label, or (with `id`) changes one. */
  saveLabel(phone: string, request: LabelRequest): Label {
    const account = this.#network.accounts.must(phone);
    const { id, name, color = 0 } = checked(labelRequest, request);
    if (id !== undefined) this.#label(account, id);
    const labelId = id ?? this.#freeLabel(account.phone);
    const labelEditAction = { name, color, predefinedId: 0, deleted: false };
    changeSettings(this.#network, account, [{ index: ['label_edit', labelId], value: { labelEditAction } }]);
    return this.#label(account, labelId);
  }

  removeLabel(phone: string, id: string): void {
    const account = this.#network.accounts.must(phone);
    const { name, color } = this.#label(account, id);
    const labelEditAction = { name, color, predefinedId: 0, deleted: true };
    changeSettings(this.#network, account, [{ index: ['label_edit', id], value: { labelEditAction } }]);
  }

  /** Puts a label on a chat or a message, or (with `labeled: false`) takes it off. */
  label(phone: string, id: string, request: LabelledRequest): Label {
    const account = this.#network.accounts.must(phone);
    this.#label(account, id);
    const { chat: written, message, labeled = true } = checked(labelledRequest, request);
    const jid = settings.settingJid(this.#network, written);
    if (message !== undefined) settings.messageIn(this.#network, account.phone, written, message);
    const index = message === undefined ? ['label_jid', id, jid] : ['label_message', id, jid, message, '0', '0'];
    changeSettings(this.#network, account, [{ index, value: { labelAssociationAction: { labeled } } }]);
    return this.#label(account, id);
  }

  quickReplies(phone: string): QuickReply[] {
    return settings.quickReplies(this.#network, this.#network.accounts.must(phone).phone);
  }

  addQuickReply(phone: string, request: QuickReplyRequest): QuickReply {
    const account = this.#network.accounts.must(phone);
    const { shortcut, message } = checked(quickReplyRequest, request);
    const taken = settingsOf(this.#network, account.phone, 'quick_reply').map(({ index }) => Number(index[1]));
    const id = String(Math.max(Math.floor(Date.now() / 1000), ...taken.map((one) => one + 1)));
    const quickReplyAction = { shortcut, message, keywords: [], count: 0, deleted: false };
    changeSettings(this.#network, account, [{ index: ['quick_reply', id], value: { quickReplyAction } }]);
    return { id, shortcut, message };
  }

  #info(phone: string, key: string): ChatInfo {
    const messages = new Chats(this.#network, phone).list({ chat: key });
    const partner = this.#network.accounts.get(key);
    const stars = settings.starred(this.#network, phone);
    const unknown = { archived: false, pinned: null, mutedUntil: null, markedUnread: false, labels: [] };
    return {
      chat: jidOfKey(key),
      lid: partner ? jidOf(partner, 'lid') : null,
      name: (partner && (savedName(this.#network, phone, partner.phone) ?? partner.name)) ?? null,
      ...(settings.chatSettings(this.#network, phone).get(key) ?? unknown),
      unread: messages.filter(({ read }) => read === 0).length,
      messages: messages.length,
      starred: messages.filter(({ id }) => stars.has(`${key} ${id}`)).map(({ id }) => id),
      lastMessage: messages.at(-1)?.timestamp ?? null,
    };
  }

  #label(account: Account, id: string): Label {
    const label = settings.labelsOf(this.#network, account.phone).find((one) => one.id === id);
    if (label) return label;
    throw new SandboxError(404, 'unknown-label', `+${account.phone} has no label ${id}.`);
  }

  #freeLabel(phone: string): string {
    const taken = settingsOf(this.#network, phone, 'label_edit').map(({ index }) => Number(index[1]) || 0);
    return String(Math.max(0, ...taken) + 1);
  }
}
