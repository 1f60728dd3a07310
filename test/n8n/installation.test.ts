import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Engine } from './engine.ts';
import { N8n, type N8nOptions, root, until, type Workflow } from './n8n.ts';
import { withN8n } from './suite.ts';

const MINUTE = 60_000;
const example = join(root, 'examples', 'echo.json');

const command = (program: string, ...args: string[]) => execFileSync(program, args, { encoding: 'utf8' });

interface Way {
  options: N8nOptions;
  /** What stands before the names of our nodes. */
  prefix: string;
  /** examples/echo.json, made ready for this way with the README's command. */
  workflow: () => string;
}

const ways: Record<string, Way> = {
  'as a community node': {
    options: {},
    prefix: 'n8n-nodes-warbler',
    workflow: () => command('cat', example),
  },
  'with N8N_CUSTOM_EXTENSIONS at the dist folder of the checkout': {
    options: { customExtensions: join(root, 'dist') },
    prefix: 'CUSTOM',
    workflow: () => command('sed', 's/n8n-nodes-warbler\\./CUSTOM./', example),
  },
};

withN8n('The package gets into a real n8n', () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await Engine.start();
  }, MINUTE);

  afterAll(async () => await engine?.stop(), MINUTE);

  describe.each(Object.entries(ways))('%s:', (_, { options, prefix, workflow }) => {
    let n8n: N8n;

    beforeAll(async () => {
      n8n = await N8n.start(options);
    }, 5 * MINUTE);

    afterAll(async () => await n8n?.stop(), MINUTE);

    test('the editor offers the nodes, with their icons', async () => {
      const types = (await n8n.nodeTypes()).filter(({ name }) => name.includes('warbler'));
      const names = ['warbler', 'warblerHitlTool', 'warblerTool', 'warblerTrigger'].map((name) => `${prefix}.${name}`);
      expect(types.map(({ name }) => name).sort()).toEqual(names);
      for (const icon of types.flatMap(({ iconUrl }) => [iconUrl?.light, iconUrl?.dark])) {
        expect((await n8n.fetch('GET', `/${icon}`)).headers.get('content-type')).toMatch(/svg/);
      }
    });

    test('the credential can be tested', async () => {
      const right = await n8n.testCredential({ url: engine.url, token: engine.token });
      const wrong = await n8n.testCredential({ url: engine.url, token: 'wrong'.padEnd(40, '.') });
      expect([right.status, wrong.message]).toEqual([
        'OK',
        expect.stringMatching(/does not know this personal access/),
      ]);
    });

    test(
      'the echo example works',
      async () => {
        const credential = await n8n.createCredential({ url: engine.url, token: engine.token });
        const echo: Workflow = await n8n.createWorkflow(JSON.parse(workflow()) as object, credential);
        await n8n.activate(echo);
        const phone = await engine.phone(`1555010008${prefix.length % 10}`);
        await phone.send(await engine.number(), 'Hello');
        await until('the echo', async () => (await phone.received()).includes('echo: Hello') || undefined, 30_000);
        expect(await n8n.executions(echo, 'webhook')).toEqual([expect.objectContaining({ status: 'success' })]);
        await n8n.deactivate(echo);
      },
      2 * MINUTE,
    );
  });
});
