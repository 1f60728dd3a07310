/**
 * Every way in which Warbler says no, in one table: the code that programs read, the HTTP status, and who erred.
 * `caller`: the request is wrong and will be wrong again. `later`: right request, wrong moment. `whatsapp`: WhatsApp
 * refused or did not answer. `engine`: our own fault; the caller is told nothing but the code, the log has the rest.
 * `about`: when it is answered, for the documentation of every endpoint that can.
 */
export const ERRORS = {
  unauthorized: { status: 401, fault: 'caller', about: 'The API key or token is missing or unknown, or has expired.' },
  forbidden: {
    status: 403,
    fault: 'caller',
    about: 'This key may not do this: a session’s API key is for its own session only, and a token may have a scope.',
  },
  not_permitted: {
    status: 403,
    fault: 'caller',
    about: 'WhatsApp does not let this account do it, for instance what only admins of a group may.',
  },
  bad_request: {
    status: 400,
    fault: 'caller',
    about: 'The request cannot be read, or cannot be meant so; the message says why.',
  },
  not_found: { status: 404, fault: 'caller', about: 'What the request names is not there.' },
  session_not_found: { status: 404, fault: 'caller', about: 'There is no such session.' },
  webhook_not_found: { status: 404, fault: 'caller', about: 'There is no such webhook in this session.' },
  delivery_not_found: { status: 404, fault: 'caller', about: 'There is no such delivery in this session.' },
  message_not_found: { status: 404, fault: 'caller', about: 'There is no such message in this session.' },
  job_not_found: { status: 404, fault: 'caller', about: 'There is no such bulk job in this session.' },
  inquiry_not_found: { status: 404, fault: 'caller', about: 'There is no such inquiry in this session.' },
  media_not_found: { status: 404, fault: 'caller', about: 'There is no such file, or it has expired.' },
  not_acceptable: {
    status: 406,
    fault: 'caller',
    about: 'The answer does not exist in the form that Accept asks for.',
  },
  payload_too_large: { status: 413, fault: 'caller', about: 'The request’s body is larger than this endpoint takes.' },
  unsupported_media_type: {
    status: 415,
    fault: 'caller',
    about: 'The request’s body is in an encoding or of a type that this endpoint does not take.',
  },
  validation_failed: {
    status: 422,
    fault: 'caller',
    about: 'Fields are missing or wrong; `errors` says for each what is wrong with it.',
  },
  recipient_not_on_whatsapp: {
    status: 422,
    fault: 'caller',
    about: 'Nobody has WhatsApp under this number or address.',
  },
  url_not_allowed: {
    status: 422,
    fault: 'caller',
    about: 'The URL lies in a network that the engine’s settings do not allow.',
  },
  media_not_fetched: { status: 422, fault: 'caller', about: 'The file could not be fetched from its URL.' },
  media_not_usable: {
    status: 422,
    fault: 'caller',
    about: 'The file is not what it is said to be, is too large, or cannot be converted.',
  },
  media_gone: {
    status: 422,
    fault: 'caller',
    about: 'WhatsApp no longer has the file, and the phone did not upload it again.',
  },
  idempotency_mismatch: {
    status: 422,
    fault: 'caller',
    about: 'The Idempotency-Key was used before, for another request.',
  },
  session_not_connected: {
    status: 409,
    fault: 'later',
    about: 'The session is not connected to WhatsApp. Connect it and try again.',
  },
  session_not_scannable: {
    status: 409,
    fault: 'later',
    about: 'There is no code to scan or to type in now: the session is linked, or has to be connected first.',
  },
  session_restricted: { status: 409, fault: 'later', about: 'WhatsApp has restricted the account for a time.' },
  conflict: { status: 409, fault: 'later', about: 'Not in the state that things are in now; the message says why.' },
  limit_reached: { status: 409, fault: 'later', about: 'As many as there may be are there already.' },
  rate_limited: {
    status: 429,
    fault: 'later',
    about: 'Too many requests, or messages, or wrong keys, for now. Try again after `retry_after` seconds.',
  },
  budget_exhausted: {
    status: 429,
    fault: 'later',
    about:
      'What WhatsApp watches an account for has been done as often as the session’s `pace` or `budgets` lets it. Try again after `retry_after` seconds.',
  },
  stopping: {
    status: 503,
    fault: 'later',
    about: 'The engine is starting or stopping. Try again after `retry_after` seconds.',
  },
  whatsapp_refused: { status: 502, fault: 'whatsapp', about: 'WhatsApp refused; the message has its reason.' },
  whatsapp_unreachable: {
    status: 502,
    fault: 'whatsapp',
    about: 'WhatsApp cannot be reached from the engine’s machine.',
  },
  sandbox_unreachable: { status: 502, fault: 'whatsapp', about: 'The sandbox cannot be reached.' },
  whatsapp_timeout: {
    status: 504,
    fault: 'whatsapp',
    about: 'WhatsApp did not answer in time. What was asked may have been done, or may yet be.',
  },
  storage_failed: {
    status: 507,
    fault: 'engine',
    about: 'The data folder cannot be written, for instance because the disk is full. Nothing was accepted or changed.',
  },
  internal: { status: 500, fault: 'engine', about: 'Something went wrong inside the engine. Its log has the details.' },
} as const satisfies Record<
  string,
  { status: number; fault: 'caller' | 'later' | 'whatsapp' | 'engine'; about: string }
