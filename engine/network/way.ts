import { Agent as HttpAgent } from 'node:http';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { Agent as Dispatcher, buildConnector } from 'undici';
import { EngineError } from '../errors.ts';
import type { Reach } from './guard.ts';
import { tunnelThrough, type Tunnel } from './proxy.ts';

/** How one session's connections get to WhatsApp: straight, or through its proxy. */
export interface Way {
  /** For the WebSocket; undefined: node's own. */
  agent: HttpAgent | undefined;
  /** For uploads; undefined: node's own. */
  fetchAgent: HttpAgent | undefined;
  /** For files, there and back. Goes to WhatsApp's hosts and nowhere else, redirects included. */
  dispatcher: Dispatcher;
  close(): void;
}

/** What WhatsApp's own files lie under. An address in a message is written by its sender, who could write any other. */
export const isWhatsAppHost = (host: string) => /(^|\.)(whatsapp\.net|fbcdn\.net)$/.test(host);

/** Where WhatsApp's clients look for what comes with a path but no host: history, and snapshots of settings. */
const MEDIA_HOST = 'mmg.whatsapp.net';

/**
 * Opens the way of a session. `plain` is the sandbox's `host:port`: WhatsApp's clients write its media addresses with
 * `https://` and nothing else, and the sandbox speaks plain HTTP, on loopback; it is WhatsApp's media host, too.
 */
export function openWay(options: { proxyUrl: string | null; proxies: Reach; plain?: string | undefined }): Way {
  const { proxyUrl, proxies, plain } = options;
  const tunnel = proxyUrl ? tunnelThrough(proxyUrl, proxies) : undefined;
  const isPlain = (host: string, port: number) => `${host}:${port}` === plain;
  const agent = tunnel && new TunnelAgent(tunnel, isPlain);
  const fetchAgent = agent ?? (plain ? new TunnelAgent(straight, isPlain) : undefined);
  const dispatcher = new Dispatcher({ connect: connector(tunnel ?? straight, isPlain, plain) });
  return {
    agent,
    fetchAgent,
    dispatcher,
    close() {
      agent?.destroy();
      fetchAgent?.destroy();
      void dispatcher.destroy();
    },
  };
}

type IsPlain = (host: string, port: number) => boolean;

const straight: Tunnel = (host, port) =>
  new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port, timeout: 20_000 });
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('timeout', () => socket.destroy(new Error('the connection timed out')));
    socket.once('error', reject);
  });

/** Node's agent with other connections: each goes through the tunnel, and over TLS unless its end is the sandbox. */
class TunnelAgent extends HttpAgent {
  // Requests of http and of https may both use it; with a protocol, node would refuse one of them.
  declare protocol: undefined;

  constructor(
    private readonly tunnel: Tunnel,
    private readonly isPlain: IsPlain,
  ) {
    super({ keepAlive: false });
    Object.defineProperty(this, 'protocol', { value: undefined });
  }

  override createConnection(
    options: ConnectionOptions & { host?: string; port?: number | string },
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | undefined {
    const { host = '', path: _path, ...rest } = options;
    const port = Number(options.port);
    this.tunnel(host, port).then(
      (socket) => callback?.(null, this.isPlain(host, port) ? socket : overTls(socket, host, rest)),
      (error: Error) => callback?.(error, undefined as never),
    );
    return undefined;
  }
}

function overTls(socket: Socket, host: string, options: ConnectionOptions): Duplex {
  return connectTls({ ...options, socket, ...(!isIP(host) && { servername: host }) });
}

function connector(tunnel: Tunnel, isPlain: IsPlain, plain: string | undefined): buildConnector.connector {
  const tls = buildConnector({});
  return (target, callback) => {
    const place = plain && target.hostname === MEDIA_HOST ? new URL(`http://${plain}`) : target;
    const host = place.hostname.replace(/^\[|\]$/g, '');
    const port = Number(place.port || (place.protocol === 'https:' ? 443 : 80));
    const direct = isPlain(host, port);
    if (!direct && !(target.protocol === 'https:' && isWhatsAppHost(host))) {
      return callback(new EngineError('url_not_allowed', `${host} is not one of WhatsApp’s hosts.`), null);
    }
    tunnel(host, port).then(
      (socket) => {
        if (direct) return callback(null, socket);
        return tls({ ...target, httpSocket: socket }, callback);
      },
      (error: Error) => callback(error, null),
    );
  };
}
