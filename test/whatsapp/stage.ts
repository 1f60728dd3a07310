import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino, type Logger } from 'pino';
import type { Clock } from '../../engine/clock.ts';
import type { Config } from '../../engine/config.ts';
import type { EventEnvelope } from '../../engine/events.ts';
import type { RunningEngine } from '../../engine/main.ts';
import type { Patience } from '../../engine/surfaces/server.ts';
import type { PulseTimes } from '../../engine/whatsapp/pulse.ts';
import type { Session } from '../../engine/whatsapp/session.ts';
import type { Sandbox, SandboxOptions } from '../../engine/sandbox/index.ts';

// Jest reads CommonJS modules while it links, before any module has run. What hardens libsignal has to have run by
// then, so whatever imports Baileys is imported after it, here and nowhere else in these tests.
await import('../../engine/whatsapp/hardening.ts');
const { startEngine } = await import('../../engine/main.ts');
const { startSandbox } = await import('../../engine/sandbox/index.ts');
export const { documented } = await import('../engine/documented.ts');
export const { operations } = await import('../../engine/operations/index.ts');

/** The phone that session 1 is linked to, and the friend who writes to it. */
export const OWN = '15550100001';
export const FRIEND = '15550100002';
export const TOKEN = 'test-token-0f8a3c5e7b9d1f2a4c6e8b0d';

/** What has not happened by then will not. */
const GIVE_UP_MS = 20_000;

export interface Answer {
  status: number;
  body: Record<string, unknown> & { data?: unknown; message?: string; code?: string };
  headers: Headers;
}

interface StageOptions {
  config?: Partial<Config>;
  pairing?: SandboxOptions['pairing'];
  clock?: Clock;
  /** Where the engine's log goes; nowhere unless said. */
  log?: Logger;
  /** With slow clients. */
  patience?: Patience;
  pulse?: PulseTimes;
}

/**
 * A real engine on a real sandbox, both in this process, with session 1 connected. Each can be stopped and started
 * again on its data by itself, as in life.
 */
export class Stage {
  sandbox!: Sandbox;
  engine!: RunningEngine;
  private readonly folder = mkdtempSync(join(tmpdir(), 'warbler-stage-'));
  private readonly encryptionKey = randomBytes(32);
  private sandboxPort = 0;

  static async open(options: StageOptions = {}): Promise<Stage> {
    const stage = new Stage(options);
    await stage.startSandbox();
    await stage.startEngine();
    return stage;
  }

  private constructor(private readonly options: StageOptions) {}

  async startSandbox(): Promise<void> {
    const { pairing, clock } = this.options;
    this.sandbox = await startSandbox({
      port: this.sandboxPort,
      dataDir: join(this.folder, 'sandbox'),
      ...(pairing && { pairing }),
      ...(clock && { now: () => clock.now() }),
    });
    this.sandboxPort = this.sandbox.port;
  }

  async startEngine(): Promise<void> {
    this.engine = await startEngine(
      {
        host: '127.0.0.1',
        port: 0,
        publicUrl: undefined,
        dataDir: this.folder,
        encryptionKey: this.encryptionKey,
        token: TOKEN,
        sandbox: { own: false, url: this.sandbox.url },
        webhookNetworks: ['loopback'],
        mediaNetworks: ['loopback'],
        proxyNetworks: ['loopback'],
        limits: 'off',
        pace: 'off',
        logLevel: 'silent',
        eventRetentionDays: 30,
        messageRetentionDays: 0,
        browser: ['Mac OS', 'Chrome'],
        whatsAppVersion: [2, 3000, 1043857760],
        ...this.options.config,
      },
      {
        log: this.options.log ?? pino({ level: 'silent' }),
        ...(this.options.clock && { clock: this.options.clock }),
        ...(this.options.patience && { patience: this.options.patience }),
        ...(this.options.pulse && { pulse: this.options.pulse }),
      },
    );
    await this.engine.ready;
  }

  /** By these settings another process finds the data of this engine. */
  get environment(): Record<string, string> {
    return { WARBLER_DATA_DIR: this.folder, WARBLER_ENCRYPTION_KEY: this.encryptionKey.toString('base64') };
  }

