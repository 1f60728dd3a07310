import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import type { MessageInfo } from '../../engine/sandbox/control.ts';
import { end, ended, freePort, root, until } from './n8n.ts';

const command = join(root, 'engine', 'dist', 'cli.js');

/** What the sandbox shows of a message on a simulated phone. */
export type PhoneMessage = MessageInfo;

export interface EngineOptions {
  /** The data folder; without it a temporary one, which goes when the engine is stopped. */
  data?: string;
  port?: number;
  sandboxPort?: number;
  token?: string;
}

interface Subscription {
  id: string;
  url: string;
  events: string[];
  state: string;
  expires_at: string | null;
}

/**
 * The real engine on its sandbox, in a process of its own. Unless told otherwise the data folder is fresh and the ports
 * are free.
 */
export class Engine {
  private child: ChildProcess | undefined;

  private log = '';

  private constructor(
    private readonly data: string,
    readonly token: string,
    private readonly port: number,
    private readonly sandboxPort: number,
    private readonly keepsData: boolean,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get sandboxUrl(): string {
    return `http://127.0.0.1:${this.sandboxPort}/sandbox`;
  }

  static async start(options: EngineOptions = {}): Promise<Engine> {
    const engine = await Engine.create(options);
    try {
      await engine.launch();
      return engine;
    } catch (error) {
      await engine.stop();
      throw error;
    }
  }

  /** Nothing runs yet: `launch()` starts it. */
  static async create({ data, token, port, sandboxPort }: EngineOptions = {}): Promise<Engine> {
    return new Engine(
      data ?? (await mkdtemp(join(tmpdir(), 'warbler-engine-'))),
      token ?? 'warbler-test-token-'.padEnd(48, 'x'),
      port ?? (await freePort()),
      sandboxPort ?? (await freePort()),
      data !== undefined,
    );
  }

  /** As a power cut would, with the sandbox in it. */
  async kill(): Promise<void> {
    await end(this.child, 'SIGKILL');
  }

  async stop(): Promise<void> {
    await end(this.child);
    if (!this.keepsData) await rm(this.data, { recursive: true, force: true });
  }

  /** Resolves when the process has ended, whoever ended it. */
  async ended(): Promise<void> {
    await ended(this.child);
  }

  /** Asks the engine as session 1, which its first start pairs with a simulated phone. */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { data } = await this.fetch<{ data: T }>(method, this.url + path, body);
    return data;
  }

  async subscriptions(): Promise<Subscription[]> {
    return await this.call('GET', '/api/whatsapp-sessions/1/webhooks');
  }

  /** The first event of session 1 that fits, as Warbler Trigger gives it to a workflow, as soon as it is there. */
  async event<T extends object>(what: string, fits: (event: T) => unknown): Promise<T> {
    let after = 0;
    return await until(
      `the event of ${what}`,
      async () => {
        const page = await this.call<Array<T & { seq: number }>>(
          'GET',
          `/api/whatsapp-sessions/1/events?after=${after}&limit=500`,
        );
        after = page.at(-1)?.seq ?? after;
        return page.find(fits);
      },
      20_000,
    );
  }

  /** Where the engine tells the answer to what it has asked last. It shows that to nobody. */
  callbackUrl(): string {
    const database = new Libsql(join(this.data, 'sandbox', 'warbler.db'), { readonly: true });
    const row = database
      .prepare("SELECT url FROM subscriptions WHERE origin = 'inquiry' ORDER BY created_at DESC LIMIT 1")
      .get([]) as { url: string };
    database.close();
    return row.url;
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
    return await this.fetch(method, this.sandboxUrl + path, body);
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
        WARBLER_LIMITS: 'off',
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

  /** The phone's address. */
  get jid(): string {
    return `${this.number}@s.whatsapp.net`;
  }

  async send(to: string, message: string | object): Promise<{ id: string }> {
    const content = typeof message === 'string' ? { text: message } : message;
    return await this.ask('POST', 'send', { to, ...content });
  }

  /** What a person does or sees on the phone; see the sandbox's control API. */
  async ask<T>(method: string, path: string, body?: object): Promise<T> {
    return await this.engine.sandbox(method, `/phones/${this.number}/${path}`, body);
  }

  /** The message that fits, as soon as it is on the phone. */
  async sees(what: string, fits: (message: PhoneMessage) => unknown): Promise<PhoneMessage> {
    return await until(
      `the phone to see ${what}`,
      async () => (await this.messages()).find((message) => fits(message)),
      20_000,
    );
  }

  /** What is on the phone, oldest first; or what came after a message. */
  async messages(after?: number): Promise<PhoneMessage[]> {
    const query = after === undefined ? '' : `?after=${after}`;
    return await this.engine.sandbox('GET', `/phones/${this.number}/messages${query}`);
  }

  /** The texts this phone has received, oldest first. */
  async received(): Promise<string[]> {
    const messages = await this.messages();
    return messages.filter(({ fromMe }) => !fromMe).map(({ text }) => text ?? '');
  }
}
