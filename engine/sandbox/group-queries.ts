import { jidOf, type Account, type Sender } from './accounts.ts';
import * as notices from './group-notices.ts';
import {
  EPHEMERAL_SECONDS,
  type Group,
  type MemberAddMode,
  type Named,
  type Outcome,
  type Settings,
} from './groups.ts';
import type { Network } from './network.ts';
import { SandboxError } from './problem.ts';
import { child, children, iqError, result, stanza, text, type Stanza } from './stanza.ts';

/** What is asked of a group (or with `to=@g.us` of all of them): the content of the answer. */
type Question = (network: Network, from: Account, jid: string, asked: Stanza) => Stanza[];

const QUESTIONS: Record<string, Question> = {
  'get query': (network, from, jid, asked) => [notices.groupNode(network, visible(network, from, jid, asked))],
  'get participating': participating,
  'get invite': (network, from, jid, { attrs: { code } }) =>
    code === undefined
      ? [stanza('invite', { code: network.groups.inviteCode(jid, from) })]
      : [notices.groupNode(network, network.groups.byInviteCode(code), 'admins')],
  'get membership_approval_requests': requests,

  'set create': create,
  'set leave': leave,
  'set add': change('add'),
  'set remove': change('remove'),
  'set promote': change('promote'),
  'set demote': change('demote'),
  'set revoke': change('revokePersonalInvite'),
  'set membership_requests_action': decide,
  'set cancel_membership_requests': cancelRequest,
  'set subject': subject,
  'set description': description,
  'set invite': (network, from, jid, { attrs: { code } }) =>
    code === undefined
      ? [stanza('invite', { code: network.groups.revokeInviteCode(jid, from) })]
      : [joined(network.groups.joinByCode(from, code))],
  'set accept': accept,
  'set announcement': setting(() => ({ announce: true })),
  'set not_announcement': setting(() => ({ announce: false })),
  'set locked': setting(() => ({ locked: true })),
  'set unlocked': setting(() => ({ locked: false })),
  'set ephemeral': setting((asked) => ({ ephemeral: timer(asked) })),
  'set not_ephemeral': setting(() => ({ ephemeral: 0 })),
  'set membership_approval_mode': setting((asked) => ({ joinApproval: approvalMode(asked) })),
  'set member_add_mode': setting((asked) => ({ memberAdd: memberAddMode(asked) })),
};

/** What has to do with communities. The sandbox has none. */
const COMMUNITIES = new Set(['sub_groups', 'linked_groups_participants', 'links', 'unlink', 'linked_group']);

/** `<iq xmlns=w:g2>`. What has to do with communities is answered as to an account that is in none. */
export function groups(network: Network, from: Sender, iq: Stanza): Stanza {
  const asked = child(iq);
  const question = asked && QUESTIONS[`${iq.attrs['type']} ${asked.tag}`];
  if (!question) return iqError(iq, asked && COMMUNITIES.has(asked.tag) ? 404 : 501);
  try {
    const answer = question(network, from.account, iq.attrs['to'] ?? '', asked);
    return result(iq, answer.length > 0 ? answer : undefined);
  } catch (error) {
    if (error instanceof SandboxError) return iqError(iq, error.status);
    throw error;
  }
}

const refuse = (code: number): SandboxError => new SandboxError(code, 'bad-request', 'The query does not make sense.');

/** Members see their group, others only what they hold an invitation to. */
function visible(network: Network, from: Account, jid: string, asked: Stanza): Group {
  const invite = child(asked, 'add_request');
  if (!invite) return network.groups.seenBy(jid, from);
  const { code = '', admin } = invite.attrs;
  return network.groups.byPersonalInvite(jid, from, network.accounts.find(admin)?.account, code);
}

function participating(network: Network, from: Account): Stanza[] {
  const groups = network.groups.of(from.phone).map((group) => notices.groupNode(network, group));
  return [stanza('groups', {}, groups)];
}

function create(network: Network, from: Account, _jid: string, asked: Stanza): Stanza[] {
  if (child(asked, 'parent') ?? child(asked, 'linked_parent')) throw refuse(501);
  const mode = child(asked, 'member_add_mode');
  const approval = child(asked, 'membership_approval_mode');
  const ephemeral = child(asked, 'ephemeral');
  const body = text(child(child(asked, 'description'), 'body'));
  const { group, outcomes } = network.groups.create(from, {
    subject: asked.attrs['subject'] ?? '',
    participants: named(network, asked),
    key: asked.attrs['key'],
    announce: child(asked, 'announcement') !== undefined,
    locked: child(asked, 'locked') !== undefined,
    joinApproval: approval !== undefined && approvalMode(approval),
    ...(body === '' ? {} : { description: body }),
    ...(mode ? { memberAdd: memberAddMode(mode) } : {}),
    ...(ephemeral ? { ephemeral: timer(ephemeral) } : {}),
  });
  const node = notices.groupNode(network, group);
  // who could not be added is in the list too, with the reason
  const refused = outcomes.filter(({ error }) => error !== undefined).map((one) => outcomeNode(group, one));
  return [{ ...node, content: [...children(node), ...refused] }];
}

