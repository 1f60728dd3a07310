import { performance, type EventLoopUtilization } from 'node:perf_hooks';
import type { Policy } from '../../engine/sandbox/index.ts';
import { TestClock } from '../engine/clock.ts';
import { Stage } from '../whatsapp/stage.ts';
import { WarblerShop, type Habits, type Shop } from './shop.ts';

// Imports Baileys, which has to wait for what hardens it: see stage.ts.
const { BaileysShop } = await import('./baileys-shop.ts');

const HOUR = 3_600_000;
const MIDNIGHT = Date.UTC(2026, 0, 5);

type Rates = Omit<Policy, 'restrictSeconds'>;

/**
 * What the simulated WhatsApp does not put up with. WhatsApp's own numbers are not published; these are chosen, above
 * what the pace `normal` allows and far below what a workflow does that nobody holds back.
 */
export const POLICY: Rates = {
  messagesPerMinute: 60,
  messagesPerDay: 2000,
  newChatsPerHour: 80,
  newChatsPerDay: 100,
  numberChecksPerDay: 1000,
  groupQueriesPerMinute: 20,
};

/** What happens on that day, to every shop the same. */
export interface Plan {
  /** So many people write, at any time between 9:00 and 18:00, and are to be answered. */
  customers: number;
  /** To so many people, who have never heard of the shop, it wants to write first, from 9:00 on. */
  cold: number;
  /** Every hour, from 9:30 to 17:30, a workflow looks at so many groups. */
  groups: number;
  /** The shops that are open: with Warbler, or without. */
  shops: (Habits | 'Baileys alone')[];
  /** {@link POLICY}, where it is to be another. */
  policy?: Rates;
}

/** What became of it for one shop. Times are in milliseconds since midnight. */
export interface Outcome {
  shop: string;
  /** Messages that the engine has accepted; without an engine, that WhatsApp has acknowledged. */
  accepted: number;
  /** Messages that reached the phone they were for, by what they were, and those that reached it again. */
  arrived: { answers: number; first: number; twice: number };
  /** Messages that the shop wanted to send and that had not arrived by midnight. */
  missing: number;
  /** How often WhatsApp restricted the account, and when the last restriction is over. */
  restrictions: number;
  until: number | null;
  /** When the account first exceeded a rate, and when it was banned for good. */
  firstAt: number | null;
  bannedAt: number | null;
  /** Messages that WhatsApp refused, because the account was restricted (463). */
  refused: number;
}

/**
 * Lives through 24 hours of engine time, with real engine, real sandbox and real Baileys, all in this process and on
 * one clock: it rings alarm after alarm whenever the process has nothing else to do.
 */
export async function simulate(plan: Plan, tell: (progress: string) => void = () => {}): Promise<Outcome[]> {
  const clock = new TestClock(MIDNIGHT);
  const stage = await Stage.open({ clock });
  const day = new Day(plan, stage, clock, tell);
  try {
    return await day.live();
  } finally {
    await day.close();
    await stage.close();
  }
}

class Day {
  private readonly customers: string[];
  private readonly cold: string[];
  private readonly shops: Shop[] = [];
  /** Customers who are just writing. */
  private writing = 0;

  constructor(
    private readonly plan: Plan,
    private readonly stage: Stage,
    private readonly clock: TestClock,
    private readonly tell: (progress: string) => void,
  ) {
    this.customers = numbers('1555020', plan.customers);
    this.cold = numbers('1555030', plan.cold);
  }

  async live(): Promise<Outcome[]> {
    const { sandbox } = this.stage;
    for (const phone of [...this.customers, ...this.cold]) sandbox.addPhone({ phone });
    for (const shop of this.plan.shops) this.shops.push(await this.open(shop));
    await sandbox.idle();
    sandbox.setPolicy(this.plan.policy ?? POLICY);
    this.plot();
    const idle = new IdleProcess();
    this.clock.quiet = () => this.writing === 0 && !this.isCalling() && idle.now();
    await this.clock.until(new Promise<void>((over) => this.clock.at(MIDNIGHT + 24 * HOUR, over)));
    await sandbox.idle();
    return this.shops.map((shop) => this.outcomeOf(shop));
  }

