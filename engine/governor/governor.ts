import type { Clock } from '../clock.ts';
import { EngineError } from '../errors.ts';
import type { NewEvent } from '../events.ts';
import type { GovernorRecord, MessageRecord, Pace, SessionSettings } from '../model.ts';
import type { Change, CounterState, CounterWindow, Store } from '../store/store.ts';
import { Budgets, ratesOf } from './budgets.ts';
import { PROFILES, type Profile, type Rate } from './profiles.ts';
import { quietUntil } from './quiet-hours.ts';
import {
  expired,
  newChatsHeld,
  slowdownEvent,
  slowdownMs,
  standingEvents,
  type Capping,
  type Timelock,
} from './standing.ts';
import { typingFor, type Typing } from './typing.ts';
import { ANSWER_MS, WARM_UP, warmed, warmUpDay } from './warm-up.ts';

const MINUTE_S = 60;
const DAY_S = 86_400;
/** With account protection on, WhatsApp is sent one message in so long, at any pace. */
export const PROTECTED_PAUSE_MS = 5000;
/** No new chats for so long when WhatsApp has refused one, and then does not answer until when. */
const UNKNOWN_TIMELOCK_MS = 3_600_000;

/** Of a slowdown whose time is up, until WhatsApp has taken a message: another one in a row is longer. */
const OVER = 0;

/** Whom a message is for. */
export interface Recipient {
  chat: string;
  /** Somebody else, by themselves: not a group, a channel, a status, or the account's own number. */
  person: boolean;
}

/** When a message may leave, in Unix milliseconds; and what the recipient is to be shown from now until then. */
export interface Departure {
  at: number;
  show?: Typing['state'];
}

/** What becomes of all that was accepted for an account, when another one takes its place. */
export type GivenUp = Pick<Change, 'outcomes' | 'otherAccount'>;

/** What is counted of messages, for whoever wants to see how an account sends. */
export interface Sending {
  pace: Pace;
  /** Of the day: undefined with `off`. */
  today: CounterState | undefined;
  minute: CounterState | undefined;
  /** Why nothing leaves, or nothing that begins a chat. */
  paused: { reason: 'rate' | 'new_chats'; until: number | null; newChatsOnly: boolean } | undefined;
  /** The day of the plan; undefined without one, and when it is over. */
  warmUp: { day: number; of: number; perDay: { messages: number; newChats: number }; today: CounterState } | undefined;
  quietUntil: number | undefined;
  /** What WhatsApp has said. */
  said: GovernorRecord;
}

/**
 * How one WhatsApp account may send. `admit` stands at the door: what cannot be had today is refused there, with the
 * time at which it can. `departure` stands at the exit: it says when the next message leaves. What WhatsApp says of the
 * account is obeyed at any pace, and survives a restart.
 */
export class Governor {
  /** What WhatsApp watches. */
  readonly budgets: Budgets;
  private record: GovernorRecord;
  /**
   * When the last message left. What the last process sent is not known to the moment: the pause is kept from the start
   * of this one.
   */
  private lastLeftAt: number;
  /** The message that leaves next, with what was thrown for it. */
  private next: { msgId: number; at: number; typing: Typing | undefined; shown: boolean } | undefined;
  /** WhatsApp has refused a new chat, and is being asked what it allows. */
  private doubt: Promise<void> | undefined;
  private cancelAlarm = () => {};

  constructor(
    private readonly options: {
      store: Store;
      sessionId: number;
      clock: Clock;
      /** The settings of the session, as they are now. */
      settings: () => SessionSettings;
      /** The pace of sessions that do not say so themselves. */
      pace: Pace;
      remembered: GovernorRecord;
      /** More may leave than before, or other messages. */
      changed: () => void;
      failed: (error: unknown) => void;
      /** 0 to 1. */
      random?: () => number;
    },
  ) {
    const { store, sessionId, clock, settings, remembered } = options;
    this.budgets = new Budgets({ store, sessionId, clock, rates: () => this.rates(settings().budgets) });
    this.record = remembered;
    this.lastLeftAt = clock.now();
    this.setAlarm();
  }

