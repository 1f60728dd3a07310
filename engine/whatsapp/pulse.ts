import type { Clock } from '../clock.ts';

/** After what times, in milliseconds, a connection counts as dead. */
export interface PulseTimes {
  /** By which silence is measured; the time of day unless a test wants to advance it. */
  clock?: Clock;
  /** So long nothing has come: it is asked for a sign of life. Longer than Baileys waits between two such questions. */
  silentMs: number;
  /** So long it may take to give one, or to deal with a message after all. By the time of day, whatever the clock says. */
  answerMs: number;
  /** So long no message that came in has been dealt with. */
  dealtMs: number;
}

export const PULSE_TIMES: PulseTimes = { silentMs: 35_000, answerMs: 10_000, dealtMs: 60_000 };

interface Awaiting {
  left: Set<object>;
  done: () => void;
}

/**
 * Whether a connection lives, by evidence: frames come, and messages are dealt with. A socket of which TCP has not
 * noticed that it is dead looks open for a quarter of an hour.
 */
export class Pulse {
  /** Unix milliseconds at which the last frame came. */
  lastSeenAt: number | undefined;
  private since: number;
  private readonly waiting = new Set<object>();
  /** Who waits until messages are dealt with, each with those that are not yet. */
  private readonly awaited = new Set<Awaiting>();
  /** Since when messages wait without any being dealt with. */
  private waitingSince: number | undefined;
  private cancelAlarm: () => void;
  /** Run out when no sign of life has come, and when no message has been dealt with. */
  private silent: NodeJS.Timeout | undefined;
  private stuck: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: {
      clock: Clock;
      times: PulseTimes;
      /** Asks for a sign of life. */
      ask: () => void;
      /** Called once, with what is missing. */
      stalled: (detail: string) => void;
    },
  ) {
    this.since = options.clock.now();
    this.cancelAlarm = this.arm();
  }

  /** A frame has come. */
  beat(): void {
    this.since = this.lastSeenAt = this.options.clock.now();
    clearTimeout(this.silent);
    this.silent = undefined;
  }

  /** A message has come in that has to be dealt with. */
  came(message: object): void {
    if (this.waiting.size === 0) this.waitingSince = this.options.clock.now();
    this.waiting.add(message);
  }

  /** It was: stored, or told to be none. */
  dealt(message: object): void {
    this.waiting.delete(message);
    for (const one of this.awaited) {
      one.left.delete(message);
      if (one.left.size === 0) this.release(one);
    }
    this.waitingSince = this.waiting.size === 0 ? undefined : this.options.clock.now();
    clearTimeout(this.stuck);
    this.stuck = undefined;
  }

  /** Resolves when every message that has come in so far is dealt with, or the connection has ended. */
  async dealtWith(): Promise<void> {
    if (this.waiting.size === 0) return;
    await new Promise<void>((done) => this.awaited.add({ left: new Set(this.waiting), done }));
  }

  private release(one: Awaiting): void {
    this.awaited.delete(one);
    one.done();
  }

  /** The connection has ended. */
  stop(): void {
    for (const one of this.awaited) this.release(one);
    this.cancelAlarm();
    clearTimeout(this.silent);
    clearTimeout(this.stuck);
  }

  /** One alarm for many frames: when it rings it sees how long it has been silent, and is set anew. */
  private arm(): () => void {
    const { clock, times } = this.options;
    const due = Math.min(this.since + times.silentMs, (this.waitingSince ?? Infinity) + times.dealtMs);
    // While an answer is waited for there is nothing to look at before.
    return clock.at(Math.max(due, clock.now() + times.silentMs / 2), () => this.look());
  }

  private look(): void {
    const { clock, times, ask } = this.options;
    const now = clock.now();
    if (this.waitingSince !== undefined && now - this.waitingSince >= times.dealtMs) {
      this.stuck ??= this.stallIn('messages came in and were not dealt with');
    }
    if (now - this.since >= times.silentMs && !this.silent) {
      this.silent = this.stallIn('nothing came any more');
      ask();
    }
    this.cancelAlarm = this.arm();
  }

  private stallIn(detail: string): NodeJS.Timeout {
    const { times, stalled } = this.options;
    return setTimeout(() => {
      this.stop();
      stalled(detail);
    }, times.answerMs).unref();
  }
}
