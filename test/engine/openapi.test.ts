import type { JsonSchema } from '../../engine/operations/json-schema.ts';

await import('../../engine/whatsapp/hardening.ts');
const { operations: declared } = await import('../../engine/operations/index.ts');
const { readInput } = await import('../../engine/operations/operation.ts');
const { openApi } = await import('../../engine/operations/openapi.ts');

const document = openApi('http://127.0.0.1:3210');

interface Field {
  path: string;
  name: string;
  schema: JsonSchema;
}

/** Every field in a schema, however deep; components stand for themselves. */
function fieldsIn(schema: JsonSchema, path: string): Field[] {
  const { properties = {}, items, anyOf = [], allOf = [], additionalProperties } = schema;
  const inner: [string, JsonSchema | undefined][] = [
    ['[]', items],
    ['{}', typeof additionalProperties === 'object' ? additionalProperties : undefined],
    ...[...anyOf, ...allOf].map((one, index): [string, JsonSchema] => [`|${index}`, one]),
  ];
  return [
    ...Object.entries(properties).flatMap(([name, field]) => {
      const own = `${path}.${name}`;
      return [{ path: own, name, schema: field }, ...fieldsIn(field, own)];
    }),
    ...inner.flatMap(([step, one]) => (one ? fieldsIn(one, path + step) : [])),
  ];
}

const operations = [
  ...Object.values(document.paths).flatMap((methods) => Object.values(methods)),
  ...Object.values(document.webhooks).map(({ post }) => post),
];

const fields: Field[] = [
  ...operations.flatMap(({ operationId, parameters = [], requestBody, responses }) => [
    ...parameters.flatMap(({ name, description, example, schema }) => {
      const path = `${operationId} ${name}`;
      const field = { ...schema, description, examples: example === undefined ? undefined : [example] } as JsonSchema;
      return [{ path, name, schema: field }, ...fieldsIn(schema, path)];
    }),
    ...Object.values(requestBody?.content ?? {}).flatMap(({ schema }) => fieldsIn(schema, `${operationId} body`)),
    ...Object.entries(responses)
      .filter(([status]) => status.startsWith('2'))
      .flatMap(([, { content = {} }]) =>
        Object.values(content).flatMap(({ schema }) => fieldsIn(schema, `${operationId} answer`)),
      ),
  ]),
  ...Object.entries(document.components.schemas).flatMap(([name, schema]) => fieldsIn(schema, name)),
];

const resolved = (schema: JsonSchema): JsonSchema =>
  schema.$ref ? document.components.schemas[schema.$ref.split('/').at(-1)!]! : schema;

/** Objects, and lists of them, say what they are by their fields. */
function holdsFields(schema: JsonSchema): boolean {
  const { properties, items, anyOf, allOf } = resolved(schema);
  if (items) return holdsFields(items);
  if (anyOf ?? allOf) return [...(anyOf ?? []), ...(allOf ?? [])].some(holdsFields);
  return properties !== undefined;
}

/** Numbers and texts that are a time, a span of time or a size, by their names. */
const MEASURES = /(At|_at|_in|Time|Timestamp|timestamp|Ms|After|_after|Until|seconds|expiration|creation|size|itude)$/;
const UNITS = /\b(seconds|milliseconds|bytes|ISO 8601|UTC|degrees|Number of)\b/i;
const isFile = ({ format }: JsonSchema) => format === 'binary';
const pathsOf = (list: Field[]) => list.map(({ path }) => path);

test('every field is described', () => {
  expect(fields.length).toBeGreaterThan(500);
  const bare = fields.filter(({ schema }) => !schema.description && !resolved(schema).description);
  expect(pathsOf(bare.filter(({ schema }) => !holdsFields(schema)))).toEqual([]);
});

test('every field has an example', () => {
  const bare = fields.filter(({ schema }) => !schema.examples && !resolved(schema).examples && !isFile(schema));
  expect(pathsOf(bare.filter(({ schema }) => !holdsFields(schema)))).toEqual([]);
});

test('whatever measures something says in what', () => {
  const measures = fields.filter(
    ({ name, schema }) => MEASURES.test(name) && !/boolean|object|array/.test(String(schema.type)),
  );
  expect(measures.length).toBeGreaterThan(30);
  expect(pathsOf(measures.filter(({ schema }) => !UNITS.test(String(schema.description))))).toEqual([]);
});

describe.each(declared.map((operation) => [operation.id, operation] as const))('%s', (id, operation) => {
  const { parameters = [], requestBody, responses } = operations.find(({ operationId }) => operationId === id)!;
  const inPath = Object.fromEntries(
    parameters.filter((one) => one.in !== 'header').map(({ name, example }) => [name, example]),
  );

  test('has requests as examples that it takes', () => {
    const { example = {}, examples = { one: { value: example } } } = requestBody?.content['application/json'] ?? {};
    for (const { value } of Object.values(examples as Record<string, { value: object }>)) {
      expect(readInput(operation, { ...inPath, ...value })).toMatchObject(value);
    }
  });

  test('has an answer as example that it could give', () => {
    const { example } = responses[operation.status ?? 200]?.content?.['application/json'] ?? {};
    if (example === undefined) return;
    const { success: _, ...flat } = example as { success: true; data: unknown };
    const output = { data: flat.data, flat, bare: example }[operation.envelope ?? 'data'];
    expect(operation.output.parse(output)).toEqual(output);
  });
});
