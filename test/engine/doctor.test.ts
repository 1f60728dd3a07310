import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Libsql from 'libsql';
import { Server as ProxyServer } from 'proxy-chain';
import { loadConfig, readSettings, storeFolder } from '../../engine/config.ts';
import { Seal } from '../../engine/store/seal.ts';
import { openSqliteStore } from '../../engine/store/sqlite/index.ts';
import type { Store } from '../../engine/store/store.ts';
import { Stage } from '../whatsapp/stage.ts';
import { aSession, anEvent, someKeys, subscriptionOf, temporaryFolder } from './fixtures.ts';

// After the stage: whatever imports Baileys has to.
const { checkData } = await import('../../engine/cli/doctor/data.ts');
const { checkNode } = await import('../../engine/cli/doctor/machine.ts');
const { checkAddresses, checkWhatsApp } = await import('../../engine/cli/doctor/reach.ts');

/** The command as it ships; `npm test` builds it first. */
const CLI = join(import.meta.dirname, '../../engine/dist/cli.js');
const tls = (name: string) => readFile(join(import.meta.dirname, '../media/tls', name), 'utf8');

async function doctor(env: Record<string, string>, ...args: string[]) {
  try {
    const options = { env: { PATH: process.env['PATH'], ...env } };
    return { code: 0, ...(await promisify(execFile)(process.execPath, [CLI, 'doctor', ...args], options)) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

describe('warbler doctor', () => {
  test('finds nothing wrong with an engine that runs, and says of its sessions how they are', async () => {
    const stage = await Stage.open();
    try {
      await stage.engine.store.sessions.create(
        aSession({ proxy_url: 'http://user:s3cret-password@127.0.0.1:1' }),
        someKeys(),
      );
      const env = { ...stage.environment, WARBLER_PORT: new URL(stage.engine.url).port };
      const { code, stdout } = await doctor(env, '--sandbox');
      expect(stdout).toMatch(/^ok {4}An engine runs on this data folder$/m);
      expect(stdout).toMatch(/^ok {4}The engine answers at /m);
      expect(stdout).toMatch(/^ok {4}Session 1 is connected$/m);
      expect(stdout).toMatch(/^note {2}Session 2: disconnected\n {6}Not connected.*Connect it/m);
      expect(stdout).toContain('Nothing is wrong.');
      expect(code).toBe(0);
      for (const secret of [stage.environment['WARBLER_ENCRYPTION_KEY']!, 's3cret'])
        expect(stdout).not.toContain(secret);
      expect((await stage.send('15550100002', 'It goes on')).status).toBe(200);
    } finally {
      await stage.close();
    }
  });

  test('says what is wrong and what to do, and ends with 1; of a setting, too', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder.path, 'warbler.db'), 'this is not a database '.repeat(100));
    await writeFile(join(folder.path, 'encryption.key'), Buffer.alloc(32).toString('base64'), { mode: 0o600 });
    const broken = await doctor({ WARBLER_DATA_DIR: folder.path }, '--sandbox');
    expect([broken.code, broken.stdout]).toEqual([0, expect.stringContaining('There is no data folder')]);
    await mkdir(join(folder.path, 'sandbox'));
    for (const name of ['warbler.db', 'encryption.key']) {
      await writeFile(join(folder.path, 'sandbox', name), await readFile(join(folder.path, name)), { mode: 0o600 });
    }
    const { code, stdout } = await doctor({ WARBLER_DATA_DIR: folder.path }, '--sandbox');
    expect([code, stdout]).toEqual([
      1,
      expect.stringMatching(/^BAD {3}The database .* cannot be read .*\n {6}Restore/m),
    ]);
    const setting = await doctor({ WARBLER_DATA_DIR: folder.path, WARBLER_PORT: 'eighty' });
    expect([setting.code, setting.stdout]).toEqual([1, expect.stringMatching(/^BAD {3}WARBLER_PORT cannot be used/m)]);
    await folder.remove();
  });
});

