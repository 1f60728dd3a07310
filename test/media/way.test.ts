import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { request } from 'undici';
import { openWay } from '../../engine/network/way.ts';

const server = createServer((asked, answer) => answer.end(`${asked.headers.host}${asked.url}`));
let plain = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  plain = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

test("on the sandbox, WhatsApp's media host is the sandbox: history comes with a path but no host", async () => {
  const way = openWay({
    proxyUrl: null,
    proxies: { networks: ['loopback'], setting: 'WARBLER_PROXY_NETWORKS' },
    plain,
  });
  const { body } = await request('https://mmg.whatsapp.net/v/history', { dispatcher: way.dispatcher });
  expect(await body.text()).toBe('mmg.whatsapp.net/v/history');
  way.close();
});
