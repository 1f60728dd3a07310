import { z } from 'zod';
import * as accountWebhook from '../../engine/operations/account-webhook.ts';
import * as media from '../../engine/operations/media.ts';
import * as bulk from '../../engine/operations/bulk.ts';
import * as call from '../../engine/operations/call.ts';
import * as channel from '../../engine/operations/channel.ts';
import * as chat from '../../engine/operations/chat.ts';
import * as contact from '../../engine/operations/contact.ts';
import * as documentation from '../../engine/operations/documentation.ts';
import * as group from '../../engine/operations/group.ts';
import * as inquiry from '../../engine/operations/inquiry.ts';
import * as message from '../../engine/operations/message.ts';
import * as optOut from '../../engine/operations/opt-out.ts';
import * as scheduled from '../../engine/operations/scheduled.ts';
import * as session from '../../engine/operations/session.ts';
import * as system from '../../engine/operations/system.ts';
import * as token from '../../engine/operations/token.ts';
import * as approval from '../../engine/operations/approval.ts';
import * as webhook from '../../engine/operations/webhook.ts';
import { operations } from '../../engine/operations/index.ts';
import { readInput, type Operation } from '../../engine/operations/operation.ts';

const modules: Record<string, Record<string, unknown>> = {
  accountWebhook,
  approval,
  bulk,
  call,
  channel,
  chat,
  contact,
  documentation,
  group,
  inquiry,
  media,
  message,
  optOut,
  scheduled,
  session,
  system,
  token,
  webhook,
};
const each = operations.map((operation) => [operation.id, operation] as const);
const isOperation = (value: unknown): value is Operation =>
  typeof value === 'object' && value !== null && 'http' in value && 'run' in value;

/** Kinds of schema that have no counterpart in JSON, or that change what they are given. */
const NOT_PLAIN = new Set([
  'transform',
  'pipe',
  'date',
  'bigint',
  'symbol',
  'function',
  'map',
  'set',
  'file',
  'custom',
  'promise',
  'undefined',
  'void',
  'nan',
  'lazy',
  'catch',
  'prefault',
]);

/** What in a schema is not plain JSON, each with where it is. */
function notPlain(schema: z.ZodType, path = ''): string[] {
  const def = schema._zod.def as unknown as Record<string, unknown> & { type: string; checks?: z.core.$ZodCheck[] };
  const found: string[] = [];
  if (NOT_PLAIN.has(def.type)) found.push(`${path}: ${def.type}`);
  if (def['coerce']) found.push(`${path}: coerce`);
  for (const check of def.checks ?? []) if (check._zod.def.check === 'custom') found.push(`${path}: refine`);
  const inner: [string, unknown][] = [
    ...Object.entries((def['shape'] as object | undefined) ?? {}),
    ...((def['options'] as unknown[] | undefined) ?? []).map((one, index): [string, unknown] => [`|${index}`, one]),
    ['', def['innerType']],
    ['[]', def['element']],
    ['{}', def['valueType']],
  ];
  for (const [name, one] of inner) if (one instanceof z.ZodType) found.push(...notPlain(one, `${path}.${name}`));
  return found;
}

test('every operation is listed once, under the name of its file and export', () => {
  const exported = Object.entries(modules).flatMap(([file, exports]) =>
    Object.entries(exports)
      .filter(([, value]) => isOperation(value))
      .map(([name]) => `${file}.${name}`),
  );
  expect(operations.map(({ id }) => id).sort()).toEqual(exported.sort());
  for (const operation of operations) {
    const [file, name] = operation.id.split('.') as [string, string];
    expect(modules[file]![name]).toBe(operation);
  }
});

test('every method and path is taken once, whatever its parameters are called', () => {
  const paths = operations.map(({ http }) => http.replace(/:\w+/g, ':'));
  expect(new Set(paths).size).toBe(paths.length);
});

describe.each(each)('%s', (_id, operation) => {
  const [method, path] = operation.http.split(' ') as [string, string];
  const parameters = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name!);

  test('has schemas that are plain JSON', () => {
    for (const schema of [operation.input, operation.output]) {
      for (const io of ['input', 'output'] as const) {
        const { type, anyOf } = z.toJSONSchema(schema, { io });
        // WasenderApi answers some lists in two forms
        expect(type ?? (schema === operation.output && anyOf)).toBeTruthy();
      }
      expect(notPlain(schema)).toEqual([]);
    }
    expect(operation.input).toBeInstanceOf(z.ZodObject);
  });

  test('has each parameter of its path in its input, and needs it', () => {
    const { required = [] } = z.toJSONSchema(operation.input, { io: 'input' });
    expect(required).toEqual(expect.arrayContaining(parameters));
  });

  test('is about a session just when its access says so', () => {
    const names = parameters.includes('whatsappSession');
    if (operation.access === 'own') expect(names).toBe(true);
    if (operation.access === 'session' || operation.access === 'public') expect(names).toBe(false);
  });

  test('says in one sentence what it does', () => {
    expect(operation.summary).toMatch(/^[A-Z].{10,120}[^.]$/);
  });

  test('answers a body unless it says that there is none', () => {
    if (operation.status === 204) expect(z.toJSONSchema(operation.output)).toMatchObject({ properties: {} });
    if (method === 'GET') expect(operation.status ?? 200).toBe(200);
  });
});

test('the search for what is not plain finds it, however deep', () => {
  expect(notPlain(z.object({ a: z.array(z.object({ b: z.string().transform(Number) })) }))).toContainEqual(
    '.a.[].b: pipe',
  );
  expect(notPlain(z.object({ a: z.coerce.number().optional() }))).toEqual(['.a.: coerce']);
  expect(notPlain(z.object({ a: z.string().refine(Boolean) }))).toEqual(['.a: refine']);
  expect(notPlain(z.union([z.string(), z.date()]))).toEqual(['.|1: date']);
  expect(notPlain(z.record(z.string(), z.bigint()))).toEqual(['.{}: bigint']);
});

describe('text from a query string', () => {
  const input = z.object({
    flag: z.boolean().optional(),
    count: z.int().default(1),
    ratio: z.number().optional(),
    text: z.string().optional(),
    either: z.union([z.int(), z.string()]).optional(),
  });

  test.each([
    [
      { flag: 'true', count: '5', ratio: '0.5' },
      { flag: true, count: 5, ratio: 0.5 },
    ],
    [{ flag: '0' }, { flag: false, count: 1 }],
    [{ flag: 1 }, { flag: true, count: 1 }],
    [{ count: '-3' }, { count: -3 }],
    [
      { text: '5', either: '5' },
      { text: '5', either: '5', count: 1 },
    ],
    [{ unknown: 'x', toString: 'y' }, { count: 1 }],
  ])('%j is read as %j', (raw, read) => {
    expect(readInput({ input }, raw)).toEqual(read);
  });

  test.each([
    { flag: 'yes' },
    { count: '1.5' },
    { count: '0x5' },
    { count: '05' },
    { count: '' },
    { count: ' 5' },
    { ratio: 'NaN' },
  ])('%j is refused', (raw) => {
    expect(() => readInput({ input }, raw)).toThrow(expect.objectContaining({ code: 'validation_failed' }));
  });
});
