import { randomBytes } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { proto } from '@whiskeysockets/baileys';
import { jidOf, type Account, type Device, type Sender } from './accounts.ts';
import { parseJid, type Addressing } from './jid.ts';
import { bigEndian, fromBigEndian, KEY_TYPE } from './keys.ts';
import { routeMessage } from './messages.ts';
import type { Network } from './network.ts';
import type { Pending } from './outbox.ts';
import { vouchedFor } from './pairing.ts';
import { isGenuine, keyNode, readRetryBundle, signedKeyNode, takeBundle } from './prekeys.ts';
import { SandboxError } from './problem.ts';
import { routeReceipt } from './receipts.ts';
import { SignalStore } from './signal-store.ts';
import { bytes, child, now, stanza, type Stanza } from './stanza.ts';

/** After so many tries a phone asks no more for a message that it cannot decrypt, and answers no more who asks. */
const MAX_RETRIES = 5;
/** Messages per chat that a new device is given. */
const HISTORY_PER_CHAT = 50;

const { Message } = proto;
type MessageContent = proto.IMessage;
const ProtocolType = Message.ProtocolMessage.Type;

/** A message as the phone has stored it, in either direction. */
export interface StoredMessage {
  seq: number;
  id: string;
  /** Number of the account that wrote it, and which of its devices. */
  sender: string;
  sender_device: number;
  /** Number of the other party. */
  chat: string;
  addressing: Addressing;
  type: string;
  text: string | null;
  body: Buffer;
  timestamp: number;
  read: number;
}

/** A text that the phone is to send. */
export interface Outgoing {
  to: string;
  text: string;
  replyTo?: string | undefined;
  mentions?: string[] | undefined;
}

interface Device0Sender extends Sender {
  device: Device;
}

/**
 * A simulated phone: device 0 of its account, always switched on, and as far as everybody else can tell a WhatsApp on a
 * phone. It has Signal sessions of its own, encrypts for every device of the recipient and for its own linked ones,
 * answers with receipts, asks for a retry when it cannot decrypt and answers such requests, and keeps its messages.
 * What the server has for it waits in the same queue as for any device and leaves it in the same transaction in which
 * the phone's session and message are stored.
 */
export class Phone {
  readonly #network: Network;
  readonly #signal: SignalStore;
  /** Identities of linked devices that have been checked, so that it is done once and not for every message. */
  readonly #vouched = new Set<string>();
  readonly number: string;
  #work: Promise<void> = Promise.resolve();
  #awake = false;
  #stopped = false;

  constructor(network: Network, account: Account) {
    this.#network = network;
    this.#signal = new SignalStore(network.store, account);
    this.number = account.phone;
  }

