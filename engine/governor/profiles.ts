import type { BudgetName, Pace } from '../model.ts';

/** So much in a minute, so much in a day. */
export interface Rate {
  perMinute: number;
  perDay: number;
}

/** How an account behaves at a pace. */
export interface Profile {
  /** Messages that may leave. */
  messages: Rate;
  /** Milliseconds between two messages: each pause is chosen at random from this range. */
  pauseMs: readonly [number, number];
  /** Before a text, typing is shown for as long as writing it takes at this speed, within these limits. */
  typing: { msPerCharacter: number; leastMs: number; mostMs: number };
  budgets: Record<BudgetName, Rate>;
}

/**
 * The profiles. `careful` sends as WasenderApi does with account protection, one message in 5 seconds; `normal` as
 * SendAPI documents for itself: 30 a minute, 1,000 a day, 1 to 3 seconds apart. What WhatsApp itself tolerates is not
 * published; the budgets are what operators of such software report as safe, at the lower end. People are added to groups
 * many at once, so that only the day counts there. With `off` only what WhatsApp has said is obeyed.
 */
export const PROFILES: Record<Exclude<Pace, 'off'>, Profile> = {
  careful: {
    messages: { perMinute: 10, perDay: 500 },
    pauseMs: [5000, 8000],
    typing: { msPerCharacter: 60, leastMs: 1000, mostMs: 8000 },
    budgets: {
      new_chats: { perMinute: 2, perDay: 20 },
      number_checks: { perMinute: 10, perDay: 200 },
      group_metadata: { perMinute: 5, perDay: 200 },
      profile_pictures: { perMinute: 20, perDay: 300 },
      group_adds: { perMinute: 30, perDay: 30 },
    },
  },
  normal: {
    messages: { perMinute: 30, perDay: 1000 },
    pauseMs: [1000, 3000],
    typing: { msPerCharacter: 30, leastMs: 500, mostMs: 4000 },
    budgets: {
      new_chats: { perMinute: 5, perDay: 60 },
      number_checks: { perMinute: 30, perDay: 500 },
      group_metadata: { perMinute: 10, perDay: 500 },
      profile_pictures: { perMinute: 60, perDay: 1000 },
      group_adds: { perMinute: 100, perDay: 100 },
    },
  },
};
