/** Run as another process: opens the embedded store on the folder given, says so, and ends. */
import { Seal } from '../../engine/store/seal.ts';
import { openSqliteStore } from '../../engine/store/sqlite/index.ts';

try {
  await openSqliteStore(process.argv[2], new Seal(Buffer.alloc(32, 7))).close();
  console.log('opened');
} catch (error) {
  console.log(String(error));
}
