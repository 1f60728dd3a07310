import { EngineError, validationFailed } from '../../errors.ts';
import type { Caller } from '../../operations/access.ts';
import { assertRecipients } from '../../operations/recipients.ts';
import { sessionsOf } from '../../operations/scope.ts';
import type { SessionRecord } from '../../model.ts';
import { readInput, type Engine, type Operation } from '../../operations/operation.ts';
import { SESSION, type McpTool } from './tools.ts';

/** What a tool call asks for, to be performed: the operation, with the rules of the tool among its own. */
export interface ReadCall {
  operation: Operation;
  record: SessionRecord | undefined;
  fields: Record<string, unknown>;
  /** The same, checked. */
  input: Record<string, unknown>;
}

/** Reads what a tool is called with. Throws what the model has to be told of the session. */
export async function readCall(
  engine: Engine,
  caller: Caller,
  { tool, operation, fields, ofSession }: McpTool,
  { session_id: sessionId, ...args }: Record<string, unknown>,
): Promise<ReadCall> {
  const session = ofSession ? await sessionFor(engine, caller, sessionId) : undefined;
  const raw = { ...args, ...tool.set, ...(session !== undefined && { [SESSION]: session }) };
  const wrong = { ...unknown(args, fields), ...missing(args, tool.required ?? []) };
  const rules = Object.keys(wrong).length > 0 ? () => wrong : operation.rules;
  const record = session === undefined ? undefined : await engine.store.sessions.get(session);
  const ruled = { ...operation, ...(rules && { rules }) };
  const input = readInput(ruled, raw);
  // Nobody is asked to approve, and no call is counted, that would be refused.
  await assertRecipients(engine, operation, caller, { sessionId: session, input });
  return { operation: ruled, record, fields: raw, input };
}

const given = (value: unknown) => value !== undefined && value !== null && value !== '';

const missing = (args: Record<string, unknown>, required: readonly string[]): Record<string, string[]> =>
  Object.fromEntries(
    required.filter((name) => !given(args[name])).map((name) => [name, [`The ${name} field is required.`]]),
  );

/** A field that is ignored is a call that does something else than the model thinks. */
const unknown = (args: Record<string, unknown>, fields: readonly string[]): Record<string, string[]> =>
  Object.fromEntries(
    Object.keys(args)
      .filter((name) => !fields.includes(name))
      .map((name) => [name, [`This tool has no field ${name}; it has ${fields.join(', ') || 'none'}.`]]),
  );

/** The session that a call is about: the one it names, or the only one that the caller may use. */
async function sessionFor(engine: Engine, caller: Caller, named: unknown): Promise<number> {
  const allowed = await sessionsOf(engine.store, caller);
  if (named === undefined || named === null) {
    if (allowed.length === 1) return allowed[0]!;
    const which = allowed.length > 0 ? `Give session_id, one of ${allowed.join(', ')}.` : 'There is no session yet.';
    throw validationFailed({ session_id: [which] });
  }
  // Models write numbers as text, too.
  const id = allowed.find((one) => named === one || named === String(one));
  if (id !== undefined) return id;
  throw new EngineError(
    'session_not_found',
    `There is no such session that you may use. Sessions: ${allowed.join(', ') || 'none'}.`,
  );
}
