import Libsql from 'libsql';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadConfig } from '../../engine/config.ts';
import { Seal } from '../../engine/store/seal.ts';
import { Database } from '../../engine/store/sqlite/database.ts';
import { openSqliteStore, rotateKey } from '../../engine/store/sqlite/index.ts';
import { SEALED } from '../../engine/store/sqlite/sealed.ts';
import { aSession, anEvent, someKeys, subscriptionOf, temporaryFolder } from '../engine/fixtures.ts';
import { filesIn, found, type Secrets } from './disk.ts';

/** The command as it ships; `npm test` builds it first. */
const CLI = join(import.meta.dirname, '../../engine/dist/cli.js');
/** `WARBLER_KILLS=20` for more. */
const KILLS = Number(process.env['WARBLER_KILLS'] ?? 8);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => (folder = await temporaryFolder()));
afterEach(() => folder.remove());

const environment = (more: Record<string, string> = {}) => ({
  PATH: process.env['PATH'],
  WARBLER_DATA_DIR: folder.path,
  ...more,
});
/** Opens the folder as an engine would that is started with these settings. */
const open = (more: Record<string, string> = {}) =>
  openSqliteStore(folder.path, new Seal(loadConfig({ env: environment(more) }).encryptionKey));
const keyFile = () => join(folder.path, 'encryption.key');
const newKeyFile = () => join(folder.path, 'encryption.key.new');

/** A session with a value in every sealed column, and so many Signal keys. */
async function fill(keys: number, settings: Record<string, string> = {}): Promise<void> {
  const store = open(settings);
  const session = await store.sessions.create(aSession({ proxy_url: 'http://u:pass@proxy.test:1' }), someKeys());
  const sessionId = session.id;
  await store.subscriptions.put(subscriptionOf(sessionId));
  const { id: tokenId } = await store.tokens.put('agent', Buffer.alloc(32, 1));
  const asked = { tokenId, sessionId, tool: 'connect_whatsapp_session', input: {}, call: 'c', expiresAt: 1 };
  const approval = await store.approvals.ask(asked, 0);
  await store.approvals.move(approval.id, 'pending', 'done', { answer: 'a QR code' });
  const pairs = Array.from({ length: keys }, (_, at) => [`k${at}`, Buffer.from(`key ${at}`)]);
  await store.commit({
    sessionId,
    creds: Buffer.from('the login'),
    keys: { session: Object.fromEntries(pairs) as Record<string, Buffer> },
    events: [anEvent({ event: 'qrcode.updated', secret: true, data: { qr: 'a QR code' } }), anEvent()],
  });
  await store.close();
}

/** All that the folder keeps of the session, opened. */
async function contents(keys: number, settings: Record<string, string> = {}) {
  const store = open(settings);
  try {
    const [session] = await store.sessions.list();
    const ids = Array.from({ length: keys }, (_, at) => `k${at}`);
    const opened = await store.auth.keys(session!.id, 'session', ids);
    return {
      session,
      creds: (await store.auth.creds(session!.id))!.toString(),
      keys: Object.values(opened).map(String),
      subscriptions: await store.subscriptions.list(session!.id),
      events: await store.events.list(session!.id, { after: 0, limit: 10 }),
      answer: (await store.approvals.get(1))!.answer,
    };
  } finally {
    await store.close();
  }
}

/** What stands in the sealed columns, as it is in the file. */
function sealedValues(): Secrets {
  const file = new Libsql(join(folder.path, 'warbler.db'));
  const values = SEALED.flatMap(({ table, column, where = 'true' }) =>
    (file.prepare(`SELECT ${column} AS value FROM ${table} WHERE ${where}`).all() as { value: ArrayBuffer }[]).map(
      ({ value }, at) => [`${table}.${column} ${at}`, Buffer.from(value)] as const,
    ),
  );
  file.close();
  return Object.fromEntries(values);
}

