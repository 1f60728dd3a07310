import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Network } from '../config.ts';
import { validationFailed, type ErrorCode } from '../errors.ts';
import type { EventEnvelope } from '../events.ts';
import type { Inquiries } from '../jobs/inquiries.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Schedule } from '../jobs/schedule.ts';
import type { Media } from '../media/media.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Reach } from '../network/guard.ts';
import type { SessionRecord } from '../model.ts';
import type { Caller } from './access.ts';
import type { Approvals } from './approvals.ts';
import type { Door } from './door.ts';
import type { Store } from '../store/store.ts';
import type { Session } from '../whatsapp/session.ts';
import type { Sessions } from '../whatsapp/sessions.ts';
import type { LimitName, Limits, Turn } from './limits.ts';

/**
 * Who may call. `public`: anybody. `account`: a personal access token that is not limited to sessions or recipients.
 * `token`: any personal access token; where the path names a session, one that may use it. `own`: likewise, or the API
 * key of the session that the path names. `session`: the API key of a session, or a personal access token with
 * `X-Warbler-Session`.
 */
export type Access = 'public' | 'account' | 'token' | 'own' | 'session';

/** The engine, as operations see it. */
export interface Engine {
  store: Store;
  sessions: Sessions;
  jobs: Jobs;
  /** A subscription was made, replaced or resumed. */
  wakeSubscription(id: string): Promise<void>;
  /** Has an event posted once that is no delivery, to show what such events look like. */
  postSample(subscriptionId: string, event: EventEnvelope): void;
  webhookNetworks: readonly Network[];
  /** Where the proxies of sessions may be. */
  proxies: Reach;
  media: Media;
  /** Messages that wait for their time. */
  schedule: Schedule;
  /** Questions that wait for an answer. */
  inquiries: Inquiries;
  clock: Clock;
  approvals: Approvals;
  /** Where keys are shown. */
  door: Door;
  limits: Limits;
  version: string;
  metrics: Metrics;
  /** The engine's own address, as others reach it. */
  url(): string;
  /** `undefined` once everything is up; else what is still being waited for. */
  notReady(): string | undefined;
}

/** One call. `caller` is there unless the access is `public`, `session` and `record` wherever it names a session. */
export interface Call {
  engine: Engine;
  caller: Caller;
  session: Session;
  record: SessionRecord;
  /** This call in the limits of its endpoint. */
  turn: Turn;
  idempotencyKey?: string;
  /** The file in the request's body, for an operation that takes one; undefined when the body was JSON. */
  file?: FileBody;
}

/** A file on its way in. It is read once, by the operation, which counts it. */
export interface FileBody {
  stream: Readable;
  mimetype: string | undefined;
  fileName: string | undefined;
}

/** A file on the disk, as the answer of an operation whose `answers` is `file`. */
export interface FileAnswer {
  path: string;
  mimetype: string;
  fileName: string | null;
}

export interface Operation {
  /** `message.send` stands in operations/message.ts as `send`, in logs as `op`, in OpenAPI as operationId. */
  id: string;
  /** Method and path, with `:name` for path parameters. */
  http: `${'GET' | 'POST' | 'PUT' | 'DELETE'} ${string}`;
  access: Access;
  /**
   * Whether it changes something, here or at WhatsApp, or hands out what does: GET does not, all others do, unless it is
   * said here. What a token with `access: read` may not do. To ask WhatsApp something is no change; the session's budgets
   * see to that.
   */
  changes?: boolean;
  /** The limit that it shares with others or that is documented for it; without one, it is limited by itself. */
  limit?: LimitName;
  summary: string;
  input: z.ZodObject;
  /**
   * What one field's schema cannot say, for instance that one of two fields is needed. Gets the call's input unchecked,
   * so that what is wrong here is told together with what is wrong with the schema. Answers as {@link validationFailed}
   * takes it.
   */
  rules?: (input: Record<string, unknown>) => Record<string, string[]> | undefined;
  output: z.ZodType;
  /** Status of a success; 200 unless said. 204 has no body. */
  status?: 200 | 201 | 202 | 204;
  /**
   * How WasenderApi wraps this answer. `data` (usual): `{success: true, data: output}`. `flat`: `{success: true,
   * ...output}`. `bare`: the output alone.
   */
  envelope?: 'data' | 'flat' | 'bare';
  /** Largest JSON body in MB; 1 unless said. */
  bodyMb?: number;
  /** `file`: the body may also be a file, alone or in a form; then `call.file` is it. */
  takes?: 'file';
  /** `file`: the output is a {@link FileAnswer}, and what is answered is that file. `text`: it is plain text. */
  answers?: 'file' | 'text';
  /** For an answer that is also a picture: the text of the QR code to draw for `Accept: image/png`. */
  picture?: (output: never) => string;
  /** It heeds `Idempotency-Key`; for the others `call.idempotencyKey` is not there. */
  idempotencyKey?: true;
  /** Requests worth showing, each by what it does; without them the examples of the fields make one. */
  examples?: Record<string, Record<string, unknown>>;
  /** Errors that it answers, besides those that its access and its input imply. */
  errors?: readonly ErrorCode[];
  /** What models may call it by, over MCP. */
  tools?: readonly Tool[];
  run(call: Call, input: never): Promise<unknown>;
}

