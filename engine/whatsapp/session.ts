import { EventEmitter, once } from 'node:events';
import type { Logger } from 'pino';
import { EngineError, validationFailed } from '../errors.ts';
import {
  MESSAGE_STATUS,
  type MediaRecord,
  type MessageRecord,
  type SendRequest,
  type SessionRecord,
  type SessionStatus,
} from '../model.ts';
import type { Media } from '../media/media.ts';
import { openWay, type Way } from '../network/way.ts';
import type { Committed, Store } from '../store/store.ts';
import { openAuth } from './auth.ts';
import {
  generateMessageIDV2,
  jidNormalizedUser,
  proto,
  type WAMessage,
  type WAMessageKey,
  type WASocket,
} from './baileys.ts';
import { Directory } from './directory.ts';
import { toEngineError, type Meanings } from './failure.ts';
import { STATUS, toJid } from './jid.ts';
import { rejectCall, type Offer } from './calls.ts';
import { attachmentOf, download, Expired, keepingOf, sourceOf, type Attachment } from './download.ts';
import { Downloads } from './downloads.ts';
import { mediaContent, postAttributes } from './media.ts';
import { compose, keyTo, nothingToReplyTo, type Composing } from './outgoing.ts';
import { PAIRING_REFUSALS, requestPairingCode } from './pairing-code.ts';
import type { Addresses } from './polls.ts';
import { restrictionEvent, UNRESTRICTED, type Restriction } from './restriction.ts';
import { SendQueue } from './send-queue.ts';
import { openSocket, type Socket, type SocketSettings } from './socket.ts';
import { step, type ConnectionState, type Effect, type Input } from './state.ts';

/** Statuses in which nothing more happens unless somebody acts. */
const RESTING: readonly SessionStatus[] = [
  'disconnected',
  'need_scan',
  'connected',
  'logged_out',
  'expired',
  'replaced',
  'restricted',
  'banned',
  'version_outdated',
  'passkey_required',
];
const CONNECT_ANSWER_MS = 20_000;
/** So long a phone is waited for that is to upload a file again. */
const REUPLOAD_MS = 20_000;
/** A subscriber that is away for a while still finds what `media.ready` names. */
const DOWNLOADED_MS = 24 * 3_600_000;

/**
 * One WhatsApp account, linked or about to be. Holds the connection, carries out what state.ts decides, and sends.
 * Whatever it decides is committed to the store before it is done.
 */
export class Session {
  readonly id: number;
  private state: ConnectionState;
  private socket: Socket | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Counts connections: what a past one still says is nobody's business. */
  private generation = 0;
  private readonly queue: SendQueue;
  private restriction: Restriction = UNRESTRICTED;
  private opened: Way | undefined;
  private readonly downloads: Downloads;
  private readonly decrypting = new Map<string, Promise<MediaRecord>>();
  /** What the account knows of people and chats. */
  readonly directory: Directory;
  private readonly log: Logger;
  /** `rest` when the status comes to rest; `settled:<msgId>` when a send's outcome is known. */
  private readonly changes = new EventEmitter().setMaxListeners(0);

  constructor(
    private record: SessionRecord,
    private readonly store: Store,
    private readonly settings: SocketSettings,
    log: Logger,
    private readonly media: Media,
  ) {
    this.id = record.id;
    this.log = log.child({ session: record.id });
    this.state = {
      // What the last process was connected with went with it.
      status: record.status === 'connected' ? 'connecting' : record.status,
      reason: record.reason,
      wanted: record.wanted,
      paired: record.account !== null,
      qr: null,
      failures: 0,
    };
    this.directory = new Directory({ store, sessionId: this.id, log: this.log });
    this.downloads = new Downloads({
      store,
      sessionId: this.id,
      fetch: (key, message) => this.received(key, message, DOWNLOADED_MS),
      keyOf: (message) => keyTo(message, this.me),
      publicUrl: (file) => this.media.files.publicUrl(file),
      log: this.log,
    });
    this.queue = new SendQueue({
      store,
      sessionId: this.id,
      compose: ({ request, chat }, { wa }) => compose(request!, chat, this.composing(wa)),
      postAttributes: (message) => postAttributes(message, { media: this.media, sessionId: this.id }),
      isProtected: () => this.record.settings.account_protection,
      log: this.log,
    });
  }

