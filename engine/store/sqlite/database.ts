import Libsql from 'libsql';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../clock.ts';
import { EngineError, storageFailure } from '../../errors.ts';
import { start } from './migrations/001-start.ts';
import { everyMessage } from './migrations/002-every-message.ts';
import { pace } from './migrations/003-pace.ts';
import { proof } from './migrations/004-proof.ts';
import { subscriptions } from './migrations/005-subscriptions.ts';
import { inquiries } from './migrations/006-inquiries.ts';
import { lists } from './migrations/007-lists.ts';

/** In order of application; `user_version` counts how many a file has. Never edit one that was released. */
const MIGRATIONS = [start, everyMessage, pace, proof, subscriptions, inquiries, lists];

export const SCHEMA = MIGRATIONS.length;

/** So long a write waits for one of the other process: the command's (`warbler token`) are a few rows long. */
const BUSY_MS = 10_000;

const PRAGMAS = [
  `busy_timeout = ${BUSY_MS}`,
  'journal_mode = WAL',
  'synchronous = FULL',
  'foreign_keys = ON',
  'temp_store = MEMORY',
  // What is deleted is not there any more, instead of merely not being listed.
  'secure_delete = ON',
];

export type Row = Record<string, unknown>;
type Value = string | number | bigint | Buffer | null;

/** Thrown at start when the data folder cannot be used; the message holds the cure. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}

/**
 * One SQLite file with its prepared statements. A commit has reached the disk when it returns (WAL with
 * `synchronous=FULL`): a power cut loses nothing that WhatsApp was told we have.
 */
export class Database {
  private readonly statements = new Map<string, Libsql.Statement>();
  /** Why the last write was not kept. */
  private failure: EngineError | undefined;
  /** Called when writing begins to fail, with the reason, and with nothing when it works again. */
  onHealth: (failure: EngineError | undefined) => void = () => {};

  private constructor(
    private readonly file: Libsql.Database,
    private readonly clock: Clock,
    private readonly lock: Libsql.Database | undefined,
  ) {}

  /** Opens `warbler.db` in the folder, alone; without a folder, a database in memory. */
  static open(folder: string | undefined, clock: Clock = systemClock): Database {
    if (folder === undefined) return Database.prepare(new Libsql(':memory:'), clock, undefined);
    const lock = takeLock(folder);
    let file: Libsql.Database | undefined;
    try {
      file = new Libsql(join(folder, 'warbler.db'));
      return Database.prepare(file, clock, lock);
    } catch (error) {
      file?.close();
      lock.close();
      throw opening(folder, error);
    }
  }

  /**
   * Opens the `warbler.db` of an engine that may be running, to change a few rows beside it; `undefined` when there is
   * none. Never migrates: throws when the file is of another version.
   */
  static beside(folder: string): Database | undefined {
    const path = join(folder, 'warbler.db');
    if (!existsSync(path)) return undefined;
    let file: Libsql.Database | undefined;
    try {
      file = new Libsql(path);
      const database = new Database(configured(file), systemClock, undefined);
      const version = database.version;
      if (version === MIGRATIONS.length) return database;
      throw new StoreError(
        version > MIGRATIONS.length
          ? 'The database was written by a newer Warbler. Use the command of that version.'
          : 'The database is of an older Warbler. Start the engine of this version once: that brings it up to date.',
      );
    } catch (error) {
      file?.close();
      throw opening(folder, error);
    }
  }

  /** For who only reads: nothing is migrated, and nobody else kept away. */
  static look(file: Libsql.Database): Database {
    return new Database(file, systemClock, undefined);
  }

  private static prepare(file: Libsql.Database, clock: Clock, lock: Libsql.Database | undefined): Database {
    const database = new Database(configured(file), clock, lock);
    database.migrate();
    return database;
  }

  private migrate(): void {
    const done = this.version;
    if (done > MIGRATIONS.length) {
      throw new StoreError('The database was written by a newer Warbler. Start that version, or restore a backup.');
    }
    MIGRATIONS.slice(done).forEach((sql, index) => {
      this.transaction(() => {
        this.file.exec(sql);
        this.file.exec(`PRAGMA user_version = ${done + index + 1}`);
      });
    });
  }

  /** Unix milliseconds, by the engine's clock. */
  now(): number {
    return this.clock.now();
  }

  private get version(): number {
    return Number(this.get('PRAGMA user_version')?.['user_version'] ?? 0);
  }

  // Values go to libsql as one array: a lone Buffer as an argument is taken for named parameters and aborts the process.
  run(sql: string, ...values: Value[]): { changes: number; lastInsertRowid: number } {
    const result = this.heeded(() => this.statement(sql).run(values));
    if (!this.file.inTransaction) this.written();
    return { changes: Number(result.changes), lastInsertRowid: Number(result.lastInsertRowid) };
  }

  get(sql: string, ...values: Value[]): Row | undefined {
    // libsql's `get` ends a statement after its first row, and keeps to itself that what it wrote could not be committed.
    if (/\bRETURNING\b/.test(sql)) return this.all(sql, ...values)[0];
    return this.heeded(() => this.statement(sql).get(values) as Row | undefined);
  }