>;

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

/** What the database and the file system say when they cannot write, by kind. */
const STORAGE_FAILURES: { codes: RegExp; message: string }[] = [
  {
    codes: /^(SQLITE_FULL|ENOSPC|EDQUOT)$/,
    message: 'The disk of the data folder is full. Free space on it, then try again.',
  },
  {
    codes: /^SQLITE_(CORRUPT|NOTADB)/,
    message:
      'The database in the data folder is damaged. Stop the engine and put back warbler.db from a backup, then try again.',
  },
  {
    codes: /^SQLITE_(BUSY|LOCKED)/,
    message: 'Another program holds the database in the data folder. End that program, then try again.',
  },
  {
    codes: /^(SQLITE_(READONLY|IOERR|CANTOPEN|PERM|AUTH)|(EROFS|EFBIG|EIO|EACCES|EPERM)$)/,
    message:
      'The data folder cannot be written: it is read-only, belongs to another user, or its disk fails. Make it writable, then try again.',
  },
];

/**
 * What the database or the file system has thrown because it could not write, as `storage_failed`; `undefined` for
 * everything else. Nothing was changed then.
 */
export function storageFailure(thrown: unknown): EngineError | undefined {
  if (thrown instanceof EngineError) return thrown.code === 'storage_failed' ? thrown : undefined;
  const { code, path } = (thrown ?? {}) as { code?: unknown; path?: unknown };
  if (typeof code !== 'string') return undefined;
  // Networks refuse with these two as well; files are named.
  if ((code === 'EACCES' || code === 'EPERM') && path === undefined) return undefined;
  const found = STORAGE_FAILURES.find(({ codes }) => codes.test(code));
  return found && new EngineError('storage_failed', `${found.message} Nothing was changed.`, { cause: thrown });
}

/** What a caller gets for something thrown that nobody foresaw; the cause goes to the log only. */
export function unforeseen(thrown: unknown): EngineError {
  if (thrown instanceof EngineError) return thrown;
  const storage = storageFailure(thrown);
  if (storage) return storage;
  return new EngineError('internal', 'Something went wrong inside the engine. Its log has the details.', {
    cause: thrown,
  });
}

/** Whether the log is to have its cause. That the disk is full it is told once, and not with each request. */
export const isUnforeseen = ({ code }: EngineError) => ERRORS[code].fault === 'engine' && code !== 'storage_failed';

/** Several wrong fields at once, worded as WasenderApi words them. */
export function validationFailed(fields: Record<string, string[]>, cause?: unknown): EngineError {
  return new EngineError('validation_failed', 'Validation failed', { fields, cause });
}

/**
 * An error as callers get it. WasenderApi's clients read `message` here and `error` there, so every error carries both.
 * Where a field is wrong, `error` is what is wrong with it.
 */
export function errorBody({ code, message, fields, retryAfterS, details }: EngineError) {
  return {
    success: false as const,
    code,
    message,
    error: Object.values(fields ?? {})[0]?.[0] ?? message,
    ...(fields && { errors: fields }),
    ...(retryAfterS !== undefined && { retry_after: retryAfterS }),
    ...(details && { details }),
  };
}
