import pLimit, { type LimitFunction } from 'p-limit';
import type { Logger } from 'pino';
import type { EventEnvelope } from '../events.ts';
import type { SubscriptionRecord } from '../model.ts';
import type { DueDelivery, Store } from '../store/store.ts';
import type { Attempt } from './attempt.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Pauses after the first, second … failed attempt; together over a day. After the last the event is parked. */
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
/** A receiver that is gone is tried again with its oldest event, this often. */
const PROBE_PAUSE_MS = 5 * MINUTE;
const IN_FLIGHT_PER_SUBSCRIPTION = 8;
/** setTimeout takes no more than 2³¹−1 ms; a longer pause is slept in parts. */
const LONGEST_SLEEP_MS = 24 * HOUR;

export interface WorkerOptions {
  store: Store;
  /** Makes one HTTP attempt; see attempt.ts. */
  attempt: (subscription: SubscriptionRecord, event: EventEnvelope) => Promise<Attempt>;
  log: Logger;
  eventRetentionDays: number;
}

interface Lane {
  subscriptionId: string;
  lane: string;
}

/**
 * Carries events from the store to subscribers. Each lane (one chat of one subscription) is strictly first in, first
 * out, over retries and restarts; lanes do not wait for one another, and a dead receiver delays nobody else. All it
 * knows is in the store: what is in memory here are only alarm clocks.
 */
export class DeliveryWorker {
  /** Lanes being worked on; `true` when something new came in meanwhile. */
  private readonly running = new Map<string, boolean>();
  private readonly alarms = new Map<string, NodeJS.Timeout>();
  private readonly limits = new Map<string, LimitFunction>();
  /** Of a parked subscription one lane knocks at the door; the others wait until it opens. */
  private readonly probing = new Map<string, string>();
  private readonly inFlight = new Set<Promise<void>>();
  private housekeeping: NodeJS.Timeout | undefined;
  private stopping = false;

  constructor(private readonly options: WorkerOptions) {}

  /** Takes up whatever was undelivered when the last process ended. */
  async start(): Promise<void> {
    await this.tidy();
    this.housekeeping = setInterval(() => void this.tidy(), MINUTE).unref();
    this.wake(await this.options.store.deliveries.lanes());
  }

  /** Something new, or newly due, waits in these lanes. */
  wake(lanes: Lane[]): void {
    for (const lane of lanes) this.run(lane);
  }

  /** The subscription was registered anew or resumed: whatever waits for it is due. */
  async wakeSubscription(subscriptionId: string): Promise<void> {
    this.probing.delete(subscriptionId);
    const lanes = await this.options.store.deliveries.lanes();
    this.wake(lanes.filter((lane) => lane.subscriptionId === subscriptionId));
  }

  /** Starts nothing new and waits for what is in flight. */
  async stop(): Promise<void> {
    this.stopping = true;
    clearInterval(this.housekeeping);
    for (const alarm of this.alarms.values()) clearTimeout(alarm);
    this.alarms.clear();
    await Promise.allSettled(this.inFlight);
  }

  private run(lane: Lane): void {
    const key = keyOf(lane);
    if (this.stopping) return;
    if (this.running.has(key)) {
      this.running.set(key, true);
      return;
    }
    clearTimeout(this.alarms.get(key));
    this.alarms.delete(key);
    this.running.set(key, false);
    const work = this.limitOf(lane.subscriptionId)(() => this.drain(lane))
      .catch((error: unknown) => {
        this.options.log.error({ err: error, ...lane }, 'delivery lane failed');
        this.setAlarm(lane, MINUTE);
      })
      .finally(() => {
        const again = this.running.get(key);
        this.running.delete(key);
        this.inFlight.delete(work);
        if (again) this.run(lane);
      });
    this.inFlight.add(work);
  }

  /** Delivers the lane's events in order until it is empty or has to wait. */
  private async drain(lane: Lane): Promise<void> {
    const { store } = this.options;
    while (!this.stopping) {
      const due = await store.deliveries.head(lane.subscriptionId, lane.lane);
      const subscription = due && (await store.subscriptions.get(lane.subscriptionId));
      if (!due || !subscription) return;
      if (subscription.state === 'parked' && !this.mayProbe(lane)) return;
      const wait = due.delivery.nextAttemptAt - Date.now();
      if (wait > 0) return this.setAlarm(lane, wait);
      const result = await this.tryOnce(subscription, due);
      if (!(await this.note(lane, subscription, due, result))) return;
    }
  }

