/**
 * `npm run simulate`: what a day of a shop comes to without Warbler and at each of its paces, on a WhatsApp that
 * restricts who exceeds given rates.
 * Prints the table of the README. Takes some minutes; `-- --cold 100 --customers 20` makes a smaller day of it.
 */
import { parseArgs } from 'node:util';
import type { Outcome } from './day.ts';

const { POLICY, simulate } = await import('./day.ts');

const DAY_MS = 86_400_000;
const startedAt = Date.now();
const plan = planOf(process.argv.slice(2));
const paces = [
  { pace: 'off', warmUp: false },
  { pace: 'normal', warmUp: false },
  { pace: 'careful', warmUp: false },
  { pace: 'normal', warmUp: true },
  { pace: 'careful', warmUp: true },
] as const;
const shops = ['Baileys alone', ...paces] as const;
const outcomes = await simulate({ ...plan, shops: [...shops] }, (time) => process.stderr.write(`${time} `));
const rates = Object.entries(POLICY).map(([rate, limit]) => `${rate} ${limit}`);
process.stderr.write('\n');
process.stdout
  .write(`A day with ${plan.customers} customers, ${plan.cold} first messages to write from 9:00 on, and ${plan.groups} groups to look at every hour.
Nobody may exceed: ${rates.join(', ')}.
Simulated in ${((Date.now() - startedAt) / 60_000).toFixed(1)} minutes.

${table(outcomes)}

${repeated(outcomes)}
`);
process.exit(0);

function planOf(args: string[]): { customers: number; cold: number; groups: number } {
  const { values } = parseArgs({
    args,
    options: {
      customers: { type: 'string', default: '200' },
      cold: { type: 'string', default: '1000' },
      groups: { type: 'string', default: '30' },
    },
  });
  for (const [name, value] of Object.entries(values)) {
    if (/^\d{1,4}$/.test(value)) continue;
    process.stderr.write(`--${name} takes a number from 0 to 9999, not "${value}".\n`);
    process.exit(1);
  }
  return { customers: Number(values.customers), cold: Number(values.cold), groups: Number(values.groups) };
}

function table(rows: Outcome[]): string {
  const head = [
    'shop',
    'accepted',
    'answers arrived',
    'first messages arrived',
    'not arrived by midnight',
    'restrictions',
    'the first',
    'restricted until',
    'refused (463)',
    'banned',
  ];
  const lines = rows.map((row) => [
    row.shop,
    row.accepted,
    row.arrived.answers,
    row.arrived.first,
    row.missing,
    row.restrictions,
    row.firstAt === null ? '–' : timeOfDay(row.firstAt),
    restrictedUntil(row),
    row.refused,
    row.bannedAt === null ? 'no' : timeOfDay(row.bannedAt),
  ]);
  return [head, head.map((_, at) => (at === 0 ? '---' : '---:')), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

function repeated(rows: Outcome[]): string {
  const twice = rows.filter(({ arrived }) => arrived.twice > 0).map((row) => `${row.shop} ${row.arrived.twice}`);
  return twice.length === 0 ? 'Nothing arrived twice.' : `Arrived twice: ${twice.join(', ')}.`;
}

function restrictedUntil({ until, bannedAt }: Outcome): string {
  if (bannedAt !== null) return 'for good';
  return until === null ? '–' : `day ${1 + Math.floor(until / DAY_MS)}, ${timeOfDay(until)}`;
}

function timeOfDay(time: number): string {
  return new Date(time).toISOString().slice(11, 16);
}