  async close(): Promise<void> {
    await this.engine.stop();
    await this.sandbox.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Calls the REST API with the personal access token and, for session-level endpoints, session 1. */
  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(`${this.engine.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${TOKEN}`,
        'x-warbler-session': '1',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const json = response.headers.get('content-type')?.includes('json');
    const answer = (json ? await response.json() : {}) as Answer['body'];
    documented(method, path, answer);
    return { status: response.status, body: answer, headers: response.headers };
  }

  send(to: string, text: string, more: Record<string, unknown> = {}): Promise<Answer> {
    return this.call('POST', '/api/send-message', { to, text, wait: true, ...more });
  }

  /** Registers a webhook for session 1. */
  async subscribe(url: string, events: string[] = ['*']): Promise<{ id: string; secret: string }> {
    const { body } = await this.call('POST', '/api/whatsapp-sessions/1/webhooks', { url, events });
    return body.data as { id: string; secret: string };
  }

  /** Waits until the session's status is as wanted. */
  async untilStatus(check: (status: Session['status']) => boolean, session = 1): Promise<void> {
    const deadline = Date.now() + GIVE_UP_MS;
    while (!check(this.engine.sessions.get(session).status)) {
      if (Date.now() > deadline)
        throw new Error(`Status is ${JSON.stringify(this.engine.sessions.get(session).status)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Waits until the sandbox has seen a stanza from (`in`) or sent one to (`out`) the engine. */
  async untilStanza(direction: 'in' | 'out', tag: string): Promise<void> {
    const before = this.sandbox.stanzas({ phone: OWN }).at(-1)?.seq ?? 0;
    const deadline = Date.now() + GIVE_UP_MS;
    const seen = () =>
      this.sandbox
        .stanzas({ phone: OWN, after: before })
        .some((entry) => entry.direction === direction && JSON.stringify(entry.stanza).includes(`"tag":"${tag}"`));
    while (!seen()) {
      if (Date.now() > deadline) throw new Error(`No <${tag}> went ${direction}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Ids of a phone's messages that the engine has acknowledged to WhatsApp. */
  deliveredToEngine(phone: string): string[] {
    return this.sandbox
      .messages(phone)
      .filter(({ devices }) => devices?.some((to) => to.device.startsWith(`${OWN}:`) && to.status !== 'sent'))
      .map(({ id }) => id);
  }

  /** How many retry receipts either side has sent: a message that could not be decrypted at first. */
  retries(): number {
    return this.sandbox.stanzas({ limit: 20_000 }).filter(({ stanza }) => JSON.stringify(stanza).includes('"retry"'))
      .length;
  }

  /** The engine loses its Signal sessions, as a restored backup would. */
  async forgetSignalSessions(): Promise<void> {
    const known = await this.engine.store.auth.keys(1, 'session', this.signalAddresses());
    const session = Object.fromEntries(Object.keys(known).map((id) => [id, null]));
    await this.engine.store.commit({ sessionId: 1, keys: { session } });
  }

  private signalAddresses(): string[] {
    return this.sandbox.phones().flatMap(({ phone, lid }) => [`${phone}.0`, `${lid.split('@')[0]}_1.0`]);
  }

  /** A message as a phone shows it. */
  message(phone: string, id: string) {
    return this.sandbox.messages(phone).find((one) => one.id === id);
  }

  /** Waits until something that has no event of its own is so, on a phone for instance. */
  async untilTrue(check: () => unknown): Promise<void> {
    const deadline = Date.now() + GIVE_UP_MS;
    while (!(await check())) {
      if (Date.now() > deadline) throw new Error(`Never came true: ${check.toString()}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async status(session = 1): Promise<string> {
    return this.engine.sessions.get(session).status.status;
  }

  /** The events of a session so far. */
  async events(event?: string, session = 1): Promise<EventEnvelope[]> {
    const all = await this.engine.store.events.list(session, { after: 0, limit: 100_000 });
    return all.filter((one) => !event || one.event === event);
  }

  /** Waits until the event log of a session satisfies `check`, and answers what it made of it. */
  async until<T>(check: (events: EventEnvelope[]) => T | undefined | false, session = 1): Promise<T> {
    const deadline = Date.now() + GIVE_UP_MS;
    for (;;) {
      const events = await this.events(undefined, session);
      const found = check(events);
      if (found !== undefined && found !== false) return found;
      if (Date.now() > deadline) {
        throw new Error(`Not in the event log: ${check.toString()}\n${JSON.stringify(events.slice(-5), null, 1)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** Texts of the received messages, in the order of the log. */
export function textsOf(events: EventEnvelope[]): string[] {
  return events
    .filter(({ event }) => event === 'messages.received')
    .map(({ data }) => (data as { messages: { messageBody: string } }).messages.messageBody);
}
