import pLimit, { type LimitFunction } from 'p-limit';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { storageFailure } from '../errors.ts';
import type { EventEnvelope } from '../events.ts';
import type { DeliveryRecord, SubscriptionRecord } from '../model.ts';
import type { DueDelivery, Store } from '../store/store.ts';
import type { Attempt } from './attempt.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Least pauses after the first, second … failed attempt; together over a day. After the last the event is parked. */
export const RETRY_PAUSES_MS = [
  SECOND,
  5 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  4 * HOUR,
  8 * HOUR,
  12 * HOUR,
];
/**
 * A receiver that is gone is asked again, with one event that waits for it, after these pauses; the last one repeats.
 * n8n answers 404 for the seconds in which it starts or publishes a workflow, so the first ones are short.
 */
const PROBE_PAUSES_MS = [5 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE];
/** While nothing can be written, events wait, and so much later it is looked again. */
const UNWRITABLE_PAUSE_MS = 5 * SECOND;
const IN_FLIGHT_PER_SUBSCRIPTION = 8;
/** How long a stop waits for receivers that are slow to answer, whatever the clock says. */
const STOP_GRACE_MS = 5 * SECOND;

export interface WorkerOptions {
  store: Store;
  /** Makes one HTTP attempt; see attempt.ts. */
  attempt: (subscription: SubscriptionRecord, event: EventEnvelope) => Promise<Attempt>;
  /** The receiver has taken this, and that is written down. */
  onTaken?: (subscription: SubscriptionRecord, event: EventEnvelope) => void;
  log: Logger;
  clock: Clock;
  /** Instead of {@link RETRY_PAUSES_MS}. */
  pausesMs?: readonly number[];
  /** Instead of {@link PROBE_PAUSES_MS}. */
  probePausesMs?: readonly number[];
}

interface Lane {
  subscriptionId: string;
  lane: string;
}

/** A lane that is being worked on, or that an alarm will wake. */
interface LaneWork {
  running: boolean;
  /** Something came in while it was running. */
  again: boolean;
  /** Calls the alarm off. */
  alarm: (() => void) | undefined;
}

/** What is remembered of a subscription for as long as one of its lanes is being worked on or has an alarm. */
interface Work {
  limit: LimitFunction;
  lanes: Map<string, LaneWork>;
  /** Of a parked subscription, the one lane that knocks at the door; the others wait until it opens. */
  prober: string | undefined;
  /** How often it has knocked in vain. */
  probes: number;
  /** Counts registrations and resumes: the answer to an attempt begun before the last one is out of date. */
  epoch: number;
}

/**
 * Carries events from the store to subscribers. Each lane (one chat of one subscription) is strictly first in, first
 * out, over retries and restarts; lanes do not wait for one another, and a dead receiver delays nobody else. For a
 * subscription that collects, the messages of a burst leave as one when it is over. All it knows is in the store: what
 * is in memory here are only alarm clocks.
 */
export class DeliveryWorker {
  private readonly work = new Map<string, Work>();
  private readonly inFlight = new Set<Promise<void>>();
  private stopping = false;
  /** The stop did not wait any longer: whatever an attempt still brings is left to the next process. */
  private abandoned = false;

  constructor(private readonly options: WorkerOptions) {}

  /** Takes up whatever was undelivered when the last process ended. */
  async start(): Promise<void> {
    this.wake(await this.options.store.deliveries.lanes());
  }

  /** Something new, or newly due, waits in these lanes. */
  wake(lanes: Lane[]): void {
    for (const lane of lanes) this.run(lane);
  }

  /** The subscription was registered anew, changed or resumed: whatever waits for it may be due. */
  async wakeSubscription(subscriptionId: string): Promise<void> {
    const work = this.work.get(subscriptionId);
    if (work) {
      work.prober = undefined;
      work.probes = 0;
      work.epoch += 1;
    }
    this.wake(await this.options.store.deliveries.lanes(subscriptionId));
  }

