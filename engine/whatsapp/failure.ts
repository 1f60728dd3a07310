import { EngineError } from '../errors.ts';

/** Why a connection to WhatsApp ended, in the terms of the table in state.ts. */
export interface Closure {
  /** WhatsApp's code, Baileys' for a lost connection, or one of ours for what never reached WhatsApp. */
  code: number | 'unreachable' | 'server_untrusted' | 'identity_forged' | 'qr_timeout';
  /** For the log: Baileys' words, or the system's. */
  detail: string;
}

interface BoomLike extends Error {
  output?: { statusCode?: number };
  data?: { code?: unknown };
}

const SYSTEM_CODE = /^E[A-Z_]+$/;

/** Reads Baileys' reason for closing. The only place that knows its error objects. */
export function closureOf(error: unknown): Closure {
  const boom = error as BoomLike | undefined;
  const detail = boom?.message ?? 'closed';
  if (/noise .*certificate|certification match failed/i.test(detail)) return { code: 'server_untrusted', detail };
  if (/account signature/i.test(detail)) return { code: 'identity_forged', detail };
  if (/QR refs attempts ended/.test(detail)) return { code: 'qr_timeout', detail };
  const system = String(boom?.data?.code ?? '');
  if (SYSTEM_CODE.test(system) || /WebSocket Error \((getaddrinfo|connect|Opening handshake)/.test(detail)) {
    return { code: 'unreachable', detail: system || detail };
  }
  return { code: boom?.output?.statusCode ?? 500, detail };
}

/** Whether a send that threw may be tried again, under the same message id, once the connection is back. */
export function isConnectionFailure(error: unknown): boolean {
  const code = (error as BoomLike)?.output?.statusCode;
  return code === 428 || code === 408 || code === 503 || code === 515;
}

/** What the caller of an operation is told when WhatsApp, or the way to it, failed. */
export function toEngineError(error: unknown, what: string): EngineError {
  if (error instanceof EngineError) return error;
  if (isConnectionFailure(error)) {
    return new EngineError('whatsapp_unreachable', `${what} did not reach WhatsApp: the connection broke. Try again.`, {
      cause: error,
    });
  }
  return new EngineError('whatsapp_refused', `${what} was refused by WhatsApp.`, { cause: error });
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
