import { EventEmitter, once } from 'node:events';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { EngineError, type ErrorCode } from '../errors.ts';
import { COLLECTED, type EventEnvelope, type NewEvent } from '../events.ts';
import { Governor } from '../governor/governor.ts';
import type { Media } from '../media/media.ts';
import {
  SESSION_STATUSES,
  type MessageRecord,
  type Pace,
  type SessionRecord,
  type SessionSettings,
  type SessionStatus,
} from '../model.ts';
import { openWay, type Way } from '../network/way.ts';
import type { Change, Committed, Store } from '../store/store.ts';
import { Answers, type Ask } from './answers.ts';
import { LoginUnreadable, openAuth, type SessionAuth } from './auth.ts';
import { jidNormalizedUser, type WAMessageKey, type WASocket } from './baileys.ts';
import { rejectCall, type Offer } from './calls.ts';
import { outside } from './context.ts';
import { Directory } from './directory.ts';
import { find, heardFrom, lidFor } from './contacts.ts';
import { toEngineError, worded, type Meanings } from './failure.ts';
import { groupOf, rememberedGroup } from './groups.ts';
import { isOfChat, toJid } from './jid.ts';
import { Messages } from './messages.ts';
import { keyTo } from './outgoing.ts';
import { PAIRING_REFUSALS, requestPairingCode } from './pairing-code.ts';
import type { Addresses } from './polls.ts';
import { numberOf } from './pairs.ts';
import { pictureOf } from './pictures.ts';
import { Questions, type Cost } from './questions.ts';
import { ReceivedFiles } from './received-files.ts';
import { readCapping } from './restriction.ts';
import { openSocket, type Socket, type SocketHandlers, type SocketSettings } from './socket.ts';
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
/** For so long a stop waits until WhatsApp has closed its side of the connection, too. */
const GOODBYE_MS = 1500;
const CONNECT_ANSWER_MS = 20_000;
/** So often the same stanza may end a connection by being impossible to store. */
const TRIES_TO_STORE = 3;
/** After so long it is tried again to write down a status that could not be. */
const TELL_AGAIN_MS = 10_000;
/** WhatsApp tells at once what happened while this device was away; whoever needs to know waits no longer than this. */
const CATCH_UP_MS = 10_000;

/** What the sending of all sessions is governed by. */
export interface Sending {
  clock: Clock;
  /** How the sessions send that do not say so themselves. */
  pace: Pace;
}

/**
 * One WhatsApp account, linked or about to be. Holds the connection, carries out what state.ts decides, and sends.
 * Whatever it decides is committed to the store before it is done.
 */
export class Session {
  readonly id: number;
  readonly clock: Clock;
  private state: ConnectionState;
  private socket: Socket | undefined;
  /** Calls off the connection that is to be opened. */
  private cancelOpening = () => {};
  /** When a past connection was last heard of. */
  private lastSeen: number | null = null;
  /** Counts connections: what a past one still says is nobody's business. */
  private generation = 0;
  /** What the account has sent and received, and the way out. */
  readonly messages: Messages;
  /** The files of received messages. */
  readonly files: ReceivedFiles;
  /** How the account may send, and what WhatsApp watches it for. */
  readonly governor: Governor;
  private opened: Way | undefined;
  /** What the account knows of people and chats. */
  readonly directory: Directory;
  /** What WhatsApp has been asked. */
  readonly answers: Answers;
  private readonly questions: Questions;
  /** WhatsApp has told what happened while this device was away: what is remembered of groups is as it is now. */
  private caughtUp = false;
  /** Called when it has. */
  onCaughtUp = () => {};
  /** What the status has been and could not be written down yet. */
  private untold: NewEvent[] = [];
  private tellAgain = () => {};
  /** By what WhatsApp has said, how often it could not be stored though the storage works. */
  private readonly refusals = new Map<string, number>();
  /** A login that cannot be read is given up, and another one made. */
  private renounced = false;
  private readonly log: Logger;
  /** `rest` when the status comes to rest, `caught-up` when WhatsApp has told what happened meanwhile. */
  private readonly changes = new EventEmitter().setMaxListeners(0);

