import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { types } from 'node:util';
import Database from 'libsql';
import { SandboxError } from './problem.ts';

/**
 * Everything that outlives a crash of the sandbox. One file, written synchronously, so that a message, the queue it
 * goes into and the Signal session that encrypted it change in one transaction, and an acknowledgement is only ever
 * sent for what is on disk.
 */
const VERSION = 1;
const SCHEMA = `
create table if not exists meta (name text primary key, value blob not null);

create table if not exists accounts (
  phone text primary key, lid text not null unique, name text not null, about text not null default '',
  identity_private blob not null, identity_public blob not null, registration_id integer not null,
  raw_id integer not null, next_device integer not null default 1, created integer not null
);
create table if not exists devices (
  phone text not null, id integer not null, registration_id integer not null, identity blob not null,
  noise_key blob, key_index integer not null default 0, signed_identity blob, platform text not null default '',
  push_name text, prekey_low integer not null default 0, bootstrapped integer not null default 0,
  last_seen integer, created integer not null, primary key (phone, id)
);
create table if not exists signed_prekeys (
  phone text not null, device integer not null, id integer not null, public blob not null, signature blob not null,
  private blob, primary key (phone, device)
);
create table if not exists prekeys (
  phone text not null, device integer not null, id integer not null, public blob not null,
  primary key (phone, device, id)
);
create table if not exists watchers (
  phone text not null, watcher text not null, primary key (phone, watcher)
);

create table if not exists outbox (
  seq integer primary key autoincrement, phone text not null, device integer not null, tag text not null,
  id text not null, sender text not null, stanza blob not null
);
create index if not exists outbox_of_device on outbox (phone, device, seq);
create table if not exists deliveries (
  sender text not null, id text not null, phone text not null, device integer not null,
  status text not null default 'pending', active integer not null default 1, error text,
  primary key (sender, id, phone, device)
);

create table if not exists messages (
  seq integer primary key autoincrement, phone text not null, id text not null, sender text not null,
  sender_device integer not null, chat text not null, addressing text not null, type text not null, text text,
  body blob not null, timestamp integer not null, read integer not null default 0,
  unique (phone, sender, id)
);
create table if not exists phone_prekeys (
  phone text not null, id integer not null, private blob not null, public blob not null, primary key (phone, id)
);
create table if not exists phone_sessions (
  phone text not null, address text not null, record text not null, primary key (phone, address)
);
create table if not exists phone_retries (
  phone text not null, sender text not null, id text not null, count integer not null, primary key (phone, sender, id)
);

create table if not exists app_state (
  phone text not null, collection text not null, version integer not null, patch blob not null,
  primary key (phone, collection, version)
);
create table if not exists app_state_heads (
  phone text not null, collection text not null, version integer not null, hash blob not null,
  snapshot_mac blob not null, primary key (phone, collection)
);
create table if not exists app_state_snapshots (
  phone text not null, collection text not null, version integer not null, file blob not null,
  primary key (phone, collection)
);
create table if not exists app_state_records (
  phone text not null, collection text not null, index_mac blob not null, value_mac blob not null,
  version integer not null, kind text not null, idx text not null, record blob not null, value blob not null,
  primary key (phone, collection, index_mac)
);
create index if not exists app_state_by_kind on app_state_records (phone, kind, idx);
create table if not exists app_state_keys (phone text primary key, id blob not null, key blob not null, created integer not null);
create table if not exists privacy (
  phone text not null, name text not null, value text not null, primary key (phone, name)
);
create table if not exists privacy_lists (
  phone text not null, name text not null, other text not null, primary key (phone, name, other)
);
create table if not exists groups (
  jid text primary key, addressing text not null, creator text not null, created integer not null,
  subject text not null, subject_owner text not null, subject_time integer not null,
  description text, description_id text, description_owner text, description_time integer,
  announce integer not null, locked integer not null, join_approval integer not null, member_add text not null,
  ephemeral integer not null, invite_code text not null
);
create table if not exists group_members (
  jid text not null, phone text not null, role text not null, joined integer not null, primary key (jid, phone)
);
create index if not exists groups_of_phone on group_members (phone);
create table if not exists group_past_members (
  jid text not null, phone text not null, removed_by text not null, time integer not null, primary key (jid, phone)
);
create table if not exists group_codes (code text primary key, jid text not null);
create table if not exists group_invites (
  jid text not null, phone text not null, admin text not null, code text not null, expiration integer not null,
  primary key (jid, phone)
);
create table if not exists group_requests (
  jid text not null, phone text not null, method text not null, requestor text not null, time integer not null,
  primary key (jid, phone)
);
create table if not exists phone_sender_keys (
  phone text not null, chat text not null, owner text not null, record text not null, primary key (phone, chat, owner)
);
create table if not exists phone_sender_key_holders (
  phone text not null, chat text not null, holder text not null, primary key (phone, chat, holder)
);
create table if not exists blocklist (phone text not null, blocked text not null, primary key (phone, blocked));

create table if not exists media (
  path text primary key, hash blob not null, size integer not null, expires integer not null
);
create table if not exists message_marks (
  phone text not null, author text not null, id text not null, kind text not null, sender text not null,
  value text not null, timestamp integer not null, primary key (phone, author, id, kind, sender)
);
create table if not exists disappearing (
  phone text not null, chat text not null, seconds integer not null, since integer not null, primary key (phone, chat)
);
create table if not exists phone_media (
  phone text not null, hash blob not null, primary key (phone, hash)
);
create table if not exists channels (
  jid text primary key, name text not null, description text not null, invite text not null unique, picture_id text,
  picture_path text, reaction_codes text not null default 'ALL', created integer not null, name_id text not null,
  name_time text not null, description_id text not null, description_time text not null
);
create table if not exists channel_members (
  channel text not null, phone text not null, role text not null, muted integer not null default 0,
  primary key (channel, phone)
);
create table if not exists channel_posts (
  channel text not null, server_id integer not null, id text not null, author text not null, type text not null,
  mediatype text, body blob not null, extras blob not null, timestamp integer not null, edited integer,
  revoked integer not null default 0, primary key (channel, server_id), unique (channel, id)
);
create table if not exists channel_reactions (
  channel text not null, server_id integer not null, phone text not null, code text not null,
  primary key (channel, server_id, phone)
);
create table if not exists channel_views (
  channel text not null, server_id integer not null, phone text not null, primary key (channel, server_id, phone)
);

create table if not exists calls (
  id text primary key, caller text not null, caller_device integer not null, group_jid text, video integer not null,
  reason text, offer text not null, rings_until integer not null, started integer not null, ended integer
);
create table if not exists called (
  call text not null, phone text not null, outcome text not null default 'ringing', device integer,
  silent integer not null, primary key (call, phone)
);
create table if not exists pictures (
  owner text primary key, id text not null, token text not null unique, image blob not null, updated integer not null
);
create table if not exists profile (
  phone text not null, name text not null, value text not null, updated integer not null, primary key (phone, name)
);
create table if not exists trusted_contacts (
  phone text not null, contact text not null, token blob not null, issued integer not null, primary key (phone, contact)
);
`;

