/**
 * `npm run simulate`: what a day of a shop comes to at each pace, on a WhatsApp that restricts who exceeds given rates.
 * Prints the table of the README. Takes some minutes; `-- --cold 100 --customers 20` makes a smaller day of it.
 */
import { parseArgs } from 'node:util';
import type { Outcome } from './day.ts';

const { POLICY, simulate } = await import('./day.ts');

const DAY_MS = 86_400_000;
const startedAt = Date.now();
const plan = planOf(process.argv.slice(2));
const shops = (['off', 'normal', 'careful'] as const).flatMap((pace) =>
  [false, true].map((warmUp) => ({ pace, warmUp })),
);
const outcomes = await simulate({ ...plan, shops }, (time) => process.stderr.write(`${time} `));
const rates = Object.entries(POLICY).map(([rate, limit]) => `${rate} ${limit}`);
process.stderr.write('\n');
process.stdout
  .write(`A day with ${plan.customers} customers, ${plan.cold} first messages to write from 9:00 on, and ${plan.groups} groups to look at every hour.
Nobody may exceed: ${rates.join(', ')}.
Simulated in ${((Date.now() - startedAt) / 60_000).toFixed(1)} minutes.

${table(outcomes)}
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
    'pace',
    'accepted',
    'answers arrived',
    'first messages arrived',
    'restrictions',
    'the first',
    'restricted until',
    'refused (463)',
    'waiting at midnight',
    'banned',
  ];
  const lines = rows.map((row) => [
    `${row.pace}${row.warmUp ? ', warm-up' : ''}`,
    row.accepted,
    row.arrived.answers,
    row.arrived.first,
    row.restrictions,
    row.firstAt === null ? '–' : timeOfDay(row.firstAt),
    row.until === null ? '–' : `day ${1 + Math.floor(row.until / DAY_MS)}, ${timeOfDay(row.until)}`,
    row.refused,
    row.waiting,
    row.banned ? 'yes' : 'no',
  ]);
  return [head, head.map((_, at) => (at === 0 ? '---' : '---:')), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

function timeOfDay(time: number): string {
  return new Date(time).toISOString().slice(11, 16);
}
