// Before everything else that might import Baileys.
import './whatsapp/hardening.ts';
import { join } from 'node:path';
import { destination, pino, type Logger } from 'pino';
import { systemClock, type Clock } from './clock.ts';
import { storeFolder, type Config } from './config.ts';
import type { EngineError } from './errors.ts';
import { attempt } from './delivery/attempt.ts';
import { guardedAgent } from './network/guard.ts';
import { Samples } from './delivery/samples.ts';
import { DeliveryWorker } from './delivery/worker.ts';
import { Housekeeping } from './housekeeping.ts';
import { listen } from './listen.ts';
import { hashToken, newToken, SETTING_TOKEN } from './operations/access.ts';
import { Door } from './operations/door.ts';
import { operations } from './operations/index.ts';
import { Limits } from './operations/limits.ts';
import { Approvals } from './operations/approvals.ts';
import type { Engine } from './operations/operation.ts';
import { Inquiries } from './jobs/inquiries.ts';
import { Jobs } from './jobs/jobs.ts';
import { Schedule } from './jobs/schedule.ts';
import { Media } from './media/media.ts';
import { Metrics } from './metrics/metrics.ts';
import { openSandbox, welcomeGuests } from './sandbox-mode.ts';
import { Seal } from './store/seal.ts';
import { openSqliteStore } from './store/sqlite/index.ts';
import type { Committed, Store } from './store/store.ts';
import { httpSurface } from './surfaces/http.ts';
import type { Patience } from './surfaces/server.ts';
import { boundary, contained } from './whatsapp/boundary.ts';
import type { PulseTimes } from './whatsapp/pulse.ts';
import { Sessions } from './whatsapp/sessions.ts';
import { trustServersOf } from './whatsapp/trust.ts';
import { VERSION } from './version.ts';

/** A running engine. */
export interface RunningEngine {
  url: string;
  /** A personal access token that was made just now. It is nowhere else: show it to the person who started us. */
  newToken: string | undefined;
  /** Control API and WebSocket of the sandbox, when there is one. */
  sandboxUrl: string | undefined;
  /** Resolves when every session of the last process is back, or known not to come. */
  ready: Promise<void>;
  store: Store;
  sessions: Sessions;
  /**
   * Stops taking requests, finishes what is in flight, closes everything; takes 10 s at the most. What was accepted and
   * is not done is on the disk, and the next process goes on with it.
   */
  stop(): Promise<void>;
}

/** Secrets by where they could turn up in a log line, should anybody ever log such an object. */
const REDACTED = [
  '*.apiKey',
  '*.api_key',
  '*.secret',
  '*.webhookSecret',
  '*.webhook_secret',
  '*.authorization',
  '*.creds',
  '*.proxy_url',
  '*.proxyUrl',
  '*.qr',
  'req.headers',
];

export function engineLog(level: string): Logger {
  return pino({ level, base: null, redact: REDACTED }, destination({ fd: 2, sync: true }));
}

/**
 * Puts an engine together and starts it. The order is the order of need: store, trust, sessions, delivery, surface.
 * Events that the last process could not deliver go out first; sessions it had connected come back by themselves.
 */
