import type { Clock } from '../clock.ts';
import { EngineError, type ErrorCode } from '../errors.ts';
import type { Rate, RequestLimits, SessionRecord } from '../model.ts';
import type { CounterState, CounterWindow, Store } from '../store/store.ts';
import type { Operation } from './operation.ts';

/**
 * How often something may be asked of one session, as WasenderApi documents it for its paid plans. For the endpoints
 * that it gives no number, each counted for itself, the one for sending is taken: whoever pages through lists or looks
 * at a status every second stays far below it, and a loop that has run wild does not.
 */
export const DOCUMENTED = {
  message_send: { per_minute: 256, per_day: null },
  group_metadata: { per_minute: 10, per_day: 500 },
  contact_picture: { per_minute: 60, per_day: 1000 },
  number_check: { per_minute: 60, per_day: 1000 },
  other: { per_minute: 256, per_day: null },
} as const satisfies Record<string, Rate>;

/** A limit with a name of its own. */
export type LimitName = Exclude<keyof typeof DOCUMENTED, 'other'>;

/**
 * So many requests of a session may be under way at once. WasenderApi documents that there is a cap, and no number. n8n
 * makes the requests for all items of a run at the same time, so a run of a hundred items has to fit in, with something
 * beside it. WhatsApp sees none of that: sends leave through the queue one by one, and questions are asked a few at once.
 */
export const CONCURRENT = 128;

export const MINUTE_S = 60;
export const DAY_S = 86_400;
/** With account protection on, in place of the minute's number, whatever that is. */
export const PROTECTION: CounterWindow = { seconds: 5, limit: 1 };
const PROTECTED =
  'You have account protection enabled. You can only send 1 message every 5 seconds. Check our API docs: https://github.com/warbler-wa/n8n-nodes-warbler#limits';

/** What a limit is looked up by. */
type Limited = Pick<Operation, 'id' | 'limit'>;

/** How a call stands: in that of its windows which has the least left. */
export interface Standing {
  limit: number;
  remaining: number;
  /** Unix milliseconds. */
  resetsAt: number;
}

/**
 * The limits on requests, per session and endpoint. What is counted survives a restart; how many requests are under way
 * does not need to.
 */
export class Limits {
  private readonly underWay = new Map<number, number>();

  constructor(
    readonly options: {
      store: Store;
      clock: Clock;
      operations: readonly Operation[];
      /** Whether what a session does not set is limited as documented, or not at all. */
      documented: boolean;
    },
  ) {}

  /** Ids of the endpoints of a session that have no limit with a name: each is counted for itself. */
  get endpoints(): string[] {
    return this.options.operations
      .filter(({ access, limit }) => (access === 'session' || access === 'own') && !limit)
      .map(({ id }) => id);
  }

  /** What is wrong with the limits that somebody wants to set, if anything. */
  fault({ endpoints = {} }: RequestLimits): string | undefined {
    const known = this.endpoints;
    const unknown = Object.keys(endpoints).filter((id) => !known.includes(id));
    if (unknown.length === 0) return undefined;
    return `The limits.endpoints field knows no ${unknown.join(', ')}, only ${known.join(', ')}.`;
  }

  /** How a limit stands for a session, window by window. */
  async standing(operation: Limited, record: SessionRecord): Promise<CounterState[]> {
    const { store, clock } = this.options;
    return store.counters.read(scopeOf(record), nameOf(operation), this.windows(operation, record), clock.now());
  }

  /** The part of one request in the limits; `show` hears each time how its limit stands now. */
  turn(operation: Operation, record: SessionRecord | undefined, show?: (standing: Standing) => void): Turn {
    return new Turn(this, operation, record, show);
  }

  /** The windows of time in which such requests count. None: there is no limit. */
  windows(operation: Limited, record: SessionRecord | undefined): CounterWindow[] {
    const { per_minute: perMinute, per_day: perDay } = this.rate(operation, record);
    const windows: CounterWindow[] = [];
    if (operation.limit === 'message_send' && record?.settings.account_protection) windows.push(PROTECTION);
    else if (perMinute !== null) windows.push({ seconds: MINUTE_S, limit: perMinute });
    if (perDay !== null) windows.push({ seconds: DAY_S, limit: perDay });
    return windows;
  }

  /** The session's own number, else the one for everything like it, else what applies to all sessions. */
  rate(
    { id, limit }: Limited,
    record: SessionRecord | undefined,
  ): { per_minute: number | null; per_day: number | null } {
    const own = record?.settings.limits ?? {};
    const name = limit ?? 'other';
    const set: (Rate | undefined)[] = [
      limit ? undefined : own.endpoints?.[id],
      own[name],
      this.options.documented ? DOCUMENTED[name] : undefined,
    ];
    const first = (field: 'per_minute' | 'per_day') =>
      set.map((rate) => rate?.[field]).find((value) => value !== undefined) ?? null;
    return { per_minute: first('per_minute'), per_day: first('per_day') };
  }

