import { z } from 'zod';
import { operations } from '../../operations/index.ts';
import type { Operation, Tool } from '../../operations/operation.ts';
import { SECRETS, without } from '../../operations/secrets.ts';

type Schema = z.core.JSONSchema.JSONSchema;

/** A tool with the operation behind it, and as `tools/list` shows it. */
export interface McpTool {
  tool: Tool;
  operation: Operation;
  /** Names of the fields that it takes, without the session. */
  fields: readonly string[];
  /** Whether it works on one session, so that it takes `session_id`. */
  ofSession: boolean;
  shown: ShownTool;
}

export interface ShownTool {
  name: string;
  title: string;
  description: string;
  inputSchema: Schema & { type: 'object' };
  outputSchema: Schema & { type: 'object' };
  annotations: {
    title: string;
    readOnlyHint: boolean;
    destructiveHint: boolean;
    idempotentHint: boolean;
    openWorldHint: boolean;
  };
}

/** The parameter by which a path names a session; a tool calls it `session_id`, whatever the operation does. */
export const SESSION = 'whatsappSession';

const SESSION_ID: Schema = {
  type: 'integer',
  minimum: 1,
  description: 'Id of the WhatsApp session (see list_whatsapp_sessions); may be left out when there is only one',
};

function toolOf(operation: Operation, tool: Tool): McpTool {
  const all = Object.keys(operation.input.shape);
  const fields = (tool.fields ?? all).filter((name) => name !== SESSION && !(name in (tool.set ?? {})));
  const ofSession = operation.access === 'session' || all.includes(SESSION);
  return { tool, operation, fields, ofSession, shown: shown(operation, tool, fields, ofSession) };
}

function shown(operation: Operation, tool: Tool, fields: readonly string[], ofSession: boolean): ShownTool {
  const { name, description, readOnly = false, destructive = false, idempotent = readOnly, local = false } = tool;
  const title = titleOf(name);
  return {
    name,
    title,
    description,
    inputSchema: inputSchema(operation, tool, fields, ofSession),
    outputSchema: outputSchema(operation),
    annotations: {
      title,
      readOnlyHint: readOnly,
      destructiveHint: destructive,
      idempotentHint: idempotent,
      openWorldHint: !local,
    },
  };
}

function inputSchema({ input }: Operation, tool: Tool, fields: readonly string[], ofSession: boolean) {
  const shape = input.shape as Record<string, z.ZodType>;
  const picked = z.object(Object.fromEntries(fields.map((name) => [name, shape[name]!])));
  const { properties = {}, required = [] } = lean(z.toJSONSchema(picked, { io: 'input' }));
  return {
    type: 'object' as const,
    properties: { ...properties, ...(ofSession && { session_id: SESSION_ID }) },
    required: [...new Set([...required, ...(tool.required ?? [])])],
    additionalProperties: false,
  };
}

/** Of an answer. Nothing in it is required: an error has no data, and an answer no error. */
function outputSchema({ output }: Operation) {
  const data = without(lean(z.toJSONSchema(output, { io: 'input' }), [...NOISE, 'required']), SECRETS);
  return {
    type: 'object' as const,
    properties: { notice: { type: 'string' as const }, data, error: { type: 'object' as const } },
  };
}

/** Keywords that say nothing to a model, which pays for every word. */
const NOISE = ['$schema', 'title', 'examples', 'propertyNames', 'pattern'];

function lean(schema: Schema, noise: readonly string[] = NOISE): Schema {
  const says = ([keyword, value]: [string, unknown]) =>
    !noise.includes(keyword) && Math.abs(Number(value)) !== Number.MAX_SAFE_INTEGER;
  const inner = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(inner);
    return typeof value === 'object' && value !== null ? lean(value as Schema, noise) : value;
  };
  const { properties, anyOf, ...rest } = schema;
  const values = anyOf?.map((one) => (one as Schema).const);
  return {
    ...mapped(rest, says, inner),
    ...(anyOf && (values?.includes(undefined) ? { anyOf: anyOf.map(inner) } : { enum: values })),
    // Here the keys are names of fields, whatever they are called.
    ...(properties && { properties: mapped(properties, () => true, inner) }),
  } as Schema;
}

const mapped = <T extends object>(
  value: T,
  keep: (entry: [string, unknown]) => boolean,
  change: (inner: unknown) => unknown,
): T =>
  Object.fromEntries(
    Object.entries(value)
      .filter(keep)
      .map(([key, inner]) => [key, change(inner)]),
  ) as T;

const WORDS: Record<string, string> = { whatsapp: 'WhatsApp', lid: 'LID', jid: 'address', api: 'API', qr: 'QR' };

/** `get_lid_from_phone_number` is “Get LID from phone number”. */
function titleOf(name: string): string {
  const words = name
    .split('_')
    .map((word) => WORDS[word] ?? word)
    .join(' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** All tools by name, in the order of the operations. */
export const tools: ReadonlyMap<string, McpTool> = new Map(
  operations.flatMap((operation) =>
    (operation.tools ?? []).map((tool): [string, McpTool] => [tool.name, toolOf(operation, tool)]),
  ),
);
