/** At most so many messages are posted as one. */
export const MOST_COLLECTED = 100;
/** However long somebody goes on writing: after so many times the quiet, counted from the first, a burst is over. */
const LONGEST = 5;

/** A delivery that waits in a lane. */
export interface Waiting {
  /** Unix milliseconds of its event. */
  at: number;
  /** Whether it is a message that may be posted with others. */
  joins: boolean;
}

/**
 * The burst at the head of a lane, from what waits there in its order: how many it is, and when it is over, in Unix
 * milliseconds; -Infinity when nothing can join it any more. It is told by the times at which the messages came, and not
 * by when somebody looks: what waited for a receiver that was away, or is replayed, makes the same bursts.
 */
export function burstOf(waiting: readonly Waiting[], quietMs: number): { size: number; overAt: number } {
  const first = waiting[0]!.at;
  let last = first;
  let size = 1;
  const joins = (next: Waiting | undefined): next is Waiting =>
    next !== undefined && next.joins && next.at - last < quietMs && next.at - first < LONGEST * quietMs;
  for (let next = waiting[1]; size < MOST_COLLECTED && joins(next); next = waiting[size]) {
    last = next.at;
    size += 1;
  }
  const closed = size === MOST_COLLECTED || waiting.length > size;
  return { size, overAt: closed ? -Infinity : Math.min(last + quietMs, first + LONGEST * quietMs) };
}
