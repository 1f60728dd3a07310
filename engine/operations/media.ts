import { z } from 'zod';
import { EngineError, validationFailed } from '../errors.ts';
import { idOfFile } from '../media/files.ts';
import { MEDIA_KINDS, type MediaRecord } from '../model.ts';
import { messageFrom } from '../whatsapp/download.ts';
import { chatJid, msgId, unixMs, waId } from './fields.ts';
import { operation, type Engine, type FileAnswer } from './operation.ts';
import { ASKING } from './refusals.ts';

/** Of JSON bodies that may hold a file: 100 MB are 134 MB in base64. */
export const FILE_BODY_MB = 140;

const ID = '8f14e45fceea167a5a36dedd4bea2543';
const fileId = z.string().meta({ examples: [ID] });
const mimetype = z.string().meta({ description: 'Type of the file', examples: ['image/jpeg'] });
const size = z.int().meta({ description: 'Size of the file in bytes', examples: [48_213] });
const fileName = z
  .string()
  .nullable()
  .meta({ description: 'Name of the file', examples: ['photo.jpg'] });
/** The output of an operation that answers the file itself: what its headers are made of. */
const fileShown = z.object({ path: z.string(), mimetype, fileName });
/** As an event has it; the file itself is at WhatsApp. */
const IMAGE = {
  imageMessage: {
    url: 'https://mmg.whatsapp.net/o1/v/t62.7118-24/f2/m231/AQN0?ccb=9-4',
    directPath: '/o1/v/t62.7118-24/f2/m231/AQN0?ccb=9-4',
    mediaKey: 'n6Yn0b1m2Hh3lq5t9C4xq0p6cXv0w1mC9m8r3o6m5bE=',
    mimetype: 'image/jpeg',
    fileLength: '48213',
  },
};

export const upload = operation({
  id: 'media.upload',
  http: 'POST /api/upload',
  access: 'session',
  summary: 'Upload a file to send, and keep it for 24 hours: the body itself, a form with a file, or JSON with base64',
  envelope: 'flat',
  takes: 'file',
  bodyMb: FILE_BODY_MB,
  errors: ['media_not_usable'],
  examples: {
    'A text file in base64': { base64: 'SGVsbG8=', mimetype: 'text/plain', fileName: 'hello.txt' },
  },
  input: z.object({
    base64: z
      .string()
      .optional()
      .meta({
        description: 'The file in base64, plain or as a data: URL; only in a JSON body',
        examples: ['data:text/plain;base64,SGVsbG8='],
      }),
    mimetype: z
      .string()
      .max(200)
      .optional()
      .meta({ description: 'Type of the file; wins over the one in a data: URL', examples: ['text/plain'] }),
    fileName: z
      .string()
      .max(255)
      .optional()
      .meta({ description: 'Name of the file, for documents', examples: ['hello.txt'] }),
  }),
  output: z.object({
    publicUrl: z.string().meta({
      description: 'Address of the file for 24 hours; give it as imageUrl, documentUrl …',
      examples: [`http://127.0.0.1:3210/media/${ID}.txt`],
    }),
    id: fileId.describe('Id of the file; can be given instead of its address'),
    mimetype,
    size,
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
  errors: ['media_not_found'],
  input: z.object({
    file: fileId.describe('Last part of the address that the upload answered'),
  }),
  output: fileShown,
  run: async ({ engine }, { file }) =>
    answer(engine, file, 'upload', 'Uploads are kept for 24 hours. Upload it again.'),
});

const key = z
  .looseObject({
    id: waId,
    remoteJid: chatJid.optional(),
    fromMe: z.boolean().optional().describe('Whether this account sent it'),
  })
  .describe('Key of the message; with remoteJid the phone can be asked for a file that WhatsApp no longer has');
const message = z
  .looseObject({
    key,
    message: z.record(z.string(), z.unknown()).meta({
      description: 'Content of the message, with its imageMessage, videoMessage …',
      examples: [IMAGE],
    }),
  })
  .describe('The message as an event has it; its `message` holds the imageMessage, videoMessage …');

export const decrypt = operation({
  id: 'media.decrypt',
  http: 'POST /api/decrypt-media',
  access: 'session',
  // The file is a part of the message, which everybody may read who may read at all.
  changes: false,
  summary: 'Download and decrypt the file of a received message; answers its address for an hour',
  tools: [
    {
      name: 'download_media',
      description:
        'Download the file of a received message (image, video, audio, document, sticker). Answers a URL that works for an hour, and an id by which the file can be sent on, for instance as imageUrl.',
      readOnly: true,
      fields: ['msgId', 'id'],
    },
  ],
  envelope: 'flat',
  errors: [...ASKING, 'message_not_found', 'url_not_allowed', 'media_not_usable', 'media_gone'],
  examples: {
    'A message as its event has it': {
      data: {
        messages: {
          key: { id: '3EB0C767D26A8B3F5C2A', remoteJid: '15551234567@s.whatsapp.net', fromMe: false },
          message: IMAGE,
        },
      },
    },
    'A message of this session': { msgId: 1042 },
  },
  input: z.object({
    data: z
      .looseObject({ messages: z.union([message, z.array(message).min(1)]).describe('The message, or a list of one') })
      .optional()
      .describe('What messages.received or messages.upsert brought'),
    msgId: msgId.optional().describe('Instead of data: the number of a message of this session'),
    id: waId.optional().describe('Instead of data: the WhatsApp id of a message of this session'),
  }),
  rules: ({ data, msgId, id }) =>
    data === undefined && msgId === undefined && id === undefined
      ? { data: ['The data field is required, unless msgId or id names a message of this session.'] }
      : undefined,
  output: z.object({
    publicUrl: z.string().meta({
      description: 'Address of the decrypted file',
      examples: [`http://127.0.0.1:3210/api/decrypted-media/${ID}.jpg`],
    }),
    id: fileId.describe('Id of the file; can be given as imageUrl, documentUrl … to send it on'),
    kind: z.enum(MEDIA_KINDS).describe('What it is to WhatsApp'),
    mimetype,
    size,
    fileName: fileName.describe('Name of the file, where it has one'),
    expiresAt: unixMs.describe('When the file is gone, in Unix milliseconds'),
  }),
  run: async ({ engine, session }, { data, msgId, id }) => {
    const given = data && [data.messages].flat()[0]!;
    const record = given
      ? await session.files.fileOf(given.key, messageFrom(given.message))
      : await session.files.fileOfMessage(String(msgId ?? id));
    const { kind, fileName, expiresAt } = record;
    return { ...shown(engine, record), kind, fileName, expiresAt };
  },
});

export const decrypted = operation({
  id: 'media.decrypted',
  http: 'GET /api/decrypted-media/:file',
  access: 'public',
  summary: 'Download a decrypted file; who knows its address may',
  answers: 'file',
  errors: ['media_not_found'],
  input: z.object({
    file: fileId.describe('Last part of the address that was answered'),
  }),
  output: fileShown,
  run: async ({ engine }, { file }) =>
    answer(engine, file, 'received', 'Decrypted files are kept for an hour. Decrypt it again.'),
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
