import type { WASocket } from './baileys.ts';
import { isGroup } from './jid.ts';
import { answered, query } from './query.ts';
import type { Session } from './session.ts';

/** There is no picture, or this account may not see it. To whoever asks that is the same. */
const NONE = [401, 403, 404];
const ANSWER_MS = 10_000;

/** Of somebody whom the account knows, and of a group, WhatsApp tells that the picture is another one. */
const TOLD_FRESH_MS = 86_400_000;
/** Of a stranger it tells nothing; and one who has none may have one the next moment. */
const STRANGER_FRESH_MS = 3_600_000;
/** A URL that is about to expire is of no use to whoever gets it. */
const USABLE_MS = 3_600_000;

/**
 * URL of the profile picture of a person or a group; null when there is none to be seen. WhatsApp is asked when it has
 * told of a change, when its URL is about to expire, and now and then. Throws as {@link Session.question} does.
 */
export async function pictureOf(session: Session, jid: string, { fresh = false } = {}): Promise<string | null> {
  const told = isGroup(jid) || (await session.directory.contact(jid)) !== undefined;
  const { url } = await session.known<{ url: string | null }>({
    kind: 'picture',
    subject: jid,
    fresh,
    freshMs: ({ url }) => {
      if (url === null) return told ? TOLD_FRESH_MS : 0;
      if (expiresAt(url) < session.clock.now() + USABLE_MS) return 0;
      return told ? TOLD_FRESH_MS : STRANGER_FRESH_MS;
    },
    ask: () => session.question(async (wa) => ({ url: await pictureUrl(wa, jid) }), { budget: 'profile_pictures' }),
  });
  return url;
}

/** WhatsApp's URLs say in `oe` until when they are good: seconds since 1970, in hex. */
function expiresAt(url: string): number {
  const seconds = parseInt(new URL(url).searchParams.get('oe') ?? '', 16);
  return Number.isNaN(seconds) ? Infinity : seconds * 1000;
}

async function pictureUrl(wa: WASocket, jid: string): Promise<string | null> {
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
