import { deflateSync } from 'node:zlib';
import { proto } from '@whiskeysockets/baileys';
import { jidOf, type Account } from './accounts.ts';
import { chatSettings, starred, type ChatSettings } from './chat-settings.ts';
import { jidOfKey, STATUS, type Chats, type StoredMessage } from './chats.ts';
import { contactsOf, savedName } from './contacts.ts';
import { CHANGES, ProtocolType, type MessageContent } from './content.ts';
import { encryptMedia } from './media-cipher.ts';
import type { Network } from './network.ts';
import { keyOfJid } from './setting-effects.ts';

const { HistorySyncType } = proto.HistorySync;
const { EndOfHistoryTransferType } = proto.Conversation;
const { Status } = proto.WebMessageInfo;

/** Messages per chat that a new device is given at once, and those that follow a moment later. */
const AT_ONCE = 10;
const RECENT = 50;
/** Messages in one chunk of what follows. */
const CHUNK = 100;
/** Messages in one answer to a device that asks for older ones. */
const MAX_ON_DEMAND = 500;
/** A chunk up to this size travels in the message itself; a larger one lies on the media host. */
const MAX_INLINE_BYTES = 48 * 1024;

/** A chat with the part of its messages that one chunk is about, oldest first. */
interface Part {
  key: string;
  messages: StoredMessage[];
  /** Whether the phone has older ones than these. */
  hasOlder: boolean;
}

/**
 * What a phone tells a new device of the past, in phases: every chat with its latest messages, so that the device has
 * something to show (INITIAL_BOOTSTRAP); what people call themselves (PUSH_NAME); their LIDs and who has left groups
 * (NON_BLOCKING_DATA); statuses; and then chunk by chunk more messages of each chat (RECENT), down to the very first
 * one when the device wants everything (FULL).
 */
export class History {
  readonly #network: Network;
  readonly #account: Account;
  readonly #chats: Chats;
  readonly #settings: Map<string, ChatSettings>;
  readonly #starred: Set<string>;

  constructor(network: Network, account: Account, chats: Chats) {
    this.#network = network;
    this.#account = account;
    this.#chats = chats;
    this.#settings = chatSettings(network, account.phone);
    this.#starred = starred(network, account.phone);
  }