  /** The session is gone, or the process stops. */
  close(): void {
    this.cancelAlarm();
  }

  /**
   * The session is linked to this account. Another one than before is noted in one commit with what becomes of all that
   * was accepted for that one; what WhatsApp has said of that one says nothing of this one. To be called before the
   * account is connected: nothing may leave or come in before it is noted.
   */
  async link(jid: string, givenUp: GivenUp): Promise<void> {
    const before = this.record;
    const { account, slowdown } = before;
    if (account?.jid === jid) return;
    if (!account) return this.remember({ account: { jid, since: 0 } });
    const begun = { account: { jid, since: this.now }, timelock: null, capping: null, slowdown: null };
    const events = standingEvents(before, { ...before, ...begun });
    const resumed = slowdown && slowdown.until > OVER ? [slowdownEvent(null)] : [];
    try {
      await this.remember(begun, [...events, ...resumed], givenUp);
    } catch (error) {
      // Not written down, all of it is still to be done at the next try.
      this.record = before;
      this.setAlarm();
      throw error;
    }
  }

  /** Settings were changed, or this account is connected: the plan of a new number may begin. */
  async follow(account: string | undefined): Promise<void> {
    const { warmUp } = this.record;
    if (!this.options.settings().warm_up) {
      if (warmUp) await this.remember({ warmUp: null });
    } else if (account && warmUp?.account !== account) {
      await this.remember({ warmUp: { account, since: this.now } });
    }
    this.next = undefined;
    this.options.changed();
  }

  /** Whether the session was linked to another account than this one before. */
  isAnother(account: string): boolean {
    const { account: before } = this.record;
    return before !== null && before.jid !== account;
  }

  /** When the account took the place of another one, in Unix milliseconds; 0 for the first. */
  private get linkedAt(): number {
    return this.record.account?.since ?? 0;
  }

  /** Whether what was made at that time, in Unix milliseconds, was made for another account than the one it is now. */
  isForAnother(at: number): boolean {
    return at < this.linkedAt;
  }

  /**
   * Whether a new message may be accepted; if so, it is counted. Throws `budget_exhausted` when the day, or what may be
   * begun with strangers, is used up, `session_restricted` for new chats that WhatsApp does not allow, `rate_limited`
   * while WhatsApp wants nothing at all; each with `retryAfterS` where the time is known. One at a time, please.
   */
  async admit(to: Recipient): Promise<void> {
    const { stranger, planned } = await this.check(to);
    const day = this.profile?.messages.perDay;
    if (day !== undefined) await this.count('accepted', { seconds: DAY_S, limit: day });
    if (planned) await this.count('planned', { seconds: DAY_S, limit: planned.limit });
    if (stranger) await this.budgets.spend('new_chats');
  }

  /**
   * Throws what {@link admit} would throw, and counts nothing. Answers whether it would be a first message, and how the
   * day of the warm-up plan stands if the message counts for it.
   */
  async check({ chat, person }: Recipient): Promise<{ stranger: boolean; planned: CounterState | undefined }> {
    await this.doubt;
    const { slowdown } = this.record;
    if (slowdown && slowdown.until > this.now) throw this.tooFast(slowdown.until);
    const held = newChatsHeld(this.record, this.now);
    const counted = this.rates(this.options.settings().budgets)?.new_chats;
    let stranger = false;
    if (person && (held || counted)) {
      const standing = await this.options.store.chats.standing(this.options.sessionId, chat, this.linkedAt);
      if (held && standing !== 'open') throw this.restricted(held);
      stranger = standing === 'none';
    }
    if (stranger) await this.budgets.assertLeft('new_chats');
    const day = await this.today();
    if (day && day.used >= day.limit) throw this.dayUsedUp(day);
    const planned = (await this.answers(chat)) ? undefined : await this.plannedToday();
    if (planned && planned.used >= planned.limit) throw this.planUsedUp(planned);
    return { stranger, planned };
  }

