import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { FRIEND, TOKEN } from '../whatsapp/stage.ts';
import { World } from './world.ts';

let world: World;
const clients: Client[] = [];

beforeAll(async () => {
  world = await World.open();
});
afterAll(async () => {
  for (const client of clients) await client.close();
  await world?.close();
});

/** The official SDK's client, as an agent's program uses it. */
async function client(token = TOKEN): Promise<Client> {
  const made = new Client({ name: 'test', version: '1' });
  const url = new URL(`${world.stage.engine.url}/mcp`);
  const headers = { Authorization: `Bearer ${token}` };
  await made.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }) as never);
  clients.push(made);
  return made;
}

const call = (with_: Client, name: string, args: Record<string, unknown> = {}) =>
  with_.callTool({ name, arguments: args }) as Promise<CallToolResult>;

describe('MCP', () => {
  test('an agent introduces itself, reads the tools and sends a text, which the phone gets', async () => {
    const agent = await client();
    expect(agent.getServerVersion()).toMatchObject({ name: 'warbler' });
    expect((await agent.listTools()).tools.map(({ name }) => name)).toContain('send_text_message');
    const { structuredContent, isError } = await call(agent, 'send_text_message', {
      to: FRIEND,
      text: 'from an agent',
    });
    expect(isError).toBeFalsy();
    expect(structuredContent).toMatchObject({ data: { status: 'in_progress', jid: `+${FRIEND}` } });
    await world.arrived(FRIEND, ({ text, fromMe }) => !fromMe && text === 'from an agent');
  });

  test.each(['', 'wrong'])('nobody comes in with the token %j', async (token) => {
    const { status, headers } = await world.request('POST', '/mcp', {}, token);
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toMatch(/^Bearer/);
  });
});
