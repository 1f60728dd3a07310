import fc from 'fast-check';

/** What JSON.stringify cannot write, or not quickly: written in the place of these texts when a body is made. */
const WRITTEN: Record<string, string> = {
  '@@deep arrays@@': '['.repeat(20_000) + ']'.repeat(20_000),
  '@@deep objects@@': '{"a":'.repeat(20_000) + '1' + '}'.repeat(20_000),
  '@@huge number@@': '1e999',
  '@@long number@@': '9'.repeat(400),
  '@@not a number@@': 'NaN',
  '@@many zeros@@': `[${'0,'.repeat(100_000)}0]`,
  '@@many keys@@': `{${Array.from({ length: 20_000 }, (_, at) => `"k${at}":0`).join()}}`,
  '@@megabyte@@': `"${'m'.repeat(1_000_000)}"`,
  '@@twice the same@@': '{"to":"+15551234567","to":null,"text":"a","text":["b"]}',
  '@@prototype@@': '{"__proto__":{"admin":true,"access":"account"},"constructor":{"prototype":{"admin":true}}}',
};

/** Texts that something somewhere takes for more than text. */
const TEXTS = [
  '',
  ' ',
  '\0',
  '\u0000\u0001\u001b[31m\u007f',
  'line\r\nX-Injected: 1\r\n\r\n<html>',
  '\ud800',
  '\udc00\ud800',
  'a\ud83d',
  '\u202eexe.gpj\u202c \u200f\u2066',
  '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}\u200d\u{1f466}'.repeat(50),
  'Ａ１２３\u0301\u0301\u0301',
  '\ufeff',
  "'; drop table messages; --",
  "1' or '1'='1",
  '1) union select * from tokens --',
  '%_%',
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  '{{constructor.constructor("return process")()}}',
  '${7*7}#{7*7}<%= 7*7 %>',
  '$(id)`id`|id;id',
  '../../../../etc/passwd',
  '..\\..\\windows\\win.ini',
  '/etc/passwd',
  'file:///etc/passwd',
  '%2e%2e%2f',
  '%00',
  '%',
  '%c0%ae',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'null',
  'undefined',
  'NaN',
  'true',
  '0',
  '-1',
  '1e3',
  '01',
  '0x10',
  '9007199254740993',
  '99999999999999999999',
  '-0',
  '1.5',
  '2026-02-30T25:61:61Z',
  '0000-00-00T00:00:00Z',
  '+275760-09-13T00:00:00.001Z',
  'Europe/Nowhere',
  'x'.repeat(300),
  'x'.repeat(70_000),
  '1'.repeat(5000),
  '+15551234567',
  '15551234567@s.whatsapp.net',
  '15551234567:99@s.whatsapp.net',
  '15551234567@c.us',
  '@s.whatsapp.net',
  '@',
  'a@b@c',
  '1@lid',
  '999999999999999@lid',
  '123@hosted',
  '123@hosted.lid',
  'status@broadcast',
  '123@broadcast',
  '0@s.whatsapp.net',
  '1203630@g.us',
  '-@g.us',
  `${'1'.repeat(4000)}@g.us`,
  '120363@newsletter',
  '123@call',
  '13135550002@bot',
  'user@server.example',
  'data:,',
  'data:image/png;base64,',
  'data:image/png;base64,AAAA',
  `data:image/png;base64,${'A'.repeat(10_000)}`,
  'data:text/html;base64,PHNjcmlwdD4=',
  'http://',
  'http://127.0.0.1:9/',
  'http://[::1]:9/',
  'http://169.254.169.254/latest/meta-data/',
  'http://user:hunter2@127.0.0.1/',
  'https://127.0.0.1:9/x.png?a=1#b',
  'ftp://127.0.0.1/',
  'javascript:alert(1)',
  'socks5://127.0.0.1:9',
  'http://127.0.0.1:99999/',
];

