import type { Clock } from '../clock.ts';
import { EngineError } from '../errors.ts';
import { BUDGETS, type BudgetName, type SessionSettings } from '../model.ts';
import type { CounterState, CounterWindow, Store } from '../store/store.ts';
import type { Rate } from './profiles.ts';

/** How much of a budget is used, in the last minute and in the last 24 hours. */
export interface Left {
  minute: CounterState;
  day: CounterState;
}

/** What WhatsApp watches an account for, counted: each thing may happen so often in any minute, and so often in any 24 hours. */
export class Budgets {
  constructor(
    private readonly options: {
      store: Store;
      sessionId: number;
      clock: Clock;
      /** The budgets as they are now; what has none is not counted. */
      rates: () => Partial<Record<BudgetName, Rate>> | undefined;
    },
  ) {}

  /**
   * Counts what is about to happen. Throws `budget_exhausted`, and counts nothing, when the minute or the day has no
   * room for all of it; `retryAfterS` is when there will be.
   */
  async spend(name: BudgetName, amount = 1): Promise<void> {
    const rate = this.options.rates()?.[name];
    if (!rate || amount === 0) return;
    const { store, clock } = this.options;
    const now = clock.now();
    const { taken, windows } = await store.counters.take(...this.place(name), windowsOf(rate), { now, amount });
    if (!taken) throw exhausted(name, amount, windows, now);
  }

  /** Throws what {@link spend} would throw, and counts nothing: for whoever has something to do before. */
  async assertLeft(name: BudgetName): Promise<void> {
    const rate = this.options.rates()?.[name];
    if (!rate) return;
    const { store, clock } = this.options;
    const windows = await store.counters.read(...this.place(name), windowsOf(rate), clock.now());
    if (windows.some(({ used, limit }) => used >= limit)) throw exhausted(name, 1, windows, clock.now());
  }

  /** How the budgets stand; without those that are not counted. */
  async left(): Promise<Partial<Record<BudgetName, Left>>> {
    const { store, clock, rates } = this.options;
    const left: Partial<Record<BudgetName, Left>> = {};
    for (const [name, rate] of Object.entries(rates() ?? {}) as [BudgetName, Rate][]) {
      const [minute, day] = await store.counters.read(...this.place(name), windowsOf(rate), clock.now());
      left[name] = { minute: minute!, day: day! };
    }
    return left;
  }

  private place(name: BudgetName): [scope: string, name: string] {
    return [`session:${this.options.sessionId}`, `budget.${name}`];
  }
}

/** The budgets of a pace (undefined: it has none), with those that a session sets for itself in their place. */
export function ratesOf(
  profile: Partial<Record<BudgetName, Rate>> | undefined,
  own: SessionSettings['budgets'],
): Partial<Record<BudgetName, Rate>> | undefined {
  if (!own) return profile;
  const rates = { ...profile };
  for (const [name, rate] of Object.entries(own) as [BudgetName, (typeof own)[BudgetName]][]) {
    if (rate) rates[name] = { perMinute: rate.per_minute, perDay: rate.per_day };
    else if (rate === null) delete rates[name];
  }
  return rates;
}

const windowsOf = ({ perMinute, perDay }: Rate): CounterWindow[] => [
  { seconds: 60, limit: perMinute, sliding: true },
  { seconds: 86_400, limit: perDay, sliding: true },
];

function exhausted(name: BudgetName, amount: number, windows: CounterState[], now: number): EngineError {
  const [minute, day] = windows as [CounterState, CounterState];
  const least = Math.min(minute.limit, day.limit);
  const allowance = `${minute.limit} a minute and ${day.limit} a day`;
  const change = 'To change it, set budgets or pace of the session.';
  // No window will ever have room for it.
  if (amount > least) {
    return new EngineError(
      'budget_exhausted',
      `${BUDGETS[name]}: ${amount} at once are more than this session may have (${allowance}). Ask for ${least} at most. ${change}`,
      { details: { budget: name, limit: least } },
    );
  }
  const full = windows.filter(({ used, limit }) => used + amount > limit);
  const { seconds, limit, used, resetsAt } = full.reduce((a, b) => (b.resetsAt > a.resetsAt ? b : a));
  const retryAfterS = Math.max(1, Math.ceil((resetsAt - now) / 1000));
  const last = seconds === 60 ? 'in the last minute' : 'in the last 24 hours';
  return new EngineError(
    'budget_exhausted',
    `${BUDGETS[name]}: this session may have ${allowance}, and has had ${used} ${last}. It goes on at ${new Date(resetsAt).toISOString()}. ${change}`,
    {
      retryAfterS,
      details: { budget: name, limit, used, windowS: seconds, resetsAt: new Date(resetsAt).toISOString() },
    },
  );
}