  /** The messages to a device that was just linked, in order. */
  first(everything: boolean): MessageContent[] {
    const chats = this.#all();
    const known = this.#known();
    const latest = chats.map((part) => ({ ...part, messages: part.messages.slice(-AT_ONCE) }));
    const phoneNumberToLidMappings = known.map((one) => ({ pnJid: jidOf(one, 'pn'), lidJid: jidOf(one, 'lid') }));
    const pushnames = known.map((one) => ({ id: jidOf(one, 'pn'), pushname: one.name }));
    const statuses = this.#chats.list({ chat: STATUS });
    const before = (from: number, to?: number): Part[] =>
      chats.map((part) => ({
        ...part,
        messages: part.messages.slice(to === undefined ? 0 : -to, -from),
        hasOlder: to !== undefined && part.messages.length > to,
      }));
    return [
      this.#notice(HistorySyncType.INITIAL_BOOTSTRAP, latest, { phoneNumberToLidMappings }),
      this.#notice(HistorySyncType.PUSH_NAME, [], { pushnames }),
      this.#notice(HistorySyncType.NON_BLOCKING_DATA, [], { phoneNumberToLidMappings }),
      ...(statuses.length > 0 ? [this.#statuses(statuses)] : []),
      ...this.#chunks(HistorySyncType.RECENT, before(AT_ONCE, RECENT)),
      ...(everything ? this.#chunks(HistorySyncType.FULL, before(RECENT)) : []),
    ];
  }

  /** A device wants `onDemandMsgCount` messages of a chat that are older than the oldest that it has. */
  onDemand(
    request: proto.Message.PeerDataOperationRequestMessage.IHistorySyncOnDemandRequest,
    requestId: string,
  ): MessageContent {
    const key = keyOfJid(this.#network, request.chatJid ?? '');
    const all = this.#messages(key);
    const known = all.findIndex(({ id }) => id === request.oldestMsgId);
    const time = Number(request.oldestMsgTimestampMs ?? 0) / 1000;
    const older = known >= 0 ? all.slice(0, known) : all.filter(({ timestamp }) => time > 0 && timestamp < time);
    const wanted = Math.min(Math.max(request.onDemandMsgCount ?? RECENT, 0), MAX_ON_DEMAND);
    const messages = wanted === 0 ? [] : older.slice(-wanted);
    const part = { key, messages, hasOlder: older.length > messages.length };
    const notice = { peerDataRequestSessionId: requestId };
    return this.#notice(HistorySyncType.ON_DEMAND, [part], {}, notice);
  }

  /** Every chat with all of its messages, the newest chat first. */
  #all(): Part[] {
    const groups = this.#network.groups.of(this.#account.phone).map(({ jid }) => jid);
    const keys = new Set([...this.#chats.keys(), ...groups, ...this.#settings.keys()]);
    const chats = [...keys]
      .filter((key) => !key.includes('@') || key.endsWith('@g.us'))
      .map((key) => ({ key, messages: this.#messages(key), hasOlder: false }));
    const newest = ({ messages }: Part): number => messages.at(-1)?.seq ?? 0;
    return chats.sort((one, other) => newest(other) - newest(one));
  }

  /** The messages of a chat; what only changes another one is part of that. */
  #messages(key: string): StoredMessage[] {
    return this.#chats.list({ chat: key }).filter(({ type }) => !CHANGES.includes(type));
  }

  /** The account itself and everybody it has to do with: in chats, in groups, in the address book. */
  #known(): Account[] {
    const { accounts, groups } = this.#network;
    const { phone } = this.#account;
    const members = groups.of(phone).flatMap(({ jid }) => groups.members(jid).map(({ account }) => account));
    const contacts = contactsOf(this.#network, phone).flatMap((one) => accounts.get(one.phone ?? '') ?? []);
    const everybody = [this.#account, ...this.#chats.partners(), ...members, ...contacts];
    return [...new Map(everybody.map((one) => [one.phone, one])).values()];
  }

  #chunks(type: proto.HistorySync.HistorySyncType, parts: Part[]): MessageContent[] {
    const chunks: Part[][] = [[]];
    let room = CHUNK;
    for (const part of parts) {
      // a chat goes out with its newest messages first
      for (let end = part.messages.length; end > 0;) {
        if (room === 0) {
          chunks.push([]);
          room = CHUNK;
        }
        const start = Math.max(0, end - room);
        const hasOlder = part.hasOlder || start > 0;
        chunks.at(-1)?.push({ key: part.key, messages: part.messages.slice(start, end), hasOlder });
        room -= end - start;
        end = start;
      }
    }
    if (type === HistorySyncType.FULL && chunks[0]?.length === 0) return [];
    return chunks.map((chunk, n) => {
      const progress = Math.round(((n + 1) * 100) / chunks.length);
      return this.#notice(type, chunk, { chunkOrder: n + 1, progress });
    });
  }

  #statuses(statuses: StoredMessage[]): MessageContent {
    const statusV3Messages = statuses.map((message) => this.#webMessage(message, STATUS));
    return this.#notice(HistorySyncType.INITIAL_STATUS_V3, [], { statusV3Messages });
  }

  #notice(
    syncType: proto.HistorySync.HistorySyncType,
    parts: Part[],
    more: Partial<proto.IHistorySync>,
    notice: proto.Message.IHistorySyncNotification = {},
  ): MessageContent {
    const order = { chunkOrder: more.chunkOrder ?? 1, progress: more.progress ?? 100 };
    const conversations = parts.map((part) => this.#conversation(part, syncType === HistorySyncType.ON_DEMAND));
    const history = proto.HistorySync.encode({ ...more, ...order, syncType, conversations }).finish();
    const oldest = Math.min(...parts.flatMap(({ messages }) => messages[0]?.timestamp ?? []));
    const historySyncNotification = {
      syncType: syncType as number,
      ...order,
      ...(Number.isFinite(oldest) ? { oldestMsgInChunkTimestampSec: oldest } : {}),
      ...this.#packed(deflateSync(history)),
      ...notice,
    };
    return { protocolMessage: { type: ProtocolType.HISTORY_SYNC_NOTIFICATION, historySyncNotification } };
  }

  #packed(history: Buffer): proto.Message.IHistorySyncNotification {
    if (history.length <= MAX_INLINE_BYTES) return { initialHistBootstrapInlinePayload: history };
    const { bytes, mediaKey, fileSha256, fileEncSha256, fileLength } = encryptMedia('md-msg-hist', history);
    const { directPath } = this.#network.media.keep('md-msg-hist', bytes);
    return { mediaKey, fileSha256, fileEncSha256, fileLength, directPath };
  }

  /** Newest message first, as phones give them. */
  #conversation({ key, messages, hasOlder }: Part, onDemand: boolean): proto.IConversation {
    const partner = this.#network.accounts.get(key);
    const id = jidOfKey(key);
    const settings = this.#settings.get(key);
    const all = this.#messages(key);
    const unread = all.filter(({ read }) => read === 0);
    const newest = all.at(-1)?.timestamp ?? 0;
    return {
      id,
      ...(partner ? this.#person(partner) : this.#group(key)),
      messages: messages.toReversed().map((message) => ({
        message: this.#webMessage(message, id),
        msgOrderId: message.seq,
      })),
      conversationTimestamp: newest,
      lastMsgTimestamp: newest,
      unreadCount: unread.length,
      markedAsUnread: settings?.markedUnread ?? false,
      archived: settings?.archived ?? false,
      ...(settings?.pinned ? { pinned: Math.floor(settings.pinned / 1000) } : {}),
      // muted for ever has no number here; the shared settings, which come next, say it
      ...((settings?.mutedUntil ?? 0) > 0 ? { muteEndTime: settings?.mutedUntil } : {}),
      endOfHistoryTransfer: true,
      endOfHistoryTransferType: endOf(hasOlder, onDemand),
    };
  }

  #person(partner: Account): Partial<proto.IConversation> {
    const name = savedName(this.#network, this.#account.phone, partner.phone);
    const names = { pnJid: jidOf(partner, 'pn'), lidJid: jidOf(partner, 'lid') };
    return { ...names, ...(name === undefined ? {} : { name }), ...this.#tokens(partner) };
  }

  /** The token that the other party has given this account, and when this account gave one. */
  #tokens(partner: Account): Partial<proto.IConversation> {
    const issued = (by: string, to: string) =>
      this.#network.store.get<{ token: Buffer; issued: number }>(
        'select token, issued from trusted_contacts where phone = ? and contact = ?',
        ...[by, to],
      );
    const theirs = issued(partner.phone, this.#account.phone);
    const ours = issued(this.#account.phone, partner.phone);
    return {
      ...(theirs ? { tcToken: theirs.token, tcTokenTimestamp: theirs.issued } : {}),
      ...(ours ? { tcTokenSenderTimestamp: ours.issued } : {}),
    };
  }

  #group(jid: string): Partial<proto.IConversation> {
    const group = this.#network.groups.get(jid);
    if (!group) return {};
    const { Rank } = proto.GroupParticipant;
    const ranks = { member: Rank.REGULAR, admin: Rank.ADMIN, superadmin: Rank.SUPERADMIN };
    const creator = this.#network.accounts.get(group.creator);
    return {
      name: group.subject,
      createdAt: group.created,
      ...(creator ? { createdBy: jidOf(creator, group.addressing) } : {}),
      ...(group.description === null ? {} : { description: group.description }),
      ...(group.ephemeral > 0 ? { ephemeralExpiration: group.ephemeral } : {}),
      participant: this.#network.groups.members(jid).map(({ account, role }) => ({
        userJid: jidOf(account, group.addressing),
        rank: ranks[role],
      })),
    };
  }

  #webMessage(message: StoredMessage, chat: string): proto.IWebMessageInfo {
    const info = this.#chats.webMessage(message);
    const isOwn = message.sender === this.#account.phone;
    return {
      ...info,
      key: { ...info.key, remoteJid: chat },
      ...(isOwn ? { status: this.#status(message) } : {}),
      ...(this.#starred.has(`${message.chat} ${message.id}`) ? { starred: true } : {}),
      ...this.#marks(message, info.key),
    };
  }

  /** What people have done to a message: reactions, and that it was taken back. */
  #marks(message: StoredMessage, key: proto.IMessageKey | null | undefined): Partial<proto.IWebMessageInfo> {
    const marks = this.#chats.marks(message);
    const reactions = marks
      .filter(({ kind, value }) => kind === 'reaction' && value !== '')
      .map(({ sender, value, timestamp }) => {
        const who = this.#network.accounts.get(sender);
        const participant = who && jidOf(who, message.addressing);
        const fromMe = sender === this.#account.phone;
        return { key: { ...key, fromMe, participant }, text: value, senderTimestampMs: timestamp * 1000 };
      });
    const isRevoked = marks.some(({ kind }) => kind === 'revoke');
    return {
      ...(reactions.length > 0 ? { reactions } : {}),
      ...(isRevoked ? { messageStubType: proto.WebMessageInfo.StubType.REVOKE } : {}),
    };
  }

  /** How far one's own message has come in a chat with one person. */
  #status({ id, chat }: StoredMessage): proto.WebMessageInfo.Status {
    const theirs = this.#network.outbox.deliveries(this.#account.phone, id).filter(({ phone }) => phone === chat);
    if (theirs.some(({ status }) => status === 'read')) return Status.READ;
    return theirs.some(({ status }) => status === 'delivered') ? Status.DELIVERY_ACK : Status.SERVER_ACK;
  }
}

function endOf(hasOlder: boolean, onDemand: boolean): proto.Conversation.EndOfHistoryTransferType {
  if (!hasOlder) return EndOfHistoryTransferType.COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY;
  return onDemand
    ? EndOfHistoryTransferType.COMPLETE_ON_DEMAND_SYNC_BUT_MORE_MSG_REMAIN_ON_PRIMARY
    : EndOfHistoryTransferType.COMPLETE_BUT_MORE_MESSAGES_REMAIN_ON_PRIMARY;
}
