import { EngineError } from '../errors.ts';
import { detailsOf, type Details } from '../media/details.ts';
import type { Media } from '../media/media.ts';
import type { MediaRecord, MessageRecord, SendRequest } from '../model.ts';
import { postFile } from '../network/post.ts';
import type { Way } from '../network/way.ts';
import {
  DEFAULT_ORIGIN,
  MEDIA_PATH_MAP,
  prepareWAMessageMedia,
  proto,
  type AnyMediaMessageContent,
  type WAMediaUploadFunction,
  type WASocket,
} from './baileys.ts';
import { isConnectionFailure } from './failure.ts';
import { isChannel } from './jid.ts';
import { mediaHosts } from './media-hosts.ts';

const UPLOAD_SILENCE_MS = 60_000;

interface UploadAnswer {
  url?: string;
  direct_path?: string;
  /** Of files for channels only. */
  handle?: string;
}

/** A file could not be brought to WhatsApp. It is tried again; the message is what is said when it is given up. */
export class UploadFailed extends Error {
  override readonly name = 'UploadFailed';
}

/** A message with a file, uploaded to WhatsApp: the one thing of a message that is made before it is written. */
export async function mediaContent(
  request: SendRequest,
  chat: string,
  { wa, way, media, sessionId }: { wa: WASocket; way: Way; media: Media; sessionId: number },
): Promise<proto.IMessage> {
  const { record, path } = await media.files.ofMessage(sessionId, request.file ?? '');
  const voice = request.voice ?? true;
  const details = await detailsOf(path, record.kind, record.mimetype, voice);
  const content = contentOf(request, record, path, details);
  const named = isChannel(chat) ? (name: string) => media.files.uploaded(record, name) : undefined;
  const message = await prepareWAMessageMedia(content, { upload: uploader(wa, way, named), jid: chat });
  return request.viewOnce ? { viewOnceMessage: { message } } : message;
}

/** What the stanza of a post says of its file: the name that WhatsApp gave the upload. */
export async function postAttributes(
  { chat, request }: MessageRecord,
  { media, sessionId }: { media: Media; sessionId: number },
): Promise<Record<string, string> | undefined> {
  if (!isChannel(chat) || !request?.file) return undefined;
  const { record } = await media.files.ofMessage(sessionId, request.file);
  return record.source === null ? undefined : { media_id: record.source };
}

/** In Baileys' terms. `null` keeps Baileys from finding out by its own means what could not be found out. */
function contentOf(request: SendRequest, record: MediaRecord, path: string, details: Details): AnyMediaMessageContent {
  const { text, gif, videoNote, viewOnce, voice = true } = request;
  const { mimetype } = record;
  const { width, height, seconds, waveform, thumbnail, animated } = details;
  const file = { url: path };
  const common = { mimetype, ...(viewOnce && { viewOnce }) };
  const size = { ...(width && { width }), ...(height && { height }) };
  const look = { ...size, jpegThumbnail: thumbnail ?? null };
  const caption = text ? { caption: text } : {};
  const content = (() => {
    switch (record.kind) {
      case 'image':
        return { image: file, ...common, ...caption, ...look };
      case 'video': {
        const how = videoNote ? { ptv: true } : { ...caption, ...(gif && { gifPlayback: true }) };
        return { video: file, ...common, ...how, ...look, ...(seconds && { seconds }) };
      }
      case 'audio':
        return { audio: file, ...common, ptt: voice, seconds: seconds ?? null, waveform: waveform ?? null };
      case 'document':
        return { document: file, ...common, ...caption, fileName: record.fileName, title: record.fileName };
      case 'sticker':
        return { sticker: file, ...common, ...size, isAnimated: Boolean(animated) };
    }
  })();
  return content as unknown as AnyMediaMessageContent;
}

/**
 * Baileys' way of uploading, with two differences. It says why when WhatsApp does not take a file: Baileys does not look
 * at the HTTP status. And files for channels go where WhatsApp's own clients bring them; `named` hears what the upload
 * is called.
 */
function uploader(wa: WASocket, { dispatcher }: Way, named?: (name: string) => Promise<void>): WAMediaUploadFunction {
  return async (path, { mediaType, fileEncSha256B64 }) => {
    const token = encodeURIComponent(fileEncSha256B64.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, ''));
    const place = MEDIA_PATH_MAP[mediaType]!;
    const folder = named ? place.replace('/mms/', '/newsletter/newsletter-') : place;
    let why = 'WhatsApp names no host for files';
    // The second time with a new token: the old one may have run out.
    for (const anew of [false, true]) {
      const { hosts, auth } = await mediaHosts(wa, anew);
      for (const hostname of hosts) {
        const url = `https://${hostname}${folder}/${token}?auth=${encodeURIComponent(auth)}&token=${token}`;
        const headers = { 'content-type': 'application/octet-stream', origin: DEFAULT_ORIGIN };
        try {
          const { status, answer } = await postFile(url, path, { dispatcher, headers, timeoutMs: UPLOAD_SILENCE_MS });
          const { url: mediaUrl, direct_path: directPath, handle } = answer as UploadAnswer;
          if (status < 300 && mediaUrl && directPath) {
            if (handle) await named?.(handle);
            return { mediaUrl, directPath };
          }
          why = `WhatsApp did not take the file: its media host answered HTTP ${status}`;
          if (status === 413) throw new EngineError('whatsapp_refused', `${why} (too large)`);
        } catch (error) {
          if (error instanceof EngineError) throw error;
          why = `WhatsApp’s media host could not be reached (${wordsOf(error)})`;
        }
      }
    }
    throw new UploadFailed(why);
  };
}

function wordsOf(error: unknown): string {
  if (isConnectionFailure(error)) return 'the connection broke';
  const { code, message } = error as { code?: string; message?: string };
  return (code === 'EPROXY' ? message : code) ?? message ?? 'the connection failed';
}
