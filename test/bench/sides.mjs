/**
 * What is compared: Warbler and raw Baileys, each with one account of its own and friends who write to it. All sides
 * can do the same things, so that a figure is measured by the same code on each.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { Child } from './processes.mjs';
import { each, pause } from './promises.mjs';
import { textOf } from './texts.mjs';

const CLI = new URL('../../engine/dist/cli.js', import.meta.url).pathname;
const RAW = new URL('raw.mjs', import.meta.url).pathname;
const TOKEN = 'bench-5d0c7e2b9a4f4186b3d27c90e1fa6835';
const REQUESTS_AT_ONCE = 8;
const READY_MS = 120_000;

/** Accounts: the first of `prefix` is the side's own, those after it are its friends'. */
const numberOf = (prefix, index) => `${prefix}${String(index).padStart(4, '0')}`;

class Side {
  constructor(name, prefix, sandbox) {
    this.name = name;
    this.sandbox = sandbox;
    this.own = numberOf(prefix, 1);
    this.friends = Array.from({ length: 8 }, (_, index) => numberOf(prefix, index + 2));
  }

  async addPhones() {
    for (const phone of [this.own, ...this.friends]) await this.sandbox.ask('addPhone', phone);
  }

  cpu() {
    return this.process.ask('cpu');
  }

  memory() {
    return this.process.ask('memory');
  }

  stop() {
    return this.process?.stop();
  }
}

/** The engine, in a process of its own, used through its REST API. */
export class Warbler extends Side {
  /** Lets go of idle connections long before the engine does, which would be a request lost. */
  #agent = new Agent({ connections: REQUESTS_AT_ONCE, keepAliveTimeout: 500, keepAliveMaxTimeout: 500 });
  #folder;
  #port;

  constructor(sandbox, folder) {
    // The prefix of the phones that the engine itself creates at its first start on a sandbox.
    super('Warbler', '1555010', sandbox);
    this.#folder = join(folder, 'warbler');
  }