function leave(network: Network, from: Account, _jid: string, asked: Stanza): Stanza[] {
  const left = children(asked, 'group').map(({ attrs: { id = '' } }) => {
    try {
      network.groups.leave(id.includes('@') ? id : `${id}@g.us`, from);
      return stanza('group', { id });
    } catch (error) {
      if (error instanceof SandboxError) return stanza('group', { id, error: error.status });
      throw error;
    }
  });
  return [stanza('leave', {}, left)];
}

function change(
  what: 'add' | 'remove' | 'promote' | 'demote' | 'approve' | 'reject' | 'revokePersonalInvite',
): Question {
  return (network, from, jid, asked) => {
    const outcomes = network.groups[what](jid, from, named(network, asked));
    const group = network.groups.must(jid);
    const list = outcomes.map((one) => outcomeNode(group, one));
    return [stanza(asked.tag, {}, list)];
  };
}

function setting(wanted: (asked: Stanza) => Settings): Question {
  return (network, from, jid, asked) => {
    network.groups.set(jid, from, wanted(asked));
    return [];
  };
}

function subject(network: Network, from: Account, jid: string, asked: Stanza): Stanza[] {
  network.groups.setSubject(jid, from, text(asked));
  return [];
}

function decide(network: Network, from: Account, jid: string, asked: Stanza): Stanza[] {
  const answers = children(asked).flatMap((decision) => {
    const { tag } = decision;
    if (tag !== 'approve' && tag !== 'reject') throw refuse(400);
    return change(tag)(network, from, jid, decision);
  });
  return [stanza(asked.tag, {}, answers)];
}

function cancelRequest(network: Network, from: Account, jid: string, asked: Stanza): Stanza[] {
  network.groups.cancelRequest(jid, from);
  return [stanza(asked.tag, {}, children(asked))];
}

function requests(network: Network, from: Account, jid: string): Stanza[] {
  const list = network.groups.requests(jid, from);
  const { addressing } = network.groups.must(jid);
  const nodes = list.map(({ account, method, requestor, time }) => {
    const other = addressing === 'lid' ? { phone_number: jidOf(account, 'pn') } : { lid: jidOf(account, 'lid') };
    const asker = method === 'non_admin_add' ? network.accounts.get(requestor) : undefined;
    return stanza('membership_approval_request', {
      jid: jidOf(account, addressing),
      ...other,
      request_method: method,
      request_time: time,
      requestor: asker && jidOf(asker, addressing),
    });
  });
  return [stanza('membership_approval_requests', {}, nodes)];
}

function description(network: Network, from: Account, jid: string, asked: Stanza): Stanza[] {
  const { id, prev, delete: remove } = asked.attrs;
  const body = child(asked, 'body');
  network.groups.setDescription(jid, from, remove === 'true' || !body ? undefined : text(body), { id, prev });
  return [];
}

function accept(network: Network, from: Account, jid: string, asked: Stanza): Stanza[] {
  const { code = '', admin } = asked.attrs;
  network.groups.acceptPersonalInvite(jid, from, network.accounts.find(admin)?.account, code);
  return [];
}

function joined({ group, joined: inside }: { group: Group; joined: boolean }): Stanza {
  return stanza(inside ? 'group' : 'membership_approval_request', { jid: group.jid });
}

function named(network: Network, asked: Stanza): Named[] {
  return children(asked, 'participant').map(({ attrs: { jid = '' } }) => ({
    jid,
    account: network.accounts.find(jid)?.account,
  }));
}

function outcomeNode(group: Group, { jid, account, error, invite }: Outcome): Stanza {
  const content = invite && [stanza('add_request', { code: invite.code, expiration: invite.expiration })];
  return account ? notices.participantNode(group, account, { error }, content) : stanza('participant', { jid, error });
}

function timer(asked: Stanza): number {
  const seconds = Number(asked.attrs['expiration']);
  if (!EPHEMERAL_SECONDS.includes(seconds)) throw refuse(400);
  return seconds;
}

function approvalMode(asked: Stanza): boolean {
  const state = child(asked, 'group_join')?.attrs['state'];
  if (state !== 'on' && state !== 'off') throw refuse(400);
  return state === 'on';
}

function memberAddMode(asked: Stanza): MemberAddMode {
  const mode = text(asked);
  if (mode !== 'admin_add' && mode !== 'all_member_add') throw refuse(400);
  return mode;
}