  /** There may be something in the queue. */
  wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    void this.#exclusive(async () => {
      this.#awake = false;
      await this.#drain();
    }).catch((error: unknown) =>
      this.#network.logger.error({ err: error, phone: this.number }, 'a phone has stumbled'),
    );
  }

  /** Resolves when the phone has nothing to do at the moment. */
  async idle(): Promise<void> {
    await this.#work;
  }

  /** The phone finishes what it is doing and does nothing more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#work;
  }

  /** Sends a text, end-to-end encrypted, and returns its id once the server has it. */
  send(outgoing: Outgoing): Promise<string> {
    const { account, addressing } = this.#network.accounts.recipient(outgoing.to);
    return this.#exclusive(async () => {
      const content = this.#contentOf(outgoing, account, addressing);
      // ids made by a phone are 32 hexadecimal digits; clients tell by that what kind of device a message came from
      const id = randomBytes(16).toString('hex').toUpperCase();
      await this.#deliver(id, account, addressing, content);
      return id;
    });
  }

  /** The person opens a chat: the sender is told that the messages have been read. Returns how many they were. */
  read(written: string, ids?: string[]): Promise<number> {
    const { account: chat } = this.#network.accounts.recipient(written);
    return this.#exclusive(async () => {
      const unread = this.#messages('chat = ? and sender = ? and read = 0', chat.phone, chat.phone);
      const wanted = ids === undefined ? unread : unread.filter(({ id }) => ids.includes(id));
      const unknown = ids?.find((id) => !this.#message(chat.phone, id));
      if (unknown !== undefined) {
        throw new SandboxError(
          404,
          'unknown-message',
          `+${this.number} has no message ${unknown} from +${chat.phone}.`,
        );
      }
      this.#network.store.transaction(() => {
        for (const addressing of ['pn', 'lid'] as const) {
          const there = wanted.filter((message) => message.addressing === addressing).map(({ id }) => id);
          if (there.length > 0) routeReceipt(this.#network, this.#self, readReceipt(jidOf(chat, addressing), there));
        }
        for (const { seq } of wanted) this.#network.store.run('update messages set read = 1 where seq = ?', seq);
      });
      return wanted.length;
    });
  }

  /** The person types, records, or stops. */
  typing(written: string, state: 'composing' | 'recording' | 'paused'): void {
    const { account, addressing } = this.#network.accounts.recipient(written);
    const shown = state === 'recording' ? stanza('composing', { media: 'audio' }) : stanza(state);
    this.#network.presences.chatstate(this.#self, stanza('chatstate', { to: jidOf(account, addressing) }, [shown]));
  }

  /** Gives a newly linked device what it needs: the app-state key, and the chats so far. */
  bootstrap(device: number): void {
    void this.#exclusive(async () => {
      const account = this.#self.account;
      const key = this.#appStateKeyShare();
      const history = this.#history();
      const prepared = [await this.#peerMessage(device, key), await this.#peerMessage(device, history)];
      this.#network.store.transaction(() => {
        this.#signal.commit();
        for (const message of prepared) if (message) routeMessage(this.#network, this.#self, message);
        this.#network.accounts.setBootstrapped(account.phone, device);
      });
    }).catch((error: unknown) =>
      this.#network.logger.error({ err: error, phone: this.number, device }, 'no bootstrap'),
    );
  }

  /** The phone's messages, oldest first. `after` is the number or the id of one of them. */
  messages(written?: string, after?: string, limit = 1000): StoredMessage[] {
    const chat = written === undefined ? undefined : this.#network.accounts.recipient(written).account.phone;
    const seq = after === undefined ? 0 : this.#seqOf(after);
    return chat === undefined
      ? this.#messages(`seq > ? limit ${limit}`, seq)
      : this.#messages(`seq > ? and chat = ? limit ${limit}`, seq, chat);
  }

  get #self(): Device0Sender {
    const account = this.#network.accounts.get(this.number);
    const device = this.#network.accounts.device(this.number, 0);
    if (!account || !device) throw new SandboxError(404, 'unknown-phone', `+${this.number} has been deleted.`);
    return { account, device };
  }

  /** One thing after the other: Signal sessions do not bear two at a time. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#work.then(async () => {
      if (this.#stopped) throw new SandboxError(503, 'stopping', 'The sandbox is being stopped.');
      try {
        return await work();
      } finally {
        this.#signal.discard();
      }
    });
    this.#work = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }

  // --- what comes in ---

  async #drain(): Promise<void> {
    for (;;) {
      const next = this.#stopped ? undefined : this.#network.outbox.next({ phone: this.number, id: 0 });
      if (!next) return;
      try {
        await this.#take(next);
      } catch (error) {
        // whatever it is, it must not stand in the way of what comes behind it
        this.#network.logger.error(
          { err: error, phone: this.number, stanza: next.tag },
          'a phone could not take a stanza',
        );
        this.#signal.discard();
        this.#network.outbox.remove(next.seq);
      }
    }
  }

  async #take(pending: Pending): Promise<void> {
    const { tag, stanza: node } = pending;
    if (tag === 'message') return this.#takeMessage(pending);
    if (tag === 'receipt' && node.attrs['type'] === 'retry') return this.#encryptAnew(pending);
    // other receipts are kept by the server in the list of deliveries; notifications tell a phone nothing new
    this.#network.outbox.remove(pending.seq);
  }

  async #takeMessage({ seq, stanza: node }: Pending): Promise<void> {
    const { store, outbox } = this.#network;
    const from = this.#network.accounts.find(node.attrs['from']);
    const id = node.attrs['id'] ?? '';
    if (!from) return outbox.remove(seq);
    const known = this.#message(from.account.phone, id) !== undefined;
    let content: MessageContent | undefined;
    try {
      content = await this.#decrypt(from.account, from.device, node);
    } catch (error) {
      this.#signal.discard();
      this.#network.logger.debug({ err: String(error), phone: this.number, id }, 'a phone could not decrypt');
    }
    store.transaction(() => {
      this.#signal.commit();
      // a repeated message is acknowledged again and otherwise ignored, whether or not it could be read again
      if (content && !known) this.#keep(node, from, id, content);
      if (content || known) routeReceipt(this.#network, this.#self, deliveryReceipt(node, from, this.number));
      else this.#askForRetry(node, from.account.phone, id);
      outbox.remove(seq);
    });
    if (content && node.attrs['category'] === 'peer') await this.#answerPeer(from.device, id, content);
  }

  async #decrypt(account: Account, device: number, node: Stanza): Promise<MessageContent> {
    const enc = child(node, 'enc');
    if (!enc) throw new Error('nothing to decrypt');
    const type = enc.attrs['type'] ?? '';
    const padded = await this.#signal.decrypt(account.phone, device, type, bytes(enc));
    if (type === 'pkmsg' && device !== 0) this.#checkIdentity(account, device, node);
    return Message.decode(unpadded(padded));
  }

  /** A session that a linked device opens is believed only when its account vouches for the device. */
  #checkIdentity(account: Account, device: number, node: Stanza): void {
    const signed = bytes(child(node, 'device-identity'));
    const identity = this.#signal.session(account.phone, device)?.identity;
    const key = `${identity?.toString('base64')} ${signed.toString('base64')}`;
    if (this.#vouched.has(key)) return;
    if (!identity || !vouchedFor(account.identity.public, identity, signed)) {
      throw new Error('the account does not vouch for this device');
    }
    this.#vouched.add(key);
  }

  #keep(node: Stanza, from: { account: Account; device: number }, id: string, content: MessageContent): void {
    if (node.attrs['category'] === 'peer') return;
    const sent = content.deviceSentMessage;
    const own = from.account.phone === this.number;
    const chat = own ? this.#network.accounts.find(sent?.destinationJid ?? node.attrs['recipient']) : undefined;
    this.#insert({
      id,
      sender: from.account.phone,
      device: from.device,
      chat: own ? (chat?.account.phone ?? this.number) : from.account.phone,
      addressing: parseJid(node.attrs['from'])?.server === 'lid' ? 'lid' : 'pn',
      content: sent?.message ?? content,
      read: own,
    });
  }

  #askForRetry(node: Stanza, sender: string, id: string): void {
    const { store } = this.#network;
    const row = store.get<{ count: number }>(
      `insert into phone_retries (phone, sender, id, count) values (?, ?, ?, 1)
       on conflict (phone, sender, id) do update set count = count + 1 returning count`,
      ...[this.number, sender, id],
    );
    const count = row?.count ?? 1;
    if (count >= MAX_RETRIES) return;
    const { from, recipient, t } = node.attrs;
    const retry = stanza('retry', { count, id, t, v: 1, error: 0 });
    const registration = stanza('registration', {}, bigEndian(this.#self.account.registrationId, 4));
    const content = [retry, registration, this.#freshKeys()];
    routeReceipt(this.#network, this.#self, stanza('receipt', { id, to: from, type: 'retry', recipient }, content));
  }

  /** A key bundle for one sender alone, whose one-time key never goes to the server. */
  #freshKeys(): Stanza {
    const { store, accounts } = this.#network;
    const last = store.get<{ id: number | null }>(
      'select max(id) as id from phone_prekeys where phone = ?',
      this.number,
    );
    const id = Math.max(last?.id ?? 0, 0x800000) + 1;
    const signed = store.get<{ id: number; public: Buffer; signature: Buffer }>(
      'select id, public, signature from signed_prekeys where phone = ? and device = 0',
      this.number,
    );
    if (!signed) throw new Error('the phone has lost its signed prekey');
    return stanza('keys', {}, [
      stanza('type', {}, KEY_TYPE),
      stanza('identity', {}, this.#self.account.identity.public),
      keyNode({ id, public: accounts.addPhonePrekey(this.number, id) }),
      signedKeyNode(signed),
    ]);
  }

  /** A device could not decrypt one of our messages: it gets the same message again, under the same id. */
  async #encryptAnew({ seq, stanza: receipt }: Pending): Promise<void> {
    const { store, outbox, accounts } = this.#network;
    const from = accounts.find(receipt.attrs['from']);
    const device = from && accounts.device(from.account.phone, from.device);
    const count = Number(child(receipt, 'retry')?.attrs['count'] ?? 1);
    const message = this.#message(this.number, receipt.attrs['id'] ?? '');
    if (!from || !device || !message || count > MAX_RETRIES) return outbox.remove(seq);
    await this.#renewSession(device, receipt);
    const own = device.phone === this.number;
    const chat = accounts.get(message.chat);
    const recipient = own && chat ? jidOf(chat, message.addressing) : undefined;
    const content = Message.decode(message.body);
    const enc = await this.#encryptFor(device, recipient ? copyOf(recipient, content) : content);
    const to = jidOf(from.account, message.addressing, device.id);
    store.transaction(() => {
      this.#signal.commit();
      outbox.remove(seq);
      if (!enc) return;
      const attrs = { id: message.id, to, type: 'text', recipient, device_fanout: 'false' };
      const again = { ...enc, attrs: { ...enc.attrs, count: String(count) } };
      routeMessage(this.#network, this.#self, stanza('message', attrs, [again]));
    });
  }

  /** With the keys that the retry receipt brings, or with new ones when the session cannot be what it was. */
  async #renewSession(device: Device, receipt: Stanza): Promise<void> {
    const bundle = readRetryBundle(receipt);
    if (bundle) {
      if (bundle.identity.equals(device.identity)) await this.#signal.openSession(device.phone, device.id, bundle);
      return;
    }
    const installed = fromBigEndian(bytes(child(receipt, 'registration')));
    const session = this.#signal.session(device.phone, device.id);
    if (session && session.registrationId !== installed) this.#signal.forget(device.phone, device.id);
  }

  /** What a linked device asks of its phone: app-state keys, or messages that it could not read. */
  async #answerPeer(device: number, requestId: string, content: MessageContent): Promise<void> {
    // some clients wrap what they say to their own phone like what they say to others
    const request = (content.deviceSentMessage?.message ?? content).protocolMessage;
    let answer: MessageContent | undefined;
    if (request?.type === ProtocolType.APP_STATE_SYNC_KEY_REQUEST) answer = this.#appStateKeyShare();
    const wanted = request?.peerDataOperationRequestMessage?.placeholderMessageResendRequest ?? [];
    if (wanted.length > 0) answer = this.#resend(requestId, wanted);
    if (!answer) return;
    const message = await this.#peerMessage(device, answer);
    this.#network.store.transaction(() => {
      this.#signal.commit();
      if (message) routeMessage(this.#network, this.#self, message);
    });
  }

  #resend(
    stanzaId: string,
    wanted: proto.Message.PeerDataOperationRequestMessage.IPlaceholderMessageResendRequest[],
  ): MessageContent {
    const found = wanted.flatMap(({ messageKey }) => {
      const sender = messageKey?.fromMe
        ? this.number
        : this.#network.accounts.find(messageKey?.remoteJid ?? '')?.account.phone;
      const message = sender === undefined ? undefined : this.#message(sender, messageKey?.id ?? '');
      return message
        ? [{ placeholderMessageResendResponse: { webMessageInfoBytes: encoded(this.#webMessage(message)) } }]
        : [];
    });
    const { PLACEHOLDER_MESSAGE_RESEND } = Message.PeerDataOperationRequestType;
    return {
      protocolMessage: {
        type: ProtocolType.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE,
        peerDataOperationRequestResponseMessage: {
          peerDataOperationRequestType: PLACEHOLDER_MESSAGE_RESEND,
          stanzaId,
          peerDataOperationResult: found,
        },
      },
    };
  }

  // --- what goes out ---

  async #deliver(id: string, to: Account, addressing: Addressing, content: MessageContent): Promise<void> {
    const { accounts, store } = this.#network;
    const chat = jidOf(to, addressing);
    const participants: Stanza[] = [];
    const toDevices = to.phone === this.number ? [] : accounts.devices(to.phone);
    const ownDevices = accounts.devices(this.number).filter((device) => device.id !== 0);
    for (const device of [...toDevices, ...ownDevices]) {
      const own = device.phone === this.number;
      const enc = await this.#encryptFor(device, own ? copyOf(chat, content) : content);
      const jid = jidOf(own ? this.#self.account : to, addressing, device.id);
      if (enc) participants.push(stanza('to', { jid }, [enc]));
    }
    store.transaction(() => {
      this.#signal.commit();
      this.#insert({ id, sender: this.number, device: 0, chat: to.phone, addressing, content, read: true });
      const attrs = { id, to: chat, type: 'text' };
      routeMessage(this.#network, this.#self, stanza('message', attrs, [stanza('participants', {}, participants)]));
    });
  }

  /** Undefined when the device has no keys, or keys that are not its own. */
  async #encryptFor(device: Device, content: MessageContent): Promise<Stanza | undefined> {
    const { phone, id } = device;
    if (this.#signal.session(phone, id) === undefined) {
      const bundle = takeBundle(this.#network, device);
      if (!bundle || !isGenuine(bundle.signedPreKey, bundle.identity)) return undefined;
      await this.#signal.openSession(phone, id, bundle);
    }
    const { type, ciphertext } = await this.#signal.encrypt(phone, id, padded(encoded(Message.create(content))));
    return stanza('enc', { v: 2, type }, ciphertext);
  }

  async #peerMessage(device: number, content: MessageContent): Promise<Stanza | undefined> {
    const { account } = this.#self;
    const to = this.#network.accounts.device(account.phone, device);
    const enc = to && (await this.#encryptFor(to, content));
    const attrs = { id: this.#network.newId(), to: jidOf(account, 'pn', device), type: 'text', category: 'peer' };
    return enc && stanza('message', attrs, [enc]);
  }

  #contentOf({ text, replyTo, mentions }: Outgoing, to: Account, addressing: Addressing): MessageContent {
    const messageContextInfo = { deviceListMetadataVersion: 2, messageSecret: randomBytes(32) };
    if (replyTo === undefined && !mentions?.length) return { conversation: text, messageContextInfo };
    const contextInfo: proto.IContextInfo = {};
    if (replyTo !== undefined) {
      const quoted = this.#message(this.number, replyTo) ?? this.#message(to.phone, replyTo);
      if (quoted?.chat !== to.phone) {
        throw new SandboxError(404, 'unknown-message', `There is no message ${replyTo} in the chat with +${to.phone}.`);
      }
      const author = quoted.sender === this.number ? this.#self.account : to;
      contextInfo.stanzaId = quoted.id;
      contextInfo.participant = jidOf(author, addressing);
      contextInfo.quotedMessage = { ...Message.decode(quoted.body), messageContextInfo: null };
    }
    if (mentions?.length) {
      contextInfo.mentionedJid = mentions.map((one) =>
        jidOf(this.#network.accounts.recipient(one).account, addressing),
      );
    }
    return { extendedTextMessage: { text, contextInfo }, messageContextInfo };
  }

  // --- what a new device is given ---

  #appStateKeyShare(): MessageContent {
    const row = this.#network.store.get<{ id: Buffer; key: Buffer; created: number }>(
      'select id, key, created from app_state_keys where phone = ?',
      this.number,
    );
    const indexes = this.#network.accounts.devices(this.number).map(({ keyIndex }) => keyIndex);
    const fingerprint = { rawId: this.#self.account.rawId, currentIndex: Math.max(...indexes), deviceIndexes: indexes };
    const keys = row
      ? [{ keyId: { keyId: row.id }, keyData: { keyData: row.key, fingerprint, timestamp: row.created * 1000 } }]
      : [];
    return { protocolMessage: { type: ProtocolType.APP_STATE_SYNC_KEY_SHARE, appStateSyncKeyShare: { keys } } };
  }

  #history(): MessageContent {
    const { accounts } = this.#network;
    const chats = [...new Set(this.#messages('1 = 1').map(({ chat }) => chat))];
    const conversations = chats.flatMap((phone) => {
      const account = accounts.get(phone);
      if (!account) return [];
      const messages = this.#messages('chat = ?', phone).slice(-HISTORY_PER_CHAT).reverse();
      const newest = messages[0]?.timestamp ?? 0;
      return [
        {
          id: jidOf(account, 'pn'),
          pnJid: jidOf(account, 'pn'),
          lidJid: jidOf(account, 'lid'),
          messages: messages.map((message) => ({ message: this.#webMessage(message), msgOrderId: message.seq })),
          conversationTimestamp: newest,
          lastMsgTimestamp: newest,
          unreadCount: messages.filter(({ read }) => read === 0).length,
          endOfHistoryTransfer: true,
        },
      ];
    });
    const known = [this.number, ...chats].flatMap((phone) => accounts.get(phone) ?? []);
    const history = proto.HistorySync.encode({
      syncType: proto.HistorySync.HistorySyncType.INITIAL_BOOTSTRAP,
      chunkOrder: 1,
      progress: 100,
      conversations,
      pushnames: known.map((account) => ({ id: jidOf(account, 'pn'), pushname: account.name })),
      phoneNumberToLidMappings: known.map((account) => ({
        pnJid: jidOf(account, 'pn'),
        lidJid: jidOf(account, 'lid'),
      })),
    }).finish();
    return {
      protocolMessage: {
        type: ProtocolType.HISTORY_SYNC_NOTIFICATION,
        historySyncNotification: {
          syncType: Message.HistorySyncType.INITIAL_BOOTSTRAP,
          chunkOrder: 1,
          progress: 100,
          initialHistBootstrapInlinePayload: deflateSync(history),
        },
      },
    };
  }

  #webMessage(message: StoredMessage): proto.WebMessageInfo {
    const chat = this.#network.accounts.get(message.chat);
    const author = this.#network.accounts.get(message.sender);
    const fromMe = message.sender === this.number;
    return proto.WebMessageInfo.create({
      key: { remoteJid: chat && jidOf(chat, message.addressing), fromMe, id: message.id },
      message: Message.decode(message.body),
      messageTimestamp: message.timestamp,
      pushName: fromMe ? undefined : author?.name,
      status: fromMe ? proto.WebMessageInfo.Status.SERVER_ACK : undefined,
    });
  }

  // --- what it keeps ---

  #insert(message: {
    id: string;
    sender: string;
    device: number;
    chat: string;
    addressing: Addressing;
    content: MessageContent;
    read: boolean;
  }): void {
    const { id, sender, device, chat, addressing, content, read } = message;
    this.#network.store.run(
      `insert into messages (phone, id, sender, sender_device, chat, addressing, type, text, body, timestamp, read)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[this.number, id, sender, device, chat, addressing, typeOf(content), textOf(content)],
      ...[encoded(Message.create(content)), now(), read ? 1 : 0],
    );
  }

  #message(sender: string, id: string): StoredMessage | undefined {
    return this.#messages('sender = ? and id = ?', sender, id)[0];
  }

  #messages(condition: string, ...values: (string | number)[]): StoredMessage[] {
    const [where, limit = ''] = condition.split(/(?= limit )/);
    return this.#network.store.all<StoredMessage>(
      `select * from messages where phone = ? and ${where} order by seq${limit}`,
      ...[this.number, ...values],
    );
  }

  #seqOf(after: string): number {
    if (/^\d{1,15}$/.test(after)) return Number(after);
    const [message] = this.#messages('id = ?', after);
    if (message) return message.seq;
    throw new SandboxError(
      404,
      'unknown-message',
      `+${this.number} has no message ${after}; "after" takes an id or a seq.`,
    );
  }
}

/** What the phone answers to a message: to a contact that it is delivered, to its own device that the copy is here. */
function deliveryReceipt(node: Stanza, from: { account: Account }, ownNumber: string): Stanza {
  const { id, from: to, recipient, category } = node.attrs;
  if (category === 'peer') return stanza('receipt', { id, to, type: 'peer_msg' });
  if (from.account.phone === ownNumber) return stanza('receipt', { id, to, type: 'sender', recipient });
  return stanza('receipt', { id, to });
}

function readReceipt(to: string, ids: string[]): Stanza {
  const [id, ...more] = ids;
  const list =
    more.length > 0
      ? [
          stanza(
            'list',
            {},
            more.map((one) => stanza('item', { id: one })),
          ),
        ]
      : undefined;
  return stanza('receipt', { id, to, type: 'read', t: now() }, list);
}

/** What our own devices are sent instead of the message: the message, and whom it is for. */
function copyOf(destinationJid: string, message: MessageContent): MessageContent {
  return {
    deviceSentMessage: { destinationJid, message },
    messageContextInfo: message.messageContextInfo ?? null,
  };
}

function encoded(message: proto.Message | proto.WebMessageInfo): Buffer {
  return Buffer.from(
    message instanceof Message ? Message.encode(message).finish() : proto.WebMessageInfo.encode(message).finish(),
  );
}

/** WhatsApp pads a message with 1 to 16 bytes, each of which says how many they are. */
function padded(message: Buffer): Buffer {
  const length = (randomBytes(1)[0] ?? 0) % 16 || 16;
  return Buffer.concat([message, Buffer.alloc(length, length)]);
}

function unpadded(message: Buffer): Buffer {
  const length = message.at(-1) ?? 0;
  if (length === 0 || length > message.length) throw new Error('the padding does not fit');
  return message.subarray(0, -length);
}

function textOf(content: MessageContent): string | null {
  return content.conversation ?? content.extendedTextMessage?.text ?? null;
}

/** `text`, or what the message's field is called without its ending: `image`, `reaction`, `protocol`, … */
function typeOf(content: MessageContent): string {
  if (textOf(content) !== null) return 'text';
  const field = Object.keys(Message.toObject(Message.create(content))).find((name) => name !== 'messageContextInfo');
  return field?.replace(/Message$/, '') ?? 'unknown';
}
