import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { INodePropertyOptions } from 'n8n-workflow';
import { Warbler } from '../../dist/nodes/Warbler/Warbler.node.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const folder = join(root, 'docs', 'pictures');
const nodes = /^## The nodes$([^]*?)^## /m.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1] ?? '';
const sections = nodes.split(/^### /m).slice(1);

const { options } = new Warbler().description.properties.find(({ name }) => name === 'resource') ?? {};

// After a change of what a node looks like: WARBLER_SCREENSHOTS=docs/pictures npm run test:browser
test.each((options as INodePropertyOptions[]).map(({ name }) => name))('the README has a picture of %s', (name) => {
  const section = sections.find((text) => (text.split('\n')[0] ?? '').split(/, | and /).includes(name));
  expect(section).toMatch(/<img src="docs\/pictures\/[\w-]+\.png" alt="[^"]+"/);
});

test('every picture is shown, and there is one of every node', () => {
  const shown = [...nodes.matchAll(/docs\/pictures\/([\w-]+\.png)/g)].map(([, file]) => file);
  expect(readdirSync(folder).sort()).toEqual(shown.sort());
});

test('the pictures are small', () => {
  const sizes = readdirSync(folder).map((file) => statSync(join(folder, file)).size);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  console.log(`${sizes.length} pictures, ${Math.ceil(total / 1024)} KB`);
  expect(total).toBeLessThan(1.5 * 1024 * 1024);
});
