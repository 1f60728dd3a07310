import type { JsonSchema } from './json-schema.ts';
import type { OpenApi, OpenApiOperation } from './openapi.ts';

/** The REST API as one page of Markdown: every operation with its fields and its errors, by noun. */
export function apiPage(document: OpenApi): string {
  const rows = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ heading: `${method.toUpperCase()} ${path}`, operation })),
  );
  const nouns = document.tags.map(({ name, description }) => {
    const own = rows.filter(({ operation }) => operation.tags.includes(name));
    return own.length === 0
      ? ''
      : [`## ${name}`, description, ...own.map((row) => section(document, row))].join('\n\n');
  });
  return [
    '# REST API',
    'Every request that the engine answers. This page says the same as [openapi.json](openapi.json), which the engine serves at `/openapi.json`, with pages to look around in at `/docs`. Generated from `engine/operations/` (`npm run generate`).',
    document.info.description,
    ...nouns.filter(Boolean),
    '## Shapes',
    ...Object.entries(document.components.schemas).map(shape),
    '',
  ].join('\n\n');
}

/** One operation by itself, with the shapes that it refers to. */
export function apiEntry(document: OpenApi, heading: string, operation: OpenApiOperation): string {
  const text = section(document, { heading, operation });
  const named = Object.entries(document.components.schemas).filter(([name]) => text.includes(link(name)));
  return [text, ...named.map(shape)].join('\n\n');
}

function section(document: OpenApi, { heading, operation }: { heading: string; operation: OpenApiOperation }): string {
  const { description, parameters = [], requestBody, responses } = operation;
  const body = requestBody?.content['application/json']?.schema;
  const rows = [
    ...parameters.map(({ name, in: place, required, schema, ...about }) =>
      row(name, { ...schema, ...about }, required ?? false, ` (${place})`),
    ),
    ...(body ? fields(body) : []),
  ];
  return [
    `### \`${heading}\``,
    description,
    rows.length > 0 ? ['| field | type | about |', '|---|---|---|', ...rows].join('\n') : '',
    answers(document, responses),
  ]
    .filter(Boolean)
    .join('\n\n');
}

/** One row per field, those of objects behind a dot, unless the object has a name. */
function fields({ properties = {}, required = [] }: JsonSchema, prefix = ''): string[] {
  return Object.entries(properties).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const inner = field.items ?? field;
    return [
      row(path, field, required.includes(name)),
      ...(inner.properties ? fields(inner, `${path}${field.items ? '[]' : ''}.`) : []),
    ];
  });
}

function row(path: string, field: JsonSchema, required: boolean, place = ''): string {
  const { default: fallback, description } = field;
  const about = [
    required ? '**required**' : '',
    description,
    fallback === undefined || fallback === null ? '' : `Default \`${JSON.stringify(fallback)}\``,
  ];
  const cells = [`\`${path}\`${place}`, typeOf(field), about.filter(Boolean).join('. ')];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function typeOf({ $ref, type, anyOf, enum: values, const: value, items }: JsonSchema): string {
  if ($ref) return link(nameOf($ref));
  if (values) return values.map((one) => `\`${String(one)}\``).join(', ');
  if (value !== undefined) return `\`${String(value)}\``;
  if (anyOf) return [...new Set(anyOf.map(typeOf))].join(' or ');
  if (items) return `list of ${typeOf(items)}`;
  return [type ?? 'any'].flat().join(' or ');
}

const nameOf = ($ref: string) => $ref.split('/').at(-1)!;
const link = (name: string) => `[${name}](#${name.toLowerCase()})`;

function answers({ components }: OpenApi, responses: OpenApiOperation['responses']): string {
  const parts = Object.entries(responses).map(([status, { $ref, ...answer }]) => {
    const { content = {} } = $ref ? components.responses[nameOf($ref)]! : answer;
    const json = content['application/json'];
    if (!status.startsWith('2')) return `${status} ${code(Object.keys(json?.examples ?? {}))}`;
    return [status, json ? answered(json.schema) : Object.keys(content).map((type) => `\`${type}\``)].join(' ');
  });
  return `Answers ${parts.join('; ')}.`;
}

const code = (names: string[]) => names.map((name) => `\`${name}\``).join(', ');

/** A success in few words: what `data` is, or which fields there are. */
function answered(schema: JsonSchema): string {
  const { data, success: _, ...others } = schema.properties ?? {};
  if (schema.$ref || !schema.properties) return typeOf(schema);
  if (!data || Object.keys(others).length > 0) return code(Object.keys(others));
  if (data.properties) return `\`data\` with ${code(Object.keys(data.properties)) || 'nothing in it'}`;
  return `\`data\`: ${typeOf(data)}`;
}

function shape([name, schema]: [string, JsonSchema]): string {
  const rows = fields(schema);
  const table = ['| field | type | about |', '|---|---|---|', ...rows].join('\n');
  return `### ${name}\n\n${rows.length > 0 ? table : `${typeOf(schema)}.`}`;
}
