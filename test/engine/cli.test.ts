import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Agent } from '../contract/agent.ts';
import { FRIEND, OWN, Stage } from '../whatsapp/stage.ts';

/** The command as it ships; `npm test` builds it first. */
const CLI = join(import.meta.dirname, '../../engine/dist/cli.js');
let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage?.close());

/** Runs the command in a process of its own, on the data of the stage's engine. */
async function warbler(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { PATH: process.env['PATH'], ...stage.environment };
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, [CLI, ...args], { env })) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

/** The same while the engine is stopped. */
async function meanwhile(...args: string[]) {
  await stage.engine.stop();
  try {
    return await warbler(...args);
  } finally {
    await stage.startEngine();
  }
}
const create = (name: string, ...options: string[]) => ['token', 'create', name, '--sandbox', ...options];

describe('warbler token create --mcp', () => {
  test('makes a token that opens /mcp as far as its options go', async () => {
    const scope = ['--tools', 'read,send_text_message', '--sessions', '1', '--recipients', `+${FRIEND}`];
    const { code, stdout } = await meanwhile(
      ...create('support', '--mcp', ...scope, '--calls-per-day', '3', '--approval', 'create_group'),
    );
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^wblr_\S+\n$/)]);
    const token = stdout.trim();

    const { body } = await stage.call('GET', '/api/tokens');
    expect(body.data).toContainEqual(
      expect.objectContaining({
        name: 'support',
        scope: {
          tools: ['read', 'send_text_message'],
          sessions: [1],
          recipients: [`${FRIEND}@s.whatsapp.net`],
          calls_per_day: 3,
          approval: ['create_group'],
        },
      }),
    );
    const headers = { authorization: `Bearer ${token}` };
    expect((await stage.call('GET', '/api/whatsapp-sessions', undefined, headers)).status).toBe(403);

    const agent = await Agent.connect(stage.engine.url, token);
    const tools = await agent.tools();
    expect(tools).toEqual(expect.arrayContaining(['list_messages', 'send_text_message']));
    expect(tools).not.toContain('send_image_message');
    const { error } = await agent.call('send_text_message', { to: OWN, text: 'no' });
    expect(error).toMatchObject({ code: 'forbidden' });
    for (const text of ['one', 'two', 'three']) await agent.data('send_text_message', { to: FRIEND, text });
    expect((await agent.call('send_text_message', { to: FRIEND, text: 'four' })).error).toMatchObject({
      code: 'rate_limited',
    });
    await agent.close();
  });

  test('replaces a token of the same name', async () => {
    const [first, second] = [
      await meanwhile(...create('agent', '--mcp')),
      await meanwhile(...create('agent', '--mcp')),
    ];
    await expect(Agent.connect(stage.engine.url, first.stdout.trim())).rejects.toThrow(/Invalid API key/);
    const agent = await Agent.connect(stage.engine.url, second.stdout.trim());
    expect(await agent.data('list_whatsapp_sessions')).toHaveLength(1);
    await agent.close();
  });

  test('says that the engine has to be stopped', async () => {
    const { code, stderr } = await warbler(...create('late', '--mcp'));
    expect([code, stderr]).toEqual([2, expect.stringMatching(/already runs on the data folder .* Stop it/)]);
  });

  describe('refuses, and makes nothing,', () => {
    beforeAll(() => stage.engine.stop());
    afterAll(() => stage.startEngine());

    test.each<[string, string[], RegExp]>([
      ['a tool that does not exist', ['--mcp', '--tools', 'send_telegram'], /There is no tool send_telegram/],
      ['a session that is no number', ['--mcp', '--sessions', 'first'], /sessions is not valid/],
      ['a recipient that is no address', ['--mcp', '--recipients', 'Bob'], /phone number with country code/],
      ['no calls at all', ['--mcp', '--calls-per-day', '0'], /calls_per_day is not valid/],
      ['options without --mcp', ['--tools', 'read'], /add --mcp/],
    ])('%s', async (_what, options, words) => {
      const { code, stdout, stderr } = await warbler(...create('wrong', ...options));
      expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(words)]);
      expect((await warbler('token', 'list', '--sandbox')).stdout).not.toContain('wrong');
    });
  });
});
