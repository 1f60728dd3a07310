import { ENDPOINTS, EVENT_FIXTURES, type Json } from './fixtures.ts';

/**
 * What tells two documented strings apart, most telling first. Examples are made up, so a value says only which kind
 * of thing stands there: a jid is no name, a date no number.
 */
const KINDS: [string, RegExp][] = [
  ['group', /@g\.us$/],
  ['channel', /@newsletter$/],
  ['address', /@(s\.whatsapp\.net|whatsapp\.net|lid|placeholder\.net)$/],
  ['URL', /^https?:\/\//],
  ['date', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/],
  ['date and time', /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/],
  ['key', /^[0-9a-f]{32}([0-9a-f]{32})?$/],
  ['path', /^\/api\//],
  ['digits', /^\+?\d+$/],
];
const kindOf = (text: string) => KINDS.find(([, form]) => form.test(text))?.[0] ?? 'text';

/** The documentation names people by number here and by jid there, even for the same field. */
const SAME: Record<string, string[]> = { digits: ['address'], address: ['digits'] };

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'missing';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** Every type that the documentation shows for a field of this name, over all examples of one resource. */
export type Documented = ReadonlyMap<string, ReadonlySet<string>>;

function collect(value: Json, types: Map<string, Set<string>>): void {
  if (Array.isArray(value)) return value.forEach((one) => collect(one, types));
  if (value === null || typeof value !== 'object') return;
  for (const [name, field] of Object.entries(value)) {
    types.set(name, (types.get(name) ?? new Set()).add(typeOf(field)));
    collect(field, types);
  }
}

/** `/api/groups/{groupJid}/metadata` and `/api/groups` speak of the same things. */
const resourceOf = (path: string | undefined) => path?.split('/')[2] ?? '';

export function documentedFor(path: string | undefined): Documented {
  const types = new Map<string, Set<string>>();
  for (const fixture of ENDPOINTS.values()) {
    if (resourceOf(fixture.path) === resourceOf(path)) for (const { body } of fixture.responses) collect(body, types);
  }
  return types;
}

export function documentedForEvents(): Documented {
  const types = new Map<string, Set<string>>();
  for (const { examples } of EVENT_FIXTURES.values()) for (const { body } of examples) collect(body, types);
  // An event tells of a contact, a group or a message what the endpoints answer of it.
  for (const { responses } of ENDPOINTS.values()) for (const { body } of responses) collect(body, types);
  return types;
}

/**
 * What in `actual` is not as in the documented example: every key of the example has to be there, with a value of the
 * same type and kind; further keys are ours. `null` is allowed where the documentation shows it for that field anywhere
 * in the resource, and a field that the example shows as `null` may have any type that is shown elsewhere. A list has
 * to hold something where the example does, and each element has to be like one of the example's.
 */
export function differences(example: Json, actual: unknown, documented: Documented = new Map(), at = ''): string[] {
  const name = /([^.[\]]+)(?:\[\d+\])?$/.exec(at)?.[1] ?? '';
  const types = documented.get(name);
  const where = at || 'the answer';
  if (actual === null && example !== null) {
    return types?.has('null') ? [] : [`${where} is null, documented: ${shown(example)}`];
  }
  if (example === null) {
    const fits = actual === null || (types && types.size > 1 ? types.has(typeOf(actual)) : actual !== undefined);
    return fits ? [] : [`${where} is ${shown(actual)}, documented: null or ${[...(types ?? [])].join(', ')}`];
  }
  if (typeOf(example) !== typeOf(actual)) {
    return [`${where} is ${shown(actual)}, documented: ${shown(example)}`];
  }
  if (Array.isArray(example)) return listDifferences(example, actual as unknown[], documented, where);
  if (typeof example === 'object') {
    const object = actual as Record<string, unknown>;
    if (name === 'message' && isText(example) && isText(object)) return [];
    return Object.entries(example).flatMap(([key, value]) =>
      differences(value, object[key], documented, at ? `${at}.${key}` : key),
    );
  }
  if (typeof example === 'string') return textDifferences(example, actual as string, where);
  if (name === 'success' && example !== actual) return [`success is ${String(actual)}`];
  return [];
}

/** A text is `conversation` in some examples and `extendedTextMessage` in others: WhatsApp's clients send both. */
function isText(message: Record<string, unknown>): boolean {
  const { conversation, extendedTextMessage } = message as {
    conversation?: Json;
    extendedTextMessage?: { text?: Json };
  };
  return typeof (conversation ?? extendedTextMessage?.text) === 'string';
}

function listDifferences(example: Json[], actual: unknown[], documented: Documented, where: string): string[] {
  if (example.length === 0) return [];
  if (actual.length === 0) return [`${where} is empty, documented: ${shown(example)}`];
  return actual.flatMap((element, n) => {
    const tried = example.map((one) => differences(one, element, documented, `${where}[${n}]`));
    return tried.some((problems) => problems.length === 0) ? [] : tried[0]!;
  });
}

function textDifferences(example: string, actual: string, where: string): string[] {
  const wanted = kindOf(example);
  const kind = kindOf(actual);
  // WhatsApp's ids are letters and digits; one example has digits only.
  const isId = wanted === 'digits' && where.endsWith('key.id');
  const fits = wanted === 'text' || wanted === kind || isId || SAME[wanted]?.includes(kind);
  return fits ? [] : [`${where} is the ${kind} ${shown(actual)}, documented: the ${wanted} ${shown(example)}`];
}

function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? 'missing';
  return json.length > 80 ? `${json.slice(0, 77)}…` : json;
}
