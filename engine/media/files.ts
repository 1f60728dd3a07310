import { randomBytes, randomUUID } from 'node:crypto';
import { copyFile, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Logger } from 'pino';
import { EngineError } from '../errors.ts';
import type { MediaKind, MediaRecord } from '../model.ts';
import type { Store } from '../store/store.ts';
import { extensionOf } from './kinds.ts';

const HOUR_MS = 3_600_000;
/** How long a file of each use is kept. WasenderApi documents the first and the last. */
const KEPT_MS: Record<MediaRecord['use'], number> = { upload: 24 * HOUR_MS, send: 24 * HOUR_MS, received: HOUR_MS };
const EXPIRE_EVERY_MS = 60_000;
/** What a file of this folder may be called; whatever else lies in it is somebody else's. */
const OURS = /^(tmp-[0-9a-f]{24}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Za-z0-9]{1,64}-[0-9a-f]{32})$/;
/** Files that no record names and that are older than this were left by a crash. */
const LEFTOVER_MS = HOUR_MS;

/** A file that is written but not kept yet: whoever holds it keeps or discards it. */
export interface Draft {
  path: string;
  size: number;
}

/** What becomes of a draft. */
export interface Keeping {
  sessionId: number;
  use: MediaRecord['use'];
  kind: MediaKind;
  mimetype: string;
  fileName?: string | undefined;
  source?: string | undefined;
  /** Begins the id, for people who look at addresses; what makes it unguessable follows. */
  prefix?: string | undefined;
  /** Instead of what its use gives it. */
  keptMs?: number;
}

/**
 * The files that the engine keeps for a time, in one folder. A file is written under a temporary name, and has its
 * record and its final name only when all of it is on the disk: whatever a crash leaves behind has no record, and is
 * swept away.
 */
