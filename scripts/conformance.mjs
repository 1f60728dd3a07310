/**
 * docs/conformance.md: what of WasenderApi's documentation holds here. Made of what the contract tests leave in
 * .cache/conformance, which is what they have really seen.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** By fixture, in the order of the documentation's groups. */
const GROUPS = [
  ['Access', /^(bearer|personal|error-|response-h|understanding)/],
  ['Sessions', /session|api-key|logs$|proxies/],
  ['Messages', /^(send|edit|delete-a-m|get-message-info|mark|resend)/],
  ['Media', /media/],
  ['Contacts', /contact|lid|whatsapp$/],
  ['Groups', /group/],
  ['Webhooks', /^(webhook|event )/],
];
const groupOf = (name) => GROUPS.find(([, fits]) => fits.test(name))?.[0] ?? 'Webhooks';

/** Names of all fixtures, and what each says of itself. */
function fixtures(root) {
  const folder = join(root, 'test/contract/fixtures');
  return ['general', 'endpoints', 'events'].flatMap((kind) =>
    readdirSync(join(folder, kind))
      .sort()
      .map((file) => ({
        name: `${kind === 'events' ? 'event ' : ''}${basename(file, '.json')}`,
        ...JSON.parse(readFileSync(join(folder, kind, file), 'utf8')),
      })),
  );
}

/** What the last run of the contract tests has found; `undefined` when there was none of all of them. */
export function results(root) {
  const folder = join(root, '.cache/conformance');
  if (!existsSync(folder)) return undefined;
  const rows = readdirSync(folder)
    .sort()
    .flatMap((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')));
  const proven = new Set(rows.map(({ fixture }) => fixture));
  const documented = fixtures(root).filter(({ parameters = [], responses = [], examples = [] }) =>
    [parameters, responses, examples].some((list) => list.length > 0),
  );
  return documented.every(({ name }) => proven.has(name)) ? rows : undefined;
}

const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const code = (text) => (text.startsWith('“') || text.startsWith('only') ? text : `\`${text}\``);
const holds = ({ holds, why }) => (why ? `${holds}: ${why}` : holds);

function table(rows) {
  const lines = rows.map((row, n) => {
    const first = rows[n - 1]?.fixture !== row.fixture;
    const endpoint = first ? `**${row.title}**${row.at ? `<br>\`${row.at}\`` : ''}` : '';
    return `| ${[endpoint, row.what, code(row.documented), holds(row)].map(cell).join(' | ')} |`;
  });
  return ['| endpoint | parameter or example | documented | holds |', '|---|---|---|---|', ...lines].join('\n');
}

export function conformancePage(root, rows) {
  const known = new Map(fixtures(root).map((fixture) => [fixture.name, fixture]));
  const shown = rows
    .map((row) => ({
      ...row,
      title: known.get(row.fixture)?.title ?? row.endpoint,
      at: atOf(known.get(row.fixture), row),
    }))
    .map((row, n) => ({ ...row, n }))
    .sort((a, b) => a.title.localeCompare(b.title, 'en') || a.fixture.localeCompare(b.fixture, 'en') || a.n - b.n);
  const count = (what) => rows.filter((row) => row.holds === what).length;
  const notes = [...known.values()].filter(({ note }) => note).sort((a, b) => a.title.localeCompare(b.title, 'en'));
  return `# Conformance to WasenderApi

Every parameter, every response example and every webhook example of WasenderApi’s published documentation, and whether it holds. The contract tests (\`test/contract/\`) perform each against simulated phones and look at what arrives there, not only at the answer; \`npm run generate\` writes this page from what they found, and \`npm run check\` fails when it is not so. The documented commands are run by curl as they stand (\`curl.test.ts\`), and WasenderApi’s own client for Node.js with its whole surface (\`wasenderapi-client.test.ts\`). Pages of the documentation that are about no endpoint and no webhook (SDKs, Postman, MCP, its n8n node) have no line here.

${count('yes')} hold, ${count('not applicable')} are not applicable, ${count('no')} do not hold.

${GROUPS.map(([name]) => [name, shown.filter(({ fixture }) => groupOf(fixture) === name)])
  .filter(([, group]) => group.length > 0)
  .map(([name, group]) => `## ${name}\n${table(group)}`)
  .join('\n\n')}

## Where the documentation was repaired, or contradicts itself
${notes.map(({ title, note }) => `- **${title}**: ${note}`).join('\n')}
`;
}

function atOf(fixture, row) {
  if (fixture?.path) return `${fixture.method} ${fixture.path}`;
  return fixture?.event ?? (row.fixture.startsWith('event ') ? row.fixture.slice(6) : undefined);
}
