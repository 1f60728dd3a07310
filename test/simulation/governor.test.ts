import { beforeAll, expect, jest, test } from '@jest/globals';
import type { Outcome } from './day.ts';

// Imports Baileys, which has to wait for what hardens it: see stage.ts.
const { POLICY, simulate } = await import('./day.ts');

jest.setTimeout(240_000);

const CUSTOMERS = 4;
const COLD = 24;
const HOUR = 3_600_000;

let alone: Outcome, off: Outcome, normal: Outcome, careful: Outcome, warming: Outcome;
beforeAll(async () => {
  // stricter than the README's, so that a small day is enough
  const policy = { ...POLICY, messagesPerMinute: 20, newChatsPerHour: 30, groupQueriesPerMinute: 10 };
  const paces = (['off', 'normal', 'careful'] as const).map((pace) => ({ pace, warmUp: false }));
  const plan = { customers: CUSTOMERS, cold: COLD, groups: 11, policy };
  const shops = ['Baileys alone' as const, ...paces, { pace: 'normal' as const, warmUp: true }];
  const outcomes = await simulate({ ...plan, shops });
  [alone, off, normal, careful, warming] = outcomes as [Outcome, Outcome, Outcome, Outcome, Outcome];
});

const untroubled = { restrictions: 0, firstAt: null, refused: 0, bannedAt: null };

test('Baileys alone is restricted as soon as it writes to many strangers, goes on, and is banned on that day', () => {
  expect(alone.restrictions).toBe(3);
  expect(Math.floor(alone.firstAt! / HOUR)).toBe(9);
  expect(alone.refused).toBeGreaterThan(0);
  expect(alone.bannedAt).not.toBeNull();
  expect(alone.arrived.answers).toBeLessThan(CUSTOMERS);
});

test('without a pace a shop is restricted as soon, but Warbler stops when WhatsApp says so, and nobody is banned', () => {
  expect(off.restrictions).toBeGreaterThan(0);
  expect(Math.floor(off.firstAt! / HOUR)).toBe(9);
  expect(off).toMatchObject({ bannedAt: null, arrived: { answers: CUSTOMERS } });
});

test('at a normal pace it is not, and all that it wants to say arrives on that day', () => {
  expect(normal).toMatchObject({ ...untroubled, arrived: { answers: CUSTOMERS, first: COLD }, missing: 0 });
});

test('at a careful pace it is not, and writes to 20 strangers on that day; the others wait', () => {
  expect(careful).toMatchObject({ ...untroubled, arrived: { answers: CUSTOMERS, first: 20 }, missing: COLD - 20 });
});

test('a number that is warmed up begins with fewer, and answers everybody', () => {
  expect(warming).toMatchObject({ ...untroubled, arrived: { answers: CUSTOMERS } });
  expect(warming.arrived.first).toBeLessThan(COLD);
});

test('nothing arrives twice, and whatever was accepted arrives', () => {
  for (const { accepted, arrived } of [alone, normal, careful, warming]) {
    expect(arrived.answers + arrived.first).toBe(accepted);
  }
  expect([alone, off, normal, careful, warming].map(({ arrived }) => arrived.twice)).toEqual([0, 0, 0, 0, 0]);
});
