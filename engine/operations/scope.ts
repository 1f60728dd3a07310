import { z } from 'zod';
import { EngineError, validationFailed } from '../errors.ts';
import type { TokenScope } from '../model.ts';
import type { Store } from '../store/store.ts';
import { toJid } from '../whatsapp/jid.ts';
import type { Caller } from './access.ts';
import { changesSomething, type Engine, type Operation, type Tool } from './operation.ts';

const names = z.array(z.string().min(1).max(100)).min(1).max(200);

/** A scope as it is asked for. */
export const tokenScope = z.object({
  sessions: z
    .array(z.int().min(1))
    .min(1)
    .max(1000)
    .optional()
    .describe('Ids of the sessions that may be used, and nothing of the account beside them; all without it')
    .meta({ examples: [[1]] }),
  access: z
    .enum(['read', 'write'])
    .optional()
    .describe('read: what changes nothing, here or at WhatsApp. write (usual): that, too')
    .meta({ examples: ['read'] }),
  mcp_only: z
    .boolean()
    .optional()
    .describe(
      'It opens /mcp and nothing else; always so with tools, calls_per_day and approval, which hold for tools alone',
    )
    .meta({ examples: [true] }),
  tools: names
    .optional()
    .describe('Tools that may be called; read and write stand for all that change nothing, or something. None: all')
    .meta({ examples: [['read', 'send_text_message']] }),
  recipients: names
    .optional()
    .describe(
      'Numbers and addresses of people, groups and channels that calls may be about, by REST, too; all without it',
    )
    .meta({ examples: [['+15551234567', '123456789-987654321@g.us']] }),
  calls_per_day: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe('Tool calls within 24 hours; not limited without it')
    .meta({ examples: [200] }),
  approval: z
    .union([z.enum(['none', 'writes', 'all']), names])
    .optional()
    .describe('Calls that wait until a person approves: none (usual), those that change something, all, or these tools')
    .meta({ examples: ['writes'] }),
});

/**
 * A scope in its stored form. Throws `validation_failed` for tools and sessions that do not exist, for what is no
 * address, and for a scope that limits nothing.
 */
export async function readScope(
  scope: z.output<typeof tokenScope>,
  existing: { sessions: readonly number[] },
): Promise<TokenScope> {
  // The list of operations holds the one that makes tokens.
  const { operations } = await import('./index.ts');
  const known = operations.flatMap(({ tools = [] }) => tools.map(({ name }) => name));
  const check = (field: string, what: string, given: readonly unknown[], allowed: readonly unknown[]) => {
    const wrong = given.filter((one) => !allowed.includes(one));
    if (wrong.length > 0) throw validationFailed({ [`scope.${field}`]: [`There is no ${what} ${wrong.join(', ')}.`] });
  };
  const { sessions, access, mcp_only: mcpOnly, tools, recipients, calls_per_day: callsPerDay, approval } = scope;
  if (sessions) check('sessions', 'session', sessions, existing.sessions);
  if (tools) check('tools', 'tool', tools, [...known, 'read', 'write']);
  if (Array.isArray(approval)) check('approval', 'tool', approval, known);
  const ofTools = {
    ...(tools && { tools }),
    ...(callsPerDay !== undefined && { calls_per_day: callsPerDay }),
    ...(approval && { approval }),
  };
  const holdsForTools = Object.keys(ofTools).length > 0;
  if (mcpOnly === false && holdsForTools) {
    throw validationFailed({ 'scope.mcp_only': [`REST cannot hold to ${Object.keys(ofTools).join(', ')}.`] });
  }
  const stored: TokenScope = {
    ...(sessions && { sessions }),
    ...(access === 'read' && { access }),
    ...((mcpOnly || holdsForTools) && { mcp_only: true }),
    ...(recipients && { recipients: recipients.map((typed) => toJid(typed, 'scope.recipients')) }),
    ...ofTools,
  };
  if (Object.keys(stored).length > 0) return stored;
  throw validationFailed({
    scope: ['The scope field limits nothing. Leave it out for a token that may do everything.'],
  });
}

/** Ids of the sessions that somebody may use. */
export async function sessionsOf(store: Store, { token, session }: Caller): Promise<number[]> {
  if (session) return [session.id];
  const ids = (await store.sessions.list()).map(({ id }) => id);
  const { sessions } = token.scope ?? {};
  return sessions ? ids.filter((id) => sessions.includes(id)) : ids;
}

/** Whether somebody may call a tool at all. */
export function mayCall({ token }: Caller, operation: Operation, tool: Tool): boolean {
  // The API key of a session opens what is about that session.
  if (!token) return operation.access !== 'account' && operation.access !== 'token';
  const { tools, sessions, access } = token.scope ?? {};
  if (sessions && operation.access === 'account') return false;
  if (access === 'read' && changesSomething(operation)) return false;
  return !tools || tools.includes(tool.name) || tools.includes(tool.readOnly ? 'read' : 'write');
}

/** Whether a person has to approve a call. */
export function needsApproval({ token }: Caller, { name, readOnly }: Tool): boolean {
  const { approval = 'none' } = token?.scope ?? {};
  if (Array.isArray(approval)) return approval.includes(name);
  return approval === 'all' || (approval === 'writes' && !readOnly);
}

const DAY_S = 86_400;

/** Counts a call of a token against its day. Throws `rate_limited` when the day is used up. */
export async function countCall({ store, clock }: Engine, { token }: Caller): Promise<void> {
  const limit = token?.scope?.calls_per_day;
  if (limit === undefined) return;
  const now = clock.now();
  const { taken, windows } = await store.counters.take(`token:${token!.id}`, 'calls', [{ seconds: DAY_S, limit }], {
    now,
  });
  if (taken) return;
  throw new EngineError('rate_limited', `This token may make ${limit} calls a day, and they are used up.`, {
    retryAfterS: Math.max(1, Math.ceil((windows[0]!.resetsAt - now) / 1000)),
  });
}
