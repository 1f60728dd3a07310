import type { Agent } from 'undici';
import { systemClock, type Clock } from '../../engine/clock.ts';
import { attempt } from '../../engine/delivery/attempt.ts';
import { DeliveryWorker, type WorkerOptions } from '../../engine/delivery/worker.ts';
import type { EventEnvelope } from '../../engine/events.ts';
import type { DeliveryRecord, SessionRecord, SubscriptionRecord } from '../../engine/model.ts';
import { guardedAgent } from '../../engine/network/guard.ts';
import { Seal } from '../../engine/store/seal.ts';
import { openSqliteStore } from '../../engine/store/sqlite/index.ts';
import type { NewSubscription, Store } from '../../engine/store/store.ts';
import { aSession, anEvent, silent, someKeys, subscriptionOf, temporaryFolder } from './fixtures.ts';
import { Receiver } from './receiver.ts';

export const HOUR = 3_600_000;
/** Whatever failed is not tried again within a test. */
export const NOT_AGAIN = { pausesMs: [HOUR], probePausesMs: [HOUR] };

/** What an event of {@link Delivering.happen} carries. */
export const numberOf = ({ event }: { event: { data: unknown } }) => (event.data as { number: number }).number;

/** A store, a worker as the engine has one, and a real receiver: what stands between an event and its subscriber. */
export class Delivering {
  store!: Store;
  session!: SessionRecord;
  receiver!: Receiver;
  agent!: Agent;
  worker!: DeliveryWorker;
  /** Resolves when the worker has written down what came of its next attempt. */
  recorded!: () => Promise<void>;
  private folder!: Awaited<ReturnType<typeof temporaryFolder>>;
  private number = 0;
  private readonly closing: (() => Promise<unknown>)[] = [];

  constructor(private readonly clock: Clock = systemClock) {}

  async open(): Promise<void> {
    this.folder = await temporaryFolder();
    this.number = 0;
    this.receiver = await this.anotherReceiver();
    this.agent = guardedAgent(['loopback']);
    this.closing.push(() => this.agent.destroy());
    await this.openStore();
    this.session = await this.store.sessions.create(aSession(), someKeys());
  }

  async close(): Promise<void> {
    await this.worker?.stop(0);
    for (const close of this.closing.splice(0).reverse()) await close();
    await this.store.close();
    await this.folder.remove();
  }

  async openStore(): Promise<void> {
    const opened = openSqliteStore(this.folder.path, new Seal(Buffer.alloc(32, 7)), this.clock);
    let waiting: (() => void)[] = [];
    let count = 0;
    let taken = 0;
    this.recorded = async () => {
      taken += 1;
      while (count < taken) await new Promise<void>((resolve) => waiting.push(resolve));
    };
    const record: Store['deliveries']['record'] = async (...args) => {
      await opened.deliveries.record(...args);
      count += 1;
      for (const wake of waiting) wake();
      waiting = [];
    };
    this.store = { ...opened, deliveries: { ...opened.deliveries, record } };
  }

  async anotherReceiver(port?: number): Promise<Receiver> {
    const another = await Receiver.start(port);
    this.closing.push(() => another.close());
    return another;
  }

  /** A worker as the engine has one, with other pauses. */
  async work(options: Partial<WorkerOptions> & { timeoutMs?: number } = {}): Promise<void> {
    const { timeoutMs, ...rest } = options;
    const { clock } = this;
    const worker = new DeliveryWorker({
      store: this.store,
      attempt: (subscription, event) =>
        attempt(subscription, event, { agent: this.agent, clock, ...(timeoutMs && { timeoutMs }) }),
      log: silent,
      clock,
      ...rest,
    });
    this.worker = worker;
    this.store.onCommitted((_, { due }) => worker.wake(due));
    await worker.start();
  }

  subscribe(about: Partial<NewSubscription> = {}): Promise<SubscriptionRecord> {
    const { session, receiver } = this;
    return this.store.subscriptions.put(subscriptionOf(session.id, { url: `${receiver.origin}/hook`, ...about }));
  }

  /** One event per lane named, numbered in `data`. */
  async happen(...lanes: string[]): Promise<EventEnvelope[]> {
    const { events } = await this.store.commit({
      sessionId: this.session.id,
      events: lanes.map((lane) => anEvent({ lane, jid: lane, data: { number: (this.number += 1) } })),
    });
    return events;
  }

  deliveries(): Promise<DeliveryRecord[]> {
    return this.store.deliveries.list(this.session.id, {}, { after: 0, limit: 500 });
  }

  async stateOf({ id }: SubscriptionRecord): Promise<SubscriptionRecord['state'] | undefined> {
    return (await this.store.subscriptions.get(id))?.state;
  }

  /** Everything that had begun is over when this resolves. */
  settle(): Promise<void> {
    return this.worker.stop();
  }
}
