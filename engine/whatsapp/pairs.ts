import type { AnswerChange } from '../store/store.ts';
import { getBinaryNodeChild, getBinaryNodeChildren, type BinaryNode } from './baileys.ts';
import { readMember } from './group.ts';

export interface Pair {
  lid: string;
  phone: string;
}

/** Who has a LID has an account: nobody need ask for the number. */
export const numberOf = ({ phone, lid }: Pair, at: number): AnswerChange => ({
  kind: 'number',
  subject: `${phone}@s.whatsapp.net`,
  next: () => ({ exists: true, lid }),
  at,
});

/** So many pairs are remembered as told before; after that they are told once more. */
const REMEMBERED = 20_000;

/**
 * Which numbers and LIDs are one person, as descriptions of groups say beside their members: the one place where
 * WhatsApp tells both of people who never wrote to this account.
 */
export class Pairs {
  private readonly told = new Set<string>();

  /** The pairs in a stanza that this connection has not told yet. */
  read(stanza: BinaryNode): Pair[] {
    const pairs = groupsIn(stanza)
      .flatMap((group) => getBinaryNodeChildren(group, 'participant'))
      .flatMap((node) => {
        const { lid, phone } = readMember(node) ?? {};
        return lid && phone ? { lid, phone } : [];
      });
    const fresh = pairs.filter(({ lid, phone }) => !this.told.has(`${lid} ${phone}`));
    if (this.told.size > REMEMBERED) this.told.clear();
    for (const { lid, phone } of fresh) this.told.add(`${lid} ${phone}`);
    return fresh;
  }
}

/** `<iq><group>`, `<iq><groups><group>…`, `<notification type=w:gp2><create><group>` and `<add>`. */
function groupsIn(stanza: BinaryNode): BinaryNode[] {
  const { tag, attrs } = stanza;
  if (tag === 'notification' && attrs['type'] === 'w:gp2') {
    const group = getBinaryNodeChild(getBinaryNodeChild(stanza, 'create'), 'group');
    const added = getBinaryNodeChild(stanza, 'add');
    return [group, added].filter((node) => node !== undefined);
  }
  if (tag !== 'iq' || attrs['type'] !== 'result') return [];
  const all = getBinaryNodeChildren(getBinaryNodeChild(stanza, 'groups'), 'group');
  return [...getBinaryNodeChildren(stanza, 'group'), ...all];
}
