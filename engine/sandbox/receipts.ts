import { jidOf, type Account, type Device, type Sender } from './accounts.ts';
import { routeView } from './channel-posts.ts';
import { isChannelJid } from './channels.ts';
import { isShared } from './group-messages.ts';
import { participantAttrs } from './group-notices.ts';
import type { Addressing } from './jid.ts';
import type { Network } from './network.ts';
import { sharesReads } from './privacy.ts';
import { child, children, now, stanza, type Stanza } from './stanza.ts';

/**
 * `<receipt>` of a device (or of a phone). It tells the server that the device has the message, which therefore
 * leaves its queue, and it is passed on:
 *
 * | type                | means                                            | goes to                                    |
 * |---------------------|--------------------------------------------------|--------------------------------------------|
 * | none, `inactive`    | delivered, with or without somebody there to see  | every device of the message's sender       |
 * | `read`, `played`    | read                                             | those, and the reader's own other devices  |
 * | `read-self`         | read, but the reader does not let others know    | the reader's own other devices             |
 * | `sender`            | our own device has its copy                      | the device that sent the message           |
 * | `retry`             | could not be decrypted, please encrypt it anew   | the device that sent the message           |
 * | `peer_msg`, `hist_sync` | our own phone's message has arrived          | the device of ours that it came from       |
 * | `server-error`      | a file has expired, please upload it again       | our own phone                              |
 *
 * In a group, and with a status, `to` is the chat and `participant` the author of the message; what is passed on comes
 * from the chat, with the reader as `participant`. Returns the `<ack class=receipt>`.
 */
export function routeReceipt(network: Network, from: Sender, given: Stanza): Stanza {
  const node = asShown(network, from, given);
  const { id = '', to, type } = node.attrs;
  if (isChannelJid(to)) return routeView(network, from, node);
  const ids = [id, ...children(child(node, 'list'), 'item').map((item) => item.attrs['id'] ?? '')];
  const target = network.accounts.find(authorIn(node) ?? to);
  network.store.transaction(() => {
    if (type !== 'retry' && type !== 'server-error') for (const one of ids) settle(network, from, one, node);
    if (target && isShared(to)) passOnInGroup(network, from, node, target);
    else if (target) passOn(network, from, node, target);
  });
  return stanza('ack', { class: 'receipt', id, from: to, type: given.attrs['type'], t: now() });
}

/** Between two people of whom one has read receipts turned off, a message is read without the other one's knowing. */
function asShown(network: Network, from: Sender, node: Stanza): Stanza {
  const author = node.attrs['type'] === 'read' ? network.accounts.find(node.attrs['to'])?.account : undefined;
  if (!author || sharesReads(network, from.account.phone, author.phone)) return node;
  return { ...node, attrs: { ...node.attrs, type: 'read-self' } };
}

/** The device has the message: it need not be given again, and the sender's list of deliveries says so. */
function settle(network: Network, from: Sender, id: string, node: Stanza): void {
  const { to, recipient, type } = node.attrs;
  const { outbox } = network;
  const named = authorIn(node) ?? to ?? recipient;
  const ofOwnAccount = type === 'sender' || type === 'peer_msg' || type === 'hist_sync';
  const author = ofOwnAccount ? from.account : network.accounts.find(named)?.account;
  if (type !== 'read' && type !== 'read-self' && type !== 'played') {
    outbox.settleMessage(from.device, id, author?.phone);
    if (author) outbox.markDelivered(author.phone, id, from.device, type !== 'inactive');
  } else if (author && type !== 'read-self') {
    outbox.markRead(author.phone, id, from.device);
  }
}

/** Author of the message that a stanza is about, when it is about one in a chat of many. */
const authorIn = (node: Stanza): string | undefined =>
  isShared(node.attrs['to']) ? node.attrs['participant'] : undefined;

interface Named {
  account: Account;
  device: number;
  addressing: Addressing;
}

function passOnInGroup(network: Network, from: Sender, node: Stanza, author: Named): void {
  const { type } = node.attrs;
  const all = ({ phone }: Account): Device[] => network.accounts.devices(phone);
  const own = all(from.account).filter(({ id }) => id !== from.device.id);
  const one = all(author.account).filter(({ id }) => id === author.device);
  const recipient = jidOf(author.account, author.addressing);
  const toAuthor = (to: Device[]): void => to.forEach((device) => enqueueInGroup(network, from, node, device, author));
  const toOwn = (): void => own.forEach((device) => enqueueInGroup(network, from, node, device, author, recipient));
  if (type === 'retry' || type === 'sender') return toAuthor(one);
  if (type !== 'read-self') toAuthor(all(author.account));
  if (type === 'read' || type === 'read-self' || type === 'played') toOwn();
}