  get status(): Pick<ConnectionState, 'status' | 'reason'> {
    return this.state;
  }

  /** The QR code to scan now; `undefined` unless the status is `need_scan`. */
  get qr(): string | undefined {
    return this.state.qr ?? undefined;
  }

  /** Whether there is a login to connect with, and somebody wants it connected: what a restart goes on with. */
  get resumable(): boolean {
    return this.state.wanted && this.state.paired;
  }

  /** Connects, and answers when it is clear what came of it: connected, a QR code to scan, a refusal; or still trying. */
  async connect(): Promise<void> {
    const settled = this.atRest();
    await this.apply({ type: 'connect' });
    await settled;
  }

  /** The engine has started again: connect with the stored login, answering when it is clear what came of it. */
  async resume(): Promise<void> {
    const settled = this.atRest();
    this.state = { ...this.state, status: 'connecting', failures: 0 };
    await this.carryOut({ do: 'open', afterMs: 0 });
    await settled;
  }

  /** The engine has started again and there is nothing to connect with: no status may claim otherwise. */
  async rest(): Promise<void> {
    if (['connected', 'connecting', 'need_scan'].includes(this.state.status)) await this.disconnect();
  }

  /** Ends the connection and stays off until the next connect. The login is kept. */
  async disconnect(): Promise<void> {
    await this.apply({ type: 'disconnect' });
  }

  /** Waits until the session is connected; for callers who know that somebody is scanning. */
  async connected(timeoutMs = CONNECT_ANSWER_MS): Promise<void> {
    const signal = AbortSignal.timeout(timeoutMs);
    while (this.state.status !== 'connected') await once(this.changes, 'rest', { signal });
  }

  /** A new connection with the same login. */
  async restart(): Promise<void> {
    if (this.state.status !== 'connected') {
      throw new EngineError('session_not_connected', 'WhatsApp session is not connected. Cannot restart.');
    }
    await this.apply({ type: 'disconnect' });
    await this.connect();
    await this.store.commit({ sessionId: this.id, log: { type: 'session_restarted', status: this.state.status } });
  }

  /** Removes the linked device at WhatsApp, as far as it can be reached, and forgets the login. */
  async logout(): Promise<void> {
    clearTimeout(this.timer);
    this.generation += 1;
    const socket = this.state.status === 'connected' ? this.socket : undefined;
    this.queue.close();
    this.downloads.close();
    await Promise.race([socket?.logout(), pause(5000)]);
    this.socket?.close();
    this.socket = undefined;
    await this.store.auth.clear(this.id);
  }

  /** Ends the connection without changing what is wanted: the process stops, and the next one goes on. */
  stop(): void {
    clearTimeout(this.timer);
    this.generation += 1;
    this.queue.close();
    this.downloads.close();
    this.socket?.close();
    this.socket = undefined;
    this.leaveWay();
  }

  /** Settings were changed by a caller. With another proxy it connects anew. */
  updated(record: SessionRecord): void {
    const { proxy_url: proxy, always_online: online } = this.record.settings;
    this.record = record;
    if (record.settings.always_online !== online) this.showOnline(record.settings.always_online);
    if (record.settings.proxy_url !== proxy) this.reroute();
  }

  private showOnline(online: boolean): void {
    if (this.state.status !== 'connected') return;
    this.ask('Failed to change presence', (wa) => wa.sendPresenceUpdate(online ? 'available' : 'unavailable')).catch(
      (error: unknown) => this.failed(error),
    );
  }

  private reroute(): void {
    this.leaveWay();
    if (!this.state.wanted) return;
    clearTimeout(this.timer);
    this.generation += 1;
    this.queue.close();
    this.downloads.close();
    this.socket?.close();
    this.socket = undefined;
    this.state = { ...this.state, failures: 0 };
    const closure = { code: 'rerouted', detail: 'proxy_url was changed' } as const;
    this.apply({ type: 'closed', closure }).catch((error: unknown) => this.failed(error));
  }

