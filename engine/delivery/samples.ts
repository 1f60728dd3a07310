import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { EngineError } from '../errors.ts';
import type { EventEnvelope } from '../events.ts';
import type { SubscriptionRecord } from '../model.ts';
import type { Store } from '../store/store.ts';
import type { Attempt } from './attempt.ts';

/** Whoever asks may not listen yet: n8n opens the address of a test a moment after it has registered it. */
const PATIENCE_MS = 30_000;
const PAUSE_MS = 1000;

interface Sample {
  subscriptionId: string;
  event: EventEnvelope;
  /** Unix milliseconds after which it is not tried any more. */
  until: number;
}

/**
 * Posts events to subscribers who want to see what such events look like. A sample is no delivery: it is tried for 30 s,
 * whatever the receiver answers, and then forgotten, and so it is with the process. Of one subscription, the last counts.
 */
export class Samples {
  /** By subscription, the sample that is on its way. */
  private readonly current = new Map<string, Sample>();
  private readonly alarms = new Map<string, () => void>();

  constructor(
    private readonly options: {
      store: Pick<Store, 'subscriptions'>;
      attempt: (subscription: SubscriptionRecord, event: EventEnvelope) => Promise<Attempt>;
      clock: Clock;
      log: Logger;
    },
  ) {}

  /** Begins at once, and answers before it is done. */
  post(subscriptionId: string, event: EventEnvelope): void {
    this.alarms.get(subscriptionId)?.();
    const sample = { subscriptionId, event, until: this.options.clock.now() + PATIENCE_MS };
    this.current.set(subscriptionId, sample);
    this.run(sample);
  }

  stop(): void {
    for (const callOff of this.alarms.values()) callOff();
    this.current.clear();
  }

  private run(sample: Sample): void {
    this.tryOnce(sample).catch((error: unknown) => {
      this.forget(sample);
      if (error instanceof EngineError && error.code === 'stopping') return;
      this.options.log.error({ err: error, subscription: sample.subscriptionId }, 'sample failed');
    });
  }

  private async tryOnce(sample: Sample): Promise<void> {
    const { store, attempt, clock, log } = this.options;
    const { subscriptionId, event, until } = sample;
    const subscription = await store.subscriptions.get(subscriptionId);
    if (!subscription) return this.forget(sample);
    const result = await attempt(subscription, event);
    log.info({ op: 'delivery.sample', subscription: subscriptionId, event: event.event, ...result }, 'sample attempt');
    const nextAt = clock.now() + PAUSE_MS;
    if (this.current.get(subscriptionId) !== sample) return;
    if (result.outcome === 'delivered' || nextAt > until) return this.forget(sample);
    this.alarms.set(
      subscriptionId,
      clock.at(nextAt, () => this.run(sample)),
    );
  }

  private forget(sample: Sample): void {
    if (this.current.get(sample.subscriptionId) !== sample) return;
    this.current.delete(sample.subscriptionId);
    this.alarms.delete(sample.subscriptionId);
  }
}
