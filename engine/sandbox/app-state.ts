import { proto } from '@whiskeysockets/baileys';
import type { Sender } from './accounts.ts';
import type { Network } from './network.ts';
import { SERVER, bytes, child, children, errorNode, now, result, stanza, type Stanza } from './stanza.ts';

/** Patches in one answer; a client that is further behind asks again. */
const PAGE = 100;

/**
 * `<iq xmlns=w:sync:app:state><sync><collection name version>[<patch/>]`: the encrypted settings that an account's
 * devices share. The server cannot read them; it keeps the patches in order, gives a device those that it does not
 * have, and takes a new one only on top of the latest version (409 otherwise). Every patch is kept, so that there
 * is never a need for a snapshot.
 */
export function syncAppState(network: Network, from: Sender, iq: Stanza): Stanza {
  const collections = children(child(iq, 'sync'), 'collection').map((collection) => {
    const name = collection.attrs['name'] ?? '';
    const known = Number(collection.attrs['version'] ?? 0);
    const patches = [...children(collection, 'patch'), ...children(child(collection, 'patches'), 'patch')];
    return patches.length > 0 ? write(network, from, name, known, patches) : read(network, from, name, known);
  });
  return result(iq, [stanza('sync', {}, collections)]);
}

function read(network: Network, from: Sender, name: string, known: number): Stanza {
  const rows = network.store.all<{ version: number; patch: Buffer }>(
    'select version, patch from app_state where phone = ? and collection = ? and version > ? order by version limit ?',
    ...[from.account.phone, name, known, PAGE + 1],
  );
  const page = rows.slice(0, PAGE);
  const version = page.at(-1)?.version ?? Math.max(known, latest(network, from, name));
  const attrs = { name, version, has_more_patches: String(rows.length > PAGE) };
  if (page.length === 0) return stanza('collection', attrs);
  return stanza('collection', attrs, [
    stanza(
      'patches',
      {},
      page.map(({ patch }) => stanza('patch', {}, patch)),
    ),
  ]);
}

function write(network: Network, from: Sender, name: string, known: number, patches: Stanza[]): Stanza {
  return network.store.transaction(() => {
    let version = latest(network, from, name);
    if (version !== known) return stanza('collection', { name, version, type: 'error' }, [errorNode(409)]);
    for (const patch of patches) {
      version++;
      network.store.run(
        'insert into app_state (phone, collection, version, patch) values (?, ?, ?, ?)',
        ...[from.account.phone, name, version, numbered(bytes(patch), version)],
      );
    }
    announce(network, from, name, version);
    return stanza('collection', { name, version });
  });
}

/** The patch with its version in it: the client leaves that to the server. */
function numbered(patch: Buffer, version: number): Buffer {
  return Buffer.from(proto.SyncdPatch.encode({ ...proto.SyncdPatch.decode(patch), version: { version } }).finish());
}

function announce(network: Network, from: Sender, name: string, version: number): void {
  for (const device of network.accounts.devices(from.account.phone)) {
    if (device.id === 0 || device.id === from.device.id) continue;
    const attrs = { from: SERVER, type: 'server_sync', id: network.newId(), t: now() };
    network.outbox.enqueue(device, stanza('notification', attrs, [stanza('collection', { name, version })]), SERVER);
  }
}

function latest(network: Network, from: Sender, name: string): number {
  const row = network.store.get<{ version: number | null }>(
    'select max(version) as version from app_state where phone = ? and collection = ?',
    ...[from.account.phone, name],
  );
  return row?.version ?? 0;
}
