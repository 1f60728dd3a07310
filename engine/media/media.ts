import { Readable } from 'node:stream';
import type { Logger } from 'pino';
import type { Network } from '../config.ts';
import { EngineError, validationFailed } from '../errors.ts';
import type { MediaKind, MediaRecord } from '../model.ts';
import type { Store } from '../store/store.ts';
import { convert } from './convert.ts';
import { Fetcher, fromBase64, fromDataUrl, splitDataUrl, type Fetched } from './fetch.ts';
import { previewOf, type Preview } from './preview.ts';
import { asProfilePicture } from './profile-picture.ts';
import { MediaFiles, type Draft } from './files.ts';
import {
  checkDeclared,
  checkKind,
  detectType,
  extensionOf,
  kindOf,
  KINDS,
  LARGEST,
  plainType,
  safeName,
  tooLarge,
  typeOfName,
} from './kinds.ts';

/** A file as a caller hands it over. */
export interface Given {
  stream: Readable;
  mimetype: string | undefined;
  fileName?: string | undefined;
}

/** A file to send, as a caller names it. */
export interface Attaching {
  kind: MediaKind;
  source: string;
  /** Of a document. */
  fileName?: string | undefined;
  /** Of a recording: whether it is to be a voice note. */
  voice?: boolean | undefined;
  field?: string;
}

/** Everything that is done with files: fetched, checked, converted, kept. */
export class Media {
  readonly files: MediaFiles;
  readonly fetcher: Fetcher;

  constructor(options: {
    folder: string;
    store: Store;
    networks: readonly Network[];
    publicUrl: () => string;
    log: Logger;
  }) {
    this.files = new MediaFiles(options);
    this.fetcher = new Fetcher({ networks: options.networks, setting: 'WARBLER_MEDIA_NETWORKS' });
  }

  start(): Promise<void> {
    return this.files.start();
  }

  async stop(): Promise<void> {
    this.files.stop();
    await this.fetcher.close();
  }

  /** Keeps an uploaded file: its type is checked against its content, its size against the limit of its kind. */
  async upload(sessionId: number, { stream, mimetype, fileName }: Given): Promise<MediaRecord> {
    const name = safeName(fileName);
    const said = plainType(mimetype) || typeOfName(name);
    const expected = said ? kindOf(said) : undefined;
    // Of a file whose type nobody says, the limit is known when it is here.
    const draft = await this.files.draft(stream, expected ? KINDS[expected].limit : LARGEST, () =>
      tooLarge(expected ?? 'document'),
    );
    return this.kept(draft, async () => {
      if (draft.size === 0) throw new EngineError('media_not_usable', 'The file is empty.');
      const detected = await detectType(draft.path);
      checkDeclared(said, detected);
      const type = said || detected || 'application/octet-stream';
      const kind = kindOf(type);
      if (draft.size > KINDS[kind].limit) throw tooLarge(kind);
      return this.files.keep(draft, { sessionId, use: 'upload', kind, mimetype: type, fileName: name });
    });
  }

  /** The same, of a file in base64, plain or as a data: URL. */
  uploadText(
    sessionId: number,
    { base64, mimetype, fileName }: { base64: string; mimetype?: string | undefined; fileName?: string | undefined },
  ): Promise<MediaRecord> {
    const { type, base64: plain } = /^data:/i.test(base64) ? splitDataUrl(base64) : { type: undefined, base64 };
    const said = mimetype ?? type;
    const kind = plainType(said) ? kindOf(said!) : 'document';
    const bytes = fromBase64(plain, KINDS[kind].limit, () => tooLarge(kind));
    return this.upload(sessionId, { stream: Readable.from([bytes]), mimetype: said, fileName });
  }

  /** What a chat shows of the first link in a text; undefined when there is none, or it cannot be had quickly. */
  preview(text: string): Promise<Preview | undefined> {
    return previewOf(text, this.fetcher);
  }

  /**
   * Makes a file ready to be sent as `kind` and keeps it: fetched or found, checked, converted. `source` is an http(s)
   * or data: URL, or the id or publicUrl of a file of this session. Nothing that is accepted depends on a foreign
   * server any more. Throws what the caller is to be told; `field` is what the caller named it in.
   */
  async attach(
    sessionId: number,
    { kind, source, fileName, voice = true, field = `${kind}Url` }: Attaching,
  ): Promise<MediaRecord> {
    const fetched = await this.fetched(sessionId, kind, source, field);
    let draft: Draft = fetched;
    try {
      if (draft.size === 0) throw new EngineError('media_not_usable', 'The file is empty.');
      if (draft.size > KINDS[kind].limit) throw tooLarge(kind);
      const type = await this.typeToSend(kind, fetched);
      const converted = await convert(kind, draft, type, { voice }, this.files);
      draft = converted.draft;
      const { mimetype } = converted;
      const name = kind === 'document' ? nameOf(fileName, fetched, mimetype) : undefined;
      return await this.files.keep(draft, { sessionId, use: 'send', kind, mimetype, fileName: name });
    } catch (error) {
      await this.files.discard(draft);
      throw error;
    }
  }

  /** A picture for a profile, from where {@link attach} takes files; it is not kept. */
  async profilePicture(sessionId: number, source: string, field: string): Promise<Buffer> {
    const fetched = await this.fetched(sessionId, 'image', source, field);
    try {
      checkKind('image', (await detectType(fetched.path)) ?? '');
      return await asProfilePicture(fetched.path);
    } finally {
      await this.files.discard(fetched);
    }
  }

  private async fetched(sessionId: number, kind: MediaKind, source: string, field: string): Promise<Fetched> {
    if (/^data:/i.test(source)) return fromDataUrl(source, kind, this.files);
    const id = this.files.idOf(source);
    if (id !== undefined) {
      const record = await this.files.get(id);
      if (record?.sessionId === sessionId && record.use !== 'send') {
        return {
          ...(await this.files.copy(record)),
          declared: record.mimetype,
          fileName: record.fileName ?? undefined,
          own: true,
        };
      }
      throw validationFailed({
        [field]: [`The ${field} field names no file of this session, or one that has expired. Upload it again.`],
      });
    }
    if (/^https?:\/\//i.test(source)) return this.fetcher.file(source, kind, this.files);
    throw validationFailed({
      [field]: [`The ${field} field must be an http(s) URL, a data: URL, or the publicUrl or id of an uploaded file.`],
    });
  }

  /** What the file is: of pictures, videos and recordings the content says it, of documents also their sender. */
  private async typeToSend(kind: MediaKind, { path, declared, fileName }: Fetched): Promise<string> {
    const detected = await detectType(path);
    if (kind === 'document') {
      checkDeclared(declared, detected);
      return plainType(declared) || typeOfName(fileName) || detected || 'application/octet-stream';
    }
    // One container for both: whether there is a picture in it is not in its first bytes.
    const type = kind === 'audio' ? (detected ?? '').replace(/^video\/(mp4|ogg|webm)$/, 'audio/$1') : (detected ?? '');
    if (kind === 'video' && type === 'image/gif') return type;
    checkKind(kind, type);
    return type;
  }

  /** Whatever goes wrong with a draft, it does not stay. */
  private async kept<T>(draft: Draft, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this.files.discard(draft);
      throw error;
    }
  }
}

/** The name of a document: as asked for, as it was uploaded with, or WasenderApi's default. */
function nameOf(asked: string | undefined, { own, fileName }: Fetched, mimetype: string): string {
  return safeName(asked) ?? (own ? fileName : undefined) ?? `document${extensionOf(mimetype, fileName) || '.bin'}`;
}