  all(sql: string, ...values: Value[]): Row[] {
    return this.heeded(() => this.statement(sql).all(values) as Row[]).map(withBuffers);
  }

  /** Runs `work` whole or not at all. Joins a transaction that is already open. */
  transaction<T>(work: () => T): T {
    const file = this.opened;
    if (file.inTransaction) return work();
    this.heeded(() => file.exec('BEGIN IMMEDIATE'));
    try {
      const result = work();
      this.heeded(() => file.exec('COMMIT'));
      this.written();
      return result;
    } catch (error) {
      // Of some failures SQLite has rolled back by itself.
      if (file.inTransaction) file.exec('ROLLBACK');
      throw error;
    }
  }

  /** Why nothing can be written, if so. Finds out by writing, when the last write has failed. */
  failing(): EngineError | undefined {
    if (!this.failure) return undefined;
    try {
      this.transaction(() => this.file.exec(`PRAGMA user_version = ${MIGRATIONS.length}`));
    } catch {
      // Noted.
    }
    return this.failure;
  }

  /**
   * A transaction that survives the end of this process, but not a power cut that comes soon after: for what is not
   * worth waiting for the disk. The next usual commit takes it to the disk, too.
   */
  light<T>(work: () => T): T {
    this.opened.exec('PRAGMA synchronous = NORMAL');
    try {
      return this.transaction(work);
    } finally {
      this.opened.exec('PRAGMA synchronous = FULL');
    }
  }

  /**
   * Writes the whole file anew, so that nothing is left of what was ever overwritten or deleted, neither in it nor in
   * the log beside it. Answers whether it did: it takes as much room on the disk again.
   */
  rewrite(): boolean {
    const file = this.opened;
    // A database of gigabytes is copied on the way, which is nothing for the memory.
    file.exec('PRAGMA temp_store = FILE');
    try {
      file.exec('VACUUM');
      file.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      return true;
    } catch (error) {
      if (storageFailure(error)) return false;
      throw error;
    } finally {
      file.exec('PRAGMA temp_store = MEMORY');
    }
  }

  close(): void {
    this.statements.clear();
    if (this.file.open) {
      // SQLite would do that by itself, were libsql to end its statements; until then the log keeps what was deleted.
      try {
        if (this.lock) this.file.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      } catch {
        // The next start reads the log.
      }
      this.file.close();
    }
    this.lock?.close();
  }

  /** What the driver throws because it cannot write is told as such, and noted. */
  private heeded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      const failure = storageFailure(error);
      if (!failure) throw error;
      const news = !this.failure;
      this.failure = failure;
      if (news) this.onHealth(failure);
      throw failure;
    }
  }

  private written(): void {
    if (!this.failure) return;
    this.failure = undefined;
    this.onHealth(undefined);
  }

  /** libsql aborts the whole process when a closed database is touched; whoever is late gets an error instead. */
  private get opened(): Libsql.Database {
    if (this.file.open) return this.file;
    throw new EngineError('stopping', 'The engine is stopping. Try again when it is back.');
  }

  private statement(sql: string): Libsql.Statement {
    const file = this.opened;
    let statement = this.statements.get(sql);
    if (!statement) this.statements.set(sql, (statement = file.prepare(sql)));
    return statement;
  }
}

function configured(file: Libsql.Database): Libsql.Database {
  for (const pragma of PRAGMAS) file.exec(`PRAGMA ${pragma}`);
  return file;
}

function opening(folder: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const failure = storageFailure(error);
  return new StoreError(
    `The database in ${folder} cannot be opened. ${
      failure?.message ?? `${(error as Error).message}. Check that the folder is writable and the file is whole.`
    }`,
    { cause: error },
  );
}

/** Whether another process has the folder. */
export function isTaken(folder: string): boolean {
  if (!existsSync(join(folder, LOCK))) return false;
  try {
    takeLock(folder).close();
    return false;
  } catch (error) {
    if (error instanceof StoreError) return true;
    throw error;
  }
}

const LOCK = 'engine.lock';

/**
 * Two engines on one folder would both log in as the same device, so the folder is taken by an exclusive transaction
 * on a file of its own: the operating system gives it back whenever the process ends, however it ends.
 */
function takeLock(folder: string): Libsql.Database {
  let lock: Libsql.Database | undefined;
  try {
    lock = new Libsql(join(folder, LOCK));
    lock.exec('PRAGMA locking_mode = EXCLUSIVE');
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock?.close();
    const busy = /locked|busy/i.test(String((error as Error).message));
    throw new StoreError(
      busy
        ? `Another Warbler already runs on the data folder ${folder}. Stop it, or set WARBLER_DATA_DIR to another folder.`
        : `The data folder ${folder} cannot be written (${(error as Error).message}). Make it writable for the user that runs Warbler.`,
      { cause: error },
    );
  }
}

/** libsql answers blobs as Buffers from `get` but as ArrayBuffers from `all`. */
function withBuffers(row: Row): Row {
  for (const [column, value] of Object.entries(row)) {
    if (value instanceof ArrayBuffer) row[column] = Buffer.from(value);
  }
  return row;
}
