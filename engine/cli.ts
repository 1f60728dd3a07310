#!/usr/bin/env node
import { Command } from 'commander';
import { ConfigError, loadConfig, storeFolder, type Config } from './config.ts';
import { EngineError } from './errors.ts';
import { engineLog, startEngine, type RunningEngine } from './main.ts';
import { FIRST_PHONE, FRIEND_PHONE } from './sandbox-mode.ts';
import { startSandbox } from './sandbox/index.ts';
import { hashToken, newToken } from './operations/access.ts';
import { readScope, tokenScope } from './operations/scope.ts';
import { Seal } from './store/seal.ts';
import { openSqliteStore, StoreError } from './store/sqlite/index.ts';
import type { TokenScope } from './model.ts';
import type { Store } from './store/store.ts';
import { VERSION } from './version.ts';

const STOP_DEADLINE_MS = 15_000;
const READY_MS = 20_000;

const program = new Command('warbler').description('WhatsApp for n8n on your own machine').version(VERSION);

program
  .command('start')
  .description('start the engine on the real WhatsApp')
  .option('--sandbox', 'on the built-in WhatsApp sandbox instead: no phone, no internet')
  .action(async ({ sandbox = false }: { sandbox?: boolean }) => {
    const config = loadConfig({ sandbox });
    const log = engineLog(config.logLevel);
    process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection'));
    const engine = await startEngine(config, { log });
    onSignal(() => engine.stop());
    await Promise.race([engine.ready, new Promise((resolve) => setTimeout(resolve, READY_MS).unref())]);
    print(block(config, engine));
  });

program
  .command('sandbox')
  .description('start the WhatsApp sandbox alone, for any WhatsApp Web client')
  .action(async () => {
    const config = loadConfig({ sandbox: true });
    const port = config.sandbox?.own ? config.sandbox.port : 3211;
    const sandbox = await startSandbox({
      port,
      dataDir: `${config.dataDir}/sandbox`,
      logger: engineLog(config.logLevel),
    });
    onSignal(() => sandbox.close());
    print([
      `WhatsApp sandbox  ${sandbox.socketUrl}  (any WhatsApp Web client: set its WebSocket URL to this)`,
      `Control API       ${sandbox.url}/sandbox`,
      `Root key          ${sandbox.rootKey}  (of the Noise certificates, for clients that check them)`,
    ]);
  });

const token = program
  .command('token')
  .description('manage personal access tokens, while the engine is stopped')
  .option('--sandbox', 'those of the engine on the sandbox');

token
  .command('create')
  .argument('[name]', 'what it is for; a token of the same name is replaced', 'cli')
  .description('make a token and show it, once')
  .option('--mcp', 'for an agent: it opens /mcp and nothing else, as far as the following options go')
  .option('--tools <names>', 'tools that it may call, by comma; read and write stand for many')
  .option('--sessions <ids>', 'sessions that it may use, by comma')
  .option('--recipients <addresses>', 'numbers and addresses that its calls may be about, by comma')
  .option('--calls-per-day <number>', 'tool calls within 24 hours')
  .option('--approval <rule>', 'calls that a person has to approve: none, writes, all, or names of tools by comma')
  .action((name: string, options: McpOptions) =>
    withTokens(async (tokens) => {
      const made = newToken();
      await tokens.put(name, hashToken(made), await scopeOf(options));
      print([made]);
    }),
  );

token
  .command('list')
  .description('list the names of all tokens')
  .action(() =>
    withTokens(async (tokens) => {
      print((await tokens.list()).map(({ name, createdAt }) => `${new Date(createdAt).toISOString()}  ${name}`));
    }),
  );

token
  .command('revoke')
  .argument('<name>')
  .description('make a token invalid')
  .action((name: string) =>
    withTokens(async (tokens) => {
      if (!(await tokens.delete(name))) throw new ConfigError(`There is no token "${name}". See: warbler token list`);
    }),
  );

interface McpOptions {
  mcp?: boolean;
  tools?: string;
  sessions?: string;
  recipients?: string;
  callsPerDay?: string;
  approval?: string;
}

