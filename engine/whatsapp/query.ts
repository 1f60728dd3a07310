import type { BinaryNode, WASocket } from './baileys.ts';
import { NoAnswer, Refusal } from './failure.ts';

/** After so long without an answer a question counts as unanswered. */
const ANSWER_MS = 20_000;

/**
 * Asks WhatsApp with a stanza of our own making. Most of Baileys' own functions take an answer that never came for a
 * yes; this one throws {@link NoAnswer}, and {@link Refusal} for a no.
 */
export async function query(
  wa: WASocket,
  attrs: { to: string; type: 'get' | 'set'; xmlns: string; [attr: string]: string },
  content?: BinaryNode[],
  timeoutMs = ANSWER_MS,
): Promise<BinaryNode> {
  const iq = { tag: 'iq', attrs: { ...attrs, id: wa.generateMessageTag() }, ...(content && { content }) };
  const answer = await answered(() => wa.query(iq, timeoutMs) as Promise<BinaryNode | undefined>);
  if (!answer) throw new NoAnswer();
  return answer;
}

/** Puts what Baileys throws for a question that stays without an answer into our words. */
export async function answered<T>(question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    if (error instanceof Error && error.message === 'Timed Out') throw new NoAnswer(undefined, { cause: error });
    throw error;
  }
}

/** WhatsApp's codes for one of several things that were asked at once: `error` of an item. `undefined`: done. */
export function errorOf(item: BinaryNode | undefined): number | undefined {
  const code = Number(item?.attrs['error']);
  return Number.isFinite(code) && code >= 400 ? code : undefined;
}

/** As {@link errorOf}, for a question about a single thing. */
export function assertDone(item: BinaryNode | undefined): void {
  const code = errorOf(item);
  if (code !== undefined) throw new Refusal(code);
}