  /** Whether messages leave as fast as they can, without any of them being asked for. */
  get free(): boolean {
    const { account_protection: isProtected, quiet_hours: quiet } = this.options.settings();
    return !this.profile && !isProtected && !quiet && !this.holdsNewChats && !this.record.slowdown;
  }

  /** Whether only chats that the account has may be written to. */
  get holdsNewChats(): boolean {
    return this.doubt !== undefined || newChatsHeld(this.record, this.now) !== undefined;
  }

  /** Until when nothing at all may leave, because WhatsApp has said so; in the past when it may. Unix milliseconds. */
  get stoppedUntil(): number {
    return this.record.slowdown?.until ?? 0;
  }

  /** When the message may leave, if it is the next. To be asked again at that time. */
  async departure({ msgId, request, attempts }: MessageRecord): Promise<Departure> {
    const { now, profile } = this;
    const quiet = quietUntil(this.options.settings().quiet_hours, now);
    const minute = profile && (await this.window('sent', { seconds: MINUTE_S, limit: profile.messages.perMinute }));
    const held = quiet ?? (minute && minute.used >= minute.limit ? minute.resetsAt : undefined);
    if (held !== undefined) {
      this.next = undefined;
      return { at: held };
    }
    if (this.next?.msgId !== msgId) {
      // What is sent again was typed before.
      const typing = profile && attempts === 0 ? typingFor(request ?? { to: '' }, profile.typing) : undefined;
      this.next = { msgId, at: this.lastLeftAt + this.pauseMs(), typing, shown: false };
    }
    const { next } = this;
    if (!next.typing || next.shown) return { at: next.at };
    const from = next.at - next.typing.ms;
    if (now < from) return { at: from };
    next.shown = true;
    next.at = Math.max(next.at, now + next.typing.ms);
    return { at: next.at, show: next.typing.state };
  }

  /** A message leaves that `departure` was asked for. */
  async left(): Promise<void> {
    this.lastLeftAt = this.now;
    this.next = undefined;
    const limit = this.profile?.messages.perMinute;
    if (limit !== undefined) await this.count('sent', { seconds: MINUTE_S, limit });
  }

  /** WhatsApp says whether the account may begin new chats; null: it may. */
  async timelocked(timelock: Timelock | null): Promise<void> {
    await this.heard({ timelock });
  }

  /** WhatsApp says how much of its quota of new chats is used up; null: there is none. */
  async capped(capping: Capping | null): Promise<void> {
    await this.heard({ capping });
  }

  /**
   * WhatsApp has refused a message because of a restriction: until `asked` has found out which, nobody new is written
   * to. If it cannot be found out, that goes on for an hour.
   */
  doubted(asked: Promise<unknown>): void {
    const doubt = asked
      .then(() => {})
      .catch(() => this.timelocked({ until: this.now + UNKNOWN_TIMELOCK_MS, type: null }))
      .catch((error: unknown) => this.options.failed(error))
      .finally(() => {
        if (this.doubt === doubt) this.doubt = undefined;
        this.options.changed();
      });
    this.doubt = doubt;
  }

  /** WhatsApp says that the account sends too fast. Each time in a row the pause is twice as long, up to an hour. */
  async slowed(): Promise<void> {
    const { slowdown } = this.record;
    // Several that were on their way are told of it together.
    if (slowdown && slowdown.until > this.now) return;
    const times = (slowdown?.times ?? 0) + 1;
    const until = this.now + slowdownMs(times);
    await this.remember({ slowdown: { until, times } }, [slowdownEvent(until)]);
  }

  /** WhatsApp has taken a message. */
  async taken(): Promise<void> {
    const { slowdown } = this.record;
    if (!slowdown || slowdown.until > this.now) return;
    await this.remember({ slowdown: null }, slowdown.until > OVER ? [slowdownEvent(null)] : []);
  }

