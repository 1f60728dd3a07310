/**
 * Preloaded (`node --import`) into every process that the bench starts, the engine included, so that all of them can be
 * asked the same questions over IPC. When the bench is gone, however it ended, so are they.
 */
import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';

let inspector;

const methods = {
  /** User and system time of this process so far, in ms. */
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
  /** Resident memory after garbage collection, in MB. */
  memory: async () => {
    for (let round = 0; round < 3; round++) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return { rss: residentMb(), heap: process.memoryUsage().heapUsed / 1e6 };
  },
  /** Resident memory as it is, in MB. */
  resident: () => residentMb(),
  startProfile: async () => {
    inspector = new Session();
    inspector.connect();
    await inspector.post('Profiler.enable');
    await inspector.post('Profiler.start');
  },
  stopProfile: async () => {
    const { profile } = await inspector.post('Profiler.stop');
    inspector.disconnect();
    return profile;
  },
};

/** What the operating system says. */
function residentMb() {
  const [, kb] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(kb) / 1024;
}

/** Makes more methods callable, and tells the bench that this process is ready. */
export function offer(more) {
  Object.assign(methods, more);
  process.send({ ready: true });
}

process.on('message', async ({ id, method, args }) => {
  try {
    process.send({ id, answer: await methods[method](...args) });
  } catch (error) {
    process.send({ id, error: error.stack ?? String(error) });
  }
});
process.on('disconnect', () => process.exit(1));
