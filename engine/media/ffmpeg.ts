import { spawn } from 'node:child_process';
import { EngineError } from '../errors.ts';

/** As they are found on the PATH. */
export const programs = { ffmpeg: 'ffmpeg', ffprobe: 'ffprobe' };

const TIME_LIMIT_MS = 60_000;
const OUTPUT_LIMIT = 64 * 1024 * 1024;
/** A few bytes can claim to be a film that fills the memory: neither a frame nor anything else may be larger. */
const FRAME_PIXELS = 8192 * 8192;
const BLOCK_BYTES = 512 * 1024 * 1024;

/** Which of ffmpeg's readers a type is for. Named, because a reader that ffmpeg chooses may open other files. */
const READERS: Record<string, string> = {
  'audio/ogg': 'ogg',
  'audio/mpeg': 'mp3',
  'audio/mp4': 'mov',
  'audio/aac': 'aac',
  'audio/amr': 'amr',
  'audio/wav': 'wav',
  'audio/flac': 'flac',
  'audio/webm': 'matroska',
  'video/mp4': 'mov',
  'video/3gpp': 'mov',
  'image/gif': 'gif',
};

/** ffmpeg is not installed. What needs it is done without, or refused with this as the cause. */
export class NoFfmpeg extends Error {
  override readonly name = 'NoFfmpeg';
}

/** Runs ffmpeg on a file, without a shell; answers what it prints. `to` follows the input. */
export function ffmpeg({ path, type }: { path: string; type: string }, to: string[]): Promise<Buffer> {
  return run(programs.ffmpeg, ['-nostdin', '-v', 'error', '-y', ...reading(path, type), ...to]);
}

export function ffprobe({ path, type }: { path: string; type: string }, to: string[]): Promise<Buffer> {
  return run(programs.ffprobe, ['-v', 'error', ...to, ...reading(path, type)]);
}

function reading(path: string, type: string): string[] {
  const reader = READERS[type];
  if (!reader) throw new EngineError('media_not_usable', `${type} cannot be converted.`);
  const limits = ['-max_alloc', String(BLOCK_BYTES), '-max_pixels', String(FRAME_PIXELS)];
  return [...limits, '-protocol_whitelist', 'file', '-f', reader, '-i', `file:${path}`];
}

function run(program: string, args: string[]): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIME_LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    const parts: Buffer[] = [];
    let size = 0;
    let complaint = '';
    child.stdout.on('data', (part: Buffer) => {
      size += part.length;
      if (size > OUTPUT_LIMIT) child.kill('SIGKILL');
      else parts.push(part);
    });
    child.stderr.on('data', (part: Buffer) => (complaint = `${complaint}${part.toString()}`.slice(-2000)));
    child.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'ENOENT' ? new NoFfmpeg('ffmpeg is not installed', { cause: error }) : error);
    });
    child.once('close', (code) => {
      if (code === 0) return resolve(Buffer.concat(parts));
      const why = code === null ? 'it takes too long' : 'it is damaged, or of a kind that ffmpeg does not know';
      const cause = new Error(complaint);
      reject(new EngineError('media_not_usable', `The file cannot be converted: ${why}.`, { cause }));
    });
  });
}
