import type { Account } from './accounts.ts';
import { ProtocolType, type MessageContent } from './content.ts';
import type { Network } from './network.ts';
import { profileValue, setProfileValue } from './profile.ts';

/** The key under which the account's devices encrypt the settings that they share. */
export function appStateKeyShare(network: Network, account: Account): MessageContent {
  const row = network.store.get<{ id: Buffer; key: Buffer; created: number }>(
    'select id, key, created from app_state_keys where phone = ?',
    account.phone,
  );
  const indexes = network.accounts.devices(account.phone).map(({ keyIndex }) => keyIndex);
  const fingerprint = { rawId: account.rawId, currentIndex: Math.max(...indexes), deviceIndexes: indexes };
  const keys = row
    ? [{ keyId: { keyId: row.id }, keyData: { keyData: row.key, fingerprint, timestamp: row.created * 1000 } }]
    : [];
  return { protocolMessage: { type: ProtocolType.APP_STATE_SYNC_KEY_SHARE, appStateSyncKeyShare: { keys } } };
}

/** Whether a device asked for all of the past when it was linked, and not only for what is recent. */
export function wantsEverything(network: Network, account: Account, device: number): boolean {
  return profileValue(network, account.phone, everything(device)) !== undefined;
}

export function wantEverything(network: Network, phone: string, device: number): void {
  setProfileValue(network, phone, everything(device), 'true');
}

const everything = (device: number): string => `everything for ${device}`;
