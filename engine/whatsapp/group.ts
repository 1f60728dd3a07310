import { getBinaryNodeChild, getBinaryNodeChildren, jidNormalizedUser, type BinaryNode } from './baileys.ts';
import { person, type Person, type WhoIs } from './people.ts';

/** A member of a group. */
export interface Member extends Person {
  admin: 'admin' | 'superadmin' | null;
}

/** A group as WhatsApp describes it. */
export interface Group {
  jid: string;
  subject: string;
  /** Seconds since 1970. */
  creation: number | null;
  owner: Person | null;
  desc: string | null;
  /** Of the description: a new one names the one that it replaces. */
  descId: string | null;
  size: number;
  /** Only admins may write. */
  announce: boolean;
  /** Only admins may change subject, description and picture. */
  restrict: boolean;
  /** An admin has to approve whoever comes by the invite link. */
  joinApproval: boolean;
  /** Every member may add members, not only admins. */
  memberAdd: boolean;
  /** Seconds after which messages disappear; 0: they stay. */
  disappearAfter: number;
  isCommunity: boolean;
  /** The community that the group belongs to. */
  community: string | null;
  /** By which of their addresses the group names its members. */
  addressing: 'lid' | 'pn';
  members: Member[];
}

/** Reads `<group>`. */
export function readGroup(group: BinaryNode): Group {
  const { attrs } = group;
  const has = (tag: string) => getBinaryNodeChild(group, tag) !== undefined;
  const description = getBinaryNodeChild(group, 'description');
  const members = getBinaryNodeChildren(group, 'participant').flatMap((node) => readMember(node) ?? []);
  return {
    jid: groupJid(attrs['id'] ?? ''),
    subject: attrs['subject'] ?? '',
    creation: attrs['creation'] ? Number(attrs['creation']) : null,
    owner: person(attrs['creator'], attrs['creator_pn'], attrs['creator_lid']) ?? null,
    desc: description ? textOf(getBinaryNodeChild(description, 'body')) || null : null,
    descId: description?.attrs['id'] ?? null,
    size: attrs['size'] ? Number(attrs['size']) : members.length,
    announce: has('announcement'),
    restrict: has('locked'),
    joinApproval: approvalOf(getBinaryNodeChild(group, 'membership_approval_mode')) ?? has('membership_approval_mode'),
    memberAdd: textOf(getBinaryNodeChild(group, 'member_add_mode')) === 'all_member_add',
    disappearAfter: Number(getBinaryNodeChild(group, 'ephemeral')?.attrs['expiration'] ?? 0),
    isCommunity: has('parent'),
    community: getBinaryNodeChild(group, 'linked_parent')?.attrs['jid'] ?? null,
    addressing: attrs['addressing_mode'] === 'lid' ? 'lid' : 'pn',
    members,
  };
}

const groupJid = (id: string) => (id.includes('@') ? jidNormalizedUser(id) : `${id}@g.us`);

/** Reads `<participant jid [phone_number | lid] [type]>`. */
export function readMember({ attrs }: BinaryNode): Member | undefined {
  const found = person(attrs['jid'], attrs['phone_number'], attrs['lid']);
  const type = attrs['type'];
  return found && { ...found, admin: type === 'admin' || type === 'superadmin' ? type : null };
}

/** The members as the group itself names them, which is how they are written to. */
export function memberJids({ addressing, members }: Group): string[] {
  return members.map(({ jid, lid }) => (addressing === 'lid' ? (lid ?? jid) : jid));
}

/** `<membership_approval_mode><group_join state>`. */
export function approvalOf(mode: BinaryNode | undefined): boolean | undefined {
  const state = getBinaryNodeChild(mode, 'group_join')?.attrs['state'];
  return state === undefined ? undefined : state === 'on';
}

/** A node's content as text. */
export function textOf(node: BinaryNode | undefined): string {
  const content = node?.content;
  if (typeof content === 'string') return content;
  return content instanceof Uint8Array ? Buffer.from(content).toString('utf8') : '';
}

/** The group with the addresses of its people completed from what this account knows. */
export function completed(group: Group, whoIs: WhoIs): Group {
  const complete = <P extends Person>(one: P): P => ({ ...one, ...whoIs(one.jid, one.lid) });
  return { ...group, owner: group.owner && complete(group.owner), members: group.members.map(complete) };
}

/** All addresses in a group, for {@link completed}. */
export const addressesIn = ({ owner, members }: Group): string[] => [
  ...(owner ? [owner.jid] : []),
  ...members.map(({ jid }) => jid),
];

/**
 * A group in WasenderApi's form, as its metadata and `groups.upsert` have it. Its documentation names people and groups
 * by `jid`, its published client by `id`: both are told.
 */
export function describeGroup(group: Group) {
  const { jid, subject, creation, owner, desc, size, announce, restrict, joinApproval, memberAdd } = group;
  return {
    jid,
    id: jid,
    subject,
    creation,
    owner: owner?.jid ?? null,
    desc,
    size,
    announce,
    restrict,
    joinApproval,
    memberAdd,
    disappearAfter: group.disappearAfter,
    isCommunity: group.isCommunity,
    community: group.community,
    participants: group.members.map((member) => ({
      jid: member.jid,
      id: member.jid,
      lid: member.lid,
      phone: member.phone,
      isAdmin: member.admin !== null,
      isSuperAdmin: member.admin === 'superadmin',
    })),
  };
}
