import type { Addresses, Known, Said } from '../store/store.ts';
import { getContentType, jidNormalizedUser, normalizeMessageContent, type proto, type WAMessage } from './baileys.ts';
import { changeOf } from './changes.ts';
import { bodyOf, type Me } from './describe.ts';
import { chosenBy } from './polls.ts';

/** What a message says, or does to another one; `undefined` for what is neither said nor a vote nor a reaction. */
export function saidIn({ key, message, pushName }: WAMessage, author: Addresses, me: Me): Said | undefined {
  const content = normalizeMessageContent(message);
  const type = getContentType(content);
  const change = content && changeOf(content);
  if (!content || !type || (change && change.kind !== 'reaction' && change.kind !== 'vote')) return undefined;
  const context = (content[type] as { contextInfo?: proto.IContextInfo | null } | null)?.contextInfo;
  return {
    ...(key.fromMe ? { jid: jidNormalizedUser(me.id), lid: me.lid && jidNormalizedUser(me.lid) } : author),
    ...{ text: change ? '' : bodyOf(content), type },
    ...(pushName && { name: pushName }),
    ...(context?.stanzaId && { quotes: context.stanzaId }),
    ...(change?.kind === 'reaction' && { emoji: content.reactionMessage!.text ?? '' }),
    ...(change?.kind === 'vote' && { chosen: (known: Known) => chosenIn(known, key.id!, me) }),
  };
}

function chosenIn(known: Known, waId: string, { id, lid }: Me): string[] {
  const poll = known.target();
  const vote = known.others().findLast((one) => one.waId === waId);
  const account = { jid: jidNormalizedUser(id), lid: lid ? jidNormalizedUser(lid) : null };
  return poll && vote ? chosenBy(vote, poll, account) : [];
}
