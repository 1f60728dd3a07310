import { jidOf } from './accounts.ts';
import { Chats, findChat, jidOfKey, type StoredMessage } from './chats.ts';
import type { Network } from './network.ts';
import { SandboxError } from './problem.ts';
import { keyOfJid } from './setting-effects.ts';
import { settingsOf, type Change } from './shared-settings.ts';

/** How a chat stands in the phone's list of chats. */
export interface ChatSettings {
  archived: boolean;
  /** Milliseconds since 1970 at which it was pinned; null when it is not. */
  pinned: number | null;
  /** Milliseconds since 1970; -1 for ever, null when it is not muted. */
  mutedUntil: number | null;
  /** The person has marked it as unread, whatever messages there are. */
  markedUnread: boolean;
  /** Ids of the labels that it carries. */
  labels: string[];
}

const NONE: ChatSettings = { archived: false, pinned: null, mutedUntil: null, markedUnread: false, labels: [] };

/** The settings of every chat that has some, by the key of the chat. */
export function chatSettings(network: Network, phone: string): Map<string, ChatSettings> {
  const chats = new Map<string, ChatSettings>();
  const put = (jid: string | undefined, change: Partial<ChatSettings>): void => {
    const key = keyOfJid(network, jid ?? '');
    chats.set(key, { ...(chats.get(key) ?? NONE), ...change });
  };
  const each = (kind: string): ReturnType<typeof settingsOf> => settingsOf(network, phone, kind);
  for (const { index, value } of each('archive'))
    put(index[1], { archived: value.archiveChatAction?.archived === true });
  for (const { index, value } of each('pin_v1')) {
    put(index[1], { pinned: value.pinAction?.pinned ? Number(value.timestamp ?? 0) : null });
  }
  for (const { index, value } of each('mute')) {
    const { muted, muteEndTimestamp } = value.muteAction ?? {};
    put(index[1], { mutedUntil: muted ? Number(muteEndTimestamp ?? -1) : null });
  }
  for (const { index, value } of each('markChatAsRead')) {
    put(index[1], { markedUnread: value.markChatAsReadAction?.read === false });
  }
  for (const { index, value } of each('label_jid')) {
    if (!value.labelAssociationAction?.labeled) continue;
    const labels = chats.get(keyOfJid(network, index[2] ?? ''))?.labels ?? [];
    put(index[2], { labels: [...labels, index[1] ?? ''] });
  }
  return chats;
}

/** Which messages are starred: `key of the chat`, then the id. */
export function starred(network: Network, phone: string): Set<string> {
  const stars = settingsOf(network, phone, 'star').filter(({ value }) => value.starAction?.starred);
  return new Set(stars.map(({ index }) => `${keyOfJid(network, index[1] ?? '')} ${index[2]}`));
}

/** A label, and what carries it. */
export interface Label {
  id: string;
  name: string;
  /** Number of one of WhatsApp's twenty colours. */
  color: number;
  predefinedId: number | null;
  /** Jids of chats. */
  chats: string[];
  messages: { chat: string; id: string }[];
}

export function labelsOf(network: Network, phone: string): Label[] {
  const labels = new Map<string, Label>();
  for (const { index, value } of settingsOf(network, phone, 'label_edit')) {
    const { name, color, predefinedId, deleted } = value.labelEditAction ?? {};
    const id = index[1] ?? '';
    if (deleted) continue;
    const marks = { name: name ?? '', color: color ?? 0, predefinedId: predefinedId ?? null };
    labels.set(id, { id, ...marks, chats: [], messages: [] });
  }
  const chatOf = (jid: string | undefined): string => jidOfKey(keyOfJid(network, jid ?? ''));
  for (const kind of ['label_jid', 'label_message']) {
    for (const { index, value } of settingsOf(network, phone, kind)) {
      const label = value.labelAssociationAction?.labeled ? labels.get(index[1] ?? '') : undefined;
      if (kind === 'label_jid') label?.chats.push(chatOf(index[2]));
      else label?.messages.push({ chat: chatOf(index[2]), id: index[3] ?? '' });
    }
  }
  return [...labels.values()];
}

/** Answers that a person keeps ready. */
export interface QuickReply {
  id: string;
  shortcut: string;
  message: string;
}

export function quickReplies(network: Network, phone: string): QuickReply[] {
  return settingsOf(network, phone, 'quick_reply').flatMap(({ index, value }) => {
    const { shortcut, message, deleted } = value.quickReplyAction ?? {};
    return deleted ? [] : [{ id: index[1] ?? '', shortcut: shortcut ?? '', message: message ?? '' }];
  });
}

/** The jid under which a chat's settings lie: people are named by number. */
export function settingJid(network: Network, written: string): string {
  const chat = findChat(network, written);
  return chat.kind === 'person' ? jidOf(chat.account, 'pn') : chat.jid;
}

export function archive(jid: string, messages: StoredMessage[], archived: boolean): Change[] {
  const change = { index: ['archive', jid], value: { archiveChatAction: { archived, messageRange: range(messages) } } };
  // an archived chat is not pinned
  return archived ? [change, pin(jid, false)] : [change];
}

export const pin = (jid: string, pinned: boolean): Change => ({
  index: ['pin_v1', jid],
  value: { pinAction: { pinned } },
});

export function mute(jid: string, until: number | null): Change {
  const muteEndTimestamp = until ?? undefined;
  return { index: ['mute', jid], value: { muteAction: { muted: until !== null, muteEndTimestamp, autoMuted: false } } };
}

export function markRead(jid: string, messages: StoredMessage[], read: boolean): Change {
  const markChatAsReadAction = { read, messageRange: range(messages) };
  return { index: ['markChatAsRead', jid], value: { markChatAsReadAction } };
}

export const clear = (jid: string, messages: StoredMessage[]): Change => ({
  index: ['clearChat', jid, '1', '0'],
  value: { clearChatAction: { messageRange: range(messages) } },
});

export const deleteChat = (jid: string, messages: StoredMessage[]): Change => ({
  index: ['deleteChat', jid, '1'],
  value: { deleteChatAction: { messageRange: range(messages) } },
});

export function star(network: Network, phone: string, message: StoredMessage, isStarred: boolean): Change {
  return { index: ['star', ...messageIndex(network, phone, message)], value: { starAction: { starred: isStarred } } };
}

export function deleteForMe(network: Network, phone: string, message: StoredMessage): Change {
  const deleteMessageForMeAction = { deleteMedia: true, messageTimestamp: message.timestamp };
  return {
    index: ['deleteMessageForMe', ...messageIndex(network, phone, message)],
    value: { deleteMessageForMeAction },
  };
}

/** A message in an index: chat, id, whether it is one's own, and in a group who has written it. */
function messageIndex(network: Network, phone: string, { chat, id, sender, addressing }: StoredMessage): string[] {
  const fromMe = sender === phone;
  const author = chat.includes('@') && !fromMe ? network.accounts.get(sender) : undefined;
  return [jidOfKey(chat), id, fromMe ? '1' : '0', author ? jidOf(author, addressing) : '0'];
}

function range(messages: StoredMessage[]) {
  const last = messages.at(-1);
  return last && { lastMessageTimestamp: last.timestamp };
}

/** The message of a chat that a person means. */
export function messageIn(network: Network, phone: string, chat: string, id: string): StoredMessage {
  const [message] = new Chats(network, phone).list({ chat: findChat(network, chat).key, id });
  if (message) return message;
  throw new SandboxError(404, 'unknown-message', `There is no message ${id} in the chat with ${chat}.`);
}
