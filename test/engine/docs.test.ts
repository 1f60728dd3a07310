import { existsSync, readFileSync } from 'node:fs';
import { SETTINGS } from '../../engine/config.ts';
import { EVENTS } from '../../engine/events.ts';
import { VERSION } from '../../engine/version.ts';

await import('../../engine/whatsapp/hardening.ts');
const { apiPage } = await import('../../engine/operations/api-page.ts');
const { openApi } = await import('../../engine/operations/openapi.ts');

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const readme = read('README.md');

/** First cells of the rows of the table behind a heading. */
function firstCells(heading: string): string[] {
  const section = readme.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, cell]) => cell!);
}

test('the README lists exactly the settings that the engine reads, with their defaults', () => {
  expect(firstCells('Settings').sort()).toEqual(Object.keys(SETTINGS).sort());
  for (const [name, { default: value, about }] of Object.entries(SETTINGS)) {
    expect(readme).toContain(`| \`${name}\` | ${value === undefined ? '–' : `\`${value}\``} | ${about} |`);
  }
});

test('the README lists exactly the events that the engine emits', () => {
  expect(firstCells('Events').sort()).toEqual(Object.keys(EVENTS).sort());
});

test('the page of the sandbox names every request of its control API, every fault and every rate', () => {
  const page = read('docs/sandbox.md');
  const named = (source: string) =>
    [...source.matchAll(/'(\/(?:phones|groups|channels|faults|stanzas|media|root-key|policy)[^']*)'/g)].map(
      ([, path]) => path!.replace(/:(\w+)/g, '{$1}'),
    );
  const paths = named(read('engine/sandbox/control-api.ts'));
  expect(paths.length).toBeGreaterThan(80);
  expect(paths.filter((path) => !new RegExp(`${path.replace(/[{}]/g, '\\$&')}[ \`?]`).test(page))).toEqual([]);
  const faults = [...read('engine/sandbox/faults.ts').matchAll(/^ \* \| `([a-z-]+)`/gm)].map(([, name]) => name!);
  expect(faults.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  const rates = [...read('engine/sandbox/policy.ts').matchAll(/^ \* \| `(\w+)`/gm)].map(([, name]) => name!);
  expect(rates).toHaveLength(6);
  expect(rates.filter((name) => !page.includes(`${name}?`))).toEqual([]);
});

test('openapi.json and the page of the REST API are those that the operations make', () => {
  const document = openApi('http://127.0.0.1:3210');
  expect(JSON.parse(read('docs/openapi.json'))).toEqual(document);
  expect(read('docs/api.md')).toBe(apiPage(document));
});

test('every suite that SECURITY.md names as the proof of a promise is there', () => {
  const named = [...read('SECURITY.md').matchAll(/`((?:test|scripts)\/[\w/.-]+)`/g)].map(([, path]) => path!);
  expect(named.length).toBeGreaterThan(15);
  const there = (path: string) =>
    [path, `${path}.test.ts`].some((one) => existsSync(new URL(`../../${one}`, import.meta.url)));
  expect(named.filter((path) => !there(path))).toEqual([]);
});

test('engine and nodes have one version, and it is the one that the engine reports', () => {
  const versionOf = (path: string) => (JSON.parse(read(path)) as { version: string }).version;
  expect([versionOf('package.json'), versionOf('engine/package.json')]).toEqual([VERSION, VERSION]);
});
