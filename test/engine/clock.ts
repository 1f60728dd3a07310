import type { Clock } from '../../engine/clock.ts';

interface Alarm {
  time: number;
  run: () => void;
}

/** A clock that stands still until a test advances it. */
export class TestClock implements Clock {
  private readonly alarms = new Set<Alarm>();

  constructor(private time = Date.UTC(2026, 0, 5, 12)) {}

  now(): number {
    return this.time;
  }

  at(time: number, run: () => void): () => void {
    const alarm = { time, run };
    this.alarms.add(alarm);
    return () => this.alarms.delete(alarm);
  }

  /** Lets time pass; whatever was due in it runs in its order, each at its own time. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (let next = this.first(); next && next.time <= end; next = this.first()) this.ring(next);
    this.time = end;
  }

  /**
   * Lets time pass from alarm to alarm until the promise is settled: nobody waits for the pauses in between. No more
   * than `withinMs` passes in all, where what is set for later (the end of a restriction, say) shall not come yet.
   */
  async until<T>(promise: Promise<T>, withinMs = Infinity): Promise<T> {
    const end = this.time + withinMs;
    let settled = false;
    const outcome = promise.finally(() => (settled = true));
    // Whoever awaits the outcome sees its failure; this loop only wants to know that it has come.
    outcome.catch(() => {});
    while (!settled) {
      // What rings next may only be set once the sandbox or the disk has answered.
      await new Promise((resolve) => setTimeout(resolve, 1));
      const next = this.first();
      if (!settled && next && next.time <= end && this.quiet()) this.ring(next);
    }
    return outcome;
  }

  /** Instead of {@link until} ringing at any moment: only while this says that nothing else is under way. */
  quiet: () => boolean = () => true;

  private first(): Alarm | undefined {
    return [...this.alarms].sort((a, b) => a.time - b.time)[0];
  }

  private ring(alarm: Alarm): void {
    this.alarms.delete(alarm);
    this.time = Math.max(this.time, alarm.time);
    alarm.run();
  }
}
