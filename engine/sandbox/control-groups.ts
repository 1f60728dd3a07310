import { z } from 'zod';
import { jidOf, type Account } from './accounts.ts';
import { EPHEMERAL_SECONDS, type Group, type MemberAddMode, type Named, type Outcome, type Role } from './groups.ts';
import type { Addressing } from './jid.ts';
import type { Network } from './network.ts';
import { pictureOf } from './pictures.ts';
import { checked, SandboxError } from './problem.ts';

const who = z.string().min(1);
const people = z.array(who).min(1).max(1024);
const memberAdd = z.enum(['admin_add', 'all_member_add']);
const ephemeral = z
  .int()
  .refine((seconds) => EPHEMERAL_SECONDS.includes(seconds), `is one of ${EPHEMERAL_SECONDS.join(', ')} seconds`);
const settings = {
  announce: z.boolean().optional(),
  restrict: z.boolean().optional(),
  joinApproval: z.boolean().optional(),
  memberAdd: memberAdd.optional(),
  ephemeral: ephemeral.optional(),
};
const newGroup = z.strictObject({
  creator: who,
  subject: z.string(),
  participants: z.array(who).max(1024),
  addressing: z.enum(['lid', 'pn']).optional(),
  description: z.string().min(1).optional(),
  ...settings,
});
const peopleRequest = z.strictObject({ by: who, participants: people });
const phoneRequest = z.strictObject({ phone: who });
const subjectRequest = z.strictObject({ by: who, subject: z.string() });
const descriptionRequest = z.strictObject({ by: who, description: z.string().nullable() });
const settingsRequest = z.strictObject({ by: who, ...settings });
const codeRequest = z.strictObject({ by: who, revoke: z.boolean().optional() });
const joinRequest = z.strictObject({ phone: who, code: z.string().min(1) });

export type NewGroupRequest = z.input<typeof newGroup>;
export type PeopleRequest = z.input<typeof peopleRequest>;
export type GroupSettingsRequest = z.input<typeof settingsRequest>;

/** Somebody in a group, or who wants to be. */
export interface GroupPerson {
  phone: string;
  jid: string;
  lid: string;
  name: string;
}

/** The whole state of a group, as no single member could see it. */
export interface GroupInfo {
  jid: string;
  addressing: Addressing;
  subject: string;
  description: string | null;
  /** Number of the one who made it. */
  creator: string;
  created: number;
  announce: boolean;
  restrict: boolean;
  joinApproval: boolean;
  memberAdd: MemberAddMode;
  ephemeral: number;
  inviteCode: string;
  pictureId: string | null;
  participants: (GroupPerson & { role: Role })[];
  requests: (GroupPerson & { method: string; time: number })[];
}

/** What became of one person: 200, or WhatsApp's code; with 403 the invitation that can be sent instead. */
export interface GroupOutcome {
  phone: string;
  status: number;
  invite?: { code: string; expiration: number };
}

const INVITE_LINK = 'https://chat.whatsapp.com/';

/** Groups, as people handle them on their phones: whatever is done is done by somebody, and within their rights. */
export class GroupControl {
  readonly #network: Network;

  constructor(network: Network) {
    this.#network = network;
  }

