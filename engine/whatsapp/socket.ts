import type { Logger } from 'pino';
import type { Network } from '../config.ts';
import { systemClock } from '../clock.ts';
import type { Capping, Timelock } from '../governor/standing.ts';
import type { Way } from '../network/way.ts';
import type { Change, MessageName, NewMessage } from '../store/store.ts';
import type { Journal, SessionAuth } from './auth.ts';
import {
  decodeMessageNode,
  getAllBinaryNodeChildren,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  jidDecode,
  jidNormalizedUser,
  makeWASocket,
  S_WHATSAPP_NET,
  proto,
  type BaileysEventMap,
  type BinaryNode,
  type GroupMetadata,
  type SocketConfig,
  type WAMessageKey,
  type WASocket,
} from './baileys.ts';
import { boundary, contained } from './boundary.ts';
import { refutedClaims } from './claims.ts';
import { closureOf, TOO_FAST, type Closure } from './failure.ts';
import { readInOrder } from './frames.ts';
import type { StanzaOptions } from './outgoing.ts';
import { Calls, type Offer } from './calls.ts';
import { memberJids, type Group } from './group.ts';
import type { Envelope } from './group-keys.ts';
import { Vouchers, voucherIn } from './identities.ts';
import { isGroup, isPerson, STATUS } from './jid.ts';
import type { Me } from './describe.ts';
import { asPlaintext, nameMessage, readMessage, readPost, readUnavailable, readUndecryptable } from './incoming.ts';
import { answersRefuted, readAck, readReceipt } from './outcomes.ts';
import { readCapping, readTimelock } from './restriction.ts';
import { readNotification } from './notifications.ts';
import { Pairs, type Pair } from './pairs.ts';
import { isSame, person } from './people.ts';
import { Pulse, PULSE_TIMES, type PulseTimes } from './pulse.ts';

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
  /** After what times a connection counts as dead; {@link PULSE_TIMES} when not given. */
  pulse?: PulseTimes;
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
  told(wa: WASocket, events: Partial<BaileysEventMap>): void;
  /** Something that WhatsApp has said could not be dealt with here, and must not be acknowledged. */
  refused(change: Pick<Change, 'stanza' | 'keys'>, error: unknown): void;
  /** The content of a received message, if it is stored. */
  stored(name: MessageName): Promise<Buffer | undefined>;
  /** The LID behind a phone-number jid; null: WhatsApp has no such account, or tells none. */
  lidOf(jid: string): Promise<string | null>;
  /** Whether WhatsApp has an account at this phone-number jid. */
  exists(jid: string): Promise<boolean>;
  /** Makes sure that {@link group} knows it. */
  needGroup(jid: string): Promise<Group>;
  /** A group as it is known now; undefined: WhatsApp has to be asked. */
  group(jid: string): Promise<Group | undefined>;
  /** The content of a sent message, for a recipient who could not decrypt it. */
  content(waId: string, chat: string): Promise<Buffer | null | undefined>;
}

/** Kinds of ciphertext that pass the journal. */
const DECRYPTED: readonly (string | undefined)[] = ['msg', 'pkmsg', 'skmsg'];

/** So often Baileys is made to tell what it has held back. */
const FLUSH_MS = 500;

/** Whoever asks whether all has come waits no longer for the answer. */
const SIGN_OF_LIFE_MS = 10_000;

/** Baileys writes the id of the question into it. */
const ping = () => ({
  tag: 'iq',
  attrs: { to: S_WHATSAPP_NET, type: 'get', xmlns: 'w:p' },
  content: [{ tag: 'ping', attrs: {} }],
});

