import type { Phone } from './engine.ts';
import { withN8n } from './suite.ts';
import { chained, node, refusalOf, warbler, Workbench } from './workbench.ts';

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
  async function call(tool: string, args: object, token = bearer) {
    const parameters = {
      serverTransport: 'httpStreamable',
      endpointUrl: `${bench.engine.url}/mcp`,
      authentication: 'bearerAuth',
      tool: { __rl: true, mode: 'id', value: tool },
      inputMode: 'json',
      jsonInput: JSON.stringify(args),
      options: {},
    };
    const client = node(NODE, '@n8n/n8n-nodes-langchain.mcpClient', 1.1, parameters);
    const { runData } = await run(tool, [{ ...client, credentials: { httpBearerAuth: token } }]);
    const ran = runData[NODE]?.[0];
    return { json: ran?.data?.main[0]?.[0]?.json as object | undefined, error: ran?.error as { message: string } };
  }

  /** Runs these nodes, one after the other. */
  async function run(name: string, nodes: Array<{ name: string; credentials?: object }>) {
    const all = [node('Start', 'n8n-nodes-base.manualTrigger', 1, {}), ...nodes];
    const workflow = { name, nodes: all, connections: chained(all.map(({ name }) => name)) };
    return await bench.n8n.run(await bench.n8n.createWorkflow(workflow, bench.credential));
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

  describe('waits, when a person has to approve its call,', () => {
    let careful: { id: string; name: string };

    beforeAll(async () => {
      const scope = { approval: 'writes' };
      const { token } = await bench.engine.call<{ token: string }>('POST', '/api/tokens', { name: 'careful', scope });
      careful = await bench.n8n.createCredential({ token }, 'httpBearerAuth');
    });

    const filters = { status: 'pending' };
    const pending = () => warbler('Pending', 'approval: getMany', { returnAll: true, filters });
    const send = (text: string) => call('send_text_message', { to: `+${phone.number}`, text }, careful);
    const asked = (text: string) =>
      bench.engine.event<{ event: string; data: { id: number; input: { text?: string } } }>(
        'the approval',
        ({ event, data }) => event === 'approval.requested' && data.input.text === text,
      );

    test('until a workflow lists what is pending and approves it', async () => {
      const sending = send('please');
      const { data } = await asked('please');
      const approve = warbler('Approve', 'approval: approve', { approvalId: '={{ $json.id }}' });
      const { runData } = await run('Decide', [pending(), approve]);
      const [listed, approved] = ['Pending', 'Approve'].map((name) => runData[name]?.[0]?.data?.main[0]);
      expect(listed).toMatchObject([{ json: { id: data.id, status: 'pending', tool: 'send_text_message' } }]);
      expect(approved).toMatchObject([{ json: { id: data.id, status: 'approved' } }]);
      expect((await sending).json).toMatchObject({ structuredContent: { data: { status: 'in_progress' } } });
      await phone.sees('the text', ({ text, fromMe }) => !fromMe && text === 'please');
      expect(await bench.outputs('approval: getMany', { filters })).toEqual([]);
    });

    test('and hears why a workflow has rejected it', async () => {
      const sending = send('rather not');
      const { data } = await asked('rather not');
      const parameters = { approvalId: String(data.id), options: { note: 'Ask the customer first' } };
      const { json } = await bench.output('approval: reject', parameters);
      expect(json).toMatchObject({ id: data.id, status: 'rejected', note: 'Ask the customer first' });
      expect((await sending).error.message).toContain('Ask the customer first');
      expect(refusalOf(await bench.run('approval: approve', parameters))).toMatchObject({
        message: 'This approval is rejected: only a pending one can be decided.',
        description: 'The text above says how things stand. Get them once more before you try again.',
      });
    });
  });
});
