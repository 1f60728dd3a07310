import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Agent } from '../contract/agent.ts';
import { FRIEND, OWN, Stage, TOKEN } from '../whatsapp/stage.ts';

/** The command as it ships; `npm test` builds it first. */
const ENGINE = join(import.meta.dirname, '../../engine');
const CLI = join(ENGINE, 'dist/cli.js');
let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage?.close());

/** Runs the command in a process of its own, on the data of the stage's engine, which goes on meanwhile. */
async function warbler(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { PATH: process.env['PATH'], ...stage.environment };
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, [CLI, ...args], { env })) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}
/** `npm ci` links what is there before anything is built, and `npx warbler` finds it. */
test('the command is a file of the repository, which npm links at its installation', async () => {
  const { bin } = JSON.parse(readFileSync(join(ENGINE, 'package.json'), 'utf8')) as { bin: { warbler: string } };
  const { stdout: tracked } = await promisify(execFile)('git', ['ls-files', '--stage', bin.warbler], { cwd: ENGINE });
  expect(tracked).toMatch(/^100755 /);
  const { stdout } = await promisify(execFile)(join(ENGINE, bin.warbler), ['--version']);
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

const command = (verb: string, ...args: string[]) => warbler('token', verb, '--sandbox', ...args);
/** Makes a token, and answers it. What it opens is told beside it, where it is limited. */
async function made(name: string, ...options: string[]): Promise<string> {
  const { code, stdout, stderr } = await command('create', name, ...options);
  const limited = options.some((option) => option.startsWith('--') && !['--replace', '--expires'].includes(option));
  const opens = limited ? expect.stringMatching(/^It opens (REST and \/mcp|\/mcp alone)(; .*)?\.\n$/) : '';
  expect([code, stderr, stdout]).toEqual([0, opens, expect.stringMatching(/^wblr_\S+\n$/)]);
  return stdout.trim();
}
const get = (path: string, token: string) =>
  stage.call('GET', path, undefined, { authorization: `Bearer ${token}`, 'x-warbler-session': '1' });
const listed = async () => (await stage.call('GET', '/api/tokens')).body.data as { name: string; id: number }[];
const line = async (name: string) =>
  (await command('list')).stdout.split('\n').find((one) => new RegExp(`^\\d+ +${name} `).test(one));

describe('warbler token, while the engine runs,', () => {
  test('makes a token that counts at once, lists it, and revokes it by name or id', async () => {
    const [byName, byId] = [await made('for n8n'), await made('another')];
    expect((await get('/api/auth-check', byName)).status).toBe(200);
    expect(await line('for n8n')).toMatch(
      /^\d+ +for n8n +everything +\d{4}-\d\d-\d\d +\d{4}-\d\d-\d\d \d\d:\d\d UTC +never$/,
    );
    expect(await line('another')).toMatch(/ never +never$/);
    expect((await command('revoke', 'for n8n')).code).toBe(0);
    expect((await get('/api/auth-check', byName)).status).toBe(401);
    const { id } = (await listed()).find(({ name }) => name === 'another')!;
    expect((await command('revoke', String(id))).code).toBe(0);
    expect((await get('/api/auth-check', byId)).status).toBe(401);
    expect((await listed()).map(({ name }) => name)).toEqual(['WARBLER_TOKEN']);
  });

  test('limits a token to sessions, to reading, and to a time', async () => {
    const token = await made('dashboard', '--session', '1', '--read-only', '--expires', '30d');
    expect((await get('/api/status', token)).status).toBe(200);
    expect((await get('/api/tokens', token)).status).toBe(403);
    expect(await line('dashboard')).toMatch(/ read only; session 1 .* \d{4}-\d\d-\d\d \d\d:\d\d UTC$/);
    const { body } = await stage.call('GET', '/api/tokens');
    expect(body.data).toContainEqual(
      expect.objectContaining({ name: 'dashboard', scope: { sessions: [1], access: 'read' }, expired: false }),
    );
    await command('revoke', 'dashboard');
  });

  test('replaces a token only when that is asked for', async () => {
    const first = await made('agent', '--mcp');
    const { code, stdout, stderr } = await command('create', 'agent', '--mcp');
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(/There is a token "agent".*--replace/)]);
    const agent = await Agent.connect(stage.engine.url, first);
    expect(await agent.data('list_whatsapp_sessions')).toHaveLength(1);
    const second = await made('agent', '--mcp', '--replace');
    await expect(agent.tools()).rejects.toThrow(/Invalid API key/);
    await agent.close();
    await (await Agent.connect(stage.engine.url, second)).close();
    await command('revoke', 'agent');
  });

  test('says that the token of the setting comes back', async () => {
    const { code, stdout } = await command('revoke', 'WARBLER_TOKEN');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/next start brings it back/)]);
    expect((await get('/api/auth-check', TOKEN)).status).toBe(401);
    await stage.engine.stop();
    await stage.startEngine();
    expect((await get('/api/auth-check', TOKEN)).status).toBe(200);
  });

  test('makes a token for an agent, that opens /mcp as far as its options go', async () => {
    const scope = ['--tools', 'read,send_text_message', '--sessions', '1', '--recipients', `+${FRIEND}`];
    const options = ['--mcp', ...scope, '--calls-per-day', '3', '--approval', 'create_group'];
    const token = await made('support', ...options);
    const { body } = await stage.call('GET', '/api/tokens');
    expect(body.data).toContainEqual(
      expect.objectContaining({
        name: 'support',
        scope: {
          sessions: [1],
          mcp_only: true,
          tools: ['read', 'send_text_message'],
          recipients: [`${FRIEND}@s.whatsapp.net`],
          calls_per_day: 3,
          approval: ['create_group'],
        },
      }),
    );
    expect((await get('/api/whatsapp-sessions', token)).status).toBe(403);

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

  test('limits a token to recipients, by REST and by MCP, and says so', async () => {
    const { stdout, stderr } = await command('create', 'agent of n8n', '--session', '1', '--recipients', `+${FRIEND}`);
    expect(stderr).toBe('It opens REST and /mcp; session 1; 1 recipient.\n');
    const token = stdout.trim();
    expect((await get('/api/auth-check', token)).status).toBe(200);
    expect((await get(`/api/messages?chat=${FRIEND}`, token)).status).toBe(200);
    expect((await get(`/api/messages?chat=${OWN}`, token)).status).toBe(403);
    expect(await line('agent of n8n')).toMatch(/ session 1; 1 recipient /);
    const agent = await Agent.connect(stage.engine.url, token);
    expect(await agent.data('list_messages', { chat: FRIEND })).toEqual(expect.any(Array));
    await agent.close();
    const { stderr: alone } = await command('create', 'agent', '--mcp', '--recipients', `+${FRIEND},+${OWN}`);
    expect(alone).toBe('It opens /mcp alone; 2 recipients.\n');
  });

  test.each<[string, string[], RegExp]>([
    ['a tool that does not exist', ['--mcp', '--tools', 'send_telegram'], /There is no tool send_telegram/],
    ['a session that is no number', ['--sessions', 'first'], /sessions is not valid/],
    ['a session that does not exist', ['--session', '1,77'], /There is no session 77/],
    ['a recipient that is no address', ['--recipients', 'Bob'], /phone number with country code/],
    ['no calls at all', ['--mcp', '--calls-per-day', '0'], /calls_per_day is not valid/],
    ['options for agents without --mcp', ['--tools', 'read'], /add --mcp/],
    ['a time without its unit', ['--expires', '30'], /such as 12h, 30d or 8w/],
    ['a time that never comes', ['--expires', '9999w'], /such as 12h, 30d or 8w/],
  ])('refuses %s, and makes nothing', async (_what, options, words) => {
    const names = async () => (await listed()).map(({ name }) => name);
    const before = await names();
    const { code, stdout, stderr } = await command('create', 'wrong', ...options);
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(words)]);
    expect(await names()).toEqual(before);
  });

  test('refuses to revoke what is not there', async () => {
    const { code, stderr } = await command('revoke', 'nobody');
    expect([code, stderr]).toEqual([2, expect.stringMatching(/There is no token "nobody"/)]);
  });
});

test('warbler token works before the first start, too', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'warbler-cli-'));
  const env = { PATH: process.env['PATH'], WARBLER_DATA_DIR: folder };
  const run = promisify(execFile);
  expect((await run(process.execPath, [CLI, 'token', 'create', 'n8n'], { env })).stdout).toMatch(/^wblr_/);
  expect((await run(process.execPath, [CLI, 'token', 'list'], { env })).stdout).toMatch(/^1 +n8n +everything/m);
  rmSync(folder, { recursive: true });
});
