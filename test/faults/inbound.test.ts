import { Bench, rowsOf, untouched } from './bench.ts';

const rows = rowsOf('inbound');
let bench: Bench;
let asDocumented = 0;
beforeAll(async () => void (bench = await Bench.open()));
afterEach(() => bench.clear());
afterAll(async () => {
  await bench?.close();
  console.log(`inbound: ${rows.length + untouched('inbound').length} faults, ${asDocumented} as documented`);
});

test.each(rows.map((row) => [row.id, row] as const))(
  'inbound, %s',
  async (_id, row) => {
    await bench.inbound(row, 'live');
    // Where the connection breaks, it comes from the backlog as it is.
    if (!row.inbound.session && !row.inbound.brings) await bench.inbound(row, 'backlog');
    asDocumented++;
  },
  60_000,
);

test('inbound, with all the faults at once that are said not to touch it', async () => {
  await bench.untouched('inbound');
  asDocumented += untouched('inbound').length;
});
