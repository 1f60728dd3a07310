/**
 * Writes what is derived from the nodes and the engine's operations: the output schemas that n8n's editor reads, the
 * README's table of operations, and the page of the REST API. Tests hold both to the sources. Run by `npm run generate`, which builds before.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { apiPage } from './api.mjs';
import { operationsTable, outputSchemas } from './nodes.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { Warbler } = await import(join(root, 'dist/nodes/Warbler/Warbler.node.js'));
const { operations } = await import(join(root, 'engine/dist/operations/index.js'));
const { description } = new Warbler();

const schemas = join(root, 'nodes/Warbler/__schema__');
rmSync(schemas, { recursive: true, force: true });
for (const [path, schema] of outputSchemas(description, operations)) {
  mkdirSync(dirname(join(schemas, path)), { recursive: true });
  writeFileSync(join(schemas, path), await format(JSON.stringify(schema, null, 2), { parser: 'json' }));
}

const readme = join(root, 'README.md');
const table = `<!-- operations -->\n\n${operationsTable(description)}\n\n<!-- /operations -->`;
const text = readFileSync(readme, 'utf8');
writeFileSync(
  readme,
  text.replace(/<!-- operations -->[^]*<!-- \/operations -->/, () => table),
);

writeFileSync(join(root, 'docs/api.md'), apiPage(operations));
