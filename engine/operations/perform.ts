import type { Admitted } from './access.ts';
import { nothingAsked, type Standing } from './limits.ts';
import { readInput, type Call, type Engine, type FileBody, type Operation } from './operation.ts';
import { assertLimitable, assertRecipients } from './recipients.ts';
import { keptFrom, without } from './secrets.ts';

/** A call by somebody who was let in, from whichever surface. */
export interface Asked extends Admitted {
  /** Brings what was asked, unchecked. Called only once the limits let the call through. */
  read: () => Promise<{ fields: Record<string, unknown>; file?: FileBody; idempotencyKey?: string }>;
  /** Hears how the limit of the call stands, before anything is thrown. */
  show?: (standing: Standing) => void;
}

/**
 * Carries a call out within its limits and the recipients of its token, and answers the output with the input as it was
 * read.
 */
export async function perform(engine: Engine, operation: Operation, { caller, record, read, show }: Asked) {
  assertLimitable(operation, caller);
  const turn = engine.limits.turn(operation, record, show);
  await turn.begin();
  try {
    const { fields, ...brought } = await read();
    const input = readInput(operation, fields);
    const { idempotencyKey } = brought;
    await assertRecipients(engine, operation, caller, { sessionId: record?.id, input, idempotencyKey });
    const call = {
      engine,
      caller,
      turn,
      ...brought,
      ...(record && { record, session: engine.sessions.get(record.id) }),
    };
    const run = () => operation.run(call as Call, input as never);
    // A message counts itself, when it is accepted.
    const output = operation.limit === 'message_send' ? await run() : await turn.counting(run, nothingAsked);
    return { input, output: without(output, keptFrom(caller)) };
  } finally {
    turn.end();
  }
}
