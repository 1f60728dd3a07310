import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { hostile, hostileText, mutated, written } from './requests-hostile.ts';
import { TOKEN, type Populated } from './requests-world.ts';
import type { Sent } from './requests-wire.ts';

const { openApi } = await import('../../engine/operations/openapi.ts');

/** What ends a session or changes what it is: tried on one that is there for that. */
export const ENDING =
  /^session\.(update|remove|connect|qrcode|disconnect|restart|regenerateKey|pairingCode)$|^group\.leave$|^webhook\.remove$/;

/** An operation as its documentation shows it: each part a field with an example. */
export interface Sensible {
  id: string;
  method: string;
  path: string;
  params: Record<string, unknown>;
  query: Record<string, unknown>;
  bodies: Record<string, unknown>[];
}

/** Every operation with the requests that its documentation shows, about things that are really there. */
export function sensible(world: Populated): Sensible[] {
  return Object.entries(openApi('http://engine').paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId: id, parameters = [], requestBody }]) => {
      const of = (place: string) =>
        Object.fromEntries(parameters.filter((one) => one.in === place).map((one) => [one.name, one.example]));
      const { example, examples } = requestBody?.content['application/json'] ?? {};
      const bodies = examples ? Object.values(examples).map((one) => (one as { value: unknown }).value) : [example];
      const params = world.here(of('path'));
      for (const name of Object.keys(params)) params[name] = world.paths[name] ?? params[name];
      if (ENDING.test(id)) Object.assign(params, params['whatsappSession'] && { whatsappSession: 2 });
      if (ENDING.test(id)) Object.assign(params, params['groupId'] && { groupId: '120363000000000000@g.us' });
      if (id.startsWith('scheduled.')) params['msgId'] = world.paths['scheduled'];
      const shownBodies = bodies.filter(Boolean).map((one) => world.here(one as Record<string, unknown>));
      return { id, method: method.toUpperCase(), path, params, query: world.here(of('query')), bodies: shownBodies };
    }),
  );
}

export const JSON_TYPE = ['content-type', 'application/json'];
const AUTHORIZED = ['authorization', `Bearer ${TOKEN}`, 'x-warbler-session', '1'];

/** A request to an operation with something wrong with it. */
export function wrongRequest(operation: Sensible): fc.Arbitrary<Sent> {
  const { id, method, path, params, query, bodies } = operation;
  const usable = bodies.length > 0 ? bodies : [{}];
  const takesBody = method === 'POST' || method === 'PUT';
  return fc
    .record({
      params:
        Object.keys(params).length > 0 && !takesBody
          ? fc.oneof(mutated(params), fc.constant(params))
          : fc.oneof({ weight: 4, arbitrary: fc.constant(params) }, { weight: 1, arbitrary: mutated(params) }),
      query: fc.oneof(
        { weight: takesBody ? 1 : 4, arbitrary: mutated(query) },
        { weight: 2, arbitrary: fc.constant(query) },
      ),
      body: takesBody ? fc.constantFrom(...usable).chain((one) => mutated(one)) : fc.constant(undefined),
      headers: wrongHeaders,
      spoilt: spoiling,
      asQuery: wrongQuery,
    })
    .map(({ params: inPath, query: asked, body, headers, spoilt, asQuery }) => {
      const named = kept(id, params, inPath);
      const target = `${pathOf(path, named)}${asQuery ?? queryOf(asked)}`;
      const text = body === undefined ? undefined : written(body);
      return { what: id, method, path: target, ...withBody(text, headers, spoilt) };
    });
}

/** What is to stay alive is not named by chance: a session that is told to end is never the first. */
function kept(id: string, sensibleParams: Record<string, unknown>, given: unknown): Record<string, unknown> {
  const params = typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : sensibleParams;
  if (!ENDING.test(id) || (params['whatsappSession'] !== 1 && params['whatsappSession'] !== '1')) return params;
  return { ...params, whatsappSession: 2 };
}

function pathOf(path: string, params: Record<string, unknown>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = Object.hasOwn(params, name) ? params[name] : undefined;
    return encoded(value === undefined ? '' : typeof value === 'string' ? value : written(value)).slice(0, 9000);
  });
}

/** Percent-encoded, also what has no encoding. */
function encoded(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    return '%ED%A0%80';
  }
}

