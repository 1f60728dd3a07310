import { proto } from '@whiskeysockets/baileys';
import type { Account } from './accounts.ts';
import { takeEffect } from './setting-effects.ts';
import type { Network } from './network.ts';
import { SERVER, now, stanza } from './stanza.ts';
import {
  EMPTY,
  SyncdError,
  openPatch,
  sealPatch,
  type Head,
  type Mutation,
  type SealedMutation,
  type SyncdKey,
} from './syncd.ts';

/** The newest version of a collection, with what the last patch said about it. */
export interface CollectionHead extends Head {
  snapshotMac: Buffer;
}

/** A setting as the phone reads it. */
export interface Setting {
  index: string[];
  value: proto.ISyncActionValue;
}

/** A change that the phone wants to make. */
export interface Change {
  index: string[];
  value: proto.ISyncActionValue;
  /** The setting is taken away rather than given a value. */
  remove?: boolean;
}

/** In which collection a setting lies, and the version of its kind, by the first part of its index. */
const KINDS: Record<string, { collection: string; version: number }> = {
  setting_pushName: { collection: 'critical_block', version: 1 },
  contact: { collection: 'critical_unblock_low', version: 2 },
  mute: { collection: 'regular_high', version: 2 },
  clearChat: { collection: 'regular_high', version: 6 },
  deleteChat: { collection: 'regular_high', version: 6 },
  deleteMessageForMe: { collection: 'regular_high', version: 3 },
  archive: { collection: 'regular_low', version: 3 },
  pin_v1: { collection: 'regular_low', version: 5 },
  markChatAsRead: { collection: 'regular_low', version: 3 },
  star: { collection: 'regular_low', version: 2 },
  setting_unarchiveChats: { collection: 'regular_low', version: 4 },
  label_edit: { collection: 'regular', version: 3 },
  label_jid: { collection: 'regular', version: 3 },
  label_message: { collection: 'regular', version: 3 },
  quick_reply: { collection: 'regular', version: 2 },
};

/**
 * What an account's devices share: the phone's side of the encrypted collections. The phone has the key, reads every
 * patch that a linked device writes, and writes patches of its own. The records are kept as the server has them beside
 * what the phone reads in them.
 */
export function settingsOf(network: Network, phone: string, kind: string): Setting[] {
  return network.store
    .all<{ idx: string; value: Buffer }>(
      'select idx, value from app_state_records where phone = ? and kind = ? order by version, rowid',
      ...[phone, kind],
    )
    .map(({ idx, value }) => ({ index: JSON.parse(idx) as string[], value: proto.SyncActionValue.decode(value) }));
}

export function settingAt(network: Network, phone: string, index: string[]): proto.ISyncActionValue | undefined {
  const row = network.store.get<{ value: Buffer }>(
    'select value from app_state_records where phone = ? and kind = ? and idx = ?',
    ...[phone, index[0] ?? '', JSON.stringify(index)],
  );
  return row && proto.SyncActionValue.decode(row.value);
}

/** The phone changes settings; its linked devices are told. One patch per collection. */
export function changeSettings(network: Network, account: Account, changes: Change[]): void {
  const byCollection = new Map<string, Mutation[]>();
  for (const { index, value, remove } of changes) {
    const kind = KINDS[index[0] ?? ''];
    if (!kind) throw new Error(`no collection is known for ${index[0]}`);
    const operation = remove ? 'remove' : 'set';
    const mutation: Mutation = { operation, index, value: { timestamp: Date.now(), ...value }, version: kind.version };
    byCollection.set(kind.collection, [...(byCollection.get(kind.collection) ?? []), mutation]);
  }
  network.store.transaction(() => {
    for (const [collection, mutations] of byCollection) {
      const before = valueMacs(network, account.phone, collection);
      const sealed = sealPatch(
        keyOf(network, account.phone),
        collection,
        headOf(network, account, collection),
        before,
        mutations,
      );
      keep(network, account, collection, sealed.head, sealed.patch, sealed.mutations);
    }
    announce(network, account, [...byCollection.keys()], 0);
  });
}