describe('of a data folder it says', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => (folder = await temporaryFolder()));
  afterEach(() => folder.remove());

  const env = (more: Record<string, string> = {}) => ({ WARBLER_DATA_DIR: folder.path, ...more });
  const findings = async (more?: Record<string, string>) => {
    const { findings: found } = await checkData(readSettings({ env: env(more) }));
    return found.map(({ is, what, then = '' }) => `${is}: ${what} / ${then}`);
  };
  const says = async (words: RegExp, more?: Record<string, string>) =>
    expect(await findings(more)).toContainEqual(expect.stringMatching(words));
  /** A folder as an engine leaves it. */
  async function filled(fill: (store: Store) => Promise<unknown> = async () => {}): Promise<void> {
    const config = loadConfig({ env: env() });
    const store = openSqliteStore(storeFolder(config), new Seal(config.encryptionKey));
    await fill(store);
    await store.close();
  }
  const inDatabase = (sql: string) => {
    const file = new Libsql(join(folder.path, 'warbler.db'));
    file.exec(sql);
    file.close();
  };

  test('that it is as it should be', async () => {
    await filled((store) => store.sessions.create(aSession(), someKeys()));
    expect((await findings()).filter((one) => !/^(good|note: (No engine|Session 1|Only))/.test(one))).toEqual([]);
  });

  test('that there is none, and makes none', async () => {
    await folder.remove();
    await says(/^note: There is no data folder/);
    await expect(readFile(join(folder.path, 'encryption.key'))).rejects.toThrow('ENOENT');
  });

  test('that the key is missing, damaged, another one, or open to others', async () => {
    await filled();
    const file = join(folder.path, 'encryption.key');
    const key = await readFile(file, 'utf8');
    await says(/^bad: The encryption key does not fit/, {
      WARBLER_ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('hex'),
    });
    await chmod(file, 0o644);
    await says(/^bad: .*encryption\.key can be read by other users.* \/ chmod 600/);
    await chmod(file, 0o600);
    await writeFile(file, 'half');
    await says(/^bad: .*encryption\.key must be 32 bytes/);
    await rm(file);
    await says(/^bad: .*encryption\.key is missing.*from a backup/);
    await writeFile(file, key, { mode: 0o600 });
    await says(/^good: The encryption key fits/);
    await writeFile(`${file}.new`, key, { mode: 0o600 });
    await says(/^note: A change of the encryption key was cut short/);
  });

  test('that others can look into it', async () => {
    await filled();
    await chmod(folder.path, 0o755);
    await says(/^note: The data folder .* is open to other users.*chmod 700/);
  });

  test('that its database is of another version', async () => {
    await filled();
    inDatabase('PRAGMA user_version = 99');
    await says(/^bad: The database was written by a newer Warbler/);
    inDatabase('PRAGMA user_version = 1');
    await says(/^note: The database is of an earlier Warbler/);
  });

  test('what waits in it, for whom, and since when', async () => {
    await filled(async (store) => {
      const { id } = await store.sessions.create(aSession(), someKeys());
      const subscription = await store.subscriptions.put(subscriptionOf(id));
      await store.commit({
        sessionId: id,
        events: [anEvent(), anEvent()],
        session: { status: 'logged_out', reason: { code: 'logged_out', message: 'The phone removed this device.' } },
      });
      await store.subscriptions.park(subscription.id, 'gone');
      const all = await store.subscriptions.put(subscriptionOf(null));
      await store.subscriptions.park(all.id, 'gone');
    });
    inDatabase('UPDATE events SET created_at = created_at - 3 * 3600000');
    await says(/^note: Session 1: 2 events are not delivered, the oldest for 3 hours \/ GET .*deliveries/);
    await says(/^note: Session 1: 1 of its webhooks have nobody who listens \/ Activate/);
    await says(/^note: All sessions: 1 of the webhooks for them have nobody who listens \/ Activate/);
    await says(/^note: Session 1: logged_out \(logged_out\) \/ The phone removed this device\./);
  });
});

