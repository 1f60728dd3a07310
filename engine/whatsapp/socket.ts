import type { Logger } from 'pino';
import type { Network } from '../config.ts';
import type { Capping, Timelock } from '../governor/standing.ts';
import type { Way } from '../network/way.ts';
import type { Change, MessageName } from '../store/store.ts';
import type { Journal, SessionAuth } from './auth.ts';
import {
  getAllBinaryNodeChildren,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  makeWASocket,
  proto,
  type BaileysEventMap,
  type BinaryNode,
  type GroupMetadata,
  type WASocket,
} from './baileys.ts';
import { closureOf, TOO_FAST, type Closure } from './failure.ts';
import { readInOrder } from './frames.ts';
import type { StanzaOptions } from './outgoing.ts';
import { Calls, type Offer } from './calls.ts';
import { memberJids, type Group } from './group.ts';
import { Vouchers, voucherIn } from './identities.ts';
import { isGroup, isPerson } from './jid.ts';
import type { Me } from './describe.ts';
import { asPlaintext, nameMessage, readMessage, readPost, readUnavailable, readUndecryptable } from './incoming.ts';
import { answersRefuted, readAck, readReceipt } from './outcomes.ts';
import { readCapping, readTimelock } from './restriction.ts';
import { readNotification } from './notifications.ts';
import { Pairs, type Pair } from './pairs.ts';

/** WhatsApp's code for a message that a restricted account may not send. */
const RESTRICTED_NACK = '463';

/** How every connection of this engine introduces itself, and where it goes. */
export interface SocketSettings {
  /** `undefined`: WhatsApp's own. */
  url: string | undefined;
  version: readonly [number, number, number];
  browser: readonly [string, string];
  /** Where the proxies of sessions may be. */
  proxyNetworks: readonly Network[];
  /** `host:port` that speaks plain HTTP where WhatsApp speaks TLS: the sandbox's. */
  plain: string | undefined;
}

export interface SocketHandlers {
  qr(qr: string): void;
  /** The phone has linked this device; the login is stored. A restart by WhatsApp follows. */
  paired(): void;
  opened(): void;
  /** Called once, last. */
  closed(closure: Closure): void;
  /** The account wants a passkey for linking. */
  passkey(): void;
  /** WhatsApp has said something that it will not say again. Must be committed when it returns. */
  commit(change: Omit<Change, 'sessionId'>): void;
  /** WhatsApp has told what happened while this device was away. */
  caughtUp(): void;
  /** WhatsApp has told which numbers and LIDs are one person. */
  learnt(pairs: Pair[]): void;
  /** WhatsApp tells whether the account may begin new chats; null: it may. */
  timelock(timelock: Timelock | null): void;
  /** WhatsApp tells how much of its quota of new chats the account has used up; null: it has none. */
  capping(capping: Capping | null): void;
  /** WhatsApp has refused a message because the account is restricted. What that is, and until when, has to be asked. */
  forbidden(wa: WASocket): void;
  /** WhatsApp does not take this message for now, because the account sends too fast. */
  slowed(waId: string): void;
  /** Somebody calls. */
  call(offer: Offer): void;
  /** Baileys' events, as many as it tells at once. */
  told(events: Partial<BaileysEventMap>): void;
  /** Something could not be written down. */
  failed(error: unknown): void;
  /** The content of a received message, if it is stored. */
  stored(name: MessageName): Promise<Buffer | undefined>;
  /** The LID behind a phone-number jid; null: WhatsApp has no such account, or tells none. */
  lidOf(jid: string): Promise<string | null>;
  /** Whether WhatsApp has an account at this phone-number jid. */
  exists(jid: string): Promise<boolean>;
  /** Makes sure that {@link group} knows it. */
  needGroup(jid: string): Promise<unknown>;
  /** A group as it is known now; undefined: WhatsApp has to be asked. */
  group(jid: string): Promise<Group | undefined>;
  /** The content of a sent message, for a recipient who could not decrypt it. */
  content(waId: string): Promise<Buffer | null | undefined>;
}

/** So often Baileys is made to tell what it has held back. */
const FLUSH_MS = 500;

/** One connection to WhatsApp, from the handshake to its end. */
export interface Socket {
  /** Baileys itself, for what this room asks of WhatsApp: see {@link Session.ask}. */
  readonly wa: WASocket;
  /** Writes a message. Resolves when the frame has left, which is not yet WhatsApp's acknowledgement. */
  relay(jid: string, message: proto.IMessage, waId: string, options: StanzaOptions): Promise<void>;
  /** Shows the other side of a chat that the account types or records. What comes of it is nobody's business. */
  show(chat: string, state: 'composing' | 'recording'): Promise<void>;
  /** The LID behind a phone-number jid: from memory, or asked of WhatsApp. `undefined`: WhatsApp knows none. */
  lidOf(jid: string): Promise<string | undefined>;
  /** Whether WhatsApp has an account at this phone-number jid. */
  exists(jid: string): Promise<boolean>;
  /**
   * Ends the connection in this very turn: nothing leaves any more, neither what Baileys still wants to acknowledge nor
   * what it answers to questions. `closed` is called before it returns.
   */
  cut(closure: Closure): void;
  /** Ends the connection; `closed` is not called for it. */
  close(): void;
  /** Tells WhatsApp to remove this device, then ends. */
  logout(): Promise<void>;
}

