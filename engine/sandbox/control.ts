import { z } from 'zod';
import { jidOf, type Account, type Device } from './accounts.ts';
import { businessRequest, setBusiness } from './business.ts';
import { jidOfKey, STATUS, type StoredMessage } from './chats.ts';
import { AccountControl } from './control-account.ts';
import { CallControl } from './control-calls.ts';
import { ChatControl } from './control-chats.ts';
import { ChannelControl } from './control-channels.ts';
import { GestureControl } from './control-gestures.ts';
import { GroupControl } from './control-groups.ts';
import { faultRequest, type Fault, type FaultRequest } from './faults.ts';
import { bytesRequest, sendForged, type BytesRequest, type StanzaRequest } from './forgery.ts';
import { parseJid, parsePhone } from './jid.ts';
import type { Delivery } from './outbox.ts';
import type { Network } from './network.ts';
import { viewOf, type MessageView } from './message-view.ts';
import { sendRequest, type SendRequest } from './outgoing.ts';
import type { Phone } from './phone.ts';
import { policyRequest, type PolicyInfo, type PolicyRequest } from './policy.ts';
import { checked, SandboxError } from './problem.ts';
import { now } from './stanza.ts';
import type { WireEntry } from './wire-log.ts';

const newPhone = z.strictObject({
  phone: z.string(),
  name: z.string().trim().min(1).max(100).optional(),
  business: businessRequest.optional(),
});
const scanRequest = z.strictObject({ qr: z.string().min(1) });
const codeRequest = z.strictObject({ code: z.string().min(1) });
const device = z.union([z.string().min(1), z.int().min(1)]);
const unlinkRequest = z.strictObject({ device: device.optional() });
const statusRequest = sendRequest
  .omit({ to: true })
  .extend({ to: z.array(z.string().min(1)).min(1).max(1024).optional() });
const readRequest = z.strictObject({ chat: z.string().min(1), ids: z.array(z.string().min(1)).min(1).optional() });
const typingRequest = z.strictObject({
  to: z.string().min(1),
  state: z.enum(['composing', 'recording', 'paused']).optional(),
});
const expireRequest = z.strictObject({ directPath: z.string().startsWith('/').optional() });
const messagesQuery = z.strictObject({
  chat: z.string().min(1).optional(),
  after: z.coerce.string().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(10_000).optional(),
});
const stanzasQuery = z.strictObject({
  device: device.optional(),
  phone: z.string().optional(),
  after: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(20_000).optional(),
});

export type NewPhone = z.input<typeof newPhone>;
export type { BytesRequest, SendRequest, StanzaRequest };
export type StatusRequest = z.input<typeof statusRequest>;
export type ReadRequest = z.input<typeof readRequest>;
export type TypingRequest = z.input<typeof typingRequest>;
export type ExpireRequest = z.input<typeof expireRequest>;
export type MessagesQuery = z.input<typeof messagesQuery>;
export type StanzasQuery = z.input<typeof stanzasQuery>;

/** A linked device, as the phone's settings show it. */
export interface LinkedDevice {
  device: string;
  lid: string;
  id: number;
  platform: string;
  pushName: string | null;
  online: boolean;
}

/** An account on its simulated phone. */
export interface PhoneInfo {
  phone: string;
  jid: string;
  lid: string;
  name: string;
  devices: LinkedDevice[];
}

export type MessageStatus = 'pending' | 'sent' | 'delivered' | 'read';

/** One device that a message was for. `sent`: it waits for the device; `error`: the code with which it was refused. */
export interface DeviceStatus {
  device: string;
  status: 'sent' | 'delivered' | 'read';
  error?: string;
}

/** A message as the phone shows it. */
export interface MessageInfo extends MessageView {
  /** Rises with every message of this phone; `after` takes it. */
  seq: number;
  id: string;
  /** Jid of the chat; people are named by number. */
  chat: string;
  /** LID of the person that the chat is with. */
  chatLid: string | null;
  from: string;
  fromMe: boolean;
  /** The device that wrote it. */
  fromDevice: string;
  /** How it was addressed: by number or by LID. */
  addressing: 'pn' | 'lid';
  status: MessageStatus;
  /** Seconds since 1970. */
  timestamp: number;
  /** For the phone's own messages: every device that it went to, the account's own ones included. */
  devices?: DeviceStatus[];
}

/**
 * What a person could do with the simulated phones, and what a tester wants to see and to break. Every method checks
 * what it is given and throws a SandboxError that says what to do; the HTTP API is a thin layer over these.
 */
export class Control {
  readonly #network: Network;
  /** Public key (hex) of the root under which the sandbox's Noise certificates lie. */
  readonly rootKey: string;

  readonly account: AccountControl;
  readonly calls: CallControl;
  readonly chats: ChatControl;
  readonly gestures: GestureControl;
  readonly channels: ChannelControl;
  readonly groups: GroupControl;

  constructor(network: Network) {
    this.#network = network;
    this.account = new AccountControl(network);
    this.chats = new ChatControl(network);
    this.calls = new CallControl(network);
    this.gestures = new GestureControl(network);
    this.channels = new ChannelControl(network, (phone, request) => this.send(phone, request));
    this.groups = new GroupControl(network);
    this.rootKey = network.identity.rootKey.toString('hex');
  }

