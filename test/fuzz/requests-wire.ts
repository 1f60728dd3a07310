import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';

/** A request as it goes over the wire: nothing in it is put right. */
export interface Sent {
  /** Where it came from, to find it again: the operation or the trick. */
  what: string;
  method: string;
  path: string;
  /** Names and values in turn; a name may stand there twice. */
  headers: string[];
  body?: Buffer | undefined;
}

export interface Got {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** It was not answered, and the connection is still open: a hang. */
export class Unanswered extends Error {}

/** Longer than anything takes here; whoever has no answer by then gets none. */
export const PATIENCE_MS = 60_000;

/** Sends well-formed HTTP over connections that are kept. */
export class Wire {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 32 });

  constructor(private readonly origin: URL) {}

  async ask(sent: Sent): Promise<Got> {
    try {
      return await this.once(sent);
    } catch (error) {
      // The connection was kept, and the server has closed it meanwhile: it has not read this request.
      if ((error as { stale?: boolean }).stale) return this.once(sent);
      throw error;
    }
  }

  private once({ method, path, headers, body }: Sent): Promise<Got> {
    const { hostname, port, host } = this.origin;
    return new Promise((resolve, reject) => {
      const asked = request({
        agent: this.agent,
        hostname,
        port,
        method,
        path,
        headers: [...(named(headers, 'host') ? [] : ['host', host]), ...headers, ...lengthOf(headers, method, body)],
      } as never);
      const patience = setTimeout(() => asked.destroy(new Unanswered(`${method} ${path}`)), PATIENCE_MS);
      asked.once('close', () => clearTimeout(patience));
      asked.once('error', (error: NodeJS.ErrnoException) => {
        const stale = asked.reusedSocket && error.code === 'ECONNRESET';
        reject(stale ? Object.assign(error, { stale }) : error);
      });
      asked.once('response', (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.once('error', reject);
        answer.once('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            body: Buffer.concat(parts).toString(),
          }),
        );
      });
      asked.end(body);
    });
  }

  /** Writes bytes that need not be HTTP, ends its side, and answers whatever comes back until the other side closes. */
  async raw(pieces: (Buffer | string)[], { cut = false } = {}): Promise<string> {
    const socket = connect(Number(this.origin.port), this.origin.hostname);
    const parts: Buffer[] = [];
    socket.on('data', (part: Buffer) => parts.push(part));
    // The other side may close while something is still being written.
    socket.on('error', () => {});
    const patience = setTimeout(() => socket.destroy(new Unanswered('raw')), PATIENCE_MS);
    const closed = once(socket, 'close').catch(() => {});
    await once(socket, 'connect');
    for (const piece of pieces) {
      if (socket.writable) socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (cut) socket.destroy();
    else socket.end();
    await closed;
    clearTimeout(patience);
    if (socket.errored instanceof Unanswered) throw socket.errored;
    return Buffer.concat(parts).toString('latin1');
  }

  close(): void {
    this.agent.destroy();
  }
}

const named = (headers: string[], name: string) =>
  headers.some((one, at) => at % 2 === 0 && one.toLowerCase() === name);

function lengthOf(headers: string[], method: string, body: Buffer | undefined): string[] {
  if (named(headers, 'content-length') || named(headers, 'transfer-encoding')) return [];
  if (body === undefined) return ['POST', 'PUT'].includes(method) ? ['content-length', '0'] : [];
  return ['content-length', String(body.length)];
}

/** A request as one can repeat it: what a failure prints. */
export const shown = ({ what, method, path, headers, body }: Sent) =>
  JSON.stringify({
    what,
    method,
    path: cut(path),
    headers: headers.map(cut),
    body: cut(body?.toString('latin1') ?? ''),
  });

const cut = (text: string) => (text.length > 600 ? `${text.slice(0, 600)}… (${text.length})` : text);
