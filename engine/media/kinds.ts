import { fileTypeFromFile, supportedMimeTypes } from 'file-type';
import { EngineError } from '../errors.ts';
import type { MediaKind } from '../model.ts';

const MB = 1024 * 1024;

interface Kind {
  /** WasenderApi's documented limit, in bytes. */
  limit: number;
  /** What may be sent as this kind. Of a document: everything. */
  accepts: readonly string[];
  /** How a person puts that. */
  formats: string;
}

export const KINDS: Record<MediaKind, Kind> = {
  image: {
    limit: 16 * MB,
    accepts: ['image/jpeg', 'image/png', 'image/webp', 'image/gif', 'image/avif', 'image/tiff'],
    formats: 'JPEG, PNG, WebP, GIF, AVIF or TIFF',
  },
  video: { limit: 50 * MB, accepts: ['video/mp4', 'video/3gpp'], formats: 'MP4 or 3GPP' },
  audio: {
    limit: 16 * MB,
    accepts: [
      'audio/ogg',
      'audio/mpeg',
      'audio/mp4',
      'audio/aac',
      'audio/amr',
      'audio/wav',
      'audio/flac',
      'audio/webm',
    ],
    formats: 'OGG, MP3, M4A, AAC, AMR, WAV, FLAC or WebM',
  },
  document: { limit: 100 * MB, accepts: [], formats: 'any file' },
  sticker: { limit: 5 * MB, accepts: ['image/webp', 'image/png', 'image/jpeg'], formats: 'WebP, PNG or JPEG' },
};

/** WhatsApp lets people send documents of this size. */
export const LARGEST_RECEIVED = 2048 * MB;
/** The most that any file may have. */
export const LARGEST = Math.max(...Object.values(KINDS).map(({ limit }) => limit));

export function tooLarge(kind: MediaKind): EngineError {
  return new EngineError(
    'payload_too_large',
    `File size exceeds the limit of ${KINDS[kind].limit / MB} MB for this file type.`,
  );
}

/** Other names of a type that content is recognized as. */
const SAME: Record<string, string> = {
  'image/jpg': 'image/jpeg',
  'image/pjpeg': 'image/jpeg',
  'image/apng': 'image/png',
  'audio/mp3': 'audio/mpeg',
  'audio/mpeg3': 'audio/mpeg',
  'audio/x-mp3': 'audio/mpeg',
  'audio/x-mpeg': 'audio/mpeg',
  'audio/m4a': 'audio/mp4',
  'audio/x-m4a': 'audio/mp4',
  'audio/aacp': 'audio/aac',
  'audio/x-aac': 'audio/aac',
  'audio/amr-nb': 'audio/amr',
  'audio/opus': 'audio/ogg',
  'application/ogg': 'audio/ogg',
  'audio/x-wav': 'audio/wav',
  'audio/wave': 'audio/wav',
  'audio/vnd.wave': 'audio/wav',
  'audio/x-flac': 'audio/flac',
  'video/x-m4v': 'video/mp4',
  'video/3gpp2': 'video/3gpp',
  'application/x-pdf': 'application/pdf',
  'application/x-zip-compressed': 'application/zip',
  'application/x-gzip': 'application/gzip',
};

/** `Image/JPG; q=1` → `image/jpeg`. Empty for what says nothing: no type, or one for "some bytes". */
export function plainType(mimetype: string | undefined | null): string {
  const bare = (mimetype ?? '').split(';')[0]!.trim().toLowerCase();
  if (!/^[a-z0-9.+-]+\/[a-z0-9.+_-]+$/.test(bare)) return '';
  if (/^(application|binary)\/(octet-stream|unknown|x-download|force-download)$/.test(bare)) return '';
  return SAME[bare] ?? bare;
}

/** A type as a message states it, which its sender wrote: whole if it can stand in a header, else "some bytes". */
export function typeOrBytes(mimetype: string | undefined | null): string {
  const type = (mimetype ?? '').trim();
  return /^[\w.+-]{1,100}\/[\w.+-]{1,100}(; ?[\w-]+="?[\w.,+-]+"?)*$/.test(type) ? type : 'application/octet-stream';
}

/** Types that one container holds: the first bytes tell the container, not always what is in it. */
const FAMILIES: [string, RegExp][] = [
  ['mp4', /^(video|audio)\/(mp4|3gpp|quicktime)$/],
  ['ogg', /^(audio|video)\/ogg$/],
  ['matroska', /^(audio|video)\/(webm|matroska|x-matroska)$/],
  [
    'zip',
    /(openxmlformats|opendocument|epub|\+zip$|\/zip$|java-archive|android\.package|\/vnd\.ms-.*(12|macroenabled))/,
  ],
  ['cfb', /(^application\/(msword|x-cfb|x-msi|vnd\.ms-(?!.*(12|macroenabled))))/],
  ['xml', /(\/|\+)xml$|^text\/html$/],
  ['rtf', /\/rtf$/],
];
const familyOf = (type: string) => FAMILIES.find(([, pattern]) => pattern.test(type))?.[0] ?? type;