/** One connection to WhatsApp, from the handshake to its end. */
export interface Socket {
  /** Baileys itself, for what this room asks of WhatsApp: see {@link Session.ask}. */
  readonly wa: WASocket;
  /** Unix milliseconds at which the last frame came. */
  readonly lastSeenAt: number | undefined;
  /** Writes a message. Resolves when the frame has left, which is not yet WhatsApp's acknowledgement. */
  relay(jid: string, message: proto.IMessage, waId: string, options: StanzaOptions): Promise<void>;
  /** Shows the other side of a chat that the account types or records. What comes of it is nobody's business. */
  show(chat: string, state: 'composing' | 'recording'): Promise<void>;
  /** The LID behind a phone-number jid: from memory, or asked of WhatsApp. `undefined`: WhatsApp knows none. */
  lidOf(jid: string): Promise<string | undefined>;
  /** Whether WhatsApp has an account at this phone-number jid. */
  exists(jid: string): Promise<boolean>;
  /**
   * Resolves when everything is stored that WhatsApp has sent to this device by now: it is asked for a sign of life, and
   * what comes before that is waited for. Rejects when there is none; resolves early when the connection ends.
   */
  upToDate(): Promise<void>;
  /**
   * Ends the connection in this very turn: nothing leaves any more, neither what Baileys still wants to acknowledge nor
   * what it answers to questions. `closed` is called before it returns.
   */
  cut(closure: Closure): void;
  /** Ends the connection; `closed` is not called for it. Resolves when the other side has closed, too. */
  close(): Promise<void>;
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
  const contain = boundary(log);
  /** For whatever Baileys calls; who has to know that something failed calls the handler itself. */
  const tell = contained(contain, handlers);
  const me = (): Me => ({ id: auth.creds.me?.id ?? '', lid: auth.creds.me?.lid });
  /** Which stanza a ciphertext came in: Baileys' Signal layer is handed the very buffer that the stanza holds. */
  const stanzaOf = new WeakMap<Uint8Array, BinaryNode>();
  /** What nobody can read is kept as such, so that people know of it, and what comes behind it is not held up. */
  const parked = (stanza: BinaryNode, error: unknown): NewMessage[] => {
    const message = contain('readUndecryptable', readUndecryptable)(stanza, error, me());
    return message ? [message] : [];
  };
  /** What messages claim that is not so. */
  const claims = new WeakMap<BinaryNode, Promise<string[]>>();
  /** Messages of admins that take back what others wrote. */
  const byAdmin = new WeakSet<BinaryNode>();
  /** Whether the author of a group's message is an admin there. What cannot be found out does not count. */
  const isAdmin = async ({ attrs }: BinaryNode): Promise<boolean> => {
    const author = person(attrs['participant'], attrs['participant_pn'], attrs['participant_lid']);
    const group = await handlers.needGroup(attrs['from'] ?? '').catch(() => undefined);
    return Boolean(author && group?.members.some((one) => one.admin !== null && isSame(one, author)));
  };
  const journal: Journal = {
    name: (ciphertext) => {
      const stanza = stanzaOf.get(ciphertext);
      return stanza && nameOf(stanza);
    },
    envelope: (ciphertext) => {
      const stanza = stanzaOf.get(ciphertext);
      return stanza && contain('envelopeOf', envelopeOf)(stanza, me());
    },
    known: async (ciphertext) => {
      const stanza = stanzaOf.get(ciphertext);
      for (const claim of (stanza && (await claims.get(stanza))) ?? []) delete stanza!.attrs[claim];
      const name = stanza && contain('nameMessage', nameMessage)(stanza, me());
      if (!name) return undefined;
      const content = await handlers.stored(name).catch((error: unknown) => {
        tell.refused({ stanza: nameOf(stanza) }, error);
        throw error;
      });
      if (content) return asPlaintext(content);
      if (takesBackForOthers(stanza) && (await isAdmin(stanza))) byAdmin.add(stanza);
      return undefined;
    },
    read: (ciphertext, plaintext) => {
      const stanza = stanzaOf.get(ciphertext);
      if (!stanza) return [];
      try {
        return readMessage(stanza, plaintext, me(), byAdmin.has(stanza));
      } catch (error) {
        return parked(stanza, error);
      }
    },
    unreadable: (ciphertext, error) => {
      const stanza = stanzaOf.get(ciphertext);
      return stanza ? parked(stanza, error) : [];
    },
    voucher: (ciphertext) => {
      const stanza = stanzaOf.get(ciphertext);
      return stanza && voucherIn(stanza);
    },
    vouchers: new Vouchers(),
    couldNotRead: new Set(),
    impostor: (jid, error) => log.warn({ jid, err: error }, 'keys refused: they are not of whom they claim to be'),
    over: () => over,
    dealt: (ciphertext) => pulse.dealt(ciphertext),
  };

