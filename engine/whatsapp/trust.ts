import { Curve, proto, WA_CERT_DETAILS } from './baileys.ts';

/** WhatsApp's own root of the Noise certificates, as Baileys carries it. */
const REAL_ROOT = Buffer.from(WA_CERT_DETAILS.PUBLIC_KEY);

/**
 * Decides once, at start, whose servers this process believes: WhatsApp's, or those of the sandbox with this root key
 * (hex). Baileys keeps the root in one exported object, so one process cannot trust both, and does not.
 */
export function trustServersOf(root: 'whatsapp' | { sandboxRootKey: string }): void {
  WA_CERT_DETAILS.PUBLIC_KEY = root === 'whatsapp' ? REAL_ROOT : Buffer.from(root.sandboxRootKey, 'hex');
  proveThatSignaturesAreChecked();
  proveThatCertificatesAreBound();
}

/**
 * A certificate says whose a key is; only the key's owner can have agreed on a secret with it. Baileys checks the
 * signatures of the chain and not that it is about the key that the server has just used: anybody could show
 * WhatsApp's certificates, which everybody is shown who connects. In Baileys' handshake, which runs in one turn, the
 * chain is decoded right after the agreement with that key, so the two are compared there. Should that order ever
 * change, no server is believed any more.
 */
let agreedWith: Uint8Array = Buffer.alloc(0);

const agree = Curve.sharedKey;
Curve.sharedKey = (privateKey, publicKey) => {
  agreedWith = publicKey;
  return agree(privateKey, publicKey);
};

const decodeChain = proto.CertChain.decode.bind(proto.CertChain);
proto.CertChain.decode = (...args: Parameters<typeof decodeChain>) => {
  const chain = decodeChain(...args);
  const leaf = detailsOf(chain.leaf);
  const bound = leaf.key?.length === 32 && Buffer.from(leaf.key).equals(agreedWith);
  if (!bound || leaf.issuerSerial !== detailsOf(chain.intermediate).serial) {
    throw new Error('noise leaf certificate is not about the key of this server');
  }
  return chain;
};

function detailsOf(certificate: proto.CertChain.INoiseCertificate | null | undefined) {
  return proto.CertChain.NoiseCertificate.Details.decode(certificate?.details ?? Buffer.alloc(0));
}

/**
 * The hardening works only when it ran before Baileys was first imported, which another import order could undo
 * silently. So it is tried: an engine whose signature check accepts a forgery must not start.
 */
function proveThatSignaturesAreChecked(): void {
  const { public: publicKey, private: privateKey } = Curve.generateKeyPair();
  const message = Buffer.from('warbler');
  const signature = Buffer.from(Curve.sign(privateKey, message));
  const forged = Buffer.from(signature);
  forged[0] = forged[0]! ^ 1;
  if (!Curve.verify(publicKey, message, signature) || Curve.verify(publicKey, message, forged)) {
    throw new Error('Signatures are not checked: Baileys was imported before engine/whatsapp/hardening.ts.');
  }
}

/** A chain about another key than the one that was agreed with must not pass. */
function proveThatCertificatesAreBound(): void {
  const [ours, server, other] = [Curve.generateKeyPair(), Curve.generateKeyPair(), Curve.generateKeyPair()];
  const certificate = (key: Uint8Array, serial: number, issuerSerial: number) => ({
    details: proto.CertChain.NoiseCertificate.Details.encode({ key, serial, issuerSerial }).finish(),
  });
  const chain = proto.CertChain.encode({
    leaf: certificate(server.public, 2, 1),
    intermediate: certificate(other.public, 1, 0),
  }).finish();
  const believed = (key: Uint8Array): boolean => {
    Curve.sharedKey(ours.private, key);
    try {
      return Boolean(proto.CertChain.decode(chain));
    } catch {
      return false;
    }
  };
  if (!believed(server.public) || believed(other.public)) {
    throw new Error('The server’s certificates are not compared with its key: see engine/whatsapp/trust.ts.');
  }
}
