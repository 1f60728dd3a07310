import { createRequire } from 'node:module';
import { calculateSignature } from 'whatsapp-rust-bridge';
import { InvalidSignature, isSignedBy } from './signature.ts';

interface Curve {
  calculateSignature(privateKey: Buffer, message: Buffer): Buffer;
  verifySignature(publicKey: Buffer, message: Buffer, signature: Buffer): boolean;
}

interface Session {
  /** By the key with which each was begun, the oldest first. */
  _chains: Record<string, { chainType: number }>;
  serialize(): object;
  constructor: { deserialize(serialized: object): Session };
}

interface Cipher {
  doDecryptWhisperMessage(message: Buffer, session: Session): Promise<Buffer>;
}

const fromHere = createRequire(import.meta.url);
// The very copy that Baileys will import: resolved as seen from Baileys, not from here.
const fromBaileys = createRequire(fromHere.resolve('@whiskeysockets/baileys'));
const curve = fromBaileys('libsignal/src/curve.js') as Curve;

/**
 * libsignal answers `false` for a bad signature where Baileys waits for a throw, so that Baileys accepts every server
 * certificate and every device identity. And it answers `true` unseen when a fourth argument says that a session is
 * begun, so that no signed prekey would be checked. Throwing is what both of libsignal's own callers expect too.
 */
curve.verifySignature = (publicKey, message, signature) => {
  if (isSignedBy(publicKey, message, signature)) return true;
  throw new InvalidSignature('Invalid signature');
};

/** Every message to a group is signed; in JavaScript that takes 10 ms, during which nothing else happens. */
curve.calculateSignature = (privateKey, message) => Buffer.from(calculateSignature(privateKey, message));

const cipher = (fromBaileys('libsignal') as { SessionCipher: { prototype: Cipher } }).SessionCipher.prototype;
const decrypt = cipher.doDecryptWhisperMessage;

/**
 * A message is tried on one session of its sender after the other, and libsignal moves the ratchet of each before it
 * knows whether the message belongs to it, then writes all of them down. A message on an old session that crosses the
 * beginning of a new one, which Baileys begins with its first message after every start, so breaks the new one: whatever
 * comes on it cannot be decrypted any more. A session on which a message failed shall be as it was.
 */
cipher.doDecryptWhisperMessage = async function (message, session) {
  const before = session.constructor.deserialize(session.serialize());
  try {
    const plaintext = await decrypt.call(this, message, session);
    forgetOldChains(session);
    return plaintext;
  } catch (error) {
    Object.assign(session, before);
    throw error;
  }
};

/** libsignal's number for the chains with which messages are read. */
const RECEIVING = 2;
/** As many as WhatsApp's own clients keep. */
const RECEIVING_CHAINS = 5;

/**
 * Whenever two answer one another a new chain begins, and libsignal keeps all of them for messages that come late: the
 * record of a session, which is written with every message, grew with every answer. A message that is more answers late
 * than this is asked for again.
 */
function forgetOldChains({ _chains: chains }: Session): void {
  const receiving = Object.keys(chains).filter((key) => chains[key]!.chainType === RECEIVING);
  for (const key of receiving.slice(0, -RECEIVING_CHAINS)) delete chains[key];
}

/** libsignal prints whole session records, private keys included, with `console`; those lines go nowhere. */
for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
  const print = console[method].bind(console);
  console[method] = (...args: unknown[]) => {
    if (!calledByLibsignal()) print(...args);
  };
}

function calledByLibsignal(): boolean {
  return /[\\/]node_modules[\\/]libsignal[\\/]/.test(new Error().stack ?? '');
}
