import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { RequestHandler } from 'express';
import type { Logger } from 'pino';
import { request } from 'undici';
import type { Config } from './config.ts';
import { EngineError } from './errors.ts';
import { sessionSettings } from './model.ts';
import { newApiKey, newWebhookSecret } from './operations/access.ts';
import { startSandbox } from './sandbox/index.ts';
import type { Store } from './store/store.ts';
import type { Sessions } from './whatsapp/sessions.ts';

/** The phone whose account the first session is linked to, and somebody to write to it. */
export const FIRST_PHONE = '15550100001';
export const FRIEND_PHONE = '15550100002';

/** A sandbox that the engine uses instead of WhatsApp. */
export interface SandboxMode {
  url: string;
  socketUrl: string;
  /** Hex. */
  rootKey: string;
  /** Passes requests on to the control API. */
  proxy: RequestHandler;
  /** Calls the control API; throws {@link EngineError} when it refuses. */
  call(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

/** Starts a sandbox inside this process, or joins the one that already runs at WARBLER_SANDBOX_URL. */
export async function openSandbox(config: Config, log: Logger): Promise<SandboxMode | undefined> {
  if (!config.sandbox) return undefined;
  const own = config.sandbox.own
    ? await startSandbox({ port: config.sandbox.port, dataDir: `${config.dataDir}/sandbox`, logger: log })
    : undefined;
  const url = own?.url ?? (config.sandbox as { url: string }).url;
  const call: SandboxMode['call'] = (method, path, body) => callSandbox(url, method, path, body);
  const rootKey = String((await call('GET', '/root-key'))['publicKey']);
  return {
    url,
    socketUrl: `${url.replace(/^http/, 'ws')}/ws/chat`,
    rootKey,
    proxy: proxyTo(url),
    call,
    close: async () => own?.close(),
  };
}

/**
 * On the very first start: an account on a simulated phone with a connected session, and a friend's phone, so that the
 * lines that the engine prints can be tried at once. A start that was cut short in the middle is completed by the next.
 */
export async function welcomeGuests(sandbox: SandboxMode, store: Store, sessions: Sessions): Promise<void> {
  const known = await store.sessions.list();
  const unfinished = known.find(
    (one) => one.settings.phone_number === `+${FIRST_PHONE}` && one.account === null && one.status === 'disconnected',
  );
  if (known.length > 0 && !unfinished) return;
  const phones = (await sandbox.call('GET', '/phones'))['phones'] as { phone: string }[] | undefined;
  for (const [phone, name] of [
    [FIRST_PHONE, 'Warbler'],
    [FRIEND_PHONE, 'Robin'],
  ]) {
    if (!phones?.some((one) => one.phone === phone)) await sandbox.call('POST', '/phones', { phone, name });
  }
  const record =
    unfinished ??
    (await store.sessions.create(sessionSettings.parse({ name: 'Sandbox', phone_number: `+${FIRST_PHONE}` }), {
      apiKey: newApiKey(),
      webhookSecret: newWebhookSecret(),
    }));
  const session = unfinished ? sessions.get(record.id) : sessions.add(record);
  await session.connect();
  await sandbox.call('POST', `/phones/${FIRST_PHONE}/scan`, { qr: session.qr });
  await session.connected();
}

async function callSandbox(url: string, method: 'GET' | 'POST', path: string, body?: unknown) {
  try {
    const response = await request(`${url}/sandbox${path}`, {
      method,
      // No connection is kept: the sandbox may be another process, and be restarted at any time.
      reset: true,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const answer = (await response.body.json()) as Record<string, unknown> | unknown[];
    if (response.statusCode < 300) return Array.isArray(answer) ? { phones: answer } : answer;
    throw new EngineError('sandbox_unreachable', `The sandbox refused ${method} ${path}: ${JSON.stringify(answer)}`);
  } catch (error) {
    throw unreachable(url, error);
  }
}

function unreachable(url: string, error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  return new EngineError(
    'sandbox_unreachable',
    `No sandbox answers at ${url}. Start one with: npm run sandbox:server`,
    {
      cause: error,
    },
  );
}

function proxyTo(url: string): RequestHandler {
  return async (req, res) => {
    try {
      const response = await request(`${url}/sandbox${req.url}`, {
        method: req.method as 'GET',
        reset: true,
        headers: { ...(req.headers['content-type'] && { 'content-type': req.headers['content-type'] }) },
        ...(req.method !== 'GET' && req.method !== 'HEAD' && { body: Readable.from(req) }),
      });
      res
        .status(response.statusCode)
        .set('content-type', String(response.headers['content-type'] ?? 'application/json'));
      await pipeline(response.body, res);
    } catch (error) {
      throw unreachable(url, error);
    }
  };
}