  create(request: NewGroupRequest): GroupInfo {
    const { creator, participants, addressing, description, ...rest } = checked(newGroup, request);
    const { group } = this.#network.groups.create(this.#account(creator), {
      subject: rest.subject,
      participants: this.#named(participants),
      ...(addressing ? { addressing } : {}),
      ...(description === undefined ? {} : { description }),
      ...settingsOf(rest),
    });
    return this.get(group.jid);
  }

  list(): GroupInfo[] {
    return this.#network.groups.list().map((group) => this.#info(group));
  }

  get(jid: string): GroupInfo {
    return this.#info(this.#network.groups.must(jid));
  }

  /** WhatsApp takes the group away. */
  delete(jid: string): void {
    this.#network.groups.delete(jid);
  }

  /** Does one thing with several people; what became of each of them. */
  change(
    jid: string,
    what: 'add' | 'remove' | 'promote' | 'demote' | 'approve' | 'reject',
    request: PeopleRequest,
  ): { participants: GroupOutcome[] } {
    const { by, participants } = checked(peopleRequest, request);
    const outcomes = this.#network.groups[what](jid, this.#account(by), this.#named(participants));
    return { participants: outcomes.map(outcome) };
  }

  leave(jid: string, request: { phone: string }): void {
    this.#network.groups.leave(jid, this.#account(checked(phoneRequest, request).phone));
  }

  setSubject(jid: string, request: { by: string; subject: string }): GroupInfo {
    const { by, subject } = checked(subjectRequest, request);
    this.#network.groups.setSubject(jid, this.#account(by), subject);
    return this.get(jid);
  }

  /** `null` or an empty text takes the description away. */
  setDescription(jid: string, request: { by: string; description: string | null }): GroupInfo {
    const { by, description } = checked(descriptionRequest, request);
    this.#network.groups.setDescription(jid, this.#account(by), description ?? undefined);
    return this.get(jid);
  }

  set(jid: string, request: GroupSettingsRequest): GroupInfo {
    const { by, ...wanted } = checked(settingsRequest, request);
    this.#network.groups.set(jid, this.#account(by), settingsOf(wanted));
    return this.get(jid);
  }

  inviteCode(jid: string, request: { by: string; revoke?: boolean }): { code: string; link: string } {
    const { by, revoke } = checked(codeRequest, request);
    const { groups } = this.#network;
    const account = this.#account(by);
    const code = revoke === true ? groups.revokeInviteCode(jid, account) : groups.inviteCode(jid, account);
    return { code, link: INVITE_LINK + code };
  }

  /** Comes in by the code of an invite link, or by a personal invitation; `joined: false` when an admin has to agree. */
  join(jid: string, request: { phone: string; code: string }): { jid: string; joined: boolean } {
    const { phone, code: written } = checked(joinRequest, request);
    const { groups } = this.#network;
    const account = this.#account(phone);
    const code = written.replace(INVITE_LINK, '');
    groups.must(jid);
    if (groups.findPersonalInvite(account, code) === jid) {
      groups.acceptPersonalInvite(jid, account, undefined, code);
      return { jid, joined: true };
    }
    const group = groups.byInviteCode(code);
    if (group.jid !== jid) {
      throw new SandboxError(406, 'code-of-another-group', `The code ${code} leads to ${group.jid}, not to ${jid}.`);
    }
    return { jid, joined: groups.joinByCode(account, code).joined };
  }

  #account(written: string): Account {
    return this.#network.accounts.recipient(written).account;
  }

  #named(written: string[]): Named[] {
    return written.map((one) => {
      const { account, addressing } = this.#network.accounts.recipient(one);
      return { jid: jidOf(account, addressing), account };
    });
  }

  #info(group: Group): GroupInfo {
    const { groups } = this.#network;
    return {
      jid: group.jid,
      addressing: group.addressing,
      subject: group.subject,
      description: group.description,
      creator: group.creator,
      created: group.created,
      announce: group.announce === 1,
      restrict: group.locked === 1,
      joinApproval: group.join_approval === 1,
      memberAdd: group.member_add,
      ephemeral: group.ephemeral,
      inviteCode: group.invite_code,
      pictureId: pictureOf(this.#network, group.jid)?.id ?? null,
      participants: groups.members(group.jid).map(({ account, role }) => ({ ...person(account), role })),
      requests: groups.requests(group.jid).map(({ account, method, time }) => ({ ...person(account), method, time })),
    };
  }
}

function person(account: Account): GroupPerson {
  return { phone: account.phone, jid: jidOf(account, 'pn'), lid: jidOf(account, 'lid'), name: account.name };
}

function outcome({ account, jid, error = 200, invite }: Outcome): GroupOutcome {
  return { phone: account?.phone ?? jid, status: error, ...(invite ? { invite } : {}) };
}

function settingsOf(wanted: Omit<z.output<typeof settingsRequest>, 'by'>) {
  const { announce, restrict, joinApproval, memberAdd, ephemeral } = wanted;
  return {
    ...(announce === undefined ? {} : { announce }),
    ...(restrict === undefined ? {} : { locked: restrict }),
    ...(joinApproval === undefined ? {} : { joinApproval }),
    ...(memberAdd === undefined ? {} : { memberAdd }),
    ...(ephemeral === undefined ? {} : { ephemeral }),
  };
}
