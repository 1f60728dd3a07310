import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

const ROOT = join(import.meta.dirname, '../..');

/**
 * Who may import whom, as ARCHITECTURE.md has it. `rooms` are those a room may import besides itself, `packages` the
 * ones it owns; node's own modules are free to the engine, and so is the type of the log that everybody is handed.
 */
interface Room {
  files: (path: string) => boolean;
  rooms: readonly string[] | 'all';
  packages: readonly string[] | 'all';
  /** Node's own modules, where not all of them. */
  node?: readonly string[];
}

const TYPES_FOR_EVERYBODY = ['pino'];
const inside = (folder: string) => (path: string) => path.startsWith(`${folder}/`);
const WORDS = ['clock', 'config', 'model', 'events', 'filter', 'errors', 'version'].map((name) => `engine/${name}.ts`);
const ASSEMBLY = ['main', 'cli', 'sandbox-mode', 'housekeeping', 'listen'].map((name) => `engine/${name}.ts`);

const ROOMS: Record<string, Room> = {
  words: { files: (path) => WORDS.includes(path), rooms: [], packages: ['zod', 're2js'] },
  store: { files: inside('engine/store'), rooms: ['words'], packages: ['libsql'] },
  network: {
    files: inside('engine/network'),
    rooms: ['words'],
    packages: ['undici', 'ipaddr.js', 'https-proxy-agent', 'socks-proxy-agent'],
  },
  media: {
    files: inside('engine/media'),
    rooms: ['words', 'store', 'network'],
    packages: ['undici', 'sharp', 'file-type', 'htmlparser2', 'p-limit'],
  },
  governor: { files: inside('engine/governor'), rooms: ['words', 'store'], packages: ['luxon'] },
  whatsapp: {
    files: inside('engine/whatsapp'),
    rooms: ['words', 'store', 'network', 'media', 'governor'],
    packages: ['@whiskeysockets/baileys', 'whatsapp-rust-bridge', 'p-limit'],
  },
  jobs: {
    files: inside('engine/jobs'),
    rooms: ['words', 'store', 'network', 'media', 'governor', 'whatsapp'],
    packages: ['luxon', 'libphonenumber-js'],
  },
  delivery: {
    files: inside('engine/delivery'),
    rooms: ['words', 'store', 'network'],
    packages: ['undici', 'p-limit'],
  },
  metrics: { files: inside('engine/metrics'), rooms: ['words', 'store'], packages: ['prom-client'] },
  operations: {
    files: inside('engine/operations'),
    rooms: ['words', 'store', 'network', 'media', 'governor', 'whatsapp', 'jobs', 'delivery', 'metrics'],
    packages: ['zod', 'luxon'],
  },
  surfaces: {
    files: inside('engine/surfaces'),
    rooms: ['words', 'operations'],
    packages: ['express', 'qrcode', 'busboy', '@modelcontextprotocol/sdk', 'zod'],
  },
  sandbox: {
    files: inside('engine/sandbox'),
    rooms: [],
    packages: [
      'ws',
      '@whiskeysockets/baileys',
      'libsignal',
      'whatsapp-rust-bridge',
      'libsql',
      'express',
      'undici',
      'zod',
      'sharp',
      'file-type',
    ],
  },
  assembly: { files: (path) => ASSEMBLY.includes(path) || inside('engine/cli')(path), rooms: 'all', packages: 'all' },
  nodes: {
    files: (path) => path.startsWith('nodes/') || path.startsWith('credentials/'),
    rooms: [],
    packages: ['n8n-workflow'],
    node: ['node:crypto', 'crypto'],
  },
};

interface Import {
  from: string;
  to: string;
  /** Nothing of it is left at run time. */
  typeOnly: boolean;
}

/** Every module that a source file names: imports, re-exports, `import()`, `require()`, and types by `import('…')`. */
function importsOf(path: string, source: string): Import[] {
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    const named =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
        ? node.moduleSpecifier
        : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
          ? node.argument.literal
          : ts.isExternalModuleReference(node)
            ? node.expression
            : ts.isCallExpression(node) && callsForModule(node)
              ? node.arguments[0]
              : undefined;
    if (named && ts.isStringLiteralLike(named)) found.push({ from: path, to: named.text, typeOnly: isTypeOnly(node) });
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true));
  return found;
}

