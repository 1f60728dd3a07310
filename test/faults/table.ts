import type { FaultName, FaultRequest } from '../../engine/sandbox/index.ts';
import type { EventName } from '../../engine/events.ts';
import type { SessionStatus } from '../../engine/model.ts';

/**
 * What a user of the engine sees of each fault: the one table from which docs/faults.md is written and which the tests
 * of this folder hold the engine to, cell by cell.
 */
export interface Row {
  id: string;
  fault: FaultName;
  /** What happens, in a few words. */
  what: string;
  /** As the sandbox is asked for it; a cell may ask otherwise. */
  request: FaultRequest | FaultRequest[];
  inbound: Cell<InboundFate> & Inbound;
  outbound: Cell<OutboundFate> & Outbound;
  pairing: Cell<PairingFate> & Pairing;
}

/** `na`: the fault cannot touch this direction, which goes as if there were none; why. */
export type Cell<Fate> = Partial<Outcome> & { fate?: Fate; na?: string };

export interface Outcome {
  request: FaultRequest | FaultRequest[];
  /** live: in an open connection. connecting: in the next one. struck: what is done, is done when it has struck. */
  when: 'live' | 'connecting' | 'struck';
  /** Status of the session, and the code of its reason, where it is more than `connected`. */
  session: [SessionStatus, string?];
  /** How the session is connected again: see {@link WAYS}. */
  back: keyof typeof WAYS;
  /** Told besides what is always told. */
  event: EventName;
  /** The fault need not have fired: it tells its news without. */
  silent: boolean;
  /** Advice beyond what `back` says. */
  advice: string;
}

interface Inbound {
  /** What comes in, when it is not a message. */
  brings?: 'notification';
  /** So many of the message come before the engine asks for no more. */
  copies?: number;
}

interface Outbound {
  to?: keyof typeof RECIPIENTS;
  /** What the call with `wait` answers: 200 when missing. */
  answer?: string;
}

interface Pairing {
  by?: 'QR code' | 'pairing code';
  /** What the request for a code answers: 200 when missing. */
  answer?: string;
  /** The fault is there before the session connects, comes while the code waits, or with the scan. */
  at?: 'before' | 'waiting' | 'scan';
}

export const RECIPIENTS = {
  friend: 'to somebody with a chat',
  stranger: 'to a new chat',
  group: 'to a group',
  image: 'a picture',
} as const;

/** How a session is connected again, once the fault is over. */
export const WAYS = {
  itself: 'connects again by itself',
  connect: 'connects again at `connect`',
  scan: 'connects again at `connect` and a new scan',
} as const;

const INBOUND = {
  arrives: 'arrives once',
  late: 'waits at WhatsApp, arrives once',
  recovered: 'told as unreadable, then arrives once',
  unreadable: 'told as unreadable; stays so',
  phone: 'stays on the phone alone',
} as const;
const OUTBOUND = {
  sent: 'sent once',
  late: 'stays queued, sent once',
  never: 'not sent',
} as const;
const PAIRING = {
  links: 'links',
  rests: 'not linked; links when tried anew',
} as const;
const FATES = { inbound: INBOUND, outbound: OUTBOUND, pairing: PAIRING };
export type InboundFate = keyof typeof INBOUND;
export type OutboundFate = keyof typeof OUTBOUND;
export type PairingFate = keyof typeof PAIRING;

const OUT = 'nothing is sent to WhatsApp that it could hit';
const IN = 'what comes in is not asked for';
const NO_MESSAGE = 'there are no messages yet';
const LINKED = 'the device is linked already';

type Answers = Pick<Outbound, 'answer'>;
const notConnected: Answers = { answer: '409 session_not_connected' };
const restricted: Answers = { answer: '409 session_restricted' };

