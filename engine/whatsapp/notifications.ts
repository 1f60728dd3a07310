import type { NewEvent, Subject } from '../events.ts';
import type { AnswerChange, AnswerKind, Change, ContactFacts, IdentityNews } from '../store/store.ts';
import {
  areJidsSameUser,
  getAllBinaryNodeChildren,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  jidDecode,
  jidNormalizedUser,
  type BinaryNode,
} from './baileys.ts';
import { approvalOf, describeGroup, readGroup, readMember, textOf } from './group.ts';
import { groupNews } from './group-news.ts';
import type { Me } from './describe.ts';
import { identityEnded } from './identities.ts';
import { isGroup } from './jid.ts';
import { isSame, person, type Person } from './people.ts';

/** What a notification makes true; it is made once, however often WhatsApp delivers the stanza. */
export type Notice = Pick<Change, 'events' | 'directory' | 'answers' | 'identities'> & { once: string };

/**
 * A `<notification>` about groups, pictures, about texts or identities, read before Baileys acknowledges it: what WhatsApp says
 * once and takes as said (docs/decisions/0003-asking-whatsapp.md). `undefined` for all others.
 */
export function readNotification(stanza: BinaryNode, me: Me): Notice | undefined {
  const { type, from, id } = stanza.attrs;
  if (!from || !id) return undefined;
  const once = `notification ${from} ${id}`;
  switch (type) {
    case 'w:gp2': {
      const events = readGroupNotification(stanza);
      return { once, events, answers: [groupNews(stanza, me)] };
    }
    case 'picture': {
      const change = getBinaryNodeChild(stanza, 'set') ?? getBinaryNodeChild(stanza, 'delete');
      const news = readPicture(stanza, me);
      return { once, ...(news && { directory: news }), answers: [forgotten('picture', change?.attrs['jid'] ?? from)] };
    }
    case 'status': {
      const news = readAbout(stanza, me);
      return { once, ...(news && { directory: news }), answers: [forgotten('person', from)] };
    }
    case 'encrypt': {
      const identities = readIdentity(stanza, me);
      return identities && { once, identities };
    }
    default:
      return undefined;
  }
}

/** Somebody has installed WhatsApp anew, or on another phone. What becomes of their linked devices is not told here. */
function readIdentity(stanza: BinaryNode, me: Me): IdentityNews[] | undefined {
  const { from = '', lid, t } = stanza.attrs;
  const who = person(from, lid);
  if (!who || !getBinaryNodeChild(stanza, 'identity') || jidDecode(from)?.device) return undefined;
  if (areJidsSameUser(from, me.id) || areJidsSameUser(from, me.lid)) return undefined;
  const addresses = { ...(who.phone && { jid: who.jid }), ...(who.lid && { lid: who.lid }) };
  return [identityEnded(addresses, Number(t) * 1000)];
}

/** What WhatsApp has answered about it is no longer so. */
export const forgotten = (kind: AnswerKind, subject: string): AnswerChange => ({
  kind,
  subject: jidNormalizedUser(subject),
  next: () => undefined,
});

/** One notification: where it happened, who did it, and when. */
interface Notification {
  jid: string;
  by: Person | undefined;
  /** For every event of this notification. */
  base: Subject & { lane: string };
}

function readGroupNotification(stanza: BinaryNode): NewEvent[] {
  const { attrs } = stanza;
  const jid = jidNormalizedUser(attrs['from']);
  const by = person(attrs['participant'], attrs['participant_pn'], attrs['participant_lid']);
  const base = { jid, lane: jid, ...subjectOf(by) };
  return getAllBinaryNodeChildren(stanza).flatMap((child) => READERS[child.tag]?.({ jid, by, base }, child) ?? []);
}

type Reader = (about: Notification, child: BinaryNode) => NewEvent[];

/** What happens to groups, by the tag of the notification's child. */
const READERS: Record<string, Reader> = {
  create: ({ base, by }, child) => {
    const group = getBinaryNodeChild(child, 'group');
    if (!group) return [];
    const data = { ...describeGroup(readGroup(group)), ...(by && { by }) };
    return [{ event: 'groups.upsert', ...base, data: [data] }];
  },

  add: (about, child) => participants(about, child, 'add'),
  remove: (about, child) => participants(about, child, 'remove'),
  leave: (about, child) => participants(about, child, 'remove'),
  promote: (about, child) => participants(about, child, 'promote'),
  demote: (about, child) => participants(about, child, 'demote'),
  // somebody has changed the number
  modify: (about, child) => participants(about, child, 'modify'),

  subject: (about, { attrs }) => update(about, { subject: attrs['subject'] ?? '' }),
  description: (about, child) => update(about, { desc: textOf(getBinaryNodeChild(child, 'body')) || null }),
  announcement: (about) => update(about, { announce: true }),
  not_announcement: (about) => update(about, { announce: false }),
  locked: (about) => update(about, { restrict: true }),
  unlocked: (about) => update(about, { restrict: false }),
  ephemeral: (about, { attrs }) => update(about, { disappearAfter: Number(attrs['expiration'] ?? 0) }),
  not_ephemeral: (about) => update(about, { disappearAfter: 0 }),
  invite: (about, { attrs }) => (attrs['code'] ? update(about, { inviteCode: attrs['code'] }) : []),
  membership_approval_mode: (about, child) => update(about, { joinApproval: approvalOf(child) ?? false }),
  member_add_mode: (about, child) => update(about, { memberAdd: textOf(child) === 'all_member_add' }),
  suspended: (about) => update(about, { suspended: true }),
  unsuspended: (about) => update(about, { suspended: false }),
  delete: (about) => update(about, { deleted: true }),
  link: (about, child) => update(about, { community: communityOf(child) }),
  unlink: (about, child) => (communityOf(child) ? update(about, { community: null }) : []),

  created_membership_requests: (about, child) => joinRequests(about, child, () => 'created'),
  // who asked has thought better of it, or an admin has said no
  revoked_membership_requests: (about, child) =>
    joinRequests(about, child, (one) => (about.by && isSame(one, about.by) ? 'revoked' : 'rejected')),
};

