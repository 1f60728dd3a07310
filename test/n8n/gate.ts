import { createServer, request as ask, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from './n8n.ts';

/** Stands before an engine, passes on whatever it is asked, and holds back what a test wants to come late. */
export class Gate {
  private held: Array<() => void> = [];

  private closed: string | undefined;

  private constructor(
    private readonly server: Server,
    private readonly engine: string,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  static async before(engine: string): Promise<Gate> {
    const server = createServer();
    const gate = new Gate(server, engine);
    server.on('request', (request, response) => gate.take(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return gate;
  }

  /** From now on requests to this path wait. */
  close(path: string): void {
    this.closed = path;
  }

  /** Resolves when so many requests wait. */
  async holds(count: number): Promise<void> {
    await until(`${count} requests at the gate`, async () => (this.held.length >= count ? true : undefined), 30_000);
  }

  /** Lets everything pass, what waits first. */
  open(): void {
    this.closed = undefined;
    for (const pass of this.held.splice(0)) pass();
  }

  stop(): void {
    this.open();
    this.server.close();
    this.server.closeAllConnections();
  }

  private take(request: IncomingMessage, response: ServerResponse): void {
    const pass = () => this.pass(request, response);
    if (this.closed === request.url) this.held.push(pass);
    else pass();
  }

  private pass(request: IncomingMessage, response: ServerResponse): void {
    const { method, headers } = request;
    const onward = ask(new URL(request.url!, this.engine), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  }
}
