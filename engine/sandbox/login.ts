import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { proto } from '@whiskeysockets/baileys';
import { jidOf, type Account, type Device } from './accounts.ts';
import type { Connection } from './connection.ts';
import { failure, replaced } from './endings.ts';
import type { Network } from './network.ts';
import { SERVER, now, stanza } from './stanza.ts';

/**
 * The handshake is over and the client has said what it wants: to be paired (then QR refs follow), or to log in as a
 * device that it must prove to be by its Noise key. A login ends in `<success>` or in `<failure reason=…>`.
 */
export function logIn(network: Network, connection: Connection, clientKey: Buffer, payload: proto.ClientPayload): void {
  const phone = payload.username ? String(payload.username) : undefined;
  const occasion = { phone, device: payload.device ?? undefined };
  const refusal = network.faults.fire('refuse-version', occasion) ? 405 : loginFault(network, occasion);
  if (refusal !== undefined) return connection.end(failure(refusal));
  const ban = phone === undefined ? undefined : network.restrictions.ban(phone);
  if (ban) return connection.end(failure(ban.reason, ban.more));
  if (payload.devicePairingData) return network.pairing.begin(connection, clientKey, payload.devicePairingData);

  const account = phone === undefined ? undefined : network.accounts.get(phone);
  const device = account && payload.device ? network.accounts.device(account.phone, payload.device) : undefined;
  if (!account || !device?.noiseKey || !timingSafeEqual(device.noiseKey, clientKey)) {
    return connection.end(failure(401));
  }
  if (payload.pushName) network.accounts.setPushName(account.phone, device.id, payload.pushName);
  welcome(network, connection, account, device, payload.passive === true);
}

function loginFault(network: Network, occasion: { phone: string | undefined; device: number | undefined }) {
  const [fault] = network.faults.fitting('close', occasion).filter((one) => one.at === 'login');
  if (fault) network.faults.fired(fault);
  return fault?.code;
}

function welcome(network: Network, connection: Connection, account: Account, device: Device, passive: boolean): void {
  connection.account = account;
  connection.device = device;
  // the place is taken before the old connection is told, so that its end does not count as the device's
  network.setOnline(device, connection)?.end(replaced());
  network.accounts.setLastSeen(device.phone, device.id);
  connection.send(
    stanza('success', {
      t: now(),
      lid: jidOf(account, 'lid', device.id),
      display_name: account.name,
      location: 'sandbox',
    }),
  );
  const routing = stanza('routing_info', {}, Buffer.concat([Buffer.from([8, 12, 8]), randomBytes(1)]));
  connection.send(stanza('ib', { from: SERVER }, [stanza('edge_routing', {}, [routing])]));
  // a passive client is given nothing until it says that it is active
  if (!passive) activate(network, connection);
}

/**
 * The device is ready: it is given everything that waited for it, in order and marked `offline`, then the number of
 * what that was, and from then on everything as it comes. The first time, its phone sends what a new device needs.
 */
export function activate(network: Network, connection: Connection): void {
  const { account, device } = connection;
  if (!account || !device || connection.active) return;
  const waiting = network.outbox.pending(device);
  const number = (tag: string): number => waiting.filter((one) => one.tag === tag).length;
  const counts = { message: number('message'), receipt: number('receipt'), notification: number('notification') };
  connection.send(
    stanza('ib', { from: SERVER }, [stanza('offline_preview', { count: waiting.length, ...counts, appdata: 0 })]),
  );
  for (const { stanza: node } of waiting) connection.send({ ...node, attrs: { ...node.attrs, offline: '1' } });
  connection.send(stanza('ib', { from: SERVER }, [stanza('offline', { count: waiting.length })]));
  connection.active = true;
  if (!network.accounts.device(device.phone, device.id)?.bootstrapped)
    network.phone(account.phone).bootstrap(device.id);
}

/** `<iq xmlns=passive><active/>`. */
export function setActive(network: Network, connection: Connection | undefined): void {
  if (connection) activate(network, connection);
}

/** `<iq xmlns=passive><passive/>`: what comes from now on waits until the device is active again. */
export function setPassive(connection: Connection | undefined): void {
  if (connection) connection.active = false;
}
