import { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { request, type Dispatcher } from 'undici';
import { EngineError, storageFailure } from '../errors.ts';
import type { MediaKind } from '../model.ts';
import { checkUrl, guardedAgent, type Reach } from '../network/guard.ts';
import type { Draft, MediaFiles } from './files.ts';
import { KINDS, safeName, tooLarge } from './kinds.ts';

const REDIRECTS = 5;

/** What a download may take. */
export interface Patience {
  /** Until the answer begins, and between any two pieces of it. */
  idleMs: number;
  wholeMs: number;
}

/** A file as it came, with what its sender said of it. */
export interface Fetched extends Draft {
  declared: string | undefined;
  fileName: string | undefined;
  /** It was uploaded here, so that its name is one that somebody chose. */
  own?: boolean;
}

/**
 * Fetches what callers name by URL. Every connection is checked when it is made, redirects too; a file is counted
 * while it comes, whatever its length was said to be.
 */
export class Fetcher {
  private readonly agent: Dispatcher;

  constructor(
    private readonly reach: Reach,
    private readonly patience: Patience = { idleMs: 20_000, wholeMs: 120_000 },
  ) {
    this.agent = guardedAgent(reach, { headersTimeout: patience.idleMs, bodyTimeout: patience.idleMs });
  }

  close(): Promise<void> {
    return this.agent.destroy();
  }

  /** Fetches a file of a kind into the folder. Throws what the caller is to be told. */
  async file(url: string, kind: MediaKind, files: MediaFiles): Promise<Fetched> {
    const host = hostOf(url);
    const { limit } = KINDS[kind];
    try {
      const { body, headers, from } = await this.open(url, AbortSignal.timeout(this.patience.wholeMs));
      if (Number(headers['content-length'] ?? 0) > limit) {
        drop(body);
        throw tooLarge(kind);
      }
      const draft = await files.draft(decoded(body, headers), limit, () => tooLarge(kind));
      return { ...draft, declared: text(headers['content-type']), fileName: nameIn(headers, from) };
    } catch (error) {
      throw toldOf(error, host);
    }
  }

  /** The beginning of a page, at most `most` bytes. */
  async page(url: string, most: number, timeoutMs: number): Promise<{ bytes: Buffer; type: string; from: string }> {
    try {
      const { body, headers, from } = await this.open(url, AbortSignal.timeout(timeoutMs));
      const parts: Buffer[] = [];
      let size = 0;
      for await (const part of decoded(body, headers)) {
        parts.push(part as Buffer);
        size += (part as Buffer).length;
        if (size >= most) break;
      }
      drop(body);
      return { bytes: Buffer.concat(parts).subarray(0, most), type: text(headers['content-type']) ?? '', from };
    } catch (error) {
      throw toldOf(error, hostOf(url));
    }
  }

  /** Follows redirects, each checked like the first address. */
  private async open(url: string, signal: AbortSignal) {
    let from = url;
    for (let hop = 0; hop <= REDIRECTS; hop++) {
      checkUrl(from, this.reach);
      const { statusCode, headers, body } = await request(from, {
        dispatcher: this.agent,
        signal,
        headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'Mozilla/5.0 (compatible; Warbler)' },
      });
      const location = text(headers['location']);
      if (statusCode >= 300 && statusCode < 400 && location) {
        drop(body);
        if (!URL.canParse(location, from)) throw notFetched(hostOf(from), 'it redirects to something that is no URL');
        from = new URL(location, from).href;
        continue;
      }
      if (statusCode !== 200) {
        drop(body);
        throw notFetched(hostOf(from), `it answers HTTP ${statusCode}`);
      }
      return { headers, body, from };
    }
    throw notFetched(hostOf(url), `it redirects more than ${REDIRECTS} times`);
  }
}

/** The file in a `data:` URL. */
export async function fromDataUrl(url: string, kind: MediaKind, files: MediaFiles): Promise<Fetched> {
  const { type, base64 } = splitDataUrl(url);
  const bytes = fromBase64(base64, KINDS[kind].limit, () => tooLarge(kind));
  const draft = await files.draft(Readable.from([bytes]), KINDS[kind].limit, () => tooLarge(kind));
  return { ...draft, declared: type, fileName: undefined };
}

