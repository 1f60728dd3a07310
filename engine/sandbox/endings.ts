import { stanza, type Stanza } from './stanza.ts';

/** A login (or registration) is refused: `<failure reason=…>`, then the connection is closed. */
export const failure = (reason: number, more: Record<string, string | number | undefined> = {}): Stanza =>
  stanza('failure', { reason, location: 'sandbox', ...more });

/** The same device has logged in elsewhere. */
export const replaced = (): Stanza => stanza('stream:error', {}, [stanza('conflict', { type: 'replaced' })]);

/** The device is no longer linked. */
export const deviceRemoved = (): Stanza =>
  stanza('stream:error', { code: 401 }, [stanza('conflict', { type: 'device_removed' })]);

/** The client is to connect again: after pairing, as the device that it now is. */
export const restart = (): Stanza => stanza('stream:error', { code: 515 });

/** The server goes down, or has nothing more to say. */
export const streamEnd = (): Stanza => stanza('xmlstreamend');

/** How the server ends a live connection for each of the codes that clients know. */
export function ending(code: number): Stanza {
  switch (code) {
    case 401:
      return deviceRemoved();
    case 411:
      return stanza('ib', {}, [stanza('downgrade_webclient')]);
    case 428:
      return streamEnd();
    case 440:
      return replaced();
    default:
      return stanza('stream:error', { code });
  }
}