/** Tables whose rows belong to one account; removed with it. */
const OF_ACCOUNT = [
  'accounts',
  'devices',
  'signed_prekeys',
  'prekeys',
  'watchers',
  'outbox',
  'messages',
  'phone_prekeys',
  'phone_sessions',
  'phone_retries',
  'app_state',
  'app_state_heads',
  'app_state_records',
  'app_state_snapshots',
  'app_state_keys',
  'privacy',
  'privacy_lists',
  'profile',
  'trusted_contacts',
  'blocklist',
  'phone_media',
  'message_marks',
  'disappearing',
  'called',
  'channel_members',
  'channel_reactions',
  'channel_views',
  'group_members',
  'group_past_members',
  'group_invites',
  'group_requests',
  'phone_sender_keys',
  'phone_sender_key_holders',
] as const;

type Value = string | number | Buffer | null;

export class Store {
  readonly #db: Database.Database;
  readonly #lock: Database.Database | undefined;
  /** Where the database lies; undefined when everything is in memory. */
  readonly folder: string | undefined;
  readonly #statements = new Map<string, Database.Statement>();
  #depth = 0;
  #effects: (() => void)[] = [];

  /** Without a folder everything is kept in memory. */
  constructor(dataDir?: string) {
    this.folder = dataDir;
    if (dataDir === undefined) {
      this.#db = new Database(':memory:');
      this.#db.exec(SCHEMA);
      return;
    }
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    this.#lock = lockFolder(dataDir);
    const file = join(dataDir, 'sandbox.db');
    this.#db = new Database(file);
    // there are keys in it
    chmodSync(file, 0o600);
    this.#db.exec('pragma journal_mode = wal');
    this.#db.exec('pragma synchronous = normal');
    this.#checkVersion(dataDir);
    this.#db.exec(SCHEMA);
  }

