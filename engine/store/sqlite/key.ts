import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, KEY_FILE, parsedKey } from '../../config.ts';
import { Seal } from '../seal.ts';
import { Database, StoreError } from './database.ts';
import { places, reseal, toBeWiped, wipe } from './sealed.ts';

const newFile = (folder: string) => join(folder, `${KEY_FILE}.new`);

/**
 * The seal that this database is under: the one that was given or, when a rotation was cut short after its commit, the
 * one of the new key, whose file takes its name now. Throws {@link StoreError} when it is neither: a data folder opened
 * with another key would look like a hundred corrupt rows, so it is said once, at start.
 */
export function sealOf(db: Database, folder: string | undefined, given: Seal): Seal {
  const row = db.get('SELECT value FROM meta WHERE name = ?', places.check);
  if (!row) {
    const value = given.close(Buffer.from(places.check), places.check);
    db.run('INSERT INTO meta (name, value) VALUES (?, ?)', places.check, value);
    return given;
  }
  const fits = (seal: Seal) => seal.tryOpen(row['value'] as Buffer, places.check) !== undefined;
  if (fits(given)) {
    // Of a rotation that came to nothing.
    if (folder !== undefined) rmSync(newFile(folder), { force: true });
    return given;
  }
  const next = folder === undefined ? undefined : newSeal(folder);
  if (next && fits(next)) {
    takeName(folder!);
    return next;
  }
  throw new StoreError(
    'The data folder was written with another encryption key. Start with that WARBLER_ENCRYPTION_KEY (or put its encryption.key file back), or use a new WARBLER_DATA_DIR.',
  );
}

/** Of a rotation that was cut short. Half a file was written before anything was sealed under it, and counts for none. */
function newSeal(folder: string): Seal | undefined {
  const file = newFile(folder);
  if (!existsSync(file)) return undefined;
  try {
    return new Seal(parsedKey(readFileSync(file, 'utf8').trim(), file));
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

/**
 * Seals everything in a folder under another key, in one transaction, with the engine stopped; answers how many values
 * that were, and how many could not be read before either. `keepIn: 'file'`: the new key is on the disk before the
 * commit and takes the old one's name after it, so that whenever this is killed, one of the two files opens the
 * database, and the next start finds out which. `wiped`: of the old
 * sealed values nothing is left in the folder.
 */
export function rotateKey(
  folder: string,
  given: Seal,
  { key, keepIn }: { key: Buffer; keepIn: 'file' | 'setting' },
): { sealed: number; unreadable: number; wiped: boolean } {
  const db = Database.open(folder);
  try {
    const from = sealOf(db, folder, given);
    if (keepIn === 'file') {
      writeFileSync(newFile(folder), `${key.toString('base64')}\n`, { mode: 0o600, flush: true });
      flushNames(folder);
    }
    const done = db.transaction(() => {
      toBeWiped(db);
      return reseal(db, from, new Seal(key));
    });
    if (keepIn === 'file') takeName(folder);
    return { ...done, wiped: wipe(db) };
  } finally {
    db.close();
  }
}

function takeName(folder: string): void {
  renameSync(newFile(folder), join(folder, KEY_FILE));
  flushNames(folder);
}

/** A name, too, has reached the disk only when its folder has. */
function flushNames(folder: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  fsyncSync(handle);
  closeSync(handle);
}
