import type { Clock } from '../clock.ts';
import type { AnswerChange, AnswerKind, Store } from '../store/store.ts';

/** One thing that WhatsApp can be asked. */
export interface Ask<T> {
  kind: AnswerKind;
  subject: string;
  /** Milliseconds for which an answer is taken as still true. */
  freshMs: (value: T) => number;
  /** Throws what keeps WhatsApp from answering; nothing is remembered then. */
  ask: () => Promise<T>;
  /** Somebody wants WhatsApp's word of now. */
  fresh?: boolean;
}

/** What WhatsApp has told a session: asked once, by one at a time, and remembered while it is fresh. */
export class Answers {
  /** Questions under way, by kind and subject. */
  private readonly underWay = new Map<string, { answer: Promise<unknown>; outdated: boolean }>();

  constructor(private readonly options: { store: Store; sessionId: number; clock: Clock }) {}

  /** The answer that is remembered, while it is fresh; else WhatsApp's, shared by all who ask for it at the same time. */
  async of<T>(asked: Ask<T>): Promise<T> {
    const remembered = asked.fresh ? undefined : await this.remembered(asked);
    return remembered ?? this.ask(asked);
  }

  async remembered<T>({ kind, subject, freshMs }: Omit<Ask<T>, 'ask'>): Promise<T | undefined> {
    const { store, sessionId, clock } = this.options;
    const found = await store.answers.get(sessionId, kind, subject);
    if (!found) return undefined;
    const value = found.value as T;
    const age = clock.now() - found.at;
    return age >= 0 && age < freshMs(value) ? value : undefined;
  }

  /** Remembers what is known without a question. */
  async put(kind: AnswerKind, subject: string, value: unknown): Promise<void> {
    const { store, sessionId, clock } = this.options;
    await store.answers.put(sessionId, { kind, subject, value, at: clock.now() });
  }

  /** Something of ours has changed it: whoever asks next asks WhatsApp. */
  async forget(kind: AnswerKind, subject: string): Promise<void> {
    const changes = [{ kind, subject, next: () => undefined }];
    this.heard(changes);
    await this.options.store.commit({ sessionId: this.options.sessionId, answers: changes });
  }

  /** WhatsApp tells news: an answer that is on its way may be from before, and is neither remembered nor shared any more. */
  heard(changes: AnswerChange[]): void {
    for (const [key, question] of this.underWay) {
      const told = changes.some(({ kind, subject }) => key === keyOf(kind, subject ?? key.slice(kind.length + 1)));
      if (!told) continue;
      question.outdated = true;
      this.underWay.delete(key);
    }
  }

  private ask<T>({ kind, subject, ask }: Ask<T>): Promise<T> {
    const key = keyOf(kind, subject);
    const before = this.underWay.get(key);
    if (before) return before.answer as Promise<T>;
    const question = { answer: undefined as unknown as Promise<T>, outdated: false };
    question.answer = ask()
      .then(async (value) => {
        if (!question.outdated) await this.put(kind, subject, value);
        return value;
      })
      .finally(() => {
        if (this.underWay.get(key) === question) this.underWay.delete(key);
      });
    this.underWay.set(key, question);
    return question.answer;
  }
}

const keyOf = (kind: AnswerKind, subject: string) => `${kind} ${subject}`;
