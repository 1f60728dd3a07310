import type { NewEvent } from '../events.ts';
import type { Reason, SessionStatus } from '../model.ts';
import type { Closure } from './failure.ts';

/** What a session is in, as far as its connection goes. Pure data; `session.ts` carries out what `step` decides. */
export interface ConnectionState {
  status: SessionStatus;
  reason: Reason | null;
  /** The caller wants it connected. */
  wanted: boolean;
  /** A login is stored. */
  paired: boolean;
  /** The QR code that waits to be scanned. */
  qr: string | null;
  /** Failed attempts since a connection last held. */
  failures: number;
  /** Unix milliseconds at which the connection there is was opened. */
  openedAt?: number;
}

export type Input =
  | { type: 'connect' }
  | { type: 'disconnect' }
  | { type: 'qr'; qr: string }
  | { type: 'paired' }
  | { type: 'opened' }
  | { type: 'passkey' }
  | { type: 'closed'; closure: Closure };

/** `open` a connection after a pause, `close` the one there is, `forget` the stored login. */
export type Effect = { do: 'open'; afterMs: number } | { do: 'close' } | { do: 'forget' };

export interface Step {
  state: ConnectionState;
  effects: Effect[];
  events: NewEvent[];
}

/** What a closure means: the status it leads to, and what the engine does. */
interface Meaning {
  status: SessionStatus;
  /**
   * `retry` after a growing pause, `at once` without telling why, `anew`: at once and telling why, `stop` until a person acts, `stop until restart` of the engine (which
   * may bring other settings), or `forget` the login and stop.
   */
  then: 'retry' | 'at once' | 'anew' | 'stop' | 'stop until restart' | 'forget';
  reason: string;
  message: string;
}

