import { Command } from 'commander';
import { ConfigError, loadConfig, storeFolder } from '../config.ts';
import type { TokenScope } from '../model.ts';
import { hashToken, newToken } from '../operations/access.ts';
import { readScope, tokenScope } from '../operations/scope.ts';
import { Seal } from '../store/seal.ts';
import { openSqliteStore } from '../store/sqlite/index.ts';
import type { Store } from '../store/store.ts';
import { print } from './terminal.ts';

export const token = new Command('token')
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

async function withTokens(work: (tokens: Store['tokens']) => Promise<void>): Promise<void> {
  const config = loadConfig(token.opts<{ sandbox?: boolean }>());
  const store = openSqliteStore(storeFolder(config), new Seal(config.encryptionKey));
  try {
    await work(store.tokens);
  } finally {
    await store.close();
  }
}
