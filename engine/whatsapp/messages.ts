import { EventEmitter, once } from 'node:events';
import pLimit from 'p-limit';
import type { Logger } from 'pino';
import { EngineError, validationFailed } from '../errors.ts';
import type { GivenUp, Recipient } from '../governor/governor.ts';
import type { Media } from '../media/media.ts';
import { MESSAGE_STATUS, type MessageRecord, type SendRequest } from '../model.ts';
import type { NewInquiry, ScheduledTime, Store } from '../store/store.ts';
import { generateMessageIDV2, type WASocket } from './baileys.ts';
import { memberJids } from './group.ts';
import { groupOf } from './groups.ts';
import { isPerson, STATUS, toJid } from './jid.ts';
import { mediaContent, postAttributes } from './media.ts';
import { failure, unknown } from './outcomes.ts';
import { compose, nothingToReplyTo, type Composing } from './outgoing.ts';
import { SendQueue } from './send-queue.ts';
import type { Session } from './session.ts';
import type { Socket } from './socket.ts';

const OTHER_ACCOUNT = 'it was accepted for another account than the one that the session is linked to now';
const ASKED_BY_OTHER = 'it was asked from another account than the one that the session is linked to now';
const ALL = Number.MAX_SAFE_INTEGER;

interface Accepting {
  idempotencyKey?: string;
  /** WhatsApp id of the message that this one is about. */
  about?: string;
  /** It is a question, whose answer is waited for. */
  inquiry?: Asking;
}

/** An inquiry whose reminder has no WhatsApp id yet. */
export interface Asking extends Omit<NewInquiry, 'reminder'> {
  reminder?: Omit<NonNullable<NewInquiry['reminder']>, 'waId'>;
}

/** The messages of one session: accepted, looked up, waited for. What is accepted leaves through its send queue. */
export class Messages {
  private readonly queue: SendQueue;
  /** One after the other: what the next may do depends on what the last was. */
  private readonly inOrder = pLimit(1);
  /** `settled:<msgId>` when a send's outcome is known. */
  private readonly changes = new EventEmitter().setMaxListeners(0);
  /** Aborted when nobody is to wait for an outcome any more. */
  private readonly leaving = new AbortController();

  constructor(
    private readonly session: Session,
    private readonly store: Store,
    private readonly media: Media,
    private readonly log: Logger,
  ) {
    this.queue = new SendQueue({
      store,
      sessionId: session.id,
      compose: ({ request, chat }, { wa }) => compose(request!, chat, this.composing(wa)),
      postAttributes: (message) => postAttributes(message, { media: this.media, sessionId: session.id }),
      governor: session.governor,
      clock: session.clock,
      log,
    });
  }

  /** The connection is open: what waits is sent. */
  open(socket: Socket): void {
    this.queue.open(socket);
  }

  /**
   * What becomes of messages that were accepted for another account than the session is linked to now: none leaves from
   * this one, and nobody answers it. Whoever has a use for one can resend it.
   */
  async givenUp(): Promise<GivenUp> {
    const { id: sessionId } = this.session;
    await this.store.messages.requeue(sessionId, ALL);
    const queued = await this.store.messages.queued(sessionId, ALL);
    const { items: scheduled } = await this.store.schedule.list(sessionId, { offset: 0, limit: ALL });
    const outcomes = [...queued, ...scheduled].map(({ waId, attempts }) =>
      attempts > 0 ? unknown(waId) : failure(waId, OTHER_ACCOUNT),
    );
    return { outcomes, otherAccount: ASKED_BY_OTHER };
  }

  /** More may leave than before, or other messages. */
  wake(): void {
    this.queue.wake();
  }

  /** WhatsApp does not take the message for now: it leaves again later. */
  async slowed(waId: string): Promise<void> {
    const message = await this.store.messages.find(this.session.id, waId);
    if (message?.fromMe) await this.queue.postpone(message);
  }

  /** How many are still to be sent. */
  waiting(): Promise<number> {
    return this.store.messages.waiting(this.session.id);
  }

  /** When the next one leaves that waits for its time, in Unix milliseconds. */
  get nextAt(): number | undefined {
    return this.queue.nextAt;
  }

  /** The connection is gone: what waits goes on waiting. */
  close(): void {
    this.queue.close();
  }

  /** The engine stops: whoever waits for an outcome is answered that it is not known yet. */
  letGo(): void {
    this.leaving.abort();
  }

