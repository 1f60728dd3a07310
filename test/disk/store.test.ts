import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Seal } from '../../engine/store/seal.ts';
import { openSqliteStore } from '../../engine/store/sqlite/index.ts';
import type { Store } from '../../engine/store/store.ts';
import { aSession, outgoing, someKeys, subscriptionOf } from '../engine/fixtures.ts';
import { canMount, smallDisk, type Disk } from './disk.ts';

let disk: Disk;
let store: Store;
let sessionId: number;
const health: (string | undefined)[] = [];

const open = (folder: string) => openSqliteStore(folder, new Seal(Buffer.alloc(32, 1)));
const aNewSession = ({ sessions }: Store) => sessions.create(aSession(), someKeys());
let sent = 0;
const aMessage = () => outgoing(sessionId, { waId: `3EB0${sent++}` });

/** Nothing else runs meanwhile: the store does its work before it returns. */
function whileFull<T>(work: () => Promise<T>): Promise<T> {
  disk.fill(process.pid);
  try {
    return work();
  } finally {
    disk.free(process.pid);
  }
}

/** One of each way in which the store writes: a transaction, a single statement, one that answers rows. */
const WRITES: Record<string, (store: Store) => Promise<unknown>> = {
  'a commit': ({ commit }) => commit({ sessionId, creds: Buffer.from('{}') }),
  'an accepted message': ({ messages }) => messages.enqueue(aMessage()),
  'a single statement': ({ messages }) => messages.retry(1),
  'a token, which answers its row': ({ tokens }) => tokens.put('cli', Buffer.alloc(32)),
  'a webhook, which answers its row': ({ subscriptions }) => subscriptions.put(subscriptionOf(sessionId)),
  'a session': aNewSession,
  'a count': ({ counters }) => counters.take('session:1', 'sends', [{ seconds: 60, limit: 5 }], { now: 1 }),
};

(canMount ? describe : describe.skip)('while the disk is full (needs root, to mount a small one)', () => {
  beforeAll(async () => {
    disk = smallDisk();
    store = open(disk.folder);
    store.onHealth((failure) => health.push(failure?.code));
    sessionId = (await aNewSession(store)).id;
  });
  afterAll(async () => {
    await store.close();
    disk.remove();
  });

  test.each(Object.entries(WRITES))(
    '%s is refused as storage_failed, and done when it can be',
    async (_what, write) => {
      const refused = whileFull(() => write(store));
      await expect(refused).rejects.toMatchObject({ code: 'storage_failed', status: 507 });
      expect(await store.health()).toBeUndefined();
      await write(store);
    },
  );

  test('what was refused is not there', async () => {
    const before = (await store.tokens.list()).length;
    await expect(whileFull(() => store.tokens.put('lost', Buffer.alloc(32)))).rejects.toThrow();
    expect(await store.tokens.list()).toHaveLength(before);
  });

  test('what is stored can be read, and the store says why it cannot be written', async () => {
    const { message } = await store.messages.enqueue(aMessage());
    await expect(whileFull(() => store.messages.enqueue(aMessage()))).rejects.toThrow();
    expect(await whileFull(() => store.messages.get(sessionId, message.msgId))).toEqual(message);
    expect(await whileFull(() => store.health())).toMatchObject({
      code: 'storage_failed',
      message: expect.stringContaining('is full'),
    });
    expect(await store.health()).toBeUndefined();
  });

  test('the listener hears of the first failure, and of the first success after it', async () => {
    health.length = 0;
    for (let n = 0; n < 3; n++) {
      await expect(whileFull(() => store.messages.enqueue(aMessage()))).rejects.toThrow();
    }
    await store.messages.enqueue(aMessage());
    await store.messages.enqueue(aMessage());
    expect(health).toEqual(['storage_failed', undefined]);
  });
});

test('a database with pages that are none says that it is damaged', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'warbler-disk-'));
  const whole = open(folder);
  sessionId = (await aNewSession(whole)).id;
  const request = { to: '+15550100002', text: 'x'.repeat(1000) };
  for (let n = 0; n < 300; n++) await whole.messages.enqueue({ ...aMessage(), request });
  await whole.close();
  const file = openSync(join(folder, 'warbler.db'), 'r+');
  const { size } = fstatSync(file);
  writeSync(file, Buffer.alloc(size / 2, 0xff), 0, size / 2, size / 2);
  closeSync(file);
  const damaged = open(folder);
  await expect(damaged.messages.queued(sessionId, 1000)).rejects.toMatchObject({
    code: 'storage_failed',
    message: expect.stringContaining('damaged'),
  });
  await damaged.close();
  rmSync(folder, { recursive: true, force: true });
});
