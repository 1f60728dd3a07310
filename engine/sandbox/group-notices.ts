import { jidOf, type Account } from './accounts.ts';
import type { Group, JoinRequest, MemberAddMode } from './groups.ts';
import type { Network } from './network.ts';
import { now, stanza, type Stanza } from './stanza.ts';

/** Tells accounts, on all their devices, that something has changed in a group. The one who did it is told too. */
export function changed(network: Network, group: Group, by: Account, told: Account[], change: Stanza): void {
  tell(network, told, group.jid, stanza('notification', { ...attrsOf(network, group, by), type: 'w:gp2' }, [change]));
}

/** Tells those who have come into a group of the whole group; `reason` is `invite` when they came by a link. */
export function created(
  network: Network,
  group: Group,
  by: Account,
  told: Account[],
  how: { type?: string | undefined; key?: string | undefined; reason?: string | undefined },
): void {
  changed(network, group, by, told, stanza('create', how, [groupNode(network, group)]));
}

export function picture(network: Network, group: Group, by: Account, told: Account[], id: string | undefined): void {
  const author = jidOf(by, group.addressing);
  const change = stanza(id === undefined ? 'delete' : 'set', { jid: group.jid, id, author });
  tell(network, told, group.jid, stanza('notification', { ...attrsOf(network, group, by), type: 'picture' }, [change]));
}

function tell(network: Network, told: Account[], from: string, notice: Stanza): void {
  for (const { phone } of told) {
    for (const device of network.accounts.devices(phone)) network.outbox.enqueue(device, notice, from);
  }
}

function attrsOf(network: Network, group: Group, by: Account) {
  return {
    from: group.jid,
    id: network.newId(),
    t: now(),
    ...participantAttrs(group, by),
    addressing_mode: group.addressing,
    notify: by.name,
  };
}

/** Who did it, in the addressing of the group, and their other name. */
export function participantAttrs(
  { addressing }: Pick<Group, 'addressing'>,
  account: Account,
  device = 0,
): Record<string, string> {
  const participant = jidOf(account, addressing, device);
  return addressing === 'lid'
    ? { participant, participant_pn: jidOf(account, 'pn') }
    : { participant, participant_lid: jidOf(account, 'lid') };
}

/** `<participant>` of a list of members. */
export function participantNode(
  { addressing }: Pick<Group, 'addressing'>,
  account: Account,
  more: Record<string, string | number | undefined> = {},
  content?: Stanza[],
): Stanza {
  const other = addressing === 'lid' ? { phone_number: jidOf(account, 'pn') } : { lid: jidOf(account, 'lid') };
  return stanza('participant', { jid: jidOf(account, addressing), ...other, ...more }, content);
}

// --- the changes ---

export function participants(
  what: 'add' | 'remove' | 'promote' | 'demote',
  group: Group,
  whom: Account[],
  reason?: string,
): Stanza {
  const type = what === 'promote' ? 'admin' : undefined;
  return stanza(
    what,
    { reason },
    whom.map((one) => participantNode(group, one, { type })),
  );
}

export function subject(group: Group, by: Account): Stanza {
  return stanza('subject', {
    subject: group.subject,
    s_t: group.subject_time,
    s_o: jidOf(by, group.addressing),
    s_o_pn: group.addressing === 'lid' ? jidOf(by, 'pn') : undefined,
  });
}

export function description({ description: text }: Group, id: string): Stanza {
  const content = text === null ? stanza('delete') : stanza('body', {}, Buffer.from(text));
  return stanza('description', { id }, [content]);
}

export function setting(
  name: 'announce' | 'locked' | 'join_approval' | 'member_add' | 'ephemeral',
  value: number | MemberAddMode,
): Stanza {
  switch (name) {
    case 'announce':
      return stanza(value === 1 ? 'announcement' : 'not_announcement');
    case 'locked':
      return stanza(value === 1 ? 'locked' : 'unlocked');
    case 'ephemeral':
      return value === 0 ? stanza('not_ephemeral') : stanza('ephemeral', { expiration: value });
    case 'member_add':
      return stanza('member_add_mode', {}, Buffer.from(String(value)));
    case 'join_approval':
      return stanza('membership_approval_mode', {}, [stanza('group_join', { state: value === 1 ? 'on' : 'off' })]);
  }
}

export const inviteCode = (code: string): Stanza => stanza('invite', { code });

export function requestCreated(group: Group, who: Account, method: JoinRequest['method']): Stanza {
  const other = group.addressing === 'lid' ? { phone_number: jidOf(who, 'pn') } : { lid: jidOf(who, 'lid') };
  return stanza('created_membership_requests', { request_method: method }, [
    stanza('requested_user', { jid: jidOf(who, group.addressing), ...other }),
  ]);
}

export function requestsRevoked(group: Group, whom: Account[]): Stanza {
  return stanza(
    'revoked_membership_requests',
    {},
    whom.map((one) => participantNode(group, one)),
  );
}

// --- the whole group ---

/**
 * `<group>`, as far as members see it. Somebody who only holds an invitation sees how many there are, and who the
 * admins are: so it is in the answers that WasenderApi documents.
 */
export function groupNode(network: Network, group: Group, seen: 'members' | 'admins' = 'members'): Stanza {
  const members = network.groups.members(group.jid);
  const listed = seen === 'members' ? members : members.filter(({ role }) => role !== 'member');
  const list = listed.map(({ account, role }) =>
    participantNode(group, account, { type: role === 'member' ? undefined : role }),
  );
  const attrs = {
    id: group.jid.replace('@g.us', ''),
    addressing_mode: group.addressing,
    subject: group.subject,
    s_t: group.subject_time,
    ...named(network, group, 's_o', group.subject_owner),
    creation: group.created,
    ...named(network, group, 'creator', group.creator),
    size: members.length,
  };
  return stanza('group', attrs, [...settings(network, group), ...list]);
}

function settings(network: Network, group: Group): Stanza[] {
  const nodes: Stanza[] = [];
  if (group.description !== null) nodes.push(descriptionNode(network, group, group.description));
  if (group.announce === 1) nodes.push(setting('announce', 1));
  if (group.locked === 1) nodes.push(setting('locked', 1));
  if (group.ephemeral > 0) nodes.push(setting('ephemeral', group.ephemeral));
  if (group.join_approval === 1) nodes.push(setting('join_approval', 1));
  nodes.push(setting('member_add', group.member_add));
  return nodes;
}

function descriptionNode(network: Network, group: Group, text: string): Stanza {
  const owner = network.accounts.get(group.description_owner ?? '');
  const by = owner ? participantAttrs(group, owner) : {};
  const attrs = { id: group.description_id ?? undefined, t: group.description_time ?? undefined, ...by };
  return stanza('description', attrs, [stanza('body', {}, Buffer.from(text))]);
}

/** Who is meant by an attribute, and `…_pn` where the group speaks of people by LID. */
function named(network: Network, group: Group, attr: string, phone: string): Record<string, string> {
  const account = network.accounts.get(phone);
  if (!account) return {};
  const jid = jidOf(account, group.addressing);
  return group.addressing === 'lid' ? { [attr]: jid, [`${attr}_pn`]: jidOf(account, 'pn') } : { [attr]: jid };
}
