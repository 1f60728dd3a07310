import type { WASocket } from './baileys.ts';
import { Refusal } from './failure.ts';
import { answered } from './query.ts';

/** There is no picture, or this account may not see it. To whoever asks that is the same. */
const NONE = [401, 403, 404];
const ANSWER_MS = 10_000;

/** URL of the profile picture of a person, group or channel; null when there is none to be seen. */
export async function pictureUrl(wa: WASocket, jid: string): Promise<string | null> {
  try {
    return (await answered(() => wa.profilePictureUrl(jid, 'image', ANSWER_MS))) ?? null;
  } catch (error) {
    const code = error instanceof Refusal ? error.code : (error as { data?: unknown }).data;
    if (typeof code === 'number' && NONE.includes(code)) return null;
    throw error;
  }
}
