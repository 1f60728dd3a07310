import type { JobRecord } from '../model.ts';
import type { OutcomeCounts } from '../store/store.ts';

/** How a bulk job stands, in the form in which callers and subscribers are told it; times are ISO 8601. */
export interface Progress {
  id: number;
  name: string | null;
  status: JobRecord['status'];
  /** Why it is paused, and when it goes on by itself. */
  reason: { code: string; message: string; resumes_at: string | null } | null;
  total: number;
  /** How many recipients have come to what. */
  counts: OutcomeCounts;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  /** When the last message will have left, if nothing comes in between; null while nobody can know. */
  estimated_end: string | null;
}

/** How fast a job is: what it takes from one message to the next, and how many may leave in a day. */
export interface Speed {
  now: number;
  msPerMessage: number;
  perDay: number | undefined;
}

export function progressOf(job: JobRecord, counts: OutcomeCounts, speed: Speed): Progress {
  const { id, name, status, reason } = job;
  return {
    id,
    name,
    status,
    reason: reason && { code: reason.code, message: reason.message, resumes_at: iso(reason.retryAt ?? null) },
    total: Object.values(counts).reduce((sum, count) => sum + count, 0),
    counts,
    created_at: new Date(job.createdAt).toISOString(),
    started_at: iso(job.startedAt),
    ended_at: iso(job.endedAt),
    estimated_end: iso(estimatedEnd(job, counts, speed)),
  };
}

/** A job that waits for a person or a connection has no end in sight; one that is ready would begin now. */
export function estimatedEnd(
  { status, reason, endedAt }: Pick<JobRecord, 'status' | 'reason' | 'endedAt'>,
  { pending, queued }: Pick<OutcomeCounts, 'pending' | 'queued'>,
  { now, msPerMessage, perDay }: Speed,
): number | null {
  if (endedAt !== null) return endedAt;
  const begins = status === 'paused' ? reason?.retryAt : now;
  if (begins === undefined) return null;
  const left = pending + queued;
  const days = perDay === undefined ? 0 : Math.floor(Math.max(0, left - 1) / perDay);
  return Math.round(Math.max(begins, now) + Math.max(left * msPerMessage, days * DAY_MS));
}

const DAY_MS = 86_400_000;
const iso = (time: number | null) => (time === null ? null : new Date(time).toISOString());
