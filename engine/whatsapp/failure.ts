import { EngineError, type ErrorCode } from '../errors.ts';
import { ProxyError } from '../network/proxy.ts';

/** Why a connection to WhatsApp ended, in the terms of the table in state.ts. */
export interface Closure {
  /** WhatsApp's code, Baileys' for a lost connection, or one of ours for what never reached WhatsApp. */
  code:
    | number
    | 'unreachable'
    | 'proxy_failed'
    | 'rerouted'
    | 'server_untrusted'
    | 'identity_forged'
    | 'qr_timeout'
    | 'stalled'
    | 'login_unreadable'
    | 'storage_failed'
    | 'not_stored';
  /** For the log: Baileys' words, or the system's. */
  detail: string;
  /** Seconds for which WhatsApp means it, where it says so: of a ban for a time. */
  forS?: number;
}

interface BoomLike extends Error {
  output?: { statusCode?: number };
  data?: { code?: unknown; expire?: unknown };
}

const SYSTEM_CODE = /^E[A-Z_]+$/;

/** Reads Baileys' reason for closing. The only place that knows its error objects. */
export function closureOf(error: unknown): Closure {
  const boom = error as BoomLike | undefined;
  const detail = boom?.message ?? 'closed';
  if (/noise .*certificate|certification match failed/i.test(detail)) return { code: 'server_untrusted', detail };
  if (/account signature/i.test(detail)) return { code: 'identity_forged', detail };
  if (/QR refs attempts ended/.test(detail)) return { code: 'qr_timeout', detail };
  const cause: unknown = boom?.data;
  if (cause instanceof ProxyError) return { code: 'proxy_failed', detail: cause.message };
  const system = String(boom?.data?.code ?? '');
  if (SYSTEM_CODE.test(system) || /WebSocket Error \((getaddrinfo|connect|Opening handshake)/.test(detail)) {
    return { code: 'unreachable', detail: system || detail };
  }
  const forS = Number(boom?.data?.expire);
  return { code: boom?.output?.statusCode ?? 500, detail, ...(forS > 0 && { forS }) };
}

/**
 * Whether a send that threw may be tried again, under the same message id, once the connection is back. Of a question
 * that was under way Baileys throws what the WebSocket said: its closing code, or the system's error.
 */
export function isConnectionFailure(error: unknown): boolean {
  if (typeof error === 'number') return true;
  const { output, code } = (error ?? {}) as BoomLike & { code?: unknown };
  return [408, 428, 503, 515].includes(output?.statusCode ?? 0) || SYSTEM_CODE.test(String(code ?? ''));
}

/** WhatsApp has not answered a question in time: whether it did what it was asked is not known. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** WhatsApp's refusal of a question, with its code. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly code: number,
    options?: ErrorOptions,
  ) {
    super(`WhatsApp refused with code ${code}`, options);
  }
}

/** What a code means for one question, where that is more than it means in general: a sentence, with our code for it. */
export type Meanings = Record<number, string | [ErrorCode, string]>;

/** WhatsApp's codes for a refused question (`<iq type=error>`), as they are told to the caller. */
const REFUSALS: Record<number, [ErrorCode, string]> = {
  400: ['bad_request', 'WhatsApp finds the request malformed. Check its fields.'],
  401: ['not_permitted', 'This account may not do that.'],
  403: ['not_permitted', 'This account may not do that.'],
  404: ['not_found', 'WhatsApp knows nothing by that name.'],
  405: ['not_permitted', 'WhatsApp does not allow that here.'],
  406: ['bad_request', 'WhatsApp does not accept these values. Check the fields.'],
  409: ['conflict', 'It was changed at the same moment, or is so already. Look, then try again.'],
  410: ['not_found', 'It no longer exists.'],
  419: ['limit_reached', 'A limit of WhatsApp’s is reached.'],
  429: ['rate_limited', 'WhatsApp says that this account asks too often. Wait a minute, then ask less often.'],
};
/** WhatsApp does not say how long; shorter pauses have been seen to prolong its limit. */
const RETRY_AFTER_LIMIT_S = 60;

/**
 * What the caller of an operation is told when WhatsApp, or the way to it, failed. `what` begins the sentence:
 * "Failed to leave group". `meanings` says more than the code alone.
 */
export function toEngineError(error: unknown, what: string, meanings: Meanings = {}): EngineError {
  if (error instanceof EngineError) return error;
  const say = (code: ErrorCode, sentence: string, more = {}) =>
    new EngineError(code, `${what}: ${sentence}`, { cause: error, ...more });
  if (error instanceof NoAnswer) {
    return say(
      'whatsapp_timeout',
      'WhatsApp did not answer in time, so whether it was done is not known. Look, then try again.',
    );
  }
  const code = refusalCode(error);
  if (code !== undefined) return refused(code, say, meanings);
  if (isConnectionFailure(error)) {
    return say('whatsapp_unreachable', 'The connection to WhatsApp broke. Try again.');
  }
  return say('whatsapp_refused', 'WhatsApp’s answer was not understood. The log of the engine has the cause.');
}

/** The answer, or what {@link toEngineError} makes of what came in its place. */
export async function worded<T>(what: string, answer: Promise<T>, meanings?: Meanings): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw toEngineError(error, what, meanings);
  }
}

