import { DateTime, IANAZone } from 'luxon';
import { validationFailed } from '../errors.ts';

const ISO = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$/i;

/**
 * Unix milliseconds of a time as callers write it: Unix seconds; ISO 8601 with an offset, which then decides; or ISO 8601
 * local time in a zone. Where clocks are put back and the local time comes twice, it is the first; where they are put
 * forward and it does not come at all, it is as much later as they are put forward (02:30 becomes 03:30), as calendars
 * have it (RFC 5545). Throws `validation_failed` on `scheduledAt` or `timeZone`.
 */
export function timeOf(written: string | number, timeZone?: string): number {
  if (timeZone !== undefined && !IANAZone.isValidZone(timeZone)) {
    throw wrong('timeZone', `has no time zone of the name ${timeZone}. Write it as in Europe/Berlin.`);
  }
  if (typeof written === 'number') return Math.round(written * 1000);
  const match = ISO.exec(written);
  const time = DateTime.fromISO(written.replace(' ', 'T'), { zone: timeZone ?? 'utc' });
  if (!match || !time.isValid) {
    throw wrong(
      'scheduledAt',
      'must be Unix seconds as a number, or a time such as 2026-05-01T09:00:00+02:00, or 2026-05-01T09:00 with timeZone.',
    );
  }
  if (match[3]) return time.toMillis();
  if (timeZone === undefined) {
    throw wrong('timeZone', 'is required, because scheduledAt has no offset from UTC. Give one, e.g. Europe/Berlin.');
  }
  return time.getPossibleOffsets()[0]!.toMillis();
}

const wrong = (field: string, text: string) => validationFailed({ [field]: [`The ${field} field ${text}`] });