  const sock = makeWASocket({
    auth: {
      creds: auth.creds,
      keys: {
        ...auth.keys,
        get: (type, ids) =>
          Promise.resolve(auth.keys.get(type, ids)).catch((error: unknown) => {
            tell.refused({ keys: {} }, error);
            throw error;
          }),
      },
    },
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
    cachedGroupMetadata: contain('cachedGroupMetadata', async (jid: string) => {
      const group = await handlers.group(jid);
      return group && asBaileys(group);
    }) as SocketConfig['cachedGroupMetadata'],
    getMessage: contain('getMessage', async ({ id, remoteJid }: WAMessageKey) => {
      const content = id && remoteJid && (await handlers.content(id, remoteJid));
      return content ? proto.Message.decode(content) : undefined;
    }) as SocketConfig['getMessage'],
  });

  let over = false;
  const end = (closure: Closure) => {
    if (over) return;
    over = true;
    pulse.stop();
    tell.closed(closure);
  };
  /** In this very turn: Baileys writes only to a socket that is open. Of the end it hears by itself. */
  const cut = (closure: Closure) => {
    webSocketOf(sock)?.terminate();
    end(closure);
  };
  let loggedIn = false;
  const pulse = new Pulse({
    clock: settings.pulse?.clock ?? systemClock,
    times: settings.pulse ?? PULSE_TIMES,
    // Before the handshake is through there are no words to ask in; then frames have to come by themselves.
    ask: () => void (loggedIn && sock.query(ping()).catch(() => {})),
    stalled: (detail) => cut({ code: 'stalled', detail }),
  });

  readInOrder(sock, (error) => log.warn({ err: error }, 'WhatsApp sent what cannot be read'));

  /** Baileys encrypts a status anew for everybody, without knowing who that is: the phone that asks gets it from here. */
  const postAnew = async ({ attrs: { id = '', from = '', participant = '' } }: BinaryNode) => {
    const content = await handlers.content(id, from);
    if (!content) return;
    const options = { statusJidList: [jidNormalizedUser(participant)], useUserDevicesCache: false };
    await sock.relayMessage(from, proto.Message.decode(content), { messageId: id, ...options });
  };

