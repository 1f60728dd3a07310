/**
 * `npm run bench`: Warbler beside raw Baileys, doing the same against the same WhatsApp sandbox in one run. Everything
 * is on this machine; the sandbox, the engine, and Baileys have a process of their own each, and this one drives them
 * and takes the webhooks.
 *
 * How to read the result:
 * - Rates are messages per second, medians; a ratio above 1 says that Warbler is faster. "files" is Baileys with
 *   `useMultiFileAuthState` and a webhook that is fired and forgotten; "memory" keeps nothing at all, which nobody can
 *   run, and is what Baileys itself can do. Warbler has every message on disk before it acknowledges or sends it, takes
 *   each send over HTTP, and delivers each chat in order.
 * - A rate at which the sandbox was at work most of the time is the sandbox's, and a floor for both sides. The CPU time
 *   per message does not suffer from that, and hardly from what else the machine does.
 * - Sizes are MB after garbage collection; a ratio below 1 says that Warbler needs less.
 *
 * Options: --only sends,receive,backlog,memory  --messages 500  --runs 3  --sessions 1,50,200
 *          --profile FOLDER (of the last run of every rate, a .cpuprofile for each side)
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { measureMemory } from './memory.mjs';
import { Child, killAll } from './processes.mjs';
import { measureRate, RATES } from './rates.mjs';
import { Receiver } from './receiver.mjs';
import { Raw, Warbler } from './sides.mjs';
import { costTable, median, memoryTable, ratesTable } from './table.mjs';

const GIVE_UP_MS = 15 * 60_000;
const IDLE_MS = 5_000;
const KINDS = [...Object.keys(RATES), 'memory'];

let interrupted;
const startedAt = performance.now();
const say = (text) =>
  process.stderr.write(`${((performance.now() - startedAt) / 1000).toFixed(0).padStart(4)} s  ${text}\n`);
const print = (text) => process.stdout.write(`${text}\n`);

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: KINDS.join(',') },
      messages: { type: 'string', default: '500' },
      runs: { type: 'string', default: '3' },
      sessions: { type: 'string', default: '1,50,200' },
      profile: { type: 'string' },
    },
  });
  const only = values.only.split(',');
  const unknown = only.find((kind) => !KINDS.includes(kind));
  if (unknown !== undefined) throw new Error(`--only takes ${KINDS.join(', ')}, not ${unknown}.`);
  return {
    only,
    count: natural('messages', values.messages, 5000),
    runs: natural('runs', values.runs, 100),
    sessions: values.sessions.split(',').map((text) => natural('sessions', text, 1000)),
    profiles: values.profile && resolve(values.profile),
  };
}

function natural(option, text, most) {
  const number = /^\d+$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > most) throw new Error(`--${option} takes whole numbers from 1 to ${most}, not ${text}.`);
  return number;
}

/** A sandbox and, on it, the sides; ended in every case. */
async function withSides(folder, make, work) {
  const sandbox = new Child('the sandbox', new URL('sandbox.mjs', import.meta.url).pathname);
  const sides = make(sandbox, folder);
  try {
    await sandbox.ready();
    for (const side of sides) await side.start();
    return await work(sandbox, sides);
  } finally {
    await Promise.all(sides.map((side) => side.stop()));
    await sandbox.stop();
  }
}

async function allRates(folder, { only, ...options }) {
  const figures = KINDS.filter((kind) => only.includes(kind)).flatMap((kind) => RATES[kind] ?? []);
  if (figures.length === 0) return;
  if (options.profiles) await mkdir(options.profiles, { recursive: true });
  const make = (sandbox) => [
    new Warbler(sandbox, folder),
    new Raw('files', sandbox, folder),
    new Raw('memory', sandbox, folder),
  ];
  const receiver = await Receiver.start();
  const measured = [];
  try {
    await withSides(folder, make, async (sandbox, sides) => {
      for (const side of sides) await side.postTo(receiver.url);
      for (const figure of figures) {
        say(`${figure.title}: ${options.runs} × ${options.count} messages on each side`);
        measured.push(await measureRate(figure, sides, { ...options, receiver, sandbox }));
      }
    });
  } finally {
    receiver.close();
  }
  print(
    `\n${ratesTable(measured)}\n* The sandbox was at work nearly all of the time: the client could do more.\n\n${costTable(measured)}`,
  );
  const ceiling = measured.flatMap((figure) => figure.ceiling);
  if (ceiling.length > 0) {
    print(`\nThe sandbox's phones write ${Math.round(median(ceiling))} messages per second when nobody takes them.`);
  }
}

async function allSizes(folder, { only, sessions, runs }) {
  if (!only.includes('memory')) return;
  const counts = [...new Set(sessions)].sort((a, b) => a - b);
  const make = (sandbox) => [new Warbler(sandbox, folder), new Raw('files', sandbox, folder)];
  await withSides(folder, make, async (_sandbox, sides) => {
    print(`\n${memoryTable(await measureMemory(sides, counts, { runs, idleMs: IDLE_MS, say }))}`);
  });
}

async function inFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), 'warbler-bench-'));
  try {
    if (!interrupted) await work(folder);
  } finally {
    killAll();
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

async function main(options) {
  for (const kind of [allRates, allSizes]) await inFolder((folder) => kind(folder, options));
  if (interrupted) throw new Error(interrupted);
  const { model } = cpus()[0];
  print(
    `\nNode ${process.version}, ${cpus().length} × ${model}, ${new Date().toISOString().slice(0, 10)}; medians of ${options.runs}, ${options.count} messages each; took ${Math.round((performance.now() - startedAt) / 1000)} s`,
  );
}

/** Ends the children at once; what was waiting for them then fails, and cleans up on its way out. */
const interrupt = (why) => {
  interrupted = why;
  killAll();
};
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => interrupt(signal));
setTimeout(() => interrupt(`not done after ${GIVE_UP_MS / 60_000} minutes`), GIVE_UP_MS).unref();

let options;
try {
  options = readOptions();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(2);
}
try {
  await main(options);
} catch (error) {
  process.stderr.write(`${interrupted ?? error.stack}\n`);
  process.exitCode = 1;
}