export const changesSomething = ({ http, changes = !http.startsWith('GET ') }: Pick<Operation, 'http' | 'changes'>) =>
  changes;

/** A tool of the MCP surface: an operation, or a part of it, for a reader who cannot see the documentation. */
export interface Tool {
  /** WasenderApi's name, where it documents one. */
  name: string;
  /** What it does, when to use it, what comes of it. */
  description: string;
  /** It changes nothing, at WhatsApp or here. */
  readOnly?: true;
  /** It takes away what cannot be brought back. */
  destructive?: true;
  /** Called twice with the same input, it does no more than once. */
  idempotent?: true;
  /** It stays inside the engine: WhatsApp is not asked, nobody else sees it. */
  local?: true;
  /** Its answer holds nothing that people on WhatsApp have written, neither messages nor names. */
  plain?: true;
  /** Fields of the operation's input that it takes, all of them unless said. */
  fields?: readonly string[];
  /** Of those, the ones without which this tool makes no sense, though the operation can do without. */
  required?: readonly string[];
  /** Fields that it does not take, because they are always this. */
  set?: Readonly<Record<string, unknown>>;
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
export const whatsappSession = z
  .int()
  .min(1)
  .meta({ description: 'Id of the session', examples: [1] });

/**
 * Reads a call's input. Where `raw` came from a query string or a form, numbers and booleans are text: they get their
 * types back here, by the schema. Throws `validation_failed` in WasenderApi's words.
 */
export function readInput(
  { input: schema, rules }: Pick<Operation, 'input' | 'rules'>,
  raw: Record<string, unknown>,
): Record<string, unknown> {
  const shape = schema.shape as Record<string, z.ZodType>;
  // Own names only: `constructor` is a name that every object knows, and a caller may send.
  const typed = Object.fromEntries(
    Object.entries(raw)
      .filter(([name]) => Object.hasOwn(shape, name))
      .map(([name, value]) => [name, retyped(shape[name]!, value)]),
  );
  const result = schema.safeParse(typed, { reportInput: true });
  const fields: Record<string, string[]> = {};
  for (const issue of result.error?.issues ?? []) (fields[issue.path.join('.') || 'body'] ??= []).push(wording(issue));
  Object.assign(fields, rules?.(typed));
  if (!result.success || Object.keys(fields).length > 0) throw validationFailed(fields);
  return result.data;
}

function retyped(schema: z.ZodType, value: unknown): unknown {
  return retypedBy(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }), value);
}

function retypedBy({ type: kind, properties = {} }: z.core.JSONSchema.JSONSchema, value: unknown): unknown {
  // WasenderApi's client has coordinates as text, too.
  if (kind === 'object' && typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const known = (name: string) => (Object.hasOwn(properties, name) ? properties[name] : undefined);
    return Object.fromEntries(
      Object.entries(value).map(([name, field]: [string, unknown]) => {
        const schema = known(name);
        return [name, typeof schema === 'object' ? retypedBy(schema, field) : field];
      }),
    );
  }
  if (kind === 'boolean') {
    if (value === 'true' || value === '1' || value === 1) return true;
    if (value === 'false' || value === '0' || value === 0) return false;
  }
  if ((kind === 'integer' || kind === 'number') && typeof value === 'string') {
    // Only what is written as numbers are: neither 01 nor 1.0 is a name of session 1.
    const number = Number(value);
    if (String(number) === value) return number;
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
  if (issue.code === 'invalid_value' && issue.input === undefined) return `The ${name} field is required.`;
  if (issue.code === 'invalid_value') return `The ${name} field must be one of: ${issue.values.join(', ')}.`;
  return `The ${name} field is not valid: ${issue.message}.`;
}

const article = (type: string) =>
  /^(int|array|object)/.test(type) ? `an ${type.replace(/^int$/, 'integer')}` : `a ${type}`;