  /**
   * Starts nothing new and waits for what is in flight, but not forever: an attempt that is still unanswered then is
   * not recorded, and the next process makes it again under the same event id.
   */
  async stop(graceMs = STOP_GRACE_MS): Promise<void> {
    this.stopping = true;
    for (const { lanes } of this.work.values()) for (const { alarm } of lanes.values()) alarm?.();
    let deadline: NodeJS.Timeout | undefined;
    const grace = new Promise((resolve) => (deadline = setTimeout(resolve, graceMs)));
    await Promise.race([Promise.allSettled(this.inFlight), grace]);
    clearTimeout(deadline);
    this.abandoned = true;
  }

  private run(lane: Lane): void {
    if (this.stopping) return;
    const work = this.workOf(lane.subscriptionId);
    const own = laneOf(work, lane.lane);
    if (own.running) {
      own.again = true;
      return;
    }
    own.alarm?.();
    Object.assign(own, { running: true, again: false, alarm: undefined });
    const done = work
      .limit(() => this.drain(lane, work))
      .catch((error: unknown) => {
        if (this.abandoned) return;
        if (storageFailure(error)) return this.setAlarm(lane, work, UNWRITABLE_PAUSE_MS);
        this.options.log.error({ err: error, ...lane }, 'delivery lane failed');
        this.setAlarm(lane, work, MINUTE);
      })
      .then(() => {
        own.running = false;
        if (own.again) this.run(lane);
        else this.forgetIdle(lane, work);
      });
    this.track(done);
  }

  /** Delivers the lane's events in order until it is empty or has to wait. */
  private async drain(lane: Lane, work: Work): Promise<void> {
    const { store, clock } = this.options;
    while (!this.stopping) {
      const due = await store.deliveries.head(lane.subscriptionId, lane.lane);
      const subscription = due && (await store.subscriptions.get(lane.subscriptionId));
      if (!due || !subscription) return this.leave(lane, work);
      if (subscription.state === 'parked' && !mayProbe(lane, work)) return;
      // Whether the receiver has it could not be written down, and it would get it once more with every try.
      if (await store.health()) return this.setAlarm(lane, work, UNWRITABLE_PAUSE_MS);
      const wait = due.delivery.nextAttemptAt - clock.now();
      if (wait > 0) return this.setAlarm(lane, work, wait);
      if (due.gathering) {
        await store.deliveries.fixBatch(lane.subscriptionId, lane.lane);
        continue;
      }
      const { epoch } = work;
      const result = await this.tryOnce(subscription, due);
      if (this.abandoned) return;
      const parked = subscription.state === 'parked' || work.prober !== undefined;
      const seen = work.epoch === epoch ? { parked, failures: due.delivery.failures } : 'outdated';
      const goesOn = await this.note(lane, work, due.delivery, result, seen);
      if (result.outcome === 'delivered') this.options.onTaken?.(subscription, due.body);
      if (!goesOn) return;
    }
  }

  private async tryOnce(subscription: SubscriptionRecord, { delivery, body }: DueDelivery): Promise<Attempt> {
    const startedAt = performance.now();
    const result = await this.options.attempt(subscription, body);
    this.options.log[result.outcome === 'delivered' ? 'info' : 'warn'](
      {
        op: 'delivery.attempt',
        session: Number(body.sessionId),
        subscription: subscription.id,
        receiver: new URL(subscription.url).host,
        event: body.event,
        eventId: body.id,
        seq: body.seq,
        ...(body.collected && { messages: body.collected.length }),
        attempt: delivery.attempts + 1,
        ...result,
        ms: Math.round(performance.now() - startedAt),
      },
      'delivery attempt',
    );
    return result;
  }

