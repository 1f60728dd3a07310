import { spawnSync } from 'node:child_process';
import { programs } from '../../media/ffmpeg.ts';
import { bad, good, note, type Finding } from './finding.ts';

const NODE = [20, 19] as const;

/** What the engine runs on. */
export async function checkMachine(): Promise<Finding[]> {
  return [checkNode(process.versions.node), checkFfmpeg()];
}

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > NODE[0] || (major === NODE[0] && minor >= NODE[1])) return good(`Node.js ${version}`);
  return bad(`Node.js ${version} is too old`, `Install Node.js ${NODE.join('.')} or newer; 22 and 24 are fine.`);
}

function checkFfmpeg(): Finding {
  const { status } = spawnSync(programs.ffmpeg, ['-version'], { stdio: 'ignore', timeout: 10_000 });
  if (status === 0) return good('ffmpeg is there');
  return note('ffmpeg is not installed', 'Only needed to make voice notes of other recordings, and videos of GIFs.');
}