  /**
   * The decrypted file of a message; the same one when it is asked for again. What WhatsApp no longer has, the phone is
   * asked to upload again. Throws what the caller is to be told.
   */
  async received(key: WAMessageKey, message: proto.IMessage, keptMs?: number): Promise<MediaRecord> {
    const attachment = attachmentOf(message);
    if (!attachment) {
      throw new EngineError('media_not_usable', 'No supported media object (image, video, etc.) found in the message.');
    }
    const source = sourceOf(attachment);
    const running = this.decrypting.get(source) ?? this.decrypted(key, message, attachment, source, keptMs);
    this.decrypting.set(source, running);
    return running.finally(() => this.decrypting.delete(source));
  }

  /** The same, of a message that is stored: by WasenderApi's number or by WhatsApp's id. */
  async receivedOf(id: string): Promise<MediaRecord> {
    const message = await this.message(id);
    return this.received(keyTo(message, this.me), message.content ? proto.Message.decode(message.content) : {});
  }

  private async decrypted(
    key: WAMessageKey,
    message: proto.IMessage,
    attachment: Attachment,
    source: string,
    keptMs?: number,
  ): Promise<MediaRecord> {
    const { files } = this.media;
    const known = await files.find(this.id, source);
    if (known) return files.renew(known, keptMs);
    const from = { way: this.way, plain: this.settings.plain, files };
    const file = await download(attachment, from).catch(async (error: unknown) => {
      if (!(error instanceof Expired)) throw error;
      const anew = attachmentOf(await this.uploadedAnew(key, message));
      return download(anew!, from).catch((again: unknown) => {
        throw again instanceof Expired
          ? expiredMedia('the file that the phone brought back is gone, too', again)
          : again;
      });
    });
    const about = { ...keepingOf(key, file), sessionId: this.id, source, ...(keptMs !== undefined && { keptMs }) };
    return files.keep(file.draft, about);
  }

  /** The message with a new address of its file, which the phone was asked to upload once more. */
  private async uploadedAnew(key: WAMessageKey, message: proto.IMessage): Promise<proto.IMessage> {
    if (!this.socket || !key.remoteJid || !key.id) {
      throw expiredMedia(
        this.socket ? 'its key has no remoteJid to ask the phone by' : 'the session is not connected to ask the phone',
      );
    }
    const patience = pause(REUPLOAD_MS).then(() => {
      throw expiredMedia('the phone did not upload it again in time');
    });
    try {
      const asked = this.socket.wa.updateMediaMessage({ key, message } as WAMessage);
      return (await Promise.race([asked, patience])).message!;
    } catch (error) {
      if (error instanceof EngineError) throw error;
      throw expiredMedia('the phone no longer has it, either', error);
    }
  }

  /** How this session's connections get to WhatsApp. */
  private get way(): Way {
    const { proxyNetworks, plain } = this.settings;
    return (this.opened ??= openWay({
      proxyUrl: this.record.settings.proxy_url,
      proxies: { networks: proxyNetworks, setting: 'WARBLER_PROXY_NETWORKS' },
      plain,
    }));
  }

  private leaveWay(): void {
    this.opened?.close();
    this.opened = undefined;
  }

  /**
   * Accepts a message: it is stored under its final WhatsApp id and will be sent, whatever happens to this process.
   * Throws when the session could not send it without a person's help.
   */
  async send(request: SendRequest, options: { idempotencyKey?: string; about?: string } = {}): Promise<MessageRecord> {
    const chat = toJid(request.to);
    const { status, paired } = this.state;
    const sending = status === 'connected' || (status === 'connecting' && paired);
    if (!sending) throw this.notConnected();
    if (request.replyTo !== undefined && !(await this.find(request.replyTo))) throw nothingToReplyTo();
    const audience = chat === STATUS ? (request.audience ?? (await this.audience())) : undefined;
    const { message } = await this.store.messages.enqueue({
      sessionId: this.id,
      waId: generateMessageIDV2(this.record.account?.jid),
      chat,
      request: audience ? { ...request, audience } : request,
      logged: this.record.settings.log_messages,
      timestamp: Date.now(),
      ...options,
    });
    this.queue.wake();
    return message;
  }

