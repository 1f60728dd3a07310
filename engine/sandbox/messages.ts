import { jidOf, type Account, type Device, type Sender } from './accounts.ts';
import { routePost } from './channel-posts.ts';
import { isChannelJid } from './channels.ts';
import { STATUS } from './chats.ts';
import { routeGroupMessage, routeStatus } from './group-messages.ts';
import { verifiedName } from './business.ts';
import type { Addressing } from './jid.ts';
import type { Network } from './network.ts';
import { hasBlocked } from './privacy.ts';
import { child, children, now, stanza, type Stanza } from './stanza.ts';

/** One device's copy of a message. */
interface Copy {
  account: Account;
  device: Device;
  enc: Stanza;
}

/** Attributes of a message that are passed on as they are. */
const PASSED_ON = ['type', 'category', 'edit', 'verified_name'] as const;
/** Children that are for the server, not for the recipients. */
const FOR_THE_SERVER = new Set(['enc', 'participants', 'device-identity', 'reporting', 'tctoken', 'franking']);

/**
 * `<message>` of a device (or of a phone): every ciphertext is queued for the device it is for, and once all of that is
 * on disk the sender gets `<ack class=message>`. A message that cannot be delivered is refused in the ack:
 * 404 nobody has that jid, 463 the account may begin no new chats, 479 it is not built as a message has to be, 501 there is nothing of that kind here. What goes
 * to a group, to everybody's status or to a channel has a way of its own.
 */
export function routeMessage(network: Network, from: Sender, node: Stanza): Stanza {
  const { to, id } = node.attrs;
  const ack = (error?: number, more?: Record<string, string>): Stanza =>
    stanza('ack', { class: 'message', id, from: to, t: now(), type: node.attrs['type'], error, ...more });
  // faults are for clients: the phones are what they are tried with
  const isClient = from.device.id > 0;
  const refused = isClient && network.faults.fire('nack', { phone: from.account.phone, device: from.device.id });
  if (refused) return ack(refused.code);
  if (!id || !to) return ack(479);
  if (isChannelJid(to)) return routePost(network, from, node);
  if (to.endsWith('@g.us')) {
    network.policy.message(from, node);
    return routeGroupMessage(network, from, node, ack);
  }
  if (to === STATUS) return routeStatus(network, from, node, ack);
  const target = network.accounts.find(to);
  if (!target) return ack(/@(s\.whatsapp\.net|c\.us|lid)$/.test(to) ? 404 : 501);
  network.policy.message(from, node, target.account);
  const restricted = network.restrictions.refusal(from, target.account, node);
  if (restricted !== undefined) return ack(restricted);
  const copies = copiesOf(network, from, node, target);
  if (!copies) return ack(479);
  network.store.transaction(() => {
    for (const copy of copies) deliver(network, from, node, target, copy);
  });
  return ack();
}

/** Every device's copy, or undefined when the message has none. */
function copiesOf(
  network: Network,
  from: Sender,
  node: Stanza,
  target: { account: Account; device: number },
): Copy[] | undefined {
  const direct = child(node, 'enc');
  if (direct) {
    // encrypted for one device: to a device of our own account (category=peer), or again after a retry receipt
    const device = network.accounts.device(target.account.phone, target.device);
    return device ? [{ account: target.account, device, enc: direct }] : [];
  }
  const participants = child(node, 'participants');
  if (!participants) return undefined;
  const copies: Copy[] = [];
  for (const to of children(participants, 'to')) {
    const found = network.accounts.find(to.attrs['jid']);
    // what may be seen once is for phones: linked devices are only told that there is something
    const enc = child(to, 'enc') ?? child(to, 'unavailable');
    if (!found || !enc) return undefined;
    if (found.account.phone !== from.account.phone && found.account.phone !== target.account.phone) return undefined;
    const device = network.accounts.device(found.account.phone, found.device);
    // the client's device list may be older than the device's removal
    if (device) copies.push({ account: found.account, device, enc });
  }
  return copies;
}

function deliver(
  network: Network,
  from: Sender,
  node: Stanza,
  target: { account: Account; addressing: Addressing },
  copy: Copy,
): void {
  const own = copy.account.phone === from.account.phone;
  if (own && copy.device.id === from.device.id) return;
  if (!own && hasBlocked(network, copy.account.phone, from.account.phone)) return;
  const envelope = own
    ? copyForOwnDevice(network, from, node, target, copy)
    : copyForRecipient(network, from, node, target, copy);
  if (node.attrs['category'] !== 'peer') {
    network.outbox.trackDelivery(from.account.phone, node.attrs['id'] ?? '', copy.device);
  }
  network.outbox.enqueue(copy.device, envelope, from.account.phone);
}

/** A recipient is told the sender's device, in the addressing of the message, and the sender's other name. */
function copyForRecipient(
  network: Network,
  from: Sender,
  node: Stanza,
  target: { addressing: Addressing },
  copy: Copy,
): Stanza {
  const { addressing } = target;
  const other =
    addressing === 'pn' ? { sender_lid: jidOf(from.account, 'lid') } : { sender_pn: jidOf(from.account, 'pn') };
  const sender = jidOf(from.account, addressing, from.device.id);
  const content = [...contentOf(node, [copy.enc]), ...verifiedName(network, from.account)];
  return stanza('message', { ...envelopeAttrs(from, node), from: sender, ...other }, content);
}

/**
 * The sender's other devices are told whom the message is for. They must not be given `sender_lid`: that would be
 * their own LID beside the contact's number.
 */
function copyForOwnDevice(
  network: Network,
  from: Sender,
  node: Stanza,
  target: { account: Account; addressing: Addressing },
  copy: Copy,
): Stanza {
  const { addressing } = target;
  const attrs = { ...envelopeAttrs(from, node), from: jidOf(from.account, addressing, from.device.id) };
  if (node.attrs['category'] === 'peer') return stanza('message', attrs, contentOf(node, [copy.enc]));
  // a message that is encrypted anew for one of our own devices is addressed to that and names the chat beside it
  const chat = child(node, 'enc') ? network.accounts.find(node.attrs['recipient'])?.account : target.account;
  const recipient = chat && jidOf(chat, addressing);
  if (!chat || chat.phone === from.account.phone) {
    return stanza('message', { ...attrs, recipient }, contentOf(node, [copy.enc]));
  }
  const other =
    addressing === 'pn' ? { peer_recipient_lid: jidOf(chat, 'lid') } : { peer_recipient_pn: jidOf(chat, 'pn') };
  return stanza('message', { ...attrs, recipient, ...other }, contentOf(node, [copy.enc]));
}

/** What every copy of a message says besides whom it is from. */
export function envelopeAttrs(from: Sender, node: Stanza): Record<string, string | number | undefined> {
  const passedOn = Object.fromEntries(PASSED_ON.map((name) => [name, node.attrs[name]]));
  const notify = from.device.id === 0 ? from.account.name : from.device.pushName;
  return { id: node.attrs['id'], t: now(), notify, ...passedOn };
}

/** The ciphertexts of one device, and what else the message has for the recipients. */
export function contentOf(node: Stanza, encrypted: Stanza[]): Stanza[] {
  const content = [...encrypted];
  const identity = child(node, 'device-identity');
  if (identity && encrypted.some(({ attrs }) => attrs['type'] === 'pkmsg')) content.push(identity);
  return [...content, ...children(node).filter(({ tag }) => !FOR_THE_SERVER.has(tag))];
}
