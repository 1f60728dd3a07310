import type { AnswerChange } from '../store/store.ts';
import {
  areJidsSameUser,
  getAllBinaryNodeChildren,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  jidNormalizedUser,
  type BinaryNode,
} from './baileys.ts';
import type { Me } from './describe.ts';
import { approvalOf, readMember, textOf, type Group, type Member } from './group.ts';
import { isSame } from './people.ts';

/**
 * What a `<notification type=w:gp2>` makes of the group that is remembered, so that it need not be asked for again.
 * Where the notice does not say enough, and where the account itself goes or comes, the group is forgotten, and the
 * next one who wants it asks.
 */
export function groupNews(stanza: BinaryNode, me: Me): AnswerChange {
  const subject = jidNormalizedUser(stanza.attrs['from']);
  const next = (value: unknown) => {
    const before = value as Group | undefined;
    const { addressing_mode: addressing = before?.addressing } = stanza.attrs;
    // It names its members otherwise than before, all of them.
    if (addressing !== before?.addressing) return undefined;
    return getAllBinaryNodeChildren(stanza).reduce<Group | undefined>(
      (group, notice) => group && NEWS[notice.tag]?.(group, notice, me),
      before,
    );
  };
  return { kind: 'group', subject, next };
}

/** The group as it is after a notice; undefined when that cannot be told. */
type News = (group: Group, notice: BinaryNode, me: Me) => Group | undefined;

const same: News = (group) => group;
const set =
  (fields: (notice: BinaryNode) => Partial<Group>): News =>
  (group, notice) => ({ ...group, ...fields(notice) });

/** By the tag of the notification's child; a tag that is not here says that everything may be different. */
const NEWS: Record<string, News> = {
  add: (group, notice, me) => {
    const added = membersIn(notice, me);
    // Without the address that the group knows its members by, nothing can be sent to them.
    if (!added?.every(({ lid, phone }) => (group.addressing === 'lid' ? lid : phone))) return undefined;
    const others = group.members.filter((one) => !added.some((member) => isSame(one, member)));
    return withMembers(group, [...others, ...added]);
  },
  remove: without,
  leave: without,
  promote: withRole('admin'),
  demote: withRole(null),

  subject: (group, { attrs }) => (attrs['subject'] ? { ...group, subject: attrs['subject'] } : undefined),
  description: (group, notice) => {
    const { id } = notice.attrs;
    if (!id) return undefined;
    const desc = textOf(getBinaryNodeChild(notice, 'body')) || null;
    return { ...group, desc, descId: desc === null ? null : id };
  },
  announcement: set(() => ({ announce: true })),
  not_announcement: set(() => ({ announce: false })),
  locked: set(() => ({ restrict: true })),
  unlocked: set(() => ({ restrict: false })),
  ephemeral: set(({ attrs }) => ({ disappearAfter: Number(attrs['expiration'] ?? 0) })),
  not_ephemeral: set(() => ({ disappearAfter: 0 })),
  membership_approval_mode: set((notice) => ({ joinApproval: approvalOf(notice) ?? false })),
  member_add_mode: set((notice) => ({ memberAdd: textOf(notice) === 'all_member_add' })),

  // about nothing that is remembered
  invite: same,
  created_membership_requests: same,
  revoked_membership_requests: same,
};

function without(group: Group, notice: BinaryNode, me: Me): Group | undefined {
  const gone = membersIn(notice, me);
  if (!gone || !gone.every((one) => group.members.some((member) => isSame(one, member)))) return undefined;
  const left = group.members.filter((one) => !gone.some((member) => isSame(one, member)));
  return withMembers(group, left);
}

function withRole(admin: Member['admin']): News {
  return (group, notice) => {
    const meant = getBinaryNodeChildren(notice, 'participant').flatMap((node) => readMember(node) ?? []);
    const known = meant.every((one) => group.members.some((member) => isSame(one, member)));
    if (meant.length === 0 || !known) return undefined;
    const members = group.members.map((one) => (meant.some((member) => isSame(one, member)) ? { ...one, admin } : one));
    return { ...group, members };
  };
}

/** The people of a notice; undefined when there are none, or this account is one of them. */
function membersIn(notice: BinaryNode, { id, lid }: Me): Member[] | undefined {
  const members = getBinaryNodeChildren(notice, 'participant').flatMap((node) => readMember(node) ?? []);
  const mine = (one: Member) => [one.jid, one.lid ?? undefined].some((at) => areJidsSameUser(at, id) || isMe(at, lid));
  return members.length === 0 || members.some(mine) ? undefined : members;
}

const isMe = (address: string | undefined, lid: string | undefined) => Boolean(lid) && areJidsSameUser(address, lid);

/** WhatsApp counts more members than it names in some groups. */
const withMembers = (group: Group, members: Member[]): Group => ({
  ...group,
  members,
  size: group.size + members.length - group.members.length,
});
