import fc from 'fast-check';
import { hostile, hostileText, mutated, written } from './requests-hostile.ts';
import { ENDING, JSON_TYPE, type Sensible } from './requests-made.ts';
import type { Sent } from './requests-wire.ts';
import { TOKEN } from './requests-world.ts';

const { tools } = await import('../../engine/surfaces/mcp/tools.ts');

const ACCEPT = ['accept', 'application/json, text/event-stream'];

/** Calls of a tool with arguments that it cannot want. */
export function wrongCall(name: string, all: Sensible[]): fc.Arbitrary<Sent> {
  const { operation, fields, ofSession } = tools.get(name)!;
  const { params, query, bodies } = all.find(({ id }) => id === operation.id)!;
  const known = { ...query, ...bodies[0], ...params } as Record<string, unknown>;
  const session = ENDING.test(operation.id) ? 2 : 1;
  const sensibleArgs = {
    ...Object.fromEntries(fields.filter((field) => field in known).map((field) => [field, known[field]])),
    ...(ofSession && { session_id: session }),
  };
  return fc.tuple(mutated(sensibleArgs), rpcHeaders).map(([args, headers]) => {
    // Without the number, the only session is meant: that may be the first.
    const { session_id: named = null } = (args ?? {}) as { session_id?: unknown };
    const first = ENDING.test(operation.id) && [null, 1, '1'].includes(named as null);
    const params = { name, arguments: first ? sensibleArgs : args };
    return rpc(`mcp ${name}`, { jsonrpc: '2.0', id: 1, method: 'tools/call', params }, headers);
  });
}

const rpc = (what: string, message: unknown, headers: string[]): Sent => ({
  what,
  method: 'POST',
  path: '/mcp',
  headers,
  body: Buffer.from(written(message)),
});

const AT_MCP = ['authorization', `Bearer ${TOKEN}`, ...JSON_TYPE, ...ACCEPT];
const rpcHeaders: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 12, arbitrary: fc.constant(AT_MCP) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(
        ['mcp-protocol-version', '1999-01-01'],
        ['mcp-protocol-version', '2025-11-25'],
        ['mcp-protocol-version', '__proto__'],
        ['mcp-session-id', 'x'.repeat(3000)],
        ['last-event-id', 'nonsense'],
        ['last-event-id', '_'],
        ['last-event-id', `__proto___${'1'.repeat(2000)}`],
        ['origin', 'http://evil.example'],
        ['origin', 'null'],
        ['origin', 'http://localhost:1'],
        ['host', 'evil.example'],
        ['host', 'a b'],
        ['host', ''],
        ['x-warbler-session', '1'],
      )
      .map((more) => [...AT_MCP, ...more]),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<string[]>(
      [],
      ['authorization', `Bearer ${TOKEN}`],
      ['authorization', `Bearer ${TOKEN}`, ...JSON_TYPE],
      ['authorization', `Bearer ${TOKEN}`, 'content-type', 'text/plain', ...ACCEPT],
      ['authorization', `Bearer ${TOKEN}`, 'content-type', 'application/json; charset=utf-16', ...ACCEPT],
      ['authorization', `Bearer ${TOKEN}`, ...JSON_TYPE, 'accept', 'text/event-stream'],
      ['authorization', `Bearer ${TOKEN}`, ...JSON_TYPE, 'accept', 'image/png'],
      [...JSON_TYPE, ...ACCEPT],
    ),
  },
);

const message = (method: string, params?: unknown, id: unknown = 1) => ({ jsonrpc: '2.0', id, method, params });
const HELLO = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'fuzz', version: '1' } };

/** Envelopes of JSON-RPC that are none, or that ask for what is not there. */
export const envelopes: fc.Arbitrary<Sent> = fc
  .tuple(
    fc.oneof(
      hostile,
      mutated(message('initialize', HELLO)),
      mutated(message('tools/list')),
      mutated(message('tools/call', { name: 'get_session_status', arguments: {}, _meta: { progressToken: 1 } })),
      hostileText.map((method) => message(method)),
      hostileText.map((name) => message('tools/call', { name, arguments: {} })),
      hostile.map((args) => message('tools/call', { name: 'send_text_message', arguments: args })),
      hostile.map((token) => message('tools/call', { name: 'list_groups', _meta: { progressToken: token } })),
      hostile.map((id) => message('ping', {}, id)),
      hostile.map((result) => ({ jsonrpc: '2.0', id: 1, result })),
      hostile.map((params) => ({ jsonrpc: '2.0', method: 'notifications/cancelled', params })),
      fc.constantFrom<unknown>(
        [],
        [[]],
        Array.from({ length: 50 }, (_, id) => message('tools/list', {}, id)),
        Array.from({ length: 2000 }, (_, id) => message('ping', {}, id)),
        [message('ping'), message('ping')],
        [message('initialize', HELLO, 1), message('initialize', HELLO, 2)],
        [message('ping'), null],
        message('resources/list'),
        message('prompts/get', { name: 'x' }),
        message('completion/complete', {}),
        message('logging/setLevel', { level: 'debug' }),
        message('sampling/createMessage', {}),
      ),
    ),
    rpcHeaders,
    fc.constantFrom('POST', 'POST', 'POST', 'POST', 'POST', 'GET', 'DELETE', 'PUT', 'HEAD', 'OPTIONS'),
  )
  .map(([content, headers, method]) => ({ ...rpc('mcp envelope', content, headers), method }));
