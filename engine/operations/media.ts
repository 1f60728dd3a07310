import { z } from 'zod';
import { EngineError, validationFailed } from '../errors.ts';
import { idOfFile } from '../media/files.ts';
import type { MediaRecord } from '../model.ts';
import { operation, type Engine, type FileAnswer } from './operation.ts';

/** Of JSON bodies that may hold a file: 100 MB are 134 MB in base64. */
export const FILE_BODY_MB = 140;

export const upload = operation({
  id: 'media.upload',
  http: 'POST /api/upload',
  access: 'session',
  summary: 'Upload a file to send, and keep it for 24 hours: the body itself, a form with a file, or JSON with base64',
  envelope: 'flat',
  takes: 'file',
  bodyMb: FILE_BODY_MB,
  input: z.object({
    base64: z.string().optional().describe('The file in base64, plain or as a data: URL; only in a JSON body'),
    mimetype: z.string().max(200).optional().describe('Type of the file; wins over the one in a data: URL'),
    fileName: z.string().max(255).optional().describe('Name of the file, for documents'),
  }),
  output: z.object({
    publicUrl: z.string().describe('Address of the file for 24 hours; give it as imageUrl, documentUrl …'),
    id: z.string().describe('Id of the file; can be given instead of its address'),
    mimetype: z.string(),
    size: z.int().describe('Bytes'),
  }),
  run: async ({ engine, record, file: given }, { base64, mimetype, fileName }) => {
    if (given) {
      const about = { ...given, mimetype: mimetype ?? given.mimetype, fileName: fileName ?? given.fileName };
      return shown(engine, await engine.media.upload(record.id, about));
    }
    if (base64 === undefined) {
      throw validationFailed({
        base64: ['The base64 field is required, unless the body is the file itself with its Content-Type.'],
      });
    }
    return shown(engine, await engine.media.uploadText(record.id, { base64, mimetype, fileName }));
  },
});

export const file = operation({
  id: 'media.file',
  http: 'GET /media/:file',
  access: 'public',
  summary: 'Download an uploaded file; who knows its address may',
  answers: 'file',
  input: z.object({ file: z.string().describe('Last part of the address that the upload answered') }),
  output: z.object({ path: z.string(), mimetype: z.string(), fileName: z.string().nullable() }),
  run: async ({ engine }, { file }) =>
    answer(engine, file, 'upload', 'Uploads are kept for 24 hours. Upload it again.'),
});

/** A file by the name in its address. Nobody learns more of a file that has expired than of one that never was. */
export async function answer(
  { media }: Engine,
  file: string,
  use: MediaRecord['use'],
  advice: string,
): Promise<FileAnswer> {
  const id = idOfFile(file);
  const record = id === undefined ? undefined : await media.files.get(id);
  if (record?.use !== use)
    throw new EngineError('media_not_found', `There is no such file, or it has expired. ${advice}`);
  return { path: media.files.path(record.id), mimetype: record.mimetype, fileName: record.fileName };
}

function shown({ media }: Engine, record: MediaRecord) {
  return { publicUrl: media.files.publicUrl(record), id: record.id, mimetype: record.mimetype, size: record.size };
}