function queryOf(asked: unknown): string {
  if (typeof asked !== 'object' || asked === null) return `?${encoded(written(asked)).slice(0, 5000)}`;
  const pairs = Object.entries(asked).map(
    ([name, value]) => `${encoded(name)}=${encoded(typeof value === 'string' ? value : written(value))}`,
  );
  return pairs.length === 0 ? '' : `?${pairs.join('&').slice(0, 5000)}`;
}

const wrongQuery = fc.oneof(
  { weight: 30, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '?page=1&page=2',
      '?page[]=1&page[a]=2',
      '?page[__proto__][x]=1',
      '?__proto__=1&constructor=2',
      '?%',
      '?%ff%fe=%zz&a=%',
      '?limit=%00',
      '?&&&===&',
      `?${'a=1&'.repeat(1500)}`,
      '??page=1#x',
    ),
  },
);

/** What can be wrong with headers, most of the time nothing. */
const wrongHeaders: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 14, arbitrary: fc.constant(AUTHORIZED) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(
        ['x-warbler-session', '0'],
        ['x-warbler-session', '1', 'x-warbler-session', '2'],
        ['x-warbler-session', '-1'],
        ['x-warbler-session', '1e0'],
        ['x-warbler-session', 'x'.repeat(4000)],
        ['x-warbler-session', '__proto__'],
        ['idempotency-key', ''],
        ['idempotency-key', 'a b'],
        ['idempotency-key', 'k'.repeat(3000)],
        ['idempotency-key', '\xff\xfe'],
        ['idempotency-key', 'same'],
        ['accept', 'image/png'],
        ['accept', 'text/html;q=x,,;'],
        ['accept', '*/*;q=0'],
        ['range', 'bytes=0-'],
        ['range', 'bytes=9999999999999999999-1'],
        ['range', 'lines=1'],
        ['if-match', '"x"'],
        ['if-none-match', '*'],
        ['if-modified-since', 'never'],
        ['expect', '100-continue'],
        ['origin', 'http://evil.example'],
        ['host', 'evil.example'],
        ['host', ''],
        ['x-forwarded-for', '127.0.0.1', 'x-forwarded-host', 'evil.example'],
        ['x-http-method-override', 'DELETE'],
        ['cookie', `a=${'b'.repeat(4000)}`],
        ['upgrade', 'websocket', 'connection', 'upgrade'],
        ['accept-encoding', 'gzip;q=0, *;q=nonsense'],
        ['te', 'trailers, deflate;q=0.5'],
      )
      .map((more) => [...AUTHORIZED.filter((_, at) => at < 2 || more[0] !== 'x-warbler-session'), ...more]),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<string[]>(
      [],
      ['authorization', ''],
      ['authorization', 'Bearer'],
      ['authorization', 'Bearer '],
      ['authorization', 'Bearer token'],
      ['authorization', `Basic ${Buffer.from(`x:${TOKEN}`).toString('base64')}`],
      ['authorization', `Bearer ${TOKEN}x`],
      ['authorization', `Bearer ${TOKEN} ${TOKEN}`],
      ['authorization', `bearer\t${TOKEN}`],
      ['authorization', `Bearer ${'a'.repeat(8000)}`],
      ['authorization', 'Bearer \xff\xfe'],
      ['authorization', `Bearer ${TOKEN}`, 'authorization', 'Bearer other'],
      ['authorization', `Bearer ${TOKEN}`],
      ['x-api-key', TOKEN],
    ),
  },
);

type Spoilt = (text: string) => { headers: string[]; body: Buffer };

const utf8 = (text: string) => Buffer.from(text);
const typed =
  (type: string): Spoilt =>
  (text) => ({ headers: ['content-type', type], body: utf8(text) });
const zipped = (encoding: string, body: Buffer): { headers: string[]; body: Buffer } => ({
  headers: [...JSON_TYPE, 'content-encoding', encoding],
  body,
});
/** 150 MB of nothing in 150 kB: more than any endpoint takes. */
const BOMB = gzipSync(Buffer.alloc(150_000_000, ' '), { level: 6 });