/** `data:image/png;base64,…` in its parts; `type` is undefined when the URL names none. */
export function splitDataUrl(url: string): { type: string | undefined; base64: string } {
  const comma = url.indexOf(',');
  const head = comma < 0 ? undefined : /^data:([^;,\s]*)((?:;[^;,]*)*);base64$/i.exec(url.slice(0, comma));
  if (!head) throw notUsable('A data: URL must look like data:image/png;base64,….');
  return { type: head[1] ? `${head[1]}${head[2]}` : undefined, base64: url.slice(comma + 1) };
}

/** Strictly, because Buffer skips what is no base64, and would make a file of a sentence. */
export function fromBase64(text: string, limit: number, refuse: () => Error): Buffer {
  const dense = /\s/.test(text) ? text.replace(/\s+/g, '') : text;
  if ((dense.length * 3) / 4 > limit + 3) throw refuse();
  const letters = dense.length - (dense.endsWith('==') ? 2 : dense.endsWith('=') ? 1 : 0);
  const bytes = Buffer.from(dense, 'base64');
  // Every four letters are three bytes: whatever was skipped is missing.
  if (letters === 0 || letters % 4 === 1 || bytes.length !== Math.floor((letters * 3) / 4)) {
    throw notUsable('The file is not valid base64.');
  }
  if (bytes.length > limit) throw refuse();
  return bytes;
}

const notUsable = (message: string) => new EngineError('media_not_usable', message);
const notFetched = (host: string, why: string, cause?: unknown) =>
  new EngineError('media_not_fetched', `The file could not be fetched from ${host}: ${why}.`, { cause });

/** Ends a body that nobody reads any more. It complains of that, to nobody. */
function drop(body: Readable): void {
  body.once('error', () => {});
  body.destroy();
}

const hostOf = (url: string) => (URL.canParse(url) ? new URL(url).host : 'there');
const text = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value);

function decoded(body: Readable, headers: Record<string, string | string[] | undefined>): Readable {
  switch (text(headers['content-encoding'])?.toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return piped(body, createGunzip());
    case 'deflate':
      return piped(body, createInflate());
    case 'br':
      return piped(body, createBrotliDecompress());
    default:
      return body;
  }
}

function piped(body: Readable, through: NodeJS.ReadWriteStream & { destroy(error?: Error): unknown }): Readable {
  body.once('error', (error) => through.destroy(error));
  through.once('close', () => drop(body));
  return body.pipe(through) as unknown as Readable;
}

/** Undici's errors in words. Neither they nor ours hold the URL's path. */
function toldOf(error: unknown, host: string): Error {
  const causes = [error, (error as { cause?: unknown }).cause];
  const ours = causes.find((one) => one instanceof EngineError);
  if (ours) return ours as EngineError;
  const storage = storageFailure(error);
  if (storage) return storage;
  const { name, code, message } = error as { name?: string; code?: string; message?: string };
  if (name === 'TimeoutError' || name === 'AbortError') return notFetched(host, 'it takes too long', error);
  if (/TIMEOUT/.test(code ?? '')) return notFetched(host, 'it does not answer in time', error);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return notFetched(host, 'the name is not known', error);
  return notFetched(host, code ?? message ?? 'the connection failed', error);
}

/** The name that the server gives the file, or the last part of the address. */
function nameIn(headers: Record<string, string | string[] | undefined>, url: string): string | undefined {
  const disposition = text(headers['content-disposition']) ?? '';
  const extended = /filename\*\s*=\s*(?:UTF-8|utf-8)''([^;\s]+)/.exec(disposition)?.[1];
  const plain = /filename\s*=\s*(?:"([^"]*)"|([^;\s]+))/i.exec(disposition);
  const last = new URL(url).pathname.split('/').at(-1);
  return safeName(
    unescaped(extended) ?? plain?.[1] ?? plain?.[2] ?? (/\.\w{1,10}$/.test(last ?? '') ? unescaped(last) : undefined),
  );
}

function unescaped(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
