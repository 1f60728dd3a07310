import { request } from 'undici';
import { checkUrl, guardedAgent, guardedLookup, type Resolve } from '../../engine/network/guard.ts';
import { openWay } from '../../engine/network/way.ts';
import { FileServer } from '../media/file-server.ts';
import { Connections } from './connections.ts';
import { INNER_NAMES } from './hostile-urls.ts';

/** Names whose answers an attacker chooses; the DNS is the test's. */

let canary: FileServer;
let connections: Connections;
beforeAll(async () => {
  canary = await FileServer.start();
  canary.put('/', 'sung', 'text/plain');
});
afterAll(() => canary.close());
beforeEach(() => (connections = new Connections()));
afterEach(() => connections.stop());

const familyOf = (address: string) => (address.includes(':') ? 6 : 4);
/** A DNS that answers each question with the next of these, and the last one ever after. */
function dns(...answers: string[][]): { resolve: Resolve; asked: () => number } {
  let asked = 0;
  const resolve: Resolve = (_host, _options, callback) => {
    const found = answers[Math.min(asked++, answers.length - 1)]!;
    setImmediate(() =>
      callback(
        null,
        found.map((address) => ({ address, family: familyOf(address) })),
      ),
    );
  };
  return { resolve, asked: () => asked };
}

async function get(host: string, resolve: Resolve, networks: readonly ('public' | 'private' | 'loopback')[]) {
  const dispatcher = guardedAgent(networks, {}, resolve);
  try {
    const { statusCode, body } = await request(`http://${host}:${canary.port}/`, { dispatcher });
    await body.dump();
    return statusCode;
  } catch (error) {
    return (error as { code?: string }).code;
  } finally {
    await dispatcher.destroy();
  }
}

test.each(Object.entries(INNER_NAMES))('%s, which is %j, is not connected to', async (host, addresses) => {
  expect(() => checkUrl(`http://${host}/`, ['public'])).not.toThrow();
  expect(await get(host, dns(addresses).resolve, ['public'])).toBe('url_not_allowed');
  expect(connections.opened).toEqual([]);
});

test('a name that was public when it was registered, and is this machine when it is used, is not connected to', async () => {
  const rebound = dns(['93.184.215.14'], ['127.0.0.1']);
  const lookup = guardedLookup({ networks: ['public'], setting: 'WARBLER_MEDIA_NETWORKS' }, rebound.resolve);
  const found = () =>
    new Promise((resolve) => lookup('rebind.example', { all: true }, (error, one) => resolve(error ?? one)));
  expect(await found()).toEqual([{ address: '93.184.215.14', family: 4 }]);
  expect(await found()).toMatchObject({ code: 'url_not_allowed' });
  // The agent asks for itself, each time that it connects: what anybody was told before counts for nothing.
  expect(await get('rebind.example', rebound.resolve, ['public'])).toBe('url_not_allowed');
  expect([rebound.asked(), connections.opened]).toEqual([3, []]);
});

test('what was checked is what is connected to: there is one question for both', async () => {
  const name = dns(['127.0.0.1'], ['10.0.0.1']);
  expect(await get('once.example', name.resolve, ['loopback'])).toBe(200);
  expect([name.asked(), connections.opened]).toEqual([1, [`127.0.0.1:${canary.port}`]]);
});

test('one answer out of bounds is enough, wherever it stands among the good ones', async () => {
  for (const addresses of [
    ['127.0.0.1', '10.0.0.1'],
    ['10.0.0.1', '127.0.0.1'],
    ['127.0.0.1', '::1', '169.254.169.254'],
  ]) {
    expect(await get('many.example', dns(addresses).resolve, ['loopback'])).toBe('url_not_allowed');
  }
  expect(connections.opened).toEqual([]);
});

test('a name without any address is not connected to', async () => {
  expect(await get('nobody.example', dns([]).resolve, ['public'])).toBe('ENOTFOUND');
  expect(connections.opened).toEqual([]);
});

describe('the way to WhatsApp’s files', () => {
  const way = (plain?: string) =>
    openWay({ proxyUrl: null, proxies: { networks: ['public'], setting: 'WARBLER_PROXY_NETWORKS' }, plain });

  test.each([
    'https://127.0.0.1:{port}/',
    'http://127.0.0.1:{port}/',
    'https://evil.example/',
    'https://mmg.whatsapp.net.evil.example/',
    'https://evilwhatsapp.net/',
    'https://whatsapp.net.:{port}/',
    'http://mmg.whatsapp.net/',
    'https://169.254.169.254/latest/meta-data/',
    'https://[::1]:{port}/',
  ])('leads nowhere else: %s', async (url) => {
    const { dispatcher, close } = way();
    await expect(request(url.replace('{port}', String(canary.port)), { dispatcher })).rejects.toMatchObject({
      code: 'url_not_allowed',
    });
    close();
    expect([connections.opened, canary.asked.filter((path) => path !== '/')]).toEqual([[], []]);
  });

  test('leads nowhere else by a redirect either', async () => {
    const host = await FileServer.start();
    host.on('/moved', (_asked, answer) => void answer.writeHead(302, { location: `${canary.url}/` }).end());
    const before = canary.asked.length;
    const { dispatcher, close } = way(new URL(host.url).host);
    const refused = (await fetch(`${host.url}/moved`, { dispatcher } as never).catch(
      (error: unknown) => error,
    )) as Error;
    expect(String(refused.cause)).toContain('127.0.0.1 is not one of WhatsApp’s hosts');
    expect([host.asked, canary.asked.length]).toEqual([['/moved'], before]);
    close();
    await host.close();
  });
});
