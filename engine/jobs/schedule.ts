import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { EngineError, ERRORS, isUnforeseen, unforeseen, validationFailed } from '../errors.ts';
import type { EventEnvelope } from '../events.ts';
import type { MediaKind, MessageRecord, SendRequest } from '../model.ts';
import type { Committed, ScheduledTime, Store } from '../store/store.ts';
import { STATUS, toJid } from '../whatsapp/jid.ts';
import { failure } from '../whatsapp/outcomes.ts';
import type { Session } from '../whatsapp/session.ts';
import type { Sessions } from '../whatsapp/sessions.ts';
import { Alarm } from './alarm.ts';
import { timeOf } from './time.ts';

/** A time so little gone by still counts as now: requests take a while, and clocks differ. */
const TOLERANCE_MS = 60_000;
const FARTHEST_MS = 366 * 86_400_000;
/** Seconds after its time after which a message is not sent any more, unless the caller says. */
export const EXPIRE_AFTER_S = 86_400;
/** A refusal that does not say for how long is asked about again after so long. */
const ASK_AGAIN_MS = 60_000;

/** When a message is to leave, as a caller says it. */
export interface Timing {
  scheduledAt: string | number;
  timeZone?: string | undefined;
  expireAfter?: number | undefined;
}

/** What a caller may change about a message that waits for its time. */
export interface Changes extends Partial<Timing> {
  to?: string | undefined;
  text?: string | undefined;
}

/**
 * The messages of all sessions that wait for their time. One alarm is set for the next of them, nothing is polled. Its
 * time having come, a message enters its session's queue through the same door as every other; what is refused there
 * waits until it can be had, and what waits for too long fails. Whatever becomes of a message is one transaction, so that
 * it leaves once, whenever this process ends.
 */
export class Schedule {
  private readonly alarm: Alarm;
  /** Sessions that have been connected, and whose messages are to be looked at again. */
  private readonly connected = new Set<number>();

  constructor(
    private readonly options: {
      store: Store;
      sessions: Pick<Sessions, 'get'>;
      clock: Clock;
      log: Logger;
    },
  ) {
    this.alarm = new Alarm({
      clock: options.clock,
      ring: () => this.takeDue(),
      failed: (error) => options.log.error({ err: error }, 'schedule failed'),
    });
  }

  /** Takes up what came due while no engine ran, and sets the alarm. */
  start(): void {
    this.wake();
  }

  /** Something has been scheduled, changed or made possible. */
  wake(): void {
    this.alarm.wake();
  }

  /** Finishes what is in hand. */
  stop(): Promise<void> {
    return this.alarm.stop();
  }

  /**
   * When a message is to leave. Throws `validation_failed` for a time that is past or too far away; a message that was
   * accepted under this key before may have its time behind it.
   */
  async timeFor(session: Session, timing: Timing, idempotencyKey?: string): Promise<ScheduledTime> {
    const known = idempotencyKey && (await this.options.store.messages.accepted(session.id, idempotencyKey));
    const sendAt = timeOf(timing.scheduledAt, timing.timeZone);
    if (!known) this.assertAhead(sendAt);
    return { sendAt, expiresAt: sendAt + (timing.expireAfter ?? EXPIRE_AFTER_S) * 1000 };
  }

  /** Accepts a message for that time; a repeated key answers the one accepted first. */
  async accept(
    session: Session,
    request: SendRequest,
    time: ScheduledTime,
    options: { idempotencyKey?: string },
  ): Promise<MessageRecord> {
    const message = await session.messages.schedule(request, time, options);
    this.wake();
    return message;
  }

  /** A message that is or was scheduled, by its number or its WhatsApp id. Throws `message_not_found`. */
  async get(session: Session, id: string): Promise<MessageRecord> {
    const message = await session.messages.get(id);
    if (message.sendAt !== null) return message;
    throw new EngineError('message_not_found', `Message ${id} was not scheduled. GET /api/messages/${id}/info has it.`);
  }

  /** Changes a message that waits. Throws `conflict` for one that does not, `validation_failed` for what cannot be. */
  async change(session: Session, id: string, changes: Changes): Promise<MessageRecord> {
    const message = await this.get(session, id);
    const { to, text } = changes;
    const request: SendRequest = {
      ...message.request!,
      ...(to !== undefined && { to }),
      ...(text !== undefined && textInstead(message.request!, text)),
      changed: true,
    };
    const chat = to === undefined ? message.chat : chatInstead(message.chat, to);
    let sendAt = message.sendAt!;
    if (changes.scheduledAt !== undefined) {
      const { scheduledAt, timeZone = request.timeZone } = changes;
      sendAt = timeOf(scheduledAt, timeZone);
      this.assertAhead(sendAt);
      Object.assign(request, { scheduledAt, ...(timeZone !== undefined && { timeZone }) });
    }
    if (changes.expireAfter !== undefined) request.expireAfter = changes.expireAfter;
    const { schedule } = this.options.store;
    const expiresAt = sendAt + (request.expireAfter ?? EXPIRE_AFTER_S) * 1000;
    const changed = await schedule.change(session.id, message.msgId, { chat, request, sendAt, expiresAt });
    this.wake();
    return changed ?? this.tooLate(session, id);
  }

