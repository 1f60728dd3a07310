import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { pino } from 'pino';
import { Server as ProxyServer } from 'proxy-chain';
import simpleSocks from 'simple-socks';
import { checkProxyUrl, ProxyError, tunnelThrough } from '../../engine/network/proxy.ts';
import { FRIEND, OWN, Stage } from '../whatsapp/stage.ts';
import { jpeg } from './pictures.ts';

const LOOPBACK = { networks: ['loopback'], setting: 'WARBLER_PROXY_NETWORKS' } as const;

/** Made by node itself: to the proxy's code, an error of Jest's is none. */
const REFUSED = (await readFile('/no-such-file').catch((error: unknown) => error)) as Error;

/** A proxy on loopback that notes where it was asked to go. */
interface Proxy {
  url: string;
  asked: string[];
  /** Bytes that have come from its clients, and gone to them. */
  traffic(): { up: number; down: number };
  close(): Promise<unknown>;
}

function counted(server: { on(event: 'connection', listener: (socket: Socket) => void): unknown }) {
  const sockets: Socket[] = [];
  server.on('connection', (socket) => void sockets.push(socket));
  const sum = (of: 'bytesRead' | 'bytesWritten') => sockets.reduce((total, socket) => total + socket[of], 0);
  return () => ({ up: sum('bytesRead'), down: sum('bytesWritten') });
}

async function httpProxy(credentials?: { user: string; password: string }): Promise<Proxy> {
  const asked: string[] = [];
  const server = new ProxyServer({
    port: 0,
    host: '127.0.0.1',
    prepareRequestFunction: ({ hostname, port, username, password }) => {
      const wrong = credentials !== undefined && (username !== credentials.user || password !== credentials.password);
      if (!wrong) asked.push(`${hostname}:${port}`);
      return { requestAuthentication: wrong };
    },
  });
  await server.listen();
  const traffic = counted(server.server);
  const login = credentials ? `${credentials.user}:${encodeURIComponent(credentials.password)}@` : '';
  return { url: `http://${login}127.0.0.1:${server.port}`, asked, traffic, close: () => server.close(true) };
}

