import { EngineError } from '../../engine/errors.ts';
import { timeOf } from '../../engine/jobs/time.ts';

const utc = (written: string | number, timeZone?: string) => new Date(timeOf(written, timeZone)).toISOString();

test.each([
  ['Unix seconds', 1_777_622_400, undefined, '2026-05-01T08:00:00.000Z'],
  ['Unix seconds with a part', 1_777_622_400.5, undefined, '2026-05-01T08:00:00.500Z'],
  ['UTC', '2026-05-01T08:00:00Z', undefined, '2026-05-01T08:00:00.000Z'],
  ['an offset', '2026-05-01T10:00:00+02:00', undefined, '2026-05-01T08:00:00.000Z'],
  ['an offset, without seconds', '2026-05-01T10:00+0200', undefined, '2026-05-01T08:00:00.000Z'],
  ['milliseconds, as n8n writes them', '2026-05-01T10:00:00.123+02:00', undefined, '2026-05-01T08:00:00.123Z'],
  ['local time', '2026-05-01T10:00', 'Europe/Berlin', '2026-05-01T08:00:00.000Z'],
  ['local time with a space', '2026-05-01 10:00:00', 'Europe/Berlin', '2026-05-01T08:00:00.000Z'],
  ['local time in winter', '2026-12-01T10:00', 'Europe/Berlin', '2026-12-01T09:00:00.000Z'],
  ['local time half an hour off', '2026-05-01T10:00', 'Asia/Kolkata', '2026-05-01T04:30:00.000Z'],
  ['an offset, which wins over the time zone', '2026-05-01T10:00Z', 'Europe/Berlin', '2026-05-01T10:00:00.000Z'],
  ['the leap day', '2028-02-29T10:00', 'UTC', '2028-02-29T10:00:00.000Z'],
])('reads %s', (_what, written, timeZone, expected) => {
  expect(utc(written, timeZone)).toBe(expected);
});

describe('daylight saving', () => {
  test.each([
    ['Europe/Berlin', '2026-03-29T02:30', '2026-03-29T01:30:00.000Z'],
    ['America/New_York', '2026-03-08T02:00', '2026-03-08T07:00:00.000Z'],
    // Half an hour only.
    ['Australia/Lord_Howe', '2026-10-04T02:10', '2026-10-03T15:40:00.000Z'],
  ])('a time that clocks in %s skip (%s) is as much later as they skip', (zone, written, expected) => {
    expect(utc(written, zone)).toBe(expected);
  });

  test.each([
    ['Europe/Berlin', '2026-10-25T02:30', '2026-10-25T00:30:00.000Z'],
    ['America/New_York', '2026-11-01T01:59:59', '2026-11-01T05:59:59.000Z'],
    ['Australia/Lord_Howe', '2026-04-05T01:45', '2026-04-04T14:45:00.000Z'],
  ])('a time that comes twice in %s (%s) is the first', (zone, written, expected) => {
    expect(utc(written, zone)).toBe(expected);
  });

  test('an offset says which of the two is meant', () => {
    expect(utc('2026-10-25T02:30+01:00', 'Europe/Berlin')).toBe('2026-10-25T01:30:00.000Z');
  });
});

function refusal(written: string, timeZone?: string) {
  try {
    timeOf(written, timeZone);
  } catch (error) {
    return (error as EngineError).fields;
  }
  return undefined;
}

test.each([
  'tomorrow',
  '2026-05-01',
  '10:00',
  '2026-13-01T10:00Z',
  '2026-02-30T10:00Z',
  '1777622400',
  '2026-05-01T25:00Z',
])('does not read %s, and says what it reads', (written) => {
  expect(refusal(written)).toEqual({ scheduledAt: [expect.stringContaining('such as 2026-05-01T09:00:00+02:00')] });
});

test('a local time needs a time zone', () => {
  expect(refusal('2026-05-01T10:00')).toEqual({ timeZone: [expect.stringContaining('is required')] });
});

test.each(['Berlin', 'Europe/Atlantis', 'UTC+2', ''])('there is no time zone %j', (zone) => {
  expect(refusal('2026-05-01T10:00', zone)).toEqual({ timeZone: [expect.stringContaining('Europe/Berlin')] });
});
