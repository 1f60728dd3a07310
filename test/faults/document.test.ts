import { readFileSync, writeFileSync } from 'node:fs';
import { faultRequest } from '../../engine/sandbox/faults.ts';
import { documented } from './document.ts';
import { TABLE } from './table.ts';

/** Held to in test/whatsapp: what only time tells, and what somebody in between would do. */
const ELSEWHERE = [
  'half-open',
  ...['stolen-certificate', 'forged-voucher', 'forged-prekey', 'swapped-identity', 'forged-app-state', 'forged-media'],
];
const PATH = new URL('../../docs/faults.md', import.meta.url).pathname;

test('docs/faults.md says what the table says, which the tests of this folder hold the engine to', () => {
  if (process.env['UPDATE_FAULTS']) writeFileSync(PATH, documented());
  expect(readFileSync(PATH, 'utf8')).toBe(documented());
});

test('every fault of the sandbox is in the table, and every row has a name of its own', () => {
  const faults = faultRequest.options.map(({ shape }) => shape.fault.value);
  expect(new Set([...TABLE.map(({ fault }) => fault), ...ELSEWHERE])).toEqual(new Set(faults));
  const ids = TABLE.map(({ id }) => id);
  expect(ids).toEqual([...new Set(ids)]);
});