function update({ base, jid, by }: Notification, changes: Record<string, unknown>): NewEvent[] {
  return [{ event: 'groups.update', ...base, data: [{ jid, id: jid, ...changes, ...(by && { by }) }] }];
}

/** `leave`, and a removal of oneself, is told as a removal with the reason `left`; WasenderApi knows four actions. */
function participants({ base, jid, by }: Notification, child: BinaryNode, action: string): NewEvent[] {
  const members = getBinaryNodeChildren(child, 'participant').flatMap((node) => readMember(node) ?? []);
  if (members.length === 0) return [];
  const left = action === 'remove' && (child.tag === 'leave' || members.every((one) => by && isSame(one, by)));
  const reason = left ? 'left' : child.attrs['reason'];
  const data = {
    jid,
    id: jid,
    participants: members.map((member) => member.jid),
    action,
    ...(reason && { reason }),
    ...(by && { by }),
    members: members.map(({ jid, lid, phone }) => ({ jid, lid, phone })),
  };
  return [{ event: 'group-participants.update', ...base, data }];
}

function joinRequests(
  { base, jid, by }: Notification,
  child: BinaryNode,
  actionOf: (one: Person) => string,
): NewEvent[] {
  const named = getAllBinaryNodeChildren(child).flatMap(
    ({ attrs }) => person(attrs['jid'], attrs['phone_number']) ?? [],
  );
  const asking = named.length > 0 ? named : by ? [by] : [];
  const method = child.attrs['request_method'];
  return asking.map((one) => ({
    event: 'group.join-request',
    ...base,
    ...subjectOf(one),
    data: {
      jid,
      participant: one.jid,
      lid: one.lid,
      phone: one.phone,
      action: actionOf(one),
      ...(method && { method }),
      ...(by && { by }),
    },
  }));
}

function communityOf(link: BinaryNode): string | null {
  if (link.attrs['link_type'] !== 'parent_group' && link.attrs['unlink_type'] !== 'parent_group') return null;
  const jid = getBinaryNodeChild(link, 'group')?.attrs['jid'];
  return jid ? jidNormalizedUser(jid) : null;
}

/**
 * `<notification type=picture><set | delete>`: a removal is told at once; the URL of a new picture has to be asked for,
 * which stays noted until it was (directory.ts).
 */
function readPicture(stanza: BinaryNode, me: Me): Change['directory'] {
  const change = getBinaryNodeChild(stanza, 'set') ?? getBinaryNodeChild(stanza, 'delete');
  const jid = jidNormalizedUser(change?.attrs['jid'] ?? stanza.attrs['from']);
  if (!change || isMine(jid, me)) return undefined;
  const picture = change.tag === 'set' ? { pictureChanged: true } : { imgUrl: null, pictureChanged: false };
  if (isGroup(jid)) {
    const { participant, participant_pn, participant_lid } = stanza.attrs;
    const by = person(change.attrs['author'], participant, participant_pn, participant_lid);
    const told = update({ jid, by, base: { jid, lane: jid, ...subjectOf(by) } }, { imgUrl: null });
    return { chats: [{ jid, ...picture, pictureOnly: true }], events: () => (change.tag === 'set' ? [] : told) };
  }
  const facts = factsOf(person(jid), picture);
  const told = change.tag === 'set' ? undefined : { imgUrl: null };
  return facts && { contacts: [facts], events: (_, find) => (told ? contactUpdate(find(jid) ?? facts, told) : []) };
}

/** `<notification type=status><set>the new about text</set>`. */
function readAbout(stanza: BinaryNode, me: Me): Change['directory'] {
  const set = getBinaryNodeChild(stanza, 'set');
  const from = jidNormalizedUser(stanza.attrs['from']);
  if (!set || isMine(from, me)) return undefined;
  const about = textOf(set) || null;
  const facts = factsOf(person(from), { about });
  return (
    facts && {
      contacts: [facts],
      events: ({ contacts }) => contacts.flatMap(({ after }) => contactUpdate(after, { status: about })),
    }
  );
}

function factsOf(who: Person | undefined, facts: ContactFacts): ContactFacts | undefined {
  if (!who) return undefined;
  return { ...(who.phone && { jid: who.jid }), ...(who.lid && { lid: who.lid }), ...facts };
}

/** A single `contacts.update` of a known contact. */
export function contactUpdate(
  { jid, lid }: { jid?: string | null | undefined; lid?: string | null | undefined },
  changes: Record<string, unknown>,
): NewEvent[] {
  const who = person(jid, lid);
  if (!who) return [];
  const data = [{ jid: who.jid, id: who.jid, lid: who.lid, phone: who.phone, ...changes }];
  return [{ event: 'contacts.update', lane: 'contacts', jid: who.jid, ...subjectOf(who), data }];
}

export function subjectOf(who: Person | undefined): Subject {
  return { ...(who?.lid && { lid: who.lid }), ...(who?.phone && { phone: who.phone }) };
}

const isMine = (jid: string, me: Me) => areJidsSameUser(jid, me.id) || areJidsSameUser(jid, me.lid);
