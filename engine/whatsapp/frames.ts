import type { WASocket } from './baileys.ts';

type Listener = (...args: unknown[]) => unknown;

/**
 * Makes Baileys read what comes one after the other, and go on behind what it cannot read. Of itself it unpacks a
 * compressed frame while it works on those that came later, and what fails in it on the way, an unreadable frame or an
 * answer for which the connection is gone, is a rejection that nobody catches. `failed` is told of each.
 */
export function readInOrder({ ws }: WASocket, failed: (error: unknown) => void): void {
  const [listener] = ws.listeners('message') as Listener[];
  if (!listener || ws.listenerCount('message') > 1) throw new Error('Baileys listens otherwise than this version did.');
  let turn = Promise.resolve();
  const read = async (data: Uint8Array): Promise<void> => {
    try {
      await listener(data);
    } catch (error) {
      failed(error);
      // The frame is used up; the ones behind it are still in Baileys' buffer.
      return read(NOTHING);
    }
  };
  ws.removeAllListeners('message');
  ws.on('message', (data: Uint8Array) => (turn = turn.then(() => read(data))));
  for (const name of ws.eventNames().filter((one) => String(one).startsWith(OF_STANZAS))) {
    const listeners = ws.listeners(name) as Listener[];
    ws.removeAllListeners(name);
    for (const one of listeners) ws.on(name as string, (...args) => void Promise.resolve(one(...args)).catch(failed));
  }
}

const NOTHING = Buffer.alloc(0);
/** How Baileys calls the events by which it deals with stanzas. */
const OF_STANZAS = 'CB:';