/** Connects with the given login, or offers QR codes when it has none. */
export function openSocket(
  auth: SessionAuth,
  settings: SocketSettings,
  options: { alwaysOnline: boolean; way: Way },
  handlers: SocketHandlers,
  log: Logger,
): Socket {
  const me = (): Me => ({ id: auth.creds.me?.id ?? '', lid: auth.creds.me?.lid });
  /** Which stanza a ciphertext came in: Baileys' Signal layer is handed the very buffer that the stanza holds. */
  const stanzaOf = new WeakMap<Uint8Array, BinaryNode>();
  const journal: Journal = {
    name: (ciphertext) => {
      const stanza = stanzaOf.get(ciphertext);
      return stanza && nameOf(stanza);
    },
    known: async (ciphertext) => {
      const stanza = stanzaOf.get(ciphertext);
      const content = stanza && (await handlers.stored(nameMessage(stanza, me())));
      return content && asPlaintext(content);
    },
    read: (ciphertext, plaintext) => {
      const stanza = stanzaOf.get(ciphertext);
      return stanza ? readMessage(stanza, plaintext, me()) : [];
    },
    unreadable: (ciphertext, error) => {
      const stanza = stanzaOf.get(ciphertext);
      const message = stanza && readUndecryptable(stanza, error, me());
      return message ? [message] : [];
    },
    voucher: (ciphertext) => {
      const stanza = stanzaOf.get(ciphertext);
      return stanza && voucherIn(stanza);
    },
    vouchers: new Vouchers(),
    impostor: (jid, error) => log.warn({ jid, err: error }, 'keys refused: they are not of whom they claim to be'),
  };

  const sock = makeWASocket({
    auth: { creds: auth.creds, keys: auth.keys },
    makeSignalRepository: auth.signalRepository(journal),
    ...(settings.url && { waWebSocketUrl: settings.url }),
    version: [...settings.version],
    browser: [settings.browser[0], settings.browser[1], ''],
    logger: quiet(log),
    markOnlineOnConnect: options.alwaysOnline,
    syncFullHistory: false,
    // A commit that has failed cuts the connection; the next one asks for everything again, with what is stored by then.
    transactionOpts: { maxCommitRetries: 1, delayBetweenTriesMs: 0 },
    // What stands in the account's settings is believed only when its MACs are right; Baileys' default is not to look.
    appStateMacVerification: { patch: true, snapshot: true },
    ...(options.way.agent && { agent: options.way.agent as never }),
    ...(options.way.fetchAgent && { fetchAgent: options.way.fetchAgent as never }),
    options: { dispatcher: options.way.dispatcher } as never,
    cachedGroupMetadata: async (jid) => {
      const group = await handlers.group(jid);
      return group && asBaileys(group);
    },
    getMessage: async ({ id }) => {
      const content = id && (await handlers.content(id));
      return content ? proto.Message.decode(content) : undefined;
    },
  });

  readInOrder(sock, (error) => log.warn({ err: error }, 'WhatsApp sent what cannot be read'));

  let over = false;
  const calls = new Calls();
  const pairs = new Pairs();
  /** Every frame passes here before Baileys works on it, and so before Baileys acknowledges it. */
  sock.ws.on('frame', (frame: BinaryNode | Uint8Array) => {
    if (frame instanceof Uint8Array) return;
    const commit: SocketHandlers['commit'] = (change) => handlers.commit({ stanza: nameOf(frame), ...change });
    const told = pairs.read(frame);
    if (told.length > 0) handlers.learnt(told);
    journal.vouchers.read(frame);
    switch (frame.tag) {
      case 'message':
        // Baileys works on messages from the backlog one after another, and on live ones at once: a live one would
        // overtake. With the mark of the backlog (any value will do) all of them stand in one queue.
        frame.attrs['offline'] ??= '0';
        for (const enc of getBinaryNodeChildren(frame, 'enc')) {
          if (enc.content instanceof Uint8Array) stanzaOf.set(enc.content, frame);
        }
        // What is not encrypted does not pass the journal.
        for (const change of [readPost(frame, me()), readUnavailable(frame, me())]) {
          if (change) commit(change);
        }
        break;
      case 'ack': {
        const { id, error, class: of } = frame.attrs;
        if (of === 'message' && id && error === String(TOO_FAST)) {
          handlers.slowed(id);
          break;
        }
        const outcome = readAck(frame, me());
        if (outcome) commit({ outcomes: [outcome], answers: answersRefuted(frame) });
        if (of === 'message' && error === RESTRICTED_NACK) handlers.forbidden(sock);
        break;
      }
      case 'ib':
        // WhatsApp has lost count of what it has told.
        if (getBinaryNodeChild(frame, 'dirty')?.attrs['type'] === 'groups') {
          commit({ answers: [{ kind: 'group', next: () => undefined }] });
        }
        if (getBinaryNodeChild(frame, 'offline')) handlers.caughtUp();
        break;
      case 'receipt': {
        const { outcomes, receipts } = readReceipt(frame, me());
        if (outcomes.length + receipts.length > 0) commit({ outcomes, receipts });
        break;
      }
      case 'call': {
        const { change, offer } = calls.read(frame);
        if (change) commit(change);
        if (offer) handlers.call(offer);
        break;
      }
      case 'notification': {
        if (getAllBinaryNodeChildren(frame).some(({ tag }) => tag.startsWith('passkey_'))) handlers.passkey();
        const notice = readNotification(frame, me());
        if (notice) commit(notice);
        break;
      }
    }
  });
  // Also after the connection has ended: what Baileys still works on may use up prekeys.
  sock.ev.on('creds.update', () => void auth.saveCreds().catch(handlers.failed));
  sock.ev.process((events) => handlers.told(events));
  // Baileys forgets what it has buffered: after a flush of an empty buffer it plans no other for up to half a minute.
  const flushing = setInterval(() => (over ? clearInterval(flushing) : sock.ev.flush()), FLUSH_MS).unref();
  sock.ev.on('message-capping.update', (info) => handlers.capping(readCapping(info)));
  sock.ev.on('connection.update', ({ qr, isNewLogin, connection, lastDisconnect, reachoutTimeLock }) => {
    if (over) return;
    if (reachoutTimeLock) handlers.timelock(readTimelock(reachoutTimeLock));
    if (qr) handlers.qr(qr);
    if (isNewLogin) handlers.paired();
    if (connection === 'open') handlers.opened();
    if (connection === 'close') {
      over = true;
      handlers.closed(closureOf(lastDisconnect?.error));
    }
  });

  return {
    wa: sock,
    async relay(jid, message, waId, options) {
      // Not within Baileys: it would hold up everything else that is encrypted.
      if (isGroup(jid)) await handlers.needGroup(jid);
      await sock.relayMessage(jid, message, { messageId: waId, ...options });
    },
    async show(chat, state) {
      // Neither channels nor statuses have anybody who would see it.
      if (!isPerson(chat) && !isGroup(chat)) return;
      await sock.sendPresenceUpdate(state, chat).catch(() => {});
    },
    async lidOf(jid) {
      return (await handlers.lidOf(jid)) ?? undefined;
    },
    exists: (jid) => handlers.exists(jid),
    cut(closure) {
      // Baileys writes only to a socket that is open; from here on this one is not. Its end Baileys hears of by itself.
      webSocketOf(sock)?.terminate();
      if (over) return;
      over = true;
      handlers.closed(closure);
    },
    close() {
      over = true;
      endQuietly(sock);
    },
    async logout() {
      over = true;
      await sock.logout().catch(() => {});
      endQuietly(sock);
    },
  };
}

