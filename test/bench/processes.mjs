/** Processes that the bench starts, asks over IPC, and ends in every case. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { deferred, within } from './promises.mjs';

const PRELOADED = new URL('child.mjs', import.meta.url).href;
const ANSWER_MS = 120_000;
const STOP_MS = 5_000;
const KEPT_OUTPUT = 4_000;
const running = new Set();

export class Child {
  #process;
  #name;
  #lastId = 0;
  #output = '';
  #waiting = new Map();
  #ready = deferred();
  #gone;

  constructor(name, script, args = [], env = {}) {
    this.#name = name;
    this.#ready.promise.catch(() => {});
    this.#process = fork(script, args, {
      execArgv: ['--expose-gc', '--import', PRELOADED],
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    running.add(this);
    this.#process.stderr.on('data', (chunk) => (this.#output = `${this.#output}${chunk}`.slice(-KEPT_OUTPUT)));
    this.#process.on('message', (message) => this.#heard(message));
    this.#process.on('exit', (code, signal) => this.#ended(`ended (${code ?? signal})`));
    this.#process.on('error', (error) => this.#ended(`could not be started: ${error.message}`));
  }

  /** Resolves when the script has called `offer`. */
  ready() {
    return within(ANSWER_MS, this.#ready.promise, () => `${this.#name} to start; it printed: ${this.#output}`);
  }

  /** Calls a method of the process. */
  async ask(method, ...args) {
    if (this.#gone) throw this.#gone;
    const id = ++this.#lastId;
    const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#process.send({ id, method, args }, (error) => error && this.#answered(id, { error: error.message }));
    return within(ANSWER_MS, answer, () => `${method} of ${this.#name}; it printed: ${this.#output}`);
  }

  async stop() {
    if (!running.has(this)) return;
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    const hard = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MS);
    await gone;
    clearTimeout(hard);
  }

  /** At once, for the way out. */
  kill() {
    this.#process.kill('SIGKILL');
  }

  #heard({ ready, id, answer, error }) {
    if (ready) this.#ready.resolve();
    else this.#answered(id, { answer, error });
  }

  #answered(id, { answer, error }) {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(answer);
    else waiting?.reject(new Error(`${this.#name}: ${error}`));
  }

  #ended(how) {
    running.delete(this);
    this.#gone = new Error(`${this.#name} ${how}. ${this.#output}`);
    this.#ready.reject(this.#gone);
    for (const { reject } of this.#waiting.values()) reject(this.#gone);
    this.#waiting.clear();
  }
}

export function killAll() {
  for (const child of running) child.kill();
}
