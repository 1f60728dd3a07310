import { z } from 'zod';
import { jidOf, type Device, type Sender } from './accounts.ts';
import type { Chat } from './chats.ts';
import type { Connection } from './connection.ts';
import { participantAttrs } from './group-notices.ts';
import type { Network } from './network.ts';
import { checked, SandboxError } from './problem.ts';
import { encodeStanza, now, stanza, type Stanza } from './stanza.ts';

/** A stanza as `GET /sandbox/stanzas` shows it: bytes that are no text are written `{base64}`. */
interface WrittenStanza {
  tag: string;
  attrs?: Record<string, string> | undefined;
  content?: string | { base64: string } | WrittenStanza[] | undefined;
}

const written: z.ZodType<WrittenStanza> = z.lazy(() =>
  z.strictObject({
    tag: z.string().min(1),
    attrs: z.record(z.string(), z.string()).optional(),
    content: z.union([z.string(), z.strictObject({ base64: z.base64() }), z.array(written)]).optional(),
  }),
);
const whom = { phone: z.string().optional(), device: z.union([z.string().min(1), z.int().min(1)]).optional() };

export const stanzaRequest = z.strictObject({ ...whom, node: written.optional(), frame: z.base64().optional() });
export const bytesRequest = z.strictObject({
  to: z.string().min(1),
  bytes: z.base64(),
  attrs: z.record(z.string(), z.union([z.string(), z.null()])).optional(),
});

export type StanzaRequest = z.input<typeof stanzaRequest>;
export type BytesRequest = z.input<typeof bytesRequest>;

/** A message as a phone would encrypt it, whatever it says. */
export interface Forgery {
  chat: Chat;
  from: Sender;
  id: string;
  /** Put over the attributes of the stanza; null takes one away. */
  attrs: Record<string, string | null>;
}

/**
 * What WhatsApp would never send, for clients that have to bear it: `node` may have any shape, and `frame` is what
 * stands in the place of a stanza, of which nothing need be readable. It goes out at once, past all faults, to those of
 * the devices named that are connected. Nothing waits for their acknowledgement.
 */
export function sendForged(network: Network, request: StanzaRequest): { devices: string[] } {
  const { phone, device, node, frame } = checked(stanzaRequest, request);
  if (phone === undefined && device === undefined) {
    throw new SandboxError(422, 'invalid-request', 'Say whom it is for: "phone", "device", or both.');
  }
  if ((node === undefined) === (frame === undefined)) {
    throw new SandboxError(422, 'invalid-request', 'Give either "node" (a stanza) or "frame" (bytes in base64).');
  }
  const named = network.whom(phone, device);
  const plaintext = node === undefined ? Buffer.from(frame ?? '', 'base64') : encoded(node);
  const connected = [...network.connections].filter(
    ({ account, device: its }) =>
      account?.phone === named.phone && its !== undefined && [undefined, its.id].includes(named.device),
  );
  return toEach(connected, () => plaintext);
}

/** Sends each linked device of a chat its copy, straight away and past the queue. */
export function sendEncrypted(
  network: Network,
  forgery: Forgery,
  copies: ReadonlyMap<Device, Stanza[]>,
): { devices: string[] } {
  const plaintexts = new Map<Connection, Buffer>();
  for (const [device, encrypted] of copies) {
    const connection = network.connectionOf(device);
    if (connection) plaintexts.set(connection, encodeStanza(envelope(forgery, encrypted)));
  }
  return toEach([...plaintexts.keys()], (connection) => plaintexts.get(connection)!);
}

function toEach(connections: Connection[], plaintext: (to: Connection) => Buffer): { devices: string[] } {
  if (connections.length === 0) {
    throw new SandboxError(409, 'not-connected', 'None of the devices that are meant is connected; connect one first.');
  }
  for (const connection of connections) connection.sendPlaintext(plaintext(connection));
  return {
    devices: connections.flatMap(({ account, device }) => (account && device ? jidOf(account, 'pn', device.id) : [])),
  };
}

/** As the server would stamp it, but for what is to be forged. */
function envelope({ chat, from, id, attrs }: Forgery, content: Stanza[]): Stanza {
  const { account } = from;
  const { addressing } = chat;
  const other = addressing === 'pn' ? { sender_lid: jidOf(account, 'lid') } : { sender_pn: jidOf(account, 'pn') };
  const sender =
    chat.kind === 'person'
      ? { from: jidOf(account, addressing), ...other }
      : { from: chat.jid, addressing_mode: addressing, ...participantAttrs({ addressing }, account) };
  const stamped: Record<string, string | number | undefined> = {
    ...{ id, t: now(), type: 'text', notify: account.name },
    ...sender,
  };
  for (const [name, value] of Object.entries(attrs)) stamped[name] = value ?? undefined;
  return stanza('message', stamped, content);
}

function encoded(node: WrittenStanza): Buffer {
  try {
    return encodeStanza(unwritten(node));
  } catch (error) {
    throw new SandboxError(422, 'invalid-stanza', `That cannot be written as a stanza: ${(error as Error).message}`);
  }
}

function unwritten({ tag, attrs = {}, content }: WrittenStanza): Stanza {
  if (content === undefined) return { tag, attrs };
  if (typeof content === 'string') return { tag, attrs, content };
  if (Array.isArray(content)) return { tag, attrs, content: content.map(unwritten) };
  return { tag, attrs, content: Buffer.from(content.base64, 'base64') };
}