  /** A new account on a new phone. */
  addPhone(request: NewPhone): PhoneInfo {
    const { phone, name, business } = checked(newPhone, request);
    const digits = parsePhone(phone);
    const account = this.#network.accounts.create(digits, name ?? business?.name ?? `Phone ${digits.slice(-4)}`);
    if (business) setBusiness(this.#network, digits, business);
    this.#network.addPhone(account);
    return this.#info(account);
  }

  phones(): PhoneInfo[] {
    return this.#network.accounts.list().map((account) => this.#info(account));
  }

  phone(phone: string): PhoneInfo {
    return this.#info(this.#network.accounts.must(phone));
  }

  /** Deletes the account: linked devices are logged out, its messages are gone. */
  removePhone(phone: string): void {
    this.#network.removeAccount(this.#network.accounts.must(phone));
  }

  /** The phone's camera reads a client's QR code. Resolves when the client is linked; it reconnects (515) after that. */
  async scan(phone: string, qr: string): Promise<LinkedDevice> {
    const account = this.#network.accounts.must(phone);
    const linked = await this.#network.pairing.scan(account, checked(scanRequest, { qr }).qr);
    return this.#device(account, linked);
  }

  /** A client's pairing code is typed into the phone. Resolves when the client is linked. */
  async linkCode(phone: string, code: string): Promise<LinkedDevice> {
    const account = this.#network.accounts.must(phone);
    const linked = await this.#network.pairing.enterCode(account, checked(codeRequest, { code }).code);
    return this.#device(account, linked);
  }

  /** Logs one linked device out, or all of them. Returns those that were. */
  unlink(phone: string, which?: string | number): { devices: string[] } {
    const account = this.#network.accounts.must(phone);
    const { device: named } = checked(unlinkRequest, definedOnly({ device: which }));
    const linked = this.#network.accounts.devices(account.phone).filter(({ id }) => id > 0);
    const whom = named === undefined ? {} : this.#network.whom(account.phone, named);
    const chosen =
      named === undefined ? linked : linked.filter(({ id }) => whom.phone === account.phone && id === whom.device);
    if (named !== undefined && chosen.length === 0) {
      throw new SandboxError(404, 'unknown-device', `+${account.phone} has no linked device ${named}.`);
    }
    for (const one of chosen) this.#network.removeDevice(account, one);
    return { devices: chosen.map(({ id }) => jidOf(account, 'pn', id)) };
  }

  /** The phone sends a message (see outgoing.ts for what there is); resolves with its id once the server has it. */
  async send(phone: string, request: SendRequest): Promise<{ id: string }> {
    const sender = this.#phone(phone);
    return { id: await sender.send(checked(sendRequest, request)) };
  }

  /** The phone posts a status, for some people (`to`) or for everybody in its address book and its chats. */
  async status(phone: string, request: StatusRequest): Promise<{ id: string }> {
    const sender = this.#phone(phone);
    const { to, ...content } = checked(statusRequest, request);
    const audience = to?.map((one) => this.#network.accounts.recipient(one).account);
    return { id: await sender.send({ ...content, to: STATUS }, audience) };
  }

  /** The person reads a chat: all that is unread, or the messages named. */
  async read(phone: string, request: ReadRequest): Promise<{ read: number }> {
    const reader = this.#phone(phone);
    const { chat, ids } = checked(readRequest, request);
    return { read: await reader.read(chat, ids) };
  }

  /** The person types (`composing`, the default), records a voice message, or stops. */
  typing(phone: string, request: TypingRequest): void {
    const typist = this.#phone(phone);
    const { to, state } = checked(typingRequest, request);
    typist.typing(to, state ?? 'composing');
  }

  /** What is on the phone, oldest first: all of it, one chat, or what came after a message. */
  messages(phone: string, query: MessagesQuery = {}): MessageInfo[] {
    const owner = this.#phone(phone);
    const { chat, after, limit } = checked(messagesQuery, query);
    const all = owner.messages(chat, after, limit).map((message) => this.#message(owner, message));
    return all.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now());
  }

  /** The media host throws away what lies under `directPath`, or without it everything that is there now. */
  expireMedia(request: ExpireRequest = {}): { expired: number } {
    const { directPath } = checked(expireRequest, request);
    return { expired: this.#network.media.expire(directPath) };
  }

  /** Breaks something; see faults.ts for what there is. */
  addFault(request: FaultRequest): Fault {
    return { ...this.#network.addFault(checked(faultRequest, request)) };
  }

  faults(): Fault[] {
    return this.#network.faults.list();
  }

  /** Removes one fault, or all. */
  removeFaults(id?: number): void {
    this.#network.removeFaults(id);
  }

  /** Accounts whose clients exceed these rates are restricted from now on; see policy.ts for what there is. */
  setPolicy(request: PolicyRequest): PolicyInfo {
    this.#network.policy.set(checked(policyRequest, request));
    return this.policy();
  }

  policy(): PolicyInfo {
    return this.#network.policy.info();
  }

  removePolicy(): void {
    this.#network.policy.remove();
  }

  /** The stanzas that went over the wire after number `after`, oldest first. */
  stanzas(query: StanzasQuery = {}): WireEntry[] {
    const { device: named, phone, after, limit } = checked(stanzasQuery, query);
    const whom = this.#network.whom(phone, named);
    const fits = (jid: string | null): boolean => {
      if (whom.phone === undefined) return true;
      const parsed = jid === null ? undefined : parseJid(jid);
      return parsed?.user === whom.phone && (whom.device === undefined || parsed.device === whom.device);
    };
    return this.#network.wire.read(after ?? 0, fits, limit ?? 1000);
  }

  /** Sends connected devices a stanza of any shape, or bytes that are none: what WhatsApp would never do. */
  sendStanza(request: StanzaRequest): { devices: string[] } {
    return sendForged(this.#network, request);
  }

  /**
   * The phone encrypts any bytes as a message for the linked devices of `to` (a person or a group) that are connected.
   * `attrs` are put over what the server says of the message; nothing of it is kept or sent again.
   */
  async sendBytes(phone: string, request: BytesRequest): Promise<{ id: string; devices: string[] }> {
    const { to, bytes, attrs = {} } = checked(bytesRequest, request);
    return this.#phone(phone).sendBytes(to, Buffer.from(bytes, 'base64'), attrs);
  }

  /** WhatsApp is installed anew on the phone: it has a new identity, and its linked devices are logged out. */
  async reinstall(phone: string): Promise<void> {
    await this.#network.reinstall(this.#network.accounts.must(phone));
  }

  /** The phone loses its Signal sessions, as after a restore from a backup: it can decrypt nothing until asked anew. */
  loseSessions(phone: string): void {
    const { number } = this.#phone(phone);
    for (const table of ['phone_sessions', 'phone_sender_keys', 'phone_sender_key_holders']) {
      this.#network.store.run(`delete from ${table} where phone = ?`, number);
    }
  }

  /** Resolves when no phone has anything left to do. */
  async idle(): Promise<void> {
    await Promise.all(this.#network.phones().map((phone) => phone.idle()));
  }

  #phone(phone: string): Phone {
    return this.#network.phone(phone);
  }

  #info(account: Account): PhoneInfo {
    const linked = this.#network.accounts.devices(account.phone).filter(({ id }) => id > 0);
    const devices = linked.map((one) => this.#device(account, one));
    return { phone: account.phone, jid: jidOf(account, 'pn'), lid: jidOf(account, 'lid'), name: account.name, devices };
  }

  #device(account: Account, { id, platform, pushName }: Device): LinkedDevice {
    const online = this.#network.connectionOf({ phone: account.phone, id }) !== undefined;
    const names = { device: jidOf(account, 'pn', id), lid: jidOf(account, 'lid', id) };
    return { ...names, id, platform, pushName: pushName ?? null, online };
  }

  #message(phone: Phone, message: StoredMessage): MessageInfo {
    const chat = this.#network.accounts.get(message.chat);
    const fromMe = message.sender === phone.number;
    const info = {
      seq: message.seq,
      id: message.id,
      chat: jidOfKey(message.chat),
      chatLid: chat ? jidOf(chat, 'lid') : null,
      from: jidOfKey(message.sender),
      fromMe,
      fromDevice: deviceJidOf(message),
      addressing: message.addressing,
      ...viewOf(this.#network, phone.chats, message),
      timestamp: message.timestamp,
    };
    if (!fromMe) return { ...info, status: message.read === 1 ? 'read' : 'delivered' };
    return { ...info, ...this.#progress(phone.number, message) };
  }

  /** How far one's own message has come: as far as everybody has it on some device, not counting one's own. */
  #progress(owner: string, message: StoredMessage): { status: MessageStatus; devices: DeviceStatus[] } {
    const deliveries = this.#network.outbox.deliveries(owner, message.id);
    const devices = deliveries.map(({ phone, device: id, status, error }) => ({
      device: jidOf({ phone, lid: '' }, 'pn', id),
      status: status === 'pending' ? ('sent' as const) : status,
      ...(error === null ? {} : { error }),
    }));
    const readers = new Map<string, Delivery[]>();
    for (const one of deliveries) {
      if (one.phone !== owner || message.chat === owner)
        readers.set(one.phone, [...(readers.get(one.phone) ?? []), one]);
    }
    const all = (has: (one: Delivery) => boolean): boolean =>
      readers.size > 0 && [...readers.values()].every((of) => of.some(has));
    let status: MessageStatus = 'sent';
    if (all((one) => one.status === 'read')) status = 'read';
    else if (all((one) => one.status !== 'pending' && one.active)) status = 'delivered';
    return { status, devices };
  }
}

/** The device that wrote a message; a channel does not tell who wrote in it. */
function deviceJidOf({ sender, sender_device: device }: StoredMessage): string {
  return sender.includes('@') ? sender : jidOf({ phone: sender, lid: '' }, 'pn', device);
}

function definedOnly<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
