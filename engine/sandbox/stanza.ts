import { inflateSync } from 'node:zlib';
import { decodeDecompressedBinaryNode, encodeBinaryNode, type BinaryNode } from '@whiskeysockets/baileys';
import * as dictionary from '@whiskeysockets/baileys/lib/WABinary/constants.js';

/** One element of WhatsApp's stream, decoded. */
export type Stanza = BinaryNode;

/** The part of a jid that says that it is a user by phone number. */
export const USERS = 's.whatsapp.net';
/** The server itself, as it signs what comes from it: a jid without a user. */
export const SERVER = '@s.whatsapp.net';

/** Builds a stanza; attributes that are undefined are left out. */
export function stanza(
  tag: string,
  attrs: Record<string, string | number | undefined> = {},
  content?: Stanza[] | string | Uint8Array,
): Stanza {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(attrs)) if (value !== undefined) kept[name] = String(value);
  return content === undefined ? { tag, attrs: kept } : { tag, attrs: kept, content };
}

/** One frame's plaintext: a byte of flags (none set: it is not compressed), then the stanza. */
export const encodeStanza = (node: Stanza): Buffer => encodeBinaryNode(node);

const COMPRESSED = 2;

/** Throws on bytes that are no stanza. */
export function decodeStanza(plaintext: Buffer): Stanza {
  const body = plaintext.subarray(1);
  const plain = plaintext.readUInt8(0) & COMPRESSED ? inflateSync(body, { maxOutputLength: MAX_INFLATED }) : body;
  return decodeDecompressedBinaryNode(plain, dictionary);
}

const MAX_INFLATED = 64 * 1024 * 1024;

export function children(node: Stanza | undefined, tag?: string): Stanza[] {
  if (!node || !Array.isArray(node.content)) return [];
  return tag === undefined ? node.content : node.content.filter((child) => child.tag === tag);
}

export function child(node: Stanza | undefined, tag?: string): Stanza | undefined {
  return children(node, tag)[0];
}

/** The content as bytes: the codec gives short texts back as strings, so both kinds are taken. */
export function bytes(node: Stanza | undefined): Buffer {
  const content = node?.content;
  if (typeof content === 'string') return Buffer.from(content);
  return content instanceof Uint8Array ? Buffer.from(content) : Buffer.alloc(0);
}

export function text(node: Stanza | undefined): string {
  return bytes(node).toString('utf8');
}

/** `<iq type=result>` to a query. */
export function result(iq: Stanza, content?: Stanza[]): Stanza {
  return stanza('iq', { from: iq.attrs['to'] ?? SERVER, type: 'result', id: iq.attrs['id'] }, content);
}

/** `<iq type=error>` to a query, with WhatsApp's usual text for the code. */
export function iqError(iq: Stanza, code: number): Stanza {
  return stanza('iq', { from: iq.attrs['to'] ?? SERVER, type: 'error', id: iq.attrs['id'] }, [errorNode(code)]);
}

export function errorNode(code: number): Stanza {
  return stanza('error', { code, text: ERROR_TEXT[code] ?? 'internal-server-error' });
}

const ERROR_TEXT: Record<number, string> = {
  400: 'bad-request',
  401: 'not-authorized',
  403: 'forbidden',
  404: 'item-not-found',
  406: 'not-acceptable',
  409: 'conflict',
  410: 'gone',
  419: 'resource-limit',
  429: 'rate-overlimit',
  501: 'feature-not-implemented',
};

/** What the stanza is called in faults: its tag, `tag:xmlns` (or class, or type), and `ping` for a ping. */
export function kindsOf(node: Stanza): string[] {
  const kinds = [node.tag];
  for (const name of ['xmlns', 'class', 'type']) {
    if (node.attrs[name] !== undefined) kinds.push(`${node.tag}:${node.attrs[name]}`);
  }
  if (node.tag === 'iq' && node.attrs['xmlns'] === 'w:p') kinds.push('ping');
  return kinds;
}

/** A stanza as people read it: printable bytes as text, other bytes as `{base64}`. */
export function readable(node: Stanza): object {
  const { tag, attrs, content } = node;
  if (content === undefined) return { tag, attrs };
  if (typeof content === 'string') return { tag, attrs, content };
  if (Array.isArray(content)) return { tag, attrs, content: content.map(readable) };
  const asText = Buffer.from(content).toString('utf8');
  const printable = /^[\p{L}\p{N}\p{P}\p{S}\p{Zs}\r\n\t]*$/u.test(asText) && !asText.includes('�');
  return { tag, attrs, content: printable ? asText : { base64: Buffer.from(content).toString('base64') } };
}

/** Seconds since 1970, as every `t` attribute has them. */
export const now = (): number => Math.floor(Date.now() / 1000);
