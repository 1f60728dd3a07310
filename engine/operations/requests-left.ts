import { z } from 'zod';
import type { SessionRecord } from '../model.ts';
import type { CounterState } from '../store/store.ts';
import { isoTime } from './fields.ts';
import { DAY_S, MINUTE_S, PROTECTION, remaining, type LimitName, type Limits } from './limits.ts';

const window = z
  .object({
    limit: z.int().meta({ description: 'Requests in the window', examples: [256] }),
    used: z.int().meta({ description: 'Requests so far', examples: [3] }),
    remaining: z.int().meta({ description: 'Requests left', examples: [253] }),
    resets_at: isoTime.nullable().describe('When the window is over, in ISO 8601; null while nothing is counted in it'),
  })
  .nullable();
const windows = z.object({
  per_minute: window.describe('By the minute; null: no limit'),
  per_day: window.describe('By 24 hours; null: no limit'),
});
const allowed = z
  .int()
  .nullable()
  .meta({ examples: [256] });

/** What {@link requestsLeft} answers, in the names of the session's setting `limits`. */
export const requestsLeftSchema = z.object({
  message_send: windows.extend({
    protection: window.describe('The 5 seconds of account protection, in place of per_minute; null: it is off'),
  }),
  group_metadata: windows,
  contact_picture: windows,
  number_check: windows,
  other: z
    .object({
      per_minute: allowed.describe('Requests in a minute; null: no limit'),
      per_day: allowed.describe('Requests in 24 hours; null: no limit'),
    })
    .describe('What every other endpoint takes, each for itself'),
  endpoints: z.record(z.string(), windows).meta({
    description: 'Of the other endpoints those that have been used of late, by operation id',
    examples: [
      {
        'group.list': {
          per_minute: { limit: 256, used: 3, remaining: 253, resets_at: '2026-01-15T09:31:00.000Z' },
          per_day: null,
        },
      },
    ],
  }),
  concurrent: z
    .object({
      limit: allowed.describe('Requests under way at once; null: no limit'),
      used: z.int().meta({ description: 'Requests under way, this one among them', examples: [1] }),
      remaining: allowed.describe('Requests that fit in beside them; null: no limit'),
    })
    .describe('Requests under way at once'),
});
type RequestsLeft = z.output<typeof requestsLeftSchema>;

/** What limits apply to a session, and what is left of them. */
export async function requestsLeft(limits: Limits, record: SessionRecord): Promise<RequestsLeft> {
  const named = async (limit: LimitName) => limits.standing({ id: limit, limit }, record);
  const sends = await named('message_send');
  const { limit, used } = limits.concurrency(record);
  return {
    message_send: { ...shown(sends), protection: windowOf(sends, PROTECTION.seconds) },
    group_metadata: shown(await named('group_metadata')),
    contact_picture: shown(await named('contact_picture')),
    number_check: shown(await named('number_check')),
    other: limits.rate({ id: 'other' }, record),
    endpoints: await endpointsUsed(limits, record),
    concurrent: { limit, used, remaining: limit === null ? null : Math.max(0, limit - used) },
  };
}

async function endpointsUsed(limits: Limits, record: SessionRecord): Promise<RequestsLeft['endpoints']> {
  const all: RequestsLeft['endpoints'] = {};
  for (const id of limits.endpoints) {
    const states = await limits.standing({ id }, record);
    if (states.some(({ used }) => used > 0)) all[id] = shown(states);
  }
  return all;
}

const shown = (states: CounterState[]) => ({
  per_minute: windowOf(states, MINUTE_S),
  per_day: windowOf(states, DAY_S),
});

function windowOf(states: CounterState[], seconds: number) {
  const state = states.find((one) => one.seconds === seconds);
  if (!state) return null;
  const { limit, used, resetsAt } = state;
  const resets_at = used > 0 ? new Date(resetsAt).toISOString() : null;
  return { limit, used, remaining: remaining(state), resets_at };
}