/** How WhatsApp ends connections, with what becomes of the session. */
const CODES: [code: number, what: string, session: [SessionStatus, string?], back: keyof typeof WAYS, Answers?][] = [
  [401, 'unlinked on the phone', ['logged_out', 'logged_out'], 'scan', notConnected],
  [402, 'banned for a time', ['restricted', 'temporary_ban'], 'connect', restricted],
  [403, 'locked', ['restricted', 'account_locked'], 'connect', restricted],
  [405, 'version too old', ['version_outdated', 'version_outdated'], 'connect', notConnected],
  [406, 'banned', ['banned', 'banned'], 'connect', restricted],
  [408, 'time-out', ['connecting', 'connection_lost'], 'itself'],
  [409, 'client not accepted', ['version_outdated', 'client_refused'], 'connect', notConnected],
  [411, 'no multi-device', ['logged_out', 'multidevice_mismatch'], 'scan', notConnected],
  [419, 'login expired', ['expired', 'login_expired'], 'scan', notConnected],
  [428, 'stream ended', ['connecting', 'connection_closed'], 'itself'],
  [440, 'logged in elsewhere', ['replaced', 'replaced'], 'connect', notConnected],
  [500, 'internal failure', ['connecting', 'whatsapp_failed'], 'itself'],
  [503, 'service unavailable', ['connecting', 'whatsapp_unavailable'], 'itself'],
  [515, 'restart required', ['connecting'], 'itself'],
  [599, 'a code that nobody knows', ['connecting', 'closed'], 'itself'],
];

function closed([code, what, session, back, refused]: (typeof CODES)[number]): Row {
  const rests = back !== 'itself';
  const once = { fault: 'close', code, times: 1 } as const;
  return {
    ...{ id: `close ${code}`, fault: 'close', what, request: once },
    inbound: { session, back, fate: back === 'scan' ? 'phone' : 'late' },
    outbound: rests
      ? { when: 'struck', session, back, ...refused, fate: 'never' }
      : { request: { ...once, match: 'message' }, session, back, fate: 'sent' },
    pairing: {
      request: { ...once, at: 'login' },
      ...{ session, back: rests ? 'connect' : 'itself', fate: rests ? 'rests' : 'links' },
    },
  };
}

/** The moments at which a connection may break. */
function cut(fault: 'drop' | 'half-open', session: [SessionStatus, string?]): Row[] {
  const broken = { session, back: 'itself' } as const;
  const once = { fault, times: 1 } as const;
  const how = fault === 'drop' ? 'torn down' : 'silent';
  return [
    {
      ...{ id: fault, fault, what: `an idle connection is ${how}`, request: { fault } },
      inbound: { ...broken, fate: 'late' },
      outbound: { ...broken, when: 'struck', fate: 'sent' },
      pairing: { at: 'waiting', ...broken, fate: 'links' },
    },
    {
      ...{ id: `${fault}, handshake`, fault, what: `${how} in the handshake` },
      request: { ...once, match: 'handshake' },
      inbound: { when: 'connecting', ...broken, fate: 'late' },
      outbound: { when: 'connecting', ...broken, fate: 'sent' },
      pairing: { ...broken, fate: 'links' },
    },
    {
      ...{ id: `${fault}, login`, fault, what: `${how} before the login is done` },
      request: { ...once, match: 'iq:passive' },
      inbound: { when: 'connecting', ...broken, fate: 'late' },
      outbound: { when: 'connecting', ...broken, fate: 'sent' },
      pairing: { at: 'scan', ...broken, fate: 'links' },
    },
    {
      ...{ id: `${fault}, message`, fault, what: `${how} instead of the message` },
      request: { ...once, match: 'message' },
      inbound: { request: { ...once, match: 'message', direction: 'out' }, ...broken, fate: 'late' },
      outbound: { ...broken, fate: 'sent' },
      pairing: { na: NO_MESSAGE },
    },
    {
      ...{ id: `${fault}, acknowledgement`, fault, what: `${how} behind the message, before it is acknowledged` },
      request: { ...once, match: 'ack:message', direction: 'out' },
      inbound: { request: { ...once, match: 'message', direction: 'out', after: 1 }, ...broken, fate: 'arrives' },
      outbound: { ...broken, fate: 'sent' },
      pairing: { na: NO_MESSAGE },
    },
  ];
}

const nack = (code: number, what: string): Row => ({
  ...{ id: `nack ${code}`, fault: 'nack', what, request: { fault: 'nack', code, times: 1 } },
  inbound: { na: IN },
  outbound: { answer: '502 whatsapp_refused', event: 'message.sent', fate: 'never' },
  pairing: { na: NO_MESSAGE },
});

