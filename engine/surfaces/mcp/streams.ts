import { randomUUID } from 'node:crypto';
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

type Send = (eventId: string, message: JSONRPCMessage) => Promise<void>;

/** What was sent to answer one POST, and to whom it may be sent again. */
interface Stream {
  owner: string;
  events: { id: string; message: JSONRPCMessage }[];
  size: number;
  followers: Set<Send>;
}

/** Characters of all streams together; the oldest are forgotten first. */
const MOST_CHARACTERS = 16 * 1024 * 1024;

/**
 * The last answers, so that a client that lost its connection gets the rest of them by `Last-Event-ID`, as the SDK offers
 * it. An answer that is still to come is sent to whoever has taken its stream up when it does. Kept in memory: after a
 * restart a client repeats its call.
 */
export class Streams {
  private readonly streams = new Map<string, Stream>();
  private characters = 0;

  /** The store for one request of somebody: nobody else can take its stream up. `ended` is called when all was sent, `leave` to be called when nobody listens any more. */
  of(owner: string, ended: () => void): EventStore & { followed: () => boolean; leave: () => void } {
    let mine: Stream | undefined;
    let leave = () => {};
    return {
      storeEvent: async (streamId, message) => {
        mine = this.streams.get(streamId) ?? this.open(streamId, owner);
        const id = `${streamId}_${randomUUID()}`;
        const size = JSON.stringify(message).length;
        mine.events.push({ id, message });
        mine.size += size;
        this.characters += size;
        for (const send of mine.followers) await send(id, message);
        this.forgetOldest(streamId);
        return id;
      },
      getStreamIdForEventId: async (eventId) => {
        const streamId = eventId.split('_')[0]!;
        const stream = this.streams.get(streamId);
        return stream?.owner === owner && stream.events.some(({ id }) => id === eventId) ? streamId : undefined;
      },
      replayEventsAfter: async (lastEventId, { send }) => {
        const streamId = lastEventId.split('_')[0]!;
        const stream = this.streams.get(streamId)!;
        const missed = stream.events.slice(stream.events.findIndex(({ id }) => id === lastEventId) + 1);
        for (const { id, message } of missed) await send(id, message);
        const follow: Send = async (id, message) => {
          await send(id, message);
          if (isAnswer(message)) ended();
        };
        // The SDK registers the stream after this: what ends it has to come later.
        if (missed.some(({ message }) => isAnswer(message))) setImmediate(ended);
        else stream.followers.add(follow);
        leave = () => stream.followers.delete(follow);
        return streamId;
      },
      leave: () => leave(),
      followed: () => (mine?.followers.size ?? 0) > 0,
    };
  }

  private open(streamId: string, owner: string): Stream {
    const stream: Stream = { owner, events: [], size: 0, followers: new Set() };
    this.streams.set(streamId, stream);
    return stream;
  }

  private forgetOldest(except: string): void {
    for (const [id, { size }] of this.streams) {
      if (this.characters <= MOST_CHARACTERS) return;
      if (id === except) continue;
      this.streams.delete(id);
      this.characters -= size;
    }
  }
}

const isAnswer = (message: JSONRPCMessage) => 'result' in message || 'error' in message;
