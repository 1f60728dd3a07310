import { z } from 'zod';
import { EngineError, errorBody, ERRORS, type ErrorCode } from '../errors.ts';
import { EVENTS, type EventName } from '../events.ts';
import { VERSION } from '../version.ts';
import { Schemas, type JsonSchema } from './json-schema.ts';
import { operations } from './index.ts';
import type { Access, Operation } from './operation.ts';
import { errorsOf } from './refusals.ts';
import { EVENT_EXAMPLES } from './event-examples.ts';
import { eventPosted } from './event-shown.ts';

/** What each noun is about, in the order in which somebody wants to read of it. */
const TAGS: Record<string, { name: string; description: string }> = {
  session: {
    name: 'Sessions',
    description:
      'A session is one WhatsApp account, linked like WhatsApp Web. Create one, connect it, scan its QR code.',
  },
  message: {
    name: 'Messages',
    description: 'Send messages of every kind, and change, forward, star or look at those that are there.',
  },
  scheduled: {
    name: 'Scheduled messages',
    description: 'Messages that were sent with `scheduledAt` and wait for their time.',
  },
  inquiry: { name: 'Inquiries', description: 'Questions to people that wait for an answer in the engine.' },
  bulk: { name: 'Bulk jobs', description: 'One message to many people, each once, with values of their own.' },
  optOut: { name: 'Opt-outs', description: 'People whom bulk jobs leave alone.' },
  contact: { name: 'Contacts', description: 'People: who they are, whether they are on WhatsApp, who is blocked.' },
  group: { name: 'Groups', description: 'Groups, their members, settings, invite links and requests to join.' },
  channel: { name: 'Channels', description: 'Channels (newsletters) that the account follows or runs.' },
  chat: { name: 'Chats and presence', description: 'What the account shows of itself, and how its chats are kept.' },
  call: { name: 'Calls', description: 'Calls that come in are told by the event `call`.' },
  media: { name: 'Media', description: 'Files to send, and files that have come in.' },
  webhook: {
    name: 'Webhooks and events',
    description: 'Who gets the events of a session, the log of all events, and what became of each at each receiver.',
  },
  accountWebhook: {
    name: 'Webhooks of all sessions',
    description: 'Who gets the events of all sessions, also of those that are made later.',
  },
  approval: { name: 'Approvals', description: 'Calls of agents that a person has to approve.' },
  token: { name: 'Tokens', description: 'Who may call, and agents that may do less than everything.' },
  system: { name: 'Engine', description: 'Is it alive, is it ready, is the token valid.' },
  documentation: {
    name: 'Documentation',
    description: 'This documentation, for programs that read it entry by entry.',
  },
};
const EVENTS_TAG = { name: 'Events', description: 'What is posted to webhooks. Every event has the same envelope.' };

/** Who may call, in words. */
export const ACCESS: Record<Access, string> = {
  public: 'No key is needed.',
  account: 'Needs a personal access token that is not limited to sessions or recipients.',
  token: 'Needs a personal access token.',
  own: 'Needs a personal access token, or the API key of this session.',
  session: 'Needs the API key of a session, or a personal access token with `X-Warbler-Session`.',
};
const TOKEN = { personalAccessToken: [] };
const KEY = { sessionApiKey: [] };
const SECURITY: Record<Access, object[]> = {
  public: [],
  account: [TOKEN],
  token: [TOKEN],
  own: [TOKEN, KEY],
  session: [KEY, TOKEN],
};