  constructor(
    private record: SessionRecord,
    private readonly store: Store,
    private readonly connection: SocketSettings,
    log: Logger,
    media: Media,
    { clock, pace }: Sending,
  ) {
    this.clock = clock;
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
    this.governor = new Governor({
      ...{ store, sessionId: this.id, clock, pace },
      settings: () => this.record.settings,
      remembered: record.governor,
      changed: () => this.messages.wake(),
      failed: (error) => this.failed(error),
    });
    this.questions = new Questions({ clock, budgets: this.governor.budgets });
    this.answers = new Answers({ store, sessionId: this.id, clock });
    this.directory = new Directory({
      ...{ store, sessionId: this.id, clock, log: this.log },
      picture: (jid) => pictureOf(this, jid, { fresh: true }),
    });
    this.messages = new Messages(this, store, media, this.log);
    this.files = new ReceivedFiles(this, store, media, connection.plain, this.log);
  }

  get status(): Pick<ConnectionState, 'status' | 'reason'> {
    return this.state;
  }

  /** Unix milliseconds at which WhatsApp was last heard of; null: not since the engine has started. */
  get lastSeenAt(): number | null {
    return this.socket?.lastSeenAt ?? this.lastSeen;
  }

  /** The QR code to scan now; `undefined` unless the status is `need_scan`. */
  get qr(): string | undefined {
    return this.state.qr ?? undefined;
  }

  /** Whether there is a login to connect with, and somebody wants it connected: what a restart goes on with. */
  get resumable(): boolean {
    return this.state.wanted && this.state.paired;
  }

  /** Whether there is a login: without one nothing comes in any more. */
  get linked(): boolean {
    return this.state.paired;
  }

  /** Connects, and answers when it is clear what came of it: connected, a QR code to scan, a refusal; or still trying. */
  async connect(): Promise<void> {
    const settled = this.atRest();
    // Whoever was told, and connects, has no backup to restore.
    this.renounced = this.state.reason?.code === 'login_unreadable';
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
    this.tellAgain();
    this.cancelOpening();
    this.governor.close();
    this.generation += 1;
    const socket = this.state.status === 'connected' ? this.socket : undefined;
    this.disconnected();
    await Promise.race([socket?.logout(), pause(5000)]);
    this.socket?.close();
    this.socket = undefined;
    await this.store.auth.clear(this.id);
  }

  /** Ends the connection without changing what is wanted: the process stops, and the next one goes on. */
  async stop(): Promise<void> {
    this.tellAgain();
    this.governor.close();
    const closed = this.drop();
    await Promise.race([closed, pause(GOODBYE_MS)]);
    this.leaveWay();
  }

  /** Settings were changed by a caller. With another proxy it connects anew. */
  updated(record: SessionRecord): void {
    const { proxy_url: proxy, always_online: online } = this.record.settings;
    this.record = record;
    this.noted(this.governor.follow(this.me.jid));
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
    void this.drop();
    this.state = { ...this.state, failures: 0 };
    const closure = { code: 'rerouted', detail: 'proxy_url was changed' } as const;
    this.apply({ type: 'closed', closure }).catch((error: unknown) => this.failed(error));
  }

