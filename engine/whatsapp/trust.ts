import { Curve, WA_CERT_DETAILS } from './baileys.ts';

/** WhatsApp's own root of the Noise certificates, as Baileys carries it. */
const REAL_ROOT = Buffer.from(WA_CERT_DETAILS.PUBLIC_KEY);

/**
 * Decides once, at start, whose servers this process believes: WhatsApp's, or those of the sandbox with this root key
 * (hex). Baileys keeps the root in one exported object, so one process cannot trust both, and does not.
 */
export function trustServersOf(root: 'whatsapp' | { sandboxRootKey: string }): void {
  WA_CERT_DETAILS.PUBLIC_KEY = root === 'whatsapp' ? REAL_ROOT : Buffer.from(root.sandboxRootKey, 'hex');
  proveThatSignaturesAreChecked();
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
