import Libsql from 'libsql';
import { execFile } from 'node:child_process';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Seal } from '../../engine/store/seal.ts';
import { Database } from '../../engine/store/sqlite/database.ts';
import { start } from '../../engine/store/sqlite/migrations/001-start.ts';
import { everyMessage } from '../../engine/store/sqlite/migrations/002-every-message.ts';
import { pace } from '../../engine/store/sqlite/migrations/003-pace.ts';
import { proof } from '../../engine/store/sqlite/migrations/004-proof.ts';
import { places } from '../../engine/store/sqlite/sealed.ts';
import { openSqliteStore, StoreError } from '../../engine/store/sqlite/index.ts';
import { messages } from '../../engine/store/sqlite/messages.ts';
import type { Store } from '../../engine/store/store.ts';
import { aSession, anEvent, SECRET, subscriptionOf, temporaryFolder } from './fixtures.ts';
import { storeConformance } from './store.conformance.ts';

const KEY = Buffer.alloc(32, 7);

storeConformance('embedded', async () => {
  const folder = await temporaryFolder();
  let store: Store | undefined;
  const open = async () => (store = openSqliteStore(folder.path, new Seal(KEY)));
  return {
    open,
    reopen: async () => {
      await store?.close();
      return open();
    },
    remove: async () => {
      await store?.close();
      await folder.remove();
    },
  };
});

describe('the embedded store’s folder', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => (folder = await temporaryFolder()));
  afterEach(() => folder.remove());

  const open = (key = KEY) => openSqliteStore(folder.path, new Seal(key));
  /** What `open` threw; the test fails when it did not. */
  function refusal(key = KEY): StoreError {
    try {
      void open(key).close();
    } catch (error) {
      expect(error).toBeInstanceOf(StoreError);
      return error as StoreError;
    }
    throw new Error('the folder was opened');
  }

  test('is taken by one process: a second one is told so, and may have it when the first has ended', async () => {
    const store = open();
    const second = () => startAnother(folder.path);
    const answer = await second();
    expect(answer).toMatch(/^StoreError: Another Warbler already runs on the data folder .*WARBLER_DATA_DIR/);
    await store.close();
    expect(await second()).toBe('opened');
  });

  test('cannot be opened twice by one process either', async () => {
    const store = open();
    expect(refusal().message).toContain('Another Warbler already runs');
    await store.tokens.put('still', Buffer.alloc(32));
    await store.close();
    await open().close();
  });

  test('is not opened with another encryption key, but with the right one afterwards', async () => {
    await open().close();
    expect(refusal(Buffer.alloc(32, 8)).message).toMatch(/another encryption key.*WARBLER_ENCRYPTION_KEY/);
    await open().close();
  });

  test('that a newer Warbler has written is refused in those words', async () => {
    await open().close();
    const file = new Libsql(join(folder.path, 'warbler.db'));
    file.exec('PRAGMA user_version = 99');
    file.close();
    expect(refusal().message).toBe(
      'The database was written by a newer Warbler. Start that version, or restore a backup.',
    );
    expect(refusal().message).not.toContain('Another Warbler');
  });

  test('that holds something else than a database is refused with a cure', async () => {
    await writeFile(join(folder.path, 'warbler.db'), 'this is not a database '.repeat(100));
    expect(refusal().message).toMatch(/cannot be opened.*damaged.*backup/);
  });

  test('that does not exist is refused with a cure', () => {
    expect(() => openSqliteStore(join(folder.path, 'no', 'such'), new Seal(KEY))).toThrow(
      /cannot be written .*writable/,
    );
  });

  test('of an earlier version keeps its subscriptions, what waits for them, and its polls, when it is brought up to date', async () => {
    const file = new Libsql(join(folder.path, 'warbler.db'));
    for (const migration of [start, everyMessage, pace, proof]) file.exec(migration);
    const secret = new Seal(KEY).close(Buffer.from(SECRET), places.subscription('whk_old'));
    const run = (sql: string, ...values: (string | number | Buffer)[]) => file.prepare(sql).run(values);
    const nothing = Buffer.alloc(0);
    run(
      `INSERT INTO sessions (id, settings, api_key_hash, sealed_api_key, sealed_webhook_secret, created_at, updated_at)
       VALUES (1, ?, ?, ?, ?, 1, 1)`,
      ...[JSON.stringify(aSession()), nothing, nothing, nothing],
    );
    run(
      `INSERT INTO subscriptions (id, session_id, origin, url, events, format, sealed_secret, state, parked_reason, created_at)
       VALUES ('whk_old', 1, 'api', 'http://a.test/', '["*"]', 'standard', ?, 'parked', 'gone', 7)`,
      secret,
    );
    for (const [seq, status] of [
      [1, 'delivered'],
      [2, 'pending'],
    ] as const) {
      run(
        `INSERT INTO events (seq, id, session_id, event, lane, body, created_at) VALUES (?, ?, 1, 'call', 'a', ?, 1)`,
        ...[
          seq,
          `evt_${seq}`,
          JSON.stringify({ event: 'call', id: `evt_${seq}`, sessionId: '1', timestamp: 1, data: {} }),
        ],
      );
      run(
        `INSERT INTO deliveries (id, subscription_id, seq, lane, status, attempts, next_attempt_at, redeliveries)
         VALUES (?, 'whk_old', ?, 'a', ?, 3, 9, 2)`,
        ...[seq * 10, seq, status],
      );
    }
    run(
      `INSERT INTO messages (session_id, wa_id, chat, from_me, sender, request, status, timestamp)
       VALUES (1, 'POLL', 'a@g.us', 1, '', ?, 2, 1), (1, 'TEXT', 'a@g.us', 1, '', ?, 2, 1)`,
      JSON.stringify({ to: 'a@g.us', poll: { question: 'When?', options: ['Now', 'Never'] } }),
      JSON.stringify({ to: 'a@g.us', text: 'Hello' }),
    );
    file.exec('PRAGMA user_version = 4');
    file.close();

    const store = open();
    expect((await store.messages.polls(1, {})).items.map(({ waId }) => waId)).toEqual(['POLL']);
    expect(await store.subscriptions.get('whk_old')).toEqual({
      ...subscriptionOf(1, { url: 'http://a.test/' }),
      ...{ id: 'whk_old', filter: null, collectS: null, markAsRead: false },
      ...{ state: 'parked', parkedReason: 'gone', createdAt: 7 },
    });
    const deliveries = await store.deliveries.list(1, {}, { after: 0, limit: 10 });
    expect(
      deliveries.map(({ id, seq, status, attempts, redeliveries }) => [id, seq, status, attempts, redeliveries]),
    ).toEqual([
      [10, 1, 'delivered', 3, 2],
      [20, 2, 'parked', 3, 2],
    ]);
    expect((await store.deliveries.head('whk_old', 'a'))?.body.id).toBe('evt_2');
    // They still go with what they belong to.
    await store.sessions.delete(1);
    expect(await store.subscriptions.get('whk_old')).toBeUndefined();
    expect(await store.deliveries.lanes()).toEqual([]);
    await store.close();
  });

  test('holds no secret in clear, neither in the database nor beside it', async () => {
    const secrets = {
      apiKey: 'SECRET-api-key-0123456789',
      webhookSecret: 'SECRET-webhook-0123456789',
    };
    const bytes = { creds: Buffer.from('SECRET-creds-0123456789'), key: Buffer.from('SECRET-signal-0123456789') };
    const store = open();
    const session = await store.sessions.create(
      aSession({ name: 'visible-name', webhook_url: 'http://a.test/', webhook_enabled: true }),
      secrets,
    );
    await store.subscriptions.put(subscriptionOf(session.id));
    await store.commit({
      sessionId: session.id,
      creds: bytes.creds,
      keys: { session: { 'bob.0': bytes.key } },
      events: [anEvent()],
    });
    const look = async () => {
      const files = (await readdir(folder.path)).filter((name) => name.startsWith('warbler.db'));
      return Buffer.concat(await Promise.all(files.map((name) => readFile(join(folder.path, name)))));
    };
    const [running, names] = [await look(), await readdir(folder.path)];
    await store.close();
    for (const disk of [running, await look()]) {
      // So that the test cannot pass by looking at the wrong files.
      expect(disk.includes('visible-name')).toBe(true);
      for (const secret of ['SECRET-', SECRET, SECRET.slice('whsec_'.length)])
        expect(disk.includes(secret)).toBe(false);
    }
    expect(names).toContain('warbler.db-wal');
  });
});

