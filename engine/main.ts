// Before everything else that might import Baileys.
import './whatsapp/hardening.ts';
import { once } from 'node:events';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { destination, pino, type Logger } from 'pino';
import { systemClock, type Clock } from './clock.ts';
import { ConfigError, storeFolder, type Config } from './config.ts';
import type { EngineError } from './errors.ts';
import { attempt } from './delivery/attempt.ts';
import { guardedAgent } from './network/guard.ts';
import { DeliveryWorker } from './delivery/worker.ts';
import { Housekeeping } from './housekeeping.ts';
import { hashToken, newToken, SETTING_TOKEN } from './operations/access.ts';
import { Door } from './operations/door.ts';
import { operations } from './operations/index.ts';
import { Limits } from './operations/limits.ts';
import { Approvals } from './operations/approvals.ts';
import type { Engine } from './operations/operation.ts';
import { Jobs } from './jobs/jobs.ts';
import { Schedule } from './jobs/schedule.ts';
import { Media } from './media/media.ts';
import { Metrics } from './metrics/metrics.ts';
import { openSandbox, welcomeGuests } from './sandbox-mode.ts';
import { Seal } from './store/seal.ts';
import { openSqliteStore } from './store/sqlite/index.ts';
import type { Committed, Store } from './store/store.ts';
import { httpSurface } from './surfaces/http.ts';
import { serverFor, type Patience } from './surfaces/server.ts';
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
  /** Stops taking requests, finishes what is in flight, closes everything. */
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
    undo.unshift(() => jobs.stop());
    const schedule = new Schedule({ store, sessions, clock, log });
    undo.unshift(() => schedule.stop());

    const agent = guardedAgent(config.webhookNetworks);
    const delivery = new DeliveryWorker({
      store,
      attempt: async (subscription, event) => {
        const startedAt = performance.now();
        const result = await attempt(subscription, event, { agent, clock });
        metrics.attempted(result.outcome, performance.now() - startedAt);
        return result;
      },
      clock,
      log,
    });
    undo.unshift(async () => {
      await delivery.stop();
      await agent.destroy();
    });
    const { eventRetentionDays, messageRetentionDays } = config;
    const housekeeping = new Housekeeping({ store, clock, log, eventRetentionDays, messageRetentionDays });
    undo.unshift(() => housekeeping.stop());
    // It is committed, whatever whoever hears of it makes of that.
    const told = contained(boundary(log), {
      sessions: (id: number, committed: Committed) => sessions.committed(id, committed),
      jobs: (id: number, committed: Committed) => jobs.committed(id, committed),
      schedule: (id: number, committed: Committed) => schedule.committed(id, committed),
      delivery: (_id: number, { due }: Committed) => delivery.wake(due),
      metrics: (id: number, committed: Committed) => metrics.committed(id, committed),
    });
    store.onCommitted((sessionId, committed) => {
      told.sessions(sessionId, committed);
      told.jobs(sessionId, committed);
      told.schedule(sessionId, committed);
      told.delivery(sessionId, committed);
      told.metrics(sessionId, committed);
    });

    store.onRefused((change, error) => sessions.refused(change, error));

    const approvals = new Approvals(store, clock);
    await approvals.start();
    const door = new Door({ store, clock, log });

    let starting: string | undefined = 'sessions are being restored';
    const engine: Engine = {
      store,
      sessions,
      jobs,
      approvals,
      wakeSubscription: (id) => delivery.wakeSubscription(id),
      webhookNetworks: config.webhookNetworks,
      proxies: { networks: config.proxyNetworks, setting: 'WARBLER_PROXY_NETWORKS' },
      media,
      schedule,
      clock,
      door,
      limits: new Limits({ store, clock, operations, documented: config.limits === 'documented' }),
      version: VERSION,
      metrics,
      url: () => url,
      notReady: () => starting,
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
    undo.unshift(() => closeServer(server));
    // Before that: calls that wait for a person keep their connections open.
    undo.unshift(() => approvals.stop());
    url ||= addressOf(server, config);

    housekeeping.start();
    await delivery.start();
    schedule.start();
    const ready = sessions
      .restore()
      .then(() => jobs.start())
      .then(() => sandbox && welcomeGuests(sandbox, store, sessions))
      .catch((error: unknown) => log.error({ err: error }, 'start-up was not completed'))
      .finally(() => (starting = undefined));

    let stopped: Promise<void> | undefined;
    const stop = async () => {
      starting = 'the engine is stopping';
      for (const step of undo) await step();
    };
    return {
      url,
      newToken: fresh,
      sandboxUrl: sandbox?.url,
      ready,
      store,
      sessions,
      stop: () => (stopped ??= stop()),
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

async function listen(config: Config, app: RequestListener, patience: Patience | undefined): Promise<Server> {
  const server = serverFor(app, patience);
  try {
    server.listen(config.port, config.host);
    await once(server, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const where = `${config.host}:${config.port}`;
    const cure =
      code === 'EADDRINUSE'
        ? 'Another program has it. Stop that, or set WARBLER_PORT.'
        : 'Check WARBLER_HOST and WARBLER_PORT.';
    throw new ConfigError(`Cannot listen on ${where} (${code}). ${cure}`);
  }
  return server;
}

function addressOf(server: Server, { host }: Config): string {
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const LAST_REQUESTS_MS = 5000;

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  const deadline = setTimeout(() => server.closeAllConnections(), LAST_REQUESTS_MS);
  await closed;
  clearTimeout(deadline);
}
