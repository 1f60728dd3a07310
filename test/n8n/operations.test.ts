import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Engine, type Phone } from './engine.ts';
import { type Execution, N8n, until } from './n8n.ts';
import { withN8n } from './suite.ts';

const MINUTE = 60_000;
const PNG = [0x89, 0x50, 0x4e, 0x47];

const session = (value: string) => ({ __rl: true, mode: 'id', value });

interface Output {
  json: Record<string, unknown>;
  binary?: Record<string, { id: string; mimeType: string; fileName: string }>;
}

withN8n('The Warbler node in a real n8n', () => {
  let engine: Engine;
  let n8n: N8n;
  let phone: Phone;
  let credential: { id: string; name: string };

  beforeAll(async () => {
    [engine, n8n] = await Promise.all([Engine.start(), N8n.start()]);
    phone = await engine.phone('15550100078');
    credential = await n8n.createCredential({ url: `${engine.url}/`, token: engine.token });
  }, 5 * MINUTE);

  afterAll(async () => {
    await Promise.all([engine?.stop(), n8n?.stop()]);
  }, MINUTE);

  /** A workflow of a manual trigger and one Warbler node; an item per entry of `inputs`. */
  async function execute(parameters: object, more: { settings?: object; inputs?: object[]; url?: string } = {}) {
    const { settings = {}, inputs = [{}], url } = more;
    const used = url === undefined ? credential : await n8n.createCredential({ url, token: engine.token });
    const node = (name: string, type: string, own: object, index: number) => ({
      id: `node-${index}`,
      name,
      type,
      typeVersion: 1,
      position: [200 * index, 0],
      parameters: own,
    });
    const nodes = [
      node('Start', 'n8n-nodes-base.manualTrigger', {}, 0),
      { ...node('Items', 'n8n-nodes-base.code', { jsCode: `return ${JSON.stringify(inputs)}` }, 1), typeVersion: 2 },
      { ...node('Warbler', 'n8n-nodes-warbler.warbler', parameters, 2), ...settings },
    ];
    const to = (name: string) => ({ main: [[{ node: name, type: 'main', index: 0 }]] });
    const file = { name: 'One operation', nodes, connections: { Start: to('Items'), Items: to('Warbler') } };
    return await n8n.run(await n8n.createWorkflow(file, used));
  }

  const outputOf = ({ runData }: Execution) => (runData['Warbler']?.[0]?.data?.main[0] ?? []) as Output[];
  const refusalOf = ({ runData }: Execution) =>
    runData['Warbler']?.[0]?.error as { message: string; description: string };

  test('lists sessions up to a limit', async () => {
    const [found, ...more] = outputOf(await execute({ resource: 'session', operation: 'getMany', limit: 1 }));
    expect(found?.json).toMatchObject({ id: 1, phone_number: await engine.number() });
    expect(more).toEqual([]);
  });

  test('gets a session and its status', async () => {
    const get = await execute({ resource: 'session', operation: 'get', session: session('1') });
    const getStatus = await execute({ resource: 'session', operation: 'getStatus', session: session('1') });
    expect(outputOf(get)[0]?.json).toMatchObject({ id: 1 });
    expect(outputOf(getStatus)[0]?.json).toEqual({ status: 'connected' });
  });

  test('creates a session, connects it and gets its QR code as a picture', async () => {
    const create = { resource: 'session', operation: 'create', name: 'Second', phoneNumber: '+15550100055' };
    const id = String(outputOf(await execute(create))[0]?.json['id']);
    const connect = await execute({ resource: 'session', operation: 'connect', session: session(id) });
    expect(outputOf(connect)[0]?.json).toMatchObject({ status: 'NEED_SCAN', qrCode: expect.any(String) });
    const picture = { resource: 'session', operation: 'getQrCode', session: session(id), binaryPropertyName: 'qr' };
    const execution = await execute(picture);
    const file = outputOf(execution)[0]?.binary?.['qr'];
    expect(file).toMatchObject({ mimeType: 'image/png', fileName: `qr-code-${id}.png` });
    const bytes = await n8n.download(file!.id);
    expect([...bytes.subarray(0, 4)]).toEqual(PNG);
  });

  test('says why there is no QR code', async () => {
    const execution = await execute({ resource: 'session', operation: 'getQrCode', session: session('1') });
    expect(execution.status).toBe('error');
    expect(refusalOf(execution).message).toMatch(/NEED_SCAN/i);
    expect(refusalOf(execution).description).toMatch(/Session: /);
  });

  test('sends a text and waits until WhatsApp has taken it', async () => {
    const parameters = {
      resource: 'message',
      operation: 'sendText',
      session: session('1'),
      to: `+${phone.number}`,
      text: 'Hello',
      options: { wait: true },
    };
    const [sent] = outputOf(await execute(parameters));
    expect(sent?.json).toMatchObject({ msgId: expect.any(Number), status: 'sent' });
    await until('the message', async () => (await phone.received()).includes('Hello') || undefined, 20_000);
  });

  test('keeps the good items when one is refused and the node is set to continue', async () => {
    const parameters = {
      resource: 'message',
      operation: 'sendText',
      session: session('1'),
      to: '={{ $json.to }}',
      text: 'Hi',
    };
    const inputs = [{ to: `+${phone.number}` }, { to: 'nobody' }, { to: `+${phone.number}` }];
    const output = outputOf(await execute(parameters, { inputs, settings: { onError: 'continueRegularOutput' } }));
    expect(output.map(({ json }) => 'msgId' in json)).toEqual([true, false, true]);
    expect(output[1]?.json['error']).toEqual(expect.any(String));
  });

  test('names the item that was refused', async () => {
    const parameters = {
      resource: 'message',
      operation: 'sendText',
      session: session('1'),
      to: '={{ $json.to }}',
      text: 'Hi',
    };
    const execution = await execute(parameters, { inputs: [{ to: `+${phone.number}` }, { to: 'nobody' }] });
    expect(refusalOf(execution)).toMatchObject({ context: { itemIndex: 1 } });
  });

  test('says that something else answers at the URL', async () => {
    const stranger = createServer((_request, response) => response.end('<html>Another program</html>'));
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
    const execution = await execute({ resource: 'session', operation: 'getMany' }, { url });
    stranger.close();
    expect(refusalOf(execution).message).toMatch(/Something other than a Warbler engine/);
  });
});
