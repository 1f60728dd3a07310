import type { Clock } from '../clock.ts';

/** What has failed is tried again after so long. */
const AGAIN_MS = 60_000;

/**
 * Does what is due whenever it is woken, never twice at the same time, and wakes by itself when the next is due: one
 * alarm for all of it, nothing is polled.
 */
export class Alarm {
  private running: Promise<void> | undefined;
  private again = false;
  private ended = false;
  private cancel: () => void = () => {};

  constructor(
    private readonly options: {
      clock: Clock;
      /** Does what is due; answers when the next is, in Unix milliseconds. */
      ring: () => Promise<number | undefined>;
      failed: (error: unknown) => void;
    },
  ) {}

  /** There may be something due, or something that is sooner. */
  wake(): void {
    if (this.ended) return;
    if (this.running) {
      this.again = true;
      return;
    }
    this.again = false;
    this.running = this.ring().finally(() => {
      this.running = undefined;
      if (this.again) this.wake();
    });
  }

  /** Whether nothing more is to be done. */
  get stopped(): boolean {
    return this.ended;
  }

  /** Finishes what is in hand. */
  async stop(): Promise<void> {
    this.ended = true;
    this.cancel();
    await this.running;
  }

  private async ring(): Promise<void> {
    const { clock, ring, failed } = this.options;
    this.cancel();
    let next: number | undefined;
    try {
      next = await ring();
    } catch (error) {
      if (this.ended) return;
      failed(error);
      next = clock.now() + AGAIN_MS;
    }
    if (next !== undefined && !this.ended) this.cancel = clock.at(next, () => this.wake());
  }
}
