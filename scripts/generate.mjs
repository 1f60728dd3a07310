/**
 * Writes what is derived: the output schemas that n8n's editor reads and the README's table of operations, from the
 * nodes and the engine's operations; the REST API as OpenAPI and as a page to read; a snapshot of each MCP tool and the README's table of them; and the page of what of WasenderApi's documentation
 * holds, from what the contract tests have found (they are run when they have not been yet). Run by `npm run generate`,
 * which builds before. With `--check` nothing is written, and whatever is not as it would be is told.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { conformancePage, results } from './conformance.mjs';
import { operationsTable, outputSchemas } from './nodes.mjs';
import { toolsTable } from './tools.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const check = process.argv.includes('--check');
const { Warbler } = await import(join(root, 'dist/nodes/Warbler/Warbler.node.js'));
const { operations } = await import(join(root, 'engine/dist/operations/index.js'));
const { openApi } = await import(join(root, 'engine/dist/operations/openapi.js'));
const { apiPage } = await import(join(root, 'engine/dist/operations/api-page.js'));
const { tools } = await import(join(root, 'engine/dist/surfaces/mcp/tools.js'));
const shownTools = [...tools.values()].map(({ shown }) => shown);
const { description } = new Warbler();

/** Path → content of everything that is generated. */
const files = new Map();

const schemas = join(root, 'nodes/Warbler/__schema__');
for (const [path, schema] of outputSchemas(description, operations)) {
  files.set(join(schemas, path), await format(JSON.stringify(schema, null, 2), { parser: 'json' }));
}

const snapshots = join(root, 'test/contract/tools');
for (const tool of shownTools) {
  files.set(
    join(snapshots, `${tool.name}.json`),
    await format(JSON.stringify(tool, null, 2), { parser: 'json', printWidth: 120 }),
  );
}

const readme = join(root, 'README.md');
const tables = { operations: operationsTable(description), tools: toolsTable(shownTools) };
files.set(
  readme,
  Object.entries(tables).reduce(
    (text, [name, table]) =>
      text.replace(
        new RegExp(`<!-- ${name} -->[^]*<!-- /${name} -->`),
        () => `<!-- ${name} -->\n\n${table}\n\n<!-- /${name} -->`,
      ),
    readFileSync(readme, 'utf8'),
  ),
);

// As an engine says it that nobody has told where it is.
const document = openApi('http://127.0.0.1:3210');
files.set(join(root, 'docs/openapi.json'), `${JSON.stringify(document, null, 2)}\n`);
files.set(join(root, 'docs/api.md'), apiPage(document));
files.set(join(root, 'docs/conformance.md'), conformancePage(root, results(root) ?? contractTests()));

/** What the contract tests find now. That some of it does not hold is for the page to say. */
function contractTests() {
  const jest = ['--experimental-vm-modules', '--no-warnings', join(root, 'node_modules/jest/bin/jest.js')];
  const suites = ['test/contract/conformance', 'test/contract/events'];
  spawnSync(process.execPath, [...jest, '--runInBand', ...suites], { cwd: root, stdio: 'inherit' });
  const rows = results(root);
  if (!rows) throw new Error('The contract tests have not come to an end: see above.');
  return rows;
}

const leftOver = [schemas, snapshots].flatMap(filesIn).filter((path) => !files.has(path));
const changed = [...files].filter(([path, content]) => !existsSync(path) || readFileSync(path, 'utf8') !== content);
if (check) {
  for (const path of [...changed.map(([path]) => path), ...leftOver]) {
    process.exitCode = 1;
    console.error(`${relative(root, path)} is not what would be generated. Run: npm run generate`);
  }
} else {
  for (const path of leftOver) rmSync(path);
  for (const [path, content] of changed) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}

function filesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