  /** Who sees a status unless the caller says: everybody in the account's address book. */
  private async audience(): Promise<string[]> {
    const { items } = await this.store.contacts.list(this.id, {});
    const addresses = items.flatMap(({ name, jid, lid }) => (name ? (jid ?? lid ?? []) : []));
    if (addresses.length > 0) return addresses;
    throw validationFailed({
      audience: ['The audience field is required, because this account has nobody in its address book yet.'],
    });
  }

  /** A message by WasenderApi's number or by WhatsApp's id. Throws `message_not_found`. */
  async message(id: string): Promise<MessageRecord> {
    const message = await this.find(id);
    if (message) return message;
    throw new EngineError(
      'message_not_found',
      `There is no message ${id} in this session. Use the msgId of a send, or the id of a message.`,
    );
  }

  /** All messages that are about a message, oldest first. */
  about({ waId }: MessageRecord): Promise<MessageRecord[]> {
    return this.store.messages.about(this.id, waId);
  }

  lastMessage(chat: string): Promise<MessageRecord | undefined> {
    return this.store.messages.last(this.id, chat);
  }

  /** Queues a failed message again. Throws when it has not failed, or is another session's. */
  async resend(id: string): Promise<void> {
    const owner = /^\d{1,15}$/.test(id) ? await this.store.messages.sessionOf(Number(id)) : undefined;
    if (owner !== undefined && owner !== this.id) {
      throw new EngineError('not_permitted', 'You are not authorized to modify this message.');
    }
    const { msgId } = await this.message(id);
    if (!(await this.store.messages.resend(this.id, msgId))) {
      throw new EngineError('conflict', "Only messages with status 'failed' can be resent.");
    }
    this.queue.wake();
  }

  /** WhatsApp tells from now on when somebody is online or typing, as far as their privacy settings let it. */
  async subscribePresence(whom: string): Promise<string> {
    const jid = toJid(whom, 'jid');
    await this.ask('Failed to subscribe to presence', (wa) => wa.presenceSubscribe(jid));
    return jid;
  }

  /**
   * The code to type into the phone (Linked devices, "Link with phone number instead") instead of scanning a QR code.
   * Connects first if need be. Throws `conflict` when the session has a login already.
   */
  async pairingCode(phone: string): Promise<string> {
    if (this.state.paired) {
      throw new EngineError('conflict', 'This session is linked already. Connect it; no code is needed.');
    }
    if (!this.qr) await this.connect();
    const wa = this.socket?.wa;
    if (!this.qr || !wa) {
      const { status, reason } = this.state;
      throw new EngineError('session_not_scannable', reason?.message ?? `The session is ${status}.`, {
        details: { status },
      });
    }
    return requestPairingCode(wa, phone).catch((error: unknown) => {
      throw toEngineError(error, 'Failed to get a pairing code', PAIRING_REFUSALS);
    });
  }

  private async find(id: string): Promise<MessageRecord | undefined> {
    const byNumber = /^\d{1,15}$/.test(id) ? await this.store.messages.get(this.id, Number(id)) : undefined;
    return byNumber ?? (await this.store.messages.find(this.id, id));
  }

  /** The account's addresses, without its device. */
  get me(): Addresses {
    const { jid = '', lid = null } = this.record.account ?? {};
    return { jid: jidNormalizedUser(jid), lid: lid && jidNormalizedUser(lid) };
  }

  private composing(wa: WASocket): Composing {
    return {
      me: this.me,
      wa,
      find: (id) => this.find(id),
      media: (request, chat) =>
        mediaContent(request, chat, { wa, way: this.way, media: this.media, sessionId: this.id }),
      preview: (text) => this.media.preview(text),
    };
  }

