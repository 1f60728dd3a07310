import { proto } from '@whiskeysockets/baileys';
import { generateKeyPair, sign, signalKey } from './keys.ts';
import type { KeyBundle } from './prekeys.ts';
import { bytes, children, type Stanza } from './stanza.ts';

/** What somebody who holds the server, or the line to it, could put in place of the truth: for faults. */

/** Keys that nobody has signed. */
export function withForgedPrekey<T extends Pick<KeyBundle, 'signedPreKey'>>(bundle: T): T {
  const { signedPreKey } = bundle;
  const signature = sign(generateKeyPair().private, signalKey(signedPreKey.public));
  return { ...bundle, signedPreKey: { ...signedPreKey, signature } };
}

/** Keys of somebody in between, each of them in order: only who knows the person's own identity can tell. */
export function withSwappedIdentity(bundle: KeyBundle): KeyBundle {
  const [identity, signed, once] = [generateKeyPair(), generateKeyPair(), generateKeyPair()];
  const signature = sign(identity.private, signalKey(signed.public));
  return {
    ...bundle,
    identity: identity.public,
    signedPreKey: { id: bundle.signedPreKey.id, public: signed.public, signature },
    preKey: bundle.preKey && { id: bundle.preKey.id, public: once.public },
  };
}

/** Says that the account vouches for a linked device, with a signature that is not the account's. */
export function forgedVoucher(signedIdentity: Buffer): Buffer {
  const signed = proto.ADVSignedDeviceIdentity.decode(signedIdentity);
  const accountSignature = sign(generateKeyPair().private, signed.details ?? Buffer.alloc(0));
  return Buffer.from(proto.ADVSignedDeviceIdentity.encode({ ...signed, accountSignature }).finish());
}

/** A message whose `<device-identity>` is forged. */
export function withForgedVoucher(node: Stanza): Stanza {
  const content = children(node).map((one) =>
    one.tag === 'device-identity' ? { ...one, content: forgedVoucher(bytes(one)) } : one,
  );
  return { ...node, content };
}

/** A patch of the account's settings in which another value stands than the one that its MACs are about. */
export function withForgedMutation(patch: Buffer): Buffer {
  const decoded = proto.SyncdPatch.decode(patch);
  const blob = decoded.mutations?.[0]?.record?.value?.blob;
  // In the middle of the encrypted value, before its MAC: it decrypts to something else.
  if (blob) blob[Math.max(0, blob.length - 33)]! ^= 0xff;
  return Buffer.from(proto.SyncdPatch.encode(decoded).finish());
}

/** A file in which one byte is another. */
export function withForgedByte(file: Buffer): Buffer {
  const forged = Buffer.from(file);
  const middle = Math.floor(forged.length / 2);
  if (forged.length > 0) forged[middle]! ^= 0xff;
  return forged;
}
