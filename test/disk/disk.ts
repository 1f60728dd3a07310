import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, rmSync, writeSync, closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder for the engine's data on a disk that can be made to take nothing more. */
export interface Disk {
  readonly folder: string;

  /** From now on nothing can be written. `pid` is the engine's process. */
  fill(pid: number): void;
  free(pid: number): void;
  remove(): void;
}

const SIZE_MB = 24;

/** A small disk of its own, in memory, that really runs full. Only root may mount one. */
export function smallDisk(): Disk {
  const folder = mkdtempSync(join(tmpdir(), 'warbler-disk-'));
  mount('-t', 'tmpfs', '-o', `size=${SIZE_MB}m`, 'tmpfs', folder);
  const ballast = join(folder, 'ballast');
  return {
    folder,
    fill() {
      const file = openSync(ballast, 'a');
      try {
        // The last page, too, of what is left.
        for (const size of [2 ** 20, 4096]) {
          try {
            for (;;) writeSync(file, Buffer.alloc(size));
          } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
          }
        }
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast, { force: true }),
    remove() {
      unmount(folder);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Every write of the process to a file fails, as on a disk that was pulled out: what anybody may do to their own. */
function refusingDisk(): Disk {
  const folder = mkdtempSync(join(tmpdir(), 'warbler-disk-'));
  return {
    folder,
    fill: (pid) => limitFiles(pid, '0'),
    free: (pid) => limitFiles(pid, 'unlimited'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The soft limit alone, which its owner may lift again. */
function limitFiles(pid: number, bytes: string): void {
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]);
}

export function mount(...options: string[]): void {
  execFileSync('mount', options, { stdio: 'pipe' });
}

/** Also while something still has a file on it open. */
export function unmount(folder: string): void {
  execFileSync('umount', ['--lazy', folder]);
}

function can(attempt: () => void): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}

export const canLimit = can(() => limitFiles(process.pid, 'unlimited'));
export const canMount = can(() => {
  const folder = mkdtempSync(join(tmpdir(), 'warbler-disk-'));
  try {
    mkdirSync(folder, { recursive: true });
    mount('-t', 'tmpfs', 'tmpfs', folder);
    unmount(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** The disks of this machine, with what is missing for those that it cannot have. */
export const DISKS: { name: string; missing: string | undefined; make: () => Disk }[] = [
  {
    name: 'a disk that is full',
    missing: canMount ? undefined : 'needs root, to mount a small disk',
    make: smallDisk,
  },
  {
    name: 'a disk that fails',
    missing: canLimit ? undefined : 'needs prlimit, of util-linux',
    make: refusingDisk,
  },
];
