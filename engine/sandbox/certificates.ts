import { proto } from '@whiskeysockets/baileys';
import { generateKeyPair, sign, type KeyPair } from './keys.ts';
import { now } from './stanza.ts';
import type { Store } from './store.ts';

/**
 * The server's half of the Noise handshake: a static key, and the chain that vouches for it. WhatsApp's clients trust
 * one built-in root key (issuer serial 0); it signs an intermediate key, and that signs the certificate whose key is
 * the server's static key. The sandbox does the same under a root of its own, made once per data folder.
 */
export interface ServerIdentity {
  rootKey: Buffer;
  staticKey: KeyPair;
  chain: Buffer;
  /** A chain under a root that nobody trusts, for the fault `wrong-root`. */
  chainOfWrongRoot(): Buffer;
  /** A chain whose leaf signature does not fit, for the fault `wrong-signature`. */
  chainWithWrongSignature(): Buffer;
}

const ROOT_SERIAL = 0;
const INTERMEDIATE_SERIAL = 1;
const LEAF_SERIAL = 2;
const DAY = 24 * 60 * 60;

export function loadServerIdentity(store: Store): ServerIdentity {
  const root = keptKeyPair(store, 'noise-root');
  const intermediate = keptKeyPair(store, 'noise-intermediate');
  const staticKey = keptKeyPair(store, 'noise-static');
  return {
    rootKey: root.public,
    staticKey,
    chain: chain(root, intermediate, staticKey),
    chainOfWrongRoot: () => chain(generateKeyPair(), intermediate, staticKey),
    chainWithWrongSignature: () => chain(root, intermediate, staticKey, generateKeyPair()),
  };
}

function keptKeyPair(store: Store, name: string): KeyPair {
  const both = store.remember(name, () => {
    const pair = generateKeyPair();
    return Buffer.concat([pair.private, pair.public]);
  });
  return { private: both.subarray(0, 32), public: both.subarray(32) };
}

function chain(root: KeyPair, intermediate: KeyPair, leaf: KeyPair, leafSigner: KeyPair = intermediate): Buffer {
  return Buffer.from(
    proto.CertChain.encode({
      intermediate: certificate(INTERMEDIATE_SERIAL, ROOT_SERIAL, intermediate.public, root),
      leaf: certificate(LEAF_SERIAL, INTERMEDIATE_SERIAL, leaf.public, leafSigner),
    }).finish(),
  );
}

function certificate(serial: number, issuerSerial: number, key: Buffer, issuer: KeyPair) {
  const details = proto.CertChain.NoiseCertificate.Details.encode({
    serial,
    issuerSerial,
    key,
    notBefore: now() - DAY,
    notAfter: now() + 365 * DAY,
  }).finish();
  return { details, signature: sign(issuer.private, details) };
}
