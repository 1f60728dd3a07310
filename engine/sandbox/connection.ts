import { setTimeout as sleep } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import { jidOf, type Account, type Device, type Sender } from './accounts.ts';
import { routeCall } from './calls.ts';
import { ending, streamEnd } from './endings.ts';
import type { Cut, Fault, Occasion } from './faults.ts';
import { answerIq } from './iq.ts';
import { logIn } from './login.ts';
import { routeMessage } from './messages.ts';
import { generateKeyPair } from './keys.ts';
import type { Network } from './network.ts';
import { NoiseServer } from './noise.ts';
import type { Registration } from './pairing.ts';
import { acknowledged, routeReceipt } from './receipts.ts';
import { decodeStanza, encodeStanza, iqError, kindsOf, stanza, type Stanza } from './stanza.ts';

/** A client that has not finished its handshake by then is sent away. */
const HANDSHAKE_TIMEOUT_MS = 20_000;

/**
 * One client's socket: the Noise handshake, then a stream of stanzas, one after the other in the order in which they
 * came. Who the client is, is known from the end of the handshake: a device that logs in, or one that wants to be
 * paired (`registration`).
 */
export class Connection {
  readonly #network: Network;
  readonly #socket: WebSocket;
  readonly #noise = new NoiseServer();
  readonly #handshakeTimer: NodeJS.Timeout;
  readonly #counts = new Map<number, number>();
  readonly #stopped = new AbortController();
  #stage: 'hello' | 'finish' | 'stream' = 'hello';
  #incoming: Promise<void> = Promise.resolve();
  #outgoing: Promise<void> | undefined;
  #lastWrite: Promise<void> = Promise.resolve();
  /** True when nothing may be read or written any more: it has ended, or the fault `half-open` has struck. */
  #deaf = false;

  account: Account | undefined;
  device: Device | undefined;
  registration: Registration | undefined;
  /** True from the moment at which everything that waited for the device has been sent: new stanzas go out at once. */
  active = false;

  constructor(network: Network, socket: WebSocket) {
    this.#network = network;
    this.#socket = socket;
    network.connections.add(this);
    this.#handshakeTimer = setTimeout(() => this.terminate(), HANDSHAKE_TIMEOUT_MS);
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#read(isBinary ? data : Buffer.alloc(0)));
    socket.on('close', (code) => {
      network.logger.debug({ code, device: this.#jid }, code === TORN ? 'connection torn' : 'connection closed');
      this.#closed();
    });
    socket.on('error', (error) => network.logger.debug({ err: error }, 'socket error'));
  }

  get #jid(): string | null {
    return this.account && this.device ? jidOf(this.account, 'pn', this.device.id) : null;
  }

  #occasion(more: Occasion): Occasion {
    return { phone: this.account?.phone, device: this.device?.id, ...more };
  }

  #read(data: Buffer): void {
    if (this.#deaf) return;
    let frames: Buffer[];
    try {
      frames = this.#noise.frames(data);
    } catch (error) {
      this.#refuse(error);
      return;
    }
    for (const frame of frames) {
      this.#incoming = this.#incoming.then(() => this.#frame(frame)).catch((error: unknown) => this.#refuse(error));
    }
  }