/** Runs the command to its end. */
async function warbler(args: string[], more: Record<string, string> = {}) {
  try {
    const env = environment(more);
    return { code: 0, ...(await promisify(execFile)(process.execPath, [CLI, ...args], { env })) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

test('a rotation goes through every column that the schema calls sealed', () => {
  const db = Database.open(undefined);
  const columns = db.all(
    `SELECT t.name AS "table", c.name AS "column" FROM sqlite_schema t, pragma_table_info(t.name) c
     WHERE t.type = 'table' AND c.name LIKE 'sealed\\_%' ESCAPE '\\'`,
  );
  db.close();
  expect(columns.length).toBeGreaterThan(5);
  const known = SEALED.map(({ table, column }) => `${table}.${column}`);
  expect(columns.map(({ table, column }) => `${table}.${column}`).filter((name) => !known.includes(name))).toEqual([]);
});

test('after a rotation everything opens with the new key, nothing with the old one, and no old value is left', async () => {
  await fill(1200);
  const [before, values, oldKey] = [await contents(1200), sealedValues(), readFileSync(keyFile(), 'utf8')];
  expect(new Set(Object.keys(values).map((name) => name.split(' ')[0])).size).toBe(SEALED.length);
  expect(found(values, filesIn(folder.path))).toHaveLength(Object.keys(values).length);

  const { code, stdout } = await warbler(['key', 'rotate']);
  expect([code, stdout]).toEqual([0, expect.stringContaining(`${Object.keys(values).length} secrets in`)]);
  expect(await contents(1200)).toEqual(before);
  expect(found(values, filesIn(folder.path))).toEqual([]);
  expect(readFileSync(keyFile(), 'utf8')).not.toBe(oldKey);
  expect(statSync(keyFile()).mode & 0o777).toBe(0o600);
  expect(existsSync(newKeyFile())).toBe(false);
  expect(stdout).not.toContain(readFileSync(keyFile(), 'utf8').trim());
  expect(() => open({ WARBLER_ENCRYPTION_KEY: oldKey.trim() })).toThrow(/another encryption key/);
}, 60_000);

test('with a key that the person keeps, the new one is taken from its setting', async () => {
  const [old, next] = [7, 8].map((byte) => Buffer.alloc(32, byte).toString('base64')) as [string, string];
  const settings = { WARBLER_ENCRYPTION_KEY: old };
  await fill(3, settings);
  expect(await warbler(['key', 'rotate'], settings)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('WARBLER_NEW_ENCRYPTION_KEY'),
  });
  const { code, stdout } = await warbler(['key', 'rotate'], { ...settings, WARBLER_NEW_ENCRYPTION_KEY: next });
  expect([code, stdout]).toEqual([0, expect.stringContaining('Now set WARBLER_ENCRYPTION_KEY to it')]);
  expect(stdout).not.toContain(next);
  expect((await contents(3, { WARBLER_ENCRYPTION_KEY: next })).creds).toBe('the login');
  expect(() => open(settings)).toThrow(/another encryption key/);
  expect(existsSync(keyFile())).toBe(false);
}, 60_000);

test('a rotation does not begin with a wrong key, nor beside a running engine, and changes nothing then', async () => {
  await fill(3);
  const before = await contents(3);
  expect(() =>
    rotateKey(folder.path, new Seal(Buffer.alloc(32, 9)), { key: Buffer.alloc(32, 8), keepIn: 'file' }),
  ).toThrow(/another encryption key/);
  const running = open();
  const { code, stderr } = await warbler(['key', 'rotate']);
  await running.close();
  expect([code, stderr]).toEqual([2, expect.stringMatching(/Another Warbler already runs/)]);
  expect(await contents(3)).toEqual(before);
  expect(existsSync(newKeyFile())).toBe(false);
}, 60_000);

test('a value that is damaged already is reported, and keeps nothing else from its new key', async () => {
  await fill(3);
  const file = new Libsql(join(folder.path, 'warbler.db'));
  file.exec("UPDATE auth_keys SET sealed_value = x'0102' WHERE id = 'k1'");
  file.close();
  const { stdout } = await warbler(['key', 'rotate']);
  expect(stdout).toContain('1 could not be opened with the old key either');
  const store = open();
  expect(await store.auth.keys(1, 'session', ['k2'])).toEqual({ k2: Buffer.from('key 2') });
  await store.close();
}, 60_000);

test('a rotation that was cut after its commit is finished by the next start, to the last old value', async () => {
  await fill(3);
  const [before, values, oldKey] = [await contents(3), sealedValues(), readFileSync(keyFile(), 'utf8')];
  await warbler(['key', 'rotate']);
  const newKey = readFileSync(keyFile(), 'utf8');
  // As it stood at the moment of the commit.
  await rename(keyFile(), newKeyFile());
  await writeFile(keyFile(), oldKey);
  const file = new Libsql(join(folder.path, 'warbler.db'));
  file.exec("INSERT INTO meta (name, value) VALUES ('to-wipe', x'')");
  file.exec('PRAGMA secure_delete = OFF; CREATE TABLE old (value BLOB)');
  for (const value of Object.values(values)) file.prepare('INSERT INTO old VALUES (?)').run([value]);
  file.exec('DROP TABLE old');
  file.close();
  expect(found(values, filesIn(folder.path))).toHaveLength(Object.keys(values).length);

  expect(await contents(3)).toEqual(before);
  expect(readFileSync(keyFile(), 'utf8')).toBe(newKey);
  expect(existsSync(newKeyFile())).toBe(false);
  expect(found(values, filesIn(folder.path))).toEqual([]);
}, 60_000);

test('half a key file of a rotation that was cut short is of no account', async () => {
  await fill(3);
  const before = await contents(3);
  await writeFile(newKeyFile(), 'AAAA');
  expect(await contents(3)).toEqual(before);
  expect(existsSync(newKeyFile())).toBe(false);
});

test(`${KILLS} kills in the middle of a rotation: the folder opens each time, with all that was in it`, async () => {
  const KEYS = 4000;
  await fill(KEYS);
  const before = await contents(KEYS);
  /** Begins a rotation, and resolves when it has begun to seal anew. */
  const begin = async () => {
    const child = spawn(process.execPath, [CLI, 'key', 'rotate'], { env: environment(), stdio: 'ignore' });
    const ended = once(child, 'exit').then(() => true);
    const turn = () => new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 1));
    while (!existsSync(newKeyFile())) if (await Promise.race([ended, turn()])) throw new Error('it ended too soon');
    return { child, ended };
  };
  const whole = await begin();
  const begunAt = performance.now();
  await whole.ended;
  const lastsMs = performance.now() - begunAt;

  const figures = { kills: 0, old: 0, new: 0, finished: 0 };
  for (let kill = 0; kill < KILLS; kill += 1) {
    const keyBefore = readFileSync(keyFile(), 'utf8');
    const { child, ended } = await begin();
    await new Promise((resolve) => setTimeout(resolve, (lastsMs * kill) / KILLS));
    child.kill('SIGKILL');
    await ended;
    figures.kills += child.signalCode === 'SIGKILL' ? 1 : 0;
    const cut = existsSync(newKeyFile());
    expect(await contents(KEYS)).toEqual(before);
    expect(existsSync(newKeyFile())).toBe(false);
    const changed = readFileSync(keyFile(), 'utf8') !== keyBefore;
    figures[changed ? 'new' : 'old'] += 1;
    if (changed && cut) figures.finished += 1;
  }
  console.log(
    `${figures.kills} of ${KILLS} rotations killed within ${Math.round(lastsMs)} ms: the old key stayed ${figures.old} times, the new one came ${figures.new} times (${figures.finished} of them by the next start), 0 folders lost`,
  );
  expect(figures.kills).toBeGreaterThan(0);
  expect(figures.old + figures.new).toBe(KILLS);
}, 240_000);

