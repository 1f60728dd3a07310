import type { Clock } from '../clock.ts';
import type { Pace } from '../model.ts';
import type { Store } from '../store/store.ts';
import { Budgets } from './budgets.ts';
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
    },
  ) {
    const { store, sessionId, clock } = options;
    this.budgets = new Budgets({ store, sessionId, clock, rates: () => this.profile?.budgets });
  }

  /** Undefined with `off`: only what WhatsApp has said is obeyed. */
  private get profile(): Profile | undefined {
    const pace = this.options.pace();
    return pace === 'off' ? undefined : PROFILES[pace];
  }
}
