import { matrix } from './bench.ts';

matrix('inbound', async (bench, row) => {
  await bench.inbound(row, 'live');
  // Where the connection breaks, it comes from the backlog as it is.
  if (!row.inbound.session && !row.inbound.brings) await bench.inbound(row, 'backlog');
});