test('without a folder the embedded store keeps everything in memory', async () => {
  const store = openSqliteStore(undefined, new Seal(KEY));
  await store.tokens.put('n8n', Buffer.alloc(32, 1));
  expect(await store.tokens.list()).toHaveLength(1);
  await store.close();
});

/** Another process that opens the store on this folder and says what came of it. */
async function startAnother(path: string): Promise<string> {
  const here = (name: string) => join(import.meta.dirname, name);
  const options = ['--no-warnings', '--import', here('typescript.mjs'), here('open-store.ts'), path];
  const { stdout } = await promisify(execFile)(process.execPath, options);
  return stdout.trim();
}

test('what is to be sent is found by its index, however many messages there are', async () => {
  const db = Database.open(undefined);
  const asked: string[] = [];
  const note = (sql: string) => void asked.push(sql);
  const spied = {
    all: (sql: string) => (note(sql), []),
    run: (sql: string) => (note(sql), { changes: 0, lastInsertRowid: 0 }),
  } as unknown as Database;
  await messages(spied, new Seal(KEY)).queued(1, 1);
  await messages(spied, new Seal(KEY)).requeue(1, 0);
  const plans = asked.map((sql) => JSON.stringify(db.all(`EXPLAIN QUERY PLAN ${sql}`, ...Array(2).fill(1))));
  db.close();
  expect(plans).toHaveLength(2);
  for (const plan of plans) expect(plan).toContain('messages_to_send');
});