function isTypeOnly(node: ts.Node): boolean {
  if (ts.isImportTypeNode(node)) return true;
  if (!ts.isImportDeclaration(node)) return ts.isExportDeclaration(node) && node.isTypeOnly;
  const { importClause: clause } = node;
  if (!clause || clause.isTypeOnly) return Boolean(clause);
  const names = clause.namedBindings;
  return (
    !clause.name && names !== undefined && ts.isNamedImports(names) && names.elements.every((one) => one.isTypeOnly)
  );
}

const callsForModule = ({ expression }: ts.CallExpression): boolean =>
  expression.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(expression) && expression.text === 'require');

const roomOf = (path: string): string | undefined => Object.keys(ROOMS).find((room) => ROOMS[room]!.files(path));

/** What is wrong with an import; `undefined` when nothing is. */
function objection({ from, to, typeOnly }: Import): string | undefined {
  const room = roomOf(from);
  const says = (what: string) => `${from} imports ${what}`;
  if (!room) return `${from} is in no room`;
  const { rooms, packages, node } = ROOMS[room]!;
  if (to.startsWith('.')) {
    const target = relative(ROOT, join(ROOT, dirname(from), to));
    const other = roomOf(target) ?? roomOf(`${target}.ts`);
    if (other === room || target.endsWith('package.json')) return undefined;
    return other && (rooms === 'all' || rooms.includes(other)) ? undefined : says(`${target} (${other ?? 'no room'})`);
  }
  if (to.startsWith('node:') || builtinModules.includes(to)) {
    return node && !node.includes(to) ? says(to) : undefined;
  }
  const name = to
    .split('/')
    .slice(0, to.startsWith('@') ? 2 : 1)
    .join('/');
  const own = packages === 'all' || packages.includes(name);
  const handed = typeOnly && room !== 'nodes' && TYPES_FOR_EVERYBODY.includes(name);
  return own || handed ? undefined : says(to);
}

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return ['dist', 'node_modules'].includes(entry.name) ? [] : sources(path);
    return path.endsWith('.ts') && !path.endsWith('.d.ts') ? [path] : [];
  });
}

const files = ['engine', 'nodes', 'credentials'].flatMap(sources);
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

test('every file is in one room', () => {
  const rooms = (path: string) => Object.keys(ROOMS).filter((room) => ROOMS[room]!.files(path));
  expect(files.filter((path) => rooms(path).length !== 1)).toEqual([]);
  expect(new Set(files.map(roomOf))).toEqual(new Set(Object.keys(ROOMS)));
});

test('every room imports only what it may', () => {
  const imports = files.flatMap((path) => importsOf(path, read(path)));
  expect(imports.length).toBeGreaterThan(100);
  expect(imports.map(objection).filter(Boolean)).toEqual([]);
});

test('only one file reads the environment', () => {
  const reads = files.filter((path) => path.startsWith('engine/') && /process\.env/.test(read(path)));
  expect(reads).toEqual(['engine/config.ts']);
});

/**
 * Who else than network/ and the sandbox can open a connection, and by what: undici's `request` and node's `fetch`, each
 * time by a dispatcher that network/ has made. The operator's own sandbox is asked straight.
 */
const CALLERS: Record<string, string> = {
  'engine/delivery/attempt.ts': 'request',
  'engine/media/fetch.ts': 'request',
  'engine/whatsapp/download.ts': 'fetch',
};
const CONNECTING = /^(node:)?(http|https|http2|net|tls|dgram|dns|dns\/promises)$|^undici$/;

test('only network/ opens connections; whoever asks something of the world is handed its way by it', () => {
  const found: string[] = [];
  for (const path of files.filter((one) => /^engine\/(?!network\/|sandbox\/|sandbox-mode)/.test(one))) {
    const named = importsOf(path, read(path)).filter(({ to, typeOnly }) => CONNECTING.test(to) && !typeOnly);
    const calls = callsIn(path, read(path), ['fetch', 'request', 'WebSocket']);
    const allowed = CALLERS[path];
    // What listens is no connection of ours.
    if (named.length > 0 && !allowed && path !== 'engine/surfaces/server.ts')
      found.push(`${path} imports ${named[0]!.to}`);
    for (const { name, options } of calls) {
      if (name === allowed && /\bdispatcher\b/.test(options)) continue;
      found.push(`${path} calls ${name}(${options})`);
    }
  }
  expect(found).toEqual([]);
});