/** Close codes → actions: WhatsApp's own codes, those Baileys gives a lost connection, and ours (failure.ts). */
export const CLOSURES: Record<string, Meaning> = {
  401: {
    status: 'logged_out',
    then: 'forget',
    reason: 'logged_out',
    message: 'The phone removed this linked device. Connect and scan the QR code again.',
  },
  402: {
    status: 'restricted',
    then: 'stop',
    reason: 'temporary_ban',
    message: 'WhatsApp has banned this account for a time. Open WhatsApp on the phone to see until when, then connect.',
  },
  403: {
    status: 'restricted',
    then: 'stop',
    reason: 'account_locked',
    message: 'WhatsApp has locked this account. Open WhatsApp on the phone and follow what it says, then connect.',
  },
  405: {
    status: 'version_outdated',
    then: 'stop until restart',
    reason: 'version_outdated',
    message:
      'WhatsApp no longer accepts this WhatsApp Web version. Set WARBLER_WA_VERSION to a current one (or update Warbler) and restart.',
  },
  406: {
    status: 'banned',
    then: 'stop',
    reason: 'banned',
    message: 'WhatsApp has banned this account. Open WhatsApp on the phone to ask for a review.',
  },
  408: {
    status: 'connecting',
    then: 'retry',
    reason: 'connection_lost',
    message: 'WhatsApp stopped answering. Trying again by itself.',
  },
  409: {
    status: 'version_outdated',
    then: 'stop until restart',
    reason: 'client_refused',
    message: 'WhatsApp refuses this kind of client. Set WARBLER_BROWSER to a standard browser and restart.',
  },
  411: {
    status: 'logged_out',
    then: 'forget',
    reason: 'multidevice_mismatch',
    message: 'The phone’s WhatsApp is too old for linked devices. Update it, then connect and scan again.',
  },
  419: {
    status: 'expired',
    then: 'forget',
    reason: 'login_expired',
    message: 'WhatsApp no longer accepts the stored login. Connect and scan the QR code again.',
  },
  428: {
    status: 'connecting',
    then: 'retry',
    reason: 'connection_closed',
    message: 'The connection to WhatsApp was closed. Trying again by itself.',
  },
  440: {
    status: 'replaced',
    then: 'stop',
    reason: 'replaced',
    message:
      'Another program logged in with this very device, so this engine stood down. Stop the other one, then connect.',
  },
  500: {
    status: 'connecting',
    then: 'retry',
    reason: 'whatsapp_failed',
    message: 'WhatsApp ended the connection with an internal failure. Trying again by itself.',
  },
  503: {
    status: 'connecting',
    then: 'retry',
    reason: 'whatsapp_unavailable',
    message: 'WhatsApp’s service is unavailable. Trying again by itself.',
  },
  515: {
    status: 'connecting',
    then: 'at once',
    reason: 'restart_required',
    message: 'WhatsApp asked for a new connection, as it does after pairing.',
  },
  unreachable: {
    status: 'connecting',
    then: 'retry',
    reason: 'unreachable',
    message:
      'This machine cannot reach WhatsApp. Check its internet connection, DNS, firewall and proxy (it must reach web.whatsapp.com on port 443). Trying again by itself.',
  },
  proxy_failed: {
    status: 'connecting',
    then: 'retry',
    reason: 'proxy_failed',
    message: 'The session’s proxy does not let it through to WhatsApp. Check proxy_url. Trying again by itself.',
  },
  rerouted: {
    status: 'connecting',
    then: 'at once',
    reason: 'proxy_changed',
    message: 'The session’s proxy was changed. Connecting anew.',
  },
  server_untrusted: {
    status: 'connecting',
    then: 'retry',
    reason: 'server_untrusted',
    message:
      'The server that answered cannot prove that it is WhatsApp: somebody may be intercepting the connection. Nothing was sent to it. Check proxies and DNS; trying again by itself.',
  },
  identity_forged: {
    status: 'disconnected',
    then: 'forget',
    reason: 'identity_forged',
    message:
      'Pairing was broken off: the identity that came back is not signed by the phone. Check that nobody intercepts the connection, then connect and scan again.',
  },
  stalled: {
    status: 'connecting',
    then: 'anew',
    reason: 'stalled',
    message: 'The connection looked open, but nothing came through it any more. Connecting anew.',
  },
  login_unreadable: {
    status: 'disconnected',
    then: 'stop',
    reason: 'login_unreadable',
    message:
      'The stored login cannot be read: its record is damaged, or was written under another key. Restore a backup of the data folder with its key and restart; or connect again and scan a new QR code.',
  },
  storage_failed: {
    status: 'connecting',
    then: 'retry',
    reason: 'storage_failed',
    message:
      'The data folder cannot be written (the disk is full, or is read-only), so nothing can be taken from WhatsApp, which keeps it meanwhile. Free space on it. Trying again by itself.',
  },
  not_stored: {
    status: 'connecting',
    then: 'retry',
    reason: 'not_stored',
    message:
      'The engine could not store something that WhatsApp told; its log has the cause. Connecting anew, so that WhatsApp tells it again.',
  },
  qr_timeout: {
    status: 'disconnected',
    then: 'stop',
    reason: 'qr_timeout',
    message: 'Nobody scanned the QR code in time. Connect again to get a new one.',
  },
};

const UNKNOWN: Meaning = {
  status: 'connecting',
  then: 'retry',
  reason: 'closed',
  message: 'WhatsApp closed the connection for a reason this version does not know. Trying again by itself.',
};

const PASSKEY: Reason = {
  code: 'passkey_required',
  message:
    'WhatsApp asks for a passkey to link a device to this account, which only its own apps can give. Use another number, or try again later: WhatsApp asks only some accounts, and only for a time.',
};

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** What a machine without a network, or with somebody in between, is tried again at the longest. */
const LONGEST_PAUSE_UNREACHABLE_MS = 5 * 60_000;
/** A connection that breaks sooner is one more failure: a server that lets in and throws out must not be stormed. */
const HELD_MS = 60_000;

/**
 * What follows from what happened: the only place that decides about a connection. `random` (0 to 1) spreads the
 * pauses of sessions that failed together; `now` is in Unix milliseconds.
 */
