import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { Stage, TOKEN } from '../whatsapp/stage.ts';

const { PATIENCE } = await import('../../engine/surfaces/server.ts');

/** The same engine for everybody, impatient enough for a test. */
const SHORT = { headersMs: 400, requestMs: 2500, stalledMs: 600, silenceMs: 4000 };

let stage: Stage;
beforeAll(async () => void (stage = await Stage.open({ patience: SHORT })));
afterAll(() => stage?.close());

/** The engine's ends of connections. */
const accepted: Socket[] = [];
subscribe('net.server.socket', (message) => void accepted.push((message as { socket: Socket }).socket));

/** Somebody on a connection, who keeps it open for as long as they are let. */
class Client {
  private heard = '';

  private constructor(readonly socket: Socket) {
    socket.on('data', (part: Buffer) => (this.heard += part.toString('latin1')));
    socket.on('error', () => {});
  }

  static async connect(...text: string[]): Promise<Client> {
    const socket = connect(Number(new URL(stage.engine.url).port), '127.0.0.1');
    const client = new Client(socket);
    await once(socket, 'connect');
    for (const piece of text) socket.write(piece);
    return client;
  }

  /** Resolves when the other side has hung up, with all that it said. */
  async ended(): Promise<string> {
    if (!this.socket.closed) await once(this.socket, 'close');
    return this.heard;
  }

  /** A byte now and then, for as long as somebody takes it. */
  async drip(byte: string): Promise<string> {
    const drips = setInterval(() => this.socket.writable && this.socket.write(byte), 50);
    const said = await this.ended();
    clearInterval(drips);
    return said;
  }
}

const HEAD = `Host: engine\r\nAuthorization: Bearer ${TOKEN}\r\nX-Warbler-Session: 1\r\n`;
const UPLOAD = `POST /api/upload HTTP/1.1\r\n${HEAD}Content-Type: application/octet-stream\r\n`;
const drafts = () =>
  readdirSync(join(stage.environment['WARBLER_DATA_DIR']!, 'sandbox', 'files')).filter((name) =>
    name.startsWith('tmp-'),
  );
const isWell = async () => expect((await stage.call('GET', '/readyz')).status).toBe(200);

describe('a connection is given up on which', () => {
  test('nothing is said', async () => {
    expect(await (await Client.connect()).ended()).toContain('did not arrive in time');
    await isWell();
  });

  test('headers come byte by byte', async () => {
    const client = await Client.connect('GET /healthz HTTP/1.1\r\nHost: engine\r\n');
    const said = await client.drip('X');
    expect(said).toMatch(/^HTTP\/1\.1 400 /);
    expect(JSON.parse(said.split('\r\n\r\n')[1]!)).toMatchObject({ success: false, code: 'bad_request' });
  });

  test('many do that at once, while others are served', async () => {
    const slow = await Promise.all(Array.from({ length: 200 }, () => Client.connect('GET /healthz HTTP/1.1\r\n')));
    await isWell();
    await Promise.all(slow.map((client) => client.ended()));
    await isWell();
  });

  test('a body stalls', async () => {
    const head = `POST /api/send-message HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\nContent-Length: 500\r\n\r\n`;
    await (await Client.connect(head, '{"to":')).ended();
    await isWell();
  });

  test('an upload stalls, of which nothing stays', async () => {
    const client = await Client.connect(`${UPLOAD}Content-Length: 100000\r\n\r\n`, 'x'.repeat(5000));
    await stage.untilTrue(() => drafts().length === 1);
    await client.ended();
    await stage.untilTrue(() => drafts().length === 0);
  });

  test('a form stalls in its file, of which nothing stays', async () => {
    const head = `POST /api/upload HTTP/1.1\r\n${HEAD}Content-Type: multipart/form-data; boundary=cut\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const part = '--cut\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + 'x'.repeat(5000);
    const client = await Client.connect(head, `${part.length.toString(16)}\r\n${part}\r\n`);
    await stage.untilTrue(() => drafts().length === 1);
    await client.ended();
    await stage.untilTrue(() => drafts().length === 0);
  });

  test('an upload comes byte by byte for longer than all of it may take', async () => {
    const client = await Client.connect(`${UPLOAD}Content-Length: 100000\r\n\r\n`);
    expect(await client.drip('x')).not.toContain('200 OK');
    await stage.untilTrue(() => drafts().length === 0);
  });

  test('a stranger’s body never ends: the refusal is there at once, and the rest not waited for without end', async () => {
    const client = await Client.connect('POST /api/upload HTTP/1.1\r\nHost: engine\r\nContent-Length: 100000\r\n\r\nx');
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 401 /);
  });

  test('nobody reads the answer', async () => {
    // More than the systems on both sides keep for a connection.
    const size = 30 * 1024 * 1024;
    const { length } = await (await fetch(`${stage.engine.url}/openapi.json`)).text();
    const client = await Client.connect();
    const { localPort } = client.socket;
    const other = accepted.find(({ remotePort }) => remotePort === localPort)!;
    client.socket.pause();
    client.socket.write('GET /openapi.json HTTP/1.1\r\nHost: engine\r\n\r\n'.repeat(Math.ceil(size / length)));
    await once(other, 'close');
    client.socket.resume();
    expect((await client.ended()).length).toBeLessThan(size);
  });
});

test('an answer that takes its time is waited for, whatever the client says meanwhile', async () => {
  const shown = stage.call('POST', '/api/send-presence-update', {
    jid: '15550100002@s.whatsapp.net',
    type: 'composing',
    delayMs: 1000,
  });
  expect((await shown).status).toBe(200);
});

test('a body on a GET is no matter', async () => {
  const body = '{"page":2}';
  const head = `GET /api/whatsapp-sessions HTTP/1.1\r\n${HEAD}Connection: close\r\nContent-Type: application/json\r\n`;
  const said = await (await Client.connect(`${head}Content-Length: ${body.length}\r\n\r\n${body}`)).ended();
  expect(said).toMatch(/^HTTP\/1\.1 200 /);
});

test('what is really waited for leaves time to honest people', () => {
  const { headersMs, requestMs, stalledMs, silenceMs } = PATIENCE;
  // A call over MCP waits five minutes for a person; a file of 100 MB comes over a line of 1 Mbit/s.
  expect(silenceMs).toBeGreaterThan(6 * 60_000);
  expect(requestMs).toBeGreaterThan((100 * 8 * 1000) / 1);
  expect(stalledMs).toBeGreaterThanOrEqual(30_000);
  expect(headersMs).toBeLessThanOrEqual(30_000);
});
