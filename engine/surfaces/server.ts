import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { EngineError, errorBody } from '../errors.ts';

/** How long the engine bears with clients that are slow, or pretend to be. */
export interface Patience {
  /** Until a request's headers are here, from the connection on: who sends them byte by byte has no good reason. */
  headersMs: number;
  /** Until all of a request is here: 100 MB, the largest file, over a line of 1 Mbit/s. */
  requestMs: number;
  /** Between any two pieces of a request's body. */
  stalledMs: number;
  /** Without a byte in either direction otherwise: nobody reads the answer. Longer than any answer is waited for. */
  silenceMs: number;
}

export const PATIENCE: Patience = {
  headersMs: 20_000,
  requestMs: 15 * 60_000,
  stalledMs: 60_000,
  silenceMs: 10 * 60_000,
};
/** Longer than clients keep an idle connection: with Node's 5 seconds they meet one that is just being closed. */
const KEEP_ALIVE_MS = 75_000;
/** Far more than n8n opens. Idle connections must not use up the file descriptors that sessions and the store need. */
const MOST_CONNECTIONS = 2000;

/** The server that strangers connect to, with limits on what a connection may cost. */
export function serverFor(app: RequestListener, patience: Patience = PATIENCE): Server {
  const { headersMs, requestMs, stalledMs, silenceMs } = patience;
  const server = createServer({
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    connectionsCheckingInterval: Math.min(headersMs, requestMs) / 4,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
  server.timeout = silenceMs;
  server.maxConnections = MOST_CONNECTIONS;
  server.on('clientError', refuseUnreadable);
  server.on('request', (req, res) => {
    if (hasBody(req)) {
      req.setTimeout(stalledMs);
      req.once('end', () => req.setTimeout(silenceMs));
    }
    app(req, res);
  });
  return server;
}

const hasBody = ({ headers }: IncomingMessage) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** Answers what cannot be read as HTTP in the form of every other refusal, and hangs up. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  // Node's own way to find out whether an answer has already begun.
  const { _httpMessage: begun } = socket as { _httpMessage?: ServerResponse };
  if (error.code === 'ECONNRESET' || !socket.writable || begun?.headersSent) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(errorBody(new EngineError('bad_request', wordsOf(error.code))));
  socket.end(
    [
      'HTTP/1.1 400 Bad Request',
      'Connection: close',
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
}

function wordsOf(code: string | undefined): string {
  if (code === 'HPE_HEADER_OVERFLOW') return 'The headers of the request are over 16 KB.';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'The request did not arrive in time.';
  return 'The request cannot be read: it is not HTTP/1.1, or breaks off.';
}
