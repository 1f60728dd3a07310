import { deflateSync } from 'node:zlib';
import { proto } from '@whiskeysockets/baileys';
import { jidOf, type Account } from './accounts.ts';
import type { Chats } from './chats.ts';
import { ProtocolType, type MessageContent } from './content.ts';
import type { Network } from './network.ts';

/** Messages per chat that a new device is given. */
const HISTORY_PER_CHAT = 50;

/** The key under which the account's devices encrypt the settings that they share. */
export function appStateKeyShare(network: Network, account: Account): MessageContent {
  const row = network.store.get<{ id: Buffer; key: Buffer; created: number }>(
    'select id, key, created from app_state_keys where phone = ?',
    account.phone,
  );
  const indexes = network.accounts.devices(account.phone).map(({ keyIndex }) => keyIndex);
  const fingerprint = { rawId: account.rawId, currentIndex: Math.max(...indexes), deviceIndexes: indexes };
  const keys = row
    ? [{ keyId: { keyId: row.id }, keyData: { keyData: row.key, fingerprint, timestamp: row.created * 1000 } }]
    : [];
  return { protocolMessage: { type: ProtocolType.APP_STATE_SYNC_KEY_SHARE, appStateSyncKeyShare: { keys } } };
}

/** The chats so far, in the message itself: small enough that they need not be fetched from a media host. */
export function historySync(account: Account, chats: Chats): MessageContent {
  const partners = chats.partners();
  const known = [account, ...partners];
  const history = proto.HistorySync.encode({
    syncType: proto.HistorySync.HistorySyncType.INITIAL_BOOTSTRAP,
    chunkOrder: 1,
    progress: 100,
    conversations: partners.map((partner) => conversation(partner, chats)),
    pushnames: known.map((one) => ({ id: jidOf(one, 'pn'), pushname: one.name })),
    phoneNumberToLidMappings: known.map((one) => ({ pnJid: jidOf(one, 'pn'), lidJid: jidOf(one, 'lid') })),
  }).finish();
  return {
    protocolMessage: {
      type: ProtocolType.HISTORY_SYNC_NOTIFICATION,
      historySyncNotification: {
        syncType: proto.Message.HistorySyncType.INITIAL_BOOTSTRAP,
        chunkOrder: 1,
        progress: 100,
        initialHistBootstrapInlinePayload: deflateSync(history),
      },
    },
  };
}

/** Newest message first, as phones give them. */
function conversation(partner: Account, chats: Chats): proto.IConversation {
  const messages = chats.list({ chat: partner.phone }).slice(-HISTORY_PER_CHAT).reverse();
  const newest = messages[0]?.timestamp ?? 0;
  return {
    id: jidOf(partner, 'pn'),
    pnJid: jidOf(partner, 'pn'),
    lidJid: jidOf(partner, 'lid'),
    messages: messages.map((message) => ({ message: chats.webMessage(message), msgOrderId: message.seq })),
    conversationTimestamp: newest,
    lastMsgTimestamp: newest,
    unreadCount: messages.filter(({ read }) => read === 0).length,
    endOfHistoryTransfer: true,
  };
}
