import { ERRORS, type ErrorCode } from '../errors.ts';
import type { Operation } from './operation.ts';

/** Of operations that ask WhatsApp something, or have it change something. */
export const ASKING = [
  'not_permitted',
  'not_found',
  'session_not_connected',
  'conflict',
  'limit_reached',
  'whatsapp_refused',
  'whatsapp_unreachable',
  'whatsapp_timeout',
] as const satisfies ErrorCode[];

/** Of operations that send a message, a change of another one included. */
export const SENDING = [
  'message_not_found',
  'recipient_not_on_whatsapp',
  'idempotency_mismatch',
  'session_not_connected',
  'session_restricted',
  'conflict',
  'budget_exhausted',
  'whatsapp_refused',
  'whatsapp_timeout',
] as const satisfies ErrorCode[];

/** Of operations that take a file by its URL or its content. */
export const TAKING_FILES = ['url_not_allowed', 'media_not_fetched', 'media_not_usable'] as const satisfies ErrorCode[];

/**
 * Every error that an operation may answer: those that its access, its path and its body imply, and its own. Tests hold
 * what is really answered to it.
 */
export function errorsOf({ access, http, input, errors = [] }: Operation): ErrorCode[] {
  const implied: ErrorCode[] = ['bad_request', 'stopping', 'storage_failed', 'internal'];
  if (access !== 'public') implied.push('unauthorized', 'forbidden', 'rate_limited');
  if (access === 'own' || access === 'session') implied.push('session_not_found');
  if (Object.keys(input.shape).length > 0) implied.push('validation_failed');
  if (!http.startsWith('GET ')) implied.push('payload_too_large', 'unsupported_media_type');
  return (Object.keys(ERRORS) as ErrorCode[]).filter((code) => implied.includes(code) || errors.includes(code));
}