export function step(state: ConnectionState, input: Input, { random, now }: { random: number; now: number }): Step {
  // What a connection still says after it was given up is nobody's business.
  if (!state.wanted && input.type !== 'connect' && input.type !== 'disconnect') return same(state);
  switch (input.type) {
    case 'connect': {
      if (state.wanted && (state.status === 'connected' || state.status === 'need_scan')) return same(state);
      const next = { ...state, wanted: true, qr: null, failures: 0 };
      return change(state, next, 'connecting', null, [{ do: 'close' }, { do: 'open', afterMs: 0 }]);
    }
    case 'disconnect':
      return change(state, { ...state, wanted: false, qr: null }, 'disconnected', null, [{ do: 'close' }]);
    case 'qr': {
      const step = change(state, { ...state, qr: input.qr }, 'need_scan', null, []);
      const event: NewEvent = { event: 'qrcode.updated', lane: 'session', secret: true, data: { qr: input.qr } };
      return { ...step, events: [...step.events, event] };
    }
    case 'paired':
      return change(state, { ...state, paired: true, qr: null, failures: 0 }, 'connecting', null, []);
    case 'opened':
      return change(state, { ...state, paired: true, qr: null, openedAt: now }, 'connected', null, []);
    case 'passkey':
      return change(state, { ...state, wanted: false, qr: null }, 'passkey_required', PASSKEY, [{ do: 'close' }]);
    case 'closed':
      return closed(state, input.closure, random, now);
  }
}

function closed(state: ConnectionState, closure: Closure, random: number, now: number): Step {
  const { status, then, reason: code, message } = CLOSURES[closure.code] ?? UNKNOWN;
  const { openedAt, ...rest } = state;
  const failures = openedAt !== undefined && now - openedAt >= HELD_MS ? 0 : state.failures;
  const next = { ...rest, qr: null, failures: failures + 1 };
  switch (then) {
    case 'at once': {
      // Part of pairing, and nothing that anybody need know of; the second time in a row it is a failure like others.
      const afterMs = failures === 0 ? 0 : pause(failures, code, random);
      return change(state, next, status, null, [{ do: 'open', afterMs }]);
    }
    case 'anew': {
      const afterMs = failures === 0 ? 0 : pause(failures, code, random);
      const reason = {
        code,
        message: `${message}${detailOf(closure)}`,
        ...(afterMs > 0 && { retryAt: now + afterMs }),
      };
      return change(state, next, status, reason, [{ do: 'open', afterMs }]);
    }
    case 'stop':
      return change(state, { ...next, wanted: false }, status, { code, message, ...untilOf(closure, now) }, []);
    case 'stop until restart':
      return change(state, next, status, { code, message }, []);
    case 'forget':
      return change(state, { ...next, wanted: false, paired: false }, status, { code, message }, [{ do: 'forget' }]);
    case 'retry': {
      const afterMs = pause(failures, code, random);
      const reason = { code, message: `${message}${detailOf(closure)}`, retryAt: now + afterMs };
      return change(state, next, status, reason, [{ do: 'open', afterMs }]);
    }
  }
}

const untilOf = ({ forS }: Closure, now: number) => (forS === undefined ? {} : { until: now + forS * 1000 });

const detailOf = ({ code, detail }: Closure) =>
  code === 'unreachable' || code === 'proxy_failed' ? ` (${detail})` : '';

/** Doubles from one second, never below half of the full pause, so that neither one session nor many make a storm. */
function pause(failures: number, reason: string, random: number): number {
  const patient = reason === 'unreachable' || reason === 'proxy_failed' || reason === 'server_untrusted';
  const longest = patient ? LONGEST_PAUSE_UNREACHABLE_MS : LONGEST_PAUSE_MS;
  const full = Math.min(longest, FIRST_PAUSE_MS * 2 ** failures);
  return Math.round(full / 2 + (full / 2) * random);
}

const same = (state: ConnectionState): Step => ({ state, effects: [], events: [] });

/** The event is made only when the status or its reason is another one: a hundred retries are one event. */
function change(
  before: ConnectionState,
  rest: ConnectionState,
  status: SessionStatus,
  reason: Reason | null,
  effects: Effect[],
): Step {
  const state = { ...rest, status, reason };
  const changed = before.status !== status || before.reason?.code !== reason?.code;
  const { code, message, until } = reason ?? {};
  const data = { status, ...(reason && { reason: { code, message, ...(until !== undefined && { until }) } }) };
  return { state, effects, events: changed ? [{ event: 'session.status', lane: 'session', data }] : [] };
}
