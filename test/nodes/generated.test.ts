import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { operations } from '../../engine/operations/index.ts';
import { Warbler } from '../../dist/nodes/Warbler/Warbler.node.js';
import { nodeOperations, operationsTable, outputSchemas } from '../../scripts/nodes.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const { description } = new Warbler();
const schemas = outputSchemas(description, operations);
const fileOf = (path: string) => join(root, 'dist/nodes/Warbler/__schema__', path);

// After a change of an operation: npm run generate
test.each(schemas)('%s is what the engine answers', (path, schema) => {
  expect(existsSync(fileOf(path)) && JSON.parse(readFileSync(fileOf(path), 'utf8'))).toEqual(schema);
});

test('every operation has a schema of its output', () => {
  const described = nodeOperations(description).map(
    ({ resource, operation }) => `v1.0.0/${resource}/${operation}.json`,
  );
  expect(schemas.map(([path]) => path).sort()).toEqual(described.sort());
});

test('the README lists every resource with its operations', () => {
  expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain(operationsTable(description));
});
