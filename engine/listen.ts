import { once } from 'node:events';
import type { RequestListener, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigError, type Config } from './config.ts';
import { EngineError, errorBody } from './errors.ts';
import { serverFor, type Patience } from './surfaces/server.ts';

/** Whoever watches the engine wants to hear from it until its end. */
const ALWAYS_ANSWERED = ['/healthz', '/readyz'];
/** So long, in seconds, a restart may take. */
const RETRY_AFTER_S = 5;

/** A server that listens. */
export interface Listening {
  /** As others on this machine reach it. */
  url: string;
  /**
   * Refuses whatever comes from now on, and resolves when all that was asked before is answered. What is not by then is
   * broken off after `graceMs`: a client may never end its request.
   */
  stop(graceMs: number): Promise<void>;
}

/** Throws {@link ConfigError} when the address cannot be had. */
export async function listen({ host, port }: Config, app: RequestListener, patience?: Patience): Promise<Listening> {
  let stopping = false;
  const server = serverFor((req, res) => {
    if (!stopping) return app(req, res);
    res.setHeader('Connection', 'close');
    if (ALWAYS_ANSWERED.includes(req.url ?? '')) return app(req, res);
    return refuse(res);
  }, patience);
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const cure =
      code === 'EADDRINUSE'
        ? 'Another program has it. Stop that, or set WARBLER_PORT.'
        : 'Check WARBLER_HOST and WARBLER_PORT.';
    throw new ConfigError(`Cannot listen on ${host}:${port} (${code}). ${cure}`);
  }
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    async stop(graceMs) {
      stopping = true;
      const closed = once(server, 'close');
      server.close();
      // A connection whose last request has been answered is idle, and would be kept.
      const idle = setInterval(() => server.closeIdleConnections(), 20);
      const deadline = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearInterval(idle);
      clearTimeout(deadline);
    },
  };
}

function refuse(res: ServerResponse): void {
  const error = new EngineError('stopping', 'The engine is stopping. Try again when it is back.', {
    retryAfterS: RETRY_AFTER_S,
  });
  res.writeHead(error.status, { 'content-type': 'application/json', 'retry-after': String(RETRY_AFTER_S) });
  res.end(JSON.stringify(errorBody(error)));
}
