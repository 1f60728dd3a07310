import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Clock } from '../clock.ts';
import { EngineError } from '../errors.ts';
import type { ApprovalRecord } from '../model.ts';
import type { Store } from '../store/store.ts';

/** For so long a call waits for a person; its approval waits longer, and the same call finds it again. */
export const WAIT_MS = 5 * 60_000;
/** For so long an approval is worth something: one that is asked for, one that was given, and one that was refused. */
const LIFE_MS = 24 * 3_600_000;
const KEPT_MS = 30 * LIFE_MS;

/** A call that needs an approval. */
export interface Asked<Answer> {
  token: { id: number; name: string };
  sessionId: number | null;
  tool: string;
  input: Record<string, unknown>;
  /** Does what was asked for. Not `done`: nothing was done, and the same approval serves for another try. */
  run: () => Promise<{ answer: Answer; done: boolean }>;
  /** Called when it has to wait. */
  waiting: (id: number) => void;
  /** Whether somebody is still there to hear the answer. */
  heard: () => boolean;
  /** Ends when nobody waits for the answer any more. */
  signal: AbortSignal;
}

/**
 * Tool calls that a person has to approve. The call waits, its approval is a row: it outlives the connection and the
 * process, and the same call, repeated, goes on where the first one was. However often it is repeated, and whatever
 * stops when, an approval is used once.
 */
export class Approvals {
  /** `<id>` when something has happened to an approval. */
  private readonly changes = new EventEmitter().setMaxListeners(0);
  private readonly stopping = new AbortController();

  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
  ) {}

  async start(): Promise<void> {
    await this.store.approvals.interrupt();
    await this.store.approvals.prune(this.clock.now() - KEPT_MS);
  }

  /** Lets calls that wait go: their approvals stay. */
  stop(): void {
    this.stopping.abort();
  }

  /** Waits for the approval of a call, runs it once, and answers what it answered. */
  async pass<Answer>(asked: Asked<Answer>): Promise<Answer> {
    const { token, sessionId, tool, input } = asked;
    const now = this.clock.now();
    const call = createHash('sha256')
      .update(JSON.stringify([tool, sessionId, sorted(input)]))
      .digest('hex');
    const { id } = await this.store.approvals.ask(
      { tokenId: token.id, sessionId, tool, input, call, expiresAt: now + LIFE_MS },
      now,
    );
    const deadline = now + WAIT_MS;
    for (let told = false; ;) {
      const change = this.change(id, deadline, asked.signal);
      const approval = await this.store.approvals.get(id);
      try {
        const answer = await this.next(approval, asked);
        if (answer !== undefined) return answer as Answer;
        if (!approval || approval.status === 'approved') continue;
        if (approval.status === 'pending' && !told) {
          told = true;
          await this.announce(approval);
          asked.waiting(id);
        }
        if (this.stopping.signal.aborted || asked.signal.aborted || this.clock.now() >= deadline) {
          throw approval.status === 'running' ? underWay(id) : unanswered(id);
        }
        await change.happened;
      } finally {
        change.forget();
      }
    }
  }

  /** A person has decided. Throws `not_found`, or `conflict` for one that is decided already. */
  async decide(id: number, to: 'approved' | 'rejected', note: string | undefined): Promise<ApprovalRecord> {
    const at = this.clock.now();
    const approval = await this.store.approvals.get(id);
    if (!approval) throw new EngineError('not_found', 'There is no such approval. GET /api/approvals lists all.');
    const expired = approval.expiresAt <= at;
    if (expired || !(await this.store.approvals.move(id, 'pending', to, { at, note }))) {
      const status = expired ? 'expired' : (await this.store.approvals.get(id))?.status;
      throw new EngineError('conflict', `This approval is ${status}: only a pending one can be decided.`);
    }
    this.changes.emit(String(id));
    return (await this.store.approvals.get(id))!;
  }

  /** What comes of a call as its approval stands; `undefined`: not known yet. */
  private async next<Answer>(approval: ApprovalRecord | undefined, asked: Asked<Answer>): Promise<unknown> {
    switch (approval?.status) {
      case 'approved':
        return this.run(approval.id, asked);
      case 'done':
        if (asked.heard()) await this.store.approvals.heard(approval.id);
        return approval.answer;
      case 'rejected':
        throw new EngineError(
          'forbidden',
          `A person has rejected this call${approval.note ? `, and says: ${approval.note}` : '.'} Do not repeat it.`,
          { details: { approval_id: approval.id } },
        );
      case 'interrupted':
        await this.store.approvals.heard(approval.id);
        throw new EngineError(
          'conflict',
          'This call was approved and had begun when the engine stopped, so it is not known what came of it. Look before you ask for it again.',
          { details: { approval_id: approval.id } },
        );
      case undefined:
        throw new EngineError('forbidden', 'What this call needed an approval for is gone: its token or session.');
      case 'pending':
      case 'running':
        return undefined;
    }
  }

  /** Runs an approved call, unless the same call is just being run: then `undefined`. */
  private async run<Answer>(id: number, { run, heard }: Asked<Answer>): Promise<Answer | undefined> {
    if (!(await this.store.approvals.move(id, 'approved', 'running'))) return undefined;
    const { answer, done } = await run();
    await this.store.approvals.move(id, 'running', done ? 'done' : 'approved', done ? { answer } : {});
    if (done && heard()) await this.store.approvals.heard(id);
    this.changes.emit(String(id));
    return answer;
  }

  /** Tells subscribers, once, of an approval that somebody has to give. */
  private async announce({ id, token, sessionId, tool, input, createdAt, expiresAt }: ApprovalRecord): Promise<void> {
    if (sessionId === null) return;
    const data = { id, token, tool, input, createdAt, expiresAt };
    await this.store.commit({
      sessionId,
      once: `approval ${id}`,
      events: [{ event: 'approval.requested', lane: 'session', data }],
    });
  }

  private change(id: number, deadline: number, signal: AbortSignal) {
    let forget = () => {};
    const happened = new Promise<void>((resolve) => {
      const done = () => resolve();
      const cancel = this.clock.at(deadline, done);
      const signals = [signal, this.stopping.signal];
      this.changes.on(String(id), done);
      for (const one of signals) one.addEventListener('abort', done);
      forget = () => {
        cancel();
        this.changes.off(String(id), done);
        for (const one of signals) one.removeEventListener('abort', done);
      };
    });
    return { happened, forget };
  }
}

const unanswered = (id: number) =>
  new EngineError(
    'conflict',
    `Nobody has approved this call yet (approval ${id}). Tell the person you work for; once it is approved, make the same call again, word for word, and it goes on.`,
    { details: { approval_id: id } },
  );

const underWay = (id: number) =>
  new EngineError('conflict', 'This call was approved and is being run. Make the same call again to hear its answer.', {
    details: { approval_id: id },
  });

/** The same input, in whatever order its fields stand. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, sorted(inner)]),
  );
}
