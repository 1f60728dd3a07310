import { readFileSync } from 'node:fs';
import { Server as ProxyServer } from 'proxy-chain';
import { FRIEND, until, Victim } from '../kill/victim.ts';

/** A certificate for localhost that only this test trusts; its key is no secret. */
const CERT = new URL('./tls/cert.pem', import.meta.url).pathname;
const KEY = new URL('./tls/key.pem', import.meta.url).pathname;

/** A process learns of more authorities only when it starts, so this engine runs in one of its own. */
test('a session goes through an https proxy whose certificate is trusted, and through no other', async () => {
  const asked: string[] = [];
  const proxy = new ProxyServer({
    port: 0,
    host: '127.0.0.1',
    serverType: 'https',
    httpsOptions: { key: readFileSync(KEY), cert: readFileSync(CERT) },
    prepareRequestFunction: ({ hostname, port }) => {
      asked.push(`${hostname}:${port}`);
      return {};
    },
  });
  await proxy.listen();
  const proxy_url = `https://localhost:${proxy.port}`;
  const [trusting, strict] = [await Victim.start({ NODE_EXTRA_CA_CERTS: CERT }), await Victim.start()];
  try {
    expect((await trusting.ask('PUT', '/api/whatsapp-sessions/1', { proxy_url })).status).toBe(200);
    await until(
      () => 'the tunnel',
      () => asked.length > 0 && trusting.online,
    );
    const sent = await trusting.ask('POST', '/api/send-message', { to: FRIEND, text: 'through TLS', wait: true });
    expect(sent.status).toBe(200);
    expect(trusting.sandbox.messages(FRIEND).at(-1)?.text).toBe('through TLS');
    expect(new Set(asked)).toEqual(new Set([new URL(trusting.sandbox.url).host]));

    await strict.ask('PUT', '/api/whatsapp-sessions/1', { proxy_url });
    const reason = async () => (await strict.ask('GET', '/api/status')).body['reason'] as { code?: string } | undefined;
    await until(
      () => 'a reason',
      async () => (await reason())?.code === 'proxy_failed',
    );
    expect(strict.online).toBe(false);
  } finally {
    await Promise.all([trusting.close(), strict.close()]);
    await proxy.close(true);
  }
});
