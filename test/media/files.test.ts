import { existsSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Fetcher } from '../../engine/media/fetch.ts';
import { MediaFiles } from '../../engine/media/files.ts';
import { firstLink, previewOf } from '../../engine/media/preview.ts';
import { Seal } from '../../engine/store/seal.ts';
import { openSqliteStore } from '../../engine/store/sqlite/index.ts';
import type { Store } from '../../engine/store/store.ts';
import { aSession, outgoing, silent, someKeys, temporaryFolder } from '../engine/fixtures.ts';
import { FileServer } from './file-server.ts';
import { jpeg, PDF } from './pictures.ts';

const HOUR_MS = 3_600_000;
const about = { use: 'upload', kind: 'document', mimetype: 'application/pdf' } as const;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let store: Store;
let files: MediaFiles;
let sessionId: number;
let now: number;
beforeEach(async () => {
  folder = await temporaryFolder();
  store = openSqliteStore(undefined, new Seal(Buffer.alloc(32, 7)));
  sessionId = (await store.sessions.create(aSession(), someKeys())).id;
  now = Date.now();
  files = await started();
});
afterEach(async () => {
  files.stop();
  await store.close();
  await folder.remove();
});

async function started(): Promise<MediaFiles> {
  const opened = new MediaFiles({
    folder: folder.path,
    store,
    publicUrl: () => 'http://engine.test',
    log: silent,
    now: () => now,
  });
  await opened.start();
  return opened;
}
const draft = (bytes: Buffer = PDF) => files.draft(Readable.from([bytes]), 1000, () => new Error('too large'));
const kept = async (more: object = {}) => files.keep(await draft(), { ...about, sessionId, ...more });
const lying = () => readdirSync(folder.path);

describe('files that are kept', () => {
  test('are found for 24 hours, decrypted ones for one', async () => {
    const upload = await kept();
    const received = await kept({ use: 'received', prefix: '3EB0' });
    now += HOUR_MS - 1;
    expect(await files.get(received.id)).toEqual(received);
    now += 1;
    expect(await files.get(received.id)).toBeUndefined();
    expect(await files.get(upload.id)).toEqual(upload);
    now += 23 * HOUR_MS;
    expect(await files.get(upload.id)).toBeUndefined();
  });

  test('are removed from the disk when they have expired, at the latest by the next start', async () => {
    const { id } = await kept();
    expect(lying()).toEqual([id]);
    now += 25 * HOUR_MS;
    files.stop();
    files = await started();
    expect(lying()).toEqual([]);
  });

  test('stay beyond their time while a message that is to be sent needs them', async () => {
    const { id } = await kept({ use: 'send' });
    await store.messages.enqueue(outgoing(sessionId, { request: { to: '+15550100002', kind: 'document', file: id } }));
    now += 25 * HOUR_MS;
    files.stop();
    files = await started();
    expect(await readFile((await files.ofMessage(sessionId, id)).path)).toEqual(PDF);
    await expect(files.ofMessage(sessionId + 1, id)).rejects.toThrow('no longer kept');
  });

  test('have ids that nobody guesses, and addresses that lead back to them', async () => {
    const [one, other] = [await kept(), await kept({ use: 'received', prefix: '3EB0A1' })];
    expect(other.id).toMatch(/^3EB0A1-[0-9a-f]{32}$/);
    for (const record of [one, other]) {
      expect(files.idOf(files.publicUrl(record))).toBe(record.id);
      expect(files.idOf(record.id)).toBe(record.id);
    }
    expect(files.idOf('http://other.test/media/00000000-0000-0000-0000-000000000000')).toBeUndefined();
    expect(files.idOf(`http://engine.test/api/upload`)).toBeUndefined();
  });

  test('are not there when the disk has lost them, whatever the record says', async () => {
    const record = await kept();
    const { rmSync } = await import('node:fs');
    rmSync(files.path(record.id));
    expect(await files.get(record.id)).toBeUndefined();
    await expect(files.copy(record)).rejects.toMatchObject({ code: 'media_gone' });
  });
});

describe('what a crash leaves behind', () => {
  test('is swept away at the next start; what is not ours is left alone', async () => {
    const { path } = await draft();
    const orphan = files.path('00000000-0000-4000-8000-000000000000');
    writeFileSync(orphan, 'a file without a record');
    writeFileSync(join(folder.path, 'notes.txt'), 'somebody else’s');
    const { id } = await kept();
    files.stop();
    files = await started();
    expect([existsSync(path), existsSync(orphan)]).toEqual([false, false]);
    expect(lying().sort()).toEqual([id, 'notes.txt'].sort());
  });

  test('is nothing, when a file turns out too large or its sender breaks off', async () => {
    await expect(draft(Buffer.alloc(1001))).rejects.toThrow('too large');
    const broken = Readable.from(
      (async function* () {
        yield PDF;
        throw new Error('broken off');
      })(),
    );
    await expect(files.draft(broken, 1000, () => new Error('too large'))).rejects.toThrow('broken off');
    expect(lying()).toEqual([]);
    utimesSync(folder.path, 0, 0);
  });
});