function enqueueInGroup(
  network: Network,
  from: Sender,
  node: Stanza,
  device: Device,
  { addressing }: Named,
  recipient?: string,
): void {
  if (device.phone === from.device.phone && device.id === from.device.id) return;
  const { to = '', id, type, t } = node.attrs;
  const attrs = {
    from: to,
    id,
    type,
    t: t ?? now(),
    ...participantAttrs({ addressing }, from.account, from.device.id),
  };
  const content = children(node);
  const receipt = stanza('receipt', { ...attrs, recipient }, content.length > 0 ? content : undefined);
  network.outbox.enqueue(device, receipt, to);
}

function passOn(
  network: Network,
  from: Sender,
  node: Stanza,
  target: { account: Account; device: number; addressing: Addressing },
): void {
  switch (node.attrs['type']) {
    case undefined:
    case 'inactive':
      return toDevices(network, from, node, target.account, target.addressing);
    case 'read':
    case 'played':
      toDevices(network, from, node, target.account, target.addressing);
      return toOwnDevices(network, from, node, target);
    case 'read-self':
      return toOwnDevices(network, from, node, target);
    case 'sender': {
      // clients differ in which of the two they call `to`: the chat, or the device of ours that sent the message
      const named = [target, network.accounts.find(node.attrs['recipient'])];
      const sender = named.find((one) => one?.account.phone === from.account.phone);
      const chat = named.find((one) => one && one !== sender);
      const recipient = chat ? jidOf(chat.account, chat.addressing) : undefined;
      if (sender) toDevice(network, from, node, sender, { recipient });
      return;
    }
    case 'peer_msg':
    case 'hist_sync':
    case 'server-error':
      return toDevice(network, from, node, target, {});
    case 'retry':
      return toDevice(network, from, node, target, { recipient: node.attrs['recipient'] });
  }
}

function toDevices(network: Network, from: Sender, node: Stanza, account: Account, addressing: Addressing): void {
  for (const device of network.accounts.devices(account.phone)) enqueue(network, from, node, device, addressing, {});
}

function toDevice(
  network: Network,
  from: Sender,
  node: Stanza,
  to: { account: Account; device: number; addressing: Addressing },
  more: Record<string, string | undefined>,
): void {
  const device = network.accounts.device(to.account.phone, to.device);
  if (device) enqueue(network, from, node, device, to.addressing, more);
}

function toOwnDevices(
  network: Network,
  from: Sender,
  node: Stanza,
  chat: { account: Account; addressing: Addressing },
): void {
  const recipient = jidOf(chat.account, chat.addressing);
  for (const device of network.accounts.devices(from.account.phone)) {
    if (device.id !== from.device.id) enqueue(network, from, node, device, chat.addressing, { recipient });
  }
}

function enqueue(
  network: Network,
  from: Sender,
  node: Stanza,
  device: Device,
  addressing: Addressing,
  more: Record<string, string | undefined>,
): void {
  if (device.phone === from.device.phone && device.id === from.device.id) return;
  const { id, type, t } = node.attrs;
  const sender = jidOf(from.account, addressing, from.device.id);
  const content = children(node);
  network.outbox.enqueue(
    device,
    stanza('receipt', { from: sender, id, type, t: t ?? now(), ...more }, content.length > 0 ? content : undefined),
    sender,
  );
}

/** `<ack>` of a device: the stanza has arrived, or (with `error`) was refused; either way it is not given again. */
export function acknowledged(network: Network, from: Sender, node: Stanza): undefined {
  const { class: tag = '', id = '', to, error } = node.attrs;
  network.store.transaction(() => {
    if (tag !== 'message') {
      network.outbox.acknowledge(from.device, tag, id, to);
      return;
    }
    const author = network.accounts.find(authorIn(node) ?? to)?.account.phone;
    network.outbox.acknowledge(from.device, 'message', id, author);
    if (author && error !== undefined) network.outbox.markRefused(author, id, from.device, error);
    else if (author) network.outbox.markDelivered(author, id, from.device, false);
  });
  return undefined;
}
