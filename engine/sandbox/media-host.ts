import { createHash, createHmac, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from './accounts.ts';
import { now } from './stanza.ts';
import type { Store } from './store.ts';

/** WhatsApp keeps what was uploaded for about a month. */
const KEPT_SECONDS = 30 * 86_400;
/** How long an upload token is good for (`auth_ttl` of `<media_conn>`). */
export const AUTH_SECONDS = 6 * 3600;

const MB = 1024 * 1024;

/** A kind of media, as the upload's path names it: how large a file may be, and under which path it lies then. */
interface Kind {
  maxBytes: number;
  folder: string;
}

const image: Kind = { maxBytes: 100 * MB, folder: 't62.7118-24' };
const video: Kind = { maxBytes: 100 * MB, folder: 't62.7161-24' };
const audio: Kind = { maxBytes: 100 * MB, folder: 't62.7117-24' };
const blob: Kind = { maxBytes: 2048 * MB, folder: 't62.33333-24' };

export const KINDS: Record<string, Kind> = {
  image,
  video,
  gif: video,
  ptv: video,
  audio,
  ptt: audio,
  document: { maxBytes: 2048 * MB, folder: 't62.7119-24' },
  sticker: { maxBytes: MB, folder: 't62.15575-24' },
  'sticker-pack': { maxBytes: 100 * MB, folder: 't62.15575-24' },
  'thumbnail-link': { maxBytes: 5 * MB, folder: 't62.36144-24' },
  'thumbnail-image': { maxBytes: 5 * MB, folder: 't62.36145-24' },
  'thumbnail-video': { maxBytes: 5 * MB, folder: 't62.36147-24' },
  'thumbnail-document': { maxBytes: 5 * MB, folder: 't62.36144-24' },
  'md-msg-hist': blob,
  'md-app-state': blob,
  // `/product/image` and `/pps/biz-cover-photo`
  'biz-cover-photo': image,
};

/** What is uploaded to a channel is not encrypted: the server shows it to everybody. */
const CHANNEL_FOLDER = 'm1';

/** A file on the media host. */
export interface HostedFile {
  hash: Buffer;
  size: number;
  /** False once WhatsApp has thrown it away. */
  kept: boolean;
}

interface Row {
  path: string;
  hash: Buffer;
  size: number;
  expires: number;
}

/** Where an upload lies: what the uploader puts into the message. */
export interface Placed {
  url: string;
  directPath: string;
}

/**
 * WhatsApp's media host: it keeps encrypted files that it cannot read, gives them to everybody who knows their path,
 * and forgets them after a month. A file lies under its hash, in the data folder or in memory; every upload gets a
 * path of its own.
 */
export class MediaHost {
  readonly #store: Store;
  readonly #secret: Buffer;
  readonly #folder: string | undefined;
  readonly #inMemory = new Map<string, Buffer>();
  readonly #host: () => string;

  /** `host` is the `host:port` under which clients reach the sandbox. */
  constructor(store: Store, host: () => string) {
    this.#store = store;
    this.#host = host;
    this.#secret = store.remember('media secret', () => randomBytes(32));
    this.#folder = store.folder === undefined ? undefined : join(store.folder, 'media');
    if (this.#folder === undefined) return;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    this.#sweep();
  }

  /** The token with which a device uploads. It says nothing and outlives a restart. */
  auth(of: Pick<Device, 'phone' | 'id'>): string {
    const claim = Buffer.from(`${of.phone}:${of.id}:${now() + AUTH_SECONDS}`);
    return `${claim.toString('base64url')}.${this.#sign(claim.toString()).toString('base64url')}`;
  }

  /** Whose token it is; undefined when it is none, or too old. */
  bearer(auth: string): Pick<Device, 'phone' | 'id'> | undefined {
    const [claimed = '', signature = ''] = auth.split('.');
    const claim = Buffer.from(claimed, 'base64url').toString();
    const [phone = '', id = '', until = ''] = claim.split(':');
    if (!equal(this.#sign(claim), Buffer.from(signature, 'base64url')) || Number(until) < now()) return undefined;
    return { phone, id: Number(id) };
  }

  /** Keeps a file. `hash` is the SHA-256 of its bytes. */
  keep(kind: string, bytes: Buffer, encrypted = true): Placed {
    const hash = createHash('sha256').update(bytes).digest();
    this.#write(hash, bytes);
    return this.place(kind, hash, bytes.length, encrypted);
  }

  /** A new path for a file that is here already; it lives for another month. */
  place(kind: string, hash: Buffer, size: number, encrypted = true): Placed {
    const { folder } = KINDS[kind] ?? blob;
    const name = `${randomInt(10 ** 7, 10 ** 8)}_${randomInt(10 ** 14)}_${randomInt(10 ** 14)}_n`;
    const path = encrypted
      ? `/v/${folder}/${name}.enc`
      : `/${CHANNEL_FOLDER}/v/t24/${randomBytes(48).toString('base64url')}`;
    const expires = now() + KEPT_SECONDS;
    this.#store.run(
      'insert into media (path, hash, size, expires) values (?, ?, ?, ?)',
      ...[path, hash, size, expires],
    );
    const oe = expires.toString(16).toUpperCase();
    const directPath = `${path}?ccb=11-4&oh=${this.#oh(path, oe)}&oe=${oe}&_nc_sid=5e03e0`;
    return { directPath, url: `https://${this.#host()}${directPath}${encrypted ? '&mms3=true' : ''}` };
  }

  /** Whether the address was given out by this host: `oh` signs the path and the date on which it ends (`oe`). */
  isSigned(path: string, query: URLSearchParams): boolean {
    const signature = Buffer.from(query.get('oh') ?? '');
    return equal(Buffer.from(this.#oh(path, query.get('oe') ?? '')), signature);
  }

  find(path: string): HostedFile | undefined {
    const row = this.#store.get<Row>('select * from media where path = ?', path);
    return row && { hash: row.hash, size: row.size, kept: row.expires > now() && this.#has(row.hash) };
  }

  /** The bytes behind a direct path; undefined when they are not (or no longer) here. */
  read(directPath: string): Buffer | undefined {
    const file = this.find(directPath.split('?')[0] ?? '');
    return file?.kept ? this.bytes(file.hash) : undefined;
  }

  /** The bytes of a file that is here under its hash, whatever has become of its paths. */
  bytes(hash: Buffer): Buffer | undefined {
    if (!this.#has(hash)) return undefined;
    return this.#folder === undefined ? this.#inMemory.get(hash.toString('hex')) : readFileSync(this.#file(hash));
  }

  /** A phone has this file, too: it stays here for as long as the phone is there. */
  keepFor(phone: string, hash: Buffer): void {
    if (!this.#has(hash)) return;
    this.#store.run('insert or ignore into phone_media (phone, hash) values (?, ?)', phone, hash);
  }

  isKeptFor(phone: string, hash: Buffer): boolean {
    return (
      this.#store.get('select 1 from phone_media where phone = ? and hash = ?', phone, hash) !== undefined &&
      this.#has(hash)
    );
  }

  /** Keeps the bytes without giving them a path: what a phone has on its own disk. */
  #write(hash: Buffer, bytes: Buffer): void {
    if (this.#has(hash)) return;
    if (this.#folder === undefined) {
      this.#inMemory.set(hash.toString('hex'), bytes);
      return;
    }
    // whoever is killed while writing leaves no half file under a good name
    const file = this.#file(hash);
    const half = `${file}.${randomBytes(4).toString('hex')}`;
    writeFileSync(half, bytes, { mode: 0o600 });
    renameSync(half, file);
  }

  /** WhatsApp throws a file away: what lies under this path, or everything that is there now. */
  expire(directPath?: string): number {
    const path = directPath?.split('?')[0];
    return this.#store.run(
      'update media set expires = 0 where expires > 0 and (? is null or path = ?)',
      ...[path ?? null, path ?? null],
    );
  }

  /** Files to which no living path leads and that no phone has, and what a killed upload has left behind. */
  #sweep(): void {
    if (this.#folder === undefined) return;
    const rows = this.#store.all<{ hash: Buffer }>(
      'select hash from media where expires > ? union select hash from phone_media',
      now(),
    );
    const wanted = new Set(rows.map(({ hash }) => hash.toString('hex')));
    for (const name of readdirSync(this.#folder)) {
      if (!wanted.has(name)) rmSync(join(this.#folder, name), { force: true });
    }
  }

  #has(hash: Buffer): boolean {
    return this.#folder === undefined ? this.#inMemory.has(hash.toString('hex')) : existsSync(this.#file(hash));
  }

  #file(hash: Buffer): string {
    return join(this.#folder ?? '', hash.toString('hex'));
  }

  #oh(path: string, oe: string): string {
    return `01_${this.#sign(`${path} ${oe}`).toString('base64url')}`;
  }

  #sign(what: string): Buffer {
    return createHmac('sha256', this.#secret).update(what).digest();
  }
}

function equal(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
