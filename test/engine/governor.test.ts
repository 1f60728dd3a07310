import { Governor } from '../../engine/governor/governor.ts';
import { PROFILES } from '../../engine/governor/profiles.ts';
import type { Pace } from '../../engine/model.ts';
import { Seal } from '../../engine/store/seal.ts';
import { openSqliteStore } from '../../engine/store/sqlite/index.ts';
import type { Store } from '../../engine/store/store.ts';
import { TestClock } from './clock.ts';

let store: Store;
let clock: TestClock;
let pace: Pace;
let governor: Governor;
beforeEach(() => {
  store = openSqliteStore(undefined, new Seal(Buffer.alloc(32, 7)));
  clock = new TestClock();
  pace = 'careful';
  governor = new Governor({ store, sessionId: 1, clock, pace: () => pace, ownBudgets: () => null });
});
afterEach(() => store.close());

test('a budget that is used up refuses until its time has come', async () => {
  const { perMinute } = PROFILES.careful.budgets.new_chats;
  await governor.budgets.spend('new_chats', perMinute);
  await expect(governor.budgets.spend('new_chats')).rejects.toMatchObject({
    code: 'budget_exhausted',
    status: 429,
    retryAfterS: 60,
    details: { budget: 'new_chats', used: perMinute, limit: perMinute },
  });
  clock.advance(60_000);
  await governor.budgets.spend('new_chats');
});

test('with off nothing is counted', async () => {
  pace = 'off';
  await governor.budgets.spend('new_chats', 1_000_000);
  expect(await governor.budgets.left()).toEqual({});
});
