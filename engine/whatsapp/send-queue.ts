import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { EngineError, storageFailure } from '../errors.ts';
import type { Governor } from '../governor/governor.ts';
import type { MessageRecord } from '../model.ts';
import type { Store } from '../store/store.ts';
import { proto } from './baileys.ts';
import { isConnectionFailure, isTooFast, refusalCode } from './failure.ts';
import { failure, unknown } from './outcomes.ts';
import { stanzaOptions } from './outgoing.ts';
import { isGroup, phoneOf } from './jid.ts';
import { UploadFailed } from './media.ts';
import type { Socket } from './socket.ts';

/** So many messages may be on their way to WhatsApp without its acknowledgement. */
const UNACKNOWLEDGED = 16;
/** After so long without an acknowledgement a message is written again, under the same id. */
const ACK_TIMEOUT_MS = 20_000;
const TRIES = 5;
/** After so long a message that could not be written on a working connection is tried again. */
const RETRY_PAUSE_MS = 5000;

/**
 * One session's way out: messages leave one at a time, in the order in which they were accepted, and when the governor
 * lets them. Within a chat the order is kept; a chat that may not be written to now does not hold up the others. What is
 * to be sent is in the store; after a crash or a lost connection, whatever was not acknowledged is written again under
 * the same id, which the recipient's WhatsApp takes as the same message.
 */
export class SendQueue {
  private socket: Socket | undefined;
  /** By message, when it was written, in Unix milliseconds. */
  private readonly unacknowledged = new Map<number, number>();
  /** What was written before counts as never written: the connection is new, or the store did not keep up. */
  private afresh = false;
  private running = false;
  private again = false;
  private ackTimer: NodeJS.Timeout | undefined;
  private cancelAlarm = () => {};
  /** When the next message leaves, in Unix milliseconds; undefined when none waits for its time. */
  private wakesAt: number | undefined;
  /** No message leaves before: the last one could not be written. */
  private notBefore = 0;
  /** By chat, until when what is to be known first may not be asked of WhatsApp. */
  private readonly held = new Map<string, number>();

  constructor(
    private readonly options: {
      store: Store;
      sessionId: number;
      /** WhatsApp's form of what was asked to be sent. */
      compose: (message: MessageRecord, socket: Socket) => Promise<proto.IMessage>;
      /** What the stanza of a post in a channel says besides. */
      postAttributes?: (message: MessageRecord) => Promise<Record<string, string> | undefined>;
      governor: Governor;
      clock: Clock;
      /** Instead of {@link RETRY_PAUSE_MS}. */
      retryPauseMs?: number;
      /** Instead of {@link ACK_TIMEOUT_MS}. */
      ackTimeoutMs?: number;
      log: Logger;
    },
  ) {}

  /** The connection is open: send what waits, first what an earlier connection left unacknowledged. */
  open(socket: Socket): void {
    this.socket = socket;
    this.notBefore = 0;
    this.afresh = true;
    this.wake();
  }

  /** The connection is gone: whatever waits goes on waiting. */
  close(): void {
    this.socket = undefined;
    this.disarm();
    this.cancelAlarm();
  }

  /** When the next message leaves that waits for its time, in Unix milliseconds. */
  get nextAt(): number | undefined {
    return this.wakesAt;
  }

  /** A message was accepted, there is room for another, or more of them may leave. */
  wake(): void {
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = true;
    this.again = false;
    void this.drain()
      .catch((error: unknown) => this.stumbled(error))
      .finally(() => {
        this.running = false;
        if (this.again) this.wake();
      });
  }

  /** WhatsApp has taken these messages, or refused them. */
  settled(messages: MessageRecord[]): void {
    const before = this.unacknowledged.size;
    for (const { msgId } of messages) this.unacknowledged.delete(msgId);
    if (this.unacknowledged.size < before) this.wake();
  }

  /** WhatsApp does not take the message for now: it leaves again when the governor lets it. */
  async postpone({ msgId }: MessageRecord): Promise<void> {
    const { store, governor } = this.options;
    this.unacknowledged.delete(msgId);
    try {
      await store.messages.postpone(msgId);
      await governor.slowed();
    } catch (error) {
      this.stumbled(error);
    }
  }