test('what earlier versions kept in clear is sealed when the store is opened, and gone from the file', async () => {
  await fill(3);
  const secrets: Secrets = { proxy: 'Pr0xy-pässword-42', qr: '2@a-QR-code-of-an-earlier-version' };
  // As an earlier version has left it: written over several times, with nothing wiped.
  const file = new Libsql(join(folder.path, 'warbler.db'));
  file.exec('PRAGMA secure_delete = OFF');
  for (const size of [3000, 10, 500]) {
    const body = JSON.stringify({
      id: 'evt_x',
      event: 'qrcode.updated',
      data: { qr: secrets['qr'], pad: 'x'.repeat(size) },
    });
    file
      .prepare(
        "UPDATE sessions SET sealed_proxy_url = NULL, settings = json_set(settings, '$.proxy_url', ?, '$.pad', ?)",
      )
      .run([`http://u:${String(secrets['proxy'])}@proxy.test:1`, 'x'.repeat(size)]);
    file.prepare("UPDATE events SET body = ? WHERE event = 'qrcode.updated'").run([body]);
    file.prepare('UPDATE approvals SET answer = ?').run([JSON.stringify({ qr: secrets['qr'], pad: 'x'.repeat(size) })]);
  }
  file.exec("DELETE FROM meta WHERE name = 'sealed'");
  file.close();
  expect(found(secrets, filesIn(folder.path))).toHaveLength(2);

  const { session, events, answer } = await contents(3);
  expect(session!.settings.proxy_url).toBe(`http://u:${String(secrets['proxy'])}@proxy.test:1`);
  expect(events[0]).toMatchObject({ event: 'qrcode.updated', data: { qr: secrets['qr'] } });
  expect(answer).toMatchObject({ qr: secrets['qr'] });
  expect(found(secrets, filesIn(folder.path))).toEqual([]);
});
