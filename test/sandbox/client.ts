import { randomBytes } from 'node:crypto';
import type { Boom } from '@hapi/boom';
import {
  initAuthCreds,
  makeWASocket,
  proto,
  type AuthenticationCreds,
  type BaileysEventMap,
  type SignalDataSet,
  type SignalDataTypeMap,
  type UserFacingSocketConfig,
  type WAMessage,
  type WASocket,
} from '@whiskeysockets/baileys';
import { pino } from 'pino';
import { clientAgents } from '../../engine/sandbox/index.ts';

const { ERROR, SERVER_ACK } = proto.WebMessageInfo.Status;
const silent = pino({ level: process.env['TEST_BAILEYS_LOG'] ?? 'silent' });

/** Baileys leaves its long timers running when a connection ends; they would keep the test process alive. */
const LONG_TIMER_MS = 1_000;
const plainSetTimeout = globalThis.setTimeout;
globalThis.setTimeout = Object.assign((...args: Parameters<typeof plainSetTimeout>) => {
  const timer = plainSetTimeout(...args);
  return Number(args[1]) >= LONG_TIMER_MS ? timer.unref() : timer;
}, plainSetTimeout) as typeof setTimeout;

/** What a client keeps between connections: credentials and Signal keys, in memory. */
export class Memory {
  creds: AuthenticationCreds = initAuthCreds();
  readonly #keys = new Map<string, unknown>();

  get state(): UserFacingSocketConfig['auth'] {
    return {
      creds: this.creds,
      keys: {
        get: async <T extends keyof SignalDataTypeMap>(type: T, ids: string[]) => {
          const found: { [id: string]: SignalDataTypeMap[T] } = {};
          for (const id of ids) {
            const value = this.#keys.get(`${type} ${id}`);
            // a copy, as a store on disk gives: what libsignal changes and then throws away must not stay
            if (value !== undefined) found[id] = structuredCloneWithBuffers(value) as SignalDataTypeMap[T];
          }
          return found;
        },
        set: async (data: SignalDataSet) => {
          for (const [type, entries] of Object.entries(data)) {
            for (const [id, value] of Object.entries(entries ?? {})) {
              if (value === null) this.#keys.delete(`${type} ${id}`);
              else this.#keys.set(`${type} ${id}`, structuredCloneWithBuffers(value));
            }
          }
        },
      },
    };
  }

  /** Ids of everything that is kept under a type. */
  ids(type: keyof SignalDataTypeMap): string[] {
    return [...this.#keys.keys()].filter((key) => key.startsWith(`${type} `)).map((key) => key.slice(type.length + 1));
  }

  /** Loses something, as a client with a broken disk does. */
  forget(type: keyof SignalDataTypeMap): void {
    for (const id of this.ids(type)) this.#keys.delete(`${type} ${id}`);
  }
}

function structuredCloneWithBuffers(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (Array.isArray(value)) return value.map(structuredCloneWithBuffers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, structuredCloneWithBuffers(entry)]));
}

/** An event of Baileys' with what it carried. */
type Happening = { [E in keyof BaileysEventMap]: { event: E; data: BaileysEventMap[E] } }[keyof BaileysEventMap];

/**
 * A plain Baileys client, as anybody would write it: it saves its credentials, and on 515 it connects again. It
 * remembers every event, so that a test can wait for what may already have happened.
 */
export class Client {
  readonly memory: Memory;
  readonly #socketUrl: string;
  readonly #options: Partial<UserFacingSocketConfig>;
  readonly events: Happening[] = [];
  readonly #waiting = new Set<() => void>();
  #socket: WASocket | undefined;

  constructor(socketUrl: string, memory = new Memory(), options: Partial<UserFacingSocketConfig> = {}) {
    this.#socketUrl = socketUrl;
    this.memory = memory;
    // history and snapshots lie on the media host
    this.#options = { ...clientAgents(socketUrl.replace(/^ws/, 'http')), ...options };
  }

