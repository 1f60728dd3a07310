import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { EventEnvelope } from '../../engine/events.ts';

/**
 * What a receiver does with a request: a status, a whole answer, or one of the ways in which receivers misbehave.
 * `hang`: never answers. `break`: closes the connection unanswered. `cut`: announces a long body, and closes in the
 * middle of it. `trickle`: answers 200 and never ends the body. `drip`: never ends the headers. `flood`: never ends the
 * body, and sends it as fast as it is taken. `headers`: answers 200 with more headers than anybody wants to read.
 * `garbage`: answers something that is not HTTP.
 */
export type Answer =
  | number
  | { status: number; headers?: Record<string, string>; body?: string }
  | 'hang'
  | 'break'
  | 'cut'
  | 'trickle'
  | 'drip'
  | 'flood'
  | 'headers'
  | 'garbage';

export interface ReceivedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  event: EventEnvelope;
}

/** A real HTTP server that takes webhooks, for tests. Nobody waits for time: `next` waits for a request. */
export class Receiver {
  /** All that came in, in order. */
  readonly requests: ReceivedRequest[] = [];
  /** How many connections were opened to it. */
  connections = 0;
  /** What is answered when nothing is scripted; may depend on the request, may make it wait. */
  answer: (request: ReceivedRequest) => Answer | Promise<Answer> = () => 200;
  private scripted: Answer[] = [];
  private taken = 0;
  private waiting: (() => void)[] = [];

  private constructor(
    private readonly server: Server,
    readonly origin: string,
  ) {}

  static async start(port = 0): Promise<Receiver> {
    const server = createServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const receiver = new Receiver(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on('connection', () => (receiver.connections += 1));
    server.on('request', (req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        const event = JSON.parse(body) as EventEnvelope;
        void receiver.take({ method: req.method!, path: req.url!, headers: req.headers, body, event }, res);
      });
    });
    return receiver;
  }

  get port(): number {
    return Number(new URL(this.origin).port);
  }

  /** These answers to the next requests, one each. */
  script(...answers: Answer[]): void {
    this.scripted.push(...answers);
  }

  /** From now on every request waits until it is released, with the answer given then. */
  hold(): (answer?: Answer) => void {
    let release: (answer: Answer) => void = () => {};
    const held = new Promise<Answer>((resolve) => (release = resolve));
    this.answer = () => held;
    return (answer = 200) => {
      this.answer = () => answer;
      release(answer);
    };
  }

  /** The next request that nobody has asked for yet. */
  async next(): Promise<ReceivedRequest> {
    while (this.requests.length <= this.taken) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.requests[this.taken++]!;
  }

  /** The next so many. */
  async nexts(count: number): Promise<ReceivedRequest[]> {
    const requests: ReceivedRequest[] = [];
    while (requests.length < count) requests.push(await this.next());
    return requests;
  }

  async close(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private async take(request: ReceivedRequest, res: ServerResponse): Promise<void> {
    this.requests.push(request);
    for (const wake of this.waiting.splice(0)) wake();
    give(res, this.scripted.shift() ?? (await this.answer(request)));
  }
}

function* endless(): Generator<string> {
  for (;;) yield 'x'.repeat(10_000);
}

function give(res: ServerResponse, answer: Answer): void {
  switch (answer) {
    case 'hang':
      return;
    case 'break':
      res.destroy();
      return;
    case 'cut':
      res.writeHead(200, { 'content-length': 1000 });
      res.write('only this', () => res.destroy());
      return;
    case 'trickle':
      res.writeHead(200);
      res.write('…');
      return;
    case 'flood':
      res.writeHead(200);
      void pipeline(Readable.from(endless()), res).catch(() => {});
      return;
    case 'drip': {
      const { socket } = res;
      socket?.write('HTTP/1.1 200 OK\r\nX-Slow: ');
      const dripping = setInterval(() => socket?.write('.'), 5);
      socket?.once('close', () => clearInterval(dripping)).on('error', () => {});
      return;
    }
    case 'headers':
      res.socket?.end(`HTTP/1.1 200 OK\r\nX-Large: ${'x'.repeat(1_000_000)}\r\n\r\n`);
      return;
    case 'garbage':
      res.socket?.end('this is no HTTP\r\n\r\n');
      return;
    default: {
      const { status, headers, body = 'thanks' } = typeof answer === 'number' ? { status: answer } : answer;
      res.writeHead(status, headers).end(body);
    }
  }
}
