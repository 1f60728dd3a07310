import type { Phone } from './engine.ts';
import { withN8n } from './suite.ts';
import { Workbench } from './workbench.ts';

const MINUTE = 60_000;
const NODE = 'MCP Client';

withN8n('The MCP Client of n8n', () => {
  let bench: Workbench;
  let phone: Phone;
  let bearer: { id: string; name: string };

  beforeAll(async () => {
    bench = await Workbench.start();
    phone = await bench.engine.phone('15550100090');
    bearer = await bench.n8n.createCredential({ token: bench.engine.token }, 'httpBearerAuth');
  }, 5 * MINUTE);

  afterAll(async () => await bench?.stop(), MINUTE);

  /** A workflow with a manual trigger and n8n's own node, which calls a tool. */
  async function call(tool: string, args: object) {
    const node = { position: [0, 0], typeVersion: 1, parameters: {} };
    const nodes = [
      { ...node, id: 'Start', name: 'Start', type: 'n8n-nodes-base.manualTrigger' },
      {
        ...node,
        id: NODE,
        name: NODE,
        type: '@n8n/n8n-nodes-langchain.mcpClient',
        typeVersion: 1.1,
        parameters: {
          serverTransport: 'httpStreamable',
          endpointUrl: `${bench.engine.url}/mcp`,
          authentication: 'bearerAuth',
          tool: { __rl: true, mode: 'id', value: tool },
          inputMode: 'json',
          jsonInput: JSON.stringify(args),
          options: {},
        },
        credentials: { httpBearerAuth: bearer },
      },
    ];
    const connections = { Start: { main: [[{ node: NODE, type: 'main', index: 0 }]] } };
    const workflow = await bench.n8n.createWorkflow({ name: tool, nodes, connections }, bench.credential);
    const { runData } = await bench.n8n.run(workflow);
    const run = runData[NODE]?.[0];
    return { json: run?.data?.main[0]?.[0]?.json as object | undefined, error: run?.error as { message: string } };
  }

  test('sends a text, which the phone gets', async () => {
    const { json } = await call('send_text_message', { to: `+${phone.number}`, text: 'from n8n, by MCP' });
    expect(json).toMatchObject({ structuredContent: { data: { status: 'in_progress', jid: `+${phone.number}` } } });
    await phone.sees('the text', ({ text, fromMe }) => !fromMe && text === 'from n8n, by MCP');
  });

  test('shows what is wrong with a call', async () => {
    const { error } = await call('send_text_message', { text: 'to nobody' });
    expect(error.message).toContain('The to field is required.');
  });
});