/** What Baileys wants to know of a group that it writes to. */
function asBaileys(group: Group): GroupMetadata {
  return {
    id: group.jid,
    subject: group.subject,
    owner: group.owner?.jid,
    addressingMode: (group.addressing === 'lid' ? 'lid' : 'pn') as GroupMetadata['addressingMode'],
    participants: memberJids(group).map((id) => ({ id })),
    ...(group.disappearAfter > 0 && { ephemeralDuration: group.disappearAfter }),
  };
}

/** What tells a stanza from every other, and is the same when WhatsApp delivers it again. */
function nameOf({ tag, attrs: { id = '', from = '', participant = '', type = '' } }: BinaryNode): string {
  return [tag, type, from, participant, id].join(' ');
}

/** The WebSocket under Baileys' own. */
function webSocketOf(sock: WASocket): { terminate(): void } | undefined {
  return (sock.ws as unknown as { socket: { terminate(): void } | null }).socket ?? undefined;
}

function endQuietly(sock: WASocket): void {
  // A connection that never opened rejects its own closing; there is nobody left to care.
  Promise.resolve(sock.end(undefined)).catch(() => {});
}

/** Baileys' log without its objects, which hold keys and message texts: only its words, and only for debugging. */
function quiet(log: Logger) {
  const say = (_about: unknown, words?: string) => {
    if (words) log.trace({ baileys: words });
  };
  const logger = {
    level: 'warn',
    child: () => logger,
    trace() {},
    debug() {},
    info() {},
    warn: say,
    error: say,
  };
  return logger;
}
