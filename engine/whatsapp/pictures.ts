import type { WASocket } from './baileys.ts';
import { answered, query } from './query.ts';

/** There is no picture, or this account may not see it. To whoever asks that is the same. */
const NONE = [401, 403, 404];
const ANSWER_MS = 10_000;

/** URL of the profile picture of a person or a group; null when there is none to be seen. */
export async function pictureUrl(wa: WASocket, jid: string): Promise<string | null> {
  try {
    return (await answered(() => wa.profilePictureUrl(jid, 'image', ANSWER_MS))) ?? null;
  } catch (error) {
    const code = (error as { data?: unknown }).data;
    if (typeof code === 'number' && NONE.includes(code)) return null;
    throw error;
  }
}

/** Gives a group a picture (JPEG), or takes it away. */
export async function setPicture(wa: WASocket, jid: string, jpeg: Buffer | null): Promise<void> {
  const attrs = { to: '@s.whatsapp.net', target: jid, type: 'set', xmlns: 'w:profile:picture' } as const;
  const picture = { tag: 'picture', attrs: { type: 'image' }, content: jpeg ?? Buffer.alloc(0) };
  await query(wa, attrs, jpeg ? [picture] : undefined);
}
