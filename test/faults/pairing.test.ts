import { matrix } from './bench.ts';

matrix('pairing', (bench, row) => bench.pairing(row));
