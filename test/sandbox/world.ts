import { afterAll, afterEach, beforeAll, jest } from '@jest/globals';
import { startSandbox, type PhoneInfo, type Sandbox, type SandboxOptions } from '../../engine/sandbox/index.ts';
import { Client, Memory, freshNumber } from './client.ts';

/** A sandbox for the tests of one file, and what they need around it. Everything is taken down by itself. */
export interface World {
  readonly sandbox: Sandbox;
  phone(name?: string): PhoneInfo;
  client(...args: ConstructorParameters<typeof Client> extends [string, ...infer Rest] ? Rest : never): Client;
  /** A client that is linked to a phone (a new one, when none is given), logged in and done with its first sync. */
  linked(
    phone?: PhoneInfo,
    ...args: ConstructorParameters<typeof Client> extends [string, ...infer Rest] ? Rest : never
  ): Promise<Client>;
  /** Calls the control API over HTTP. */
  http(method: string, path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }>;
}

export function makeWorld(options: Partial<SandboxOptions> = {}): World {
  let sandbox: Sandbox | undefined;
  const clients: Client[] = [];
  // libsignal writes about its sessions to the console
  for (const level of ['info', 'warn', 'error', 'log'] as const)
    jest.spyOn(console, level).mockImplementation(() => {});
  beforeAll(async () => {
    sandbox = await startSandbox({ port: 0, ...options });
  });
  afterEach(async () => {
    sandbox?.removeFaults();
    await Promise.all(clients.splice(0).map((client) => client.disconnect()));
  });
  afterAll(() => sandbox?.close());
  const world: World = {
    get sandbox() {
      if (!sandbox) throw new Error('the sandbox is not up yet');
      return sandbox;
    },
    phone: (name = 'Ada') => world.sandbox.addPhone({ phone: freshNumber(), name }),
    client(...args) {
      const client = new Client(world.sandbox.socketUrl, ...args);
      clients.push(client);
      return client;
    },
    linked: (phone = world.phone(), ...args) => link(world, world.client(...args), phone),
    async http(method, path, body) {
      const response = await fetch(`${world.sandbox.url}/sandbox${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
    },
  };
  return world;
}

/** Pairs a client by QR, lets it come back after 515, and waits until it has what a new device gets. */
export async function link(world: { sandbox: Sandbox }, client: Client, phone: PhoneInfo): Promise<Client> {
  client.connect();
  await world.sandbox.scan(phone.phone, await client.qr());
  await client.closed(0);
  const from = client.events.length;
  client.connect();
  await client.opened(from);
  await client.synced();
  return client;
}

/** Waits until something holds that no client is told about. */
export async function eventually<T>(what: string, pick: () => T | undefined | false, timeoutMs = 10_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = pick();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export { Memory };