  /** What became of a message could not be written down. After a pause the queue begins anew, as after a crash. */
  private stumbled(error: unknown): void {
    const { clock, log, retryPauseMs = RETRY_PAUSE_MS } = this.options;
    if (!this.socket) return;
    if (!storageFailure(error)) log.error({ err: error }, 'send queue failed');
    this.afresh = true;
    this.notBefore = clock.now() + retryPauseMs;
    this.wakeAt(this.notBefore);
  }

  private async drain(): Promise<void> {
    this.cancelAlarm();
    this.wakesAt = undefined;
    if (this.afresh && this.notBefore <= this.options.clock.now()) await this.beginAnew();
    while (this.socket && this.unacknowledged.size < UNACKNOWLEDGED) {
      const message = await this.next(this.socket);
      if (!message || !(await this.send(message, this.socket))) break;
    }
  }

  private async beginAnew(): Promise<void> {
    const { store, sessionId } = this.options;
    await store.messages.requeue(sessionId, Date.now());
    this.unacknowledged.clear();
    this.afresh = false;
  }

  /** The message that may leave now. When there is one that may leave later, the queue wakes by itself. */
  private async next(socket: Socket): Promise<MessageRecord | undefined> {
    const { store, sessionId, governor, clock } = this.options;
    const stoppedUntil = Math.max(this.notBefore, governor.stoppedUntil);
    if (stoppedUntil > clock.now()) return this.wakeAt(stoppedUntil);
    const which = { exceptChats: this.heldChats(), chatsOnly: governor.holdsNewChats };
    const [message] = await store.messages.queued(sessionId, 1, which);
    // What is about another message bothers nobody.
    if (!message || message.about || governor.free) return message;
    const { at, show } = await governor.departure(message);
    if (show) await socket.show(message.chat, show);
    if (at <= clock.now()) return message;
    this.wakeAt(at);
    const [aboutAnother] = await store.messages.queued(sessionId, 1, { ...which, aboutOnly: true });
    return aboutAnother;
  }

  private wakeAt(time: number): undefined {
    this.cancelAlarm();
    this.wakesAt = time;
    this.cancelAlarm = this.options.clock.at(time, () => this.wake());
  }

  /** Answers whether the queue may go on; `false` when the connection is gone. */
  private async send(message: MessageRecord, socket: Socket): Promise<boolean> {
    const { store, compose, clock, governor } = this.options;
    try {
      const { attempts, expiresAt } = message;
      // Its time had come, and then the connection was lost.
      if (attempts === 0 && expiresAt !== null && clock.now() >= expiresAt) throw tooLate();
      const lid = await this.resolve(message, socket);
      const content = message.content ?? Buffer.from(proto.Message.encode(await compose(message, socket)).finish());
      // It was taken back meanwhile.
      if (!(await store.messages.written(message.msgId, { content, lid }))) return true;
      this.unacknowledged.set(message.msgId, Date.now());
      this.armAckTimer();
      if (!message.about && !governor.free) await governor.left();
      const decoded = proto.Message.decode(content);
      const options = stanzaOptions(decoded, message.request ?? {});
      const attributes = await this.options.postAttributes?.(message);
      if (attributes) options.additionalAttributes = { ...options.additionalAttributes, ...attributes };
      await socket.relay(message.chat, decoded, message.waId, options);
      return true;
    } catch (error) {
      this.unacknowledged.delete(message.msgId);
      if (this.socket !== socket) return false;
      await this.failed(message, error);
      return true;
    }
  }

  /** The LID of a person written to by phone number. Throws when WhatsApp has no such account. */
  private async resolve({ chat, lid }: MessageRecord, socket: Socket): Promise<string | null> {
    const phone = phoneOf(chat);
    if (lid || !phone) return lid;
    const found = await socket.lidOf(chat);
    if (found) return found;
    if (await socket.exists(chat)) return null;
    throw new EngineError('recipient_not_on_whatsapp', `+${phone} is not on WhatsApp`);
  }