  /** Starts the engine. Its first start links session 1; later ones bring all sessions back. */
  async start() {
    this.#port ??= await freePort();
    const { url } = await this.sandbox.ask('address');
    this.process = new Child('the engine', CLI, ['start', '--sandbox'], {
      WARBLER_PORT: String(this.#port),
      WARBLER_SANDBOX_URL: url,
      WARBLER_DATA_DIR: this.#folder,
      WARBLER_TOKEN: TOKEN,
      WARBLER_LOG_LEVEL: 'error',
      WARBLER_LIMITS: 'off',
    });
    const deadline = Date.now() + READY_MS;
    while (!(await this.#isReady())) {
      if (Date.now() > deadline) throw new Error('The engine did not become ready.');
      // Asking an engine that is gone says why it is gone.
      await this.process.ask('cpu');
      await pause(20);
    }
    await this.addPhones();
  }

  /** Waits for all sends but the last to be accepted, then for the last to be acknowledged: they leave in order. */
  async sends(count) {
    const [to] = this.friends;
    const startedAt = performance.now();
    const texts = Array.from({ length: count }, (_, index) => textOf(index, count));
    const last = texts.pop();
    await each(texts, REQUESTS_AT_ONCE, (text) => this.call('POST', '/api/send-message', { to, text, wait: false }));
    await this.call('POST', '/api/send-message', { to, text: last, wait: true });
    return performance.now() - startedAt;
  }

  async postTo(url) {
    await this.call('POST', '/api/whatsapp-sessions/1/webhooks', { url, events: ['messages.received'] });
  }

  async connect() {
    await this.call('POST', '/api/whatsapp-sessions/1/connect');
  }

  async disconnect() {
    await this.call('POST', '/api/whatsapp-sessions/1/disconnect');
  }

  /** Links accounts until there are `count` sessions. */
  async growTo(count) {
    const { data: before } = await this.call('GET', '/api/whatsapp-sessions');
    await each(numbersUpTo(count, before.length), 4, async (index) => {
      const phone = numberOf('1555020', index);
      await this.sandbox.ask('addPhone', phone);
      const { data } = await this.call('POST', '/api/whatsapp-sessions', { name: phone, phone_number: `+${phone}` });
      const connecting = await this.call('POST', `/api/whatsapp-sessions/${data.id}/connect`);
      await this.sandbox.ask('scan', phone, connecting.data.qrCode);
    });
    await this.allConnected(count);
  }

  async allConnected(count) {
    const deadline = Date.now() + READY_MS;
    for (;;) {
      const { data } = await this.call('GET', '/api/whatsapp-sessions');
      const connected = data.filter(({ status }) => status === 'connected').length;
      if (connected === count) return;
      if (Date.now() > deadline) throw new Error(`Only ${connected} of ${count} sessions are connected.`);
      await pause(200);
    }
  }

  async restart(count) {
    await this.process.stop();
    await this.start();
    await this.allConnected(count);
  }

  async stop() {
    await this.#agent.destroy();
    await super.stop();
  }

  async #isReady() {
    try {
      const { statusCode, body } = await request(`http://127.0.0.1:${this.#port}/readyz`, { reset: true });
      await body.dump();
      return statusCode === 200;
    } catch {
      return false;
    }
  }

  /** The REST API, with the personal access token and session 1. */
  async call(method, path, content) {
    const { statusCode, body } = await request(`http://127.0.0.1:${this.#port}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: { authorization: `Bearer ${TOKEN}`, 'x-warbler-session': '1', 'content-type': 'application/json' },
      ...(content && { body: JSON.stringify(content) }),
    });
    const answer = await body.text();
    if (statusCode >= 300) throw new Error(`${method} ${path} was answered ${statusCode}: ${answer}`);
    return answer ? JSON.parse(answer) : undefined;
  }
}

/** Plain Baileys; see raw.mjs. */
export class Raw extends Side {
  #kind;
  #folder;
  #names = [];

  /** @param {'files' | 'memory'} kind where its keys are */
  constructor(kind, sandbox, folder) {
    super(`Baileys, ${kind}`, kind === 'files' ? '1555030' : '1555040', sandbox);
    this.#kind = kind;
    this.#folder = join(folder, kind);
  }

  async start() {
    await this.#launch();
    await this.addPhones();
    await this.#link(this.own);
  }

  sends(count) {
    return this.process.ask('sends', this.own, `${this.friends[0]}@s.whatsapp.net`, count);
  }

  postTo(url) {
    return this.process.ask('postTo', this.own, url);
  }

  connect() {
    return this.process.ask('connect', this.own);
  }

  disconnect() {
    return this.process.ask('disconnect', this.own);
  }

  async growTo(count) {
    await each(numbersUpTo(count, this.#names.length), 4, async (index) => {
      const phone = numberOf('1555050', index);
      await this.sandbox.ask('addPhone', phone);
      await this.#link(phone);
    });
  }

  /** A new process connects all accounts from their files, as many at once as the engine does. */
  async restart() {
    await this.process.stop();
    await this.#launch();
    await each(this.#names, 10, async (name) => {
      await this.process.ask('connect', name);
      await this.process.ask('opened', name);
    });
  }

  async #launch() {
    const { socketUrl } = await this.sandbox.ask('address');
    this.process = new Child(`raw Baileys (${this.#kind})`, RAW, [this.#kind, this.#folder, socketUrl]);
    await this.process.ready();
  }

  async #link(phone) {
    const qr = await this.process.ask('pair', phone);
    await this.sandbox.ask('scan', phone, qr);
    await this.process.ask('opened', phone);
    this.#names.push(phone);
  }
}

/** The numbers of the accounts that are missing: the first, which every side has from its start, is number 1. */
const numbersUpTo = (count, there) => Array.from({ length: count - there }, (_, index) => there + index + 1);

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
