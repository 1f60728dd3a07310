import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLI, FRIEND, Victim } from '../kill/victim.ts';
import { canMount, mount, smallDisk, unmount } from './disk.ts';

const isRoot = process.getuid?.() === 0;
const asRoot = canMount ? test : test.skip;
const asOther = isRoot ? test.skip : test;

/** How the engine ends that cannot start on this folder, and what it says. */
async function refusal(folder: string): Promise<{ code: number; said: string }> {
  const env = { PATH: process.env['PATH'], WARBLER_DATA_DIR: folder, WARBLER_PORT: '0', WARBLER_SANDBOX_PORT: '0' };
  const child = spawn(process.execPath, [CLI, 'start', '--sandbox'], { env });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => void (said += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, said };
}

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'warbler-disk-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

asRoot('an engine does not start on a read-only disk, and says so (needs root, to mount one)', async () => {
  mount('-t', 'tmpfs', '-o', 'ro', 'tmpfs', folder);
  try {
    expect(await refusal(folder)).toEqual({
      code: 2,
      said: expect.stringMatching(/cannot be .*\. Make it writable/),
    });
  } finally {
    unmount(folder);
  }
});

asOther(
  'an engine does not start on a folder that it may not write to, and says so (needs another user than root)',
  async () => {
    chmodSync(folder, 0o500);
    expect(await refusal(folder)).toEqual({
      code: 2,
      said: expect.stringMatching(/cannot be .*\. Make it writable/),
    });
    chmodSync(folder, 0o700);
  },
);

asRoot(
  'an engine does not start for the first time on a full disk, and does when there is room (needs root, to mount a small one)',
  async () => {
    const disk = smallDisk();
    try {
      disk.fill(process.pid);
      expect(await refusal(disk.folder)).toEqual({ code: 2, said: expect.stringMatching(/full|ENOSPC/) });
      disk.free(process.pid);
      const victim = await Victim.start({}, disk.folder);
      expect((await victim.ask('POST', '/api/send-message', { to: FRIEND, text: 'room', wait: true })).status).toBe(
        200,
      );
      await victim.close();
    } finally {
      disk.remove();
    }
  },
  60_000,
);

asRoot(
  'a folder for files that turns read-only refuses files with a reason, and texts go on (needs root, to mount one)',
  async () => {
    const victim = await Victim.start({}, folder);
    const files = join(folder, 'sandbox', 'files');
    mkdirSync(files, { recursive: true });
    mount('-t', 'tmpfs', '-o', 'ro', 'tmpfs', files);
    try {
      const base64 = `data:text/plain;base64,${Buffer.from('hello').toString('base64')}`;
      expect(await victim.ask('POST', '/api/upload', { base64 })).toMatchObject({
        status: 507,
        body: { code: 'storage_failed', message: expect.stringContaining('cannot be written') },
      });
      expect((await victim.ask('POST', '/api/send-message', { to: FRIEND, text: 'a text', wait: true })).status).toBe(
        200,
      );
    } finally {
      unmount(files);
    }
    await victim.close();
  },
  60_000,
);
