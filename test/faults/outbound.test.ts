import { Bench, rowsOf, untouched } from './bench.ts';

const rows = rowsOf('outbound');
let bench: Bench;
let asDocumented = 0;
beforeAll(async () => void (bench = await Bench.open()));
afterEach(() => bench.clear());
afterAll(async () => {
  await bench?.close();
  console.log(`outbound: ${rows.length + untouched('outbound').length} faults, ${asDocumented} as documented`);
});

test.each(rows.map((row) => [row.id, row] as const))(
  'outbound, %s',
  async (_id, row) => {
    await bench.outbound(row);
    asDocumented++;
  },
  60_000,
);

test('outbound, with all the faults at once that are said not to touch it', async () => {
  await bench.untouched('outbound');
  asDocumented += untouched('outbound').length;
});
