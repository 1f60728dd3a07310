import { matrix } from './bench.ts';

matrix('outbound', (bench, row) => bench.outbound(row));