  async close(): Promise<void> {
    await Promise.all(this.shops.map((shop) => shop.close()));
  }

  private open(shop: Habits | 'Baileys alone'): Promise<Shop> {
    const phone = `1555011${String(this.shops.length).padStart(4, '0')}`;
    if (shop === 'Baileys alone') return BaileysShop.open(this.stage, this.clock, phone);
    return WarblerShop.open(this.stage, this.clock, phone, shop);
  }

  private isCalling(): boolean {
    return this.shops.some(({ calling }) => calling > 0);
  }

  /** Sets the alarms of the day. */
  private plot(): void {
    for (const shop of this.shops) {
      const groups = Array.from({ length: this.plan.groups }, () => this.groupOf(shop));
      for (let hour = 9; hour < 18; hour++) this.at((hour + 0.5) * HOUR, () => void shop.lookAtGroups(groups));
      this.at(9 * HOUR, () => void shop.advertise(this.cold));
    }
    for (const [index, phone] of this.customers.entries()) {
      // evenly over the day, but not in step with anything
      const time = 9 * HOUR + ((index * 0.6180339887) % 1) * 9 * HOUR;
      this.at(time, () => void this.write(phone));
    }
    for (let hour = 1; hour <= 24; hour++) this.at(hour * HOUR, () => this.tell(`${hour}:00`));
  }

  private at(time: number, run: () => void): void {
    this.clock.at(MIDNIGHT + time, run);
  }

  private groupOf({ phone }: Shop): string {
    const [first = phone] = this.customers;
    return this.stage.sandbox.groups.create({ creator: first, subject: 'Regulars', participants: [phone] }).jid;
  }

  private async write(from: string): Promise<void> {
    this.writing += 1;
    for (const { phone } of this.shops) await this.stage.sandbox.send(from, { to: phone, text: 'Are you open today?' });
    this.writing -= 1;
  }

  private outcomeOf(shop: Shop): Outcome {
    const { sandbox } = this.stage;
    const answers = this.customers.flatMap((phone) => this.textsOn(phone, shop));
    const first = this.cold.flatMap((phone) => this.textsOn(phone, shop));
    const arrived = new Set([...answers, ...first]).size;
    const violations = sandbox.policy().violations.filter(({ phone }) => phone === shop.phone);
    const restrictions = violations.filter(({ consequence }) => consequence === 'restricted');
    const faults = sandbox.faults().filter((one) => one.fault === 'restrict-account' && one.phone === shop.phone);
    return {
      shop: shop.name,
      accepted: shop.accepted,
      arrived: {
        answers: new Set(answers).size,
        first: new Set(first).size,
        twice: answers.length + first.length - arrived,
      },
      missing: this.customers.length + this.cold.length - arrived,
      restrictions: restrictions.length,
      until: sinceMidnight(restrictions.at(-1)?.until),
      firstAt: sinceMidnight(violations[0]?.at),
      bannedAt: sinceMidnight(violations.find(({ consequence }) => consequence === 'banned')?.at),
      refused: faults.reduce((sum, { fired }) => sum + fired, 0),
    };
  }

  /** What a person has from a shop. Each text is written once in the whole day. */
  private textsOn(phone: string, shop: Shop): string[] {
    return this.stage.sandbox
      .messages(phone, { chat: shop.phone })
      .flatMap(({ fromMe, text }) => (fromMe ? [] : [String(text)]));
  }
}

const sinceMidnight = (time: string | null | undefined) => (time ? Date.parse(time) - MIDNIGHT : null);

const numbers = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(4, '0')}`);

/** Whether this process, in which all of it runs, has nothing left to do but wait. */
class IdleProcess {
  private since = performance.now();
  private before: EventLoopUtilization = performance.eventLoopUtilization();

  now(): boolean {
    const now = performance.now();
    if (now - this.since < IDLE_MS) return false;
    const { utilization } = performance.eventLoopUtilization(this.before);
    this.since = now;
    this.before = performance.eventLoopUtilization();
    return utilization < IDLE_BELOW;
  }
}

const IDLE_MS = 8;
/** Looking at the clock takes time, too. */
const IDLE_BELOW = 0.3;
