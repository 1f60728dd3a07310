import { Command } from 'commander';
import { ConfigError, loadConfig, storeFolder } from '../config.ts';
import type { TokenScope } from '../model.ts';
import { hashToken, newToken, SETTING_TOKEN } from '../operations/access.ts';
import { Seal } from '../store/seal.ts';
import { openTokens, type TokenStore } from '../store/sqlite/index.ts';
import type { TokenRecord } from '../store/store.ts';
import { note, print } from './terminal.ts';

export const token = new Command('token')
  .description('manage personal access tokens, also while the engine runs')
  .option('--sandbox', 'those of the engine on the sandbox');

token
  .command('create')
  .argument('[name]', 'what it is for', 'cli')
  .description('make a token and show it, once; it may do everything unless an option limits it')
  .option('--session, --sessions <ids>', 'these sessions alone, by comma, and nothing of the account')
  .option('--read-only', 'only what changes nothing, here or at WhatsApp')
  .option('--expires <time>', 'after which it ends: 12h, 30d, 8w …')
  .option('--replace', 'in place of the token of this name, which becomes invalid')
  .option(
    '--recipients <addresses>',
    'numbers and addresses that its calls may be about, by comma; nothing of the account',
  )
  .option('--mcp', 'for an agent: it opens /mcp and nothing else, as far as the following options go')
  .option('--tools <names>', 'with --mcp: tools that it may call, by comma; read and write stand for many')
  .option('--calls-per-day <number>', 'with --mcp: tool calls within 24 hours')
  .option('--approval <rule>', 'with --mcp: calls that a person approves: none, writes, all, or tools by comma')
  .action((name: string, options: CreateOptions) =>
    withTokens(async ({ tokens, sessions }) => {
      const { replace = false, expires, ...limits } = options;
      await assertFree(tokens, name, replace);
      const scope = await scopeOf(limits, await sessions());
      const made = newToken();
      await tokens.put(name, hashToken(made), {
        ...(scope && { scope }),
        ...(expires !== undefined && { expiresAt: Date.now() + durationMs(expires) }),
      });
      print([made]);
      // Whoever keeps what is printed keeps the token alone.
      if (scope) {
        note(`It opens ${[scope.mcp_only ? '/mcp alone' : 'REST and /mcp', ...limitsOf(scope)].join('; ')}.`);
      }
    }),
  );

token
  .command('list')
  .description('list all tokens: what each may do, when it was used, when it ends')
  .action(() =>
    withTokens(async ({ tokens }) => {
      const rows = (await tokens.list()).map(row);
      print(aligned([['ID', 'NAME', 'MAY DO', 'CREATED', 'LAST USED', 'EXPIRES'], ...rows]));
    }),
  );

token
  .command('revoke')
  .argument('<token>', 'its name or its id')
  .description('make a token invalid, at its next request')
  .action((which: string) =>
    withTokens(async ({ tokens }) => {
      const { name } = named(await tokens.list(), which);
      await tokens.delete(name);
      if (name === SETTING_TOKEN) print(['The next start brings it back, unless WARBLER_TOKEN is unset or changed.']);
    }),
  );

interface LimitOptions {
  sessions?: string;
  readOnly?: boolean;
  recipients?: string;
  mcp?: boolean;
  tools?: string;
  callsPerDay?: string;
  approval?: string;
}

interface CreateOptions extends LimitOptions {
  replace?: boolean;
  expires?: string;
}

