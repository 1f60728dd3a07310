import { EventEmitter } from 'node:events';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { EngineError } from '../errors.ts';
import type { EventEnvelope } from '../events.ts';
import { PROFILES } from '../governor/profiles.ts';
import type { JobRecord, JobStatus, Reason } from '../model.ts';
import type { Committed, NewJob, NewRecipient, Store } from '../store/store.ts';
import type { Sessions } from '../whatsapp/sessions.ts';
import { progressOf, type Progress, type Speed } from './progress.ts';
import { Run } from './run.ts';

const BY_REQUEST: Reason = { code: 'paused', message: 'It was paused by request. Resume it to go on.' };

/** Messages to many people: made, carried out, paused, taken up again after a restart. */
export class Jobs {
  /** Of every job that is started and has not ended. */
  private readonly runs = new Map<number, Run>();
  /** `changed:<job>` when a job has entered another state. */
  private readonly changes = new EventEmitter().setMaxListeners(0);

  constructor(private readonly options: { store: Store; sessions: Sessions; clock: Clock; log: Logger }) {}

  /** The engine has started, and its sessions are back as far as they come back: jobs go on where they were. */
  async start(): Promise<void> {
    for (const job of await this.options.store.jobs.open()) this.run(job).wake();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.runs.values()].map((run) => run.stop()));
  }

  /**
   * Outcomes make room for more messages, a session that is connected takes up its jobs, and so does one that WhatsApp
   * restricts no longer.
   */
  committed(sessionId: number, { settled, events }: Pick<Committed, 'settled' | 'events'>): void {
    const allowed = events.some(isLifted);
    const news = allowed || settled.length > 0 || events.some(({ event }) => event === 'session.status');
    if (!news) return;
    for (const run of this.runs.values()) {
      if (run.sessionId !== sessionId) continue;
      if (allowed) run.retry();
      else run.wake();
    }
  }

  /** Keeps a job, which does nothing before it is resumed. A known idempotency key answers the job made first. */
  async create(job: Omit<NewJob, 'createdAt'>, recipients: readonly NewRecipient[]): Promise<JobRecord> {
    const { store, clock } = this.options;
    return (await store.jobs.create({ ...job, createdAt: clock.now() }, recipients)).job;
  }

  /** Throws `job_not_found`. */
  async get(sessionId: number, id: number): Promise<JobRecord> {
    const job = await this.options.store.jobs.get(sessionId, id);
    if (job) return job;
    throw new EngineError('job_not_found', `There is no bulk job ${id} in this session.`);
  }

  /** Looks a job up, as it was made under a key. Throws `idempotency_mismatch` when it was another one. */
  accepted(sessionId: number, idempotencyKey: string, source: string): Promise<JobRecord | undefined> {
    return this.options.store.jobs.accepted(sessionId, idempotencyKey, source);
  }

  async progress(job: JobRecord): Promise<Progress> {
    return progressOf(job, await this.options.store.jobs.counts(job.id), await this.speed(job));
  }

  /** Starts a job, or goes on with a paused one. Throws `conflict` when it has ended. */
  async resume(sessionId: number, id: number): Promise<JobRecord> {
    const job = await this.get(sessionId, id);
    if (job.status === 'running') return job;
    return this.must(job, ['ready', 'paused'], 'running');
  }

  /** Messages that are in the queue already still leave. Throws `conflict` when it does not run. */
  async pause(sessionId: number, id: number): Promise<JobRecord> {
    return this.halted(await this.get(sessionId, id), ['running', 'paused'], 'paused', BY_REQUEST);
  }

  /** Takes back what has not left, and writes to nobody more. Throws `conflict` when it has ended. */
  async cancel(sessionId: number, id: number): Promise<JobRecord> {
    return this.halted(await this.get(sessionId, id), ['ready', 'running', 'paused'], 'cancelled');
  }

  /** Forgets a job. Throws `conflict` when it is under way. */
  async remove(sessionId: number, id: number): Promise<void> {
    const job = await this.get(sessionId, id);
    if (await this.options.store.jobs.delete(sessionId, id)) return;
    throw new EngineError('conflict', `Bulk job ${id} is ${job.status}. Cancel it first.`);
  }

  /** Waits until a job no longer runs, as long as `timeoutMs`; answers it as it is then. */
  async rest(job: JobRecord, timeoutMs: number): Promise<JobRecord> {
    const { clock } = this.options;
    const name = `changed:${job.id}`;
    let wake = () => {};
    const changed = new Promise<void>((resolve) => (wake = resolve));
    this.changes.once(name, wake);
    const cancelAlarm = clock.at(clock.now() + timeoutMs, wake);
    const now = await this.get(job.sessionId, job.id);
    if (now.status === 'running') await changed;
    cancelAlarm();
    this.changes.off(name, wake);
    return this.get(job.sessionId, job.id);
  }

  /** Changes a job while it does nothing, so that no message is accepted once the caller has the answer. */
  private async halted(job: JobRecord, from: JobStatus[], to: JobStatus, reason?: Reason): Promise<JobRecord> {
    const run = this.runs.get(job.id);
    this.runs.delete(job.id);
    await run?.stop();
    return this.must(job, from, to, reason).catch((error: unknown) => {
      if (run) this.run(job).wake();
      throw error;
    });
  }

  private async must(job: JobRecord, from: JobStatus[], to: JobStatus, reason?: Reason): Promise<JobRecord> {
    const changed = await this.change(job, from, to, reason);
    if (changed) return changed;
    const { status } = await this.get(job.sessionId, job.id);
    throw new EngineError('conflict', `Bulk job ${job.id} is ${status}, so it cannot be ${DONE[to]}.`, {
      details: { status },
    });
  }

  private async change(
    changing: JobRecord,
    from: JobStatus[],
    to: JobStatus,
    reason?: Reason,
  ): Promise<JobRecord | undefined> {
    const { store, clock } = this.options;
    const { id, sessionId } = changing;
    const speed = await this.speed(changing);
    const { job } = await store.commit({
      sessionId,
      job: {
        id,
        from,
        to,
        ...(reason && { reason }),
        at: clock.now(),
        events: (job, counts) => [
          { event: 'bulk.status', lane: 'session', data: { job: progressOf(job, counts, speed) } },
        ],
      },
    });
    if (!job) return undefined;
    if (job.endedAt === null) this.run(job).wake();
    else this.runs.delete(id);
    this.changes.emit(`changed:${id}`);
    return job;
  }

  private run(job: JobRecord): Run {
    const known = this.runs.get(job.id);
    if (known) return known;
    const { store, sessions, clock, log } = this.options;
    const run = new Run({
      id: job.id,
      sessionId: job.sessionId,
      store,
      session: () => sessions.get(job.sessionId),
      clock,
      log,
      change: (from, to, reason) => this.change(job, from, to, reason),
    });
    this.runs.set(job.id, run);
    return run;
  }

  /** How fast a job is: as it has been of late, else as the session's pace has it. One that is not there has no id. */
  async speed({ id, sessionId, everyMs }: { id?: number; sessionId: number; everyMs: number }): Promise<Speed> {
    const { clock, sessions } = this.options;
    const { pace, today } = await sessions.get(sessionId).governor.sending();
    const profile = pace === 'off' ? undefined : PROFILES[pace];
    const pauseMs = profile ? Math.max(60_000 / profile.messages.perMinute, mean(profile.pauseMs)) : UNHURRIED_MS;
    const known = id === undefined ? undefined : this.runs.get(id)?.msPerMessage;
    return { now: clock.now(), msPerMessage: known ?? Math.max(everyMs, pauseMs), perDay: today?.limit };
  }
}

const mean = ([least, most]: readonly [number, number]) => (least + most) / 2;

const isLifted = ({ event, data }: EventEnvelope) =>
  event === 'account.restricted' && !(data as { restricted: boolean }).restricted;

/** A guess, until a job has sent something: what one message takes without any pace. */
const UNHURRIED_MS = 100;

const DONE: Record<JobStatus, string> = {
  ready: 'made ready',
  running: 'started',
  paused: 'paused',
  completed: 'completed',
  cancelled: 'cancelled',
};