  /** How the account sends now. */
  async sending(): Promise<Sending> {
    const { profile, record, now } = this;
    const held = newChatsHeld(record, now);
    const slow = record.slowdown && record.slowdown.until > now ? record.slowdown : undefined;
    const day = this.warmUpDay;
    const planned = await this.plannedToday();
    return {
      pace: this.pace,
      today: await this.today(),
      minute: profile && (await this.window('sent', { seconds: MINUTE_S, limit: profile.messages.perMinute })),
      paused: slow
        ? { reason: 'rate', until: slow.until, newChatsOnly: false }
        : held && { reason: 'new_chats', until: held.until, newChatsOnly: true },
      warmUp:
        day === undefined || !planned
          ? undefined
          : { day, of: WARM_UP.length, perDay: WARM_UP[day - 1]!, today: planned },
      quietUntil: quietUntil(this.options.settings().quiet_hours, now),
      said: expired(record, now),
    };
  }

  private get now(): number {
    return this.options.clock.now();
  }

  private get pace(): Pace {
    return this.options.settings().pace ?? this.options.pace;
  }

  /** Undefined with `off`: only what WhatsApp has said is obeyed. */
  private get profile(): Profile | undefined {
    if (this.pace === 'off') return undefined;
    const day = this.warmUpDay;
    return day === undefined ? PROFILES[this.pace] : warmed(PROFILES[this.pace], day);
  }

  private get warmUpDay(): number | undefined {
    const { warmUp } = this.record;
    return warmUp && this.pace !== 'off' ? warmUpDay(warmUp.since, this.now) : undefined;
  }

  /** Half as many new chats as WhatsApp warns that they are too many. */
  private rates(own: SessionSettings['budgets']): ReturnType<typeof ratesOf> {
    const rates = ratesOf(this.profile?.budgets, own);
    const warned = this.record.capping?.status.endsWith('_WARNING');
    if (!rates?.new_chats || !warned) return rates;
    return { ...rates, new_chats: half(rates.new_chats) };
  }

  private pauseMs(): number {
    const { random = Math.random, settings } = this.options;
    const [least, most] = this.profile?.pauseMs ?? [0, 0];
    const pause = Math.round(least + (most - least) * random());
    return settings().account_protection ? Math.max(PROTECTED_PAUSE_MS, pause) : pause;
  }

  private get scope(): string {
    return `session:${this.options.sessionId}`;
  }

  private async today(): Promise<CounterState | undefined> {
    const limit = this.profile?.messages.perDay;
    return limit === undefined ? undefined : this.window('accepted', { seconds: DAY_S, limit });
  }

  /** How the day of the warm-up plan stands; undefined without a plan. */
  private async plannedToday(): Promise<CounterState | undefined> {
    const day = this.warmUpDay;
    return day === undefined
      ? undefined
      : this.window('planned', { seconds: DAY_S, limit: WARM_UP[day - 1]!.messages });
  }

  /** Whether a message to this chat answers one. */
  private answers(chat: string): Promise<boolean> {
    if (this.warmUpDay === undefined) return Promise.resolve(false);
    const { store, sessionId } = this.options;
    return store.chats.heardSince(sessionId, chat, Math.max(this.now - ANSWER_MS, this.linkedAt));
  }

  private async window(name: string, window: { seconds: number; limit: number }): Promise<CounterState> {
    const [state] = await this.options.store.counters.read(this.scope, `messages.${name}`, [sliding(window)], this.now);
    return state!;
  }

  private async count(name: string, window: { seconds: number; limit: number }): Promise<void> {
    await this.options.store.counters.take(this.scope, `messages.${name}`, [sliding(window)], { now: this.now });
  }