const withheld = (
  id: string,
  type:
    'view_once' | 'view_once_unavailable_fanout' | 'bot_unavailable_fanout' | 'hosted_unavailable_fanout' | undefined,
  fate: InboundFate,
): Row => ({
  ...{ id, fault: 'withhold', what: 'a message without its content' },
  request: { fault: 'withhold', times: 1, ...(type && { type }) },
  inbound: { event: 'message.undecryptable', fate },
  outbound: { na: OUT },
  pairing: { na: NO_MESSAGE },
});

const duplicated = (match: string, what: string): Row => ({
  ...{ id: `duplicate ${match}`, fault: 'duplicate', what, request: { fault: 'duplicate', match } },
  inbound: {
    ...{ fate: 'arrives', silent: match === 'receipt' || match === 'ack' },
    ...(match === 'notification' && { brings: match }),
  },
  outbound: { fate: 'sent', silent: match === 'message' || match === 'notification' },
  pairing: { fate: 'links', silent: true },
});

const limited = (xmlns: string, what: string, outbound: Row['outbound'], pairing: Row['pairing']): Row => ({
  ...{ id: `rate-limit ${xmlns}`, fault: 'rate-limit', what, request: { fault: 'rate-limit', xmlns } },
  inbound: { na: IN },
  outbound,
  pairing,
});

const banned = (code: 402 | 403 | 406, status: SessionStatus, reason: string): Row => ({
  ...{ id: `ban-account ${code}`, fault: 'ban-account', what: 'the account is banned' },
  request: { fault: 'ban-account', phone: '', code, ...(code === 402 && { seconds: 3600 }) },
  inbound: { session: [status, reason], back: 'connect', fate: 'late' },
  outbound: { when: 'struck', session: [status, reason], back: 'connect', ...restricted, fate: 'never' },
  pairing: { at: 'scan', session: [status, reason], back: 'connect', fate: 'links' },
});

const untrusted = (fault: 'wrong-root' | 'wrong-signature' | 'stolen-certificate', what: string): Row => {
  const outcome = { when: 'connecting', session: ['connecting', 'server_untrusted'], back: 'itself' } as const;
  return {
    ...{ id: fault, fault, what, request: { fault, times: 1 } },
    inbound: { ...outcome, session: ['connecting', 'server_untrusted'], fate: 'late' },
    outbound: { ...outcome, session: ['connecting', 'server_untrusted'], fate: 'sent' },
    pairing: { session: ['connecting', 'server_untrusted'], back: 'itself', fate: 'links' },
  };
};

const STRANGERS = 'the account may not begin this chat; write to those who have written';