  /** How many requests of a session may be under way at once, and how many are. */
  concurrency({ id, settings }: SessionRecord): { limit: number | null; used: number } {
    const { concurrent } = settings.limits ?? {};
    const limit = concurrent !== undefined ? concurrent : this.options.documented ? CONCURRENT : null;
    return { limit, used: this.underWay.get(id) ?? 0 };
  }

  /** One more request is under way, or throws `rate_limited` when that is one too many. */
  enter(record: SessionRecord): void {
    const { limit, used } = this.concurrency(record);
    if (limit !== null && used >= limit) {
      throw new EngineError('rate_limited', `Too many requests at once: ${limit} of this session are under way.`, {
        retryAfterS: 1,
        details: { limit: 'concurrent', requests: limit },
      });
    }
    this.underWay.set(record.id, used + 1);
  }

  leave({ id }: SessionRecord): void {
    const left = (this.underWay.get(id) ?? 0) - 1;
    if (left > 0) this.underWay.set(id, left);
    else this.underWay.delete(id);
  }
}

/**
 * One request on its way through the limits of its endpoint. It counts once it has been read and found valid, unless the
 * engine itself then refuses it: what has asked nothing of anybody uses nothing up, so that a caller who corrects a
 * mistake is not made to wait. A message counts when it is accepted; when it cannot be, for whatever reason, neither the
 * pause of account protection nor the count is used up.
 */
export class Turn {
  private readonly scope: string;
  private readonly name: string;
  private readonly windows: CounterWindow[];
  private entered = false;

  constructor(
    private readonly limits: Limits,
    operation: Operation,
    private readonly record: SessionRecord | undefined,
    private readonly show: (standing: Standing) => void = () => {},
  ) {
    this.scope = scopeOf(record);
    this.name = nameOf(operation);
    // Whoever is nobody in particular cannot be counted: health probes, and links that are a secret themselves.
    this.windows = operation.access === 'public' ? [] : limits.windows(operation, record);
  }

  /** Throws `rate_limited` when nothing is left, or too many requests of the session are under way. */
  async begin(): Promise<void> {
    this.refuse(await this.read());
    if (!this.record) return;
    this.limits.enter(this.record);
    this.entered = true;
  }

  /** Counts the request and does `work`. When that fails and `undone` says so, nothing was counted. */
  async counting<T>(work: () => Promise<T>, undone: (error: unknown) => boolean = () => true): Promise<T> {
    await this.count();
    try {
      return await work();
    } catch (error) {
      if (undone(error)) await this.giveBack();
      throw error;
    }
  }

  end(): void {
    if (this.entered) this.limits.leave(this.record!);
    this.entered = false;
  }

  /** Throws `rate_limited` when others have been faster. */
  private async count(): Promise<void> {
    if (this.windows.length === 0) return;
    const { store } = this.limits.options;
    const { taken, windows } = await store.counters.take(this.scope, this.name, this.windows, { now: this.now });
    if (taken) this.tell(windows);
    else this.refuse(windows);
  }

  private async giveBack(): Promise<void> {
    if (this.windows.length === 0) return;
    await this.limits.options.store.counters.giveBack(this.scope, this.name, this.windows, { now: this.now });
    this.tell(await this.read());
  }

  private get now(): number {
    return this.limits.options.clock.now();
  }

  private read(): Promise<CounterState[]> {
    return this.limits.options.store.counters.read(this.scope, this.name, this.windows, this.now);
  }

  private tell(states: CounterState[]): void {
    const [least] = states.toSorted((a, b) => remaining(a) - remaining(b) || b.resetsAt - a.resetsAt);
    if (least) this.show({ limit: least.limit, remaining: remaining(least), resetsAt: least.resetsAt });
  }

  private refuse(states: CounterState[]): void {
    this.tell(states);
    const [full] = states.filter((state) => remaining(state) === 0).toSorted((a, b) => b.resetsAt - a.resetsAt);
    if (!full) return;
    const { limit: requests, seconds, resetsAt } = full;
    const span = seconds === DAY_S ? 'a day' : 'a minute';
    const message =
      seconds === PROTECTION.seconds ? PROTECTED : `Too many requests: ${this.name} allows ${requests} ${span}.`;
    throw new EngineError('rate_limited', message, {
      retryAfterS: Math.ceil((resetsAt - this.now) / 1000),
      details: { limit: this.name, requests, seconds },
    });
  }
}

/** The engine's own refusals, before WhatsApp or anybody else was asked. */
const OWN_REFUSALS: readonly ErrorCode[] = [
  'validation_failed',
  'bad_request',
  'session_not_connected',
  'budget_exhausted',
];
export const nothingAsked = (error: unknown) => error instanceof EngineError && OWN_REFUSALS.includes(error.code);

/** `used` may be more than a limit that was lowered since. */
export const remaining = ({ limit, used }: CounterState) => Math.max(0, limit - used);
/** What belongs to no session is counted for the account, whichever of its tokens asks. */
const scopeOf = (record: SessionRecord | undefined) => (record ? `session:${record.id}` : 'account');
const nameOf = ({ id, limit }: Limited) => limit ?? id;
