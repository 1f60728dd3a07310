import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../clock.ts';
import { ERRORS, type ErrorCode } from '../errors.ts';
import { MESSAGE_STATUS, SESSION_STATUSES } from '../model.ts';
import type { Committed, Figures, Store } from '../store/store.ts';

/** A request that was answered, whether by REST or by MCP. */
export interface Answered {
  /** Id of the operation. */
  op: string;
  status: number;
  code?: ErrorCode | undefined;
  ms: number;
}

/** Quick answers, WhatsApp's answers, and those that were waited for. */
const REQUEST_SECONDS = [0.005, 0.02, 0.1, 0.5, 2, 10, 30];
const ATTEMPT_SECONDS = [0.01, 0.05, 0.2, 1, 5, 30];
const COMMIT_SECONDS = [0.0005, 0.001, 0.005, 0.02, 0.1, 1];

/**
 * The figures of one engine in Prometheus' form. What happens is counted as it happens; how things stand is read from
 * the store when somebody asks. Labels are sessions' numbers and words of ours, never addresses or names: nobody
 * outside can make more of them.
 */
export class Metrics {
  private readonly registry = new Registry();
  private readonly gauges: ReturnType<typeof gaugesIn>;
  private readonly connections = this.counter('warbler_session_connections_total', 'Connections that came about', [
    'session',
  ]);
  private readonly received = this.counter('warbler_messages_received_total', 'Messages of others, stored', [
    'session',
  ]);
  private readonly sent = this.counter('warbler_messages_sent_total', 'Messages that WhatsApp has taken', ['session']);
  private readonly failed = this.counter('warbler_messages_failed_total', 'Messages that will not be sent', [
    'session',
  ]);
  private readonly events = this.counter('warbler_events_total', 'Events, by name', ['event']);
  private readonly refusals = this.counter('warbler_refusals_total', 'Errors answered, by code', ['code']);
  private readonly requests = this.histogram(
    'warbler_request_duration_seconds',
    'Requests answered, by operation and class of status',
    ['op', 'status'],
    REQUEST_SECONDS,
  );
  private readonly attempts = this.histogram(
    'warbler_delivery_attempt_duration_seconds',
    'Attempts to post an event to a webhook, by outcome: delivered, retry, gone',
    ['outcome'],
    ATTEMPT_SECONDS,
  );
  private readonly commits = this.histogram(
    'warbler_store_commit_duration_seconds',
    'Commits to the store, until the disk has them',
    [],
    COMMIT_SECONDS,
  );
  private asked = false;

  constructor(private readonly options: { store: Store; clock: Clock; version: string }) {
    this.gauges = gaugesIn(this.registry);
    this.gauges.build.set({ version: options.version, node: process.version }, 1);
    for (const code of ['rate_limited', 'budget_exhausted']) this.refusals.inc({ code }, 0);
  }

  answered({ op, status, code, ms }: Answered): void {
    this.requests.observe({ op, status: `${Math.floor(status / 100)}xx` }, ms / 1000);
    if (code && Object.hasOwn(ERRORS, code)) this.refusals.inc({ code });
  }

  attempted(outcome: string, ms: number): void {
    this.attempts.observe({ outcome }, ms / 1000);
  }

  committed(session: number, { events, settled, received }: Committed): void {
    for (const { event, data } of events) {
      this.events.inc({ event });
      const { status } = data as { status?: unknown };
      if (event === 'session.status' && status === 'connected') this.connections.inc({ session });
    }
    for (const { fromMe } of received) if (!fromMe) this.received.inc({ session });
    for (const { status } of settled) (status === MESSAGE_STATUS.error ? this.failed : this.sent).inc({ session });
  }

  /** The store, with its commits timed. */
  timed(store: Store): Store {
    return {
      ...store,
      commit: (change) => {
        const startedAt = performance.now();
        const done = () => this.commits.observe((performance.now() - startedAt) / 1000);
        const committed = store.commit(change);
        committed.then(done, done);
        return committed;
      },
    };
  }

