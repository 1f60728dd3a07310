import type { WASocket } from './baileys.ts';

type Listener = (data: Uint8Array) => Promise<void>;

/**
 * Makes Baileys read what comes one after the other, and go on behind what it cannot read. Of itself it unpacks a
 * compressed frame while it works on those that came later, and an unreadable one is a rejection that nobody catches,
 * with which it drops whatever came in the same packet. `unreadable` is told of each.
 */
export function readInOrder({ ws }: WASocket, unreadable: (error: unknown) => void): void {
  const [listener] = ws.listeners('message') as Listener[];
  if (!listener || ws.listenerCount('message') > 1) throw new Error('Baileys listens otherwise than this version did.');
  let turn = Promise.resolve();
  const read = async (data: Uint8Array): Promise<void> => {
    try {
      await listener(data);
    } catch (error) {
      unreadable(error);
      // The frame is used up; the ones behind it are still in Baileys' buffer.
      return read(NOTHING);
    }
  };
  ws.removeAllListeners('message');
  ws.on('message', (data: Uint8Array) => (turn = turn.then(() => read(data))));
}

const NOTHING = Buffer.alloc(0);