const VALUES: unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  1,
  -1,
  1.5,
  0.1 + 0.2,
  2 ** 31,
  2 ** 53,
  -(2 ** 53),
  Number.MAX_SAFE_INTEGER,
  1e308,
  5e-324,
  8.64e15,
  8.64e15 + 1,
  [],
  {},
  [[]],
  [null],
  [{}],
  { length: 5 },
  { '': '' },
  { toString: 1, valueOf: 2, toJSON: 3 },
  { then: 1 },
  { type: 'Buffer', data: [1, 2, 3] },
  { type: 'Buffer', data: 'AA==' },
  { 0: 1, 1: 2 },
  [1, 'a', null, { a: [] }],
  Array.from({ length: 300 }, () => '+15551234567'),
];

const CHEAP = Object.keys(WRITTEN).filter((name) => WRITTEN[name]!.length < 1000);
const DEAR = Object.keys(WRITTEN).filter((name) => WRITTEN[name]!.length >= 1000);

/** A text that nobody should send. */
export const hostileText = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }) },
);

/** A value of JSON that nobody should send. */
export const hostile: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 12, arbitrary: hostileText },
  { weight: 8, arbitrary: fc.constantFrom(...VALUES) },
  { weight: 2, arbitrary: fc.constantFrom(...CHEAP) },
  { weight: 1, arbitrary: fc.constantFrom(...DEAR) },
  { weight: 1, arbitrary: fc.double() },
  { weight: 1, arbitrary: fc.integer() },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);

/** Names that mean something to JavaScript, or to nobody. */
export const hostileName = fc.constantFrom(
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'then',
  'length',
  '',
  ' ',
  '\0',
  '0',
  '-1',
  'x'.repeat(10_000),
  'session',
  'record',
  'access',
);

/** As JSON, with what no value of JavaScript stands for. */
export function written(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.replace(/"(@@[a-z ]+@@)"/g, (quoted, name: string) => WRITTEN[name] ?? quoted);
}

type Step = string | number;

/** Every place inside a value, the value itself not counted. */
function placesIn(value: unknown, path: Step[] = []): Step[][] {
  if (typeof value !== 'object' || value === null) return [];
  const steps: Step[] = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return steps.flatMap((step) => {
    const here = [...path, step];
    return [here, ...placesIn((value as Record<Step, unknown>)[step], here)];
  });
}

/** A copy with another value at a place; `undefined` takes the field away. */
function put(value: unknown, [step, ...rest]: Step[], what: unknown): unknown {
  if (step === undefined) return what;
  if (Array.isArray(value)) return value.map((one, at) => (at === step ? put(one, rest, what) : one) as unknown);
  // Own, even where the name is `__proto__`.
  const entries = Object.entries(value as object);
  if (!entries.some(([name]) => name === step)) entries.push([String(step), undefined]);
  return Object.fromEntries(
    entries
      .map(([name, one]) => [name, name === step ? put(one, rest, what) : (one as unknown)] as const)
      .filter(([, one]) => one !== undefined),
  );
}

/** A sensible object with one to three things wrong with it, or now and then with none. */
export function mutated(sensible: Record<string, unknown>): fc.Arbitrary<unknown> {
  const places = placesIn(sensible);
  const wrong: fc.Arbitrary<(value: unknown) => unknown> = fc.oneof(
    ...(places.length === 0
      ? []
      : [
          {
            weight: 10,
            arbitrary: fc.tuple(fc.constantFrom(...places), hostile).map(
              ([place, what]) =>
                (value: unknown) =>
                  tried(value, place, what),
            ),
          },
          {
            weight: 2,
            arbitrary: fc.constantFrom(...places).map((place) => (value: unknown) => tried(value, place, undefined)),
          },
        ]),
    {
      weight: 2,
      arbitrary: fc.tuple(hostileName, hostile).map(
        ([name, what]) =>
          (value: unknown) =>
            tried(value, [name], what),
      ),
    },
    { weight: 1, arbitrary: hostile.map((what) => () => what) },
  );
  return fc
    .oneof(
      { weight: 20, arbitrary: fc.array(wrong, { minLength: 1, maxLength: 3 }) },
      { weight: 1, arbitrary: fc.constant([]) },
    )
    .map((changes) => changes.reduce<unknown>((value, change) => change(value), sensible));
}

/** What was changed before may have taken the place away. */
function tried(value: unknown, place: Step[], what: unknown): unknown {
  try {
    return put(value, place, what);
  } catch {
    return value;
  }
}
