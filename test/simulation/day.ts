import { performance, type EventLoopUtilization } from 'node:perf_hooks';
import type { Policy } from '../../engine/sandbox/index.ts';
import { TestClock } from '../engine/clock.ts';
import { Receiver } from '../engine/receiver.ts';
import { Stage } from '../whatsapp/stage.ts';
import { Shop, type Habits } from './shop.ts';

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
  shops: Habits[];
  /** {@link POLICY}, where it is to be another. */
  policy?: Rates;
}

/** What became of it for one shop. */
export interface Outcome extends Habits {
  /** Messages that the engine has accepted. */
  accepted: number;
  /** Messages that reached the phone they were for, by what they were, and those that reached it again. */
  arrived: { answers: number; first: number; twice: number };
  /**
   * Violations of the policy; when the first was, and when what followed the last is over, in milliseconds since
   * midnight. A ban is never over.
   */
  restrictions: number;
  firstAt: number | null;
  until: number | null;
  /** Messages that WhatsApp refused, because the account was restricted (463). */
  refused: number;
  /** Messages that the engine has given up. */
  failed: number;
  /** Messages that the shop wanted to send and that neither arrived nor failed. */
  waiting: number;
  banned: boolean;
}

/**
 * Lives through 24 hours of engine time, with real engine, real sandbox and real Baileys, all in this process and on
 * one clock: it rings alarm after alarm whenever the process has nothing else to do.
 */
export async function simulate(plan: Plan, tell: (progress: string) => void = () => {}): Promise<Outcome[]> {
  const clock = new TestClock(MIDNIGHT);
  const stage = await Stage.open({ clock });
  const receiver = await Receiver.start();
  try {
    return await new Day(plan, stage, clock, receiver, tell).live();
  } finally {
    await stage.close();
    await receiver.close();
  }
}

class Day {
  private readonly customers: string[];
  private readonly cold: string[];
  private readonly shops = new Map<string, Shop>();
  /** Customers who are just writing. */
  private writing = 0;

  constructor(
    private readonly plan: Plan,
    private readonly stage: Stage,
    private readonly clock: TestClock,
    private readonly receiver: Receiver,
    private readonly tell: (progress: string) => void,
  ) {
    this.customers = numbers('1555020', plan.customers);
    this.cold = numbers('1555030', plan.cold);
  }

  async live(): Promise<Outcome[]> {
    const { sandbox } = this.stage;
    for (const phone of [...this.customers, ...this.cold]) sandbox.addPhone({ phone });
    for (const [at, habits] of this.plan.shops.entries()) {
      const phone = `1555011${String(at).padStart(4, '0')}`;
      const webhook = `${this.receiver.origin}/${phone}`;
      this.shops.set(phone, await Shop.open(this.stage, this.clock, { ...habits, phone, webhook }));
    }
    this.receiver.answer = ({ path, event }) => {
      this.shops.get(path.slice(1))!.received(event);
      return 200;
    };
    await sandbox.idle();
    sandbox.setPolicy(this.plan.policy ?? POLICY);
    this.plot();
    const idle = new IdleProcess();
    this.clock.quiet = () => this.writing === 0 && !this.isCalling() && idle.now();
    await this.clock.until(new Promise<void>((over) => this.clock.at(MIDNIGHT + 24 * HOUR, over)));
    await sandbox.idle();
    return Promise.all([...this.shops.values()].map((shop) => this.outcomeOf(shop)));
  }

  private isCalling(): boolean {
    return [...this.shops.values()].some(({ calling }) => calling > 0);
  }

  /** Sets the alarms of the day. */
  private plot(): void {
    for (const shop of this.shops.values()) {
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
    for (const to of this.shops.keys()) await this.stage.sandbox.send(from, { to, text: 'Are you open today?' });
    this.writing -= 1;
  }

  private async outcomeOf(shop: Shop): Promise<Outcome> {
    const { sandbox, engine } = this.stage;
    const answers = this.customers.flatMap((phone) => this.textsOn(phone, shop));
    const first = this.cold.flatMap((phone) => this.textsOn(phone, shop));
    const arrived = new Set([...answers, ...first]);
    const { items } = await engine.store.messages.logs(shop.session, { offset: 0, limit: 100_000 });
    const failed = items.filter(({ status }) => status === 0).length;
    const violations = sandbox.policy().violations.filter(({ phone }) => phone === shop.phone);
    const restrictions = sandbox.faults().filter((one) => one.fault === 'restrict-account' && one.phone === shop.phone);
    return {
      ...shop.habits,
      accepted: shop.accepted,
      arrived: {
        answers: new Set(answers).size,
        first: new Set(first).size,
        twice: answers.length + first.length - arrived.size,
      },
      restrictions: violations.length,
      firstAt: sinceMidnight(violations[0]?.at),
      until: sinceMidnight(violations.at(-1)?.until),
      refused: restrictions.reduce((sum, { fired }) => sum + fired, 0),
      failed,
      waiting: this.customers.length + this.cold.length - arrived.size - failed,
      banned: violations.some(({ consequence }) => consequence === 'banned'),
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
