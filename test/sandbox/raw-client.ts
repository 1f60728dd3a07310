import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  decodeBinaryNode,
  encodeBinaryNode,
  generateRegistrationNode,
  initAuthCreds,
  proto,
  type AuthenticationCreds,
  type BinaryNode,
} from '@whiskeysockets/baileys';
import { WebSocket } from 'ws';
import { agree, generateKeyPair, hkdf } from '../../engine/sandbox/keys.ts';

const HEADER = Buffer.from([0x57, 0x41, 6, 3]);

type SocketConfig = Parameters<typeof generateRegistrationNode>[1];

/** What Baileys would say about itself. */
const CONFIG = {
  version: [2, 3000, 1],
  browser: ['Mac OS', 'Chrome', '1'],
  countryCode: 'US',
} as unknown as SocketConfig;

/** A client that shows what Baileys keeps to itself: the server's certificates, and every stanza as it is. */
export class RawClient {
  readonly creds: AuthenticationCreds = initAuthCreds();
  readonly #socket: WebSocket;
  #hash: Buffer = Buffer.from('Noise_XX_25519_AESGCM_SHA256\0\0\0\0');
  #salt: Buffer = this.#hash;
  #key: Buffer = this.#hash;
  #counter = 0;
  #transport: { read: Buffer; write: Buffer; readCounter: number; writeCounter: number } | undefined;
  readonly #frames: Buffer[] = [];
  /** The server's static key and the chain that is to vouch for it. */
  staticKey: Buffer = Buffer.alloc(0);
  chain: proto.CertChain = new proto.CertChain();

  constructor(socketUrl: string) {
    this.#socket = new WebSocket(socketUrl);
    this.#socket.on('message', (data: Buffer) => this.#frames.push(data));
  }

  /** The handshake up to the certificates; then the registration, with whatever `change` makes of it. */
  async register(change: (payload: proto.IClientPayload) => void = () => {}): Promise<void> {
    await once(this.#socket, 'open');
    const ephemeral = generateKeyPair();
    this.#mix(HEADER);
    this.#mix(ephemeral.public);
    const hello = proto.HandshakeMessage.encode({ clientHello: { ephemeral: ephemeral.public } }).finish();
    this.#socket.send(Buffer.concat([HEADER, framed(hello)]));
    const { serverHello } = proto.HandshakeMessage.decode((await this.#frame()).subarray(3));
    const theirs = Buffer.from(serverHello?.ephemeral ?? []);
    this.#mix(theirs);
    this.#mixKey(agree(ephemeral.private, theirs));
    this.staticKey = this.#open(Buffer.from(serverHello?.static ?? []));
    this.#mixKey(agree(ephemeral.private, this.staticKey));
    this.chain = proto.CertChain.decode(this.#open(Buffer.from(serverHello?.payload ?? [])));
    const noise = {
      private: Buffer.from(this.creds.noiseKey.private),
      public: Buffer.from(this.creds.noiseKey.public),
    };
    const sealedKey = this.#seal(noise.public);
    this.#mixKey(agree(noise.private, theirs));
    const payload = generateRegistrationNode(this.creds, CONFIG);
    change(payload);
    const sealed = this.#seal(Buffer.from(proto.ClientPayload.encode(payload).finish()));
    const finish = proto.HandshakeMessage.encode({ clientFinish: { static: sealedKey, payload: sealed } }).finish();
    const keys = hkdf(Buffer.alloc(0), 64, this.#salt, '');
    this.#transport = { write: keys.subarray(0, 32), read: keys.subarray(32), readCounter: 0, writeCounter: 0 };
    this.#socket.send(framed(finish));
  }

  send(node: BinaryNode): void {
    if (!this.#transport) throw new Error('register first');
    const { write } = this.#transport;
    this.#socket.send(
      framed(gcm('seal', write, this.#transport.writeCounter++, encodeBinaryNode(node), Buffer.alloc(0))),
    );
  }

  /** Sends bytes that are no frame of anything. */
  sendGarbage(bytes: Buffer): void {
    this.#socket.send(bytes);
  }

  async next(): Promise<BinaryNode> {
    const frame = await this.#frame();
    if (!this.#transport) throw new Error('register first');
    const { read } = this.#transport;
    return decodeBinaryNode(gcm('open', read, this.#transport.readCounter++, frame.subarray(3), Buffer.alloc(0)));
  }

  get opened(): Promise<unknown> {
    return once(this.#socket, 'open');
  }

  get closed(): Promise<unknown> {
    return once(this.#socket, 'close');
  }

  close(): void {
    this.#socket.terminate();
  }

  async #frame(): Promise<Buffer> {
    while (this.#frames.length === 0) {
      await Promise.race([
        once(this.#socket, 'message'),
        once(this.#socket, 'close').then(() => Promise.reject(new Error('closed'))),
      ]);
    }
    return this.#frames.shift()!;
  }

  #mix(data: Uint8Array): void {
    this.#hash = createHash('sha256').update(this.#hash).update(data).digest();
  }

  #mixKey(secret: Buffer): void {
    const keys = hkdf(secret, 64, this.#salt, '');
    this.#salt = keys.subarray(0, 32);
    this.#key = keys.subarray(32);
    this.#counter = 0;
  }

  #seal(plaintext: Buffer): Buffer {
    const sealed = gcm('seal', this.#key, this.#counter++, plaintext, this.#hash);
    this.#mix(sealed);
    return sealed;
  }

  #open(sealed: Buffer): Buffer {
    const plaintext = gcm('open', this.#key, this.#counter++, sealed, this.#hash);
    this.#mix(sealed);
    return plaintext;
  }
}

function gcm(way: 'seal' | 'open', key: Buffer, counter: number, data: Buffer, additional: Buffer): Buffer {
  const iv = Buffer.alloc(12);
  iv.writeUInt32BE(counter, 8);
  if (way === 'seal') {
    const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(additional);
    return Buffer.concat([cipher.update(data), cipher.final(), cipher.getAuthTag()]);
  }
  const decipher = createDecipheriv('aes-256-gcm', key, iv).setAAD(additional).setAuthTag(data.subarray(-16));
  return Buffer.concat([decipher.update(data.subarray(0, -16)), decipher.final()]);
}

function framed(body: Uint8Array): Buffer {
  const length = Buffer.alloc(3);
  length.writeUIntBE(body.length, 0, 3);
  return Buffer.concat([length, body]);
}

/** The text that the client's QR code would hold, from the refs that it was given. */
export function qrOf(client: RawClient, refs: BinaryNode): string {
  const { noiseKey, signedIdentityKey, advSecretKey } = client.creds;
  const keys = [noiseKey.public, signedIdentityKey.public].map((key) => Buffer.from(key).toString('base64'));
  return [String(inside(inside(refs)[0])[0]?.content), ...keys, advSecretKey].join();
}

/** The stanzas inside a stanza. */
export function inside(node: BinaryNode | undefined): BinaryNode[] {
  return Array.isArray(node?.content) ? node.content : [];
}