  /**
   * Waits until WhatsApp has taken the message, and answers it as it is then. Throws `whatsapp_refused` when it will
   * never be sent, `whatsapp_timeout` when its outcome is not known in time (it is still being sent).
   */
  async outcome(msgId: number, timeoutMs: number): Promise<MessageRecord> {
    const signal = AbortSignal.timeout(timeoutMs);
    const settled = once(this.changes, `settled:${msgId}`, { signal }).catch(() => {});
    let message = await this.store.messages.get(this.id, msgId);
    if (message?.status === MESSAGE_STATUS.pending) {
      await settled;
      message = await this.store.messages.get(this.id, msgId);
    }
    if (!message || message.status === MESSAGE_STATUS.pending) {
      throw new EngineError(
        'whatsapp_timeout',
        `WhatsApp has not acknowledged the message within ${timeoutMs / 1000} s. It stays queued and is not lost: message.sent will tell.`,
        { details: { msgId } },
      );
    }
    if (message.status === MESSAGE_STATUS.error) {
      throw new EngineError(
        message.error?.endsWith('is not on WhatsApp') ? 'recipient_not_on_whatsapp' : 'whatsapp_refused',
        `Failed to send message: ${message.error}.`,
        { details: { msgId } },
      );
    }
    return message;
  }

  /**
   * Asks something of WhatsApp over the open connection; what the files of this room named after WhatsApp's nouns
   * (groups.ts, contacts.ts …) are made of. Throws `session_not_connected` without a connection, and what
   * `toEngineError` makes of WhatsApp's refusal; `what` begins its sentence: "Failed to leave group", and `meanings`
   * says what a code means here.
   */
  async ask<T>(what: string, question: (wa: WASocket) => Promise<T>, meanings?: Meanings): Promise<T> {
    if (this.state.status !== 'connected' || !this.socket) throw this.notConnected();
    try {
      return await question(this.socket.wa);
    } catch (error) {
      throw toEngineError(error, what, meanings);
    }
  }

  /** The account that this session is linked to, once it is. */
  get account(): SessionRecord['account'] {
    return this.record.account;
  }

  private notConnected(): EngineError {
    const { status, reason } = this.state;
    return new EngineError(
      'session_not_connected',
      'Your Whatsapp Session is not connected please connect your session first.',
      { details: { status, ...(reason && { reason: reason.code, advice: reason.message }) } },
    );
  }

  /** The store has committed outcomes of this session's messages, and messages that came in. */
  committed({ settled, received }: Pick<Committed, 'settled' | 'received'>): void {
    if (settled.length > 0) this.queue.settled(settled);
    this.directory.sent(settled);
    for (const { msgId } of settled) this.changes.emit(`settled:${msgId}`);
    if (received.length > 0) this.downloads.wake();
    const unread = received.filter(({ fromMe, content, about }) => !fromMe && content && !about);
    if (this.record.settings.read_incoming_messages && unread.length > 0) {
      this.markRead(unread.map((message) => keyTo(message, this.me))).catch((error: unknown) => this.failed(error));
    }
  }

  /** Tells the senders that their messages have been read, as far as the account's privacy settings let them know. */
  async markRead(keys: WAMessageKey[]): Promise<void> {
    await this.ask('Failed to mark message as read', (wa) => wa.readMessages(keys));
    this.directory.read(keys.flatMap(({ remoteJid }) => remoteJid ?? []));
  }

  private restricted(restriction: Restriction): void {
    const event = restrictionEvent(this.restriction, restriction);
    this.restriction = restriction;
    if (!event) return;
    this.store.commit({ sessionId: this.id, events: [event] }).catch((error: unknown) => this.failed(error));
  }

  private called(offer: Offer): void {
    if (!this.record.settings.auto_reject_calls) return;
    rejectCall(this, offer).catch((error: unknown) => this.failed(error));
  }

  /** What goes wrong in one session is told to the log and goes no further. */
  private failed(error: unknown): void {
    if (error instanceof EngineError && error.code === 'stopping') return;
    this.log.error({ err: error }, 'session failed');
  }

