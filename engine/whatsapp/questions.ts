import pLimit from 'p-limit';
import type { Clock } from '../clock.ts';
import { EngineError } from '../errors.ts';
import type { Budgets } from '../governor/budgets.ts';
import { BUDGETS, type BudgetName } from '../model.ts';
import { Context } from './context.ts';
import { refusalCode } from './failure.ts';

/** So many questions of a session are under way at once. */
const AT_ONCE = 5;
/** WhatsApp does not say how long it wants to be left alone; shorter pauses have been seen to prolong its limit. */
const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 3_600_000;
/** WhatsApp's code for: asked too often. */
const TOO_OFTEN = 429;

/** What a question counts as, where WhatsApp watches how often it is asked. */
export interface Cost {
  budget: BudgetName;
  /** 1 unless said. With 0 it is not counted, but waits for the pause that WhatsApp has asked for. */
  amount?: number;
  /** A message waits for the answer: it does not wait for other questions. */
  urgent?: boolean;
}

/** What one session asks of WhatsApp: a few questions at a time, within its budgets. */
export class Questions {
  private readonly limit = pLimit(AT_ONCE);
  /** Set within a question: what it asks on its way has a place already. */
  private readonly asking = new Context<true>();
  /** By what is asked for: until when WhatsApp is left alone, and how long that pause is. */
  private readonly pauses = new Map<BudgetName, { until: number; ms: number }>();

  constructor(private readonly options: { clock: Clock; budgets: Budgets }) {}

  /**
   * Asks when there is room, and throws what the question throws. Refuses with `rate_limited` for as long as WhatsApp
   * wants to be asked less often, and with `budget_exhausted`; both say when to come again.
   */
  async ask<T>(question: () => Promise<T>, cost?: Cost): Promise<T> {
    const asked = () => this.asking.run(true, () => this.within(question, cost));
    return cost?.urgent || this.asking.get() ? asked() : this.limit(asked);
  }

  private async within<T>(question: () => Promise<T>, cost: Cost | undefined): Promise<T> {
    if (!cost) return question();
    const { budget, amount = 1 } = cost;
    const { clock, budgets } = this.options;
    const pause = this.pauses.get(budget);
    if (pause && clock.now() < pause.until) throw this.tooOften(budget, pause.until);
    await budgets.spend(budget, amount);
    try {
      const answer = await question();
      this.pauses.delete(budget);
      return answer;
    } catch (error) {
      if (refusalCode(error) !== TOO_OFTEN) throw error;
      throw this.tooOften(budget, this.pause(budget), error);
    }
  }

  /** Each pause that follows upon another is twice as long. */
  private pause(budget: BudgetName): number {
    const before = this.pauses.get(budget);
    const now = this.options.clock.now();
    // Questions that were under way together are refused together.
    if (before && now < before.until) return before.until;
    const ms = before ? Math.min(before.ms * 2, LONGEST_PAUSE_MS) : FIRST_PAUSE_MS;
    this.pauses.set(budget, { until: now + ms, ms });
    return now + ms;
  }

  private tooOften(budget: BudgetName, until: number, cause?: unknown): EngineError {
    const what = BUDGETS[budget].replace(/^./, (first) => first.toLowerCase());
    const retryAfterS = Math.max(1, Math.ceil((until - this.options.clock.now()) / 1000));
    return new EngineError(
      'rate_limited',
      `WhatsApp says that this account asks too often (${what}). It is asked again from ${new Date(until).toISOString()} on; ask less often.`,
      { cause, retryAfterS, details: { whatsappCode: TOO_OFTEN } },
    );
  }
}
