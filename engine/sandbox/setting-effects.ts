import type { Account } from './accounts.ts';
import { Chats, type StoredMessage } from './chats.ts';
import { parseJid } from './jid.ts';
import type { Network } from './network.ts';
import type { Mutation } from './syncd.ts';

/** What a setting does on the phone besides lying there to be read. */
type Effect = (network: Network, account: Account, mutation: Mutation) => void;

const EFFECTS: Record<string, Effect> = {
  setting_pushName: (network, account, { value }) => {
    const name = value.pushNameSetting?.name;
    if (name) network.accounts.setName(account.phone, name);
  },
  markChatAsRead: (network, account, { index, value }) => {
    const action = value.markChatAsReadAction;
    if (!action?.read) return;
    const chats = new Chats(network, account.phone);
    chats.markRead(upTo(network, chats, index[1], action.messageRange?.lastMessageTimestamp));
  },
  clearChat: (network, account, { index, value }) => {
    const chats = new Chats(network, account.phone);
    chats.remove(upTo(network, chats, index[1], value.clearChatAction?.messageRange?.lastMessageTimestamp));
  },
  deleteChat: (network, account, { index, value }) => {
    const chats = new Chats(network, account.phone);
    chats.remove(upTo(network, chats, index[1], value.deleteChatAction?.messageRange?.lastMessageTimestamp));
  },
  deleteMessageForMe: (network, account, { index }) => {
    const [, chat = '', id = '', fromMe] = index;
    const chats = new Chats(network, account.phone);
    const there = chats.list({ chat: keyOfJid(network, chat), id });
    chats.remove(there.filter(({ sender }) => (sender === account.phone) === (fromMe === '1')));
  },
};

/** A record was written (by the phone or by a linked device); taking one away changes nothing but the record. */
export function takeEffect(network: Network, account: Account, mutation: Mutation): void {
  if (mutation.operation === 'set') EFFECTS[mutation.index[0] ?? '']?.(network, account, mutation);
}

/** The messages that an action means: those up to its time, or all when it names none. */
function upTo(network: Network, chats: Chats, jid: string | undefined, time: unknown): StoredMessage[] {
  const until = Number(time ?? 0);
  return chats.list({ chat: keyOfJid(network, jid ?? '') }).filter(({ timestamp }) => !until || timestamp <= until);
}

/** The key under which a phone keeps a chat that somebody names by its jid. */
export function keyOfJid(network: Network, jid: string): string {
  const found = network.accounts.find(jid);
  if (found) return found.account.phone;
  const parsed = parseJid(jid);
  return parsed?.server === 's.whatsapp.net' ? parsed.user : jid;
}
