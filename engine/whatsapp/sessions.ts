import type { Logger } from 'pino';
import { EngineError } from '../errors.ts';
import type { EventEnvelope } from '../events.ts';
import type { Media } from '../media/media.ts';
import type { SessionRecord } from '../model.ts';
import type { Change, Committed, Store } from '../store/store.ts';
import { boundary } from './boundary.ts';
import { Session, type Sending } from './session.ts';
import type { SocketSettings } from './socket.ts';

/** So many sessions log in at the same time when the engine starts. */
const OPENING_AT_ONCE = 10;

/** All sessions of this engine. */
export class Sessions {
  private readonly all = new Map<number, Session>();
  private stopped = false;
  /** Called when WhatsApp has told a session what happened while it was away. One listener: inquiries. */
  onCaughtUp = () => {};

  constructor(
    private readonly store: Store,
    private readonly settings: SocketSettings,
    private readonly log: Logger,
    private readonly media: Media,
    private readonly sending: Sending,
  ) {}

  /**
   * Takes up what the last process left: sessions that were connected connect again with their stored login. One that
   * was waiting for a scan has lost its QR code with the process, and says so.
   */
  async restore(): Promise<void> {
    const records = await this.store.sessions.list();
    const contain = boundary(this.log);
    for (const record of records) contain(`session ${record.id}`, () => this.add(record))();
    const waiting = [...this.all.values()];
    for (const session of waiting.filter((one) => !one.resumable)) {
      await contain(`session ${session.id}`, () => session.rest())();
    }
    const resuming = waiting.filter((one) => one.resumable);
    const next = async (): Promise<void> => {
      const session = resuming.shift();
      if (!session || this.stopped) return;
      await contain(`session ${session.id}`, () => session.resume())();
      return next();
    };
    await Promise.all(Array.from({ length: OPENING_AT_ONCE }, next));
  }

  add(record: SessionRecord): Session {
    const session = new Session(record, this.store, this.settings, this.log, this.media, this.sending);
    session.onCaughtUp = () => this.onCaughtUp();
    this.all.set(record.id, session);
    return session;
  }

  get(id: number): Session {
    const session = this.all.get(id);
    if (!session) throw new EngineError('session_not_found', `There is no session ${id}.`);
    return session;
  }

  /** Unix milliseconds at which WhatsApp was last heard of in a session; null: it was not, or there is none. */
  lastSeenAt(id: number): number | null {
    return this.all.get(id)?.lastSeenAt ?? null;
  }

  /** Logs the device out at WhatsApp and forgets the session with all that belongs to it. */
  async delete(id: number): Promise<void> {
    await this.get(id).logout();
    this.all.delete(id);
    await this.store.sessions.delete(id);
  }

  /** Hands each session what was committed for it. */
  committed(sessionId: number, committed: Committed): void {
    this.all.get(sessionId)?.committed(committed);
  }

  /** A subscriber that marks as read has taken this. */
  markTaken({ collected, ...event }: EventEnvelope): Promise<void> | undefined {
    return this.all.get(Number(event.sessionId))?.markTaken(collected ?? [event]);
  }

  /** Hands each session what could not be committed for it. */
  refused(change: Change, error: unknown): void {
    this.all.get(change.sessionId)?.refused(change, error);
  }

  /** Whoever waits for WhatsApp to take a message is told now that it has not: the engine stops. */
  letGo(): void {
    for (const session of this.all.values()) session.messages.letGo();
  }

  /** Resolves when every connection has said goodbye, or will not. */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all([...this.all.values()].map((session) => session.stop()));
  }
}
