import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { end, freePort, until } from './n8n.ts';

const command = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'engine', 'dist', 'cli.js');

/** What the sandbox shows of a message on a simulated phone. */
export interface PhoneMessage {
  id: string;
  fromMe: boolean;
  text: string;
}

interface Subscription {
  id: string;
  url: string;
  events: string[];
  state: string;
  expires_at: string | null;
}

/** The real engine on its sandbox, in a process of its own, with a fresh data folder. */
export class Engine {
  readonly token = 'warbler-test-token-'.padEnd(48, 'x');

  private child: ChildProcess | undefined;

  private log = '';

  private constructor(
    private readonly data: string,
    readonly port: number,
    private readonly sandboxPort: number,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  static async start(): Promise<Engine> {
    const data = await mkdtemp(join(tmpdir(), 'warbler-engine-'));
    const engine = new Engine(data, await freePort(), await freePort());
    await engine.launch();
    return engine;
  }

  /** As a power cut would, with the sandbox in it. */
  async kill(): Promise<void> {
    if (this.child) await end(this.child, 'SIGKILL');
  }

  async stop(): Promise<void> {
    if (this.child) await end(this.child);
    await rm(this.data, { recursive: true, force: true });
  }

  /** Asks the engine as session 1, which its first start pairs with a simulated phone. */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { data } = await this.fetch<{ data: T }>(method, this.url + path, body);
    return data;
  }

  async subscriptions(): Promise<Subscription[]> {
    return await this.call('GET', '/api/whatsapp-sessions/1/webhooks');
  }

  /** The number of session 1. */
  async number(): Promise<string> {
    const { phone_number: number } = await this.call<{ phone_number: string }>('GET', '/api/whatsapp-sessions/1');
    return number;
  }

  /** A new account on a simulated phone. */
  async phone(phone: string): Promise<Phone> {
    await this.sandbox('POST', '/phones', { phone, name: `Phone ${phone}` });
    return new Phone(this, phone);
  }

  async sandbox<T>(method: string, path: string, body?: unknown): Promise<T> {
    return await this.fetch(method, `http://127.0.0.1:${this.sandboxPort}/sandbox${path}`, body);
  }

  /** Starts the process on the data that is there; again after `kill()`. */
  async launch(): Promise<void> {
    const { PATH, LANG, HOME } = process.env;
    this.child = spawn(process.execPath, [command, 'start', '--sandbox'], {
      env: {
        PATH,
        LANG,
        HOME,
        WARBLER_PORT: String(this.port),
        WARBLER_SANDBOX_PORT: String(this.sandboxPort),
        WARBLER_DATA_DIR: this.data,
        WARBLER_TOKEN: this.token,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.log = (this.log + chunk.toString()).slice(-20_000)));
    }
    await until('the engine to be ready', async () => await this.isReady(), 60_000);
  }

  private async isReady(): Promise<true | undefined> {
    if (this.child?.exitCode !== null) throw new Error(`The engine ended while starting:\n${this.log}`);
    const answer = await fetch(`${this.url}/readyz`).catch(() => undefined);
    if (!answer?.ok) return undefined;
    const { status } = await this.call<{ status: string }>('GET', '/api/whatsapp-sessions/1');
    return status.toLowerCase() === 'connected' ? true : undefined;
  }

  private async fetch<T>(method: string, url: string, body?: unknown): Promise<T> {
    const response = await fetch(url, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        'x-warbler-session': '1',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
}

/** A person with a simulated phone. */
export class Phone {
  constructor(
    private readonly engine: Engine,
    readonly number: string,
  ) {}

  async send(to: string, text: string): Promise<void> {
    await this.engine.sandbox('POST', `/phones/${this.number}/send`, { to, text });
  }

  /** The texts this phone has received, oldest first. */
  async received(): Promise<string[]> {
    const messages = await this.engine.sandbox<PhoneMessage[]>('GET', `/phones/${this.number}/messages`);
    return messages.filter(({ fromMe }) => !fromMe).map(({ text }) => text);
  }
}