  private async tryOnce(subscription: SubscriptionRecord, { delivery, body }: DueDelivery): Promise<Attempt> {
    const startedAt = Date.now();
    const result = await this.options.attempt(subscription, body);
    this.options.log[result.outcome === 'delivered' ? 'info' : 'warn'](
      {
        op: 'delivery.attempt',
        session: subscription.sessionId,
        subscription: subscription.id,
        receiver: new URL(subscription.url).host,
        event: body.event,
        eventId: body.id,
        seq: body.seq,
        attempt: delivery.attempts + 1,
        ...result,
        ms: Date.now() - startedAt,
      },
      'delivery attempt',
    );
    return result;
  }

  /** Writes down what came of an attempt; answers whether the lane may go on with its next event. */
  private async note(
    lane: Lane,
    subscription: SubscriptionRecord,
    { delivery }: DueDelivery,
    result: Attempt,
  ): Promise<boolean> {
    const { store } = this.options;
    const at = Date.now();
    const seen = { at, httpStatus: result.httpStatus, error: result.error };
    if (result.outcome === 'delivered') {
      await store.deliveries.record(delivery.id, { status: 'delivered', ...seen });
      if (subscription.state === 'parked') await this.resume(subscription.id);
      return true;
    }
    if (result.outcome === 'gone') {
      await store.deliveries.record(delivery.id, { status: 'failed', nextAttemptAt: at + PROBE_PAUSE_MS, ...seen });
      await store.subscriptions.park(subscription.id, result.error ?? 'gone');
      if (!this.mayProbe(lane)) return false;
      this.setAlarm(lane, PROBE_PAUSE_MS);
      return false;
    }
    const pause = RETRY_PAUSES_MS[delivery.attempts];
    if (pause === undefined) {
      await store.deliveries.record(delivery.id, { status: 'parked', ...seen });
      return true;
    }
    const wait = Math.max(result.retryAfterMs ?? 0, jittered(pause));
    await store.deliveries.record(delivery.id, { status: 'failed', nextAttemptAt: at + wait, ...seen });
    this.setAlarm(lane, wait);
    return false;
  }

  /** The receiver is back: everything that waited for it is due now. */
  private async resume(subscriptionId: string): Promise<void> {
    const { store, log } = this.options;
    await store.subscriptions.resume(subscriptionId);
    log.info({ op: 'delivery.resume', subscription: subscriptionId }, 'receiver is back');
    await this.wakeSubscription(subscriptionId);
  }

  private mayProbe(lane: Lane): boolean {
    const key = keyOf(lane);
    const prober = this.probing.get(lane.subscriptionId) ?? key;
    this.probing.set(lane.subscriptionId, prober);
    return prober === key;
  }

  private setAlarm(lane: Lane, ms: number): void {
    if (this.stopping) return;
    const key = keyOf(lane);
    clearTimeout(this.alarms.get(key));
    this.alarms.set(key, setTimeout(() => this.run(lane), Math.min(ms, LONGEST_SLEEP_MS)).unref());
  }

  private limitOf(subscriptionId: string): LimitFunction {
    let limit = this.limits.get(subscriptionId);
    if (!limit) this.limits.set(subscriptionId, (limit = pLimit(IN_FLIGHT_PER_SUBSCRIPTION)));
    return limit;
  }

  private async tidy(): Promise<void> {
    const { store, log, eventRetentionDays } = this.options;
    try {
      for (const id of await store.subscriptions.expire(Date.now())) {
        this.limits.delete(id);
        this.probing.delete(id);
      }
      await store.events.prune(Date.now() - eventRetentionDays * 24 * HOUR);
    } catch (error) {
      log.error({ err: error }, 'housekeeping failed');
    }
  }
}

const keyOf = ({ subscriptionId, lane }: Lane) => `${subscriptionId}\n${lane}`;

/** Up to a fifth more or less, so that receivers which failed together are not all tried again together. */
const jittered = (ms: number) => ms * (0.8 + 0.4 * Math.random());