export const TABLE: Row[] = [
  ...cut('drop', ['connecting', 'connection_closed']),
  // Silent before anybody has logged in, it is Baileys' own patience of 20 s that ends it: as a drop does.
  ...cut('half-open', ['connecting', 'stalled']).filter(({ id }) => !/handshake|login/.test(id)),
  ...CODES.map(closed),
  {
    ...{ id: 'never-answer message', fault: 'never-answer', what: 'a message is lost on its way to WhatsApp' },
    request: { fault: 'never-answer', match: 'message', times: 1 },
    inbound: { na: IN },
    outbound: { fate: 'sent' },
    pairing: { na: NO_MESSAGE },
  },
  {
    ...{ id: 'never-answer acknowledgement', fault: 'never-answer', what: 'WhatsApp takes it and does not say so' },
    request: { fault: 'never-answer', match: 'message', lose: 'answer', times: 1 },
    inbound: { na: IN },
    outbound: { fate: 'sent' },
    pairing: { na: NO_MESSAGE },
  },
  {
    ...{ id: 'never-answer usync', fault: 'never-answer', what: 'a question about a number is lost' },
    request: { fault: 'never-answer', match: 'iq:usync', times: 1 },
    inbound: { na: IN },
    outbound: { to: 'stranger', fate: 'sent' },
    pairing: { na: LINKED },
  },
  {
    ...{ id: 'never-answer receipt', fault: 'never-answer', what: 'a receipt is lost; WhatsApp delivers again' },
    request: { fault: 'never-answer', match: 'receipt', times: 1 },
    inbound: { fate: 'arrives' },
    outbound: { na: OUT },
    pairing: { na: NO_MESSAGE },
  },
  {
    ...{ id: 'delay', fault: 'delay', what: 'everything is slow' },
    request: [
      { fault: 'delay', ms: 100, direction: 'in' },
      { fault: 'delay', ms: 100, direction: 'out' },
    ],
    inbound: { fate: 'arrives' },
    outbound: { fate: 'sent' },
    pairing: { fate: 'links' },
  },
  duplicated('message', 'a message comes twice'),
  duplicated('receipt', 'a receipt comes twice'),
  duplicated('ack', 'an acknowledgement comes twice'),
  duplicated('notification', 'a notification comes twice'),
  nack(400, 'malformed'),
  nack(401, 'not allowed here'),
  nack(403, 'not allowed here'),
  nack(404, 'no such recipient'),
  nack(406, 'not acceptable'),
  nack(421, 'another address wanted'),
  {
    ...nack(429, 'too fast'),
    outbound: { fate: 'late' },
  },
  nack(463, 'no new chats'),
  nack(475, 'a code that nobody knows'),
  nack(479, 'encryption rejected'),
  ...([403, 413, 500, 507] as const).map((code): Row => ({
    ...{ id: `refuse-upload ${code}`, fault: 'refuse-upload', what: 'the media host does not take a file' },
    request: { fault: 'refuse-upload', code },
    inbound: { na: IN },
    outbound: { to: 'image', answer: '502 whatsapp_refused', event: 'message.sent', fate: 'never' },
    pairing: { na: NO_MESSAGE },
  })),
  limited('usync', 'asked for numbers too often', { to: 'stranger', fate: 'late' }, { na: LINKED }),
  limited('w:g2', 'asked for groups too often', { to: 'group', fate: 'late' }, { na: LINKED }),
  limited(
    'w:m',
    'asked for media hosts too often',
    { when: 'connecting', to: 'image', fate: 'late' },
    { na: NO_MESSAGE },
  ),
  limited('encrypt', 'asked for keys too often', { to: 'stranger', fate: 'late' }, { fate: 'links' }),
  limited(
    'md',
    'asked for pairing codes too often',
    { na: LINKED },
    { by: 'pairing code', at: 'waiting', answer: '429 rate_limited', fate: 'rests' },
  ),
  {
    ...{ id: 'garble', fault: 'garble', what: 'a message cannot be decrypted' },
    request: { fault: 'garble', times: 1 },
    inbound: { event: 'message.undecryptable', fate: 'recovered' },
    outbound: { na: OUT },
    pairing: { na: NO_MESSAGE },
  },
  {
    ...{ id: 'garble for good', fault: 'garble', what: 'and cannot when it is encrypted anew' },
    request: { fault: 'garble', forGood: true, times: 1 },
    inbound: { event: 'message.undecryptable', copies: 6, fate: 'unreadable', advice: 'it is on the phone' },
    outbound: { na: OUT },
    pairing: { na: NO_MESSAGE },
  },
  withheld('withhold', undefined, 'recovered'),
  withheld('withhold view_once', 'view_once', 'unreadable'),
  withheld('withhold view_once_unavailable_fanout', 'view_once_unavailable_fanout', 'unreadable'),
  withheld('withhold bot_unavailable_fanout', 'bot_unavailable_fanout', 'unreadable'),
  withheld('withhold hosted_unavailable_fanout', 'hosted_unavailable_fanout', 'unreadable'),
  {
    ...{ id: 'restrict-account', fault: 'restrict-account', what: 'no new chats for a time' },
    request: { fault: 'restrict-account', phone: '', seconds: 3600 },
    inbound: { event: 'account.restricted', silent: true, fate: 'arrives' },
    outbound: {
      ...{ to: 'stranger', event: 'account.restricted', silent: true, answer: '409 session_restricted', fate: 'never' },
      advice: STRANGERS,
    },
    pairing: { fate: 'links', silent: true },
  },
  {
    ...{ id: 'limit-new-chats', fault: 'limit-new-chats', what: 'the quota of new chats is used up' },
    request: { fault: 'limit-new-chats', phone: '', quota: 0 },
    inbound: { event: 'account.restricted', silent: true, fate: 'arrives' },
    outbound: {
      ...{ to: 'stranger', event: 'account.restricted', silent: true, answer: '409 session_restricted', fate: 'never' },
      advice: STRANGERS,
    },
    pairing: { fate: 'links', silent: true },
  },
  banned(402, 'restricted', 'temporary_ban'),
  banned(403, 'restricted', 'account_locked'),
  banned(406, 'banned', 'banned'),
  {
    ...{ id: 'demand-passkey', fault: 'demand-passkey', what: 'linking needs a passkey' },
    request: { fault: 'demand-passkey' },
    inbound: { na: LINKED },
    outbound: { na: LINKED },
    pairing: { at: 'scan', session: ['passkey_required', 'passkey_required'], back: 'connect', fate: 'rests' },
  },
  {
    ...{ id: 'refuse-version', fault: 'refuse-version', what: 'the login is refused as too old' },
    request: { fault: 'refuse-version', times: 1 },
    inbound: { when: 'connecting', session: ['version_outdated', 'version_outdated'], back: 'connect', fate: 'late' },
    outbound: {
      ...{ when: 'connecting', session: ['version_outdated', 'version_outdated'], back: 'connect' },
      ...{ ...notConnected, fate: 'never' },
    },
    pairing: { session: ['version_outdated', 'version_outdated'], back: 'connect', fate: 'rests' },
  },
  untrusted('wrong-root', 'a server with a wrong root'),
  untrusted('wrong-signature', 'a server with a wrong certificate'),
  untrusted('stolen-certificate', 'a server that shows the certificate of another'),
  {
    ...{ id: 'forged-identity', fault: 'forged-identity', what: 'the device identity is not signed by the phone' },
    request: { fault: 'forged-identity' },
    inbound: { na: LINKED },
    outbound: { na: LINKED },
    pairing: { at: 'scan', session: ['disconnected', 'identity_forged'], back: 'connect', fate: 'rests' },
  },
];

