// The sandbox's phones speak through libsignal too, which prints keys with every session it closes.
import '../../engine/whatsapp/hardening.ts';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { startSandbox, type Sandbox } from '../../engine/sandbox/index.ts';

export const OWN = '15550100001';
export const FRIEND = '15550100002';
/** The smallest there is, of one pixel. */
export const PICTURE =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
export const TOKEN = 'test-token-0f8a3c5e7b9d1f2a4c6e8b0d';
/** The engine as it ships; `npm test` builds it first. */
export const CLI = new URL('../../engine/dist/cli.js', import.meta.url).pathname;

/** The real engine in a process of its own, to be killed at any moment; the sandbox lives on in ours, as WhatsApp does. */
export class Victim {
  /** Whatever the engine printed, over all its lives. */
  output = '';
  kills = 0;
  private child: ChildProcess | undefined;
  readonly folder: string;
  /** How connections to the sandbox have ended, in order: `closed`, or `torn` without a goodbye. */
  readonly goodbyes: string[];

  /** `folder` is where its data lies; without it, in a new one that is gone at the end. */
  static async start(env: NodeJS.ProcessEnv = {}, folder?: string): Promise<Victim> {
    const victim = await Victim.unborn(env, folder);
    victim.launch();
    await victim.ready();
    return victim;
  }

  /** One that was not launched yet. */
  static async unborn(env: NodeJS.ProcessEnv = {}, folder?: string): Promise<Victim> {
    const sandboxFolder = mkdtempSync(join(tmpdir(), 'warbler-kill-'));
    const goodbyes: string[] = [];
    const write = (line: string) => void goodbyes.push(...(line.match(/connection (closed|torn)/) ?? []).slice(1));
    const logger = pino({ level: 'debug' }, { write });
    const sandbox = await startSandbox({ port: 0, dataDir: sandboxFolder, logger });
    return new Victim(sandbox, await freePort(), env, { sandboxFolder, folder, goodbyes });
  }

  private constructor(
    public sandbox: Sandbox,
    private readonly port: number,
    private readonly env: NodeJS.ProcessEnv,
    private readonly folders: { sandboxFolder: string; folder: string | undefined; goodbyes: string[] },
  ) {
    this.goodbyes = folders.goodbyes;
    this.folder = folders.folder ?? mkdtempSync(join(tmpdir(), 'warbler-kill-'));
  }

  /** WhatsApp goes away for a moment, with every connection, and comes back as it was. */
  async restartSandbox(): Promise<void> {
    const { port } = this.sandbox;
    await this.sandbox.close();
    this.sandbox = await startSandbox({ port, dataDir: this.folders.sandboxFolder });
  }

  /** Number of the process that runs now. */
  get pid(): number {
    return this.child!.pid!;
  }

  /** Starts the process and does not wait for anything. */
  launch(): void {
    const child = spawn(process.execPath, [CLI, 'start', '--sandbox'], {
      env: {
        PATH: process.env['PATH'],
        WARBLER_PORT: String(this.port),
        WARBLER_SANDBOX_URL: this.sandbox.url,
        WARBLER_DATA_DIR: this.folder,
        WARBLER_TOKEN: TOKEN,
        WARBLER_WEBHOOK_NETWORKS: 'loopback',
        WARBLER_LIMITS: 'off',
        ...this.env,
      },
    });
    const keep = (chunk: Buffer) => void (this.output += chunk.toString());
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    this.child = child;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** As a person would. */
  async stop(): Promise<void> {
    const gone = once(this.child!, 'exit');
    this.child!.kill('SIGTERM');
    await gone;
  }

  signal(name: NodeJS.Signals): void {
    this.child!.kill(name);
  }

  get gone(): boolean {
    return this.child!.exitCode !== null || this.child!.signalCode !== null;
  }

  /** With what the process has ended: an exit code, or the name of the signal that ended it. */
  async exited(): Promise<number | string> {
    const child = this.child!;
    if (!this.gone) await once(child, 'exit');
    return child.exitCode ?? child.signalCode!;
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    const child = this.child!;
    if (child.exitCode !== null) throw new Error(`The engine ended by itself:\n${this.output.slice(-4000)}`);
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    this.kills += 1;
  }

  /** Waits for the process to end by itself; answers how, and what this life of it printed. */
  async ended(): Promise<{ code: number | null; said: string }> {
    const child = this.child!;
    const before = this.output.length;
    if (child.exitCode === null) await once(child, 'close');
    return { code: child.exitCode, said: this.output.slice(before) };
  }

  async ready(): Promise<void> {
    const answers = async () => (await this.ask('GET', '/readyz')).status === 200;
    await until(() => `readiness; the engine printed:\n${this.output.slice(-2000)}`, answers);
  }

  /** Whether the engine's device is logged in at the sandbox. */
  get online(): boolean {
    return this.sandbox.phone(OWN).devices.some(({ online }) => online);
  }

  async ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    try {
      const response = await fetch(`${this.url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${TOKEN}`,
          'x-warbler-session': '1',
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    } catch {
      // Killed in the middle, or not up yet.
      return { status: 0, body: {} };
    }
  }

  /** All of a list that is answered in parts, from oldest to newest; `number` is what `after` goes by. */
  async all<T extends Record<string, unknown>>(path: string, number: string): Promise<T[]> {
    const all: T[] = [];
    for (let after: unknown = 0; ;) {
      const { body } = await this.ask('GET', `${path}?limit=500&after=${String(after)}`);
      const part = body['data'] as T[];
      if (part.length === 0) return all;
      all.push(...part);
      after = part.at(-1)![number];
    }
  }

  /** How many QR codes the session has shown: whenever one is needed, somebody has to scan. */
  async scans(): Promise<number> {
    const events = await this.all<{ event: string }>('/api/whatsapp-sessions/1/events', 'seq');
    return events.filter(({ event }) => event === 'qrcode.updated').length;
  }

  /** Whether nothing waits to be delivered any more. */
  delivered = async (): Promise<boolean> => {
    const waiting = (status: string) => this.ask('GET', `/api/whatsapp-sessions/1/deliveries?status=${status}`);
    const answers = await Promise.all([waiting('pending'), waiting('failed')]);
    return answers.every(({ body }) => (body['data'] as unknown[] | undefined)?.length === 0);
  };

  async close(): Promise<void> {
    this.child?.kill('SIGKILL');
    await this.sandbox.close();
    rmSync(this.folders.sandboxFolder, { recursive: true, force: true });
    if (this.folders.folder === undefined) rmSync(this.folder, { recursive: true, force: true });
  }
}

const GIVE_UP_MS = 30_000;

/** Waits for something that no event tells. */
export async function until(what: () => string, check: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + GIVE_UP_MS;
  for (;;) {
    const before = Date.now();
    if (await check()) return;
    if (Date.now() > deadline) throw new Error(`Waited in vain for ${what()}`);
    // The sandbox lives in this process: while somebody looks at its phones, it does not get on.
    await pause(10 + 4 * (Date.now() - before));
  }
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
