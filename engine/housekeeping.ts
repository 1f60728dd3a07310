import { setImmediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Clock } from './clock.ts';
import type { Store } from './store/store.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const PERIOD_MS = 10 * MINUTE_MS;
/** WhatsApp keeps for so long what it could not hand over, and may until then hand over again what we have had. */
const WHATSAPP_KEEPS_MS = 30 * DAY_MS;
/** A token that has ended is listed for so long: whoever looks for it learns why it opens nothing any more. */
const TOKENS_LISTED_MS = 30 * DAY_MS;
/** So much is looked at, or deleted, at once. */
const PART = 500;

export interface HousekeepingOptions {
  store: Store;
  clock: Clock;
  log: Logger;
  eventRetentionDays: number;
  /** 0: messages are kept for good. */
  messageRetentionDays: number;
}

/**
 * Forgets what is older than the settings say, now and then, in small parts: whatever else the engine has to do comes
 * between them. What somebody still waits for (an undelivered event, a message that is to be sent) is not forgotten.
 * What is old says the engine's clock; when it is looked for, which nobody waits for, does not.
 */
export class Housekeeping {
  private stopped = false;
  private running = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: HousekeepingOptions) {}

  /** Begins at once. */
  start(): void {
    this.running = this.run()
      .catch((error: unknown) => this.options.log.error({ err: error }, 'housekeeping failed'))
      .then(() => {
        if (!this.stopped) this.timer = setTimeout(() => this.start(), PERIOD_MS).unref();
      });
  }

  /** Finishes the part in hand. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private async run(): Promise<void> {
    const { store, clock, eventRetentionDays, messageRetentionDays } = this.options;
    const now = clock.now();
    await store.subscriptions.expire(now);
    await store.tokens.prune(now - TOKENS_LISTED_MS);
    await this.pruneEvents(now - eventRetentionDays * DAY_MS);
    await this.inParts(() => store.events.pruneStanzas(now - WHATSAPP_KEEPS_MS, PART));
    if (!messageRetentionDays) return;
    const before = now - messageRetentionDays * DAY_MS;
    // Jobs and inquiries first: while there is one, its messages stay.
    await this.inParts(() => store.jobs.prune(before, 1), 1);
    await this.inParts(() => store.inquiries.prune(before, PART));
    await this.inParts(() => store.messages.prune(before, PART));
    await this.inParts(() => store.sessions.pruneLogs(before, PART));
  }

  private async pruneEvents(before: number): Promise<void> {
    let from: number | undefined = 0;
    while (from !== undefined && !this.stopped) {
      from = (await this.options.store.events.prune(before, { from, limit: PART })).next;
      await setImmediate();
    }
  }

  /** `prune` answers how many it has deleted: fewer than it may are the last. */
  private async inParts(prune: () => Promise<number>, limit = PART): Promise<void> {
    while (!this.stopped && (await prune()) >= limit) await setImmediate();
  }
}
