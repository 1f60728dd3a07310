/**
 * Every way in which Warbler says no, in one table: the code that programs read, the HTTP status, and who erred.
 * `caller`: the request is wrong and will be wrong again. `later`: right request, wrong moment. `whatsapp`: WhatsApp
 * refused or did not answer. `engine`: our own fault; the caller is told nothing but the code, the log has the rest.
 */
export const ERRORS = {
  unauthorized: { status: 401, fault: 'caller' },
  forbidden: { status: 403, fault: 'caller' },
  not_permitted: { status: 403, fault: 'caller' },
  bad_request: { status: 400, fault: 'caller' },
  not_found: { status: 404, fault: 'caller' },
  session_not_found: { status: 404, fault: 'caller' },
  webhook_not_found: { status: 404, fault: 'caller' },
  delivery_not_found: { status: 404, fault: 'caller' },
  message_not_found: { status: 404, fault: 'caller' },
  media_not_found: { status: 404, fault: 'caller' },
  not_acceptable: { status: 406, fault: 'caller' },
  payload_too_large: { status: 413, fault: 'caller' },
  unsupported_media_type: { status: 415, fault: 'caller' },
  validation_failed: { status: 422, fault: 'caller' },
  recipient_not_on_whatsapp: { status: 422, fault: 'caller' },
  url_not_allowed: { status: 422, fault: 'caller' },
  media_not_fetched: { status: 422, fault: 'caller' },
  media_not_usable: { status: 422, fault: 'caller' },
  media_gone: { status: 422, fault: 'caller' },
  idempotency_mismatch: { status: 422, fault: 'caller' },
  session_not_connected: { status: 409, fault: 'later' },
  session_not_scannable: { status: 409, fault: 'later' },
  session_restricted: { status: 409, fault: 'later' },
  conflict: { status: 409, fault: 'later' },
  limit_reached: { status: 409, fault: 'later' },
  rate_limited: { status: 429, fault: 'later' },
  stopping: { status: 503, fault: 'later' },
  whatsapp_refused: { status: 502, fault: 'whatsapp' },
  whatsapp_unreachable: { status: 502, fault: 'whatsapp' },
  sandbox_unreachable: { status: 502, fault: 'whatsapp' },
  whatsapp_timeout: { status: 504, fault: 'whatsapp' },
  internal: { status: 500, fault: 'engine' },
} as const satisfies Record<string, { status: number; fault: 'caller' | 'later' | 'whatsapp' | 'engine' }>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorOptions {
  cause?: unknown;
  /** Values that a program may read, e.g. the msgId of a send whose outcome is unknown. Never a key or a token. */
  details?: Record<string, unknown>;
  /** Per field, what is wrong with it, in WasenderApi's form: `{to: ['The to field is required.']}`. */
  fields?: Record<string, string[]>;
  /** Seconds after which the same request may succeed. */
  retryAfterS?: number;
}

/**
 * The only error that leaves the engine. The message says what happened and how to go on, and holds no key, token or
 * URL query.
 */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly details: Record<string, unknown> | undefined;
  readonly fields: Record<string, string[]> | undefined;
  readonly retryAfterS: number | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: ErrorOptions = {},
  ) {
    super(message, { cause: options.cause });
    this.details = options.details;
    this.fields = options.fields;
    this.retryAfterS = options.retryAfterS;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** What a caller gets for something thrown that nobody foresaw; the cause goes to the log only. */
export function unforeseen(thrown: unknown): EngineError {
  if (thrown instanceof EngineError) return thrown;
  return new EngineError('internal', 'Something went wrong inside the engine. Its log has the details.', {
    cause: thrown,
  });
}

/** Several wrong fields at once, worded as WasenderApi words them. */
export function validationFailed(fields: Record<string, string[]>, cause?: unknown): EngineError {
  return new EngineError('validation_failed', 'Validation failed', { fields, cause });
}