  /** The message waits for its time, and so does what follows in its chat. */
  private async hold(message: MessageRecord, afterS: number): Promise<void> {
    const { store, clock } = this.options;
    const until = clock.now() + afterS * 1000;
    this.held.set(message.chat, until);
    clock.at(until, () => this.wake());
    await store.messages.postpone(message.msgId);
  }

  private heldChats(): string[] {
    const now = this.options.clock.now();
    for (const [chat, until] of this.held) if (until <= now) this.held.delete(chat);
    return [...this.held.keys()];
  }

  /** Gives the message up, or puts it back for another try after a pause. */
  private async failed(message: MessageRecord, error: unknown): Promise<void> {
    const { store, sessionId, clock, log, retryPauseMs = RETRY_PAUSE_MS } = this.options;
    if (isTooFast(error)) {
      log.warn({ op: 'message.send', msgId: message.msgId, err: error }, 'WhatsApp says that we send too fast');
      return this.postpone(message);
    }
    if (storageFailure(error)) throw error;
    // Nothing is wrong with it: whether its number exists, or who is in its group, cannot be asked before.
    if (error instanceof EngineError && error.retryAfterS !== undefined) return this.hold(message, error.retryAfterS);
    // What the connection failed is not the message's fault, however often it happens.
    const spent = message.attempts + 1 >= TRIES && !isConnectionFailure(error);
    const noGroup = isGroup(message.chat) && NO_GROUP.includes(refusalCode(error) ?? 0);
    const final = error instanceof EngineError || noGroup || spent;
    log.warn(
      { op: 'message.send', msgId: message.msgId, attempt: message.attempts + 1, final, err: error },
      'send failed',
    );
    if (final) {
      const text = error instanceof EngineError ? fieldTexts(error) : reasonOf(error, noGroup);
      await store.commit({ sessionId, outcomes: [failure(message.waId, text)] });
      return;
    }
    await store.messages.retry(message.msgId);
    this.notBefore = clock.now() + retryPauseMs;
  }

  /** For the message that has waited longest. */
  private armAckTimer(): void {
    const { ackTimeoutMs = ACK_TIMEOUT_MS } = this.options;
    const [oldest] = this.unacknowledged.values();
    if (!this.socket || this.ackTimer || oldest === undefined) return;
    const wait = Math.max(0, oldest + ackTimeoutMs - Date.now());
    this.ackTimer = setTimeout(() => {
      this.disarm();
      this.retryUnacknowledged().catch((error: unknown) => this.stumbled(error));
    }, wait).unref();
  }

  private disarm(): void {
    clearTimeout(this.ackTimer);
    this.ackTimer = undefined;
  }

  /** What has waited too long for its acknowledgement is written again; after the last try its outcome is unknown. */
  private async retryUnacknowledged(): Promise<void> {
    const { store, sessionId, log, ackTimeoutMs = ACK_TIMEOUT_MS } = this.options;
    const overdue = Date.now() - ackTimeoutMs;
    for (const [msgId, writtenAt] of this.unacknowledged) {
      if (writtenAt > overdue) continue;
      const message = await store.messages.get(sessionId, msgId);
      const final = message !== undefined && message.attempts >= TRIES;
      log.warn({ op: 'message.send', msgId, final }, 'no acknowledgement from WhatsApp');
      if (final) await store.commit({ sessionId, outcomes: [unknown(message.waId)] });
      else await store.messages.retry(msgId);
      this.unacknowledged.delete(msgId);
    }
    this.armAckTimer();
    this.wake();
  }
}

const tooLate = () => new EngineError('conflict', 'it could not leave in time');

const fieldTexts = (error: EngineError) =>
  Object.values(error.fields ?? {})
    .flat()
    .join(' ') || error.message;

/** WhatsApp's codes for a group whose members it does not tell: there is none, or this account is not in it. */
const NO_GROUP = [401, 403, 404, 410];

function reasonOf(error: unknown, noGroup: boolean): string {
  if (noGroup) return 'there is no such group, or this account is not in it';
  return error instanceof UploadFailed ? error.message : 'it could not be encrypted for the recipient';
}
