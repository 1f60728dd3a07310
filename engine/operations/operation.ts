import { z } from 'zod';
import type { Network } from '../config.ts';
import { validationFailed } from '../errors.ts';
import type { SessionRecord } from '../model.ts';
import type { Store } from '../store/store.ts';
import type { Session } from '../whatsapp/session.ts';
import type { Sessions } from '../whatsapp/sessions.ts';

/**
 * Who may call. `public`: anybody. `account`: a personal access token. `own`: a personal access token, or the API key
 * of the session that the path names. `session`: the API key of a session, or a personal access token with
 * `X-Warbler-Session`.
 */
export type Access = 'public' | 'account' | 'own' | 'session';

/** The engine, as operations see it. */
export interface Engine {
  store: Store;
  sessions: Sessions;
  /** A subscription was made, replaced or resumed. */
  wakeSubscription(id: string): Promise<void>;
  webhookNetworks: readonly Network[];
  version: string;
  /** `undefined` once everything is up; else what is still being waited for. */
  notReady(): string | undefined;
}

/** One call. `session` and `record` are there wherever the access names a session. */
export interface Call {
  engine: Engine;
  session: Session;
  record: SessionRecord;
  idempotencyKey?: string;
}

export interface Operation {
  /** `message.send` stands in operations/message.ts as `send`, in logs as `op`, in OpenAPI as operationId. */
  id: string;
  /** Method and path, with `:name` for path parameters. */
  http: `${'GET' | 'POST' | 'PUT' | 'DELETE'} ${string}`;
  access: Access;
  summary: string;
  input: z.ZodObject;
  output: z.ZodType;
  /** Status of a success; 200 unless said. 204 has no body. */
  status?: 200 | 201 | 204;
  /**
   * How WasenderApi wraps this answer. `data` (usual): `{success: true, data: output}`. `flat`: `{success: true,
   * ...output}`. `bare`: the output alone.
   */
  envelope?: 'data' | 'flat' | 'bare';
  /** For an answer that is also a picture: the text of the QR code to draw for `Accept: image/png`. */
  picture?: (output: never) => string;
  run(call: Call, input: never): Promise<unknown>;
}

/** Declares an operation; ties the types of its schemas to `run`. */
export function operation<I extends z.ZodObject, O extends z.ZodType>(
  definition: Omit<Operation, 'input' | 'output' | 'run' | 'picture'> & {
    input: I;
    output: O;
    picture?: (output: z.output<O>) => string;
    run(call: Call, input: z.output<NoInfer<I>>): Promise<z.input<NoInfer<O>>>;
  },
): Operation {
  return definition as unknown as Operation;
}

/** A path parameter that names a session. */
export const whatsappSession = z.int().min(1).describe('Id of the session');

/**
 * Reads a call's input. Where `raw` came from a query string or a form, numbers and booleans are text: they get their
 * types back here, by the schema. Throws `validation_failed` in WasenderApi's words.
 */
export function readInput(schema: z.ZodObject, raw: Record<string, unknown>): Record<string, unknown> {
  const typed = Object.fromEntries(
    Object.entries(raw).map(([name, value]) => [name, retyped(schema.shape[name] as z.ZodType | undefined, value)]),
  );
  const result = schema.safeParse(typed);
  if (result.success) return result.data;
  const fields: Record<string, string[]> = {};
  for (const issue of result.error.issues) (fields[issue.path.join('.') || 'body'] ??= []).push(wording(issue));
  throw validationFailed(fields);
}

function retyped(schema: z.ZodType | undefined, value: unknown): unknown {
  const kind = schema && z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }).type;
  if (kind === 'boolean') {
    if (value === 'true' || value === '1' || value === 1) return true;
    if (value === 'false' || value === '0' || value === 0) return false;
  }
  if ((kind === 'integer' || kind === 'number') && typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)) {
    return Number(value);
  }
  return value;
}

function wording(issue: z.core.$ZodIssue): string {
  const name = issue.path.join('.') || 'body';
  if (issue.code === 'invalid_type') {
    const missing = issue.input === undefined;
    return missing ? `The ${name} field is required.` : `The ${name} field must be ${article(issue.expected)}.`;
  }
  if (issue.code === 'too_small' && issue.origin === 'string') return `The ${name} field is required.`;
  if (issue.code === 'invalid_value') return `The ${name} field must be one of: ${issue.values.join(', ')}.`;
  return `The ${name} field is not valid: ${issue.message}.`;
}

const article = (type: string) =>
  /^(int|array|object)/.test(type) ? `an ${type.replace(/^int$/, 'integer')}` : `a ${type}`;
