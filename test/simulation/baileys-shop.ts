import type { Boom } from '@hapi/boom';
import type { WAMessage } from '@whiskeysockets/baileys';
import { Client, Memory, textOf } from '../sandbox/client.ts';
import type { TestClock } from '../engine/clock.ts';
import type { Stage } from '../whatsapp/stage.ts';
import type { Shop } from './shop.ts';

const HOUR = 3_600_000;
/** With what the login of an account is refused that is banned for good. */
const BANNED = 406;

/**
 * The same shop without Warbler: a plain Baileys client that does what usual software does. It answers at once, sends
 * as fast as WhatsApp acknowledges, takes a refusal (463) for bad luck that it tries again in an hour, and logs in
 * again whenever it is thrown out, until it is banned.
 */
export class BaileysShop implements Shop {
  readonly name = 'Baileys alone';
  accepted = 0;
  calling = 0;
  private readonly client: Client;
  /** Whether the login that is under way, or was the last, ends with an open connection. */
  private online!: Promise<boolean>;

  private constructor(
    stage: Stage,
    private readonly clock: TestClock,
    readonly phone: string,
  ) {
    // a busy machine is no reason to give up: this is a simulation
    this.client = new Client(stage.sandbox.socketUrl, new Memory(), { defaultQueryTimeoutMs: 60_000 });
  }

  /** A new account on a new phone, linked to the client. */
  static async open(stage: Stage, clock: TestClock, phone: string): Promise<BaileysShop> {
    const shop = new BaileysShop(stage, clock, phone);
    stage.sandbox.addPhone({ phone, name: shop.name });
    shop.connect();
    await stage.sandbox.scan(phone, await shop.client.qr());
    await shop.client.synced();
    return shop;
  }

  /** Writes to everybody on a list, and every hour again to those whom it did not reach. */
  async advertise(list: string[]): Promise<void> {
    let left = list;
    while (left.length > 0 && (await this.online)) {
      left = await this.working(() => this.offer(left));
      await new Promise<void>((resolve) => this.clock.at(this.clock.now() + HOUR, resolve));
    }
  }

  async lookAtGroups(jids: string[]): Promise<void> {
    await this.working(async () => {
      for (const jid of jids) await this.ask(({ socket }) => socket.groupMetadata(jid));
    });
  }

  async close(): Promise<void> {
    await this.client.disconnect();
  }

  /** Logs in, now and whenever the connection ends other than by {@link close}. */
  private connect(): void {
    const { ev } = this.client.connect().socket;
    ev.on('messages.upsert', ({ type, messages }) => {
      if (type === 'notify') for (const message of messages) void this.received(message);
    });
    this.online = new Promise((resolve) => {
      ev.on('connection.update', ({ connection, lastDisconnect }) => {
        if (connection === 'open') resolve(true);
        if (connection !== 'close') return;
        const error = lastDisconnect?.error as Partial<Boom> | undefined;
        const over = !error || error.output?.statusCode === BANNED;
        if (!over) this.connect();
        resolve(over ? false : this.online);
      });
    });
  }

  /** A customer has written. */
  private async received(message: WAMessage): Promise<void> {
    const from = message.key.remoteJid!;
    if (message.key.fromMe || textOf(message) === undefined) return;
    await this.working(() => this.send(from, `Answer to ${from}`));
  }

  /** Checks each number and writes to it; answers those whom it did not reach. */
  private async offer(list: string[]): Promise<string[]> {
    const missed: string[] = [];
    for (const phone of list) {
      const [found] = (await this.ask(({ socket }) => socket.onWhatsApp(phone))) ?? [];
      if (!found || !(await this.send(found.jid, `Offer for +${phone}`))) missed.push(phone);
    }
    return missed;
  }

  /** Whether WhatsApp has taken the message. */
  private async send(to: string, text: string): Promise<boolean> {
    const taken = await this.ask(async (client) => {
      const from = client.events.length;
      const sent = await client.socket.sendMessage(to, { text });
      return client.taken(sent!.key.id!, from);
    });
    if (taken) this.accepted += 1;
    return taken === true;
  }

  /** Undefined once the account is banned, and when the connection ends before WhatsApp has answered. */
  private async ask<T>(question: (client: Client) => Promise<T>): Promise<T | undefined> {
    if (!(await this.online)) return undefined;
    return question(this.client).catch(() => undefined);
  }

  /** The clock stands still for as long as this takes. */
  private async working<T>(work: () => Promise<T>): Promise<T> {
    this.calling += 1;
    try {
      return await work();
    } finally {
      this.calling -= 1;
    }
  }
}
