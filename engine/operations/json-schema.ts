import { z } from 'zod';

/** JSON Schema of 2020-12, as far as operations need it. */
export interface JsonSchema {
  $ref?: string;
  title?: string;
  description?: string;
  type?: string | string[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  allOf?: JsonSchema[];
  additionalProperties?: JsonSchema | boolean;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  examples?: unknown[];
  [keyword: string]: unknown;
}

/** Of what is sent to the engine, or of what it answers: in the latter, fields with a default are always there. */
type Io = 'input' | 'output';

const REFERENCE = '#/components/schemas/';

/**
 * Turns schemas of operations into those of a document. A schema with a `title` becomes a component of that name, and
 * all places that use it refer to it. A field whose values speak for themselves (an enum, a constant, a boolean, one
 * with a default) gets its example from them; all others say it, by `.meta({ examples: […] })`.
 */
export class Schemas {
  readonly components: Record<string, JsonSchema> = {};

  of(schema: z.ZodType, io: Io): JsonSchema {
    const { $schema: _dialect, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
    return this.#tidied(json as JsonSchema, io);
  }

  /** What a schema refers to, or the schema itself. */
  resolved(schema: JsonSchema): JsonSchema {
    return schema.$ref ? this.components[schema.$ref.slice(REFERENCE.length)]! : schema;
  }

  /** A value made of the examples of a schema's fields; `undefined` where they have none. */
  example(schema: JsonSchema): unknown {
    if (schema.examples) return schema.examples[0];
    const { properties, items, anyOf, allOf, type, additionalProperties, $ref } = schema;
    if ($ref) return this.example(this.resolved(schema));
    if (allOf) return Object.assign({}, ...allOf.map((part) => this.example(part)));
    if (anyOf) return this.example(anyOf[0]!);
    if (items) return [this.example(items)].filter((item) => item !== undefined);
    if (type !== 'object') return undefined;
    if (!properties && additionalProperties) return undefined;
    return Object.fromEntries(
      Object.entries(properties ?? {})
        .map(([name, field]): [string, unknown] => [name, this.example(field)])
        .filter(([, value]) => value !== undefined),
    );
  }

  #tidied({ title, description, default: fallback, examples, ...rest }: JsonSchema, io: Io): JsonSchema {
    const { description: inner, examples: within, ...body } = withoutNoise(this.#inside(rest, io));
    const words = description ?? inner;
    const values = examples ?? within;
    const about = {
      ...(words !== undefined && { description: words }),
      ...(fallback !== undefined && { default: fallback }),
    };
    if (title === undefined) {
      const found = values ?? valuesOf({ ...body, default: fallback });
      return { ...body, ...about, ...(found && { examples: found }) };
    }
    const found = valuesOf(body);
    const component = { ...body, ...(found && { examples: found }) };
    const known = (this.components[title] ??= component);
    if (JSON.stringify(known) !== JSON.stringify(component)) throw new Error(`Two schemas are called ${title}`);
    return { $ref: `${REFERENCE}${title}`, ...about, ...(values && { examples: values }) };
  }

  #inside({ properties, items, anyOf, additionalProperties, ...rest }: JsonSchema, io: Io): JsonSchema {
    const tidied = (schema: JsonSchema) => this.#tidied(schema, io);
    return {
      ...rest,
      ...(properties && {
        properties: Object.fromEntries(
          Object.entries(properties).map(([name, field]): [string, JsonSchema] => [name, tidied(field)]),
        ),
      }),
      ...(items && { items: tidied(items) }),
      ...(anyOf && alternatives(anyOf.map(tidied))),
      ...(additionalProperties !== undefined && openness(additionalProperties, io, tidied)),
    };
  }
}

/** What may be null is a type more; alternatives that are single values are one list of values. */
function alternatives(anyOf: JsonSchema[]): JsonSchema {
  const options = anyOf.filter(({ type }) => type !== 'null');
  const nullable = options.length < anyOf.length;
  const [only] = options;
  const types = [...new Set(anyOf.flatMap(({ type }) => type ?? []))];
  const values = options.map(({ enum: several, const: one }) => several ?? (one === undefined ? undefined : [one]));
  if (only && values.every((list) => list !== undefined)) {
    return {
      type: types,
      enum: [...values.flat(), ...(nullable ? [null] : [])],
      ...(options.length === 1 && aboutOf(only)),
    };
  }
  if (nullable && options.length === 1 && only!.type !== undefined && only!.type !== 'object') {
    return { ...only, type: types };
  }
  return { anyOf };
}

const aboutOf = ({ description }: JsonSchema) => (description === undefined ? {} : { description });

/** A later version may answer more fields, so answers are never closed, only what is asked is, where it is checked. */
function openness(
  values: JsonSchema | boolean,
  io: Io,
  tidied: (schema: JsonSchema) => JsonSchema,
): { additionalProperties?: JsonSchema | boolean } {
  if (values === false) return io === 'input' ? { additionalProperties: false } : {};
  if (values === true || Object.keys(values).length === 0) return { additionalProperties: true };
  return { additionalProperties: tidied(values) };
}

/** Without the limits of JavaScript's integers, and the news that names are text. */
function withoutNoise({ propertyNames: _names, ...schema }: JsonSchema): JsonSchema {
  if (schema['minimum'] === Number.MIN_SAFE_INTEGER) delete schema['minimum'];
  if (schema['maximum'] === Number.MAX_SAFE_INTEGER) delete schema['maximum'];
  if (schema.type instanceof Array && schema.type.length === 1) schema.type = schema.type[0]!;
  return schema;
}

/** Examples that follow from a schema; `undefined` when none do. */
function valuesOf({ const: one, enum: several, default: fallback, type }: JsonSchema): unknown[] | undefined {
  if (one !== undefined) return [one];
  if (fallback !== undefined && fallback !== null) return [fallback];
  if (several) return [several[0]];
  return [type].flat().includes('boolean') ? [true] : undefined;
}