/** A linked device's patch on top of the newest version. Throws `SyncdError` when it is not one. */
export function takePatch(network: Network, account: Account, collection: string, patch: proto.ISyncdPatch): void {
  const head = headOf(network, account, collection);
  const before = valueMacs(network, account.phone, collection);
  const opened = openPatch(keyOf(network, account.phone), collection, head, before, patch);
  if (opened.mutations.length === 0) throw new SyncdError('the patch changes nothing');
  keep(network, account, collection, opened.head, patch, opened.mutations);
}

function keep(
  network: Network,
  account: Account,
  collection: string,
  head: Head,
  patch: proto.ISyncdPatch,
  mutations: SealedMutation[],
): void {
  const { phone } = account;
  const { version, hash } = head;
  // clients leave the version to the server
  const numbered = proto.SyncdPatch.encode({ ...patch, version: { version } }).finish();
  network.store.run(
    'insert into app_state (phone, collection, version, patch) values (?, ?, ?, ?)',
    ...[phone, collection, version, Buffer.from(numbered)],
  );
  network.store.run(
    'insert or replace into app_state_heads (phone, collection, version, hash, snapshot_mac) values (?, ?, ?, ?, ?)',
    ...[phone, collection, version, hash, Buffer.from(patch.snapshotMac ?? [])],
  );
  for (const mutation of mutations) {
    keepRecord(network, phone, collection, version, mutation);
    takeEffect(network, account, mutation);
  }
}

function keepRecord(
  network: Network,
  phone: string,
  collection: string,
  version: number,
  mutation: SealedMutation,
): void {
  const { operation, index, indexMac, valueMac, record, value } = mutation;
  network.store.run(
    'delete from app_state_records where phone = ? and collection = ? and index_mac = ?',
    ...[phone, collection, indexMac],
  );
  if (operation === 'remove') return;
  network.store.run(
    `insert into app_state_records (phone, collection, index_mac, value_mac, version, kind, idx, record, value)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[phone, collection, indexMac, valueMac, version, index[0] ?? '', JSON.stringify(index), record],
    Buffer.from(proto.SyncActionValue.encode(value).finish()),
  );
}

/** The newest version of a collection; version 0 when nothing was ever written to it. */
export function headOf(network: Network, account: Account, collection: string): CollectionHead {
  const row = network.store.get<{ version: number; hash: Buffer; snapshot_mac: Buffer }>(
    'select version, hash, snapshot_mac from app_state_heads where phone = ? and collection = ?',
    ...[account.phone, collection],
  );
  if (!row) return { ...EMPTY, snapshotMac: Buffer.alloc(0) };
  return { version: row.version, hash: row.hash, snapshotMac: row.snapshot_mac };
}

/** Every record of a collection, as the server has it. */
export function recordsOf(network: Network, phone: string, collection: string): proto.ISyncdRecord[] {
  return network.store
    .all<{ record: Buffer }>(
      'select record from app_state_records where phone = ? and collection = ? order by version, rowid',
      ...[phone, collection],
    )
    .map(({ record }) => proto.SyncdRecord.decode(record));
}

function valueMacs(network: Network, phone: string, collection: string): (indexMac: Buffer) => Buffer | undefined {
  return (indexMac) =>
    network.store.get<{ value_mac: Buffer }>(
      'select value_mac from app_state_records where phone = ? and collection = ? and index_mac = ?',
      ...[phone, collection, indexMac],
    )?.value_mac;
}

/** The key that the phone has made and gives to every device that is linked. */
export function keyOf(network: Network, phone: string): SyncdKey {
  const row = network.store.get<{ id: Buffer; key: Buffer }>(
    'select id, key from app_state_keys where phone = ?',
    phone,
  );
  if (!row) throw new Error(`+${phone} has lost its app-state key`);
  return { id: row.id, data: row.key };
}

/**
 * Tells the account's linked devices that collections have changed, all but the one that has changed them: one
 * notification for each, because there are clients that read no further than the first collection in one.
 */
export function announce(network: Network, account: Account, names: string[], by: number): void {
  for (const name of names) {
    const changed = stanza('collection', { name, version: headOf(network, account, name).version });
    for (const device of network.accounts.devices(account.phone)) {
      if (device.id === 0 || device.id === by) continue;
      const attrs = { from: SERVER, type: 'server_sync', id: network.newId(), t: now() };
      network.outbox.enqueue(device, stanza('notification', attrs, [changed]), SERVER);
    }
  }
}
