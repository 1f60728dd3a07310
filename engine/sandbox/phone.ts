import { randomBytes } from 'node:crypto';
import { proto } from '@whiskeysockets/baileys';
import { jidOf, type Account, type Device, type Sender } from './accounts.ts';
import { appStateKeyShare, wantsEverything } from './bootstrap.ts';
import { viewPosts } from './channel-posts.ts';
import { isChannelJid, mustPost } from './channels.ts';
import { Changes } from './changes.ts';
import { Chats, findChat, STATUS, type Chat, type StoredMessage } from './chats.ts';
import { contactsOf } from './contacts.ts';
import {
  copyOf,
  decodeContent,
  encodeContent,
  isChange,
  padded,
  ProtocolType,
  stanzaForm,
  unpadded,
  type MessageContent,
  type StanzaForm,
} from './content.ts';
import { isShared } from './group-messages.ts';
import { sendEncrypted, type Forgery } from './forgery.ts';
import type { Handset } from './handset.ts';
import { History } from './history.ts';
import { withForgedPrekey } from './impostors.ts';
import { parseJid } from './jid.ts';
import { bigEndian, fromBigEndian, KEY_TYPE } from './keys.ts';
import { answerMediaRetry, keepMedia } from './phone-media.ts';
import { routeMessage } from './messages.ts';
import type { Network } from './network.ts';
import type { Pending } from './outbox.ts';
import { compose, type Outgoing } from './outgoing.ts';
import { vouchedFor } from './device-identity.ts';
import { isGenuine, keyNode, readRetryBundle, signedKeyNode, takeBundle } from './prekeys.ts';
import { SandboxError } from './problem.ts';
import { routeReceipt } from './receipts.ts';
import { SignalStore } from './signal-store.ts';
import { bytes, child, children, now, stanza, type Stanza } from './stanza.ts';

/** After so many tries a phone asks no more for a message that it cannot decrypt, and answers no more who asks. */
const MAX_RETRIES = 5;

/** How a message goes out, where it is not as a new message of the person's. */
export interface Delivery {
  /** Of the message that is sent again under its own id; a new one when not given. */
  id?: string;
  /** Whom a status is for. */
  audience?: Account[];
  /** `type`, `edit`, attributes of every `<enc>` and further children, where they are not those of the content. */
  form?: Partial<StanzaForm>;
  /** Why linked devices are told no more than that there is something; they get all of it when not given. */
  unavailable?: string;
  /** Whether it is kept in the chat as a message of its own; it is when not given. */
  keep?: boolean;
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
  readonly chats: Chats;
  readonly #changes: Changes;
  /** Identities of linked devices that have been checked, so that it is done once and not for every message. */
  readonly #vouched = new Set<string>();
  readonly number: string;
  #work: Promise<void> = Promise.resolve();
  #awake = false;
  #stopped = false;

  constructor(network: Network, account: Account) {
    this.#network = network;
    this.#signal = new SignalStore(network.store, account);
    this.chats = new Chats(network, account.phone);
    this.#changes = new Changes(network, account.phone, this.chats);
    this.number = account.phone;
  }

