import type { Response } from 'express';
import { EngineError } from '../errors.ts';
import type { FileAnswer } from '../operations/operation.ts';

/** Shown by browsers as they are; everything else, pages and scripts above all, is only to be saved. */
const SHOWN = /^(image\/(jpeg|png|webp|gif|avif)|video\/(mp4|3gpp|webm)|audio\/[\w.+-]+)(;|$)/;

/** Answers a file, or the part of it that was asked for. */
export function sendFile({ path, mimetype, fileName }: FileAnswer, res: Response): Promise<void> {
  res.set({
    'Content-Type': mimetype,
    'Content-Disposition': disposition(SHOWN.test(mimetype) ? 'inline' : 'attachment', fileName),
    'Content-Security-Policy': "sandbox; default-src 'none'",
    'Cache-Control': 'private, max-age=3600',
    'Cross-Origin-Resource-Policy': 'cross-origin',
  });
  return new Promise((resolve, reject) => {
    res.sendFile(path, { dotfiles: 'allow', cacheControl: false, lastModified: false }, (error) => {
      if (!error || res.headersSent) return resolve();
      res.removeHeader('Content-Disposition');
      const { status } = error as { status?: number };
      if (status === 416) return reject(new EngineError('bad_request', 'The file has no such range.'));
      reject(status === 404 ? new EngineError('media_not_found', 'The file has expired.') : error);
    });
  });
}

/** With the name in the form of RFC 6266: plain letters for all, the whole name for those who can. */
function disposition(how: 'inline' | 'attachment', fileName: string | null): string {
  if (!fileName) return how;
  const plain = fileName.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const whole = encodeURIComponent(fileName).replace(/['()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`);
  return `${how}; filename="${plain}"; filename*=UTF-8''${whole}`;
}
