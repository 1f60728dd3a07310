import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Somebody else's web server, on loopback: files, and every kind of bad behaviour. */
export class FileServer {
  /** Paths that were asked for. */
  readonly asked: string[] = [];
  private readonly handlers = new Map<string, Handler>();

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(): Promise<FileServer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const files = new FileServer(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const path = request.url ?? '/';
      files.asked.push(path);
      const handler = files.handlers.get(path);
      if (handler) return handler(request, response);
      response.writeHead(404).end('no such file');
    });
    return files;
  }

  /** Puts a file there; answers its address. */
  put(path: string, bytes: Buffer | string, type?: string, headers: Record<string, string> = {}): string {
    return this.on(path, (_request, response) => {
      response.writeHead(200, {
        ...(type && { 'content-type': type }),
        'content-length': Buffer.byteLength(bytes),
        ...headers,
      });
      response.end(bytes);
    });
  }

  on(path: string, handler: Handler): string {
    this.handlers.set(path, handler);
    return `${this.url}${path}`;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
