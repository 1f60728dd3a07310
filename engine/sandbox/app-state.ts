import { proto } from '@whiskeysockets/baileys';
import type { Account, Sender } from './accounts.ts';
import { withForgedMutation } from './impostors.ts';
import type { Network } from './network.ts';
import { decryptMedia, encryptMedia } from './media-cipher.ts';
import { announce, headOf, keyOf, recordsOf, takePatch } from './shared-settings.ts';
import { bytes, child, children, errorNode, result, stanza, type Stanza } from './stanza.ts';
import { SyncdError } from './syncd.ts';

/** Patches in one answer; a client that is further behind asks again. */
const PAGE = 100;
/** A patch that is larger than this is not sent as a whole. */
const MAX_INLINE_BYTES = 64 * 1024;

/** The collections that there are; which setting lies in which is the clients' business. */
const COLLECTIONS = new Set(['critical_block', 'critical_unblock_low', 'regular_high', 'regular_low', 'regular']);

/**
 * `<iq xmlns=w:sync:app:state><sync><collection name version return_snapshot>[<patch/>]`: the encrypted settings that an
 * account's devices share. The server keeps the patches in order, gives a device those that it does not have (or, when
 * it asks for that, a snapshot of the whole collection), and takes a new one only on top of the latest version (409
 * otherwise, with what the device has missed).
 *
 * WhatsApp's server cannot check what a patch says: a wrong one would break the account's other devices at their next
 * sync. Here it is refused at once (400), because the phone has looked at it.
 */
export function syncAppState(network: Network, from: Sender, iq: Stanza): Stanza {
  const collections = children(child(iq, 'sync'), 'collection').map((collection) => {
    const name = collection.attrs['name'] ?? '';
    const known = Number(collection.attrs['version'] ?? 0);
    if (!COLLECTIONS.has(name) || !Number.isInteger(known)) return refused(name, known, 400);
    const patches = [...children(collection, 'patch'), ...children(child(collection, 'patches'), 'patch')];
    if (patches.length > 0) return write(network, from, name, known, patches);
    const whole = collection.attrs['return_snapshot'] === 'true' && snapshot(network, from.account, name);
    return whole || read(network, from, name, known);
  });
  return result(iq, [stanza('sync', {}, collections)]);
}

function read(network: Network, from: Sender, name: string, known: number): Stanza {
  const rows = network.store.all<{ version: number; patch: Buffer }>(
    'select version, patch from app_state where phone = ? and collection = ? and version > ? order by version limit ?',
    ...[from.account.phone, name, known, PAGE + 1],
  );
  const page = rows.slice(0, PAGE);
  const version = page.at(-1)?.version ?? headOf(network, from.account, name).version;
  const attrs = { name, version, has_more_patches: String(rows.length > PAGE) };
  if (page.length === 0) return stanza('collection', attrs);
  const { phone } = from.account;
  const patches = page.map(({ patch }) => {
    const sent = network.faults.fire('forged-app-state', { phone }) ? withForgedMutation(patch) : patch;
    return stanza('patch', {}, packed(network, sent));
  });
  return stanza('collection', attrs, [stanza('patches', {}, patches)]);
}

function write(network: Network, from: Sender, name: string, known: number, patches: Stanza[]): Stanza {
  if (headOf(network, from.account, name).version !== known) {
    const missed = read(network, from, name, known);
    return { ...missed, attrs: { ...missed.attrs, type: 'error' }, content: [errorNode(409), ...children(missed)] };
  }
  try {
    return network.store.transaction(() => {
      for (const patch of patches) {
        takePatch(network, from.account, name, unpacked(network, proto.SyncdPatch.decode(bytes(patch))));
      }
      announce(network, from.account, [name], from.device.id);
      return stanza('collection', { name, version: headOf(network, from.account, name).version });
    });
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    network.logger.warn({ err: error, phone: from.account.phone, collection: name }, 'a patch has been refused');
    return refused(name, known, 400);
  }
}

/** Bytes that are no patch, or a patch that does not fit. */
function isUnreadable(error: unknown): boolean {
  return (
    error instanceof SyncdError ||
    error instanceof RangeError ||
    /protobuf|invalid wire type|index out/i.test(String(error))
  );
}

function refused(name: string, version: number, code: number): Stanza {
  return stanza('collection', { name, version, type: 'error' }, [errorNode(code)]);
}

/**
 * Every record of a collection as an encrypted file on the media host, for a device that begins with nothing. The MAC
 * is the one that the last patch has proven: the server puts a snapshot together without being able to read it.
 */
function snapshot(network: Network, account: Account, name: string): Stanza | undefined {
  const { version, snapshotMac } = headOf(network, account, name);
  if (version === 0) return undefined;
  const attrs = { name, version, has_more_patches: 'false' };
  return stanza('collection', attrs, [stanza('snapshot', {}, fileOf(network, account, name, version, snapshotMac))]);
}

/** Where the snapshot of this version lies; it is made once, and again when the media host has forgotten it. */
function fileOf(network: Network, account: Account, name: string, version: number, mac: Buffer): Buffer {
  const made = network.store.get<{ version: number; file: Buffer }>(
    'select version, file from app_state_snapshots where phone = ? and collection = ?',
    ...[account.phone, name],
  );
  const path = made && proto.ExternalBlobReference.decode(made.file).directPath;
  if (made?.version === version && path && network.media.read(path)) return made.file;
  const records = recordsOf(network, account.phone, name);
  const keyId = { id: keyOf(network, account.phone).id };
  const whole = Buffer.from(proto.SyncdSnapshot.encode({ version: { version }, records, mac, keyId }).finish());
  const file = externalBlob(network, whole);
  network.store.run(
    'insert or replace into app_state_snapshots (phone, collection, version, file) values (?, ?, ?, ?)',
    ...[account.phone, name, version, file],
  );
  return file;
}

/** A large patch has what it changes in a file on the media host. */
function packed(network: Network, patch: Buffer): Buffer {
  if (patch.length <= MAX_INLINE_BYTES) return patch;
  const { mutations, ...rest } = proto.SyncdPatch.decode(patch);
  const file = externalBlob(network, Buffer.from(proto.SyncdMutations.encode({ mutations }).finish()));
  const externalMutations = proto.ExternalBlobReference.decode(file);
  return Buffer.from(proto.SyncdPatch.encode({ ...rest, externalMutations }).finish());
}

/** A patch with what it changes in it, wherever the client has put that. */
function unpacked(network: Network, patch: proto.ISyncdPatch): proto.ISyncdPatch {
  const { externalMutations: file, ...rest } = patch;
  if (!file?.directPath) return patch;
  const encrypted = network.media.read(file.directPath);
  if (!encrypted) throw new SyncdError('what the patch changes is not on the media host');
  const { mutations } = proto.SyncdMutations.decode(decryptMedia('md-app-state', encrypted, file));
  return { ...rest, mutations: [...(rest.mutations ?? []), ...mutations] };
}

/** Puts bytes on the media host; what is returned names them and has the key. */
function externalBlob(network: Network, plaintext: Buffer): Buffer {
  const { bytes: encrypted, mediaKey, fileSha256, fileEncSha256, fileLength } = encryptMedia('md-app-state', plaintext);
  const { directPath } = network.media.keep('md-app-state', encrypted);
  const reference = { mediaKey, directPath, fileSha256, fileEncSha256, fileSizeBytes: fileLength };
  return Buffer.from(proto.ExternalBlobReference.encode(reference).finish());
}