/** Calls of functions by these names alone, with their last argument as it is written. */
function callsIn(path: string, source: string, names: string[]): { name: string; options: string }[] {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true);
  const found: { name: string; options: string }[] = [];
  const visit = (node: ts.Node): void => {
    const called = ts.isCallExpression(node) || ts.isNewExpression(node) ? node : undefined;
    if (called && ts.isIdentifier(called.expression) && names.includes(called.expression.text)) {
      found.push({ name: called.expression.text, options: called.arguments?.at(-1)?.getText(file) ?? '' });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

test('whatever the engine imports is among its dependencies', () => {
  const { dependencies } = JSON.parse(read('engine/package.json')) as { dependencies: Record<string, string> };
  const needed = files
    .filter((path) => path.startsWith('engine/'))
    .flatMap((path) => importsOf(path, read(path)))
    .map(({ to }) => to)
    .filter((to) => !to.startsWith('.') && !to.startsWith('node:'))
    .map((to) =>
      to
        .split('/')
        .slice(0, to.startsWith('@') ? 2 : 1)
        .join('/'),
    );
  expect([...new Set(needed)].filter((name) => !(name in dependencies)).sort()).toEqual([]);
});

test('every relative import names a file that is there', () => {
  const missing = files
    .flatMap((path) => importsOf(path, read(path)))
    .filter(({ to }) => to.startsWith('.'))
    .filter(({ from, to }) => {
      const target = join(ROOT, dirname(from), to);
      return ![target, `${target}.ts`, `${target}.json`, join(target, 'index.ts')].some((path) => existsSync(path));
    });
  expect(missing).toEqual([]);
});

describe('the check', () => {
  test.each([
    ['engine/model.ts', './store/store.ts'],
    ['engine/errors.ts', 'undici'],
    ['engine/store/store.ts', '../whatsapp/jid.ts'],
    ['engine/store/store.ts', '../delivery/worker.ts'],
    ['engine/store/sqlite/index.ts', '@whiskeysockets/baileys'],
    ['engine/delivery/worker.ts', '../surfaces/http.ts'],
    ['engine/delivery/worker.ts', '../operations/index.ts'],
    ['engine/delivery/worker.ts', '../main.ts'],
    ['engine/whatsapp/session.ts', '../delivery/worker.ts'],
    ['engine/whatsapp/session.ts', 'express'],
    ['engine/operations/message.ts', 'libsql'],
    ['engine/surfaces/http.ts', '../store/store.ts'],
    ['engine/surfaces/http.ts', '../whatsapp/session.ts'],
    ['engine/sandbox/network.ts', '../errors.ts'],
    ['engine/sandbox/network.ts', '../whatsapp/jid.ts'],
    ['nodes/Warbler/Warbler.node.ts', '../../engine/model'],
    ['nodes/Warbler/Warbler.node.ts', 'node:fs'],
    ['nodes/Warbler/Warbler.node.ts', 'zod'],
    ['credentials/WarblerApi.credentials.ts', 'undici'],
    ['engine/delivery/worker.ts', 'pino'],
    ['engine/somewhere/new.ts', 'node:fs'],
  ])('objects to %s importing %s', (from, to) => {
    expect(objection({ from, to, typeOnly: false })).toMatch(from);
  });

  test('sees an import in whatever way it is written', () => {
    const source = `
      import a from './one.ts';
      import type { B } from './two.ts';
      import './three.ts';
      export * from './four.ts';
      export { c } from './five.ts';
      const d = await import('./six.ts');
      const e = require('./seven.ts');
      type F = import('./eight.ts').F;
      import g = require('./nine.ts');
      // import './not.ts'
      const text = "import './nor.ts'";
    `;
    const numbers = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
    const imports = importsOf('engine/x.ts', source);
    expect(imports.map(({ to }) => to)).toEqual(numbers.map((name) => `./${name}.ts`));
    expect(imports.filter(({ typeOnly }) => typeOnly).map(({ to }) => to)).toEqual(['./two.ts', './eight.ts']);
  });
});
