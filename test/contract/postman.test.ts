import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const CONVERTER = join(ROOT, 'node_modules/openapi-to-postmanv2');

interface Item {
  name: string;
  item?: Item[];
  request?: {
    method: string;
    url: { path: string[]; host: string[] };
    auth?: { type: string };
    body?: { mode: string; raw?: string };
  };
}
interface Collection {
  info: { name: string; schema: string };
  auth: { type: string };
  item: Item[];
  variable: { key: string; value: string }[];
}

const folder = mkdtempSync(join(tmpdir(), 'warbler-postman-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let collection: Collection;
let requests: Item[];

/** As Postman imports a document: with its own converter. */
beforeAll(() => {
  const output = join(folder, 'postman.json');
  const options = 'folderStrategy=Tags,parametersResolution=Example';
  const command = [join(CONVERTER, 'bin/openapi2postmanv2.js'), '-s', 'docs/openapi.json', '-o', output, '-O', options];
  const said = execFileSync(process.execPath, command, {
    cwd: ROOT,
    encoding: 'utf8',
    // A part of the converter that lies beside it looks for its newer ajv, and finds an older one first.
    env: { ...process.env, NODE_PATH: join(CONVERTER, 'node_modules') },
  });
  expect(said).toContain('Conversion successful');
  collection = JSON.parse(readFileSync(output, 'utf8')) as Collection;
  const leaves = ({ item, ...rest }: Item): Item[] => item?.flatMap(leaves) ?? [rest];
  requests = collection.item.flatMap(leaves);
});

test('every operation becomes a request', () => {
  const { paths } = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8')) as {
    paths: Record<string, Record<string, { summary: string }>>;
  };
  const wanted = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
  );
  const found = requests.map(({ request }) => `${request!.method} /${request!.url.path.join('/')}`);
  expect(found.sort()).toEqual(wanted.sort());
});

test('the key is set once, for all of them, and so is the address', () => {
  expect(collection.auth.type).toBe('bearer');
  expect(collection.variable).toContainEqual({ key: 'baseUrl', value: 'http://127.0.0.1:3210' });
  expect(requests.every(({ request }) => request!.url.host[0] === '{{baseUrl}}')).toBe(true);
});

test('requests come with examples that could be sent', () => {
  const send = requests.find(({ request }) => request!.url.path.join('/') === 'api/send-message')!;
  expect(JSON.parse(send.request!.body!.raw!)).toEqual({ to: '+15551234567', text: 'Hello from Warbler' });
});