/** What can be wrong with a body as a whole, most of the time nothing. */
const spoiling: fc.Arbitrary<Spoilt> = fc.oneof(
  { weight: 16, arbitrary: fc.constant(typed('application/json')) },
  {
    weight: 4,
    arbitrary: fc.constantFrom<Spoilt>(
      typed('application/json; charset=utf-16'),
      typed('application/json; charset=nonsense'),
      typed('application/json; charset="'),
      typed('application/vnd.api+json'),
      typed('text/plain'),
      typed('text/html'),
      typed('application/xml'),
      typed('application/x-www-form-urlencoded'),
      typed('application/x-www-form-urlencoded; charset=koi8-r'),
      typed('multipart/form-data'),
      typed('multipart/form-data; boundary='),
      typed('multipart/form-data; boundary=x'),
      typed('image/png'),
      typed('\xff/\xfe'),
      typed(';;;'),
      (text) => ({ headers: [], body: utf8(text) }),
      (text) => ({ headers: JSON_TYPE, body: utf8(text.slice(0, -1)) }),
      (text) => ({ headers: JSON_TYPE, body: utf8(`\ufeff${text}`) }),
      (text) => ({ headers: JSON_TYPE, body: utf8(`${text}${text}`) }),
      (text) => ({ headers: JSON_TYPE, body: Buffer.from(text, 'utf16le') }),
      (text) => ({ headers: JSON_TYPE, body: Buffer.concat([utf8(text), Buffer.from([0xff, 0xfe, 0x80])]) }),
      () => ({ headers: JSON_TYPE, body: Buffer.alloc(0) }),
      () => ({ headers: JSON_TYPE, body: utf8('[1,2,3]') }),
      () => ({ headers: JSON_TYPE, body: utf8('"text"') }),
      () => ({ headers: JSON_TYPE, body: utf8('null') }),
      () => ({ headers: JSON_TYPE, body: utf8("{'a':1,}") }),
      (text) => zipped('gzip', gzipSync(text)),
      (text) => zipped('gzip', utf8(text)),
      (text) => zipped('br', utf8(text)),
      (text) => zipped('zstd', utf8(text)),
      (text) => zipped('gzip, gzip', gzipSync(gzipSync(text))),
      (text) => zipped('gzip', gzipSync(text).subarray(0, -9)),
    ),
  },
);

function withBody(text: string | undefined, headers: string[], spoilt: Spoilt): Pick<Sent, 'headers' | 'body'> {
  if (text === undefined) return { headers };
  const { headers: more, body } = spoilt(text);
  return { headers: [...headers, ...more], body };
}

/** Requests about no operation: paths that are not there, methods that nobody takes, files, pages, the sandbox. */
export const elsewhere: fc.Arbitrary<Sent> = fc
  .record({
    method: fc.constantFrom(
      'GET',
      'HEAD',
      'POST',
      'PUT',
      'DELETE',
      'PATCH',
      'OPTIONS',
      'TRACE',
      'PROPFIND',
      'M-SEARCH',
    ),
    path: fc.oneof(
      fc.constantFrom(
        ...['/', '//', '/.', '/..', '/../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/%00', '/%', '/%ff'],
        ...['/docs', '/docs/', '/docs/../..', '/docs/redoc.js', '/docs/%2e%2e%2fpackage.json', '/docs/api.md'],
        ...['/openapi.json', '/openapi.json/', '/OPENAPI.json', '/healthz', '/readyz', '/favicon.ico', '/metrics'],
        ...['/media', '/media/', '/media/..%2f..%2fwarbler.db', '/media/%00', '/media/tmp-0123456789abcdef01234567'],
        ...['/media/x.jpg%0d%0aX-A:1', '/api/decrypted-media/..%5c..', '/api', '/api/', '/api/send-message/'],
        ...['/api//send-message', '/API/SEND-MESSAGE', '/api/send-message;x=1', '/api/send-message%2f', '*', '/.env'],
        ...['/.git/config', '/mcp/', '/mcp/x', '/sandbox', '/sandbox/', '/sandbox/phones', '/sandbox/nothing'],
        ...['/sandbox/../api/tokens', '/sandbox/phones/%00', '/sandbox/phones/%', '/sandbox/groups/x', '/sandbox//'],
        ...['/sandbox/stanzas?limit=x', '/sandbox/phones/15550100002/messages?limit=-1', 'http://evil.example/'],
      ),
      hostileText.map((text) => `/${encoded(text).slice(0, 9000)}`),
      hostileText.map((text) => `/media/${encoded(text).slice(0, 9000)}`),
      hostileText.map((text) => `/sandbox/phones/${encoded(text).slice(0, 3000)}`),
    ),
    headers: wrongHeaders,
    spoilt: spoiling,
    body: fc.option(hostile, { freq: 3 }),
  })
  .map(({ method, path, headers, spoilt, body }) => ({
    what: 'elsewhere',
    method,
    path,
    ...withBody(body === null ? undefined : written(body), headers, spoilt),
  }));

