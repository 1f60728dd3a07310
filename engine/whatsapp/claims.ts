import type { BinaryNode, SignalKeyStore } from './baileys.ts';
import { jidDecode } from './baileys.ts';
import { lidOf } from './jid.ts';

/** Where a message's envelope says under which other address its author is known. */
const OTHER_ADDRESSES = ['sender_lid', 'sender_pn', 'participant_lid', 'participant_pn'] as const;

/**
 * The attributes of a message in which its author claims an address that WhatsApp has told to be somebody else's. To be
 * asked before Baileys works on the stanza: it notes what an envelope says.
 */
export async function refutedClaims({ attrs }: BinaryNode, keys: SignalKeyStore): Promise<string[]> {
  const author = attrs['participant'] ?? attrs['from'];
  const claims = OTHER_ADDRESSES.flatMap((name) => {
    const [lid, pn] = lidOf(author) ? [author, attrs[name]] : [attrs[name], author];
    const [lidUser, pnUser] = [lid && jidDecode(lid)?.user, pn && jidDecode(pn)?.user];
    return lidUser && pnUser ? [{ name, lidUser, pnUser }] : [];
  });
  if (claims.length === 0) return [];
  const asked = claims.flatMap(({ lidUser, pnUser }) => [pnUser, `${lidUser}_reverse`]);
  const told = await keys.get('lid-mapping', asked);
  return claims
    .filter(
      ({ lidUser, pnUser }) =>
        (told[pnUser] ?? lidUser) !== lidUser || (told[`${lidUser}_reverse`] ?? pnUser) !== pnUser,
    )
    .map(({ name }) => name);
}
