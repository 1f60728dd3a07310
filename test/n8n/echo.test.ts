import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Engine, type Phone } from './engine.ts';
import { freePort, N8n, until, type Workflow } from './n8n.ts';
import { withN8n } from './suite.ts';

const MINUTE = 60_000;
const TRIGGER = 'Warbler Trigger';
const example = JSON.parse(readFileSync(new URL('../../examples/echo.json', import.meta.url), 'utf8')) as object;

const range = (count: number, word: string) => Array.from({ length: count }, (_, index) => `${word} ${index + 1}`);
const echoes = (texts: string[]) => texts.map((text) => `echo: ${text}`);

withN8n('A real n8n', () => {
  let engine: Engine;
  let n8n: N8n;
  let phone: Phone;
  let own: string;
  let credential: { id: string; name: string };
  let workflow: Workflow;

  beforeAll(async () => {
    [engine, n8n] = await Promise.all([Engine.start(), N8n.start()]);
    own = await engine.number();
    phone = await engine.phone('15550100077');
  }, 5 * MINUTE);

  afterAll(async () => {
    await Promise.all([engine?.stop(), n8n?.stop()]);
  }, MINUTE);

  /** Waits until the phone has all these echoes, then a little longer, so that a second copy would show. */
  async function expectEchoes(texts: string[]): Promise<void> {
    const wanted = echoes(texts);
    await until(
      `${texts.length} echoes`,
      async () => {
        const received = await phone.received();
        return wanted.every((text) => received.includes(text)) ? true : undefined;
      },
      2 * MINUTE,
    );
    await sleep(2000);
    const received = (await phone.received()).filter((text) => wanted.includes(text));
    expect(received.sort()).toEqual([...wanted].sort());
  }

  /** The texts the trigger was given in production, in the order its executions began. */
  async function triggered(count: number): Promise<string[]> {
    const summaries = await n8n.executions(workflow, 'webhook');
    const latest = summaries.sort((a, b) => Number(b.id) - Number(a.id)).slice(0, count);
    const executions = await Promise.all(latest.reverse().map(async ({ id }) => await n8n.execution(id)));
    return executions.map(({ runData }) => {
      const item = runData[TRIGGER]?.[0]?.data?.main[0]?.[0]?.json;
      return (item as { data: { messages: { messageBody: string } } }).data.messages.messageBody;
    });
  }

  describe('tests the credential', () => {
    let stranger: Server;

    beforeAll(async () => {
      stranger = createServer((_request, response) => response.end('<html>Another program</html>'));
      await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    });

    afterAll(() => stranger.close());

    test('and says that it fits', async () => {
      expect((await n8n.testCredential({ url: `${engine.url}/`, token: engine.token })).status).toBe('OK');
    });

    test('and says that the token is wrong', async () => {
      const { status, message } = await n8n.testCredential({ url: engine.url, token: 'wrong'.padEnd(40, '.') });
      expect([status, message]).toEqual(['Error', expect.stringMatching(/does not know this personal access token/)]);
    });

    test('and says that something else answers at the URL', async () => {
      const { port } = stranger.address() as AddressInfo;
      const { status, message } = await n8n.testCredential({ url: `http://127.0.0.1:${port}`, token: engine.token });
      expect([status, message]).toEqual(['Error', expect.stringMatching(/Something other than a Warbler engine/)]);
    });

    test('and says that nothing answers, with the way out for Docker', async () => {
      const url = `http://localhost:${await freePort()}`;
      const { status, message } = await n8n.testCredential({ url, token: engine.token });
      expect([status, message]).toEqual([
        'Error',
        expect.stringMatching(/Nothing answers.*refused.*host\.docker\.internal/),
      ]);
    });
  });

  describe('lists sessions', () => {
    test('by name, number and status, and searches them', async () => {
      credential = await n8n.createCredential({ url: engine.url, token: engine.token });
      const { results } = await n8n.search('n8n-nodes-warbler.warbler', 'searchSessions', credential, 'CONNECTED');
      expect(results).toEqual([{ name: expect.stringContaining(own), value: '1' }]);
      expect((await n8n.search('n8n-nodes-warbler.warbler', 'searchSessions', credential, 'no such')).results).toEqual(
        [],
      );
    });

    test('and says why it cannot, instead of showing an empty list', async () => {
      const wrong = await n8n.createCredential({ url: `http://127.0.0.1:${await freePort()}`, token: engine.token });
      await expect(n8n.search('n8n-nodes-warbler.warblerTrigger', 'searchSessions', wrong)).rejects.toThrow(
        /Nothing answers at/,
      );
    });
  });

  describe('runs the echo example', () => {
    beforeAll(async () => {
      workflow = await n8n.createWorkflow(example, credential);
      await n8n.activate(workflow);
    }, 2 * MINUTE);

    test('which registered one subscription', async () => {
      expect(await engine.subscriptions()).toMatchObject([
        { url: expect.stringContaining('/webhook/'), events: ['messages.received'], state: 'active', expires_at: null },
      ]);
    });

    test(
      'for 20 messages, each after the echo of the one before',
      async () => {
        const texts = range(20, 'slowly');
        for (const text of texts) {
          await phone.send(own, text);
          await until(
            `the echo of ${text}`,
            async () => (await phone.received()).includes(`echo: ${text}`) || undefined,
            30_000,
          );
        }
        await expectEchoes(texts);
      },
      3 * MINUTE,
    );

    test(
      'for 20 messages in one burst, in their order',
      async () => {
        const texts = range(20, 'burst');
        for (const text of texts) await phone.send(own, text);
        await expectEchoes(texts);
        expect(await triggered(20)).toEqual(texts);
      },
      3 * MINUTE,
    );

    test(
      'for 20 messages while its test webhook is opened and closed again and again',
      async () => {
        const texts = range(20, 'beside a test');
        let rounds = 0;
        let sending = true;
        const clicking = (async () => {
          for (; sending || rounds < 5; rounds++) {
            await n8n.listen(workflow, TRIGGER);
            await sleep(150);
            await n8n.stopListening(workflow, TRIGGER);
          }
        })();
        for (const text of texts) {
          await phone.send(own, text);
          await sleep(100);
        }
        await expectEchoes(texts);
        sending = false;
        await clicking;
        expect(await triggered(20)).toEqual(texts);
        expect(rounds).toBeGreaterThanOrEqual(5);
        expect((await n8n.executions(workflow, 'manual')).length).toBeGreaterThan(0);
        await until(
          'the test subscriptions to be gone',
          async () => (await engine.subscriptions()).length === 1 || undefined,
          10_000,
        );
      },
      4 * MINUTE,
    );

    test(
      'for messages that came while n8n was killed, and for none twice',
      async () => {
        const before = range(5, 'before the kill');
        for (const text of before) await phone.send(own, text);
        await expectEchoes(before);
        await n8n.kill();
        const during = range(5, 'during the kill');
        for (const text of during) await phone.send(own, text);
        await n8n.launch();
        await expectEchoes([...before, ...during]);
        expect(await triggered(10)).toEqual([...before, ...during]);
      },
      5 * MINUTE,
    );

    test(
      'once for each message when the engine is killed in a burst',
      async () => {
        const texts = range(10, 'around the end of the engine');
        for (const text of texts) await phone.send(own, text);
        await engine.kill();
        await engine.launch();
        const started = async () => (await triggered(30)).filter((text) => texts.includes(text));
        await until('all to arrive', async () => (await started()).length >= texts.length || undefined, MINUTE);
        await sleep(2000);
        expect(await started()).toEqual(texts);
      },
      2 * MINUTE,
    );

    test('and once more for an event that somebody asks for again', async () => {
      const [delivery] = await engine.call<Array<{ id: number }>>('GET', '/api/whatsapp-sessions/1/deliveries?limit=1');
      const count = (await n8n.executions(workflow, 'webhook')).length;
      await engine.call('POST', `/api/whatsapp-sessions/1/deliveries/${delivery?.id}/redeliver`);
      await until(
        'the repeated delivery',
        async () => {
          const path = '/api/whatsapp-sessions/1/deliveries?limit=1';
          const [repeated] = await engine.call<Array<{ status: string; attempts: number }>>('GET', path);
          return repeated?.status === 'delivered' ? true : undefined;
        },
        20_000,
      );
      expect(await n8n.executions(workflow, 'webhook')).toHaveLength(count + 1);
    });

    test('and removes its subscription when it is deactivated', async () => {
      await n8n.deactivate(workflow);
      expect(await engine.subscriptions()).toEqual([]);
    });
  });
});