  async #frame(frame: Buffer): Promise<void> {
    if (this.#deaf) return;
    if (this.#stage === 'hello') return this.#hello(frame);
    if (this.#stage === 'finish') return this.#finish(frame);
    const plaintext = this.#noise.decrypt(frame);
    const node = decodeStanza(plaintext);
    this.#network.wire.record(this.#jid, 'in', plaintext);
    await this.#receive(node);
  }

  async #hello(frame: Buffer): Promise<void> {
    const { faults, identity } = this.#network;
    const occasion: Occasion = { kinds: ['handshake'] };
    if (this.#cutNow(occasion)) return;
    await this.#delay({ ...occasion, direction: 'in' });
    if (faults.fire('never-answer', occasion)) {
      // a server that does not answer the handshake does not answer what comes behind it either
      this.#deaf = true;
      return;
    }
    let { chain, staticKey } = identity;
    if (faults.fire('wrong-root', {})) chain = identity.chainOfWrongRoot();
    else if (faults.fire('wrong-signature', {})) chain = identity.chainWithWrongSignature();
    else if (faults.fire('stolen-certificate', {})) staticKey = generateKeyPair();
    this.#stage = 'finish';
    this.#write(this.#noise.answerHello(frame, staticKey, chain));
  }

  #finish(frame: Buffer): void {
    const { clientKey, payload } = this.#noise.finish(frame);
    clearTimeout(this.#handshakeTimer);
    this.#stage = 'stream';
    logIn(this.#network, this, clientKey, payload);
  }

  async #receive(node: Stanza): Promise<void> {
    const { faults } = this.#network;
    const occasion = this.#occasion({ kinds: kindsOf(node), direction: 'in' });
    await this.#delay(occasion);
    if (this.#deaf || this.#cutNow(occasion)) return;
    const lost = faults.fire('never-answer', this.#occasion({ kinds: kindsOf(node) }));
    if (lost?.lose !== 'answer' && lost !== undefined) return;
    const answer = this.#handle(node);
    if (answer && !lost) this.send(answer);
    this.#cutAfter(occasion);
  }

  /** Deals with a stanza and returns the answer to it. A mistake of the client's never takes the sandbox down. */
  #handle(node: Stanza): Stanza | undefined {
    try {
      return this.account && this.device
        ? handleOfDevice(this.#network, { account: this.account, device: this.#fresh(this.device) }, node)
        : this.#network.pairing.handle(this, node);
    } catch (error) {
      this.#network.logger.error(
        { err: error, stanza: node.tag, id: node.attrs['id'] },
        'could not deal with a stanza',
      );
      return node.tag === 'iq' ? iqError(node, 500) : undefined;
    }
  }

  /** The device as it is now: its profile name may have changed since it logged in. */
  #fresh(device: Device): Device {
    return this.#network.accounts.device(device.phone, device.id) ?? device;
  }

  /** Sends a stanza, behind everything that was sent before. */
  send(whole: Stanza): void {
    if (this.#deaf) return;
    const node = this.#network.damage.inflict(this.#occasion({}), whole);
    const { faults } = this.#network;
    const occasion = this.#occasion({ kinds: kindsOf(node), direction: 'out' });
    const delay = faults.fire('delay', occasion);
    const times = faults.fire('duplicate', this.#occasion({ kinds: kindsOf(node) })) ? 2 : 1;
    if (this.#cutNow(occasion)) return;
    const write = () => {
      for (let time = 0; time < times; time++) this.#writeStanza(node);
      this.#cutAfter(occasion);
    };
    if (!delay && !this.#outgoing) {
      write();
      return;
    }
    const turn: Promise<void> = (this.#outgoing ?? Promise.resolve())
      .then(() => this.#sleep(delay?.ms ?? 0))
      .then(write)
      .finally(() => {
        if (this.#outgoing === turn) this.#outgoing = undefined;
      });
    this.#outgoing = turn;
  }

  #writeStanza(node: Stanza): void {
    this.sendPlaintext(encodeStanza(node));
  }

  /** Sends what may be no stanza at all, past all faults. */
  sendPlaintext(plaintext: Buffer): void {
    if (this.#deaf || this.#socket.readyState !== this.#socket.OPEN) return;
    this.#network.wire.record(this.#jid, 'out', plaintext);
    this.#write(this.#noise.encrypt(plaintext));
  }

  #write(data: Buffer): void {
    this.#lastWrite = new Promise((written) => this.#socket.send(data, () => written()));
  }

  /** Says goodbye with a last stanza and closes: what WhatsApp does with `<failure>` and `<stream:error>`. */
  end(last: Stanza): void {
    // One that has gone silent hears no goodbye.
    if (this.#deaf) return this.#socket.isPaused ? this.terminate() : undefined;
    // there are no words yet to say goodbye in
    if (!this.#noise.ready) return this.terminate();
    this.#writeStanza(last);
    this.#leave();
    this.#deaf = true;
    this.#socket.close();
  }

  /** Closes the stream as a server does that is going down. */
  goAway(): void {
    this.end(streamEnd());
  }

  /** Tears the TCP connection down. */
  terminate(): void {
    this.#deaf = true;
    this.#leave();
    this.#socket.terminate();
  }

  /** Does what a fault of the kind that ends connections wants. */
  cut(fault: Fault): void {
    this.#network.logger.info({ fault: fault.fault, device: this.#jid }, 'fault');
    switch (fault.fault as Cut) {
      case 'drop':
        this.#deaf = true;
        // what was written before is to arrive, so that it is known what the client has seen
        void this.#lastWrite.then(() => this.terminate());
        return;
      case 'close':
        return this.end(ending(fault.code ?? 500));
      case 'half-open':
        this.#deaf = true;
        this.#socket.pause();
        return;
    }
  }

  #cutNow(occasion: Occasion): boolean {
    for (const name of CUTS) {
      for (const fault of this.#network.faults.fitting(name, occasion)) {
        if (fault.at === 'login' || (fault.after ?? 0) > 0 || (fault.after === undefined && !fault.match)) continue;
        this.#network.faults.fired(fault);
        this.cut(fault);
        return true;
      }
    }
    return false;
  }

  #cutAfter(occasion: Occasion): void {
    for (const name of CUTS) {
      for (const fault of this.#network.faults.fitting(name, occasion)) {
        if (fault.at === 'login' || !fault.after) continue;
        const count = (this.#counts.get(fault.id) ?? 0) + 1;
        this.#counts.set(fault.id, count);
        if (count !== fault.after) continue;
        this.#network.faults.fired(fault);
        this.cut(fault);
        return;
      }
    }
  }

  async #delay(occasion: Occasion): Promise<void> {
    const delay = this.#network.faults.fire('delay', occasion);
    if (delay) await this.#sleep(delay.ms ?? 0);
  }

  async #sleep(ms: number): Promise<void> {
    if (ms > 0) await sleep(ms, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
  }

  #refuse(error: unknown): void {
    this.#network.logger.warn(
      { err: error, stage: this.#stage, device: this.#jid },
      'the client sent what does not fit',
    );
    this.terminate();
  }

  /** From here on the device counts as offline. */
  #leave(): void {
    clearTimeout(this.#handshakeTimer);
    this.#stopped.abort();
    this.active = false;
    if (this.device) this.#network.setOffline(this.device, this);
    this.registration?.abandon();
  }

  #closed(): void {
    this.#deaf = true;
    this.#leave();
    this.#network.connections.delete(this);
  }
}

/** What a WebSocket says of an end without a goodbye. */
const TORN = 1006;
const CUTS = ['drop', 'close', 'half-open'] as const;

/** One total switch over what a logged-in device can send. */
function handleOfDevice(network: Network, from: Sender, node: Stanza): Stanza | undefined {
  switch (node.tag) {
    case 'iq':
      return answerIq(network, from, node);
    case 'message':
      return routeMessage(network, from, node);
    case 'receipt':
      return routeReceipt(network, from, node);
    case 'ack':
      return acknowledged(network, from, node);
    case 'presence':
      return network.presences.presence(from, node);
    case 'chatstate':
      return network.presences.chatstate(from, node);
    case 'call':
      return routeCall(network, from, node);
    case 'ib':
      // unified_session and offline_batch are for the server's information only
      return undefined;
    default:
      return node.attrs['id'] === undefined
        ? undefined
        : stanza('ack', { class: node.tag, id: node.attrs['id'], from: node.attrs['to'], error: 501 });
  }
}