  /** WhatsApp has taken these messages, or refused them. */
  settled(messages: MessageRecord[]): void {
    this.queue.settled(messages);
    if (messages.some(({ status }) => status !== MESSAGE_STATUS.error)) {
      this.session.governor.taken().catch((error: unknown) => this.log.error({ err: error }, 'governor failed'));
    }
    for (const { msgId } of messages) this.changes.emit(`settled:${msgId}`);
  }

  /**
   * Accepts a message: it is stored under its final WhatsApp id and will be sent, whatever happens to this process.
   * Throws when the session could not send it without a person's help, and what {@link Governor.admit} throws when it
   * may not send it now; then with `retryAfterS`. What is about another message is always taken.
   */
  async send(request: SendRequest, options: Accepting = {}): Promise<MessageRecord> {
    const chat = toJid(request.to);
    if (!(await this.isRepeated(options.idempotencyKey))) this.session.assertSending();
    const message = await this.accept(chat, request, options);
    this.queue.wake();
    return message;
  }

  /** Accepts a message that waits until it is released. Throws when the session has no account to send it from. */
  async schedule(request: SendRequest, schedule: ScheduledTime, options: Accepting = {}): Promise<MessageRecord> {
    const chat = toJid(request.to);
    if (!(await this.isRepeated(options.idempotencyKey))) this.session.assertLinked();
    return this.accept(chat, request, { ...options, schedule });
  }

  /**
   * The time of a scheduled message has come: it goes through the same door as every other and is queued, unless it was
   * cancelled or changed. Throws what keeps it from being sent now.
   */
  async release({ msgId, chat, sendAt }: MessageRecord): Promise<void> {
    this.session.assertConnected();
    await this.inOrder(async () => {
      await this.session.governor.admit(this.recipient(chat));
      if (await this.store.schedule.release({ msgId, sendAt: sendAt! }, Date.now())) this.queue.wake();
    });
  }

  private async accept(
    chat: string,
    request: SendRequest,
    options: Accepting & { schedule?: ScheduledTime },
  ): Promise<MessageRecord> {
    if (request.replyTo !== undefined && !(await this.find(request.replyTo))) throw nothingToReplyTo();
    const { inquiry, ...more } = options;
    const audience = chat === STATUS ? await this.audienceOf(request, options.idempotencyKey) : undefined;
    const { message } = await this.inOrder(async () => {
      const later = options.about !== undefined || options.schedule !== undefined;
      const admitted = later || (await this.isRepeated(options.idempotencyKey));
      if (!admitted) await this.session.governor.admit(this.recipient(chat));
      return this.store.messages.enqueue({
        sessionId: this.session.id,
        waId: this.newId(),
        chat,
        request: audience ? { ...request, audience } : request,
        logged: this.session.settings.log_messages,
        timestamp: Date.now(),
        ...more,
        ...(inquiry && { inquiry: this.opening(inquiry) }),
      });
    });
    return message;
  }

  private opening({ reminder, ...inquiry }: Asking): NewInquiry {
    return { ...inquiry, ...(reminder && { reminder: { ...reminder, waId: this.newId() } }) };
  }

  private newId(): string {
    return generateMessageIDV2(this.session.account?.jid);
  }

  /**
   * Throws what {@link send} would throw for a message to this recipient now, and counts nothing: for whoever has
   * something costly to do before, like fetching a file.
   */
  async assertAdmitted(to: string, idempotencyKey?: string): Promise<void> {
    const chat = toJid(to);
    if (await this.isRepeated(idempotencyKey)) return;
    this.session.assertSending();
    await this.session.governor.check(this.recipient(chat));
  }

  private recipient(chat: string): Recipient {
    const { jid, lid } = this.session.me;
    return { chat, person: isPerson(chat) && chat !== jid && chat !== lid };
  }

  /**
   * A request whose key is known is answered by the message accepted first, whatever state the session is in by now and
   * whatever has become of the message.
   */
  async isRepeated(idempotencyKey: string | undefined): Promise<boolean> {
    if (idempotencyKey === undefined) return false;
    return (await this.store.messages.accepted(this.session.id, idempotencyKey)) !== undefined;
  }

