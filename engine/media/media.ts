import { Readable } from 'node:stream';
import type { Logger } from 'pino';
import type { Network } from '../config.ts';
import { EngineError } from '../errors.ts';
import type { MediaRecord } from '../model.ts';
import type { Store } from '../store/store.ts';
import { Fetcher, fromBase64, splitDataUrl } from './fetch.ts';
import { MediaFiles, type Draft } from './files.ts';
import {
  checkDeclared,
  detectType,
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
  uploadText(sessionId: number, base64: string, mimetype: string | undefined): Promise<MediaRecord> {
    const { type, base64: plain } = base64.startsWith('data:') ? splitDataUrl(base64) : { type: undefined, base64 };
    const said = mimetype ?? type;
    const kind = plainType(said) ? kindOf(said!) : 'document';
    const bytes = fromBase64(plain, KINDS[kind].limit, () => tooLarge(kind));
    return this.upload(sessionId, { stream: Readable.from([bytes]), mimetype: said });
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
