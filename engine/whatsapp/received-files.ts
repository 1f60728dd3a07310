import type { Logger } from 'pino';
import { EngineError } from '../errors.ts';
import type { Media } from '../media/media.ts';
import type { MediaRecord } from '../model.ts';
import type { Store } from '../store/store.ts';
import { proto, type WAMessage, type WAMessageKey } from './baileys.ts';
import { attachmentOf, download, Expired, keepingOf, sourceOf, type Attachment } from './download.ts';
import { Downloads } from './downloads.ts';
import { keyTo } from './outgoing.ts';
import type { Session } from './session.ts';
import type { SocketSettings } from './socket.ts';

/** So long a phone is waited for that is to upload a file again. */
const REUPLOAD_MS = 20_000;
/** A subscriber that is away for a while still finds what `media.ready` names. */
const DOWNLOADED_MS = 24 * 3_600_000;

/** The files of one session's received messages: downloaded, decrypted and kept for a time. */
export class ReceivedFiles {
  private readonly downloads: Downloads;
  private readonly decrypting = new Map<string, Promise<MediaRecord>>();

  constructor(
    private readonly session: Session,
    store: Store,
    private readonly media: Media,
    private readonly plain: SocketSettings['plain'],
    log: Logger,
  ) {
    this.downloads = new Downloads({
      store,
      sessionId: session.id,
      fileOf: (key, message) => this.fileOf(key, message, DOWNLOADED_MS),
      keyOf: (message) => keyTo(message, session.me),
      publicUrl: (file) => media.files.publicUrl(file),
      log,
    });
  }

  /** The connection is open. */
  open(): void {
    this.downloads.open();
  }

  close(): void {
    this.downloads.close();
  }

  /** Messages came in: some of them may have files that are wanted (`download_media`). */
  wake(): void {
    this.downloads.wake();
  }

  /**
   * The decrypted file of a message; the same one when it is asked for again. What WhatsApp no longer has, the phone is
   * asked to upload again. Throws what the caller is to be told.
   */
  async fileOf(key: WAMessageKey, message: proto.IMessage, keptMs?: number): Promise<MediaRecord> {
    const attachment = attachmentOf(message);
    if (!attachment) {
      throw new EngineError('media_not_usable', 'No supported media object (image, video, etc.) found in the message.');
    }
    const source = sourceOf(attachment);
    const running = this.decrypting.get(source) ?? this.decrypted(key, message, attachment, source, keptMs);
    this.decrypting.set(source, running);
    return running.finally(() => this.decrypting.delete(source));
  }

  /** The same, of a message that is stored: by WasenderApi's number or by WhatsApp's id. */
  async fileOfMessage(id: string): Promise<MediaRecord> {
    const message = await this.session.messages.get(id);
    return this.fileOf(keyTo(message, this.session.me), message.content ? proto.Message.decode(message.content) : {});
  }

  private async decrypted(
    key: WAMessageKey,
    message: proto.IMessage,
    attachment: Attachment,
    source: string,
    keptMs?: number,
  ): Promise<MediaRecord> {
    const { files } = this.media;
    const known = await files.find(this.session.id, source);
    if (known) return files.renew(known, keptMs);
    const from = { way: this.session.way, plain: this.plain, files };
    const file = await download(attachment, from).catch(async (error: unknown) => {
      if (!(error instanceof Expired)) throw error;
      const anew = attachmentOf(await this.uploadedAnew(key, message));
      return download(anew!, from).catch((again: unknown) => {
        throw again instanceof Expired
          ? expiredMedia('the file that the phone brought back is gone, too', again)
          : again;
      });
    });
    const about = {
      ...keepingOf(key, file),
      sessionId: this.session.id,
      source,
      ...(keptMs !== undefined && { keptMs }),
    };
    return files.keep(file.draft, about);
  }

  /** The message with a new address of its file, which the phone was asked to upload once more. */
  private async uploadedAnew(key: WAMessageKey, message: proto.IMessage): Promise<proto.IMessage> {
    const { wa } = this.session;
    if (!wa || !key.remoteJid || !key.id) {
      throw expiredMedia(
        wa ? 'its key has no remoteJid to ask the phone by' : 'the session is not connected to ask the phone',
      );
    }
    const patience = pause(REUPLOAD_MS).then(() => {
      throw expiredMedia('the phone did not upload it again in time');
    });
    try {
      const asked = wa.updateMediaMessage({ key, message } as WAMessage);
      return (await Promise.race([asked, patience])).message!;
    } catch (error) {
      if (error instanceof EngineError) throw error;
      throw expiredMedia('the phone no longer has it, either', error);
    }
  }
}

const expiredMedia = (why: string, cause?: unknown) =>
  new EngineError('media_gone', `WhatsApp no longer has this file, and ${why}.`, { cause });

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref());
