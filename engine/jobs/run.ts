import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { ERRORS, EngineError } from '../errors.ts';
import type { JobRecord, JobStatus, Reason, RecipientRecord, SendRequest } from '../model.ts';
import type { Store } from '../store/store.ts';
import type { Session } from '../whatsapp/session.ts';
import { filledIn } from './variables.ts';

/**
 * Without a pace, so many messages of a job may wait in the queue or for WhatsApp's acknowledgement; with one, the next
 * enters the queue when the last has left.
 */
const UNDER_WAY = 16;
/** A wait that is no longer than this is not worth a change of state. */
const SHORT_WAIT_MS = 60_000;
/** After so long a job goes on that was stopped by something that says no time of its own. */
const RETRY_MS = 60_000;
/** From so many messages it is known how fast a job is. */
const RECENT = 50;
const OTHER_ACCOUNT: Reason = {
  code: 'account_changed',
  message:
    'It was made for another account than the one that the session is linked to now. Make it anew, or cancel it.',
};

export interface RunOptions {
  id: number;
  sessionId: number;
  store: Store;
  /** Throws when there is no such session any more. */
  session: () => Session;
  clock: Clock;
  log: Logger;
  /** The job enters another state, if it is in `from`. */
  change: (from: JobStatus[], to: JobStatus, reason?: Reason) => Promise<unknown>;
}

/**
 * Carries one job out: writes to the next recipient as long as the job runs and there is room in the queue. Whatever
 * may have changed that wakes it: an outcome, a connection, a person, the time.
 */
export class Run {
  private running: Promise<void> | undefined;
  private again = false;
  private stopped = false;
  /** Whatever the job was paused for may be over before its time. */
  private early = false;
  private alarm: (() => void) | undefined;
  /** When the last messages were accepted, in Unix milliseconds: how fast the job really is. */
  private readonly accepted: number[] = [];

  constructor(private readonly options: RunOptions) {}

  get sessionId(): number {
    return this.options.sessionId;
  }

  wake(): void {
    if (this.running) {
      this.again = true;
      return;
    }
    if (this.stopped) return;
    this.again = false;
    this.running = this.advance()
      .catch((error: unknown) => this.unforeseen(error))
      .finally(() => {
        this.running = undefined;
        if (this.again) this.wake();
      });
  }

  /** WhatsApp allows more than before: a job that waits for a time asks again now. */
  retry(): void {
    this.early = true;
    this.wake();
  }

  /** Nothing more is sent once this has resolved. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.alarm?.();
    await this.running;
  }

  /** Milliseconds from one message to the next of late; undefined before there were two. */
  get msPerMessage(): number | undefined {
    const [first, last] = [this.accepted[0], this.accepted.at(-1)];
    if (first === undefined || last === undefined || this.accepted.length < 2) return undefined;
    return (last - first) / (this.accepted.length - 1);
  }

  private async advance(): Promise<void> {
    this.alarm?.();
    while (!this.stopped) {
      const job = await this.options.store.jobs.get(this.options.sessionId, this.options.id);
      if (!job || !(await this.mayGoOn(job)) || !(await this.step(job))) return;
    }
  }

  /** Whether the job runs; one that was paused by the engine does again when its time has come. */
  private async mayGoOn({ status, reason }: JobRecord): Promise<boolean> {
    const { early } = this;
    this.early = false;
    if (status === 'running') return true;
    this.accepted.length = 0;
    if (status !== 'paused' || !reason) return false;
    if (reason.retryAt !== undefined) {
      if (reason.retryAt > this.options.clock.now() && !early) return this.wakeAt(reason.retryAt);
    } else if (reason.code !== 'session_not_connected' || this.options.session().status.status !== 'connected') {
      return false;
    }
    await this.options.change(['paused'], 'running');
    return true;
  }

  /** Answers whether to go on at once; when not, something will wake it. */
  private async step(job: JobRecord): Promise<boolean> {
    const { store, clock, session } = this.options;
    const underWay = await store.jobs.underWay(job.id);
    const recipient = await store.jobs.next(job.id);
    if (!recipient) {
      if (underWay === 0) await this.options.change(['running'], 'completed');
      return underWay === 0;
    }
    try {
      session().assertSending();
    } catch (error) {
      return this.refused(error, recipient.position);
    }
    if (session().governor.isForAnother(job.createdAt)) {
      await this.options.change(['running'], 'paused', OTHER_ACCOUNT);
      return false;
    }
    if (underWay >= (session().governor.free ? UNDER_WAY : 1)) return false;
    const due = (this.accepted.at(-1) ?? -Infinity) + job.everyMs;
    if (due > clock.now()) return this.wakeAt(due);
    return this.writeTo(recipient, job);
  }

  private async writeTo({ position, chat, variables }: RecipientRecord, job: JobRecord): Promise<boolean> {
    const { store, clock, session } = this.options;
    const to = chat!;
    const person = [to, ...(await store.contacts.otherAddresses(job.sessionId, [to])).values()];
    if ((await store.optOuts.among(job.sessionId, [to])).size > 0) {
      await store.jobs.settle(job.id, position, { skipped: 'opted_out', detail: 'This person has opted out.' });
      return true;
    }
    if (await store.jobs.reached(job.id, person)) {
      const detail = 'The same person as another recipient, by another address.';
      await store.jobs.settle(job.id, position, { skipped: 'duplicate', detail });
      return true;
    }
    try {
      const request: SendRequest = { ...filledIn(job.request, variables), to };
      // No key of a caller has a space in it.
      const { msgId } = await session().messages.send(request, { idempotencyKey: `bulk ${job.id}:${position}` });
      await store.jobs.settle(job.id, position, { msgId });
      this.accepted.push(clock.now());
      if (this.accepted.length > RECENT) this.accepted.shift();
      return true;
    } catch (error) {
      return this.refused(error, position);
    }
  }

  /** What is the recipient's own fails the recipient; everything else waits, and never at full speed. */
  private async refused(error: unknown, position: number): Promise<boolean> {
    if (!(error instanceof EngineError)) throw error;
    const { store, clock, id } = this.options;
    const { code, message, retryAfterS } = error;
    if (code === 'stopping') return false;
    if (code === 'session_not_connected') {
      await this.options.change(['running'], 'paused', { code, message });
      return true;
    }
    if (retryAfterS === undefined && ERRORS[code].fault === 'caller') {
      await store.jobs.settle(id, position, { failed: wordsOf(error) });
      return true;
    }
    const wait = retryAfterS === undefined ? RETRY_MS : retryAfterS * 1000;
    const retryAt = clock.now() + wait;
    if (wait <= SHORT_WAIT_MS) return this.wakeAt(retryAt);
    await this.options.change(['running'], 'paused', { code, message, retryAt });
    return true;
  }

  private unforeseen(error: unknown): void {
    if (this.stopped || (error instanceof EngineError && ['stopping', 'session_not_found'].includes(error.code)))
      return;
    this.options.log.error({ err: error, job: this.options.id }, 'bulk job stumbled, and goes on in a minute');
    this.wakeAt(this.options.clock.now() + RETRY_MS);
  }

  private wakeAt(time: number): false {
    this.alarm?.();
    this.alarm = this.options.clock.at(time, () => this.wake());
    return false;
  }
}

const wordsOf = ({ fields, message }: EngineError) =>
  Object.values(fields ?? {})
    .flat()
    .join(' ') || message;
