import { decodeStanza, readable } from './stanza.ts';

/** One stanza as it went over the wire, decoded. `in` came from the client, `out` went to it. */
export interface WireEntry {
  seq: number;
  at: string;
  /** Jid of the device; null before it has logged in. */
  device: string | null;
  direction: 'in' | 'out';
  stanza: object;
}

const KEPT = 20_000;

/**
 * The last stanzas of all connections, numbered; the oldest make room for the newest. Kept as they were sent, which is
 * a fraction of what they are decoded.
 */
export class WireLog {
  readonly #entries: { seq: number; at: number; device: string | null; direction: 'in' | 'out'; plaintext: Buffer }[] =
    [];
  #seq = 0;

  record(device: string | null, direction: 'in' | 'out', plaintext: Buffer): void {
    this.#entries.push({ seq: ++this.#seq, at: Date.now(), device, direction, plaintext });
    // trimmed in one go now and then, because shifting the array for every stanza would cost more than the stanza
    if (this.#entries.length > KEPT * 2) this.#entries.splice(0, this.#entries.length - KEPT);
  }

  read(after: number, device: (jid: string | null) => boolean, limit: number): WireEntry[] {
    const found: WireEntry[] = [];
    for (const entry of this.#entries.slice(-KEPT)) {
      if (entry.seq <= after || !device(entry.device)) continue;
      const { seq, at, direction, plaintext } = entry;
      found.push({
        seq,
        at: new Date(at).toISOString(),
        device: entry.device,
        direction,
        stanza: asRead(plaintext),
      });
      if (found.length === limit) break;
    }
    return found;
  }
}

/** What was sent in the place of a stanza is shown as it is. */
function asRead(plaintext: Buffer): object {
  try {
    return readable(decodeStanza(plaintext));
  } catch {
    return { frame: { base64: plaintext.toString('base64') } };
  }
}
