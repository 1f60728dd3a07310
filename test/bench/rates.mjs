/** The figures that are rates: messages per second on each side, taken in turns so that drift hits all sides alike. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pause } from './promises.mjs';

const SETTLE_MS = 300;
/** Rounds that are not counted: code is compiled, sessions are opened. */
const WARM_UPS = 1;

const sends = {
  title: 'sends, until WhatsApp has acknowledged all',
  run: async (side, { count }) => ({ ms: await side.sends(count) }),
  /** All of them must be on the friend's phone afterwards. */
  arrives: true,
};

const receive = (title, friends) => ({
  title,
  run: async (side, { count, receiver, sandbox }) => {
    const all = receiver.expect(count, side.name);
    const startedAt = performance.now();
    const burst = sandbox.ask('burst', side.friends.slice(0, friends), side.own, count);
    const endedAt = await all;
    await burst;
    return { ms: endedAt - startedAt };
  },
});

const backlog = (title, friends) => ({
  title,
  prepare: async (side, { count, sandbox }) => {
    await side.disconnect();
    await pause(SETTLE_MS);
    return sandbox.ask('burst', side.friends.slice(0, friends), side.own, count);
  },
  run: async (side, { count, receiver }) => {
    const all = receiver.expect(count, side.name);
    const startedAt = performance.now();
    await side.connect();
    return { ms: (await all) - startedAt };
  },
});

export const RATES = {
  sends: [sends],
  receive: [receive('receive → webhook, one chat', 1), receive('receive → webhook, 8 chats', 8)],
  backlog: [backlog('backlog → webhook, one chat', 1), backlog('backlog → webhook, 8 chats', 8)],
};

/**
 * Measures one figure so many times on every side: A B C, A B C, … Answers per side, for each run, the messages per
 * second, the CPU time of the side's process per message in ms, and the share of the time in which the sandbox was at
 * work: near 1, it is the sandbox that was measured. With them, how fast the sandbox by itself put messages up.
 */
export async function measureRate(figure, sides, context) {
  const { runs, count, profiles } = context;
  const bySide = new Map(sides.map((side) => [side, { perSecond: [], cpuMs: [], sandboxShare: [] }]));
  const ceiling = [];
  // Profiling takes time itself, so that a round with it is one more that is not counted.
  for (let run = -WARM_UPS; run < runs + (profiles ? 1 : 0); run++) {
    for (const side of sides) {
      const taken = await measureOnce(figure, side, context, run === runs);
      if (run < 0 || run === runs) continue;
      const numbers = bySide.get(side);
      numbers.perSecond.push((1000 * count) / taken.ms);
      numbers.cpuMs.push(taken.cpuMs / count);
      numbers.sandboxShare.push(taken.sandboxMs / taken.ms);
      if (taken.preparedMs) ceiling.push((1000 * count) / taken.preparedMs);
    }
  }
  return { title: figure.title, bySide, ceiling };
}

async function measureOnce(figure, side, context, profile) {
  const { sandbox, profiles } = context;
  const preparedMs = await figure.prepare?.(side, context);
  if (profile) await side.process.ask('startProfile');
  const [cpuBefore, sandboxBefore] = [await side.cpu(), await sandbox.ask('cpu')];
  const { ms } = await figure.run(side, context);
  const sandboxMs = (await sandbox.ask('cpu')) - sandboxBefore;
  // What is still to be done belongs to these messages, and must not disturb the next side.
  await sandbox.ask('idle');
  await pause(SETTLE_MS);
  const cpuMs = (await side.cpu()) - cpuBefore;
  if (profile) {
    const file = join(profiles, `${side.name}, ${figure.title}.cpuprofile`.replaceAll(/[^\w.]+/g, '-'));
    await writeFile(file, JSON.stringify(await side.process.ask('stopProfile')));
  }
  if (figure.arrives) await checkArrived(side, context);
  return { ms, preparedMs, cpuMs, sandboxMs };
}

async function checkArrived(side, { count, sandbox }) {
  const arrived = await sandbox.ask('news', side.friends[0], side.own);
  if (arrived !== count) throw new Error(`${side.name} sent ${count} messages, of which ${arrived} have arrived.`);
}
