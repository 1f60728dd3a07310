import { createHash, randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { EngineError } from '../errors.ts';
import type { EventEnvelope } from '../events.ts';
import type { InquiryRecord, SendRequest } from '../model.ts';
import type { Committed, Store } from '../store/store.ts';
import type { Asking } from '../whatsapp/messages.ts';
import type { Session } from '../whatsapp/session.ts';
import type { Sessions } from '../whatsapp/sessions.ts';
import { Alarm } from './alarm.ts';
import { EXPIRE_AFTER_S, type Schedule } from './schedule.ts';

/** For so long after its end an inquiry stays open while its session is away: the answer may be on its way. */
const GRACE_MS = 15 * 60_000;
/** A connection that shows no sign of life is asked again after so long, should it not end before. */
const LOOK_AGAIN_MS = 10_000;
/** So many are closed in one transaction. */
const AT_ONCE = 200;
/** WhatsApp shows no longer question of a poll. */
const LONGEST_POLL = 255;
/** Needs no translation: the question stands above it. */
const REMINDER = '⏰';

/** A question, as a caller asks it. */
export interface Question extends Pick<InquiryRecord, 'kind' | 'question' | 'options' | 'person' | 'replyOnly'> {
  to: string;
  expireAfterS?: number | undefined;
  reminder?: { afterS: number; text?: string | undefined } | undefined;
  callback?: { url: string; secret: string } | undefined;
}

/**
 * Questions of all sessions that wait for their answers. The answer is found by the commit that stores it; what is left
 * to do here is to ask, and to end what nobody has answered in time. While a session is not up to date with WhatsApp that
 * waits, because what was written in time counts.
 */
export class Inquiries {
  private readonly alarm: Alarm;
  /** What ended while no engine ran waits from then on. */
  private readonly startedAt: number;

  constructor(
    private readonly options: {
      store: Store;
      sessions: Pick<Sessions, 'get'>;
      schedule: Pick<Schedule, 'wake'>;
      clock: Clock;
      log: Logger;
    },
  ) {
    this.startedAt = options.clock.now();
    this.alarm = new Alarm({
      clock: options.clock,
      ring: () => this.takeDue(),
      failed: (error) => options.log.error({ err: error }, 'inquiries failed'),
    });
  }

  /** The sessions are back, as far as they come back: ends what should have ended while no engine ran. */
  start(): void {
    this.wake();
  }

  /** Finishes what is in hand. */
  stop(): Promise<void> {
    return this.alarm.stop();
  }

  /** There may be something to end. */
  wake(): void {
    this.alarm.wake();
  }

  /** A session has been connected, or will not be any more. */
  committed(_sessionId: number, { events }: Pick<Committed, 'events'>): void {
    if (events.some(({ event }: EventEnvelope) => event === 'session.status')) this.wake();
  }

  /** Sends a question and waits for its answer from then on; throws what a send does. A repeated key asks nothing new. */
  async ask(session: Session, question: Question, idempotencyKey?: string): Promise<InquiryRecord> {
    const message = await session.messages.send(requestOf(question), {
      ...(idempotencyKey !== undefined && { idempotencyKey }),
      inquiry: this.opening(question),
    });
    this.options.schedule.wake();
    this.wake();
    const inquiry = await this.options.store.inquiries.ofMessage(session.id, message.msgId);
    if (inquiry) return inquiry;
    throw new EngineError('conflict', 'The inquiry that this Idempotency-Key asked is forgotten. Use a new key.');
  }

  /** Throws `inquiry_not_found`. */
  async get(sessionId: number, id: string): Promise<InquiryRecord> {
    const inquiry = await this.options.store.inquiries.get(sessionId, id);
    if (inquiry) return inquiry;
    throw new EngineError('inquiry_not_found', `There is no inquiry ${id} in this session.`);
  }

  /** Nobody waits for the answer any more. Throws `conflict` when it is closed; cancelled twice is cancelled. */
  async cancel(sessionId: number, id: string): Promise<InquiryRecord> {
    const cancelled = await this.options.store.inquiries.cancel(sessionId, id);
    const inquiry = cancelled ?? (await this.get(sessionId, id));
    if (inquiry.status === 'cancelled') return inquiry;
    const { status } = inquiry;
    throw new EngineError('conflict', `This inquiry is ${status}: only an open one can be cancelled.`, {
      details: { status },
    });
  }

  private opening({ expireAfterS, reminder, callback, ...question }: Question): Asking {
    const now = this.options.clock.now();
    const after = (seconds: number) => now + seconds * 1000;
    const { kind, question: text, options, person, replyOnly } = question;
    const expiresAt = expireAfterS === undefined ? null : after(expireAfterS);
    return {
      ...{ kind, question: text, options, person, replyOnly, expiresAt },
      id: `inq_${randomBytes(12).toString('hex')}`,
      createdAt: now,
      ...(reminder && {
        reminder: {
          text: reminder.text ?? REMINDER,
          schedule: {
            sendAt: after(reminder.afterS),
            expiresAt: Math.min(after(reminder.afterS + EXPIRE_AFTER_S), expiresAt ?? Infinity),
          },
        },
      }),
      ...(callback && { callback }),
    };
  }

  /** Answers when there is something to do next. */
  private async takeDue(): Promise<number | undefined> {
    const ends = await this.options.store.inquiries.ends();
    const times = await Promise.all(ends.map((end) => this.take(end)));
    const next = Math.min(...times.map((time) => time ?? Infinity));
    return Number.isFinite(next) ? next : undefined;
  }

  /** Ends what is over in a session, if that can be known; answers when it is to be looked at again. */
  private async take({ sessionId, at }: { sessionId: number; at: number }): Promise<number | undefined> {
    const now = this.options.clock.now();
    if (at > now) return at;
    const session = this.options.sessions.get(sessionId);
    if (!session.linked || (await session.isUpToDate())) return this.end(sessionId, now);
    const grace = Math.max(at, this.startedAt) + GRACE_MS;
    if (grace > now) return session.wa ? Math.min(grace, now + LOOK_AGAIN_MS) : grace;
    return this.end(sessionId, now - GRACE_MS);
  }

  private async end(sessionId: number, by: number): Promise<undefined> {
    await this.options.store.commit({ sessionId, inquiriesOver: { by, limit: AT_ONCE } });
    // There may be more, and there is a next one.
    this.wake();
  }
}

/** The message that asks. What is too long for a poll is a text, with the answers below. */
function requestOf({ to, kind, question, options, ...more }: Question): SendRequest {
  // Tells a repeated request from another one with the same words.
  const source = createHash('sha256')
    .update(JSON.stringify({ kind, ...more }))
    .digest('hex');
  if (kind === 'text') return { to, text: question, source };
  if (question.length <= LONGEST_POLL) return { to, poll: { question, options }, source };
  const signs = kind === 'approval' ? ['👍', '👎'] : options.map((_, index) => `${index + 1}.`);
  const lines = options.map((option, index) => `${signs[index]} ${option}`);
  return { to, text: `${question}\n\n${lines.join('\n')}`, source };
}