export class MediaFiles {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: {
      folder: string;
      store: Store;
      /** Prefix of the addresses that are handed out. */
      publicUrl: () => string;
      log: Logger;
      now?: () => number;
    },
  ) {}

  /** Clears away what the last process left, and from now on whatever has expired. */
  async start(): Promise<void> {
    await mkdir(this.options.folder, { recursive: true, mode: 0o700 });
    await this.expire();
    await this.sweep(0);
    let swept = this.now();
    const tick = async () => {
      await this.expire();
      if (this.now() - swept < LEFTOVER_MS) return;
      swept = this.now();
      await this.sweep(LEFTOVER_MS);
    };
    this.timer = setInterval(() => {
      tick().catch((error: unknown) => this.options.log.error({ err: error }, 'expired files could not be removed'));
    }, EXPIRE_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** A name that nobody else uses, for a file that is to be written. */
  temporary(): string {
    return join(this.options.folder, `tmp-${randomBytes(12).toString('hex')}`);
  }

  /** Writes a stream, counting: `refuse` answers the error once there are more than `limit` bytes. */
  async draft(from: Readable | AsyncIterable<Uint8Array>, limit: number, refuse: () => Error): Promise<Draft> {
    const path = this.temporary();
    let size = 0;
    try {
      await pipeline(
        from,
        async function* (chunks: AsyncIterable<Uint8Array>) {
          for await (const chunk of chunks) {
            size += chunk.length;
            if (size > limit) throw refuse();
            yield chunk;
          }
        },
        createWriteStream(path, { mode: 0o600, flags: 'wx' }),
      );
      return { path, size };
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  /** A draft with the bytes of a file that is kept. Files never change, so both may be one on the disk. */
  async copy(record: MediaRecord): Promise<Draft> {
    const path = this.temporary();
    try {
      await link(this.path(record.id), path).catch(() => copyFile(this.path(record.id), path));
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? gone() : error;
    }
    return { path, size: record.size };
  }

  async discard({ path }: Draft): Promise<void> {
    await rm(path, { force: true });
  }

  /** Keeps a draft under an id of its own. When this resolves, file and record have reached the disk. */
  async keep(draft: Draft, about: Keeping): Promise<MediaRecord> {
    const { sessionId, use, kind, mimetype, fileName, source, prefix, keptMs } = about;
    const id = prefix ? `${prefix}-${randomBytes(16).toString('hex')}` : randomUUID();
    await synced(draft.path);
    const size = (await stat(draft.path)).size;
    await rename(draft.path, this.path(id));
    await synced(this.options.folder);
    const createdAt = this.now();
    const record: MediaRecord = {
      ...{ id, sessionId, use, kind, mimetype, size },
      fileName: fileName ?? null,
      source: source ?? null,
      createdAt,
      expiresAt: createdAt + (keptMs ?? KEPT_MS[use]),
    };
    await this.options.store.media.put(record);
    return record;
  }

  /** The file of an id, while it is kept: a file that has expired is gone, even before it is removed. */
  async get(id: string): Promise<MediaRecord | undefined> {
    return this.living(await this.options.store.media.get(id));
  }

  /** The same, of what was made from `source` for a session. */
  async find(sessionId: number, source: string): Promise<MediaRecord | undefined> {
    return this.living(await this.options.store.media.find(sessionId, source));
  }

  /** Keeps a file for as long as one that was made just now. */
  async renew(record: MediaRecord, keptMs = KEPT_MS[record.use]): Promise<MediaRecord> {
    const expiresAt = Math.max(record.expiresAt, this.now() + keptMs);
    await this.options.store.media.extend(record.id, expiresAt);
    return { ...record, expiresAt };
  }

  /** A file of a message to send: it is there until the message is done, however long that takes. */
  async ofMessage(sessionId: number, id: string): Promise<{ record: MediaRecord; path: string }> {
    const record = await this.options.store.media.get(id);
    if (!record || record.sessionId !== sessionId) throw gone();
    return { record, path: this.path(id) };
  }

  /** WhatsApp has the file, and calls it `name`: what a post in a channel has to say. */
  uploaded({ id }: MediaRecord, name: string): Promise<void> {
    return this.options.store.media.uploaded(id, name);
  }

  path(id: string): string {
    return join(this.options.folder, id);
  }

  publicUrl({ use, id, mimetype, fileName }: MediaRecord): string {
    const base = this.options.publicUrl();
    return use === 'received'
      ? `${base}/api/decrypted-media/${id}`
      : `${base}/media/${id}${extensionOf(mimetype, fileName)}`;
  }

  /** The id in an address that this engine handed out, or in what a caller may give instead of one; else undefined. */
  idOf(text: string): string | undefined {
    const base = this.options.publicUrl();
    const path = text.startsWith(`${base}/`) ? text.slice(base.length) : undefined;
    const file = path === undefined ? text : /^\/(?:media|api\/decrypted-media)\/([^/?#]+)$/.exec(path)?.[1];
    return file && idOfFile(file);
  }

  private async living(record: MediaRecord | undefined): Promise<MediaRecord | undefined> {
    if (!record || record.expiresAt <= this.now()) return undefined;
    const there = await stat(this.path(record.id)).catch(() => undefined);
    return there && record;
  }

  private async expire(): Promise<void> {
    const ids = await this.options.store.media.expire(this.now());
    for (const id of ids) await rm(this.path(id), { force: true });
  }

  private async sweep(olderThanMs: number): Promise<void> {
    const known = new Set(await this.options.store.media.ids());
    for (const name of await readdir(this.options.folder)) {
      if (known.has(name) || !OURS.test(name)) continue;
      const path = this.path(name);
      const { mtimeMs } = (await stat(path).catch(() => undefined)) ?? {};
      if (mtimeMs !== undefined && Date.now() - mtimeMs >= olderThanMs)
        await rm(path, { force: true, recursive: true });
    }
  }

  private now(): number {
    return this.options.now?.() ?? Date.now();
  }
}

/** The id that `<id>.<extension>` begins with; undefined for what cannot be one. */
export function idOfFile(file: string): string | undefined {
  return /^([A-Za-z0-9_-]{16,120})(?:\.[A-Za-z0-9]{1,10})?$/.exec(file)?.[1];
}

const gone = () =>
  new EngineError('media_gone', 'The file of this message is no longer kept. Send the message anew, with its file.');

async function synced(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
