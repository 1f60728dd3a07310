import { beforeAll, expect, jest, test } from '@jest/globals';
import type { Outcome } from './day.ts';

// Imports Baileys, which has to wait for what hardens it: see stage.ts.
const { POLICY, simulate } = await import('./day.ts');

jest.setTimeout(240_000);

const CUSTOMERS = 4;
const COLD = 24;
const HOUR = 3_600_000;

let off: Outcome, normal: Outcome, careful: Outcome, warming: Outcome;
beforeAll(async () => {
  // stricter than the README's, so that a small day is enough
  const policy = { ...POLICY, messagesPerMinute: 20, newChatsPerHour: 30 };
  const shops = (['off', 'normal', 'careful'] as const).map((pace) => ({ pace, warmUp: false }));
  const plan = { customers: CUSTOMERS, cold: COLD, groups: 3, policy };
  const outcomes = await simulate({ ...plan, shops: [...shops, { pace: 'normal', warmUp: true }] });
  [off, normal, careful, warming] = outcomes as [Outcome, Outcome, Outcome, Outcome];
});

const untroubled = { restrictions: 0, firstAt: null, refused: 0, failed: 0, banned: false };

test('without a governor a shop is restricted as soon as it writes to many strangers', () => {
  expect(off.restrictions).toBeGreaterThan(0);
  expect(Math.floor(off.firstAt! / HOUR)).toBe(9);
});

test('at a normal pace it is not, and all that it wants to say arrives on that day', () => {
  expect(normal).toMatchObject({ ...untroubled, arrived: { answers: CUSTOMERS, first: COLD }, waiting: 0 });
});

test('at a careful pace it is not, and writes to 20 strangers on that day; the others wait', () => {
  expect(careful).toMatchObject({ ...untroubled, arrived: { answers: CUSTOMERS, first: 20 }, waiting: COLD - 20 });
});

test('a number that is warmed up begins with fewer, and answers everybody', () => {
  expect(warming).toMatchObject({ ...untroubled, arrived: { answers: CUSTOMERS } });
  expect(warming.arrived.first).toBeLessThan(COLD);
});

test('nothing arrives twice, and whatever was accepted arrives', () => {
  for (const { accepted, arrived } of [normal, careful, warming]) {
    expect(arrived.answers + arrived.first).toBe(accepted);
  }
  expect([off, normal, careful, warming].map(({ arrived }) => arrived.twice)).toEqual([0, 0, 0, 0]);
});