  #checkVersion(dataDir: string): void {
    const { user_version: found } = this.get<{ user_version: number }>('pragma user_version') ?? { user_version: 0 };
    if (found !== 0 && found !== VERSION) {
      throw new SandboxError(
        409,
        'data-of-another-version',
        `${dataDir} was written by another version of the sandbox. Delete it to start afresh, or give another folder.`,
      );
    }
    this.#db.exec(`pragma user_version = ${VERSION}`);
  }

  // values go to libsql as one array: a lone Buffer or null it would take for named parameters, and abort

  get<Row>(sql: string, ...values: Value[]): Row | undefined {
    const row = this.#prepared(sql).get(values) as Row | undefined;
    return row && withBuffers(row);
  }

  all<Row>(sql: string, ...values: Value[]): Row[] {
    return (this.#prepared(sql).all(values) as Row[]).map(withBuffers);
  }

  /** Returns how many rows changed. */
  run(sql: string, ...values: Value[]): number {
    return this.#prepared(sql).run(values).changes;
  }

  /** All or nothing. A transaction within a transaction joins it. */
  transaction<T>(work: () => T): T {
    if (this.#depth > 0) return work();
    this.#depth++;
    this.#db.exec('begin immediate');
    let outcome: T;
    try {
      outcome = work();
      this.#db.exec('commit');
    } catch (error) {
      this.#db.exec('rollback');
      this.#effects = [];
      throw error;
    } finally {
      this.#depth--;
    }
    const effects = this.#effects;
    this.#effects = [];
    for (const effect of effects) effect();
    return outcome;
  }

  /** Runs when what is being written is on disk: nothing may be told to anybody before that. */
  afterCommit(effect: () => void): void {
    if (this.#depth === 0) effect();
    else this.#effects.push(effect);
  }

  /** A value that is made once and then kept, such as a key. */
  remember(name: string, make: () => Buffer): Buffer {
    const row = this.get<{ value: Buffer }>('select value from meta where name = ?', name);
    if (row) return row.value;
    const value = make();
    this.run('insert into meta (name, value) values (?, ?)', name, value);
    return value;
  }

  removeAccount(phone: string): void {
    this.transaction(() => {
      for (const table of OF_ACCOUNT) this.run(`delete from ${table} where phone = ?`, phone);
      this.run('delete from watchers where watcher = ?', phone);
      this.run('delete from pictures where owner = ?', phone);
      this.run('delete from deliveries where sender = ? or phone = ?', phone, phone);
      this.run('delete from calls where caller = ?', phone);
      this.run('delete from called where call not in (select id from calls)');
    });
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
    this.#lock?.exec('rollback');
    this.#lock?.close();
  }

  #prepared(sql: string): Database.Statement {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** libsql gives blobs as Buffers in one release and as bare ArrayBuffers in the next: here they are Buffers. */
function withBuffers<Row>(row: Row): Row {
  for (const [name, value] of Object.entries(row as Record<string, unknown>)) {
    if (types.isAnyArrayBuffer(value)) (row as Record<string, unknown>)[name] = Buffer.from(value);
  }
  return row;
}

/**
 * Two sandboxes on one folder would each have half of the clients and all of the phones. The lock is a transaction
 * that stays open in a database of its own: it ends with the process, however that ends.
 */
function lockFolder(dataDir: string): Database.Database {
  const lock = new Database(join(dataDir, 'sandbox.lock'));
  try {
    lock.exec('begin exclusive');
    return lock;
  } catch (error) {
    lock.close();
    if (!/locked|busy/i.test(String(error))) throw error;
    throw new SandboxError(409, 'data-in-use', `Another sandbox is using ${dataDir}. Stop it, or give another folder.`);
  }
}
