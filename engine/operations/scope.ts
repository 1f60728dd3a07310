import { z } from 'zod';
import { EngineError, validationFailed } from '../errors.ts';
import type { TokenScope } from '../model.ts';
import type { Store } from '../store/store.ts';
import { toJid } from '../whatsapp/jid.ts';
import type { Caller } from './access.ts';
import type { Engine, Operation, Tool } from './operation.ts';

const names = z.array(z.string().min(1).max(100)).min(1).max(200);

/** A scope as it is asked for. */
export const tokenScope = z.object({
  tools: names
    .optional()
    .describe('Tools that may be called; read and write stand for all that change nothing, or something. None: all')
    .meta({ examples: [['read', 'send_text_message']] }),
  sessions: z
    .array(z.int().min(1))
    .min(1)
    .max(1000)
    .optional()
    .describe('Ids of the sessions that may be used; all without it')
    .meta({ examples: [[1]] }),
  recipients: names
    .optional()
    .describe('Numbers and addresses of people, groups and channels that calls may be about; all without it')
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

/** A scope in its stored form. Throws `validation_failed` for tools that do not exist, and for what is no address. */
export async function readScope(scope: z.output<typeof tokenScope>): Promise<TokenScope> {
  // The list of operations holds the one that makes tokens.
  const { operations } = await import('./index.ts');
  const known = operations.flatMap(({ tools = [] }) => tools.map(({ name }) => name));
  const check = (field: string, given: readonly string[], groups: readonly string[]) => {
    const wrong = given.filter((name) => !known.includes(name) && !groups.includes(name));
    if (wrong.length > 0) throw validationFailed({ [field]: [`There is no tool ${wrong.join(', ')}.`] });
  };
  const { tools, recipients, approval, ...rest } = scope;
  if (tools) check('scope.tools', tools, ['read', 'write']);
  if (Array.isArray(approval)) check('scope.approval', approval, []);
  const given = Object.entries(rest).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries(given),
    ...(tools && { tools }),
    ...(recipients && { recipients: recipients.map((typed) => toJid(typed, 'scope.recipients')) }),
    ...(approval && { approval }),
  };
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
  if (!token) return operation.access !== 'account';
  const { tools, sessions } = token.scope ?? {};
  // A new session would not be among those that the scope names.
  if (sessions && operation.id === 'session.create') return false;
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
