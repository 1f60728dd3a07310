import { createHash } from 'node:crypto';
import { z } from 'zod';
import { MEDIA_KINDS, type MediaKind, type SendRequest } from '../model.ts';
import type { Call } from './operation.ts';

const of = (what: string, file: string) =>
  z
    .string()
    .min(1)
    .optional()
    .meta({
      description: `${what}: an http(s) URL, a data: URL in base64, or the publicUrl or id of an uploaded file`,
      examples: [`https://files.example.com/${file}`],
    });

/** The fields of a message that are about its file. */
export const fileFields = {
  imageUrl: of('Image to send (up to 16 MB)', 'photo.jpg'),
  videoUrl: of('Video to send (MP4 or 3GPP, up to 50 MB)', 'tour.mp4'),
  audioUrl: of('Audio to send, as a voice note unless `voice` is false (up to 16 MB)', 'hello.ogg'),
  documentUrl: of('Document to send (any type, up to 100 MB)', 'invoice.pdf'),
  stickerUrl: of('Sticker to send (WebP, PNG or JPEG, up to 5 MB)', 'wave.webp'),
  fileName: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .meta({ description: 'Name of the document; document.<extension> unless given', examples: ['Invoice 1042.pdf'] }),
  gif: z.boolean().optional().describe('Of a video: play it by itself, in a loop, without sound'),
  videoNote: z.boolean().optional().describe('Of a video: send it as a round video message'),
  voice: z.boolean().optional().describe('Of an audio: true (usual) for a voice note, false for a file with a player'),
  viewOnce: z.boolean().optional().describe('Of an image, video or audio: it can be opened once'),
};

/** The kinds of files that a message names; `text` is required when this is empty and nothing else is sent. */
export const filesIn = (input: Record<string, unknown>): MediaKind[] =>
  MEDIA_KINDS.filter((kind) => input[`${kind}Url`] !== undefined && input[`${kind}Url`] !== null);

/** What is wrong with the fields of a file, taken together. */
export function fileRules(input: Record<string, unknown>): Record<string, string[]> {
  const [kind, other] = filesIn(input);
  const wrong: Record<string, string[]> = {};
  if (kind && other)
    wrong[`${other}Url`] = [`A message has one file: send ${kind}Url and ${other}Url one after the other.`];
  const only = (field: string, kinds: MediaKind[]) => {
    if (input[field] !== true || (kind && kinds.includes(kind))) return;
    wrong[field] = [`The ${field} field goes with ${kinds.map((one) => `${one}Url`).join(', ')} only.`];
  };
  only('gif', ['video']);
  only('videoNote', ['video']);
  only('viewOnce', ['image', 'video', 'audio']);
  return wrong;
}

type FileInput = { [F in keyof typeof fileFields]?: z.output<(typeof fileFields)[F]> };

/**
 * Fetches, checks, converts and keeps the file that a message names, before the message is accepted. Answers what the
 * request says of it, nothing when there is none. A key that was used before fetches nothing again.
 */
export async function attach(
  { engine, record, idempotencyKey }: Pick<Call, 'engine' | 'record' | 'idempotencyKey'>,
  input: FileInput,
): Promise<Partial<SendRequest>> {
  const [kind] = filesIn(input);
  if (!kind) return {};
  const { fileName, gif, videoNote, voice, viewOnce } = input;
  const named = input[`${kind}Url`]!;
  const known = idempotencyKey ? await engine.store.messages.accepted(record.id, idempotencyKey) : undefined;
  const file =
    known?.request?.file ?? (await engine.media.attach(record.id, { kind, source: named, fileName, voice })).id;
  return {
    kind,
    file,
    source: createHash('sha256').update(named).digest('base64url'),
    ...(fileName !== undefined && { fileName }),
    ...(voice !== undefined && { voice }),
    ...(gif && { gif }),
    ...(videoNote && { videoNote }),
    ...(viewOnce && { viewOnce }),
  };
}