/** The scope that the options of `token create` say; `undefined`: the token may do everything. */
async function scopeOf({ mcp, ...options }: McpOptions): Promise<TokenScope | undefined> {
  const { tools, sessions, recipients, callsPerDay, approval } = options;
  if (!mcp) {
    if (Object.keys(options).length === 0) return undefined;
    throw new ConfigError('These options are for agents: add --mcp.');
  }
  const list = (text: string | undefined) => text?.split(',').map((part) => part.trim());
  const rule = ['none', 'writes', 'all'].includes(approval ?? 'none') ? approval : list(approval);
  const asked = {
    tools: list(tools),
    sessions: list(sessions)?.map(Number),
    recipients: list(recipients),
    calls_per_day: callsPerDay === undefined ? undefined : Number(callsPerDay),
    approval: rule,
  };
  const { success, data, error } = tokenScope.safeParse(asked);
  if (!success)
    throw new ConfigError(`The scope cannot be read: ${error.issues[0]!.path[0]?.toString()} is not valid.`);
  return readScope(data);
}

program.parseAsync().catch((error: unknown) => {
  const expected = error instanceof ConfigError || error instanceof StoreError || error instanceof EngineError;
  process.stderr.write(`${expected ? wordsOf(error) : ((error as Error).stack ?? String(error))}\n`);
  process.exit(expected ? 2 : 1);
});

/** What is wrong, by field where that is known: a person at a terminal sees nothing else. */
function wordsOf(error: Error): string {
  const fields = error instanceof EngineError ? error.fields : undefined;
  return fields ? Object.values(fields).flat().join(' ') : error.message;
}

async function withTokens(work: (tokens: Store['tokens']) => Promise<void>): Promise<void> {
  const config = loadConfig(token.opts<{ sandbox?: boolean }>());
  const store = openSqliteStore(storeFolder(config), new Seal(config.encryptionKey));
  try {
    await work(store.tokens);
  } finally {
    await store.close();
  }
}

/** What a person who just started the engine needs to know. The README explains each line. */
function block(config: Config, { url, newToken, sandboxUrl }: RunningEngine): string[] {
  return [
    '',
    `Warbler ${VERSION}${sandboxUrl ? ' on the WhatsApp sandbox' : ''}`,
    '',
    `  Engine   ${url}`,
    `  Docs     ${url}/docs`,
    `  Data     ${storeFolder(config)}`,
    ...(newToken
      ? [`  Token    ${newToken}`, '           Shown only now, only its hash is kept. Paste it into n8n.']
      : []),
    ...(sandboxUrl ? [`  Sandbox  ${sandboxUrl}/sandbox`, ...tryIt(url, newToken, sandboxUrl)] : []),
    '',
  ];
}

function tryIt(url: string, newToken: string | undefined, sandboxUrl: string): string[] {
  const json = "-H 'Content-Type: application/json'";
  return [
    '',
    `Session 1 is linked to the simulated phone +${FIRST_PHONE}; +${FRIEND_PHONE} is a friend’s. Try:`,
    '',
    `  ${newToken ? `TOKEN=${newToken}` : 'TOKEN=…   # the one printed at the first start, or your WARBLER_TOKEN'}`,
    `  curl ${url}/api/send-message -H "Authorization: Bearer $TOKEN" -H 'X-Warbler-Session: 1' ${json} -d '{"to": "+${FRIEND_PHONE}", "text": "Hello!", "wait": true}'`,
    `  curl ${sandboxUrl}/sandbox/phones/${FRIEND_PHONE}/messages`,
    `  curl ${sandboxUrl}/sandbox/phones/${FRIEND_PHONE}/send ${json} -d '{"to": "+${FIRST_PHONE}", "text": "Hello back!"}'`,
    `  curl ${url}/api/whatsapp-sessions/1/events -H "Authorization: Bearer $TOKEN"`,
  ];
}

function print(lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** Stops once, cleanly, within a deadline; a second signal does not wait. */
function onSignal(stop: () => Promise<void>): void {
  let stopping = false;
  const handle = () => {
    if (stopping) process.exit(1);
    stopping = true;
    setTimeout(() => process.exit(1), STOP_DEADLINE_MS).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', handle);
  process.on('SIGINT', handle);
}