async function withTokens(work: (store: TokenStore) => Promise<void>): Promise<void> {
  const config = loadConfig(token.opts<{ sandbox?: boolean }>());
  const store = openTokens(storeFolder(config), new Seal(config.encryptionKey));
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

/** A token that is in use somewhere is not made invalid by the way. */
async function assertFree(tokens: TokenStore['tokens'], name: string, replace: boolean): Promise<void> {
  if (!name.trim() || name.length > 100) throw new ConfigError('The name of a token has 1 to 100 characters.');
  if (name === SETTING_TOKEN) throw new ConfigError(`The name ${SETTING_TOKEN} is the setting’s. Choose another one.`);
  if (replace || !(await tokens.list()).some((known) => known.name === name)) return;
  throw new ConfigError(
    `There is a token "${name}". Choose another name, or add --replace, which makes that one invalid.`,
  );
}

/** The scope that the options of `token create` say; `undefined`: the token may do everything. */
async function scopeOf(options: LimitOptions, sessions: number[]): Promise<TokenScope | undefined> {
  const { sessions: ids, readOnly, recipients, mcp, ...ofTools } = options;
  if (Object.keys(options).length === 0) return undefined;
  if (!mcp && Object.keys(ofTools).length > 0) {
    throw new ConfigError('--tools, --calls-per-day and --approval are for agents: add --mcp.');
  }
  const { tools, callsPerDay, approval } = ofTools;
  // Brings all operations with it: who lists tokens need not wait for them.
  const { readScope, tokenScope } = await import('../operations/scope.ts');
  const list = (text: string | undefined) => text?.split(',').map((part) => part.trim());
  const rule = ['none', 'writes', 'all'].includes(approval ?? 'none') ? approval : list(approval);
  const { success, data, error } = tokenScope.safeParse({
    sessions: list(ids)?.map(Number),
    access: readOnly ? 'read' : undefined,
    mcp_only: mcp,
    tools: list(tools),
    recipients: list(recipients),
    calls_per_day: callsPerDay === undefined ? undefined : Number(callsPerDay),
    approval: rule,
  });
  if (!success)
    throw new ConfigError(`The scope cannot be read: ${error.issues[0]!.path[0]?.toString()} is not valid.`);
  return readScope(data, { sessions });
}

const UNITS_MS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const LONGEST_MS = 3650 * UNITS_MS['d']!;

function durationMs(text: string): number {
  const [, number, unit] = /^([1-9]\d{0,8})([mhdw])$/.exec(text) ?? [];
  const ms = Number(number) * (UNITS_MS[unit ?? ''] ?? NaN);
  if (ms <= LONGEST_MS) return ms;
  throw new ConfigError(`--expires takes a number of minutes, hours, days or weeks, such as 12h, 30d or 8w.`);
}

/** The token of this name, or of this number. */
function named(tokens: TokenRecord[], which: string): TokenRecord {
  const byName = tokens.find(({ name }) => name === which);
  const byId = tokens.find(({ id }) => String(id) === which);
  const found = byName ?? byId;
  if (!found) throw new ConfigError(`There is no token "${which}". See: warbler token list`);
  if (!byName || !byId || byName === byId) return found;
  throw new ConfigError(
    `"${which}" is the name of token ${byName.id} and the id of "${byId.name}". Say which: ${byName.id} or "${byId.name}".`,
  );
}

function row({ id, name, scope, createdAt, lastUsedAt, expiresAt }: TokenRecord): string[] {
  const ended = expiresAt !== null && expiresAt <= Date.now();
  return [
    String(id),
    printable(name),
    scopeInWords(scope),
    day(createdAt),
    lastUsedAt === null ? 'never' : minute(lastUsedAt),
    expiresAt === null ? 'never' : `${minute(expiresAt)}${ended ? ' (expired)' : ''}`,
  ];
}

function scopeInWords(scope: TokenScope | null): string {
  if (!scope) return 'everything';
  return [...(scope.mcp_only ? ['MCP'] : []), ...limitsOf(scope)].join('; ');
}

function limitsOf({ sessions, access, tools, recipients, calls_per_day: calls, approval }: TokenScope): string[] {
  const limits = [
    access && 'read only',
    sessions && `session ${sessions.join(',')}`,
    tools && `tools ${tools.join(',')}`,
    recipients && `${recipients.length} recipient${recipients.length === 1 ? '' : 's'}`,
    calls !== undefined && `${calls} calls a day`,
    approval && approval !== 'none' && `approval of ${[approval].flat().join(',')}`,
  ];
  return limits.filter((limit) => typeof limit === 'string');
}

/** Whoever makes a token by the API chooses its name, and could write to this terminal with it. */
const printable = (text: string) => text.replace(/\p{Cc}/gu, '\uFFFD');
const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
const minute = (ms: number) => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

function aligned(rows: string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  return rows.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}
