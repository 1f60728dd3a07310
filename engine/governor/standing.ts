import type { NewEvent } from '../events.ts';
import type { GovernorRecord } from '../model.ts';

/** What WhatsApp says of the account: parts of what the governor remembers. */
export type Timelock = NonNullable<GovernorRecord['timelock']>;
export type Capping = NonNullable<GovernorRecord['capping']>;

const FIRST_SLOWDOWN_MS = 60_000;
const LONGEST_SLOWDOWN_MS = 3_600_000;

/** For how long nothing leaves when WhatsApp has said, so often in a row, that the account sends too fast. */
export const slowdownMs = (times: number): number =>
  Math.min(LONGEST_SLOWDOWN_MS, FIRST_SLOWDOWN_MS * 2 ** (times - 1));

/** Why no new chats may be begun, and until when; undefined when they may. Unix milliseconds, null: not known. */
export function newChatsHeld(
  { timelock, capping }: GovernorRecord,
  now: number,
): { until: number | null; type: string | null } | undefined {
  const holds = [
    ...(timelock ? [timelock] : []),
    ...(capping?.status === 'CAPPED' ? [{ until: capping.until, type: capping.status }] : []),
  ].filter(({ until }) => until === null || until > now);
  // The one that lasts longest.
  return holds.sort((a, b) => (b.until ?? Infinity) - (a.until ?? Infinity))[0];
}

/** What is not so any more by the time that WhatsApp has given. */
export function expired(record: GovernorRecord, now: number): GovernorRecord {
  const over = (hold: { until: number | null } | null) => hold !== null && hold.until !== null && hold.until <= now;
  return {
    ...record,
    timelock: over(record.timelock) ? null : record.timelock,
    capping: over(record.capping) ? null : record.capping,
  };
}

/** The events that tell of what has changed between the two. */
export function standingEvents(before: GovernorRecord, after: GovernorRecord): NewEvent[] {
  return [timelockEvent(before.timelock, after.timelock), cappingEvent(before.capping, after.capping)].flatMap(
    (event) => event ?? [],
  );
}

/** What is posted: which kind of restriction, whether it holds, until when, and WhatsApp's name for the reason. */
interface Told {
  kind: 'new_chats' | 'capping' | 'rate';
  restricted: boolean;
  until: number | null;
  type: string | null;
  message: string;
  total?: number;
  used?: number;
}

const event = ({ until, ...told }: Told): NewEvent => ({
  event: 'account.restricted',
  lane: 'session',
  data: { ...told, until: time(until) },
});

const time = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
const untilWords = (ms: number | null) => (ms === null ? '' : ` until ${time(ms)}`);

function timelockEvent(before: Timelock | null, after: Timelock | null): NewEvent | undefined {
  if (before?.until === after?.until && before?.type === after?.type) return undefined;
  const { until, type } = after ?? { until: null, type: null };
  const message = after
    ? `WhatsApp has restricted this account${untilWords(until)}: it may not begin new chats. Those that exist go on.`
    : 'WhatsApp has lifted the restriction of this account.';
  return event({ kind: 'new_chats', restricted: after !== null, until, type, message });
}

function cappingEvent(before: Capping | null, after: Capping | null): NewEvent | undefined {
  const { status, total, used, until } = after ?? { status: 'NONE', total: 0, used: 0, until: null };
  if (status === (before?.status ?? 'NONE')) return undefined;
  const restricted = status === 'CAPPED';
  const message = restricted
    ? `This account has used up WhatsApp’s quota of ${total} new chats: it may begin none${untilWords(until)}. Those that exist go on.`
    : status === 'NONE'
      ? 'WhatsApp no longer limits how many chats this account may begin.'
      : `WhatsApp warns: this account has begun ${used} of the ${total} new chats that it may have${untilWords(until)}. It now begins half as many a day.`;
  return event({ kind: 'capping', restricted, until, type: status, message, total, used });
}

/** WhatsApp has said that the account sends too fast; or, without a time, takes messages again. */
export function slowdownEvent(until: number | null): NewEvent {
  const message =
    until === null
      ? 'The pause that WhatsApp asked for is over: messages leave again.'
      : `WhatsApp says that this account sends too fast: nothing leaves${untilWords(until)}. What is queued is sent then.`;
  return event({ kind: 'rate', restricted: until !== null, until, type: 'rate-overlimit', message });
}
