import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { LT_HASH_ANTI_TAMPERING, proto } from '@whiskeysockets/baileys';

/**
 * The arithmetic of WhatsApp's encrypted settings ("syncd"). Each setting is a record under an index such as
 * `["mute","491…@s.whatsapp.net"]`; a patch sets and removes records. The server sees of a record the MAC of its index,
 * its ciphertext and the ciphertext's MAC. A sum over those last MACs (LT hash) stands for the whole collection, and
 * every patch proves two things about it with keys that only the account's devices have: what it changes (patch MAC),
 * and what the collection is afterwards (snapshot MAC).
 */
export interface SyncdKey {
  id: Buffer;
  data: Buffer;
}

/** A change of one record, in plain. */
export interface Mutation {
  operation: 'set' | 'remove';
  index: string[];
  value: proto.ISyncActionValue;
  /** Version of the kind of action, not of the collection. */
  version: number;
}

/** The same with what the server sees of it. */
export interface SealedMutation extends Mutation {
  indexMac: Buffer;
  valueMac: Buffer;
  record: Buffer;
}

/** What a collection is at some version. */
export interface Head {
  version: number;
  hash: Buffer;
}

/** MAC of the record that lies under an index, if there is one. */
export type ValueMacOf = (indexMac: Buffer) => Buffer | undefined;

/** Sum of no records. */
export const EMPTY: Head = { version: 0, hash: Buffer.alloc(128) };

/** A patch that is not what a device of the account would have written on top of this collection. */
export class SyncdError extends Error {
  override readonly name = 'SyncdError';
}

const { SET, REMOVE } = proto.SyncdMutation.SyncdOperation;
const MAC_BYTES = 32;

/** The next patch on top of `head`, without its version: the server puts that in. */
export function sealPatch(key: SyncdKey, collection: string, head: Head, before: ValueMacOf, mutations: Mutation[]) {
  const keys = expand(key);
  const sealed = mutations.map((mutation) => seal(key, keys, mutation));
  const hash = hashAfter(head.hash, before, sealed);
  const version = head.version + 1;
  const snapshotMac = macOfSnapshot(keys, collection, { version, hash });
  const patch: proto.ISyncdPatch = {
    mutations: sealed.map(({ operation, record }) => ({
      operation: operation === 'set' ? SET : REMOVE,
      record: proto.SyncdRecord.decode(record),
    })),
    snapshotMac,
    patchMac: macOfPatch(keys, collection, version, snapshotMac, sealed),
    keyId: { id: key.id },
  };
  return { patch, mutations: sealed, head: { version, hash } };
}

/** What a patch changes, and what the collection is then. Throws `SyncdError` on anything that does not fit. */
export function openPatch(key: SyncdKey, collection: string, head: Head, before: ValueMacOf, patch: proto.ISyncdPatch) {
  if (!key.id.equals(buffer(patch.keyId?.id)))
    throw new SyncdError('the patch names a key that the phone did not give');
  const keys = expand(key);
  const mutations = (patch.mutations ?? []).map((mutation) => open(key, keys, mutation));
  const version = head.version + 1;
  const snapshotMac = buffer(patch.snapshotMac);
  if (!macOfPatch(keys, collection, version, snapshotMac, mutations).equals(buffer(patch.patchMac))) {
    throw new SyncdError('the patch MAC does not fit');
  }
  const hash = hashAfter(head.hash, before, mutations);
  if (!macOfSnapshot(keys, collection, { version, hash }).equals(snapshotMac)) {
    throw new SyncdError('the snapshot MAC does not fit: the patch was made on top of another collection');
  }
  return { mutations, head: { version, hash } };
}

type Keys = Record<'index' | 'cipher' | 'valueMac' | 'snapshotMac' | 'patchMac', Buffer>;

function expand(key: SyncdKey): Keys {
  const bytes = Buffer.from(hkdfSync('sha256', key.data, Buffer.alloc(32), 'WhatsApp Mutation Keys', 160));
  const part = (n: number): Buffer => bytes.subarray(n * 32, n * 32 + 32);
  return { index: part(0), cipher: part(1), valueMac: part(2), snapshotMac: part(3), patchMac: part(4) };
}

