import { DateTime } from 'luxon';
import type { QuietHours } from '../model.ts';

/** When the quiet hours end that it is now, in Unix milliseconds; undefined when there are none. */
export function quietUntil(hours: QuietHours | null, now: number): number | undefined {
  if (!hours) return undefined;
  const today = DateTime.fromMillis(now, { zone: hours.time_zone }).startOf('day');
  // Those that began yesterday may last until today. The calendar's arithmetic: a day may have 23 hours, or 25.
  for (const day of [today.minus({ days: 1 }), today]) {
    const from = at(day, hours.from);
    const to = at(hours.from < hours.to ? day : day.plus({ days: 1 }), hours.to);
    if (from <= now && now < to) return to;
  }
  return undefined;
}

function at(day: DateTime, time: string): number {
  const [hour, minute] = time.split(':').map(Number) as [number, number];
  return day.set({ hour, minute }).toMillis();
}