async function socksProxy(credentials?: { user: string; password: string }): Promise<Proxy> {
  const asked: string[] = [];
  const server = simpleSocks.createServer({
    ...(credentials && {
      authenticate: (user: string, password: string, _socket: unknown, done: (error?: Error) => void) =>
        done(user === credentials.user && password === credentials.password ? undefined : REFUSED),
    }),
    connectionFilter: (
      destination: { address: string; port: number },
      _origin: unknown,
      done: (error?: Error) => void,
    ) => {
      asked.push(`${destination.address}:${destination.port}`);
      done();
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const traffic = counted(server);
  const login = credentials ? `${credentials.user}:${encodeURIComponent(credentials.password)}@` : '';
  const { port } = server.address() as AddressInfo;
  return {
    url: `socks5://${login}127.0.0.1:${port}`,
    asked,
    traffic,
    close: async () => void server.close(),
  };
}

const CREDENTIALS = { user: 'robin', password: 'hunter2:%@/' };
const KINDS: [string, () => Promise<Proxy>][] = [
  ['an http proxy', () => httpProxy()],
  ['an http proxy with user and password', () => httpProxy(CREDENTIALS)],
  ['a socks5 proxy', () => socksProxy()],
  ['a socks5 proxy with user and password', () => socksProxy(CREDENTIALS)],
];

describe('a session with a proxy', () => {
  let stage: Stage;
  beforeAll(async () => void (stage = await Stage.open()));
  afterAll(() => stage?.close());

  const setProxy = (proxy_url: string | null) => stage.call('PUT', '/api/whatsapp-sessions/1', { proxy_url });
  const untilConnected = () => stage.untilStatus(({ status }) => status === 'connected');

  test.each(KINDS)('goes through %s with its WebSocket, its uploads and its downloads', async (_kind, open) => {
    const proxy = await open();
    try {
      expect((await setProxy(proxy.url)).status).toBe(200);
      await untilConnected();
      const target = `127.0.0.1:${stage.sandbox.port}`;
      expect(proxy.asked).toEqual([target]);

      const photo = await jpeg(900, 700);
      const base64 = photo.toString('base64');
      const before = proxy.traffic();
      const imageUrl = `data:image/jpeg;base64,${base64}`;
      const sent = await stage.call('POST', '/api/send-message', { to: FRIEND, imageUrl, wait: true });
      expect(sent.status).toBe(200);
      const uploaded = proxy.traffic();
      expect(uploaded.up - before.up).toBeGreaterThan(photo.length);
      expect(uploaded.down - before.down).toBeLessThan(photo.length);

      const { id } = await stage.sandbox.send(FRIEND, { to: OWN, imageBase64: base64 } as never);
      await stage.until((events) =>
        events.some(({ event, data }) => event === 'messages.received' && JSON.stringify(data).includes(id)),
      );
      expect((await stage.call('POST', '/api/decrypt-media', { id })).status).toBe(200);
      expect(proxy.traffic().down - uploaded.down).toBeGreaterThan(photo.length);
      expect(new Set(proxy.asked)).toEqual(new Set([target]));
    } finally {
      await setProxy(null);
      await untilConnected();
      await proxy.close();
    }
  });

  test('says so when the proxy is dead, and connects at once when it is replaced', async () => {
    const proxy = await httpProxy();
    await proxy.close();
    await setProxy(proxy.url);
    await stage.untilStatus(({ reason }) => reason?.code === 'proxy_failed');
    const { status, reason } = stage.engine.sessions.get(1).status;
    expect(status).toBe('connecting');
    expect(reason!.message).toContain(`the proxy ${new URL(proxy.url).host} cannot be reached (ECONNREFUSED)`);
    const answer = await stage.call('POST', '/api/send-message', { to: FRIEND, text: 'waits' });
    expect(answer.status).toBe(200);
    await setProxy(null);
    await untilConnected();
  });

  test.each([
    ['http', () => httpProxy(CREDENTIALS)],
    ['socks5', () => socksProxy(CREDENTIALS)],
  ])('says so when an %s proxy wants another password, and never tells the one it has', async (_kind, open) => {
    const proxy = await open();
    const url = proxy.url.replace(encodeURIComponent(CREDENTIALS.password), 'swordfish');
    await setProxy(url);
    await stage.untilStatus(({ reason }) => reason?.code === 'proxy_failed');
    const { reason } = stage.engine.sessions.get(1).status;
    expect(reason!.message).toMatch(/user (and|or) password/);
    expect(JSON.stringify(await stage.events('session.status'))).not.toContain('swordfish');
    expect(proxy.asked).toEqual([]);
    await setProxy(null);
    await untilConnected();
    await proxy.close();
  });

  test.each([
    ['1.2.3.4:8080', 'must be a URL'],
    ['ftp://1.2.3.4', 'must be a URL'],
    ['socks4://1.2.3.4', 'must be a URL'],
    ['http://1.2.3.4:8080/path', 'must end after the port'],
    ['http://u:50%@1.2.3.4', 'stray %'],
    ['http://10.0.0.1:8080', 'WARBLER_PROXY_NETWORKS'],
    ['socks5://169.254.169.254:1080', 'never allowed'],
    ['socks5://[::1', 'must be a URL'],
  ])('is refused the proxy %s', async (url, why) => {
    const { status, body } = await setProxy(url);
    expect([status, JSON.stringify(body['errors'])]).toEqual([422, expect.stringContaining(why)]);
  });
});

describe('the tunnel through a proxy', () => {
  const servers: Server[] = [];
  afterAll(() => servers.forEach((server) => server.close()));

  async function listening(onConnection: Parameters<typeof createServer>[1]): Promise<number> {
    const server = createServer(onConnection!);
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  test.each(['http', 'https', 'socks5'])('through %s fails in words that hold no password', async (scheme) => {
    const port = await listening((socket) => void socket.end('nonsense\r\n\r\n'));
    for (const at of [port, 9]) {
      const url = `${scheme}://robin:hunter2@127.0.0.1:${at}`;
      const error = await tunnelThrough(url, LOOPBACK)('example.com', 443).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ProxyError);
      const lines: string[] = [];
      pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }).info({ err: error }, 'x');
      expect(lines.join()).toContain(`the proxy 127.0.0.1:${at}`);
      expect(lines.join()).not.toContain('hunter2');
    }
  });

  test('is not opened to a proxy whose name resolves to a network that is not allowed', async () => {
    const proxy = await httpProxy();
    const url = proxy.url.replace('127.0.0.1', 'localhost');
    for (const scheme of ['http', 'https', 'socks5']) {
      const tunnel = tunnelThrough(url.replace('http', scheme), {
        networks: ['public'],
        setting: 'WARBLER_PROXY_NETWORKS',
      });
      await expect(tunnel('example.com', 443)).rejects.toThrow(
        /may not be used: localhost is on a loopback network, which WARBLER_PROXY_NETWORKS/,
      );
    }
    expect(proxy.asked).toEqual([]);
    await proxy.close();
  });

  test('asks the proxy to resolve the name', async () => {
    const socks = await socksProxy();
    await tunnelThrough(socks.url, LOOPBACK)('name.invalid', 443).catch(() => {});
    expect(socks.asked).toEqual(['name.invalid:443']);
    await socks.close();
  });

  test('knows a usable URL', () => {
    for (const url of [
      'http://1.2.3.4:8080',
      'https://user:pass@proxy.test',
      'socks5://u%40:p%3A@1.2.3.4:1080',
      'socks5h://proxy.test:1080',
    ]) {
      expect(checkProxyUrl(url, { networks: ['public'], setting: 'WARBLER_PROXY_NETWORKS' })).toBeUndefined();
    }
  });
});