const RECOGNIZED = new Set([...supportedMimeTypes].map((type) => familyOf(plainType(type))));
/** Of these content is always recognized: a file in which it is not is something else, or broken. */
const MUST_BE_RECOGNIZED =
  /^(image\/(jpeg|png|gif|webp|avif|tiff)|(video|audio)\/(mp4|ogg|3gpp|webm|wav|flac)|application\/(pdf|zip))$/;

/** What the first bytes of a file say that it is; undefined for text and other things without magic numbers. */
export async function detectType(path: string): Promise<string | undefined> {
  // What breaks the search is a file that begins like one of a type and is none.
  const found = await fileTypeFromFile(path).catch(() => undefined);
  return found && plainType(found.mime);
}

/** Throws when the content is plainly something else than what it was declared as. */
export function checkDeclared(declared: string | undefined, detected: string | undefined): void {
  const type = plainType(declared);
  if (!type) return;
  const same = detected ? familyOf(type) === familyOf(detected) : !MUST_BE_RECOGNIZED.test(type);
  // A type that nobody recognizes by content may be in any container, but no text, picture or recording is.
  const unknown = !RECOGNIZED.has(familyOf(type)) && type.startsWith('application/');
  if (same || (unknown && detected)) return;
  throw new EngineError(
    'unsupported_media_type',
    `The file’s content (${detected ?? 'not recognized'}) does not match its declared type (${type}).`,
  );
}

/** As what a file of this type is uploaded: decides the limit. What WhatsApp shows in no other way is a document. */
export function kindOf(mimetype: string): MediaKind {
  const type = plainType(mimetype);
  if (type === 'image/webp') return 'sticker';
  if (KINDS.image.accepts.includes(type)) return 'image';
  if (type.startsWith('video/')) return 'video';
  if (type.startsWith('audio/')) return 'audio';
  return 'document';
}

/** Throws when a file of this type cannot be sent as this kind. */
export function checkKind(kind: MediaKind, type: string): void {
  if (kind === 'document' || KINDS[kind].accepts.includes(type)) return;
  throw new EngineError(
    'unsupported_media_type',
    `The file is ${type || 'of no recognized type'}, which cannot be sent as ${kind === 'image' || kind === 'audio' ? 'an' : 'a'} ${kind}: ${KINDS[kind].formats} can. Convert it, or send it as documentUrl.`,
  );
}

/** Endings of the types that are met most; others have none. */
const EXTENSIONS: Record<string, string> = {
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/webp': 'webp',
  'image/gif': 'gif',
  'image/avif': 'avif',
  'image/tiff': 'tiff',
  'image/heic': 'heic',
  'image/svg+xml': 'svg',
  'video/mp4': 'mp4',
  'video/3gpp': '3gp',
  'video/quicktime': 'mov',
  'video/webm': 'webm',
  'video/matroska': 'mkv',
  'audio/ogg': 'ogg',
  'audio/mpeg': 'mp3',
  'audio/mp4': 'm4a',
  'audio/aac': 'aac',
  'audio/amr': 'amr',
  'audio/wav': 'wav',
  'audio/flac': 'flac',
  'audio/webm': 'weba',
  'application/pdf': 'pdf',
  'application/zip': 'zip',
  'application/gzip': 'gz',
  'application/json': 'json',
  'application/xml': 'xml',
  'application/rtf': 'rtf',
  'application/msword': 'doc',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.ms-powerpoint': 'ppt',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation': 'pptx',
  'application/vnd.oasis.opendocument.text': 'odt',
  'application/vnd.oasis.opendocument.spreadsheet': 'ods',
  'application/epub+zip': 'epub',
  'text/plain': 'txt',
  'text/csv': 'csv',
  'text/html': 'html',
  'text/calendar': 'ics',
  'text/vcard': 'vcf',
  'text/markdown': 'md',
};

/** `.pdf`, by the type or else by the name; empty when neither tells. */
export function extensionOf(mimetype: string, fileName?: string | null): string {
  const known = EXTENSIONS[plainType(mimetype)];
  if (known) return `.${known}`;
  return /\.[A-Za-z0-9]{1,10}$/.exec(fileName ?? '')?.[0]?.toLowerCase() ?? '';
}

/** The type that an ending stands for; undefined for one that is not known. */
export function typeOfName(fileName: string | undefined): string | undefined {
  const ending = /\.([A-Za-z0-9]{1,10})$/.exec(fileName ?? '')?.[1]?.toLowerCase();
  return Object.keys(EXTENSIONS).find((type) => EXTENSIONS[type] === ending);
}

const NAME_BYTES = 200;

/** A name without folders, control characters or marks of direction, that every file system takes. */
export function safeName(fileName: string | undefined | null): string | undefined {
  const name = (fileName ?? '')
    .replace(/^.*[\\/]/s, '')
    // Also half characters, which no header can hold.
    .replace(/[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim()
    .replace(/[. ]+$/, '');
  if (!name) return undefined;
  const ending = /\.[^.]{1,10}$/.exec(name)?.[0] ?? '';
  const letters = [...name.slice(0, name.length - ending.length)];
  let left = NAME_BYTES - Buffer.byteLength(ending);
  const kept = letters.filter((letter) => (left -= Buffer.byteLength(letter)) >= 0);
  return `${kept.join('')}${ending}`;
}