function refused(
  code: number,
  say: (code: ErrorCode, sentence: string, more?: object) => EngineError,
  meanings: Meanings,
): EngineError {
  const general = REFUSALS[code] ?? unknownRefusal(code);
  const meaning = meanings[code] ?? general;
  const [ours, sentence] = typeof meaning === 'string' ? [general[0], meaning] : meaning;
  const retry = ours === 'rate_limited' && { retryAfterS: RETRY_AFTER_LIMIT_S };
  return say(ours, sentence, { details: { whatsappCode: code }, ...retry });
}

/** From 500 on it is WhatsApp that failed; below, the caller who asked for something that cannot be. */
function unknownRefusal(code: number): [ErrorCode, string] {
  if (code >= 500) return ['whatsapp_refused', `WhatsApp failed (code ${code}). Try again later.`];
  return ['bad_request', `WhatsApp refused it (code ${code}).`];
}

/** The code in WhatsApp's answer. Baileys keeps it, or the whole `<error>`, as the data of its error. */
export function refusalCode(error: unknown): number | undefined {
  if (error instanceof Refusal) return error.code;
  const { data } = (error ?? {}) as { data?: number | { tag?: string; attrs?: { code?: string } } };
  const code = typeof data === 'object' && data?.tag === 'error' ? Number(data.attrs?.code) : data;
  return typeof code === 'number' && code >= 400 ? code : undefined;
}

/** WhatsApp's code for "rate-overlimit", of a question and of a message: the account is too fast, not refused. */
export const TOO_FAST = 429;

/** Whether WhatsApp has said so, about anything that was asked for a send. */
export function isTooFast(error: unknown): boolean {
  return refusalCode(error instanceof EngineError ? error.cause : error) === TOO_FAST;
}

/** Error codes in WhatsApp's acknowledgement of a message, as a person would put them. */
const NACKS: Record<string, string> = {
  '400': 'WhatsApp found the message malformed',
  '401': 'WhatsApp does not let this account send here',
  '403': 'WhatsApp does not let this account send here',
  '404': 'The recipient does not exist',
  '406': 'WhatsApp did not accept the message',
  '421': 'WhatsApp asks for another address of the recipient',
  '429': 'WhatsApp says that this account sends too fast',
  '463': 'WhatsApp has restricted this account: it may not start new chats for a time',
  '479': 'WhatsApp rejected the message’s encryption; the next one to this chat will use a new session',
};

export function nackText(code: string): string {
  return `${NACKS[code] ?? 'WhatsApp refused the message'} (code ${code})`;
}
