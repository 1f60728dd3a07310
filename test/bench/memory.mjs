/** The figures that are sizes: resident memory of a process that holds so many connected, idle sessions. */
import { pause } from './promises.mjs';

/**
 * For each count links what is missing, then `runs` times restarts both processes, lets them connect with what they
 * have stored, stand idle and collect their garbage. Answers the MB of each run. The sides run side by side: memory, as
 * opposed to time, does not depend on what else the machine does.
 */
export async function measureMemory(sides, counts, { runs, idleMs, say }) {
  const figures = [];
  for (const count of counts) {
    say(`memory: linking up to ${count} sessions on each side`);
    await Promise.all(sides.map((side) => side.growTo(count)));
    // Baileys must have written its files before its process is ended.
    await pause(idleMs);
    const bySide = new Map(sides.map((side) => [side, { rss: [], heap: [] }]));
    for (let run = 0; run < runs; run++) {
      say(`memory: ${count} sessions, run ${run + 1} of ${runs}`);
      await Promise.all(sides.map((side) => side.restart(count)));
      await pause(idleMs);
      for (const side of sides) {
        const { rss, heap } = await side.memory();
        bySide.get(side).rss.push(rss);
        bySide.get(side).heap.push(heap);
      }
    }
    figures.push({ count, bySide });
  }
  return figures;
}