  /**
   * Waits until WhatsApp has taken the message, and answers it as it is then. Throws `whatsapp_refused` when it will
   * never be sent, `whatsapp_timeout` when its outcome is not known in time (it is still being sent).
   */
  async outcome(msgId: number, timeoutMs: number): Promise<MessageRecord> {
    const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), this.leaving.signal]);
    const settled = once(this.changes, `settled:${msgId}`, { signal }).catch(() => {});
    let message = await this.store.messages.get(this.session.id, msgId);
    if (message?.status === MESSAGE_STATUS.pending) {
      await settled;
      message = await this.store.messages.get(this.session.id, msgId);
    }
    if (!message || message.status === MESSAGE_STATUS.pending) {
      const nextAt = message?.send === 'queued' ? this.queue.nextAt : undefined;
      const next = nextAt === undefined ? '' : ` The next message leaves at ${new Date(nextAt).toISOString()}.`;
      throw new EngineError(
        'whatsapp_timeout',
        `WhatsApp has not acknowledged the message ${this.leaving.signal.aborted ? 'before the engine stops' : `within ${timeoutMs / 1000} s`}.${next} It stays queued and is not lost: message.sent will tell.`,
        { details: { msgId, ...(nextAt !== undefined && { nextAt: new Date(nextAt).toISOString() }) } },
      );
    }
    if (message.unknown) {
      throw new EngineError(
        'whatsapp_timeout',
        `${message.error}. A receipt may still tell: then message.sent comes once more. To resend the message is safe, the recipient sees one.`,
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

  /** A message by WasenderApi's number or by WhatsApp's id. Throws `message_not_found`. */
  async get(id: string): Promise<MessageRecord> {
    const message = await this.find(id);
    if (message) return message;
    throw new EngineError(
      'message_not_found',
      `There is no message ${id} in this session. Use the msgId of a send, or the id of a message.`,
    );
  }

  /** All messages that are about a message, oldest first. */
  about({ waId }: MessageRecord): Promise<MessageRecord[]> {
    return this.store.messages.about(this.session.id, waId);
  }

  last(chat: string): Promise<MessageRecord | undefined> {
    return this.store.messages.last(this.session.id, chat);
  }

  /** Queues a failed message again. Throws when it has not failed, or is another session's. */
  async resend(id: string): Promise<void> {
    const owner = /^\d{1,15}$/.test(id) ? await this.store.messages.sessionOf(Number(id)) : undefined;
    if (owner !== undefined && owner !== this.session.id) {
      throw new EngineError('not_permitted', 'You are not authorized to modify this message.');
    }
    const { msgId, chat, status, about } = await this.get(id);
    await this.inOrder(async () => {
      if (status === MESSAGE_STATUS.error && !about) await this.session.governor.admit(this.recipient(chat));
      if (!(await this.store.messages.resend(this.session.id, msgId))) {
        throw new EngineError('conflict', "Only messages with status 'failed' can be resent.");
      }
    });
    // It may have failed because nobody was there, and somebody thinks otherwise now.
    await this.session.answers.forget('number', chat);
    this.queue.wake();
  }

  /** Who sees a status unless the caller says: everybody in the account's address book, as it is at the first request. */
  private async audienceOf({ audience }: SendRequest, idempotencyKey: string | undefined): Promise<string[]> {
    if (audience) return audience;
    const known = idempotencyKey && (await this.store.messages.accepted(this.session.id, idempotencyKey));
    if (known && known.request?.audience) return known.request.audience;
    const { items } = await this.store.contacts.list(this.session.id, {});
    const addresses = items.flatMap(({ name, jid, lid }) => (name ? (jid ?? lid ?? []) : []));
    if (addresses.length > 0) return addresses;
    throw validationFailed({
      audience: ['The audience field is required, because this account has nobody in its address book yet.'],
    });
  }

  private async find(id: string): Promise<MessageRecord | undefined> {
    const byNumber = /^\d{1,15}$/.test(id) ? await this.store.messages.get(this.session.id, Number(id)) : undefined;
    return byNumber ?? (await this.store.messages.find(this.session.id, id));
  }

  private composing(wa: WASocket): Composing {
    return {
      me: this.session.me,
      members: async (group) => memberJids(await groupOf(this.session, group, { urgent: true })),
      find: (id) => this.find(id),
      media: (request, chat) =>
        mediaContent(request, chat, { wa, way: this.session.way, media: this.media, sessionId: this.session.id }),
      preview: (text) => this.media.preview(text),
    };
  }
}
