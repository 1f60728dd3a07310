import { EventEmitter } from 'node:events';
import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { SocksProxyAgent } from 'socks-proxy-agent';
import { EngineError } from '../errors.ts';
import { checkHost, guardedLookup, type Reach } from './guard.ts';

const CONNECT_MS = 20_000;

/** A proxy did not let a connection through. Names the proxy by host and port, never by its user or password. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  /** Begins with E, by which Baileys knows failures of a connection. */
  readonly code = 'EPROXY';
}

/** Opens a connection to a host through a proxy. */
export type Tunnel = (host: string, port: number) => Promise<Socket>;

/** Checks a session's `proxy_url`, so that a caller hears of a mistake at once. Throws `validation_failed` texts. */
export function checkProxyUrl(text: string, reach: Reach): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url?.hostname || !/^(https?|socks5h?):$/.test(url.protocol)) {
    return 'The proxy_url field must be a URL that starts with http://, https:// or socks5://, e.g. socks5://user:pass@192.168.1.1:1080.';
  }
  if (!/^\/?$/.test(url.pathname) || url.search || url.hash) {
    return 'The proxy_url field must end after the port.';
  }
  try {
    decodeURIComponent(`${url.username}${url.password}`);
    checkHost(url.hostname, reach);
    return undefined;
  } catch (error) {
    if (error instanceof EngineError) return `The proxy_url field cannot be used: ${error.message}`;
    return 'The proxy_url field has a user or password with a stray %. Write it as %25.';
  }
}

/**
 * The tunnel through a proxy: CONNECT for http and https, SOCKS 5 for socks5. Names are resolved by the proxy. The
 * proxy's own address is checked when the connection to it is made.
 */
export function tunnelThrough(proxyUrl: string, reach: Reach): Tunnel {
  const proxy = new URL(proxyUrl);
  const open = proxy.protocol.startsWith('socks') ? socksTunnel(proxy, reach) : httpTunnel(proxy, reach);
  const fails = (why: string) => new ProxyError(`the proxy ${proxy.host} ${why}`);
  return async (host, port) => {
    try {
      checkHost(proxy.hostname, reach);
      return await open(host.replace(/^\[|\]$/g, ''), port);
    } catch (error) {
      // Not as the cause: some of these errors hold the proxy's password.
      throw fails(wordsOf(error));
    }
  };
}

class Refusal extends Error {}

function httpTunnel(proxy: URL, reach: Reach): Tunnel {
  return async (host, port) => {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), CONNECT_MS);
    const request = new EventEmitter();
    let status = 0;
    request.once('proxyConnect', ({ statusCode }: { statusCode: number }) => (status = statusCode));
    try {
      const agent = new HttpsProxyAgent(proxy, {
        lookup: guardedLookup(reach),
        signal: patience.signal,
      } as ConstructorParameters<typeof HttpsProxyAgent>[1]);
      const asked = agent.connect(request as ClientRequest, { host, port, secureEndpoint: false });
      const socket = (await Promise.race([asked, aborted(patience.signal)])) as Socket;
      if (status === 200) return socket;
      socket.destroy();
      throw new Refusal(status === 407 ? 'wants another user or password' : `answers HTTP ${status}`);
    } finally {
      clearTimeout(timer);
    }
  };
}

function socksTunnel(proxy: URL, reach: Reach): Tunnel {
  const remote = new URL(proxy.href.replace(/^socks5:/, 'socks5h:'));
  return async (host, port) => {
    let refused: unknown;
    const guarded = guardedLookup(reach);
    /** The agent passes on what went wrong in words of its own. */
    const lookup: typeof guarded = (name, options, callback) =>
      guarded(name, options, (error, ...found) => {
        refused = error;
        callback(error, ...found);
      });
    const agent = new SocksProxyAgent(remote, { timeout: CONNECT_MS, socketOptions: { lookup } as never });
    const request = Object.assign(new EventEmitter(), { destroy() {} });
    const asked = agent.connect(request as never, { host, port, secureEndpoint: false });
    const socket = await asked.catch((error: unknown) => {
      throw refused ?? error;
    });
    // The agent's patience is for the handshake; a connection to WhatsApp may well be silent for longer.
    socket.setTimeout(0);
    return socket;
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Refusal('does not answer')), { once: true });
  });
}

function wordsOf(error: unknown): string {
  const { message = '', code } = error as { message?: string; code?: string };
  if (error instanceof Refusal) return message;
  if (error instanceof EngineError) return `may not be used: ${message}`;
  if (/auth/i.test(message)) return 'wants another user or password';
  if (/timed out|timeout/i.test(message) || code === 'ETIMEDOUT' || code === 'ABORT_ERR') return 'does not answer';
  if (/closed|ended before|internal error/i.test(message)) return 'closes the connection; check its user and password';
  if (/rejected|HostUnreachable|NetworkUnreachable|NotAllowed|Failure/i.test(message)) return 'refuses the connection';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'has a name that is not known';
  if (code === 'ECONNREFUSED' || /ECONNREFUSED/.test(message)) return 'cannot be reached (ECONNREFUSED)';
  return `cannot be used${code ? ` (${code})` : ''}`;
}
