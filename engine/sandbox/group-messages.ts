import { createHash } from 'node:crypto';
import { jidOf, type Account, type Device, type Sender } from './accounts.ts';
import { STATUS } from './chats.ts';
import { participantAttrs } from './group-notices.ts';
import type { Group } from './groups.ts';
import type { Addressing } from './jid.ts';
import { verifiedName } from './business.ts';
import { contentOf, envelopeAttrs } from './messages.ts';
import type { Network } from './network.ts';
import { hasBlocked } from './privacy.ts';
import { SandboxError } from './problem.ts';
import { child, children, stanza, type Stanza } from './stanza.ts';

/** Answers with `<ack class=message>`, with `error` when the message is refused. */
type Ack = (error?: number, more?: Record<string, string>) => Stanza;

interface Recipient {
  account: Account;
  device: Device;
  /** What is for this device alone: most of the time the sender key, encrypted for it. */
  enc: Stanza | undefined;
}

/**
 * `<message to=…@g.us>`: one ciphertext for all (`skmsg`) and, for the devices that do not have the sender's key yet,
 * the key. Every device of every member gets the message, the sender's own other ones too. With `participant` it is for
 * that one device, which had asked for it again. Refused with 403 from outsiders, 404 when there is no such group, 420
 * in a group where only admins write, 421 in the wrong addressing. A `phash` that is not that of the devices which the
 * group has is answered with the right one.
 */
export function routeGroupMessage(network: Network, from: Sender, node: Stanza, ack: Ack): Stanza {
  let group: Group;
  try {
    group = network.groups.checkMayWrite(node.attrs['to'] ?? '', from.account);
  } catch (error) {
    if (error instanceof SandboxError) return ack(error.status);
    throw error;
  }
  const { addressing_mode: addressing = group.addressing, phash } = node.attrs;
  if (addressing !== group.addressing) return ack(421, { addressing_mode: group.addressing });
  const shared = children(node, 'enc');
  if (shared.length === 0) return ack(479);
  const devices = network.groups.members(group.jid).flatMap(({ account }) => devicesOf(network, account));
  const recipients = node.attrs['participant'] ? again(network, node, devices) : withKeys(network, node, devices);
  if (!recipients) return ack(479);
  const attrs = { ...participantAttrs(group, from.account, from.device.id), addressing_mode: group.addressing };
  network.store.transaction(() => {
    for (const to of recipients) deliver(network, from, node, to, shared, attrs);
  });
  const right = participantHash(group, devices);
  return ack(undefined, phash !== undefined && phash !== right ? { phash: right } : {});
}

/**
 * `<message to=status@broadcast>`: like a message in a group, for those whom the sender names. Who has blocked the
 * sender does not see it.
 */
export function routeStatus(network: Network, from: Sender, node: Stanza, ack: Ack): Stanza {
  const shared = children(node, 'enc');
  if (shared.length === 0) return ack(479);
  const named = node.attrs['participant']
    ? [stanza('to', { jid: node.attrs['participant'] })]
    : children(child(node, 'participants'), 'to');
  network.store.transaction(() => {
    for (const { attrs, content } of named) {
      const found = network.accounts.find(attrs['jid']);
      const device = found && network.accounts.device(found.account.phone, found.device);
      if (!device || hasBlocked(network, device.phone, from.account.phone)) continue;
      const enc = Array.isArray(content) ? content.find(({ tag }) => tag === 'enc') : undefined;
      const author = statusAuthor(found.addressing, from);
      deliver(network, from, node, { account: found.account, device, enc }, shared, author);
    }
  });
  return ack();
}

/** A status is spoken of as its recipient was addressed. */
function statusAuthor(addressing: Addressing, from: Sender): Record<string, string> {
  return participantAttrs({ addressing }, from.account, from.device.id);
}

const devicesOf = (network: Network, account: Account): Omit<Recipient, 'enc'>[] =>
  network.accounts.devices(account.phone).map((device) => ({ account, device }));

/** Every device, with the key that the message brings for it; undefined when the message is not built as it has to be. */
function withKeys(network: Network, node: Stanza, devices: Omit<Recipient, 'enc'>[]): Recipient[] | undefined {
  const keys = new Map<string, Stanza>();
  for (const to of children(child(node, 'participants'), 'to')) {
    const found = network.accounts.find(to.attrs['jid']);
    const enc = child(to, 'enc');
    if (!found || !enc) return undefined;
    keys.set(`${found.account.phone}:${found.device}`, enc);
  }
  return devices.map((one) => ({ ...one, enc: keys.get(`${one.device.phone}:${one.device.id}`) }));
}

/** The one device that a message is sent to again. */
function again(network: Network, node: Stanza, devices: Omit<Recipient, 'enc'>[]): Recipient[] {
  const found = network.accounts.find(node.attrs['participant']);
  return devices
    .filter(({ device }) => device.phone === found?.account.phone && device.id === found.device)
    .map((one) => ({ ...one, enc: undefined }));
}

function deliver(
  network: Network,
  from: Sender,
  node: Stanza,
  to: Recipient,
  shared: Stanza[],
  attrs: Record<string, string>,
): void {
  const { device, enc } = to;
  if (device.phone === from.device.phone && device.id === from.device.id) return;
  const envelope = { ...envelopeAttrs(from, node), ...attrs, from: node.attrs['to'] };
  network.outbox.trackDelivery(from.account.phone, node.attrs['id'] ?? '', device);
  const name = device.phone === from.account.phone ? [] : verifiedName(network, from.account);
  const content = [...contentOf(node, enc ? [enc, ...shared] : shared), ...name];
  network.outbox.enqueue(device, stanza('message', envelope, content), from.account.phone);
}

/** By what sender and server tell whether they mean the same devices. */
function participantHash({ addressing }: Group, devices: Omit<Recipient, 'enc'>[]): string {
  const names = devices.map(({ account, device }) => {
    const [user = '', server] = jidOf(account, addressing).split('@');
    return `${user}.0:${device.id}@${server}`;
  });
  return `2:${createHash('sha256').update(names.sort().join('')).digest('base64').slice(0, 6)}`;
}

/** Whether a jid is a chat of many, in which a stanza has to say by `participant` who is meant. */
export const isShared = (jid: string | undefined): boolean => jid === STATUS || jid?.endsWith('@g.us') === true;
