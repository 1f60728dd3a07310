import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { end, ended, freePort, root, until } from './n8n.ts';
import { withN8n } from './suite.ts';

const MINUTE = 60_000;
const STORY = /Robin sends: +Hello from Robin[^]*execution \d+: success[^]*Robin receives: +echo: Hello from Robin/;

/** The demo in a process of its own, and what it wrote. */
class Demo {
  output = '';

  constructor(readonly child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    }
  }

  async wrote(text: string, timeoutMs: number): Promise<void> {
    await until(`the demo to write ${text}`, async () => this.output.includes(text) || undefined, timeoutMs);
  }

  async exitCode(): Promise<number | null> {
    await ended(this.child);
    return this.child.exitCode;
  }
}

withN8n('The demo', () => {
  let data: string;
  let ports: Record<string, string>;
  const demos: Demo[] = [];

  function demo(...options: string[]): Demo {
    const args = ['--import', './test/engine/typescript.mjs', 'test/n8n/demo.ts', '--data', data, ...options];
    // As `npm run` sets it, which makes npm install into that folder unless it is told better.
    const env = { ...process.env, ...ports, npm_config_local_prefix: join(data, 'not-here') };
    demos.push(new Demo(spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })));
    return demos.at(-1) as Demo;
  }

  const answers = async (port: string | undefined) =>
    await fetch(`http://127.0.0.1:${port}/healthz`).then(
      () => true,
      () => false,
    );

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'warbler-demo-'));
    const [engine, sandbox, n8n] = await Promise.all([freePort(), freePort(), freePort()]);
    ports = { WARBLER_PORT: String(engine), WARBLER_SANDBOX_PORT: String(sandbox), N8N_PORT: String(n8n) };
  });

  afterAll(async () => {
    await Promise.all(demos.map(async ({ child }) => await end(child)));
    await rm(data, { recursive: true, force: true });
  }, MINUTE);

  test(
    'shows an echo and what comes after it, refuses its data folder to a second one, and ends what it started',
    async () => {
      const first = demo();
      await first.wrote('Ctrl-C stops everything', 3 * MINUTE);
      expect(first.output).toMatch(STORY);
      const [, url, body] = /curl (\S+\/send) .*-d '(.*)'/.exec(first.output) ?? [];
      await fetch(url ?? '', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      await first.wrote('echo: Hello again', 20_000);

      const second = demo('--once');
      expect(await second.exitCode()).toBe(1);
      expect(second.output).toMatch(/port \d+ is taken[^]*Another Warbler already runs on the data folder/);
      expect(second.output).not.toMatch(/^ +at /m);

      first.child.kill('SIGTERM');
      expect(await first.exitCode()).toBe(0);
      expect([await answers(ports['WARBLER_PORT']), await answers(ports['N8N_PORT'])]).toEqual([false, false]);
    },
    5 * MINUTE,
  );

  test(
    'goes on where it was, even on other ports, and ends after one echo when asked to',
    async () => {
      const strangers = Object.values(ports).map((port) => createServer().listen(Number(port), '127.0.0.1'));
      const again = demo('--once');
      const exitCode = await again.exitCode();
      for (const stranger of strangers) stranger.close();
      expect(again.output).toMatch(/found and activated the workflow/);
      expect(again.output).toMatch(STORY);
      expect(exitCode).toBe(0);
    },
    5 * MINUTE,
  );

  test('says what options there are', async () => {
    const wrong = demo('--twice');
    expect(await wrong.exitCode()).toBe(1);
    expect(wrong.output).toMatch(/--once, --data FOLDER/);
  });
});