/** Forgeries: not a matter of direction. Each has its test where identities are tested. */
export const FORGERIES: { fault: FaultName; what: string; suite: string }[] = [
  {
    fault: 'forged-prekey',
    what: 'Keys that are not signed by their owner: nothing is encrypted with them, and the message is not sent; it is with genuine ones.',
    suite: 'test/whatsapp/identity.test.ts',
  },
  {
    fault: 'swapped-identity',
    what: 'Somebody in between, with keys of their own: `contact.identity_changed`, before the message that brings it.',
    suite: 'test/whatsapp/identity.test.ts',
  },
  {
    fault: 'forged-voucher',
    what: 'A linked device for which its account does not vouch: what it sends is told as unreadable until it is vouched for; nothing is encrypted for it, and the other devices get the message.',
    suite: 'test/whatsapp/identity-devices.test.ts',
  },
  {
    fault: 'forged-app-state',
    what: 'Another value in the account’s settings than was written: it is not believed, and nothing of it told.',
    suite: 'test/whatsapp/forgeries.test.ts',
  },
  {
    fault: 'forged-media',
    what: 'A file with a byte changed: it is refused, by its hash.',
    suite: 'test/whatsapp/forgeries.test.ts',
  },
];

/** A cell in words, for docs/faults.md. */
export function inWords(direction: 'inbound' | 'outbound' | 'pairing', row: Row): string {
  const cell = row[direction];
  if (cell.na !== undefined) return `n/a: ${cell.na}`;
  const { session, back, event, advice } = cell;
  const { answer, to } = cell as Outbound;
  const { by } = cell as Pairing;
  const fates: Record<string, string> = FATES[direction];
  const parts = [
    ...(to && to !== 'friend' ? [RECIPIENTS[to]] : []),
    ...(by ? [`by ${by}`] : []),
    ...(session ? [session.map((word) => `\`${word}\``).join(' ') + (back ? `, ${WAYS[back]}` : '')] : []),
    ...(answer ? [`the call answers \`${answer}\``] : []),
    ...(event ? [`\`${event}\``] : []),
    fates[cell.fate!]!,
    ...(advice ? [advice] : []),
  ];
  return parts.join('; ');
}
