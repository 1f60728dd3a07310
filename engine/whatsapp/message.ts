import { EngineError } from '../errors.ts';
import type { MessageRecord } from '../model.ts';
import { getContentType, normalizeMessageContent, proto, type WAMessageKey } from './baileys.ts';
import { bodyOf, plain } from './describe.ts';
import { toJid } from './jid.ts';
import { keyTo } from './outgoing.ts';
import { pollOf, tally, type PollOption } from './polls.ts';
import type { Session } from './session.ts';

/** The content of a message as webhooks show it; null before WhatsApp's form of it exists. */
export function contentAsJson({ content }: MessageRecord): Record<string, unknown> | null {
  return content && plain(proto.Message.decode(content));
}

/** What a message says, and what it is, in WhatsApp's name for it (`conversation`, `imageMessage` …). */
export function gistOf({ content }: MessageRecord): { text: string; type: string | null } {
  const message = content ? normalizeMessageContent(proto.Message.decode(content)) : undefined;
  return { text: bodyOf(message), type: getContentType(message) ?? null };
}

/** What a poll asks, in WhatsApp's form of it, or as it was asked to be sent before that exists. */
export function questionOf({ content, request }: MessageRecord): { question: string; options: string[] } {
  const poll = content ? pollOf(proto.Message.decode(content)) : undefined;
  if (!poll) return { question: request?.poll?.question ?? '', options: request?.poll?.options ?? [] };
  return { question: poll.name ?? '', options: (poll.options ?? []).map(({ optionName }) => optionName ?? '') };
}

/** The key that WhatsApp knows a message by, for one that a caller names: the stored message completes it. */
export async function keyFor(session: Session, named: WAMessageKey): Promise<WAMessageKey> {
  const stored = await session.messages.get(named.id!).catch(() => undefined);
  if (stored && stored.fromMe === named.fromMe) return keyTo(stored, session.me);
  return { ...named, remoteJid: toJid(named.remoteJid!, 'key.remoteJid') };
}

/** How a poll stands. Throws `bad_request` for a message that is none. */
export async function pollResults(session: Session, message: MessageRecord): Promise<PollOption[]> {
  const isPoll = message.content && pollOf(proto.Message.decode(message.content));
  if (!isPoll) throw new EngineError('bad_request', 'This message is no poll.');
  return tally(message, await session.messages.about(message), session.me);
}
