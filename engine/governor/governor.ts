import type { Clock } from '../clock.ts';
import type { Pace, SessionSettings } from '../model.ts';
import type { Store } from '../store/store.ts';
import { Budgets, ratesOf } from './budgets.ts';
import { PROFILES, type Profile } from './profiles.ts';

/** How one WhatsApp account may send. */
export class Governor {
  /** What WhatsApp watches. */
  readonly budgets: Budgets;

  constructor(
    private readonly options: {
      store: Store;
      sessionId: number;
      clock: Clock;
      /** The session's pace, as it is now. */
      pace: () => Pace;
      /** The session's own budgets, as they are now. */
      ownBudgets: () => SessionSettings['budgets'];
    },
  ) {
    const { store, sessionId, clock, ownBudgets } = options;
    const rates = () => ratesOf(this.profile?.budgets, ownBudgets());
    this.budgets = new Budgets({ store, sessionId, clock, rates });
  }

  /** Undefined with `off`: only what WhatsApp has said is obeyed. */
  private get profile(): Profile | undefined {
    const pace = this.options.pace();
    return pace === 'off' ? undefined : PROFILES[pace];
  }
}
