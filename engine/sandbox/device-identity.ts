import { proto } from '@whiskeysockets/baileys';
import type { Account } from './accounts.ts';
import { generateKeyPair, sign, verify } from './keys.ts';
import { bytes, child, now, type Stanza } from './stanza.ts';

/**
 * What makes a device a device of an account: the account signs the device's identity key, the device signs that it
 * belongs to the account. Each signature is over two bytes of its own and then what it vouches for.
 */
const ACCOUNT_SIGNATURE = Buffer.from([6, 0]);
const DEVICE_SIGNATURE = Buffer.from([6, 1]);

/** A device identity that the account has signed and the device has not yet. */
export interface HalfSigned {
  details: Buffer;
  accountSignatureKey: Buffer;
  accountSignature: Buffer;
}

/** The phone vouches for the client's identity key. `forged`: with a key that is not the account's. */
export function signIdentity(account: Account, deviceIdentity: Buffer, keyIndex: number, forged: boolean): HalfSigned {
  const { rawId, identity } = account;
  const details = proto.ADVDeviceIdentity.encode({ rawId, timestamp: now(), keyIndex }).finish();
  const signer = forged ? generateKeyPair() : identity;
  const accountSignature = sign(signer.private, Buffer.concat([ACCOUNT_SIGNATURE, details, deviceIdentity]));
  return { details: Buffer.from(details), accountSignatureKey: identity.public, accountSignature };
}

/**
 * The client's answer to `pair-success`, when it holds the same identity with a genuine signature of the client's. The
 * server keeps it as it is: without the account's key, which clients leave out and others know from the phone.
 */
export function countersigned(
  account: Account,
  deviceIdentity: Buffer,
  signed: HalfSigned,
  answer: Stanza,
): Buffer | undefined {
  const node = child(child(answer, 'pair-device-sign'), 'device-identity');
  if (!node) return undefined;
  const { details, accountSignature, deviceSignature } = proto.ADVSignedDeviceIdentity.decode(bytes(node));
  const same =
    signed.details.equals(details ?? Buffer.alloc(0)) &&
    signed.accountSignature.equals(accountSignature ?? Buffer.alloc(0));
  const message = Buffer.concat([DEVICE_SIGNATURE, signed.details, deviceIdentity, account.identity.public]);
  if (!same || !verify(deviceIdentity, message, deviceSignature)) return undefined;
  return bytes(node);
}

/**
 * Whether the account really vouches for a linked device with this identity key, and the device for itself. Phones
 * check it before they believe a message that opens a session.
 */
export function vouchedFor(accountKey: Buffer, identity: Buffer, signedIdentity: Buffer): boolean {
  const { details, accountSignatureKey, accountSignature, deviceSignature } =
    proto.ADVSignedDeviceIdentity.decode(signedIdentity);
  if (!details || (accountSignatureKey?.length && !accountKey.equals(accountSignatureKey))) return false;
  return (
    verify(accountKey, Buffer.concat([ACCOUNT_SIGNATURE, details, identity]), accountSignature) &&
    verify(identity, Buffer.concat([DEVICE_SIGNATURE, details, identity, accountKey]), deviceSignature)
  );
}