  /** It will never be sent. Throws `conflict` when its time has come; cancelled twice is cancelled. */
  async cancel(session: Session, id: string): Promise<MessageRecord> {
    const message = await this.get(session, id);
    if (message.send === 'cancelled') return message;
    const cancelled = await this.options.store.schedule.cancel(session.id, message.msgId);
    return cancelled ?? this.tooLate(session, id);
  }

  /** A session has been connected: what waited for that leaves. */
  committed(sessionId: number, { events }: Pick<Committed, 'events'>): void {
    if (!events.some(isConnected)) return;
    this.connected.add(sessionId);
    this.wake();
  }

  private assertAhead(sendAt: number): void {
    const now = this.options.clock.now();
    const text =
      sendAt < now - TOLERANCE_MS
        ? `is in the past: it is ${new Date(now).toISOString()}. Give a time ahead, or leave scheduledAt out to send now.`
        : sendAt > now + FARTHEST_MS
          ? 'is more than a year ahead. Give an earlier time; a number is Unix seconds, not milliseconds.'
          : undefined;
    if (text) throw validationFailed({ scheduledAt: [`The scheduledAt field ${text}`] });
  }

  private async tooLate(session: Session, id: string): Promise<never> {
    const { msgId, send, status } = await this.get(session, id);
    const text =
      send === 'cancelled'
        ? 'This message was cancelled. Send a new one.'
        : 'The time of this message has come: it is sent, or about to be. What was sent can be edited (PUT) or deleted (DELETE) at /api/messages/{msgId}.';
    throw new EngineError('conflict', text, { details: { msgId, status } });
  }

  /** Answers when the next one is due. */
  private async takeDue(): Promise<number | undefined> {
    const { store, clock } = this.options;
    while (!this.alarm.stopped) {
      await this.resume();
      const next = await store.schedule.next();
      if (!next || next.at > clock.now()) return next?.at;
      await this.take(next.message);
    }
    return undefined;
  }

  /** Here and not where it is told, so that nothing is postponed after it for want of a connection. */
  private async resume(): Promise<void> {
    for (const sessionId of this.connected) {
      this.connected.delete(sessionId);
      await this.options.store.schedule.resume(sessionId);
    }
  }

  /** The time of a message has come. Afterwards it is queued, has failed, or waits for a later time. */
  private async take(message: MessageRecord): Promise<void> {
    const { sessions, clock } = this.options;
    if (clock.now() >= message.expiresAt!) {
      return this.fail(message, `it could not leave in time${message.error ? `: ${message.error}` : ''}`);
    }
    try {
      await sessions.get(message.sessionId).messages.release(message);
    } catch (thrown) {
      await this.refused(message, unforeseen(thrown));
    }
  }

  private async refused(message: MessageRecord, error: EngineError): Promise<void> {
    const { store, clock, log } = this.options;
    const { msgId, expiresAt } = message;
    const sendAt = message.sendAt!;
    if (error.code === 'stopping') throw error;
    // Not found: the engine has just started, and the sessions are being taken up.
    if (error.code === 'session_not_connected' || error.code === 'session_not_found') {
      return store.schedule.postpone({ msgId, sendAt }, expiresAt!, 'the session was not connected');
    }
    if (ERRORS[error.code].fault === 'caller') return this.fail(message, error.message);
    if (isUnforeseen(error)) log.error({ err: error.cause, msgId }, 'scheduled message failed');
    const afterMs = error.retryAfterS === undefined ? ASK_AGAIN_MS : error.retryAfterS * 1000;
    await store.schedule.postpone({ msgId, sendAt }, clock.now() + afterMs, error.message);
  }

  /** It will not be sent, unless it was changed or cancelled this moment. */
  private async fail({ sessionId, waId, expiresAt }: MessageRecord, text: string): Promise<void> {
    const provided = (message: MessageRecord) => message.send === 'scheduled' && message.expiresAt === expiresAt;
    await this.options.store.commit({ sessionId, outcomes: [{ ...failure(waId, text), provided }] });
  }
}

const isConnected = ({ event, data }: EventEnvelope) =>
  event === 'session.status' && (data as { status?: string }).status === 'connected';

/** Kinds of files that have a caption. */
const CAPTIONED: (MediaKind | undefined)[] = ['image', 'video', 'document'];

function textInstead({ kind, text: before }: SendRequest, text: string): { text: string } {
  if (CAPTIONED.includes(kind) || (kind === undefined && before !== undefined && text !== '')) return { text };
  const wrong = before === undefined || kind ? 'for a message that has a text or a caption' : 'not to be emptied';
  throw validationFailed({
    text: [`The text field is ${wrong}. For another content cancel this message and send a new one.`],
  });
}

function chatInstead(before: string, to: string): string {
  const chat = toJid(to);
  if ((chat === STATUS) === (before === STATUS)) return chat;
  throw validationFailed({ to: ['The to field cannot make a message of a status, or a status of a message.'] });
}