describe('of the network it says', () => {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers.splice(0)) {
      server.close();
      await once(server, 'close');
    }
  });
  async function listen(server: Server): Promise<number> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    servers.push(server);
    server.on('connection', (socket: Socket) => void sockets.add(socket));
    return (server.address() as AddressInfo).port;
  }
  async function closedPort(): Promise<number> {
    const server = createTcpServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    return port;
  }
  const web = (answer: RequestListener) => listen(createServer({ keepAlive: false }, answer));
  const engine = () =>
    web((_req, res) => void res.setHeader('X-Warbler-Version', '1').setHeader('connection', 'close').end());
  const addresses = async (port: number, taken: boolean, publicUrl = '') => {
    const env = { WARBLER_PORT: String(port), WARBLER_PUBLIC_URL: publicUrl };
    return (await checkAddresses(readSettings({ env }), taken)).map(({ is, what }) => `${is}: ${what}`);
  };

  test('who has the port', async () => {
    const port = await engine();
    expect(await addresses(port, true)).toEqual([expect.stringMatching(/^good: The engine answers/)]);
    expect(await addresses(port, false)).toEqual([
      expect.stringMatching(/^bad: A Warbler answers .* another data folder/),
    ]);
    const stranger = await web((_req, res) => void res.setHeader('connection', 'close').end('hello'));
    expect(await addresses(stranger, false)).toEqual([expect.stringMatching(/^bad: Another program answers/)]);
    const mail = await listen(createTcpServer((socket) => socket.end('220 mail ready\r\n')));
    expect(await addresses(mail, false)).toEqual([expect.stringMatching(/^bad: Another program answers/)]);
    const free = await closedPort();
    expect(await addresses(free, false)).toEqual([expect.stringMatching(/^good: .* is free/)]);
    expect(await addresses(free, true)).toEqual([
      expect.stringMatching(/^bad: The engine does not answer .*ECONNREFUSED/),
    ]);
  });

  test('whether the public URL leads here', async () => {
    const port = await engine();
    const [, reached] = await addresses(port, true, `http://127.0.0.1:${port}`);
    expect(reached).toMatch(/^good: WARBLER_PUBLIC_URL/);
    const [, dead] = await addresses(port, true, 'http://127.0.0.1:9/s3cret-path');
    expect(dead).toMatch(/^note: WARBLER_PUBLIC_URL \(127\.0\.0\.1:9\) cannot be reached/);
  });

  test('whether WhatsApp is reached, by whom it is answered, and what the clock is worth', async () => {
    const [cert, key] = [await tls('cert.pem'), await tls('key.pem')];
    let date = new Date();
    const server = createTlsServer({ cert, key }, (_req, res) => void res.setHeader('date', date.toUTCString()).end());
    const place = { host: 'localhost', port: await listen(server) };
    const found = async (ca?: string) =>
      (await checkWhatsApp({ proxyNetworks: ['loopback'] }, [], { ...place, ...(ca && { ca }) })).map(
        ({ is, what }) => `${is}: ${what}`,
      );
    expect(await found(cert)).toEqual([
      expect.stringMatching(/^good: localhost:\d+ is reached/),
      'good: The clock is right',
    ]);
    expect(await found()).toEqual([expect.stringMatching(/^bad: Whoever answers .* has no valid certificate/)]);
    date = new Date(Date.now() - 7 * 60_000);
    expect(await found(cert)).toContain('bad: The clock is off by 7 minutes');
    const closed = await checkWhatsApp({ proxyNetworks: [] }, [], { host: 'localhost', port: 9 });
    expect(closed).toMatchObject([{ is: 'bad', what: expect.stringMatching(/^localhost:9 cannot be reached/) }]);
    const unknown = await checkWhatsApp({ proxyNetworks: [] }, [], { host: 'nowhere.invalid', port: 443 });
    expect(unknown).toMatchObject([
      { is: 'bad', what: expect.stringMatching(/^The name nowhere.invalid is not known/) },
    ]);
  });

  test('whether each session’s proxy lets it through, without the password', async () => {
    const proxy = new ProxyServer({
      port: 0,
      host: '127.0.0.1',
      prepareRequestFunction: ({ password }) => ({ requestAuthentication: password !== 'right' }),
    });
    await proxy.listen();
    const target = await listen(createTcpServer());
    const url = (password: string) => `http://user:${password}@127.0.0.1:${proxy.port}`;
    const proxies = [
      { session: 1, url: url('right') },
      { session: 2, url: url('s3cret') },
    ];
    const found = await checkWhatsApp({ proxyNetworks: ['loopback'] }, proxies, { host: '127.0.0.1', port: target });
    await proxy.close(true);
    expect(found.slice(1)).toMatchObject([
      { is: 'good', what: 'Session 1 gets to WhatsApp through its proxy' },
      { is: 'bad', what: expect.stringMatching(/^Session 2: the proxy .* wants another user or password/) },
    ]);
    expect(JSON.stringify(found)).not.toContain('s3cret');
  });
});

test('of Node.js it says whether it is new enough', () => {
  expect(checkNode('20.19.0').is).toBe('good');
  expect(checkNode('24.1.0').is).toBe('good');
  expect(checkNode('20.18.9')).toMatchObject({ is: 'bad', then: expect.stringContaining('20.19') });
  expect(checkNode('18.20.0').is).toBe('bad');
});