  const calls = new Calls();
  const pairs = new Pairs();
  const learn = contain('pairs', (stanza: BinaryNode) => {
    const told = pairs.read(stanza);
    if (told.length > 0) tell.learnt(told);
  });
  const vouch = contain('vouchers', (stanza: BinaryNode) => journal.vouchers.read(stanza));
  const noteUnread = contain('unread', ({ attrs: { type, from, participant = from } }: BinaryNode) => {
    if (type !== 'retry' || !participant) return;
    journal.couldNotRead.add(sock.signalRepository.jidToSignalProtocolAddress(participant));
  });
  const read = contain('frame', (stanza: BinaryNode) => {
    const commit: SocketHandlers['commit'] = (change) => {
      const named = { stanza: nameOf(stanza), ...change };
      try {
        handlers.commit(named);
      } catch (error) {
        tell.refused(named, error);
      }
    };
    switch (stanza.tag) {
      case 'message':
        // What is not encrypted does not pass the journal.
        for (const change of unencrypted(stanza)) commit(change);
        break;
      case 'ack': {
        const { id, error, class: of } = stanza.attrs;
        if (of === 'message' && id && error === String(TOO_FAST)) {
          tell.slowed(id);
          break;
        }
        const outcome = readAck(stanza, me());
        if (outcome) commit({ outcomes: [outcome], answers: answersRefuted(stanza) });
        if (of === 'message' && error === RESTRICTED_NACK) tell.forbidden(sock);
        break;
      }
      case 'ib':
        // WhatsApp has lost count of what it has told.
        if (getBinaryNodeChild(stanza, 'dirty')?.attrs['type'] === 'groups') {
          commit({ answers: [{ kind: 'group', next: () => undefined }] });
        }
        if (getBinaryNodeChild(stanza, 'offline')) tell.caughtUp();
        break;
      case 'receipt': {
        noteUnread(stanza);
        const { outcomes, receipts } = readReceipt(stanza, me());
        if (outcomes.length + receipts.length > 0) commit({ outcomes, receipts });
        if (isStatusAskedFor(stanza)) {
          postAnew(stanza).catch((error: unknown) => log.warn({ err: error }, 'a status could not be sent again'));
        }
        break;
      }
      case 'call': {
        const { change, offer } = calls.read(stanza);
        if (change) commit(change);
        if (offer) tell.call(offer);
        break;
      }
      case 'notification': {
        if (getAllBinaryNodeChildren(stanza).some(({ tag }) => tag.startsWith('passkey_'))) tell.passkey();
        const notice = readNotification(stanza, me());
        if (notice) commit(notice);
        break;
      }
    }
  });
  const unencrypted = (stanza: BinaryNode): Omit<Change, 'sessionId'>[] => {
    try {
      return [readPost(stanza, me()), readUnavailable(stanza, me())].filter((change) => change !== undefined);
    } catch (error) {
      return [{ messages: parked(stanza, error) }];
    }
  };
  /** Every frame passes here before Baileys works on it, and so before Baileys acknowledges it. */
  sock.ws.on('frame', (frame: BinaryNode | Uint8Array) => {
    pulse.beat();
    if (frame instanceof Uint8Array) return;
    loggedIn = true;
    if (frame.tag === 'message') {
      // Baileys works on messages from the backlog one after another, and on live ones at once: a live one would
      // overtake. With the mark of the backlog (any value will do) all of them stand in one queue.
      frame.attrs['offline'] ??= '0';
      claims.set(
        frame,
        refutedClaims(frame, auth.keys).catch(() => []),
      );
      for (const enc of getBinaryNodeChildren(frame, 'enc')) {
        if (enc.content instanceof Uint8Array) {
          stanzaOf.set(enc.content, frame);
          if (DECRYPTED.includes(enc.attrs['type'])) pulse.came(enc.content);
        }
      }
    }
    learn(frame);
    vouch(frame);
    read(frame);
  });
  // Also after the connection has ended: what Baileys still works on may use up prekeys.
  sock.ev.on(
    'creds.update',
    contain('creds.update', () => auth.saveCreds()),
  );
  sock.ev.process((events) => void tell.told(sock, events));
  // Baileys forgets what it has buffered: after a flush of an empty buffer it plans no other for up to half a minute.
  const flush = contain('flush', () => sock.ev.flush());
  const flushing = setInterval(() => (over ? clearInterval(flushing) : flush()), FLUSH_MS).unref();
  sock.ev.on(
    'message-capping.update',
    contain('message-capping.update', (info) => tell.capping(readCapping(info))),
  );
  sock.ev.on(
    'connection.update',
    contain('connection.update', ({ qr, isNewLogin, connection, lastDisconnect, reachoutTimeLock }) => {
      if (over) return;
      if (qr) tell.qr(qr);
      if (isNewLogin) tell.paired();
      if (connection === 'open') tell.opened();
      if (connection === 'close') end(closureOf(lastDisconnect?.error));
      if (reachoutTimeLock) tell.timelock(readTimelock(reachoutTimeLock));
    }),
  );

  return {
    wa: sock,
    get lastSeenAt() {
      return pulse.lastSeenAt;
    },
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
    async upToDate() {
      await sock.query(ping(), SIGN_OF_LIFE_MS);
      await pulse.dealtWith();
    },
    cut,
    async close() {
      over = true;
      pulse.stop();
      await endQuietly(sock);
    },
    async logout() {
      over = true;
      pulse.stop();
      await sock.logout().catch(() => {});
      await endQuietly(sock);
    },
  };
}

/** A phone cannot decrypt a status of ours. Its linked devices are served by Baileys. */
function isStatusAskedFor({ attrs: { type, from, participant = '' } }: BinaryNode): boolean {
  return type === 'retry' && from === STATUS && !jidDecode(participant)?.device;
}

/** WhatsApp's mark on an admin's message that takes back what somebody else wrote in a group. */
const takesBackForOthers = ({ attrs: { from = '', edit } }: BinaryNode) => edit === '8' && isGroup(from);

function envelopeOf(stanza: BinaryNode, { id, lid }: Me): Envelope {
  const { author, sender } = decodeMessageNode(stanza, id, lid ?? '');
  const msg = getBinaryNodeChildren(stanza, 'enc').find(({ attrs }) => attrs['type'] === 'skmsg')?.content;
  return { group: sender, authorJid: author, msg: msg instanceof Uint8Array ? msg : undefined };
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

async function endQuietly(sock: WASocket): Promise<void> {
  // A connection that never opened rejects its own closing; there is nobody left to care.
  await Promise.resolve(sock.end(undefined)).catch(() => {});
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
