import { readFileSync, writeFileSync } from 'node:fs';
import { faultRequest } from '../../engine/sandbox/faults.ts';
import { documented } from './document.ts';
import { TABLE } from './table.ts';

/** Told by the connection's pulse, in test/whatsapp. */
const ELSEWHERE = ['half-open'];
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