  /** All of it, as Prometheus reads it. `lastSeenAt`: when WhatsApp was last heard of in a session. */
  async text(lastSeenAt: (session: number) => number | null): Promise<string> {
    // Who never asks does not pay for it: watching the event loop costs a little all the time.
    if (!this.asked) collectDefaultMetrics({ register: this.registry });
    this.asked = true;
    this.show(await this.options.store.figures(), lastSeenAt);
    return this.registry.metrics();
  }

  private show({ sessions, ofAll, disk }: Figures, lastSeenAt: (session: number) => number | null): void {
    const { gauges } = this;
    const now = this.options.clock.now();
    for (const gauge of Object.values(gauges)) if (gauge !== gauges.build) gauge.reset();
    for (const status of Object.keys(SESSION_STATUSES)) gauges.sessions.set({ status }, 0);
    for (const { id: session, ...one } of sessions) {
      gauges.sessions.inc({ status: one.status });
      gauges.connected.set({ session }, one.status === 'connected' ? 1 : 0);
      const seenAt = lastSeenAt(session);
      if (seenAt !== null) gauges.seen.set({ session }, secondsSince(seenAt, now));
      gauges.queued.set({ session }, one.queued);
      gauges.scheduled.set({ session }, one.scheduled);
      gauges.undelivered.set({ session }, one.undelivered);
      gauges.oldest.set({ session }, one.undeliveredSince === null ? 0 : secondsSince(one.undeliveredSince, now));
      gauges.webhooks.set({ session, state: 'active' }, one.webhooks - one.parkedWebhooks);
      gauges.webhooks.set({ session, state: 'parked' }, one.parkedWebhooks);
    }
    gauges.webhooks.set({ state: 'active' }, ofAll.webhooks - ofAll.parkedWebhooks);
    gauges.webhooks.set({ state: 'parked' }, ofAll.parkedWebhooks);
    if (!disk) return;
    gauges.database.set({ file: 'database' }, disk.databaseBytes);
    gauges.database.set({ file: 'log' }, disk.logBytes);
    gauges.free.set(disk.freeBytes);
  }

  private counter(name: string, help: string, labelNames: string[]) {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  private histogram(name: string, help: string, labelNames: string[], buckets: number[]) {
    return new Histogram({ name, help, labelNames, buckets, registers: [this.registry] });
  }
}

const secondsSince = (at: number, now: number) => Math.max(0, (now - at) / 1000);

/** How things stand at the moment of the question. */
function gaugesIn(registry: Registry) {
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const session = ['session'];
  return {
    build: gauge('warbler_build_info', 'Version of the engine and of Node.js', ['version', 'node']),
    sessions: gauge('warbler_sessions', 'Sessions, by status', ['status']),
    connected: gauge('warbler_session_connected', 'Whether the session is connected', session),
    seen: gauge('warbler_session_last_frame_age_seconds', 'Since when WhatsApp was not heard of', session),
    queued: gauge(
      'warbler_send_queue_messages',
      'Messages that are to be sent, or wait for their acknowledgement',
      session,
    ),
    scheduled: gauge('warbler_scheduled_messages', 'Messages that wait for their time', session),
    undelivered: gauge('warbler_deliveries_waiting', 'Events that a webhook has yet to take', session),
    oldest: gauge(
      'warbler_oldest_undelivered_event_age_seconds',
      'Age of the oldest of them; 0: there is none',
      session,
    ),
    webhooks: gauge(
      'warbler_webhooks',
      'Webhooks: active, or parked until their receiver is back; without a session, those of all sessions',
      [...session, 'state'],
    ),
    database: gauge('warbler_database_bytes', 'Size of the database and of the log beside it', ['file']),
    free: gauge('warbler_disk_free_bytes', 'What is left of the disk with the data folder'),
  };
}
