import { Budgets, ratesOf } from '../../engine/governor/budgets.ts';
import { PROFILES, type Rate } from '../../engine/governor/profiles.ts';
import type { BudgetName } from '../../engine/model.ts';
import { Seal } from '../../engine/store/seal.ts';
import { openSqliteStore } from '../../engine/store/sqlite/index.ts';
import type { Store } from '../../engine/store/store.ts';
import { TestClock } from './clock.ts';

const HOUR_MS = 3_600_000;

let store: Store;
let clock: TestClock;
let rates: Partial<Record<BudgetName, Rate>> | undefined;
let budgets: Budgets;

beforeEach(() => {
  store = openSqliteStore(undefined, new Seal(Buffer.alloc(32, 7)));
  clock = new TestClock(Date.UTC(2026, 0, 5, 12));
  rates = { number_checks: { perMinute: 2, perDay: 3 } };
  budgets = new Budgets({ store, sessionId: 1, clock, rates: () => rates });
});
afterEach(() => store.close());

test('a budget is spent until its minute is full, and goes on in the next', async () => {
  await budgets.spend('number_checks');
  await budgets.spend('number_checks');
  clock.advance(20_000);
  await expect(budgets.spend('number_checks')).rejects.toMatchObject({
    code: 'budget_exhausted',
    status: 429,
    retryAfterS: 40,
    details: { budget: 'number_checks', limit: 2, used: 2, windowS: 60, resetsAt: '2026-01-05T12:01:00.000Z' },
    message:
      'Questions whether a number is on WhatsApp: this session may have 2 a minute and 3 a day, and has had 2 in the last minute. It goes on at 2026-01-05T12:01:00.000Z. To change it, set budgets or pace of the session.',
  });
  clock.advance(40_000);
  await budgets.spend('number_checks');
});

test('no 24 hours hold more than a day’s worth, whenever they begin', async () => {
  rates = { new_chats: { perMinute: 60, perDay: 60 } };
  await budgets.spend('new_chats');
  clock.advance(11 * HOUR_MS);
  await budgets.spend('new_chats', 59);
  clock.advance(13 * HOUR_MS);
  await budgets.spend('new_chats');
  await expect(budgets.spend('new_chats')).rejects.toMatchObject({
    retryAfterS: 11 * 3600,
    message: expect.stringContaining('has had 60 in the last 24 hours.'),
  });
  clock.advance(11 * HOUR_MS);
  await budgets.spend('new_chats', 59);
});

test('a day that is full is waited for, and not the minute', async () => {
  rates = { number_checks: { perMinute: 3, perDay: 3 } };
  await budgets.spend('number_checks', 3);
  await expect(budgets.spend('number_checks')).rejects.toMatchObject({ retryAfterS: 86_400 });
});

test('more at once than there can ever be is refused without a time', async () => {
  await expect(budgets.spend('number_checks', 3)).rejects.toMatchObject({
    code: 'budget_exhausted',
    retryAfterS: undefined,
    message: expect.stringContaining('Ask for 2 at most.'),
  });
  expect(await budgets.left()).toMatchObject({ number_checks: { minute: { used: 0 }, day: { used: 0 } } });
});

test('what has no budget is not counted', async () => {
  for (let times = 0; times < 5; times += 1) await budgets.spend('group_adds');
  rates = undefined;
  await budgets.spend('number_checks', 100);
  expect(await budgets.left()).toEqual({});
});

test('what is left of each budget can be read', async () => {
  await budgets.spend('number_checks');
  expect(await budgets.left()).toEqual({
    number_checks: {
      minute: { seconds: 60, limit: 2, sliding: true, used: 1, resetsAt: clock.now() + 60_000 },
      day: { seconds: 86_400, limit: 3, sliding: true, used: 1, resetsAt: clock.now() + 86_400_000 },
    },
  });
});

test('a session’s own budgets stand in the place of those of its pace', () => {
  const { budgets: careful } = PROFILES.careful;
  expect(ratesOf(careful, null)).toBe(careful);
  expect(ratesOf(undefined, null)).toBeUndefined();
  const own = { number_checks: { per_minute: 1, per_day: 2 }, group_adds: null };
  const rates = ratesOf(careful, own);
  expect(rates).toEqual({ ...careful, number_checks: { perMinute: 1, perDay: 2 }, group_adds: undefined });
  expect(ratesOf(undefined, own)).toEqual({ number_checks: { perMinute: 1, perDay: 2 } });
});