  /** How this session's connections get to WhatsApp. */
  get way(): Way {
    const { proxyNetworks, plain } = this.connection;
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

  /** WhatsApp tells from now on when somebody is online or typing, as far as their privacy settings let it. */
  async subscribePresence(whom: string): Promise<string> {
    const jid = toJid(whom, 'jid');
    await this.ask('Failed to subscribe to presence', (wa) => wa.presenceSubscribe(jid));
    return jid;
  }

  /**
   * The code to type into the phone (Linked devices, "Link with phone number instead") instead of scanning a QR code.
   * Connects first if need be. Throws `session_not_scannable` when the session has a login already, or WhatsApp gives no code.
   */
  async pairingCode(phone: string): Promise<string> {
    if (this.state.paired) {
      throw new EngineError(
        'session_not_scannable',
        'This session is linked to an account: it connects without a code.',
      );
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

  /** The account's addresses, without its device. */
  get me(): Addresses {
    const { jid = '', lid = null } = this.record.account ?? {};
    return { jid: jidNormalizedUser(jid), lid: lid && jidNormalizedUser(lid) };
  }

  /**
   * Asks something of WhatsApp over the open connection; what the files of this room named after WhatsApp's nouns
   * (groups.ts, contacts.ts …) are made of. Throws `session_not_connected` without a connection, and what
   * `toEngineError` makes of WhatsApp's refusal; `what` begins its sentence: "Failed to leave group", and `meanings`
   * says what a code means here.
   */
  ask<T>(what: string, question: (wa: WASocket) => Promise<T>, meanings?: Meanings, cost?: Cost): Promise<T> {
    return worded(what, this.question(question, cost), meanings);
  }

  /** As {@link ask}, for what several callers may want to know: throws what WhatsApp answers, for each to put in words. */
  async question<T>(question: (wa: WASocket) => Promise<T>, cost?: Cost): Promise<T> {
    this.assertConnected();
    // By the connection that there is when its turn comes.
    return this.questions.ask(() => question(this.assertConnected()), cost);
  }

  /**
   * What WhatsApp was asked before, while that counts as still true, else what it answers now; see {@link Answers}.
   * Throws `session_not_connected` without a connection: nobody tells then what has changed.
   */
  async known<T>(asked: Ask<T>): Promise<T> {
    this.assertConnected();
    // What is remembered of groups is kept right by notices, and some of them may still be on their way.
    if (asked.kind === 'group' && !(await this.catchUp())) return asked.ask();
    return this.answers.of(asked);
  }

  /** Waits until WhatsApp has told what happened while this device was away; answers whether it has. */
  private async catchUp(): Promise<boolean> {
    if (this.caughtUp) return true;
    await once(this.changes, 'caught-up', { signal: AbortSignal.timeout(CATCH_UP_MS) }).catch(() => {});
    return this.caughtUp;
  }

  /** Whether all is stored that WhatsApp has for this account by now, by evidence; `false` without a connection. */
  async isUpToDate(): Promise<boolean> {
    const { socket } = this;
    if (!this.caughtUp || !socket) return false;
    const heard = await socket.upToDate().then(
      () => true,
      () => false,
    );
    return heard && this.socket === socket;
  }

  /** The open connection. Throws `session_not_connected` when there is none. */
  assertConnected(): WASocket {
    if (this.state.status !== 'connected' || !this.socket) throw this.notConnected();
    return this.socket.wa;
  }

  /** The account that this session is linked to, once it is. */
  get account(): SessionRecord['account'] {
    return this.record.account;
  }

  /** Settings, as they are now. */
  get settings(): SessionSettings {
    return this.record.settings;
  }

  /** The open connection, if there is one. */
  get wa(): WASocket | undefined {
    return this.socket?.wa;
  }

  /** Throws `session_not_connected` when nothing would be sent without a person's help. */
  assertSending(): void {
    const { status, paired } = this.state;
    if (status !== 'connected' && !(status === 'connecting' && paired)) throw this.notConnected();
  }

  /** Throws `session_not_connected` when the session has no login: what is scheduled might never leave. */
  assertLinked(): void {
    if (this.state.paired) return;
    throw new EngineError(
      'session_not_connected',
      'This session is not linked to a WhatsApp account. Connect it and scan the QR code, then schedule messages.',
      { details: { status: this.state.status } },
    );
  }

  private notConnected(): EngineError {
    const { status, reason } = this.state;
    if (status === 'restricted' || status === 'banned') return this.sentAway();
    return new EngineError(
      'session_not_connected',
      'Your Whatsapp Session is not connected please connect your session first.',
      { details: { status, ...(reason && { reason: reason.code, advice: reason.message }) } },
    );
  }

  /** WhatsApp does not let the account in: for a time, or until somebody does on the phone what it asks for. */
  private sentAway(): EngineError {
    const { status, reason } = this.state;
    const until = reason?.until;
    const retryAfterS = until === undefined ? undefined : Math.max(1, Math.ceil((until - this.clock.now()) / 1000));
    return new EngineError('session_restricted', reason?.message ?? SESSION_STATUSES[status], {
      ...(retryAfterS !== undefined && { retryAfterS }),
      details: {
        status,
        ...(reason && { reason: reason.code }),
        until: until === undefined ? null : new Date(until).toISOString(),
      },
    });
  }

  /** The store has committed outcomes of this session's messages, messages that came in, and events. */
  committed({ settled, received, events }: Pick<Committed, 'settled' | 'received' | 'events'>): void {
    if (settled.length > 0) this.messages.settled(settled);
    // A stranger who has written is none any more, and what waits for them may leave.
    const begun = received.length > 0 || events.some(({ event }) => event === 'chats.upsert');
    if (begun && this.governor.holdsNewChats) this.messages.wake();
    if (received.length > 0) this.files.wake();
    for (const message of received.filter(({ fromMe }) => !fromMe)) {
      heardFrom(this, message).catch((error: unknown) => this.failed(error));
    }
    const unread = received.filter(isToBeRead);
    if (this.record.settings.read_incoming_messages && unread.length > 0) {
      this.markRead(unread.map((message) => keyTo(message, this.me))).catch((error: unknown) => this.failed(error));
    }
  }

  /**
   * The store could not commit a change. What brought it is not acknowledged: the connection is cut before Baileys can
   * say anything more, and WhatsApp delivers it again. Something that can never be stored would end every connection;
   * after {@link TRIES_TO_STORE} of them it is let pass, and lost. See docs/decisions/0006-nothing-lost.md.
   */
  refused({ stanza, keys, creds }: Change, error: unknown): void {
    const detail = String(error);
    if (isCode(error, 'storage_failed')) return this.socket?.cut({ code: 'storage_failed', detail });
    // What WhatsApp did not bring fails for whoever asked for it.
    const what = stanza ?? (keys || creds ? 'the login' : undefined);
    if (what === undefined || isCode(error, 'stopping')) return;
    const tries = (this.refusals.get(what) ?? 0) + 1;
    if (this.refusals.size > 1000) this.refusals.clear();
    this.refusals.set(what, tries);
    if (tries < TRIES_TO_STORE) {
      this.log.error({ err: error, stanza: what, tries }, 'not stored, so not acknowledged: connecting anew');
      return this.socket?.cut({ code: 'not_stored', detail });
    }
    this.log.fatal({ err: error, stanza: what, tries }, 'not stored in any try: given up, what it said is lost');
  }

  /** Tells the senders that their messages have been read, as far as the account's privacy settings let them know. */
  async markRead(keys: WAMessageKey[]): Promise<void> {
    await this.ask('Failed to mark message as read', (wa) => wa.readMessages(keys));
    this.directory.read(keys.flatMap(({ remoteJid }) => remoteJid ?? []));
  }

  /** A subscriber that marks as read has taken these events: so have been the messages in them. What fails is only logged. */
  async markTaken(events: EventEnvelope[]): Promise<void> {
    try {
      const ids = [...new Set(events.flatMap(messageIdsOf))];
      const messages = await Promise.all(ids.map((id) => this.store.messages.find(this.id, id)));
      const unread = messages.filter((one) => one !== undefined).filter(isToBeRead);
      if (unread.length > 0) await this.markRead(unread.map((message) => keyTo(message, this.me)));
    } catch (error) {
      this.log.warn({ op: 'mark_as_read', err: error }, 'messages that were taken are not marked as read');
    }
  }

  /** A restriction has had a message refused: asks which it is. */
  private forbidden(wa: WASocket): void {
    const asked = Promise.all([wa.fetchAccountReachoutTimelock(), wa.fetchNewChatMessageCap()]);
    // Of the first Baileys tells by itself.
    this.governor.doubted(asked.then(([, capping]) => this.governor.capped(readCapping(capping))));
  }

  private called(offer: Offer): void {
    if (!this.record.settings.auto_reject_calls) return;
    rejectCall(this, offer).catch((error: unknown) => this.failed(error));
  }

  /** What is written down without anybody waiting for it. */
  private noted(written: Promise<unknown>): void {
    written.catch((error: unknown) => this.failed(error));
  }

  /** What goes wrong in one session is told to the log and goes no further. */
  private failed(error: unknown): void {
    if (!isCode(error, 'stopping')) this.log.error({ err: error }, 'session failed');
  }

  private async atRest(): Promise<void> {
    await once(this.changes, 'rest', { signal: AbortSignal.timeout(CONNECT_ANSWER_MS) }).catch(() => {});
  }

  /** Decides, commits, then acts. What somebody asks for is not done when it cannot be committed. */
  private async apply(input: Input): Promise<void> {
    const next = step(this.state, input, { random: Math.random(), now: this.clock.now() });
    const { state, effects, events } = next;
    const news = events.length > 0 || this.state.wanted !== state.wanted;
    if (input.type === 'connect' || input.type === 'disconnect') {
      if (news) await this.tell(state, events);
      this.state = state;
    } else {
      this.state = state;
      if (news) await this.tell(state, events).catch((error: unknown) => this.tellLater(events, error));
    }
    try {
      for (const effect of effects) await this.carryOut(effect);
    } finally {
      // Waiting for the next try is an answer too: whoever asked for a connection is told why there is none.
      if (RESTING.includes(state.status) || state.reason?.retryAt) this.changes.emit('rest');
    }
  }

  /** Writes down what the status is, and all events of it that are not yet told. */
  private async tell({ status, reason, wanted }: ConnectionState, events: NewEvent[] = []): Promise<void> {
    const told = [...this.untold, ...events];
    const log = { type: 'status_change' as const, status, ...(reason && { reason: reason.code }) };
    await this.store.commit({
      sessionId: this.id,
      session: { status, reason, wanted },
      events: told,
      ...(told.some(({ event }) => event === 'session.status') && { log }),
    });
    this.untold = [];
    this.tellAgain();
    this.log.info({ op: 'session.status', status, reason: reason?.code }, 'session status');
  }

  /** The status is what it is, whether or not it can be written down. */
  private tellLater(events: NewEvent[], error: unknown): void {
    this.failed(error);
    if (isCode(error, 'stopping')) return;
    // A QR code is not worth telling when its time is over.
    this.untold.push(...events.filter(({ event }) => event === 'session.status'));
    this.tellAgain();
    this.tellAgain = this.clock.at(this.clock.now() + TELL_AGAIN_MS, () => {
      this.tell(this.state).catch((again: unknown) => this.tellLater([], again));
    });
  }

  private async carryOut(effect: Effect): Promise<void> {
    switch (effect.do) {
      case 'open':
        this.cancelOpening();
        if (effect.afterMs === 0) void this.open();
        else this.cancelOpening = this.clock.at(this.clock.now() + effect.afterMs, () => void this.open());
        return;
      case 'close':
        void this.drop();
        return;
      case 'forget':
        await this.store.auth.clear(this.id);
        await this.store.commit({ sessionId: this.id, session: { account: null } });
        return;
    }
  }

  /** Ends the connection there is, and the one that was to be opened. */
  private async drop(): Promise<void> {
    this.cancelOpening();
    this.generation += 1;
    this.disconnected();
    const { socket } = this;
    this.socket = undefined;
    await socket?.close();
  }

  /** What waits for a connection goes on waiting. */
  private disconnected(): void {
    this.lastSeen = this.lastSeenAt;
    this.caughtUp = false;
    this.changes.emit('caught-up');
    this.directory.close();
    this.messages.close();
    this.files.close();
  }

  /** What a connection says counts only as long as it is the current one. */
  private during(generation: number, input: Input): void {
    if (generation !== this.generation) return;
    this.apply(input).catch((error: unknown) => this.failed(error));
  }

  private async open(): Promise<void> {
    const generation = ++this.generation;
    const during = (input: Input) => this.during(generation, input);
    try {
      // WhatsApp is not bothered before storage works again.
      if (this.untold.length > 0) await this.tell(this.state);
      const auth = await this.login();
      if (generation !== this.generation) return;
      if (auth.creds.me) await this.link(jidNormalizedUser(auth.creds.me.id));
      if (generation !== this.generation) return;
      const alwaysOnline = this.record.settings.always_online;
      const options = { alwaysOnline, way: this.way };
      const handlers = this.handlers(generation, auth, alwaysOnline);
      this.socket = outside(() => openSocket(auth, this.connection, options, handlers, this.log));
    } catch (error) {
      this.log.error({ err: error }, 'connection could not be opened');
      const code =
        error instanceof LoginUnreadable
          ? 'login_unreadable'
          : isCode(error, 'storage_failed')
            ? 'storage_failed'
            : 500;
      during({ type: 'closed', closure: { code, detail: String(error) } });
    }
  }

  /** Before the account is connected: what was accepted for another one is over, and takes nothing that comes to this. */
  private async link(jid: string): Promise<void> {
    await this.governor.link(jid, this.governor.isAnother(jid) ? await this.messages.givenUp() : {});
  }

  /** The connection is open: what waits is sent. */
  private async beginToSend(): Promise<void> {
    const { socket } = this;
    await this.governor.follow(this.me.jid);
    if (socket && socket === this.socket) this.messages.open(socket);
  }

  private async login(): Promise<SessionAuth> {
    const open = () => openAuth(this.store, this.id, this.clock, this.log);
    const auth = await open().catch(async (error: unknown) => {
      if (!(error instanceof LoginUnreadable) || !this.renounced) throw error;
      await this.carryOut({ do: 'forget' });
      this.state = { ...this.state, paired: false };
      return open();
    });
    this.renounced = false;
    return auth;
  }

  /** What a connection says, for as long as it is the current one. */
  private handlers(generation: number, auth: SessionAuth, alwaysOnline: boolean): SocketHandlers {
    const during = (input: Input) => this.during(generation, input);
    return {
      qr: (qr) => during({ type: 'qr', qr }),
      paired: () => during({ type: 'paired' }),
      passkey: () => during({ type: 'passkey' }),
      opened: () => {
        if (generation !== this.generation) return;
        this.record = { ...this.record, account: accountOf(auth.creds.me) };
        during({ type: 'opened' });
        this.noted(this.beginToSend());
        // Changed while the connection was on its way.
        const online = this.record.settings.always_online;
        if (online !== alwaysOnline) this.showOnline(online);
        this.files.open();
        this.directory.picturesChanged();
      },
      closed: (closure) => {
        if (generation !== this.generation) return;
        this.log.info({ op: 'session.closed', ...closure }, 'connection to WhatsApp closed');
        try {
          this.disconnected();
          this.socket = undefined;
        } finally {
          during({ type: 'closed', closure });
        }
      },
      commit: (change) => {
        if (change.answers) this.answers.heard(change.answers);
        this.store.commit({ sessionId: this.id, ...change }).catch((error: unknown) => this.failed(error));
        if (change.directory) this.directory.picturesChanged();
      },
      learnt: (pairs) => {
        const answers = pairs.map((pair) => numberOf(pair, this.clock.now()));
        this.store.commit({ sessionId: this.id, pairs, answers }).catch((error: unknown) => this.failed(error));
      },
      caughtUp: () => {
        if (generation !== this.generation) return;
        this.caughtUp = true;
        this.changes.emit('caught-up');
        this.onCaughtUp();
      },
      call: (offer) => this.called(offer),
      timelock: (timelock) => this.noted(this.governor.timelocked(timelock)),
      capping: (capping) => this.noted(this.governor.capped(capping)),
      forbidden: (wa) => this.forbidden(wa),
      slowed: (waId) => this.noted(this.messages.slowed(waId)),
      told: (wa, events) => this.directory.take(wa, events),
      refused: (change, error) => this.refused({ sessionId: this.id, ...change }, error),
      lidOf: (jid) => lidFor(this, jid, { urgent: true }),
      exists: async (jid) => (await find(this, jid, { urgent: true })).exists,
      needGroup: (jid) => groupOf(this, jid, { urgent: true }),
      group: async (jid) => (this.caughtUp ? rememberedGroup(this, jid) : undefined),
      stored: (name) => this.store.messages.content(this.id, name),
      content: async (waId, chat) => {
        const message = await this.store.messages.find(this.id, waId);
        // Whoever asks for what was sent to others is not given it.
        return message?.fromMe && isOfChat(message, [chat]) ? message.content : undefined;
      },
    };
  }
}

function accountOf(me: { id: string; lid?: string; name?: string } | undefined): SessionRecord['account'] {
  return me ? { jid: me.id, lid: me.lid ?? null, name: me.name ?? null } : null;
}

const isCode = (error: unknown, code: ErrorCode) => error instanceof EngineError && error.code === code;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref());

/** What somebody has written to us, and not what it does to another message. */
const isToBeRead = ({ fromMe, content, about }: MessageRecord) => !fromMe && content !== null && about === null;

/** WhatsApp's ids of the messages that an event carries. */
function messageIdsOf({ event, data }: EventEnvelope): string[] {
  if (!COLLECTED.includes(event)) return [];
  const { messages } = data as { messages: { key: { id: string } } | { key: { id: string } }[] };
  return [messages].flat().map(({ key }) => key.id);
}