const INTRODUCTION = `Warbler runs WhatsApp accounts as *sessions* and speaks WasenderApi's REST API, so that clients written for WasenderApi work with another base URL and key.

## First steps
1. \`POST /api/whatsapp-sessions\` makes a session, \`POST …/connect\` connects it, and \`GET …/qrcode\` (with \`Accept: image/png\` a picture) is what the phone scans under *Linked devices*.
2. \`POST /api/send-message\` with \`to\` and \`text\` sends.
3. \`POST /api/whatsapp-sessions/{id}/webhooks\` has events posted to a URL.

## Keys
Every request carries \`Authorization: Bearer <key>\`. A **personal access token** may do everything, or what its scope says: these sessions, or reading only. Where a request is about one session and its path does not name it, the header \`X-Warbler-Session\` does; a token for one session alone can do without. A **session's API key** is for that session only, and names it by itself. After 20 wrong keys from one address within a minute, keys that are new from there get 429 for another minute.

## Answers
A success is \`{"success": true, "data": …}\`. A few answers have their fields beside \`success\`, or stand alone, because WasenderApi documents them so; their schemas say it. Clients should ignore fields that they do not know.

## Errors
A refusal has a 4xx or 5xx status and always the same body: \`code\` for programs, \`message\` for people. Where fields are wrong, \`errors\` lists what is wrong with each. Where waiting helps, \`retry_after\` and the header \`Retry-After\` say for how many seconds.

## Limits
Requests are limited per session and endpoint. \`X-RateLimit-Limit\`, \`X-RateLimit-Remaining\` and \`X-RateLimit-Reset\` (Unix seconds) tell on every answer what is left of the window of time that has the least left; beyond it the answer is 429. \`GET …/limits\` tells all of them, and the session's setting \`limits\` changes them.

## Sending twice
With the header \`Idempotency-Key\` a request that is repeated, after a lost connection for instance, answers the message of the first and sends nothing again. The same key with another request is refused.

## Times and addresses
Fields say their unit: Unix seconds, Unix milliseconds, or ISO 8601. \`phone\` is digits with country code, \`jid\` is WhatsApp's address (\`…@s.whatsapp.net\` a person, \`…@g.us\` a group, \`…@newsletter\` a channel), \`lid\` (\`…@lid\`) is WhatsApp's address of a person that does not tell the number.`;

const errorShown = z
  .object({
    success: z.literal(false).describe('Whether it was done'),
    code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]).describe('What is wrong, for programs'),
    message: z
      .string()
      .meta({ description: 'What is wrong, and how to go on, for people', examples: ['Validation failed'] }),
    error: z.string().meta({
      description: 'The same, or what is wrong with the first wrong field',
      examples: ['The to field is required.'],
    }),
    errors: z
      .record(z.string(), z.array(z.string()))
      .optional()
      .meta({
        description: 'Per wrong field, what is wrong with it',
        examples: [{ to: ['The to field is required.'] }],
      }),
    retry_after: z
      .int()
      .optional()
      .meta({ description: 'Seconds after which the same request may succeed', examples: [5] }),
    details: z
      .looseObject({})
      .optional()
      .meta({ description: 'Values that a program may read', examples: [{ msgId: 1042 }] }),
  })
  .meta({ title: 'Error' });

interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  description?: string;
  schema: JsonSchema;
  example?: unknown;
}

interface Media {
  schema: JsonSchema;
  example?: unknown;
  examples?: Record<string, unknown>;
}

interface Answer {
  $ref?: string;
  description?: string;
  headers?: Record<string, object>;
  content?: Record<string, Media>;
}

/** An operation in the document. */
export interface OpenApiOperation {
  operationId: string;
  tags: string[];
  summary: string;
  description: string;
  security: object[];
  parameters?: Parameter[];
  requestBody?: { required: boolean; content: Record<string, Media> };
  responses: Record<string, Answer>;
}

/** A document of OpenAPI 3.1. */
export interface OpenApi {
  openapi: string;
  info: { title: string; version: string; description: string; license: object };
  servers: { url: string; description: string }[];
  /** For programs that know one key for everything; every operation says its own. */
  security: object[];
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, OpenApiOperation>>;
  webhooks: Record<string, { post: OpenApiOperation }>;
  components: {
    securitySchemes: Record<string, object>;
    headers: Record<string, object>;
    examples: Record<string, { summary: string; value: unknown }>;
    responses: Record<string, Answer>;
    schemas: Record<string, JsonSchema>;
  };
}

const documents = new Map<string, OpenApi>();

/**
 * What an engine at `url` says of itself: its operations and its events as a document of OpenAPI 3.1. Made when it is
 * first asked for, and kept.
 */
export function openApi(url: string): OpenApi {
  const known = documents.get(url) ?? new Document().of(url);
  documents.set(url, known);
  return known;
}