  /**
   * Writes down what came of an attempt; answers whether the lane may go on with its next event. `seen` is how things
   * stood when the attempt began, unless somebody has registered or resumed the subscription since.
   */
  private async note(
    lane: Lane,
    work: Work,
    { id }: DeliveryRecord,
    { outcome, httpStatus, error, retryAfterMs = 0 }: Attempt,
    seen: { parked: boolean; failures: number } | 'outdated',
  ): Promise<boolean> {
    const { store, clock, probePausesMs = PROBE_PAUSES_MS, pausesMs = RETRY_PAUSES_MS } = this.options;
    const { parked, failures } = seen === 'outdated' ? { parked: false, failures: 0 } : seen;
    const at = clock.now();
    const answer = { at, httpStatus, error };
    if (outcome === 'delivered') {
      await store.deliveries.record(id, { status: 'delivered', ...answer });
      if (parked) await this.resume(lane.subscriptionId);
      return true;
    }
    // Nobody listens, or still nobody: that is not this event's fault, and uses up none of its tries.
    if (outcome === 'gone' || (parked && httpStatus === undefined)) {
      const probePauseMs = probePausesMs[Math.min(work.probes, probePausesMs.length - 1)]!;
      const nextAttemptAt = seen === 'outdated' ? at : at + probePauseMs;
      await store.deliveries.record(id, { status: 'failed', nextAttemptAt, spared: true, ...answer });
      if (seen === 'outdated') return true;
      if (!parked) await store.subscriptions.park(lane.subscriptionId, error ?? 'gone');
      if (mayProbe(lane, work)) {
        work.probes += 1;
        this.setAlarm(lane, work, probePauseMs);
      }
      return false;
    }
    // Whatever else it answers, somebody is there again.
    if (parked) await this.resume(lane.subscriptionId);
    const pause = pausesMs[failures];
    if (pause === undefined) {
      await store.deliveries.record(id, { status: 'parked', ...answer });
      this.options.log.error({ op: 'delivery.parked', ...lane, delivery: id }, 'event given up until it is resumed');
      return true;
    }
    const wait = Math.max(retryAfterMs, jittered(pause));
    await store.deliveries.record(id, { status: 'failed', nextAttemptAt: at + wait, ...answer });
    this.setAlarm(lane, work, wait);
    return false;
  }

  /** The receiver is back: everything that waited for it is due now. */
  private async resume(subscriptionId: string): Promise<void> {
    const { store, log } = this.options;
    await store.subscriptions.resume(subscriptionId);
    log.info({ op: 'delivery.resume', subscription: subscriptionId }, 'receiver is back');
    await this.wakeSubscription(subscriptionId);
  }

  /** The lane is empty. Had it been the one that knocks, another has to. */
  private async leave({ subscriptionId, lane }: Lane, work: Work): Promise<void> {
    if (work.prober === lane) await this.wakeSubscription(subscriptionId);
  }

  private setAlarm(lane: Lane, work: Work, ms: number): void {
    if (this.stopping) return;
    const { clock } = this.options;
    const own = laneOf(work, lane.lane);
    own.alarm?.();
    own.alarm = clock.at(clock.now() + ms, () => this.run(lane));
  }

  private workOf(subscriptionId: string): Work {
    let work = this.work.get(subscriptionId);
    if (!work) {
      work = { limit: pLimit(IN_FLIGHT_PER_SUBSCRIPTION), lanes: new Map(), prober: undefined, probes: 0, epoch: 0 };
      this.work.set(subscriptionId, work);
    }
    return work;
  }

  private forgetIdle({ subscriptionId, lane }: Lane, work: Work): void {
    if (work.lanes.get(lane)?.alarm === undefined) work.lanes.delete(lane);
    if (work.lanes.size === 0) this.work.delete(subscriptionId);
  }

  private track(work: Promise<void>): void {
    this.inFlight.add(work);
    void work.finally(() => this.inFlight.delete(work));
  }
}

function laneOf(work: Work, lane: string): LaneWork {
  let own = work.lanes.get(lane);
  if (!own) work.lanes.set(lane, (own = { running: false, again: false, alarm: undefined }));
  return own;
}

function mayProbe({ lane }: Lane, work: Work): boolean {
  work.prober ??= lane;
  return work.prober === lane;
}

/** Up to two fifths more, never less, so that receivers which failed together are not all tried again together. */
const jittered = (ms: number) => Math.round(ms * (1 + 0.4 * Math.random()));
