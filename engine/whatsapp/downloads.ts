import type { Logger } from 'pino';
import { EngineError, storageFailure } from '../errors.ts';
import type { NewEvent } from '../events.ts';
import type { MessageRecord, MediaRecord } from '../model.ts';
import type { Store } from '../store/store.ts';
import { proto, type WAMessageKey } from './baileys.ts';
import { describeKey, laneOf, subjectOf } from './describe.ts';
import { attachmentOf } from './download.ts';
import { isPerson } from './jid.ts';

/** After a failure it is tried again so much later; after the last one it is given up. */
const PAUSES_MS = [5_000, 30_000, 120_000];

/** A file that could not be written down is downloaded again so much later. */
const UNWRITABLE_PAUSE_MS = 10_000;

/**
 * Downloads the files of received messages, for sessions with `download_media`. What is to be downloaded is committed
 * with its message, and struck off together with the event that tells of it: a crash in between loses neither, and the
 * file that a crash left behind is found again.
 */
export class Downloads {
  private running = false;
  private again = false;
  private connected = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: {
      store: Store;
      sessionId: number;
      fileOf: (key: WAMessageKey, message: proto.IMessage) => Promise<MediaRecord>;
      keyOf: (message: MessageRecord) => WAMessageKey;
      publicUrl: (record: MediaRecord) => string;
      pausesMs?: readonly number[];
      log: Logger;
    },
  ) {}

  /** The connection is open. */
  open(): void {
    this.connected = true;
    this.wake();
  }

  close(): void {
    this.connected = false;
    clearTimeout(this.timer);
  }

  /** A message was committed, or it is time for another try. */
  wake(): void {
    if (!this.connected) return;
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = true;
    this.again = false;
    void this.drain()
      .catch((error: unknown) => {
        if (error instanceof EngineError && error.code === 'stopping') return;
        if (!storageFailure(error)) this.options.log.error({ err: error }, 'downloads failed');
        this.wakeAfter(UNWRITABLE_PAUSE_MS);
      })
      .finally(() => {
        this.running = false;
        if (this.again) this.wake();
      });
  }

  private async drain(): Promise<void> {
    clearTimeout(this.timer);
    while (this.connected) {
      const next = await this.options.store.downloads.next(this.options.sessionId);
      if (!next) return;
      const wait = next.at - Date.now();
      if (wait > 0) {
        this.wakeAfter(wait);
        return;
      }
      await this.download(next.message, next.attempts);
    }
  }

  private wakeAfter(ms: number): void {
    clearTimeout(this.timer);
    if (this.connected) this.timer = setTimeout(() => this.wake(), ms).unref();
  }

  private async download(message: MessageRecord, attempts: number): Promise<void> {
    const { store, sessionId, fileOf, keyOf, publicUrl, pausesMs = PAUSES_MS, log } = this.options;
    const key = keyOf(message);
    const content = proto.Message.decode(message.content!);
    const kind = attachmentOf(content)?.kind;
    const tell = (more: object) =>
      store.commit({
        sessionId,
        downloaded: [message.msgId],
        events: [
          ready(message, { key: describeKey(key), messageId: message.waId, msgId: message.msgId, kind, ...more }),
        ],
      });
    try {
      const record = await fileOf(key, content);
      const { mimetype, size, fileName, expiresAt } = record;
      await tell({ mimetype, size, fileName, publicUrl: publicUrl(record), expiresAt });
    } catch (error) {
      // The connection was closed meanwhile; the next one goes on.
      if (!this.connected) return;
      // That the disk is full is not the file's fault, however long it lasts.
      if (storageFailure(error)) throw error;
      const pauseMs = pausesMs[attempts];
      const final = pauseMs === undefined || (error instanceof EngineError && error.code === 'media_not_usable');
      log.warn(
        { op: 'media.ready', msgId: message.msgId, attempt: attempts + 1, final, err: error },
        'download failed',
      );
      if (!final) return store.downloads.retry(message.msgId, Date.now() + pauseMs);
      await tell({ error: error instanceof EngineError ? error.message : 'The file could not be downloaded.' });
    }
  }
}

function ready({ chat, sender, lid }: MessageRecord, data: object): NewEvent {
  const subject = subjectOf(chat, isPerson(chat) ? [chat, lid] : [sender, lid]);
  return { event: 'media.ready', lane: laneOf(chat, subject), ...subject, data };
}
