import { EventEmitter } from 'node:events';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { EngineError } from '../errors.ts';
import { neighbourhoodOf } from '../network/neighbourhood.ts';
import type { Store, TokenRecord } from '../store/store.ts';
import { callerWith, hashToken, keyIn, type Caller } from './access.ts';

const MINUTE_MS = 60_000;
/** After so many wrong keys within a minute, those that are new from there are not looked at for another one. */
export const WRONG_KEYS = 20;
/** Of addresses, and of keys with their addresses, so many are remembered; the oldest are forgotten first. */
export const MOST_REMEMBERED = 10_000;

/** Wrong keys that came from one place. */
interface Tries {
  wrong: number;
  /** Unix milliseconds: when the minute is over, in which they count or the door is shut. */
  until: number;
}

/**
 * Where every key is shown, whatever surface it came by. Keys cannot be guessed, but whoever tries costs the engine work
 * and fills its log: the door is shut to a place that many wrong keys have come from. Behind a proxy all come from one
 * place, so a key that was let in from there before goes on undisturbed.
 */
export class Door {
  private readonly tries = new Map<string, Tries>();
  /** Hashes of keys, each with the place that it was let in from. */
  private readonly known = new Set<string>();
  private readonly revoked = new EventEmitter().setMaxListeners(0);
  private readonly store: Store;
  private readonly clock: Clock;
  private readonly log: Logger;

  constructor({ store, clock, log }: { store: Store; clock: Clock; log: Logger }) {
    this.store = store;
    this.clock = clock;
    this.log = log;
  }

  /**
   * Who shows this `Authorization`, from this address. Throws `unauthorized` for a key that is missing, unknown or has
   * ended, and `rate_limited` where too many have been wrong; a missing one is no guess.
   */
  async identify(authorization: string | undefined, address: string | undefined): Promise<Caller> {
    const key = keyIn(authorization);
    if (!key) throw new EngineError('unauthorized', 'API key is required');
    const place = neighbourhoodOf(address);
    const mark = `${place} ${hashToken(key).toString('base64')}`;
    if (!this.known.has(mark)) this.refuseWhileShut(place);
    const caller = await callerWith(this.store, key);
    if (!caller) {
      this.known.delete(mark);
      this.count(place);
      throw new EngineError('unauthorized', 'Invalid API key');
    }
    remember(this.known, mark);
    if (caller.token) await this.use(caller.token);
    return caller;
  }

  /** Whether somebody who was let in before still would be. Throws `unauthorized`. */
  async assertStill({ token }: Caller): Promise<void> {
    if (!token) return;
    const now = (await this.store.tokens.list()).find(({ id, hash }) => id === token.id && hash.equals(token.hash));
    if (!now) throw new EngineError('unauthorized', 'This token has been revoked.');
    this.refuseEnded(now);
  }

  /** Has what is open for this token ended. */
  revoke({ id }: Pick<TokenRecord, 'id'>): void {
    this.revoked.emit(String(id));
  }

  /** Calls `end` when the caller's token is revoked, until what it answers is called. */
  onRevoked({ token }: Caller, end: () => void): () => void {
    if (!token) return () => {};
    const name = String(token.id);
    this.revoked.on(name, end);
    return () => this.revoked.off(name, end);
  }

  private async use(token: TokenRecord): Promise<void> {
    this.refuseEnded(token);
    const minute = Math.floor(this.clock.now() / MINUTE_MS) * MINUTE_MS;
    if ((token.lastUsedAt ?? 0) >= minute) return;
    // With a full disk one can still look around.
    await this.store.tokens
      .used(token.id, minute)
      .catch((error: unknown) => this.log.warn({ err: error, token: token.name }, 'the use of a token was not kept'));
  }

  private refuseEnded({ expiresAt }: TokenRecord): void {
    if (expiresAt === null || expiresAt > this.clock.now()) return;
    const when = new Date(expiresAt).toISOString();
    throw new EngineError('unauthorized', `This token expired on ${when}. Make another one, with POST /api/tokens.`);
  }

  private refuseWhileShut(place: string): void {
    const now = this.clock.now();
    const tries = this.tries.get(place);
    if (!tries || tries.wrong < WRONG_KEYS || tries.until <= now) return;
    const retryAfterS = Math.ceil((tries.until - now) / 1000);
    throw new EngineError(
      'rate_limited',
      'Too many wrong API keys came from your address. Wait, then show the right one.',
      { retryAfterS, details: { limit: 'wrong_keys', requests: WRONG_KEYS, seconds: MINUTE_MS / 1000 } },
    );
  }

  private count(place: string): void {
    const now = this.clock.now();
    const before = this.tries.get(place);
    const running = before !== undefined && before.until > now;
    const wrong = (running ? before.wrong : 0) + 1;
    const shut = wrong >= WRONG_KEYS;
    remember(this.tries, place, { wrong, until: running && !shut ? before.until : now + MINUTE_MS });
    if (wrong === WRONG_KEYS) this.log.warn({ address: place, wrong }, 'too many wrong keys: new ones have to wait');
  }
}

/** Puts something at the end of what is remembered, and drops the beginning when that is too much. */
function remember(all: Set<string>, name: string): void;
function remember<T>(all: Map<string, T>, name: string, value: T): void;
function remember<T>(all: Set<string> | Map<string, T>, name: string, value?: T): void {
  all.delete(name);
  if (all instanceof Map) all.set(name, value as T);
  else all.add(name);
  if (all.size > MOST_REMEMBERED) all.delete(all.keys().next().value!);
}