/** The sandbox's own API, with bodies that it cannot want: its phones stay as they are. */
export const atSandbox: fc.Arbitrary<Sent> = fc
  .record({
    path: fc.constantFrom(
      ...['/phones', '/groups', '/channels', '/faults', '/policy', '/media/expire/x'],
      ...[
        'send',
        'status',
        'read',
        'react',
        'vote',
        'scan',
        'link-code',
        'call',
        'chats',
        'labels',
        'name',
        'picture',
      ].map((gesture) => `/phones/15551234567/${gesture}`),
    ),
    body: fc.oneof(
      hostile,
      fc.tuple(hostileText, hostile).map(([name, value]) => ({ [name]: value, nonsense: 1 })),
    ),
    headers: wrongHeaders,
  })
  .filter(({ body }) => typeof body !== 'object' || body === null || Object.keys(body).length > 0)
  .map(({ path, body, headers }) => ({
    what: 'sandbox',
    method: 'POST',
    path: `/sandbox${path}`,
    ...withBody(written(body), headers, typed('application/json')),
  }));

/** Uploads that are none. */
export const uploads: fc.Arbitrary<Sent> = fc
  .record({
    form: fc.constantFrom<[string, string]>(
      ...forms().map((text) => ['multipart/form-data; boundary=cut', text] as [string, string]),
      ['multipart/form-data', 'x'],
      ['multipart/form-data; boundary=', '--\r\n'],
      [`multipart/form-data; boundary=${'b'.repeat(5000)}`, 'x'],
      ['multipart/mixed; boundary=cut', '--cut\r\n\r\nx\r\n--cut--\r\n'],
      ['image/png', 'no picture'],
      ['text/html', '<script>'],
      ['image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'],
      ['../../x', 'x'],
      ['application/octet-stream', ''],
    ),
    query: fc.oneof(
      fc.constant(''),
      fc
        .tuple(fc.constantFrom('fileName', 'mimetype', 'base64'), hostileText)
        .map(([name, value]) => `?${name}=${encoded(value).slice(0, 5000)}`),
    ),
    headers: wrongHeaders,
  })
  .map(({ form: [type, text], query, headers }) => ({
    what: 'media.upload',
    method: 'POST',
    path: `/api/upload${query}`,
    headers: [...headers, 'content-type', type],
    body: Buffer.from(text, 'latin1'),
  }));

function forms(): string[] {
  const part = (head: string, body = 'x') => `--cut\r\n${head}\r\n\r\n${body}\r\n`;
  const file = (name: string) => `Content-Disposition: form-data; name="file"; filename="${name}"`;
  const field = 'Content-Disposition: form-data; name="a"';
  const end = '--cut--\r\n';
  return [
    '',
    end,
    '--cut',
    'no boundary at all',
    part(file('a.txt')),
    part(file('a.txt')).slice(0, -3),
    part('') + end,
    part('Content-Disposition: form-data') + end,
    part('Content-Disposition: attachment; filename="x"') + end,
    part(`${field}${'x'.repeat(20_000)}`) + end,
    part(field, 'v'.repeat(100_000)) + part(file('a')) + end,
    part(field).repeat(10_000) + end,
    part(file('a')).repeat(1000) + end,
    part(file('../../../etc/cron.d/x')) + end,
    part(file('C:\\\\windows\\\\x.exe')) + end,
    part(file('x'.repeat(10_000))) + end,
    part(file('a\0b.txt')) + end,
    part('Content-Disposition: form-data; name="__proto__"') + part(file('a')) + end,
    part(`${file('a')}\r\nContent-Type: multipart/form-data; boundary=inner`, '--inner\r\n\r\nx\r\n--inner--') + end,
    part(`${file('a')}\r\nContent-Transfer-Encoding: base64`, '!!!!') + end,
    part(`${file('a')}\r\n${'X-Many: 1\r\n'.repeat(3000)}X: 1`) + end,
  ];
}

/** Bodies that unpack to more than anybody wants. */
export const bombs: Sent[] = [
  '/api/send-message',
  '/api/upload',
  '/api/decrypt-media',
  '/mcp',
  '/api/whatsapp-sessions',
].map((path) => ({
  what: 'bomb',
  method: 'POST',
  path,
  headers: [...AUTHORIZED, ...JSON_TYPE, 'content-encoding', 'gzip'],
  body: BOMB,
}));