  private async atRest(): Promise<void> {
    await once(this.changes, 'rest', { signal: AbortSignal.timeout(CONNECT_ANSWER_MS) }).catch(() => {});
  }

  /** Decides, commits, then acts. */
  private async apply(input: Input): Promise<void> {
    const { state, effects, events } = step(this.state, input, { random: Math.random(), now: Date.now() });
    const before = this.state;
    this.state = state;
    if (events.length > 0 || before.wanted !== state.wanted) {
      const { status, reason, wanted } = state;
      const log = { type: 'status_change' as const, status, ...(reason && { reason: reason.code }) };
      await this.store.commit({
        sessionId: this.id,
        session: { status, reason, wanted },
        events,
        ...(events.some(({ event }) => event === 'session.status') && { log }),
      });
      this.log.info({ op: 'session.status', status, reason: reason?.code }, 'session status');
    }
    for (const effect of effects) await this.carryOut(effect);
    // Waiting for the next try is an answer too: whoever asked for a connection is told why there is none.
    if (RESTING.includes(state.status) || state.reason?.retryAt) this.changes.emit('rest');
  }

  private async carryOut(effect: Effect): Promise<void> {
    switch (effect.do) {
      case 'open':
        clearTimeout(this.timer);
        this.timer = setTimeout(() => void this.open(), effect.afterMs);
        return;
      case 'close':
        clearTimeout(this.timer);
        this.generation += 1;
        this.queue.close();
        this.downloads.close();
        this.socket?.close();
        this.socket = undefined;
        return;
      case 'forget':
        await this.store.auth.clear(this.id);
        await this.store.commit({ sessionId: this.id, session: { account: null } });
        return;
    }
  }

  private async open(): Promise<void> {
    const generation = ++this.generation;
    /** What a connection says counts only as long as it is the current one. */
    const during = (input: Input) => {
      if (generation !== this.generation) return;
      this.apply(input).catch((error: unknown) => this.failed(error));
    };
    try {
      const auth = await openAuth(this.store, this.id);
      if (generation !== this.generation) return;
      const socket = openSocket(
        auth,
        this.settings,
        { alwaysOnline: this.record.settings.always_online, way: this.way },
        {
          qr: (qr) => during({ type: 'qr', qr }),
          paired: () => during({ type: 'paired' }),
          passkey: () => during({ type: 'passkey' }),
          opened: () => {
            if (generation !== this.generation) return;
            this.record = { ...this.record, account: accountOf(auth.creds.me) };
            during({ type: 'opened' });
            this.queue.open(socket).catch((error: unknown) => this.failed(error));
            this.downloads.open();
            this.directory.picturesChanged(socket.wa);
          },
          closed: (closure) => {
            if (generation !== this.generation) return;
            this.log.info({ op: 'session.closed', ...closure }, 'connection to WhatsApp closed');
            this.queue.close();
            this.downloads.close();
            this.socket = undefined;
            during({ type: 'closed', closure });
          },
          commit: (change) => {
            this.store.commit({ sessionId: this.id, ...change }).catch((error: unknown) => this.failed(error));
            if (change.directory) this.directory.picturesChanged(socket.wa);
          },
          call: (offer) => this.called(offer),
          restriction: (restriction) => this.restricted(restriction),
          told: (events) => this.directory.take(socket.wa, events),
          failed: (error) => this.failed(error),
          stored: (name) => this.store.messages.content(this.id, name),
          content: async (waId) => (await this.store.messages.find(this.id, waId))?.content,
        },
        this.log,
      );
      this.socket = socket;
    } catch (error) {
      this.log.error({ err: error }, 'connection could not be opened');
      during({ type: 'closed', closure: { code: 500, detail: String(error) } });
    }
  }
}

function accountOf(me: { id: string; lid?: string; name?: string } | undefined): SessionRecord['account'] {
  return me ? { jid: me.id, lid: me.lid ?? null, name: me.name ?? null } : null;
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref());

const expiredMedia = (why: string, cause?: unknown) =>
  new EngineError('media_gone', `WhatsApp no longer has this file, and ${why}.`, { cause });
