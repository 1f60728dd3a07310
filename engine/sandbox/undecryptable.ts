import type { Fault, Occasion } from './faults.ts';
import { withForgedVoucher } from './impostors.ts';
import type { Network } from './network.ts';
import { bytes, children, stanza, type Stanza } from './stanza.ts';

/**
 * The faults `garble`, `withhold` and `forged-voucher`: messages that reach a client so that it cannot read them. What is on its way to
 * the client is changed, never what waits for it: without the fault the same message would arrive whole.
 */
export class Damage {
  readonly #network: Network;
  /** Messages that have been hit, by device and id, with the fault that did it. */
  readonly #hit = new Map<string, Fault>();

  constructor(network: Network) {
    this.#network = network;
  }

  /** The stanza as it reaches the client. */
  inflict(occasion: Occasion, node: Stanza): Stanza {
    if (node.tag !== 'message' || !children(node, 'enc').length || node.attrs['category'] === 'peer') return node;
    const withheld = this.#network.faults.fire('withhold', occasion);
    if (withheld) return withhold(node, withheld.type);
    const vouched = children(node, 'device-identity').length > 0;
    const read =
      vouched && this.#network.faults.fireIn('messages', 'forged-voucher', occasion) ? withForgedVoucher(node) : node;
    return this.#isGarbled(occasion, node) ? garble(read) : read;
  }

  /** A message that was hit comes whole when it is encrypted anew, unless it is lost for good. */
  #isGarbled(occasion: Occasion, node: Stanza): boolean {
    const key = `${occasion.phone}:${occasion.device} ${node.attrs['id']}`;
    const before = this.#hit.get(key);
    if (before) return before.forGood === true && this.#network.faults.has(before.id);
    const fault = this.#network.faults.fire('garble', occasion);
    if (fault) this.#hit.set(key, fault);
    return fault !== undefined;
  }
}

function withhold(node: Stanza, type: string | undefined): Stanza {
  const others = children(node).filter(({ tag }) => tag !== 'enc' && tag !== 'device-identity');
  return { ...node, content: [stanza('unavailable', { type }), ...others] };
}

/** The last bytes are the seal on a ciphertext; with other ones it does not open. */
function garble(node: Stanza): Stanza {
  const content = children(node).map((one) => {
    if (one.tag !== 'enc') return one;
    const ciphertext = Buffer.from(bytes(one));
    const last = ciphertext.length - 1;
    if (last >= 0) ciphertext.writeUInt8(ciphertext.readUInt8(last) ^ 0xff, last);
    return { ...one, content: ciphertext };
  });
  return { ...node, content };
}