  get socket(): WASocket {
    if (!this.#socket) throw new Error('connect first');
    return this.#socket;
  }

  get jid(): string {
    return this.memory.creds.me?.id ?? '';
  }

  get lid(): string {
    return this.memory.creds.me?.lid ?? '';
  }

  connect(): this {
    const socket = makeWASocket({
      waWebSocketUrl: this.#socketUrl,
      auth: this.memory.state,
      logger: silent,
      connectTimeoutMs: 5_000,
      defaultQueryTimeoutMs: 5_000,
      retryRequestDelayMs: 10,
      ...this.#options,
    });
    this.#socket = socket;
    socket.ev.process((events) => {
      for (const [event, data] of Object.entries(events)) this.#happened({ event, data } as Happening);
    });
    return this;
  }

  /** Ends the connection from this side, without logging out. */
  async disconnect(): Promise<void> {
    const closed = this.#socket?.ws.isOpen ? this.closed() : undefined;
    await this.#socket?.end(undefined);
    await closed?.catch(() => undefined);
  }

  /** Waits until `pick` finds something in what has happened since `from` (the beginning, when not given). */
  async until<T>(what: string, pick: (events: Happening[]) => T | undefined, from = 0, timeoutMs = 10_000): Promise<T> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const found = pick(this.events.slice(from));
      if (found !== undefined) return found;
      const left = deadline - Date.now();
      if (left <= 0)
        throw new Error(
          `waited in vain for ${what}; seen: ${this.events
            .slice(from)
            .map(({ event }) => event)
            .join(', ')}`,
        );
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, left);
        this.#waiting.add(wake);
      });
    }
  }

  #happened(happening: Happening): void {
    this.events.push(happening);
    if (happening.event === 'creds.update') Object.assign(this.memory.creds, happening.data);
    for (const wake of [...this.#waiting]) wake();
  }

  qr(from = 0): Promise<string> {
    return this.until(
      'a QR code',
      (events) =>
        last(events.flatMap((one) => (one.event === 'connection.update' && one.data.qr ? [one.data.qr] : []))),
      from,
    );
  }

  opened(from = 0): Promise<true> {
    return this.until(
      'an open connection',
      (events) =>
        events.some((one) => one.event === 'connection.update' && one.data.connection === 'open') || undefined,
      from,
    );
  }

  /** Linked, logged in, and done with what a new device gets first. */
  synced(): Promise<true> {
    return this.until(
      'the first sync',
      (events) => events.some((one) => one.event === 'creds.update' && one.data.accountSyncCounter === 1) || undefined,
    );
  }

  /** The status code with which the connection has ended. */
  closed(from = this.events.length): Promise<number> {
    return this.until(
      'the end of the connection',
      (events) => {
        for (const one of events) {
          if (one.event !== 'connection.update' || one.data.connection !== 'close') continue;
          return (one.data.lastDisconnect?.error as Boom | undefined)?.output?.statusCode ?? 0;
        }
        return undefined;
      },
      from,
    );
  }

  /** Every message event so far, in order, also those that came with an update of the same message. */
  get messages(): WAMessage[] {
    return this.events.flatMap((one) => (one.event === 'messages.upsert' ? one.data.messages : []));
  }

  /** The first message that fits. */
  message(what: string, fits: (message: WAMessage) => boolean): Promise<WAMessage> {
    return this.until(`a message: ${what}`, () => this.messages.find(fits));
  }

  text(wanted: string): Promise<WAMessage> {
    return this.message(wanted, (message) => textOf(message) === wanted);
  }

  /** What the server makes of a sent message: false when it refuses it, or is gone before it has answered. */
  taken(id: string, from = 0): Promise<boolean> {
    return this.until(
      `an answer to ${id}`,
      (events) => {
        const seen = events.flatMap((one) => {
          if (one.event === 'messages.update')
            return one.data.flatMap(({ key, update }) => (key.id === id ? [update.status] : []));
          return one.event === 'messages.upsert'
            ? one.data.messages.flatMap(({ key, status }) => (key.id === id ? [status] : []))
            : [];
        });
        if (seen.includes(ERROR)) return false;
        if (seen.some((status) => status! >= SERVER_ACK)) return true;
        const ended = events.some((one) => one.event === 'connection.update' && one.data.connection === 'close');
        return ended ? false : undefined;
      },
      from,
    );
  }

  /** The status that a sent message has reached, waiting until it is at least `status`. */
  status(id: string, status: number): Promise<number> {
    return this.until(`status ${status} of ${id}`, (events) => {
      const seen = events.flatMap((one) => {
        if (one.event === 'messages.update') {
          return one.data.flatMap(({ key, update }) => (key.id === id && update.status ? [update.status] : []));
        }
        if (one.event === 'messages.upsert') {
          return one.data.messages.flatMap(({ key, status: now }) => (key.id === id && now ? [now] : []));
        }
        return [];
      });
      const most = Math.max(0, ...seen);
      return most >= status ? most : undefined;
    });
  }
}

export function textOf(message: WAMessage): string | undefined {
  return message.message?.conversation ?? message.message?.extendedTextMessage?.text ?? undefined;
}

function last<T>(list: T[]): T | undefined {
  return list.at(-1);
}

/** A phone number that no other test uses. */
export function freshNumber(): string {
  return `4915${randomBytes(4).readUInt32BE().toString().padStart(10, '0')}`.slice(0, 13);
}
