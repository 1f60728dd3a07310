import { createHash } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { WHATSAPP_MEDIA_HOST } from './client-agents.ts';
import { isLoopback, speaksOfLoopback } from './control-api.ts';
import { KINDS } from './media-host.ts';
import { withForgedByte } from './impostors.ts';
import type { Network } from './network.ts';

/** `/mms/image/HASH`, `/newsletter/newsletter-image/HASH`, `/product/image/HASH`, `/pps/biz-cover-photo/HASH`. */
const UPLOAD = /^\/(mms|wa-msgr\/mms|newsletter|product|pps)\/(?:newsletter-)?([a-z-]+)\/([A-Za-z0-9_%=-]+)$/;

/** Whether an address on the sandbox's port is the media host's; everything else is the control API's. */
export const isMediaPath = (address: string): boolean =>
  /^\/(?:mms|wa-msgr|newsletter|product|pps|v|m1)\//.test(address);

/**
 * The media host's HTTP side, as WhatsApp's clients use it.
 *
 * | request | answer |
 * |---|---|
 * | `POST /mms/KIND/HASH?auth=&token=` | 200 `{url, direct_path, …}`; 401 the token of `media_conn` is missing or too old; 403 `token` is not the path's hash; 404 no such kind of media; 413 too large; 415 the bytes are not what the hash says |
 * | `GET`, `HEAD` a direct path | 200, or 206 with `Range`; 403 the address is not one that was given out; 404 nothing was ever here; 410 it has expired; 416 |
 * | `DELETE /mms/KIND/HASH?auth=&token=&d_md=` | 200; the file behind the direct path `d_md` is gone (how clients tidy up their history) |
 */
export function mediaApi(network: Network): RequestListener {
  return (request, response) => {
    if (!isForMedia(request)) return refuse(response, 403);
    const url = new URL(request.url ?? '/', 'http://media');
    answer(network, request, response, url).catch((error: unknown) => {
      network.logger.debug({ err: error }, 'a transfer of media has broken off');
      request.destroy();
    });
  };
}

/** From this machine, and for this machine or (as clients write it where they have a path only) for WhatsApp's host. */
export function isForMedia({ socket, headers }: IncomingMessage): boolean {
  return isLoopback(socket.remoteAddress) && (speaksOfLoopback(headers.host) || headers.host === WHATSAPP_MEDIA_HOST);
}

async function answer(network: Network, request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  const upload = UPLOAD.exec(url.pathname);
  const isDownload = !upload && (request.method === 'GET' || request.method === 'HEAD');
  if (isDownload) return download(network, request, response, url);
  if (!upload || (request.method !== 'POST' && request.method !== 'DELETE')) return refuse(response, 405);
  const [, service = '', kind = '', token = ''] = upload;
  const device = network.media.bearer(url.searchParams.get('auth') ?? '');
  const known = device && network.accounts.device(device.phone, device.id);
  if (!known) return refuse(response, 401);
  const hash = Buffer.from(token.replace(/(%3D|=)+$/i, ''), 'base64url');
  if (hash.length !== 32 || !hash.equals(Buffer.from(url.searchParams.get('token') ?? '', 'base64url'))) {
    return refuse(response, 403);
  }
  if (request.method === 'DELETE') return remove(network, response, url);
  const fault = network.faults.fire('refuse-upload', { phone: known.phone, device: known.id, kinds: [kind] });
  if (fault) return refuse(response, fault.code ?? 500);
  const limit = KINDS[kind]?.maxBytes;
  if (limit === undefined) return refuse(response, 404);
  if (Number(request.headers['content-length'] ?? 0) > limit) return refuse(response, 413);
  const bytes = await received(request, limit);
  if (!bytes) return refuse(response, 413);
  if (!createHash('sha256').update(bytes).digest().equals(hash)) return refuse(response, 415);
  const isChannel = service === 'newsletter';
  const { url: whole, directPath } = network.media.keep(kind, bytes, !isChannel);
  const handle = isChannel ? { handle: hash.toString('base64url') } : {};
  json(response, 200, { url: whole, direct_path: directPath, ...handle });
}

function download(network: Network, request: IncomingMessage, response: ServerResponse, url: URL): void {
  const file = network.media.find(url.pathname);
  if (!file) return refuse(response, 404);
  if (!network.media.isSigned(url.pathname, url.searchParams)) return refuse(response, 403);
  const kept = file.kept ? network.media.bytes(file.hash) : undefined;
  if (!kept) return refuse(response, 410);
  const bytes = network.faults.fire('forged-media', {}) ? withForgedByte(kept) : kept;
  const part = rangeOf(request.headers.range, bytes.length);
  if (part === null) {
    response.setHeader('content-range', `bytes */${bytes.length}`);
    return refuse(response, 416);
  }
  const [from, to] = part ?? [0, bytes.length];
  if (part) response.setHeader('content-range', `bytes ${from}-${to - 1}/${bytes.length}`);
  response.writeHead(part ? 206 : 200, {
    'content-type': 'application/octet-stream',
    'content-length': to - from,
    'accept-ranges': 'bytes',
    'cache-control': 'private, max-age=1209600',
  });
  response.end(request.method === 'HEAD' ? undefined : bytes.subarray(from, to));
}

function remove(network: Network, response: ServerResponse, url: URL): void {
  const path = Buffer.from(url.searchParams.get('d_md') ?? '', 'base64url').toString();
  if (network.media.expire(path) === 0) return refuse(response, 404);
  json(response, 200, {});
}

/** From which byte to which (not included); undefined without a range, null when there is nothing in it. */
function rangeOf(header: string | undefined, size: number): [number, number] | null | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  // `bytes=-n` are the last n
  const from = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const to = match[1] === '' || match[2] === '' ? size : Math.min(size, Number(match[2]) + 1);
  return from < to ? [from, to] : null;
}

/** The whole body, or undefined when it is larger than it may be; it is read to its end so that there can be an answer. */
async function received(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += (part as Buffer).length;
    if (size <= limit) parts.push(part as Buffer);
    else parts.length = 0;
  }
  return size > limit ? undefined : Buffer.concat(parts);
}

function refuse(response: ServerResponse, status: number): void {
  // what still comes of the body is not wanted
  response.setHeader('connection', 'close');
  json(response, status, {});
}

function json(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
