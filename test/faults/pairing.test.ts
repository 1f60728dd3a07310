import { Bench, rowsOf, untouched } from './bench.ts';

const rows = rowsOf('pairing');
let bench: Bench;
let asDocumented = 0;
beforeAll(async () => void (bench = await Bench.open()));
afterEach(() => bench.clear());
afterAll(async () => {
  await bench?.close();
  console.log(`pairing: ${rows.length + untouched('pairing').length} faults, ${asDocumented} as documented`);
});

test.each(rows.map((row) => [row.id, row] as const))(
  'pairing, %s',
  async (_id, row) => {
    await bench.pairing(row);
    asDocumented++;
  },
  60_000,
);

test('pairing, with all the faults at once that are said not to touch it', async () => {
  await bench.untouched('pairing');
  asDocumented += untouched('pairing').length;
});
