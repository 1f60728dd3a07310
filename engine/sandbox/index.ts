import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { Connection } from './connection.ts';
import { Control } from './control.ts';
import { isMediaPath, mediaApi } from './media-api.ts';
import { controlApi, isLoopback, speaksOfLoopback } from './control-api.ts';
import { Network, type Logger } from './network.ts';
import { isPicturePath, pictureApi } from './picture-api.ts';
import { WHATSAPP_TIMES, type PairingTimes } from './pairing.ts';
import { SandboxError } from './problem.ts';
import { Store } from './store.ts';

export { clientAgents, type ClientAgents } from './client-agents.ts';
export { SandboxError } from './problem.ts';
export type { Logger } from './network.ts';
export type { PairingTimes } from './pairing.ts';
export type { Fault, FaultName, FaultRequest } from './faults.ts';
export type { Policy, PolicyInfo, PolicyRequest, Violation } from './policy.ts';
export type { WireEntry } from './wire-log.ts';
export type * from './control.ts';
export type * from './control-account.ts';
export type * from './control-chats.ts';
export type * from './control-calls.ts';
export type * from './control-gestures.ts';
export type * from './message-view.ts';
export type * from './control-channels.ts';

export interface SandboxOptions {
  /** 0 picks a free one. */
  port: number;
  /** A loopback address; anything else is refused, because the sandbox does what everybody asks of it. */
  host?: string;
  /** Where accounts, keys and undelivered messages are kept. Without it they are kept in memory. */
  dataDir?: string;
  /** pino, or anything like it; silent without it. */
  logger?: Logger;
  /** How long QR codes live; WhatsApp's own times when not given. */
  pairing?: Partial<PairingTimes>;
  /** Unix milliseconds by which accounts are watched and restricted; without it the time of day. Messages have that. */
  now?: () => number;
}

/**
 * A WhatsApp that runs: the WebSocket server that clients connect to, the simulated phones, and what the control API
 * offers as methods (inherited from `Control`; the HTTP API calls the same ones).
 */
export class Sandbox extends Control {
  /** `http://127.0.0.1:PORT`; the control API lies under `/sandbox`. */
  readonly url: string;
  /** What goes into a client's `waWebSocketUrl`. */
  readonly socketUrl: string;
  readonly port: number;
  readonly #network: Network;
  readonly #server: Server;
  readonly #sockets: WebSocketServer;
  #closed: Promise<void> | undefined;

  constructor(network: Network, server: Server, sockets: WebSocketServer, host: string) {
    super(network);
    this.#network = network;
    this.#server = server;
    this.#sockets = sockets;
    this.port = (server.address() as AddressInfo).port;
    const authority = `${host.includes(':') ? `[${host}]` : host}:${this.port}`;
    network.host = authority;
    this.url = `http://${authority}`;
    this.socketUrl = `ws://${authority}/ws/chat`;
  }

  /** Ends every connection as a server does that goes down, lets the phones finish, and closes the database. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (const connection of this.#network.connections) connection.goAway();
    this.#network.calls.stop();
    this.#sockets.close();
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    await Promise.all(this.#network.phones().map((phone) => phone.stop()));
    // a client that does not answer the goodbye is not waited for
    for (const connection of this.#network.connections) connection.terminate();
    this.#server.closeAllConnections();
    await stopped;
    this.#network.store.close();
  }
}

const SILENT: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
/** WhatsApp's largest frame is 16 MB (a 24-bit length); nothing a client sends here comes near. */
const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/** Starts a sandbox and resolves when it listens. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { port, host = '127.0.0.1', dataDir, logger = SILENT, pairing, now } = options;
  if (!isLoopback(host)) {
    throw new SandboxError(
      422,
      'not-loopback',
      `The sandbox only listens on this machine (127.0.0.1, ::1 or localhost), not on ${host}: whoever reaches it controls it.`,
    );
  }
  const store = new Store(dataDir);
  const network = new Network(store, logger, { ...WHATSAPP_TIMES, ...pairing }, now);
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES, perMessageDeflate: false });
  server.on('upgrade', (request, socket, head) => {
    const path = new URL(request.url ?? '/', 'ws://sandbox').pathname;
    if (path !== '/ws/chat' || !speaksOfLoopback(request.headers.host)) {
      socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => new Connection(network, client));
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    store.close();
    throw error;
  }
  const sandbox = new Sandbox(network, server, sockets, host);
  const control = controlApi(sandbox, logger);
  const media = mediaApi(network);
  const pictures = pictureApi(network);
  server.on('request', (request, response) => {
    const path = request.url ?? '/';
    (isPicturePath(path) ? pictures : isMediaPath(path) ? media : control)(request, response);
  });
  logger.info({ url: sandbox.url }, 'WhatsApp sandbox is up');
  return sandbox;
}