export async function startEngine(
  config: Config,
  {
    log = engineLog(config.logLevel),
    clock = systemClock,
    patience,
    pulse,
  }: { log?: Logger; clock?: Clock; patience?: Patience; pulse?: PulseTimes } = {},
): Promise<RunningEngine> {
  const opened = openSqliteStore(storeFolder(config), new Seal(config.encryptionKey), clock);
  opened.onHealth(storageWatch(log, clock));
  const metrics = new Metrics({ store: opened, clock, version: VERSION });
  const store = metrics.timed(opened);
  const undo: (() => unknown)[] = [() => store.close()];
  try {
    const fresh = await ensureToken(store, config.token, clock.now());
    const sandbox = config.sandbox && (await openSandbox(config, log));
    if (sandbox) undo.unshift(() => sandbox.close());
    trustServersOf(sandbox ? { sandboxRootKey: sandbox.rootKey } : 'whatsapp');

    let url = config.publicUrl ?? '';
    const media = new Media({
      folder: join(storeFolder(config), 'files'),
      store,
      networks: config.mediaNetworks,
      publicUrl: () => url,
      log,
    });
    await media.start();
    undo.unshift(() => media.stop());

    const sessions = new Sessions(
      store,
      {
        url: sandbox?.socketUrl,
        version: config.whatsAppVersion,
        browser: config.browser,
        proxyNetworks: config.proxyNetworks,
        plain: sandbox && new URL(sandbox.url).host,
        ...(pulse && { pulse }),
      },
      log,
      media,
      { clock, pace: config.pace },
    );
    undo.unshift(() => sessions.stop());

    const jobs = new Jobs({ store, sessions, clock, log });
    const schedule = new Schedule({ store, sessions, clock, log });
    const inquiries = new Inquiries({ store, sessions, schedule, clock, log });
    sessions.onCaughtUp = () => inquiries.wake();
    // Each may be waiting for WhatsApp. What it then cannot write down any more is done by the next process.
    undo.unshift(() => within(LAST_WORK_MS, Promise.all([schedule.stop(), inquiries.stop(), jobs.stop()])));

    const agent = guardedAgent(config.webhookNetworks);
    const delivery = new DeliveryWorker({
      store,
      onTaken: ({ markAsRead }, event) => void (markAsRead && sessions.markTaken(event)),
      attempt: async (subscription, event) => {
        const startedAt = performance.now();
        const result = await attempt(subscription, event, { agent, clock });
        metrics.attempted(result.outcome, performance.now() - startedAt);
        return result;
      },
      clock,
      log,
    });
    undo.unshift(() => agent.destroy());
    const samples = new Samples({
      store,
      attempt: (subscription, event) => attempt(subscription, event, { agent, clock }),
      clock,
      log,
    });
    undo.unshift(() => samples.stop());
    const { eventRetentionDays, messageRetentionDays } = config;
    const housekeeping = new Housekeeping({ store, clock, log, eventRetentionDays, messageRetentionDays });
    // It is committed, whatever whoever hears of it makes of that.
    const told = contained(boundary(log), {
      sessions: (id: number, committed: Committed) => sessions.committed(id, committed),
      jobs: (id: number, committed: Committed) => jobs.committed(id, committed),
      schedule: (id: number, committed: Committed) => schedule.committed(id, committed),
      inquiries: (id: number, committed: Committed) => inquiries.committed(id, committed),
      delivery: (_id: number, { due }: Committed) => delivery.wake(due),
      metrics: (id: number, committed: Committed) => metrics.committed(id, committed),
    });
    store.onCommitted((sessionId, committed) => {
      told.sessions(sessionId, committed);
      told.jobs(sessionId, committed);
      told.schedule(sessionId, committed);
      told.inquiries(sessionId, committed);
      told.delivery(sessionId, committed);
      told.metrics(sessionId, committed);
    });

    store.onRefused((change, error) => sessions.refused(change, error));

    const approvals = new Approvals(store, clock);
    await approvals.start();
    const door = new Door({ store, clock, log });

    let restored = false;
    let stopped: Promise<void> | undefined;
    const notReady = () => (stopped ? 'the engine is stopping' : restored ? undefined : 'sessions are being restored');
    const engine: Engine = {
      store,
      sessions,
      jobs,
      approvals,
      wakeSubscription: (id) => delivery.wakeSubscription(id),
      postSample: (subscriptionId, event) => samples.post(subscriptionId, event),
      webhookNetworks: config.webhookNetworks,
      proxies: { networks: config.proxyNetworks, setting: 'WARBLER_PROXY_NETWORKS' },
      media,
      schedule,
      inquiries,
      clock,
      door,
      limits: new Limits({ store, clock, operations, documented: config.limits === 'documented' }),
      version: VERSION,
      metrics,
      url: () => url,
      notReady,
    };
    const server = await listen(
      config,
      httpSurface({
        engine,
        log,
        ...(sandbox && { sandbox: sandbox.proxy }),
      }),
      patience,
    );
    undo.unshift(async () => {
      // Calls that wait, for a person or for WhatsApp, keep their connections open.
      approvals.stop();
      const waiting = setTimeout(() => sessions.letGo(), LAST_REQUESTS_MS - ANSWER_MS);
      await Promise.all([server.stop(LAST_REQUESTS_MS), delivery.stop(LAST_REQUESTS_MS), housekeeping.stop()]);
      clearTimeout(waiting);
    });
    url ||= server.url;

    housekeeping.start();
    await delivery.start();
    schedule.start();
    const ready = sessions
      .restore()
      .then(() => (stopped ? undefined : inquiries.start()))
      .then(() => (stopped ? undefined : jobs.start()))
      .then(() => (stopped || !sandbox ? undefined : welcomeGuests(sandbox, store, sessions)))
      .catch((error: unknown) => log.error({ err: error }, 'start-up was not completed'))
      .finally(() => (restored = true));

    const stop = async () => {
      for (const step of undo) await step();
    };
    return {
      url,
      newToken: fresh,
      sandboxUrl: sandbox?.url,
      ready,
      store,
      sessions,
      stop: () => (stopped ??= Promise.resolve().then(stop)),
    };
  } catch (error) {
    for (const step of undo) await step();
    throw error;
  }
}

/** Answers a token that was made now, because there was none. Only hashes are kept, so it cannot be shown again. */
async function ensureToken(store: Store, given: string | undefined, now: number): Promise<string | undefined> {
  if (given) {
    await store.tokens.put(SETTING_TOKEN, hashToken(given));
    return undefined;
  }
  await store.tokens.delete(SETTING_TOKEN);
  // Nobody could manage anything with a token that is limited, or has ended.
  const known = await store.tokens.list();
  if (known.some(({ scope, expiresAt }) => !scope && (expiresAt ?? Infinity) > now)) return undefined;
  const token = newToken();
  await store.tokens.put('first', hashToken(token));
  return token;
}

/** A disk that is nearly full takes one write and not the next: between two such lines lies at least this. */
const STORAGE_NEWS_MS = 60_000;

/** Tells the log when nothing can be written, and when it can be again. Callers are told with each request. */
function storageWatch(log: Logger, clock: Clock) {
  let toldAt = -Infinity;
  let told = false;
  return (failure: EngineError | undefined) => {
    if (!failure) {
      if (told) log.warn({ op: 'storage' }, 'the data folder can be written again');
      told = false;
    } else if (clock.now() - toldAt >= STORAGE_NEWS_MS) {
      toldAt = clock.now();
      told = true;
      log.error({ op: 'storage', err: failure.cause }, failure.message);
    }
  };
}

/** A stop as a whole takes less than the 10 s after which Docker kills: these two are all that it waits for. */
const LAST_REQUESTS_MS = 4000;
const LAST_WORK_MS = 1500;
/** Requests that wait for WhatsApp hear this much sooner that the engine stops, and still get their answer out. */
const ANSWER_MS = 1000;

/** Waits for work, but not for ever. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}