describe('fetching', () => {
  let web: FileServer;
  beforeAll(async () => void (web = await FileServer.start()));
  afterAll(() => web.close());

  const fetcher = (patience = { idleMs: 300, wholeMs: 1000 }) =>
    new Fetcher({ networks: ['loopback'], setting: 'WARBLER_MEDIA_NETWORKS' }, patience);
  const fetched = (url: string, patience?: { idleMs: number; wholeMs: number }) =>
    fetcher(patience).file(url, 'document', files);

  test('gives up on a server that does not answer, on one that falls silent, and on one that takes forever', async () => {
    const silentServer = web.on('/silent', () => {});
    await expect(fetched(silentServer, { idleMs: 300, wholeMs: 10_000 })).rejects.toMatchObject({
      code: 'media_not_fetched',
      message: expect.stringContaining('does not answer in time'),
    });
    const stalls = web.on('/stalls', (_request, response) => void response.writeHead(200).write('abc'));
    await expect(fetched(stalls)).rejects.toMatchObject({ code: 'media_not_fetched' });
    const drips = web.on('/drips', (_request, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(timer));
    });
    await expect(fetched(drips, { idleMs: 5000, wholeMs: 300 })).rejects.toMatchObject({
      message: expect.stringContaining('takes too long'),
    });
    expect(lying()).toEqual([]);
  });

  test('takes the name that the server gives, without folders', async () => {
    const named = (header: string) =>
      fetched(web.put(`/${Math.random()}`, PDF, 'application/pdf', { 'content-disposition': header }));
    expect((await named('attachment; filename="../../r\\u00e9port.pdf"'.replace('\\u00e9', 'e'))).fileName).toBe(
      'report.pdf',
    );
    expect((await named("attachment; filename*=UTF-8''M%C3%A4rz.pdf; filename=x.pdf")).fileName).toBe('März.pdf');
    expect((await fetched(web.put('/folder/plan%20b.pdf?x=1', PDF))).fileName).toBe('plan b.pdf');
  });

  describe('a link preview', () => {
    const page = (head: string, type = 'text/html; charset=utf-8', path = `/${Math.random()}`) =>
      web.put(path, `<!doctype html><html><head>${head}</head><body>…</body></html>`, type);
    const preview = (text: string) => previewOf(text, fetcher());

    test('has the page’s own words, and a small picture', async () => {
      web.put('/cover.jpg', await jpeg(800, 400), 'image/jpeg');
      const url = page(
        '<title>Plain</title><meta property="og:title" content="Birds &amp; bees"><meta property="og:description" content="All\n about them"><meta property="og:image" content="/cover.jpg">',
      );
      const found = await preview(`Look: ${url}, nice!`);
      expect(found).toMatchObject({ url, title: 'Birds & bees', description: 'All about them' });
      const { default: sharp } = await import('sharp');
      expect(await sharp(found!.thumbnail).metadata()).toMatchObject({ format: 'jpeg', width: 72, height: 36 });
    });

    test('makes do with what there is', async () => {
      const url = page('<title> Only\n a title </title><meta property="og:image" content="http://127.0.0.1:9/x">');
      expect(await preview(url)).toEqual({ url, title: 'Only a title' });
      const latin = web.put('/latin', Buffer.from('<title>M\xe4rz</title>', 'latin1'), 'text/html; charset=iso-8859-1');
      expect(await preview(latin)).toMatchObject({ title: 'März' });
    });

    test('is missing when anything goes wrong', async () => {
      for (const text of [
        'no link at all',
        'ftp://example.com',
        page(''),
        page('<title>x</title>', 'application/json'),
        `${web.url}/nothing-here`,
        'http://169.254.169.254/latest',
        'http://10.0.0.1/',
        web.on('/hangs', () => {}),
      ]) {
        expect(await preview(text)).toBeUndefined();
      }
    });

    test('is of the first link, without the sentence around it', () => {
      expect(firstLink('see (https://a.test/x?y=1). And https://b.test')).toBe('https://a.test/x?y=1');
      expect(firstLink('“https://a.test”')).toBe('https://a.test');
      expect(firstLink('a.test is no link')).toBeUndefined();
    });
  });
});
