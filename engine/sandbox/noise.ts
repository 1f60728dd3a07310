import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import { proto } from '@whiskeysockets/baileys';
import { agree, generateKeyPair, hkdf, type KeyPair } from './keys.ts';

/** Exactly 32 bytes, so Noise takes it as the first hash without hashing it. */
const PROTOCOL = Buffer.from('Noise_XX_25519_AESGCM_SHA256\0\0\0\0');
/** `WA`, protocol 6, version 3 of the token dictionary. */
const HEADER = Buffer.from([0x57, 0x41, 6, 3]);
/** A client that knows its edge says so before the header: `ED`, 0, 1, a 24-bit length and that many bytes. */
const ROUTING_MARK = Buffer.from('ED');
const TAG_LENGTH = 16;
const NOTHING = Buffer.alloc(0);

/**
 * The server's side of `Noise_XX_25519_AESGCM_SHA256` as WhatsApp Web uses it, and the frames it travels in:
 * ClientHello in, ServerHello out, ClientFinish in, after which both sides have a key per direction.
 *
 * Every method throws on bytes that do not fit; the connection is then closed, as WhatsApp closes it.
 */
export class NoiseServer {
  #hash: Buffer = PROTOCOL;
  #chainingKey: Buffer = PROTOCOL;
  #key: Buffer = PROTOCOL;
  #counter = 0;
  #ephemeral: KeyPair | undefined;
  #transport: { read: Buffer; write: Buffer; readCounter: number; writeCounter: number } | undefined;
  #unread: Buffer = NOTHING;
  #introduced = false;

  /** What the client sent as routing info before the handshake, if anything. */
  routingInfo: Buffer | undefined;

  /** Takes bytes as they come from the socket and returns the frames that are complete, still encrypted. */
  frames(data: Buffer): Buffer[] {
    this.#unread = this.#unread.length === 0 ? data : Buffer.concat([this.#unread, data]);
    if (!this.#introduced && !this.#readIntroduction()) return [];
    const complete: Buffer[] = [];
    while (this.#unread.length >= 3) {
      const length = this.#unread.readUIntBE(0, 3);
      if (this.#unread.length < 3 + length) break;
      complete.push(this.#unread.subarray(3, 3 + length));
      this.#unread = this.#unread.subarray(3 + length);
    }
    return complete;
  }

  #readIntroduction(): boolean {
    let at = 0;
    if (this.#unread.subarray(0, 2).equals(ROUTING_MARK)) {
      if (this.#unread.length < 7) return false;
      const length = this.#unread.readUIntBE(4, 3);
      if (this.#unread.length < 7 + length) return false;
      this.routingInfo = Buffer.from(this.#unread.subarray(7, 7 + length));
      at = 7 + length;
    }
    if (this.#unread.length < at + HEADER.length) return false;
    if (!this.#unread.subarray(at, at + HEADER.length).equals(HEADER)) throw new Error('not a WhatsApp Web client');
    this.#unread = this.#unread.subarray(at + HEADER.length);
    this.#introduced = true;
    this.#mixHash(HEADER);
    return true;
  }

  /** ClientHello → the frame with ServerHello: our ephemeral key, our static key and the chain that vouches for it. */
  answerHello(frame: Buffer, staticKey: KeyPair, certificates: Buffer): Buffer {
    const theirs = proto.HandshakeMessage.decode(frame).clientHello?.ephemeral;
    if (theirs?.length !== 32) throw new Error('ClientHello without an ephemeral key');
    const ephemeral = generateKeyPair();
    this.#ephemeral = ephemeral;
    this.#mixHash(theirs);
    this.#mixHash(ephemeral.public);
    this.#mixKey(agree(ephemeral.private, theirs));
    const encryptedStatic = this.#encryptHandshake(staticKey.public);
    this.#mixKey(agree(staticKey.private, theirs));
    const payload = this.#encryptHandshake(certificates);
    return framed(
      proto.HandshakeMessage.encode({
        serverHello: { ephemeral: ephemeral.public, static: encryptedStatic, payload },
      }).finish(),
    );
  }

  /** ClientFinish → who the client is (its Noise key) and what it wants (its payload). From here on it is transport. */
  finish(frame: Buffer): { clientKey: Buffer; payload: proto.ClientPayload } {
    const finish = proto.HandshakeMessage.decode(frame).clientFinish;
    if (!finish?.static || !finish.payload || !this.#ephemeral) throw new Error('ClientFinish is incomplete');
    const clientKey = this.#decryptHandshake(Buffer.from(finish.static));
    this.#mixKey(agree(this.#ephemeral.private, clientKey));
    const payload = this.#decryptHandshake(Buffer.from(finish.payload));
    const keys = hkdf(NOTHING, 64, this.#chainingKey, '');
    // the first half is what the client writes with
    this.#transport = { read: keys.subarray(0, 32), write: keys.subarray(32), readCounter: 0, writeCounter: 0 };
    return { clientKey, payload: proto.ClientPayload.decode(payload) };
  }

  /** Whether the handshake is over. */
  get ready(): boolean {
    return this.#transport !== undefined;
  }

  decrypt(frame: Buffer): Buffer {
    if (!this.#transport) throw new Error('the handshake is not over');
    return open(this.#transport.read, this.#transport.readCounter++, frame, NOTHING);
  }

  /** Encrypts one stanza and frames it. */
  encrypt(plaintext: Buffer): Buffer {
    if (!this.#transport) throw new Error('the handshake is not over');
    return framed(seal(this.#transport.write, this.#transport.writeCounter++, plaintext, NOTHING));
  }

  #mixHash(data: Uint8Array): void {
    this.#hash = createHash('sha256').update(this.#hash).update(data).digest();
  }

  #mixKey(secret: Buffer): void {
    const keys = hkdf(secret, 64, this.#chainingKey, '');
    this.#chainingKey = keys.subarray(0, 32);
    this.#key = keys.subarray(32);
    this.#counter = 0;
  }

  #encryptHandshake(plaintext: Buffer): Buffer {
    const ciphertext = seal(this.#key, this.#counter++, plaintext, this.#hash);
    this.#mixHash(ciphertext);
    return ciphertext;
  }

  #decryptHandshake(ciphertext: Buffer): Buffer {
    const plaintext = open(this.#key, this.#counter++, ciphertext, this.#hash);
    this.#mixHash(ciphertext);
    return plaintext;
  }
}

function nonce(counter: number): Buffer {
  const iv = Buffer.alloc(12);
  iv.writeUInt32BE(counter, 8);
  return iv;
}

function seal(key: Buffer, counter: number, plaintext: Buffer, additional: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce(counter));
  cipher.setAAD(additional);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

function open(key: Buffer, counter: number, ciphertext: Buffer, additional: Buffer): Buffer {
  if (ciphertext.length < TAG_LENGTH) throw new Error('ciphertext too short');
  const decipher = createDecipheriv('aes-256-gcm', key, nonce(counter));
  decipher.setAAD(additional);
  decipher.setAuthTag(ciphertext.subarray(-TAG_LENGTH));
  return Buffer.concat([decipher.update(ciphertext.subarray(0, -TAG_LENGTH)), decipher.final()]);
}

function framed(body: Uint8Array): Buffer {
  const length = Buffer.alloc(3);
  length.writeUIntBE(body.length, 0, 3);
  return Buffer.concat([length, body]);
}