function seal(key: SyncdKey, keys: Keys, mutation: Mutation): SealedMutation {
  const index = Buffer.from(JSON.stringify(mutation.index));
  const { value, version } = mutation;
  const data = proto.SyncActionData.encode({ index, value, padding: Buffer.alloc(0), version }).finish();
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', keys.cipher, iv);
  const encrypted = Buffer.concat([iv, cipher.update(data), cipher.final()]);
  const indexMac = hmac('sha256', keys.index, index);
  const valueMac = macOfValue(keys, key.id, mutation.operation, encrypted);
  const blob = Buffer.concat([encrypted, valueMac]);
  const record = proto.SyncdRecord.encode({ index: { blob: indexMac }, value: { blob }, keyId: { id: key.id } });
  return { ...mutation, indexMac, valueMac, record: Buffer.from(record.finish()) };
}

function open(key: SyncdKey, keys: Keys, { operation, record }: proto.ISyncdMutation): SealedMutation {
  if (!record || !key.id.equals(buffer(record.keyId?.id))) throw new SyncdError('a record names an unknown key');
  const blob = buffer(record.value?.blob);
  const encrypted = blob.subarray(0, -MAC_BYTES);
  const valueMac = Buffer.from(blob.subarray(-MAC_BYTES));
  const what = operation === REMOVE ? 'remove' : 'set';
  if (encrypted.length < 32 || !macOfValue(keys, key.id, what, encrypted).equals(valueMac)) {
    throw new SyncdError('the MAC of a record does not fit');
  }
  const decipher = createDecipheriv('aes-256-cbc', keys.cipher, encrypted.subarray(0, 16));
  const plain = Buffer.concat([decipher.update(encrypted.subarray(16)), decipher.final()]);
  const data = proto.SyncActionData.decode(plain);
  const indexMac = buffer(record.index?.blob);
  if (!hmac('sha256', keys.index, buffer(data.index)).equals(indexMac)) {
    throw new SyncdError('the MAC of an index does not fit');
  }
  const index = indexOf(buffer(data.index));
  return {
    ...{ operation: what, index, value: data.value ?? {}, version: data.version ?? 0, indexMac, valueMac },
    record: Buffer.from(proto.SyncdRecord.encode(record).finish()),
  };
}

function indexOf(bytes: Buffer): string[] {
  const index: unknown = JSON.parse(bytes.toString());
  if (!Array.isArray(index) || index.length === 0) throw new SyncdError('an index is not a list');
  return index.map(String);
}

/** The sum without what was under the indexes before and with what is under them now. */
function hashAfter(hash: Buffer, before: ValueMacOf, mutations: SealedMutation[]): Buffer {
  const now = new Map<string, Buffer>();
  const gone: Buffer[] = [];
  const come: Buffer[] = [];
  for (const { operation, indexMac, valueMac } of mutations) {
    const name = indexMac.toString('hex');
    const previous = now.get(name) ?? before(indexMac);
    if (previous && previous.length > 0) gone.push(previous);
    if (operation === 'set') come.push(valueMac);
    // nothing is under it now, whatever was before
    now.set(name, operation === 'set' ? valueMac : Buffer.alloc(0));
  }
  return Buffer.from(LT_HASH_ANTI_TAMPERING.subtractThenAdd(hash, gone, come));
}

function macOfValue(keys: Keys, keyId: Buffer, operation: 'set' | 'remove', encrypted: Buffer): Buffer {
  const prefix = Buffer.concat([Buffer.from([operation === 'set' ? 1 : 2]), keyId]);
  const length = Buffer.alloc(8);
  length.writeUInt8(prefix.length, 7);
  return hmac('sha512', keys.valueMac, prefix, encrypted, length).subarray(0, MAC_BYTES);
}

function macOfSnapshot(keys: Keys, collection: string, { hash, version }: Head): Buffer {
  return hmac('sha256', keys.snapshotMac, hash, uint64(version), Buffer.from(collection));
}

function macOfPatch(keys: Keys, collection: string, version: number, snapshotMac: Buffer, mutations: SealedMutation[]) {
  const values = mutations.map(({ valueMac }) => valueMac);
  return hmac('sha256', keys.patchMac, snapshotMac, ...values, uint64(version), Buffer.from(collection));
}

function hmac(algorithm: string, key: Buffer, ...parts: Buffer[]): Buffer {
  const mac = createHmac(algorithm, key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

const buffer = (bytes: Uint8Array | null | undefined): Buffer => Buffer.from(bytes ?? []);