const JSON_BODY = 'application/json';
const BINARY: JsonSchema = { type: 'string', format: 'binary', description: 'The file, as it is' };

const RATE_LIMIT = Object.fromEntries(
  ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'].map((name) => [
    name,
    { $ref: `#/components/headers/${name}` },
  ]),
);

class Document {
  readonly #schemas = new Schemas();
  readonly #error = this.#schemas.of(errorShown, 'output');
  readonly #answers: Record<string, Answer> = {};
  readonly #codes = new Set<ErrorCode>();

  of(url: string): OpenApi {
    const paths: OpenApi['paths'] = {};
    for (const operation of operations) {
      const [method, path] = operation.http.split(' ') as [string, string];
      (paths[path.replace(/:(\w+)/g, '{$1}')] ??= {})[method.toLowerCase()] = this.#operation(operation);
    }
    const webhooks = Object.fromEntries(
      (Object.keys(EVENTS) as EventName[]).map((event) => [event, { post: this.#webhook(event) }] as const),
    );
    return {
      openapi: '3.1.0',
      info: {
        title: 'Warbler',
        version: VERSION,
        description: INTRODUCTION,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url, description: 'This engine' }],
      security: [TOKEN],
      tags: [...Object.values(TAGS), EVENTS_TAG],
      paths,
      webhooks,
      components: {
        securitySchemes: {
          personalAccessToken: {
            type: 'http',
            scheme: 'bearer',
            description:
              'Personal access token: the engine prints one at its first start; `warbler token create` makes more.',
          },
          sessionApiKey: {
            type: 'http',
            scheme: 'bearer',
            description: 'API key of a session: `api_key` of what `POST /api/whatsapp-sessions` answers.',
          },
        },
        headers: {
          'Retry-After': {
            description: 'Seconds after which the same request may succeed',
            schema: { type: 'integer' },
            example: 5,
          },
          'X-RateLimit-Limit': {
            description: 'Requests in the window of time that has the least left; missing where there is no limit',
            schema: { type: 'integer' },
            example: 256,
          },
          'X-RateLimit-Remaining': {
            description: 'Requests left in it',
            schema: { type: 'integer' },
            example: 255,
          },
          'X-RateLimit-Reset': {
            description: 'When it is over, in Unix seconds',
            schema: { type: 'integer' },
            example: 1767614460,
          },
        },
        examples: Object.fromEntries(
          [...this.#codes].sort().map((code) => [code, { summary: code, value: exampleOf(code) }]),
        ),
        responses: sorted(this.#answers),
        schemas: sorted(this.#schemas.components),
      },
    };
  }

  #operation(operation: Operation): OpenApiOperation {
    const { id, access, summary } = operation;
    const parameters = [...this.#parameters(operation), ...headersOf(operation)];
    const body = this.#body(operation);
    return {
      operationId: id,
      tags: [tagOf(nounOf(operation)).name],
      summary,
      description: `${summary}. ${ACCESS[access]}`,
      security: SECURITY[access],
      ...(parameters.length > 0 && { parameters }),
      ...(body && { requestBody: body }),
      responses: { ...this.#success(operation), ...this.#refusals(operation) },
    };
  }

  #parameters(operation: Operation): Parameter[] {
    const { properties = {}, required = [] } = this.#schemas.of(operation.input, 'input');
    const inPath = pathNames(operation);
    return Object.entries(properties)
      .filter(([name]) => inPath.includes(name) || !takesBody(operation))
      .map(([name, field]) => {
        const { description, examples, ...schema } = field;
        const example = examples?.[0] ?? this.#schemas.example(field);
        return {
          name,
          in: inPath.includes(name) ? ('path' as const) : ('query' as const),
          required: required.includes(name),
          ...(description !== undefined && { description }),
          schema,
          ...(example !== undefined && { example }),
        };
      });
  }

  #body(operation: Operation): OpenApiOperation['requestBody'] | undefined {
    if (!takesBody(operation)) return undefined;
    const { properties = {}, required = [] } = this.#schemas.of(operation.input, 'input');
    const inPath = pathNames(operation);
    const fields = Object.entries(properties).filter(([name]) => !inPath.includes(name));
    if (fields.length === 0) return undefined;
    const needed = required.filter((name) => !inPath.includes(name));
    const schema: JsonSchema = {
      type: 'object',
      properties: Object.fromEntries(fields),
      ...(needed.length > 0 && { required: needed }),
    };
    const content: Record<string, Media> = { [JSON_BODY]: { schema, ...this.#requestExamples(operation, schema) } };
    if (operation.takes === 'file') {
      const { base64: _text, ...others } = schema.properties!;
      content['multipart/form-data'] = {
        schema: { type: 'object', properties: { ...others, file: BINARY }, required: ['file'] },
      };
      content['application/octet-stream'] = { schema: BINARY };
    }
    return { required: needed.length > 0, content };
  }

  #requestExamples({ examples }: Operation, schema: JsonSchema): Pick<Media, 'example' | 'examples'> {
    if (!examples) return { example: this.#schemas.example(schema) };
    return {
      examples: Object.fromEntries(
        Object.entries(examples).map(([summary, value]) => [nameOf(summary), { summary, value }]),
      ),
    };
  }

  #success(operation: Operation): Record<string, Answer> {
    const { status = 200, answers, picture } = operation;
    const headers = operation.access === 'public' ? {} : { headers: RATE_LIMIT };
    if (status === 204) return { 204: { description: 'Done', ...headers } };
    if (answers === 'file') {
      return { 200: { description: 'The file', ...headers, content: { '*/*': { schema: BINARY } } } };
    }
    if (answers === 'text') {
      const schema = this.#schemas.of(operation.output, 'output');
      return {
        200: {
          description: 'Done',
          ...headers,
          content: { 'text/plain': { schema, example: this.#schemas.example(schema) } },
        },
      };
    }
    const schema = this.#envelope(operation);
    const content: Record<string, Media> = { [JSON_BODY]: { schema, example: this.#schemas.example(schema) } };
    if (picture) content['image/png'] = { schema: { ...BINARY, description: 'The QR code, 512 pixels wide' } };
    return { [status]: { description: 'Done', ...headers, content } };
  }

  #envelope({ envelope = 'data', output }: Operation): JsonSchema {
    const schema = this.#schemas.of(output, 'output');
    if (envelope === 'bare') return schema;
    const success: JsonSchema = { const: true, type: 'boolean', description: 'Whether it was done', examples: [true] };
    if (envelope === 'data') {
      return { type: 'object', properties: { success, data: schema }, required: ['success', 'data'] };
    }
    const { properties = {}, required = [], ...rest } = this.#schemas.resolved(schema);
    return { ...rest, properties: { success, ...properties }, required: ['success', ...required] };
  }

  #refusals(operation: Operation): Record<string, Answer> {
    const byStatus: Record<string, ErrorCode[]> = {};
    for (const code of errorsOf(operation)) (byStatus[ERRORS[code].status] ??= []).push(code);
    return Object.fromEntries(Object.entries(byStatus).map(([status, codes]) => [status, this.#refusal(codes)]));
  }

  /** An answer with one code only is the same wherever it is given. */
  #refusal(codes: ErrorCode[]): Answer {
    for (const code of codes) this.#codes.add(code);
    const answer: Answer = {
      description: codes.map((code) => `\`${code}\`: ${ERRORS[code].about}`).join(' '),
      ...(codes.some((code) => RETRY_AFTER_S[code] !== undefined) && {
        headers: {
          'Retry-After': { $ref: '#/components/headers/Retry-After' },
          ...(codes.includes('rate_limited') && RATE_LIMIT),
        },
      }),
      content: {
        [JSON_BODY]: {
          schema: { allOf: [this.#error, { type: 'object', properties: { code: { type: 'string', enum: codes } } }] },
          examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
        },
      },
    };
    if (codes.length > 1) return answer;
    const name = nameOf(codes[0]!);
    this.#answers[name] = answer;
    return { $ref: `#/components/responses/${name}` };
  }

  #webhook(event: EventName): OpenApiOperation {
    const envelope = this.#schemas.of(eventPosted, 'output');
    const named: JsonSchema = { type: 'string', const: event, description: 'Name of the event', examples: [event] };
    const about: JsonSchema = { type: 'object', properties: { event: named } };
    const { id, seq, sessionId, timestamp } = this.#schemas.example(envelope) as Record<string, unknown>;
    const example = { event, id, seq, sessionId, timestamp, ...EVENT_EXAMPLES[event] };
    return {
      operationId: `event.${event}`,
      tags: [EVENTS_TAG.name],
      summary: `The event ${event}`,
      description: EVENTS[event],
      security: [],
      parameters: WEBHOOK_HEADERS,
      requestBody: {
        required: true,
        content: { [JSON_BODY]: { schema: { allOf: [envelope, about] }, example } },
      },
      responses: WEBHOOK_ANSWERS,
    };
  }
}

const WEBHOOK_HEADERS: Parameter[] = [
  header('webhook-id', 'Id of the event, the same on every retry: a receiver that has had it may drop it', {
    example: 'evt_9f86d081884c7d659a2feaa0',
    required: true,
  }),
  header('webhook-timestamp', 'Time of this attempt, in Unix seconds: refuse what is older than five minutes', {
    example: '1767225600',
    required: true,
  }),
  header(
    'webhook-signature',
    'Standard Webhooks: `v1,` and the base64 of the HMAC-SHA256 of `<webhook-id>.<webhook-timestamp>.<body>`, by the webhook’s secret',
    { example: 'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=', required: true },
  ),
  header('X-Webhook-Signature', 'The secret itself, for webhooks whose format is `wasender` only', {
    example: 'a1b2c3d4e5f60718293a4b5c6d7e8f90',
  }),
];

const WEBHOOK_ANSWERS: Record<string, Answer> = {
  '2XX': { description: 'The receiver has it.' },
  '404': { description: 'Nobody listens here any more (410 likewise): the webhook is parked, and events wait for it.' },
  default: { description: 'Anything else, or nothing within 30 seconds: it is tried again for over a day.' },
};

const sessionHeader = header(
  'X-Warbler-Session',
  'Id of the session; needed with a personal access token, unless that is for one session alone; with a session’s API key none but its own',
  { example: 1, schema: { type: 'integer', minimum: 1 } },
);
const idempotencyHeader = header(
  'Idempotency-Key',
  'Makes a repeat harmless: the same key answers the same message. 1 to 200 printable characters without spaces',
  { example: 'order-1042-confirmation', schema: { type: 'string', minLength: 1, maxLength: 200 } },
);

function header(
  name: string,
  description: string,
  { schema = { type: 'string' }, ...more }: { example: unknown; required?: boolean; schema?: JsonSchema },
): Parameter {
  return { name, in: 'header', required: false, description, schema, ...more };
}

const headersOf = ({ access, idempotencyKey }: Operation): Parameter[] => [
  ...(access === 'session' ? [sessionHeader] : []),
  ...(idempotencyKey ? [idempotencyHeader] : []),
];

const nounOf = ({ id }: Operation) => id.split('.')[0]!;

function tagOf(noun: string) {
  const tag = TAGS[noun];
  if (!tag) throw new Error(`What ${noun}.* is about has to be told in TAGS of operations/openapi.ts`);
  return tag;
}

const pathNames = ({ http }: Operation) => [...http.matchAll(/:(\w+)/g)].map(([, name]) => name!);
const takesBody = ({ http }: Operation) => !/^(GET|DELETE) /.test(http);

/** `session_not_found` as the name of a component: `SessionNotFound`. */
const nameOf = (words: string) =>
  words.replace(/(?:^|[^a-z0-9]+)([a-z0-9])/gi, (_, letter: string) => letter.toUpperCase());

const sorted = <T>(record: Record<string, T>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Errors that say when to come back. */
const RETRY_AFTER_S: Partial<Record<ErrorCode, number>> = { rate_limited: 5, budget_exhausted: 60, stopping: 1 };

/** An error as it is answered, by the very function that answers it. */
function exampleOf(code: ErrorCode) {
  const retryAfterS = RETRY_AFTER_S[code];
  return errorBody(
    code === 'validation_failed'
      ? new EngineError(code, 'Validation failed', { fields: { to: ['The to field is required.'] } })
      : new EngineError(code, ERRORS[code].about, retryAfterS === undefined ? {} : { retryAfterS }),
  );
}
