import { gzipSync } from 'node:zlib';
import { Stage, TOKEN } from '../whatsapp/stage.ts';
import { Wire, type Got } from './requests-wire.ts';

/** What requests.test.ts has found, each with the request that found it. */

let stage: Stage;
let wire: Wire;
beforeAll(async () => {
  stage = await Stage.open();
  wire = new Wire(new URL(stage.engine.url));
});
afterAll(async () => {
  wire?.close();
  await stage?.close();
});

const HEADERS = ['authorization', `Bearer ${TOKEN}`, 'x-warbler-session', '1'];
const post = (path: string, type: string, body: string): Promise<Got> =>
  wire.ask({ what: path, method: 'POST', path, headers: [...HEADERS, 'content-type', type], body: Buffer.from(body) });
const json = async (path: string, body: string) => {
  const { status, body: said } = await post(path, 'application/json', body);
  return { status, ...(JSON.parse(said) as { code: string; errors?: Record<string, string[]> }) };
};
/** What the server of MCP answers to one message. */
async function rpc(message: string): Promise<Record<string, unknown>> {
  const accept = ['accept', 'application/json, text/event-stream', 'content-type', 'application/json'];
  const { status, body } = await wire.ask({
    what: 'mcp',
    method: 'POST',
    path: '/mcp',
    headers: [...HEADERS, ...accept],
    body: Buffer.from(message),
  });
  const text = /^data: (.+)$/m.exec(body)?.[1] ?? body;
  return { status, ...(text ? (JSON.parse(text) as object) : {}) };
}
const call = (args: string) =>
  rpc(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_session_user","arguments":${args}}}`);

// The error of the form reached the file of the form before anybody listened there, and the process ended.
test.each([
  ['before its content', '--cut\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'],
  ['in its content', '--cut\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nx\r\n'],
])('a form that ends in the middle of its file, %s, is refused, and the engine goes on', async (_where, form) => {
  for (let time = 0; time < 5; time++) {
    const { status, body } = await post('/api/upload', 'multipart/form-data; boundary=cut', form);
    expect([status, JSON.parse(body)]).toEqual([400, expect.objectContaining({ code: 'bad_request' })]);
  }
  expect((await stage.call('GET', '/readyz')).status).toBe(200);
});

// Number() throws of what has a toString that is no function.
test('a number that is an object is refused, whatever names it has', async () => {
  const strange = '{"toString":1,"valueOf":2,"toJSON":3}';
  const body = `{"jid":"15550100002@s.whatsapp.net","type":"composing","delayMs":${strange}}`;
  expect(await json('/api/send-presence-update', body)).toMatchObject({
    status: 422,
    errors: { delayMs: ['The delayMs field must be a number.'] },
  });
  expect(await call(`{"session_id":${strange}}`)).toMatchObject({
    result: { isError: true, structuredContent: { error: { code: 'session_not_found' } } },
  });
});

test('a tool takes a session by its number, also as text, and by nothing that becomes one', async () => {
  for (const good of ['1', '"1"']) expect(await call(`{"session_id":${good}}`)).not.toHaveProperty('result.isError');
  for (const bad of ['[1]', 'true', '"01"', '" 1"', '"1e0"', '1.5', '{}', '[1,"a",null,{"a":[]}]']) {
    const answer = await call(`{"session_id":${bad}}`);
    expect([bad, JSON.stringify(answer)]).toEqual([bad, expect.stringContaining('There is no such session')]);
    expect(JSON.stringify(answer)).not.toContain('[object Object]');
  }
});

// The SDK answered -32603, "internal error", with all that its schema library has to say.
test.each([
  ['arguments that are a list', 'tools/call', '{"name":"list_groups","arguments":[]}', 'params.arguments'],
  ['arguments that are text', 'tools/call', '{"name":"list_groups","arguments":"-1"}', 'params.arguments'],
  ['a name that is none', 'tools/call', '{"name":null}', 'params.name'],
  ['nothing at all', 'tools/call', 'null', 'params'],
  ['a hello without a version', 'initialize', '{"capabilities":{}}', 'params.protocolVersion'],
])('%s are wrong parameters, and said to be', async (_what, method, params, field) => {
  const answer = await rpc(`{"jsonrpc":"2.0","id":7,"method":"${method}","params":${params}}`);
  const { error } = answer as { error?: { code: number; message: string } };
  // Whether the whole message or a field of it is wrong, it is the caller's.
  expect([-32602, -32700]).toContain(error?.code);
  if (error?.code === -32602) expect(error.message.startsWith(`${field}: `)).toBe(true);
});

// "RangeError: Maximum call stack size exceeded"
test('an answer of a client, to whom nothing was asked, is passed over, however deep it is', async () => {
  const deep = '{"a":'.repeat(20_000) + '1' + '}'.repeat(20_000);
  expect(await rpc(`{"jsonrpc":"2.0","id":1,"result":${deep}}`)).toEqual({ status: 202 });
});

// A few of these, and the engine had no memory and no time left for anything else.
test('a compressed body is refused before it is unpacked, whatever is in it', async () => {
  const body = gzipSync(Buffer.alloc(5_000_000, ' '));
  for (const path of ['/api/send-message', '/api/upload', '/api/whatsapp-sessions']) {
    for (const encoding of ['gzip', 'GZIP', 'br', 'deflate', 'gzip, gzip', 'zstd']) {
      const headers = [...HEADERS, 'content-type', 'application/json', 'content-encoding', encoding];
      const { status, body: said } = await wire.ask({ what: path, method: 'POST', path, headers, body });
      expect([status, JSON.parse(said)]).toEqual([415, expect.objectContaining({ code: 'unsupported_media_type' })]);
    }
  }
  const headers = [...HEADERS, 'content-type', 'application/json', 'content-encoding', 'identity'];
  const plain = { what: 'plain', method: 'POST', path: '/api/send-message', headers, body: Buffer.from('{}') };
  expect((await wire.ask(plain)).status).toBe(422);
});
