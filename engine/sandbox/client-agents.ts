import { Agent as HttpsAgent, type AgentOptions } from 'node:https';
import { connect, type Socket } from 'node:net';
import { Agent as Dispatcher, buildConnector } from 'undici';

/** Where clients look for what has a path but no host: history and snapshots of the shared settings. */
export const WHATSAPP_MEDIA_HOST = 'mmg.whatsapp.net';

/** What a Baileys client is configured with, besides `waWebSocketUrl`, so that it reaches the sandbox's media host. */
export interface ClientAgents {
  /** For uploads. */
  fetchAgent: HttpsAgent;
  /** For downloads: the `options` of the socket, and of `downloadMediaMessage`. */
  options: { dispatcher: NonNullable<RequestInit['dispatcher']> };
}

/**
 * Clients of WhatsApp build their media addresses with `https://` and nothing else. The sandbox speaks plain HTTP on
 * loopback, so a client of it is given these two agents: what goes to the sandbox goes in plain, whatever the address
 * says, and what would go to WhatsApp's own media host goes to the sandbox too; everything else goes over TLS as always.
 */
export function clientAgents(sandboxUrl: string): ClientAgents {
  const { hostname, port } = new URL(sandboxUrl);
  const isSandbox = (host: unknown, to: unknown): boolean => host === hostname && String(to) === port;
  const sandbox = { host: hostname, port: Number(port) };
  return { fetchAgent: uploadAgent(isSandbox), options: { dispatcher: downloadAgent(isSandbox, sandbox) } };
}

type IsSandbox = (host: unknown, port: unknown) => boolean;

function uploadAgent(isSandbox: IsSandbox): HttpsAgent {
  return new (class extends HttpsAgent {
    override createConnection(...args: Parameters<HttpsAgent['createConnection']>) {
      const [options] = args as [AgentOptions & { host?: string; port?: number }];
      if (!isSandbox(options.host, options.port)) return super.createConnection(...args);
      return connect({ host: options.host ?? '', port: Number(options.port) });
    }
  })();
}

function downloadAgent(
  isSandbox: IsSandbox,
  sandbox: { host: string; port: number },
): ClientAgents['options']['dispatcher'] {
  const overTls = buildConnector({});
  const dispatcher = new Dispatcher({
    connect(options, callback) {
      const { hostname, port } = options;
      if (!isSandbox(hostname, port) && hostname !== WHATSAPP_MEDIA_HOST) return overTls(options, callback);
      const socket: Socket = connect(sandbox);
      socket.once('connect', () => callback(null, socket));
      socket.once('error', (error) => callback(error, null));
    },
  });
  // node's own `fetch` has types of its own for the same thing
  return dispatcher as unknown as ClientAgents['options']['dispatcher'];
}