  private async heard(said: Partial<GovernorRecord>): Promise<void> {
    const after = { ...this.record, ...said };
    if (JSON.stringify(after) === JSON.stringify(this.record)) return;
    await this.remember(said, standingEvents(this.record, after));
  }

  private async remember(
    changes: Partial<GovernorRecord>,
    events: NewEvent[] = [],
    givenUp: GivenUp = {},
  ): Promise<void> {
    this.record = { ...this.record, ...changes };
    this.setAlarm();
    const { store, sessionId, changed } = this.options;
    await store.commit({ sessionId, session: { governor: this.record }, events, ...givenUp });
    changed();
  }

  /** What WhatsApp has said until a time is over by itself then, whether or not it says so again. */
  private setAlarm(): void {
    this.cancelAlarm();
    const { timelock, capping, slowdown } = this.record;
    const times = [timelock?.until, capping?.until, slowdown?.until].flatMap((time) => time || []);
    if (times.length === 0) return;
    this.cancelAlarm = this.options.clock.at(Math.min(...times), () => {
      this.timeIsUp().catch((error: unknown) => this.options.failed(error));
    });
  }

  private async timeIsUp(): Promise<void> {
    const after = expired(this.record, this.now);
    const events = standingEvents(this.record, after);
    const { slowdown } = after;
    const goesOn = slowdown && slowdown.until > OVER && slowdown.until <= this.now;
    if (!goesOn) return this.remember(after, events);
    await this.remember({ ...after, slowdown: { ...slowdown, until: OVER } }, [...events, slowdownEvent(null)]);
  }

  private tooFast(until: number): EngineError {
    return new EngineError(
      'rate_limited',
      `WhatsApp says that this account sends too fast: nothing leaves until ${isoTime(until)}. Try again then.`,
      { retryAfterS: this.secondsTo(until), details: { reason: 'rate-overlimit', until: isoTime(until) } },
    );
  }

  private restricted({ until, type }: { until: number | null; type: string | null }): EngineError {
    const when = until === null ? 'until WhatsApp lifts that' : `until ${isoTime(until)}`;
    return new EngineError(
      'session_restricted',
      `WhatsApp has restricted this account: it may not begin new chats ${when}. Chats that exist go on; see account.restricted.`,
      {
        ...(until !== null && { retryAfterS: this.secondsTo(until) }),
        details: { until: until === null ? null : isoTime(until), type },
      },
    );
  }

  private dayUsedUp({ used, limit, resetsAt }: CounterState): EngineError {
    return new EngineError(
      'budget_exhausted',
      `This account may send ${limit} messages a day at its pace, and has had ${used} in the last 24 hours. It goes on at ${isoTime(resetsAt)}. To change that, give the session another pace.`,
      {
        retryAfterS: this.secondsTo(resetsAt),
        details: { budget: 'messages', used, limit, windowS: DAY_S, resetsAt: isoTime(resetsAt) },
      },
    );
  }

  private planUsedUp({ used, limit, resetsAt }: CounterState): EngineError {
    return new EngineError(
      'budget_exhausted',
      `On day ${this.warmUpDay} of its warm-up this account may send ${limit} messages to people who have not written in the last 24 hours, and has had ${used}. It goes on at ${isoTime(resetsAt)}. To change that, switch warm_up of the session off.`,
      {
        retryAfterS: this.secondsTo(resetsAt),
        details: { budget: 'warm_up', used, limit, windowS: DAY_S, resetsAt: isoTime(resetsAt) },
      },
    );
  }

  private secondsTo(time: number): number {
    return Math.max(1, Math.ceil((time - this.now) / 1000));
  }
}

const isoTime = (ms: number) => new Date(ms).toISOString();

/** WhatsApp does not begin to count at midnight, nor with the first message. */
const sliding = (window: CounterWindow): CounterWindow => ({ ...window, sliding: true });

const half = ({ perMinute, perDay }: Rate): Rate => ({
  perMinute: Math.ceil(perMinute / 2),
  perDay: Math.ceil(perDay / 2),
});
