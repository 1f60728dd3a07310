import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { faultRequest } from '../../engine/sandbox/faults.ts';
import { documented } from './document.ts';
import { FORGERIES, TABLE } from './table.ts';

const PATH = new URL('../../docs/faults.md', import.meta.url).pathname;

test('docs/faults.md says what the table says, which the tests of this folder hold the engine to', () => {
  if (process.env['UPDATE_FAULTS']) writeFileSync(PATH, documented());
  expect(readFileSync(PATH, 'utf8')).toBe(documented());
});

test('every fault of the sandbox is in the table, and every row has a name of its own', () => {
  const faults = faultRequest.options.map(({ shape }) => shape.fault.value);
  expect(new Set([...TABLE, ...FORGERIES].map(({ fault }) => fault))).toEqual(new Set(faults));
  for (const { fault, suite } of FORGERIES) {
    expect([suite, existsSync(suite) && readFileSync(suite, 'utf8').includes(fault)]).toEqual([suite, true]);
  }
  const ids = TABLE.map(({ id }) => id);
  expect(ids).toEqual([...new Set(ids)]);
});