  /** There may be something in the queue. */
  wake(): void {
    if (this.#awake || this.#stopped) return;
    this.#awake = true;
    void this.#exclusive(async () => {
      this.#awake = false;
      await this.#drain();
    }).catch((error: unknown) => this.#stumbled(error, 'a phone has stumbled'));
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

  /** Sends a message, end-to-end encrypted, and returns its id once the server has it. `audience` is of a status. */
  async send(outgoing: Outgoing, audience?: Account[]): Promise<string> {
    const chat = findChat(this.#network, outgoing.to);
    // its file may take a while to come; the phone does other things meanwhile
    const content = await compose(this.#handset, chat, outgoing);
    const delivery = {
      ...(audience === undefined ? {} : { audience }),
      ...(outgoing.viewOnce === 'phones' ? { unavailable: 'view_once' } : {}),
    };
    return this.#exclusive(() => this.#deliver(chat, content, delivery));
  }

  /** Lends the phone to what a person does with it: nothing else happens on it meanwhile. */
  use<T>(work: (handset: Handset) => Promise<T>): Promise<T> {
    return this.#exclusive(() => work(this.#handset));
  }

  get #handset(): Handset {
    return {
      network: this.#network,
      account: this.#self.account,
      chats: this.chats,
      changes: this.#changes,
      deliver: (chat, content, delivery) => this.#deliver(chat, content, delivery),
      receipt: (node) => void routeReceipt(this.#network, this.#self, node),
    };
  }

  /** The person opens a chat: the sender is told that the messages have been read. Returns how many they were. */
  read(written: string, ids?: string[]): Promise<number> {
    const chat = findChat(this.#network, written);
    return this.#exclusive(async () => {
      const unread = this.chats.list({ chat: chat.key, unread: true });
      const wanted = ids === undefined ? unread : unread.filter(({ id }) => ids.includes(id));
      const known = this.chats.list({ chat: chat.key }).filter(({ sender }) => sender !== this.number);
      const unknown = ids?.find((wantedId) => !known.some(({ id }) => id === wantedId));
      if (unknown !== undefined) {
        throw new SandboxError(404, 'unknown-message', `+${this.number} has no message ${unknown} from ${written}.`);
      }
      this.#network.store.transaction(() => {
        if (chat.kind === 'channel') viewPosts(this.#network, chat.jid, wanted, this.number);
        for (const receipt of this.#readReceipts(wanted)) routeReceipt(this.#network, this.#self, receipt);
        this.chats.markRead(wanted);
      });
      return wanted.length;
    });
  }

  /** One receipt for all messages of the same sender in the same chat and addressing. */
  #readReceipts(messages: StoredMessage[]): Stanza[] {
    const together = new Map<string, string[]>();
    const readers = new Map<string, Stanza['attrs']>();
    for (const { id, chat, sender, addressing } of messages) {
      const author = this.#network.accounts.get(sender);
      if (!author || sender === this.number) continue;
      const jid = jidOf(author, addressing);
      readers.set(`${chat} ${jid}`, isShared(chat) ? { to: chat, participant: jid } : { to: jid });
      together.set(`${chat} ${jid}`, [...(together.get(`${chat} ${jid}`) ?? []), id]);
    }
    return [...together].map(([key, ids]) => readReceipt(readers.get(key) ?? {}, ids));
  }

  /** The person types, records, or stops. */
  typing(written: string, state: 'composing' | 'recording' | 'paused'): void {
    const chat = findChat(this.#network, written);
    if (chat.kind === 'group') this.#network.groups.checkMayWrite(chat.jid, this.#self.account);
    const shown = state === 'recording' ? stanza('composing', { media: 'audio' }) : stanza(state);
    this.#network.presences.chatstate(this.#self, stanza('chatstate', { to: chat.jid }, [shown]));
  }

  /** Gives a newly linked device what it needs: the app-state key, and the chats so far. */
  bootstrap(device: number): void {
    void this.#exclusive(async () => {
      const { account } = this.#self;
      // it may have logged in twice before its turn came
      if (this.#network.accounts.device(account.phone, device)?.bootstrapped !== false) return;
      const history = new History(this.#network, account, this.chats).first(
        wantsEverything(this.#network, account, device),
      );
      const prepared: (Stanza | undefined)[] = [];
      for (const content of [appStateKeyShare(this.#network, account), ...history]) {
        prepared.push(await this.#peerMessage(device, content));
      }
      this.#network.store.transaction(() => {
        this.#signal.commit();
        for (const message of prepared) if (message) routeMessage(this.#network, this.#self, message);
        this.#network.accounts.setBootstrapped(account.phone, device);
      });
    }).catch((error: unknown) => this.#stumbled(error, 'a new device did not get what it needs'));
  }

  /** The phone's messages, oldest first. `after` is the number or the id of one of them. */
  messages(written?: string, after?: string, limit = 1000): StoredMessage[] {
    // a phone still shows a group that is gone, or that it is no longer in
    const chat = written === undefined || isShared(written) ? written : findChat(this.#network, written).key;
    return this.chats.list({
      limit,
      ...(chat === undefined ? {} : { chat }),
      ...(after === undefined ? {} : { after: this.chats.seqOf(after) }),
    });
  }

  #stumbled(error: unknown, message: string): void {
    if (!this.#stopped) this.#network.logger.error({ err: error, phone: this.number }, message);
  }

  get #self(): Sender {
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
    if (tag === 'receipt' && node.attrs['type'] === 'server-error') answerMediaRetry(this.#handset, node);
    if (tag === 'receipt' && /^read(-self)?$/.test(node.attrs['type'] ?? '')) this.#readElsewhere(node);
    // other receipts are kept by the server in the list of deliveries; notifications tell a phone nothing new
    this.#network.outbox.remove(pending.seq);
  }

  /** The person has read messages on a linked device. */
  #readElsewhere(node: Stanza): void {
    const reader = this.#network.accounts.find(node.attrs['participant'] ?? node.attrs['from']);
    if (reader?.account.phone !== this.number) return;
    const items = children(child(node, 'list'), 'item').map(({ attrs }) => attrs['id']);
    const ids = new Set([node.attrs['id'], ...items]);
    this.chats.markRead(this.chats.list({ unread: true }).filter(({ id }) => ids.has(id)));
  }

  async #takeMessage({ seq, stanza: node }: Pending): Promise<void> {
    const { store, outbox, accounts } = this.#network;
    const chat = isShared(node.attrs['from']) ? node.attrs['from'] : undefined;
    const from = accounts.find(chat === undefined ? node.attrs['from'] : node.attrs['participant']);
    const id = node.attrs['id'] ?? '';
    if (isChannelJid(node.attrs['from'])) return this.#takePost(seq, node);
    if (!from) return outbox.remove(seq);
    const known = this.chats.get(from.account.phone, id) !== undefined;
    let content: MessageContent | undefined;
    try {
      content = await this.#decrypt(from.account, from.device, chat, node);
    } catch (error) {
      this.#network.logger.debug({ err: String(error), phone: this.number, id }, 'a phone could not decrypt');
    }
    store.transaction(() => {
      this.#signal.commit();
      // a repeated message is acknowledged again and otherwise ignored, whether or not it could be read again
      if (content && !known) this.#keep(node, from, chat, id, content);
      if (content || known) routeReceipt(this.#network, this.#self, deliveryReceipt(node, from, this.number));
      else this.#askForRetry(node, from.account.phone, id);
      outbox.remove(seq);
    });
    if (content && node.attrs['category'] === 'peer') await this.#answerPeer(from.device, id, content);
  }

  /** What is posted in a channel is not encrypted; an edit comes under the id of the post that it changes. */
  #takePost(seq: number, node: Stanza): void {
    const { from = '', id = '', is_sender: own } = node.attrs;
    const content = decodeContent(bytes(child(node, 'plaintext')));
    this.#network.store.transaction(() => {
      const known = this.chats.list({ chat: from, id })[0];
      if (known) this.chats.change(known, content);
      else {
        const sender = own === 'true' ? this.number : from;
        this.chats.add({ id, sender, device: 0, chat: from, addressing: 'pn', content, read: own === 'true' });
      }
      this.#network.outbox.remove(seq);
    });
  }

  /**
   * A message of a group has two ciphertexts: the sender's key, for this phone alone, and what everybody gets. What
   * could be decrypted counts, also when the rest could not: a key that has come is kept.
   */
  async #decrypt(account: Account, device: number, chat: string | undefined, node: Stanza): Promise<MessageContent> {
    let content: MessageContent | undefined;
    let problem: unknown = new Error('nothing to decrypt');
    for (const enc of children(node, 'enc')) {
      try {
        const part = decodeContent(unpadded(await this.#decryptPart(account, device, chat, enc, node)));
        const { senderKeyDistributionMessage: key, ...rest } = part;
        if (key && chat !== undefined && key.groupId === chat) await this.#learnKey(chat, account, device, key);
        if (!key || Object.keys(rest).length > 0) content = { ...content, ...rest };
      } catch (error) {
        problem = error;
      }
    }
    if (content) return content;
    throw problem;
  }

  async #decryptPart(account: Account, id: number, chat: string | undefined, enc: Stanza, node: Stanza) {
    const type = enc.attrs['type'] ?? '';
    const { phone } = account;
    if (type === 'skmsg' && chat !== undefined) return this.#signal.senderKeys.decrypt(chat, { phone, id }, bytes(enc));
    const plaintext = await this.#signal.decrypt(phone, id, type, bytes(enc));
    if (type === 'pkmsg' && id !== 0) this.#checkIdentity(account, id, node);
    return plaintext;
  }

  async #learnKey(
    chat: string,
    { phone }: Account,
    id: number,
    key: proto.Message.ISenderKeyDistributionMessage,
  ): Promise<void> {
    const { axolotlSenderKeyDistributionMessage: distribution } = key;
    if (distribution) await this.#signal.senderKeys.learn(chat, { phone, id }, distribution);
  }

  /** A session that a linked device opens is believed only when its account vouches for the device. */
  #checkIdentity(account: Account, device: number, node: Stanza): void {
    const signed = bytes(child(node, 'device-identity'));
    const identity = this.#signal.session(account.phone, device)?.identity;
    const key = `${identity?.toString('base64')} ${signed.toString('base64')}`;
    if (this.#vouched.has(key)) return;
    if (!identity || !vouchedFor(account.identity.public, identity, signed)) {
      // what it has sent is not to leave anything behind
      this.#signal.discard();
      throw new Error('the account does not vouch for this device');
    }
    this.#vouched.add(key);
  }

  #keep(
    node: Stanza,
    from: { account: Account; device: number },
    shared: string | undefined,
    id: string,
    content: MessageContent,
  ): void {
    if (node.attrs['category'] === 'peer') return;
    const sent = content.deviceSentMessage;
    const own = from.account.phone === this.number;
    const to = own ? this.#network.accounts.find(sent?.destinationJid ?? node.attrs['recipient']) : undefined;
    const partner = own ? (to?.account.phone ?? this.number) : from.account.phone;
    // only our own devices may say what somebody else is to be told
    const said = (own ? sent?.message : undefined) ?? content;
    const chat = shared ?? partner;
    const sender = from.account.phone;
    const named = node.attrs[shared === undefined ? 'from' : 'participant'];
    const addressing = parseJid(named)?.server === 'lid' ? 'lid' : 'pn';
    const read = own || isChange(said);
    const timestamp = Number(node.attrs['t'] ?? now());
    this.chats.add({ id, sender, device: from.device, chat, addressing, content: said, read, timestamp });
    this.#changes.apply({ chat, sender, content: said });
    keepMedia(this.#handset, said);
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
    const { from, recipient, participant, t } = node.attrs;
    const retry = stanza('retry', { count, id, t, v: 1, error: 0 });
    const registration = stanza('registration', {}, bigEndian(this.#self.account.registrationId, 4));
    const content = [retry, registration, this.#freshKeys()];
    const attrs = { id, to: from, type: 'retry', recipient, participant };
    routeReceipt(this.#network, this.#self, stanza('receipt', attrs, content));
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
    const forged = this.#network.faults.fire('forged-prekey', { phone: this.number });
    const signedPreKey = forged ? withForgedPrekey({ signedPreKey: signed }).signedPreKey : signed;
    return stanza('keys', {}, [
      stanza('type', {}, KEY_TYPE),
      stanza('identity', {}, this.#self.account.identity.public),
      keyNode({ id, public: accounts.addPhonePrekey(this.number, id) }),
      signedKeyNode(signedPreKey),
    ]);
  }

  /** A device could not decrypt one of our messages: it gets the same message again, under the same id. */
  async #encryptAnew({ seq, stanza: receipt }: Pending): Promise<void> {
    const { store, outbox, accounts } = this.#network;
    const shared = isShared(receipt.attrs['from']);
    const from = accounts.find(receipt.attrs[shared ? 'participant' : 'from']);
    const device = from && accounts.device(from.account.phone, from.device);
    const count = Number(child(receipt, 'retry')?.attrs['count'] ?? 1);
    const message = this.chats.get(this.number, receipt.attrs['id'] ?? '');
    if (!from || !device || !message || count > MAX_RETRIES) return outbox.remove(seq);
    if (message.chat !== (shared ? receipt.attrs['from'] : message.chat)) return outbox.remove(seq);
    await this.#renewSession(device, receipt);
    const again = isShared(message.chat)
      ? await this.#againInGroup(message, from.account, device)
      : await this.#againInPerson(message, from.account, device);
    store.transaction(() => {
      this.#signal.commit();
      outbox.remove(seq);
      if (!again) return;
      const { attrs, enc } = again;
      const counted = { ...enc, attrs: { ...enc.attrs, count: String(count) } };
      const { type, edit } = stanzaForm(decodeContent(message.body));
      const node = stanza('message', { id: message.id, type, edit, ...attrs }, [counted]);
      routeMessage(this.#network, this.#self, node);
    });
  }

  async #againInPerson(message: StoredMessage, account: Account, device: Device) {
    const chat = this.#network.accounts.get(message.chat);
    const recipient = device.phone === this.number && chat ? jidOf(chat, message.addressing) : undefined;
    const content = decodeContent(message.body);
    const enc = await this.#encryptFor(device, recipient ? copyOf(recipient, content) : content);
    const to = jidOf(account, message.addressing, device.id);
    return enc && { enc, attrs: { to, recipient, device_fanout: 'false' } };
  }

  /** For that device alone, and with the key to what is to come. Who is no longer in the group gets nothing. */
  async #againInGroup({ chat, addressing, body }: StoredMessage, account: Account, device: Device) {
    const { groups } = this.#network;
    if (chat !== STATUS && !groups.role(chat, account.phone)) return undefined;
    const content = { ...decodeContent(body), ...(await this.#keyMessage(chat)) };
    const enc = await this.#encryptFor(device, content);
    const attrs = { to: chat, participant: jidOf(account, addressing, device.id) };
    return enc && { enc, attrs: chat === STATUS ? attrs : { ...attrs, addressing_mode: addressing } };
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

  /** What a linked device asks of its phone: app-state keys, messages that it could not read, or older ones. */
  async #answerPeer(device: number, requestId: string, content: MessageContent): Promise<void> {
    // some clients wrap what they say to their own phone like what they say to others
    const request = (content.deviceSentMessage?.message ?? content).protocolMessage;
    let answer: MessageContent | undefined;
    if (request?.type === ProtocolType.APP_STATE_SYNC_KEY_REQUEST) {
      answer = appStateKeyShare(this.#network, this.#self.account);
    }
    const wanted = request?.peerDataOperationRequestMessage?.placeholderMessageResendRequest ?? [];
    if (wanted.length > 0) answer = this.#resend(requestId, wanted);
    const older = request?.peerDataOperationRequestMessage?.historySyncOnDemandRequest;
    if (older) answer = new History(this.#network, this.#self.account, this.chats).onDemand(older, requestId);
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
    const { accounts } = this.#network;
    const found = wanted.flatMap(({ messageKey }) => {
      const sender = messageKey?.participant ?? messageKey?.remoteJid ?? '';
      const author = messageKey?.fromMe ? this.number : accounts.find(sender)?.account.phone;
      const message = author === undefined ? undefined : this.chats.get(author, messageKey?.id ?? '');
      if (!message) return [];
      const webMessageInfoBytes = Buffer.from(proto.WebMessageInfo.encode(this.chats.webMessage(message)).finish());
      return [{ placeholderMessageResendResponse: { webMessageInfoBytes } }];
    });
    const { PLACEHOLDER_MESSAGE_RESEND } = proto.Message.PeerDataOperationRequestType;
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

  /**
   * Encrypts a message for everybody in the chat, keeps it and hands it to the server; returns its id. Only within
   * `#exclusive`.
   */
  async #deliver(chat: Chat, content: MessageContent, delivery: Delivery = {}): Promise<string> {
    // ids made by a phone are 32 hexadecimal digits; clients tell by that what kind of device a message came from
    const { id = randomBytes(16).toString('hex').toUpperCase(), keep = true } = delivery;
    const { type, edit, enc, nodes } = { ...stanzaForm(content), ...delivery.form };
    const encrypted = await this.#encryptForChat(chat, content, enc, delivery);
    this.#network.store.transaction(() => {
      this.#signal.commit();
      if (keep) {
        const { key, addressing } = chat;
        this.chats.add({ id, sender: this.number, device: 0, chat: key, addressing, content, read: true });
        this.#changes.apply({ chat: key, sender: this.number, content });
      }
      const attrs = { id, to: chat.jid, type, edit };
      const more = chat.kind === 'group' ? { addressing_mode: chat.addressing } : {};
      routeMessage(this.#network, this.#self, stanza('message', { ...attrs, ...more }, [...encrypted, ...nodes]));
    });
    return id;
  }

  /** The content of the stanza. What goes to a channel is not encrypted. */
  async #encryptForChat(
    chat: Chat,
    content: MessageContent,
    attrs: Record<string, string | undefined>,
    { audience, unavailable }: Delivery,
  ): Promise<Stanza[]> {
    switch (chat.kind) {
      case 'person':
        return this.#encryptForPerson(chat, content, attrs, unavailable);
      case 'group': {
        this.#network.groups.checkMayWrite(chat.jid, this.#self.account);
        const members = this.#network.groups.members(chat.jid).map(({ account }) => account);
        return this.#encryptForMany(chat, members, content, attrs);
      }
      case 'status': {
        // our own linked devices see it too
        const viewers = (audience ?? this.#audienceOf(content)).filter(({ phone }) => phone !== this.number);
        return this.#encryptForMany(chat, [...viewers, this.#self.account], content, attrs);
      }
      case 'channel':
        mustPost(this.#network, chat.jid, this.#self.account);
        return [stanza('plaintext', attrs, encodeContent(content))];
    }
  }

  /** A ciphertext for every device of the other party and every linked one of our own. */
  async #encryptForPerson(
    chat: Chat & { kind: 'person' },
    content: MessageContent,
    attrs: Record<string, string | undefined>,
    unavailable: string | undefined,
  ): Promise<Stanza[]> {
    const { accounts } = this.#network;
    const participants: Stanza[] = [];
    const toDevices = chat.key === this.number ? [] : accounts.devices(chat.key);
    const ownDevices = accounts.devices(this.number).filter((device) => device.id !== 0);
    for (const device of [...toDevices, ...ownDevices]) {
      const own = device.phone === this.number;
      const jid = jidOf(own ? this.#self.account : chat.account, chat.addressing, device.id);
      if (unavailable !== undefined && device.id !== 0) {
        participants.push(stanza('to', { jid }, [stanza('unavailable', { type: unavailable })]));
        continue;
      }
      const enc = await this.#encryptFor(device, own ? copyOf(chat.jid, content) : content, attrs);
      if (enc) participants.push(stanza('to', { jid }, [enc]));
    }
    return [stanza('participants', {}, participants)];
  }

  /**
   * One ciphertext for everybody in the group (or for whom the status is), and the key to it for those devices that do
   * not have it yet. When one that had it is not there any more, the key is changed first.
   */
  async #encryptForMany(
    chat: Chat,
    people: Account[],
    content: MessageContent,
    attrs: Record<string, string | undefined>,
  ): Promise<Stanza[]> {
    const { accounts } = this.#network;
    const { senderKeys } = this.#signal;
    const to = people.flatMap((account) =>
      accounts.devices(account.phone).map((device) => ({ account, device, holder: `${account.lid}.${device.id}` })),
    );
    const others = to.filter(({ device }) => device.phone !== this.number || device.id !== 0);
    let holders = senderKeys.holders(chat.key);
    const there = new Set(others.map(({ holder }) => holder));
    if ([...holders].some((holder) => !there.has(holder))) {
      senderKeys.rotate(chat.key);
      holders = new Set();
    }
    const key = await this.#keyMessage(chat.key);
    // a status names everybody whom it is for, whether or not they have the key
    const named = others.filter(({ holder }) => chat.kind === 'status' || !holders.has(holder));
    const participants: Stanza[] = [];
    for (const { account, device, holder } of named) {
      const enc = await this.#encryptFor(device, key, attrs);
      if (!enc) continue;
      participants.push(stanza('to', { jid: jidOf(account, chat.addressing, device.id) }, [enc]));
      senderKeys.addHolder(chat.key, holder);
    }
    const ciphertext = await senderKeys.encrypt(chat.key, padded(encodeContent(content)));
    const enc = stanza('enc', { v: 2, type: 'skmsg', ...attrs }, ciphertext);
    return participants.length > 0 ? [stanza('participants', {}, participants), enc] : [enc];
  }

  /** A status is for everybody whom the person knows; what changes an earlier one is for those who have got that. */
  #audienceOf(content: MessageContent): Account[] {
    const { accounts, outbox } = this.#network;
    const earlier = content.protocolMessage?.key?.id ?? content.reactionMessage?.key?.id;
    const [about] = earlier ? this.chats.list({ chat: STATUS, id: earlier }) : [];
    const saved = contactsOf(this.#network, this.number).map(({ phone }) => phone ?? '');
    const known = [...saved, ...this.chats.partners().map(({ phone }) => phone)];
    const viewers = about && outbox.deliveries(about.sender, about.id).map(({ phone }) => phone);
    const numbers = about?.sender === this.number ? (viewers ?? []) : about ? [about.sender] : known;
    return [...new Set(numbers)].flatMap((phone) => accounts.get(phone) ?? []);
  }

  /** What tells a device the phone's key of a group. */
  async #keyMessage(groupId: string): Promise<MessageContent> {
    const axolotlSenderKeyDistributionMessage = await this.#signal.senderKeys.distribution(groupId);
    return { senderKeyDistributionMessage: { groupId, axolotlSenderKeyDistributionMessage } };
  }

  /**
   * Encrypts bytes of any kind as a message for the linked devices of a chat that are connected, and sends it there past
   * the server's queue; nothing of it is kept. Answers its id and who got it.
   */
  sendBytes(
    written: string,
    bytes: Buffer,
    attrs: Record<string, string | null>,
  ): Promise<{ id: string; devices: string[] }> {
    const chat = findChat(this.#network, written);
    return this.#exclusive(async () => {
      const { accounts, groups, store } = this.#network;
      const people = chat.kind === 'group' ? groups.members(chat.jid).map(({ account }) => account) : [];
      const those = chat.kind === 'person' ? [chat.key] : people.map(({ phone }) => phone);
      const devices = those.flatMap((phone) => accounts.devices(phone)).filter(({ id }) => id !== 0);
      const shared =
        chat.kind === 'person'
          ? undefined
          : stanza('enc', { v: 2, type: 'skmsg' }, await this.#signal.senderKeys.encrypt(chat.key, bytes));
      const copies = new Map<Device, Stanza[]>();
      for (const device of devices) {
        const own = shared
          ? await this.#encryptFor(device, await this.#keyMessage(chat.key))
          : await this.#encryptBytes(device, bytes);
        copies.set(
          device,
          [own, shared].filter((enc) => enc !== undefined),
        );
      }
      const id = randomBytes(16).toString('hex').toUpperCase();
      const forgery: Forgery = { chat, from: this.#self, id, attrs };
      store.transaction(() => this.#signal.commit());
      return { id, ...sendEncrypted(this.#network, forgery, copies) };
    });
  }

  /** Undefined when the device has no keys, or keys that are not its own. */
  #encryptFor(
    device: Device,
    content: MessageContent,
    attrs: Record<string, string | undefined> = {},
  ): Promise<Stanza | undefined> {
    return this.#encryptBytes(device, padded(encodeContent(content)), attrs);
  }

  async #encryptBytes(
    device: Device,
    plaintext: Buffer,
    attrs: Record<string, string | undefined> = {},
  ): Promise<Stanza | undefined> {
    const { phone, id } = device;
    // somebody else under the same number has another identity: what the session was good for is gone
    if (!this.#signal.session(phone, id)?.identity.equals(device.identity)) {
      const bundle = takeBundle(this.#network, device);
      if (!bundle || !isGenuine(bundle.signedPreKey, bundle.identity)) return undefined;
      await this.#signal.openSession(phone, id, bundle);
    }
    const { type, ciphertext } = await this.#signal.encrypt(phone, id, plaintext);
    return stanza('enc', { v: 2, type, ...attrs }, ciphertext);
  }

  async #peerMessage(device: number, content: MessageContent): Promise<Stanza | undefined> {
    const { account } = this.#self;
    const to = this.#network.accounts.device(account.phone, device);
    const enc = to && (await this.#encryptFor(to, content));
    const attrs = { id: this.#network.newId(), to: jidOf(account, 'pn', device), type: 'text', category: 'peer' };
    return enc && stanza('message', attrs, [enc]);
  }
}

/** What the phone answers to a message: to a contact that it is delivered, to its own device that the copy is here. */
function deliveryReceipt(node: Stanza, from: { account: Account }, ownNumber: string): Stanza {
  const { id, from: to, recipient, participant, category } = node.attrs;
  if (isShared(to)) {
    return stanza('receipt', { id, to, participant, type: from.account.phone === ownNumber ? 'sender' : undefined });
  }
  if (category === 'peer') return stanza('receipt', { id, to, type: 'peer_msg' });
  if (from.account.phone === ownNumber) return stanza('receipt', { id, to, type: 'sender', recipient });
  return stanza('receipt', { id, to });
}

function readReceipt(to: Stanza['attrs'], ids: string[]): Stanza {
  const [id, ...more] = ids;
  const items = more.map((one) => stanza('item', { id: one }));
  const list = items.length > 0 ? [stanza('list', {}, items)] : undefined;
  return stanza('receipt', { id, ...to, type: 'read', t: now() }, list);
}
