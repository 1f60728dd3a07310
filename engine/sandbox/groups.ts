import { randomBytes } from 'node:crypto';
import type { Account } from './accounts.ts';
import * as notices from './group-notices.ts';
import type { Addressing } from './jid.ts';
import type { Network } from './network.ts';
import { hasBlocked, mayAddToGroup } from './privacy.ts';
import { SandboxError } from './problem.ts';
import { now, stanza } from './stanza.ts';

export type Role = 'superadmin' | 'admin' | 'member';
export type MemberAddMode = 'admin_add' | 'all_member_add';

/** A group as the server keeps it. People are named by number. */
export interface Group {
  jid: string;
  /** `lid`, the default of today, or `pn` as in groups from before. */
  addressing: Addressing;
  creator: string;
  created: number;
  subject: string;
  subject_owner: string;
  subject_time: number;
  description: string | null;
  description_id: string | null;
  description_owner: string | null;
  description_time: number | null;
  /** 1 when only admins may write. */
  announce: number;
  /** 1 when only admins may change subject, description, picture and timer. */
  locked: number;
  /** 1 when an admin has to approve who comes by invite link. */
  join_approval: number;
  member_add: MemberAddMode;
  /** Seconds after which messages disappear; 0 when they stay. */
  ephemeral: number;
  invite_code: string;
}

export interface Member {
  account: Account;
  role: Role;
}

/** Somebody who is to be added, removed, …: as they were named, and who that is. */
export interface Named {
  jid: string;
  account: Account | undefined;
}

/** What became of one of them; `error` is WhatsApp's code when it did not work. */
export interface Outcome extends Named {
  error?: number;
  /** With error 403: what they can be invited with in person. */
  invite?: PersonalInvite;
}

/** An invitation for one person, sent as a message; good for some days and from one admin. */
export interface PersonalInvite {
  code: string;
  expiration: number;
}

export interface JoinRequest {
  account: Account;
  method: 'invite_link' | 'non_admin_add';
  /** Who asked for it: the person, or the member who wanted to add them. */
  requestor: string;
  time: number;
}

/** What can be set apart from subject and description. */
export interface Settings {
  announce?: boolean;
  locked?: boolean;
  joinApproval?: boolean;
  memberAdd?: MemberAddMode;
  ephemeral?: number;
}

export interface NewGroup extends Settings {
  subject: string;
  participants: Named[];
  addressing?: Addressing;
  description?: string;
  /** The client's own name for the request, told back in the notification. */
  key?: string | undefined;
}

export const MAX_SUBJECT = 100;
export const MAX_DESCRIPTION = 2048;
export const MAX_MEMBERS = 1024;
/** The times after which messages may disappear: a day, a week, 90 days, or never. */
export const EPHEMERAL_SECONDS = [0, 86_400, 604_800, 7_776_000];
const PERSONAL_INVITE_SECONDS = 3 * 86_400;

/**
 * All groups: who is in them, what they are called, and who may do what. A method that changes something takes who
 * does it and throws a SandboxError whose status is the code that WhatsApp answers: 401 not for everybody, 403 not an
 * admin or not a member, 404 no such group, 406 not acceptable, 409 conflict, 410 no longer valid. Everybody whom a
 * change concerns is told by a `w:gp2` notification, within the same transaction.
 */
export class Groups {
  readonly #network: Network;

  constructor(network: Network) {
    this.#network = network;
  }

  get(jid: string): Group | undefined {
    return this.#network.store.get<Group>('select * from groups where jid = ?', jid);
  }

  must(jid: string): Group {
    const group = this.get(jid);
    if (group) return group;
    throw new SandboxError(404, 'unknown-group', `There is no group ${jid}. GET /sandbox/groups lists them.`);
  }

  list(): Group[] {
    return this.#network.store.all<Group>('select * from groups order by created, jid');
  }

  /** The groups that an account is in. */
  of(phone: string): Group[] {
    return this.#network.store.all<Group>(
      'select groups.* from groups join group_members using (jid) where phone = ? order by created, jid',
      phone,
    );
  }

  members(jid: string): Member[] {
    return this.#network.store
      .all<{ phone: string; role: Role }>(
        'select phone, role from group_members where jid = ? order by joined, rowid',
        jid,
      )
      .flatMap(({ phone, role }) => {
        const account = this.#network.accounts.get(phone);
        return account ? [{ account, role }] : [];
      });
  }

  size(jid: string): number {
    const row = this.#network.store.get<{ size: number }>(
      'select count(*) as size from group_members where jid = ?',
      jid,
    );
    return row?.size ?? 0;
  }

  role(jid: string, phone: string): Role | undefined {
    return this.#network.store.get<{ role: Role }>(
      'select role from group_members where jid = ? and phone = ?',
      ...[jid, phone],
    )?.role;
  }

  /** The group, to somebody who is in it. */
  seenBy(jid: string, who: Account): Group {
    const group = this.must(jid);
    if (!this.role(jid, who.phone)) throw notAMember(group, who);
    return group;
  }

  /** Whether the person may write: why not, as a SandboxError, or nothing. */
  checkMayWrite(jid: string, who: Account): Group {
    const group = this.seenBy(jid, who);
    if (group.announce === 1 && this.role(jid, who.phone) === 'member') {
      throw new SandboxError(420, 'admins-only', `Only admins may write in "${group.subject}".`);
    }
    return group;
  }

  // --- coming and going ---

  create(by: Account, wanted: NewGroup): { group: Group; outcomes: Outcome[] } {
    const { store } = this.#network;
    const subject = checkedSubject(wanted.subject);
    if (wanted.participants.length >= MAX_MEMBERS) throw tooMany();
    return store.transaction(() => {
      const jid = this.#freeJid();
      const { announce, locked, joinApproval, memberAdd = 'admin_add', ephemeral = 0 } = wanted;
      if (!EPHEMERAL_SECONDS.includes(ephemeral)) throw badTimer();
      store.run(
        `insert into groups (jid, addressing, creator, created, subject, subject_owner, subject_time, announce, locked,
         join_approval, member_add, ephemeral, invite_code) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[jid, wanted.addressing ?? 'lid', by.phone, now(), subject, by.phone, now(), announce ? 1 : 0],
        ...[locked ? 1 : 0, joinApproval ? 1 : 0, memberAdd, ephemeral, this.#freshCode(jid)],
      );
      if (wanted.description) this.#putDescription(jid, by, wanted.description, newDescriptionId());
      this.#join(jid, by, 'superadmin');
      const group = this.must(jid);
      const others = wanted.participants.filter(({ account }) => account?.phone !== by.phone);
      const outcomes = others.map((one) => this.#admit(group, by, one));
      const everybody = this.members(jid).map(({ account }) => account);
      // phones and clients that are told of the group know its members by that
      notices.created(this.#network, group, by, everybody, { type: 'new', key: wanted.key });
      return { group, outcomes };
    });
  }

  add(jid: string, by: Account, named: Named[]): Outcome[] {
    const group = this.seenBy(jid, by);
    const isAdmin = this.role(jid, by.phone) !== 'member';
    const asks = !isAdmin && group.member_add === 'all_member_add' && group.join_approval === 1;
    if (!isAdmin && group.member_add !== 'all_member_add') throw adminsOnly(group, by);
    return this.#network.store.transaction(() => {
      const before = this.members(jid).map(({ account }) => account);
      const outcomes = named.map((one) => (asks ? this.#request(group, by, one) : this.#admit(group, by, one)));
      if (!asks) this.#announceJoined(group, by, before, worked(outcomes));
      return outcomes;
    });
  }

  remove(jid: string, by: Account, named: Named[]): Outcome[] {
    const group = this.#adminOf(jid, by);
    return this.#change(group, by, 'remove', named, ({ phone }, role) => {
      if (role === 'superadmin') return 406;
      this.#out(jid, phone, by.phone);
      return undefined;
    });
  }

  promote(jid: string, by: Account, named: Named[]): Outcome[] {
    return this.#change(this.#adminOf(jid, by), by, 'promote', named, ({ phone }, role) =>
      role === 'member' ? this.#setRole(jid, phone, 'admin') : 409,
    );
  }

  demote(jid: string, by: Account, named: Named[]): Outcome[] {
    return this.#change(this.#adminOf(jid, by), by, 'demote', named, ({ phone }, role) => {
      if (role === 'superadmin') return 406;
      return role === 'admin' ? this.#setRole(jid, phone, 'member') : 409;
    });
  }

  leave(jid: string, who: Account): void {
    const group = this.seenBy(jid, who);
    const { store } = this.#network;
    store.transaction(() => {
      const told = this.members(jid).map(({ account }) => account);
      this.#out(jid, who.phone, who.phone);
      notices.changed(this.#network, group, who, told, notices.participants('remove', group, [who]));
      this.#neverWithoutAdmin(group, who);
    });
  }

  /** An account is deleted: it leaves its groups like everybody else. */
  leaveAll(who: Account): void {
    for (const { jid } of this.of(who.phone)) this.leave(jid, who);
  }

  // --- what it is called and how it is set ---

  setSubject(jid: string, by: Account, subject: string): void {
    const group = this.#editor(jid, by);
    const text = checkedSubject(subject);
    this.#network.store.transaction(() => {
      this.#network.store.run(
        'update groups set subject = ?, subject_owner = ?, subject_time = ? where jid = ?',
        ...[text, by.phone, now(), jid],
      );
      notices.changed(this.#network, group, by, this.#everybody(jid), notices.subject(this.must(jid), by));
    });
  }

  /** `prev` is the id of the description that is to be replaced; 409 when it is another one by now. */
  setDescription(
    jid: string,
    by: Account,
    text: string | undefined,
    { id = newDescriptionId(), prev }: { id?: string | undefined; prev?: string | undefined } = {},
  ): void {
    const group = this.#editor(jid, by);
    if (prev !== undefined && prev !== group.description_id) {
      throw new SandboxError(
        409,
        'description-changed',
        `The description of "${group.subject}" has changed meanwhile.`,
      );
    }
    if ((text ?? '').length > MAX_DESCRIPTION) {
      throw new SandboxError(406, 'too-long', `A description has at most ${MAX_DESCRIPTION} characters.`);
    }
    this.#network.store.transaction(() => {
      this.#putDescription(jid, by, text || null, id);
      notices.changed(this.#network, group, by, this.#everybody(jid), notices.description(this.must(jid), id));
    });
  }

  /** Everything that differs is set, one notification for each. */
  set(jid: string, by: Account, wanted: Settings): void {
    const { announce, locked, joinApproval, memberAdd, ephemeral } = wanted;
    const forAdmins = [announce, locked, joinApproval, memberAdd].some((value) => value !== undefined);
    const group = forAdmins ? this.#adminOf(jid, by) : this.#editor(jid, by);
    if (ephemeral !== undefined && !EPHEMERAL_SECONDS.includes(ephemeral)) throw badTimer();
    const columns = { announce, locked, join_approval: joinApproval, member_add: memberAdd, ephemeral };
    this.#network.store.transaction(() => {
      for (const [column, value] of Object.entries(columns)) {
        if (value === undefined) continue;
        const stored = typeof value === 'boolean' ? Number(value) : value;
        if (group[column as keyof typeof columns] === stored) continue;
        this.#network.store.run(`update groups set ${column} = ? where jid = ?`, stored, jid);
        const change = notices.setting(column as keyof typeof columns, stored);
        notices.changed(this.#network, group, by, this.#everybody(jid), change);
      }
    });
  }

  /** Whether the person may change what is not for admins alone, such as the picture. */
  mayEdit(jid: string, who: Account): boolean {
    const role = this.role(jid, who.phone);
    return role !== undefined && (role !== 'member' || this.get(jid)?.locked !== 1);
  }

  /** The group has another picture, or none any more: everybody in it is told. */
  tellPicture(jid: string, by: Account, pictureId: string | undefined): void {
    notices.picture(this.#network, this.must(jid), by, this.#everybody(jid), pictureId);
  }

  /** WhatsApp takes the group away, as it does with one that breaks its rules. */
  delete(jid: string): void {
    const group = this.must(jid);
    const { store, accounts } = this.#network;
    store.transaction(() => {
      const by = accounts.get(group.creator);
      const change = stanza('delete', { reason: 'integrity' });
      if (by) notices.changed(this.#network, group, by, this.#everybody(jid), change);
      const tables = ['group_members', 'group_past_members', 'group_codes', 'group_invites', 'group_requests'];
      for (const table of [...tables, 'groups']) store.run(`delete from ${table} where jid = ?`, jid);
      store.run('delete from pictures where owner = ?', jid);
    });
  }

  // --- invitations ---

  inviteCode(jid: string, by: Account): string {
    const group = this.seenBy(jid, by);
    if (this.role(jid, by.phone) === 'member') throw codeForAdmins(group);
    return group.invite_code;
  }

  revokeInviteCode(jid: string, by: Account): string {
    const group = this.seenBy(jid, by);
    if (this.role(jid, by.phone) === 'member') throw codeForAdmins(group);
    return this.#network.store.transaction(() => {
      const code = this.#freshCode(jid);
      this.#network.store.run('update groups set invite_code = ? where jid = ?', code, jid);
      notices.changed(this.#network, group, by, this.#admins(jid), notices.inviteCode(code));
      return code;
    });
  }

  /** The group that an invite link leads to. */
  byInviteCode(code: string): Group {
    const row = this.#network.store.get<{ jid: string }>('select jid from group_codes where code = ?', code);
    const group = row && this.get(row.jid);
    if (!group) throw new SandboxError(406, 'invalid-code', `"${code}" is not the code of an invite link.`);
    if (group.invite_code !== code) {
      throw new SandboxError(410, 'revoked-code', `The invite link with the code ${code} has been revoked.`);
    }
    return group;
  }

  /** Comes in by the link, or asks to be let in. Whoever has been removed cannot come back this way. */
  joinByCode(who: Account, code: string): { group: Group; joined: boolean } {
    const group = this.byInviteCode(code);
    const { jid } = group;
    if (this.role(jid, who.phone)) throw alreadyIn(group, who);
    if (this.#wasRemoved(jid, who.phone)) {
      throw new SandboxError(401, 'removed-before', `+${who.phone} has been removed from "${group.subject}" before.`);
    }
    this.#checkRoom(group);
    if (group.join_approval === 1) {
      const outcome = this.#network.store.transaction(() =>
        this.#request(group, who, { jid: '', account: who }, 'invite_link'),
      );
      if (outcome.error === 409) throw new SandboxError(409, 'requested-before', `+${who.phone} has asked already.`);
      return { group, joined: false };
    }
    this.#network.store.transaction(() => this.#enter(group, who, who, 'invite'));
    return { group, joined: true };
  }

  /** What a personal invitation leads to, for the one whom it is for. */
  byPersonalInvite(jid: string, who: Account, admin: Account | undefined, code: string): Group {
    const group = this.must(jid);
    const row = this.#network.store.get<{ admin: string; expiration: number }>(
      'select admin, expiration from group_invites where jid = ? and phone = ? and code = ?',
      ...[jid, who.phone, code],
    );
    const inviter = row && this.role(jid, row.admin);
    if (!row || (admin && row.admin !== admin.phone)) {
      throw new SandboxError(406, 'invalid-invite', `That is no invitation of +${who.phone} to "${group.subject}".`);
    }
    if (row.expiration <= now() || !inviter) {
      throw new SandboxError(410, 'expired-invite', `The invitation to "${group.subject}" is no longer valid.`);
    }
    return group;
  }

  acceptPersonalInvite(jid: string, who: Account, admin: Account | undefined, code: string): void {
    const group = this.byPersonalInvite(jid, who, admin, code);
    if (this.role(jid, who.phone)) throw alreadyIn(group, who);
    this.#checkRoom(group);
    this.#network.store.transaction(() => this.#enter(group, who, who, 'invite'));
  }

  /** The first personal invitation that somebody holds with this code. */
  findPersonalInvite(who: Account, code: string): string | undefined {
    return this.#network.store.get<{ jid: string }>(
      'select jid from group_invites where phone = ? and code = ?',
      ...[who.phone, code],
    )?.jid;
  }

  revokePersonalInvite(jid: string, by: Account, named: Named[]): Outcome[] {
    this.#adminOf(jid, by);
    return named.map((one) => {
      const gone =
        one.account &&
        this.#network.store.run('delete from group_invites where jid = ? and phone = ?', jid, one.account.phone);
      return gone ? one : { ...one, error: 404 };
    });
  }

  // --- requests to be let in ---

  requests(jid: string, by?: Account): JoinRequest[] {
    if (by) this.#adminOf(jid, by);
    return this.#network.store
      .all<{ phone: string; method: JoinRequest['method']; requestor: string; time: number }>(
        'select phone, method, requestor, time from group_requests where jid = ? order by time, rowid',
        jid,
      )
      .flatMap(({ phone, ...request }) => {
        const account = this.#network.accounts.get(phone);
        return account ? [{ account, ...request }] : [];
      });
  }

  approve(jid: string, by: Account, named: Named[]): Outcome[] {
    const group = this.#adminOf(jid, by);
    return this.#network.store.transaction(() => {
      const before = this.#everybody(jid);
      const outcomes = named.map((one): Outcome => {
        if (!one.account || !this.#takeRequest(jid, one.account.phone)) return { ...one, error: 404 };
        if (this.size(jid) >= MAX_MEMBERS) return { ...one, error: 419 };
        this.#join(jid, one.account, 'member');
        return one;
      });
      this.#announceJoined(group, by, before, worked(outcomes));
      return outcomes;
    });
  }

  reject(jid: string, by: Account, named: Named[]): Outcome[] {
    const group = this.#adminOf(jid, by);
    return this.#network.store.transaction(() => {
      const outcomes = named.map((one): Outcome => {
        const taken = one.account && this.#takeRequest(jid, one.account.phone);
        return taken ? one : { ...one, error: 404 };
      });
      this.#announceRevoked(group, by, worked(outcomes));
      return outcomes;
    });
  }

  /** The person no longer wants to be let in. */
  cancelRequest(jid: string, who: Account): void {
    const group = this.must(jid);
    this.#network.store.transaction(() => {
      if (!this.#takeRequest(jid, who.phone)) {
        throw new SandboxError(404, 'no-request', `+${who.phone} has not asked to be let into "${group.subject}".`);
      }
      this.#announceRevoked(group, who, [who]);
    });
  }

  // --- within ---

  #everybody(jid: string): Account[] {
    return this.members(jid).map(({ account }) => account);
  }

  #admins(jid: string): Account[] {
    return this.members(jid).flatMap(({ account, role }) => (role === 'member' ? [] : [account]));
  }

  #adminOf(jid: string, who: Account): Group {
    const group = this.seenBy(jid, who);
    if (this.role(jid, who.phone) === 'member') throw adminsOnly(group, who);
    return group;
  }

  /** The group, to somebody who may change what is not for admins alone. */
  #editor(jid: string, who: Account): Group {
    const group = this.seenBy(jid, who);
    return group.locked === 1 ? this.#adminOf(jid, who) : group;
  }

  /** Does one thing with each of the named members, and tells everybody at once of those with whom it worked. */
  #change(
    group: Group,
    by: Account,
    what: 'remove' | 'promote' | 'demote',
    named: Named[],
    change: (account: Account, role: Role) => number | undefined,
  ): Outcome[] {
    const { jid } = group;
    return this.#network.store.transaction(() => {
      const told = this.#everybody(jid);
      const outcomes = named.map((one): Outcome => {
        const role = one.account && this.role(jid, one.account.phone);
        const error = one.account && role ? change(one.account, role) : 404;
        return error === undefined ? one : { ...one, error };
      });
      const changed = worked(outcomes);
      if (changed.length > 0) {
        notices.changed(this.#network, group, by, told, notices.participants(what, group, changed));
      }
      return outcomes;
    });
  }

  /** Lets somebody in who is brought by another one, unless that is not possible or not wanted. */
  #admit(group: Group, by: Account, one: Named): Outcome {
    const { account } = one;
    if (!account) return { ...one, error: 404 };
    if (this.role(group.jid, account.phone)) return { ...one, error: 409 };
    if (this.size(group.jid) >= MAX_MEMBERS) return { ...one, error: 419 };
    if (hasBlocked(this.#network, account.phone, by.phone)) return { ...one, error: 401 };
    if (!mayAddToGroup(this.#network, account.phone, by.phone)) {
      return { ...one, error: 403, invite: this.#invite(group.jid, by, account) };
    }
    this.#join(group.jid, account, 'member');
    return one;
  }

  #invite(jid: string, admin: Account, whom: Account): PersonalInvite {
    const invite = { code: randomBytes(12).toString('base64url'), expiration: now() + PERSONAL_INVITE_SECONDS };
    this.#network.store.run(
      'insert or replace into group_invites (jid, phone, admin, code, expiration) values (?, ?, ?, ?, ?)',
      ...[jid, whom.phone, admin.phone, invite.code, invite.expiration],
    );
    return invite;
  }

  #request(group: Group, by: Account, one: Named, method: JoinRequest['method'] = 'non_admin_add'): Outcome {
    const { account } = one;
    if (!account) return { ...one, error: 404 };
    if (this.role(group.jid, account.phone)) return { ...one, error: 409 };
    const fresh = this.#network.store.run(
      'insert or ignore into group_requests (jid, phone, method, requestor, time) values (?, ?, ?, ?, ?)',
      ...[group.jid, account.phone, method, by.phone, now()],
    );
    if (fresh === 0) return { ...one, error: 409 };
    const told = this.#admins(group.jid);
    notices.changed(this.#network, group, by, told, notices.requestCreated(group, account, method));
    return one;
  }

  #takeRequest(jid: string, phone: string): boolean {
    return this.#network.store.run('delete from group_requests where jid = ? and phone = ?', jid, phone) > 0;
  }

  #announceRevoked(group: Group, by: Account, whom: Account[]): void {
    if (whom.length === 0) return;
    notices.changed(this.#network, group, by, this.#admins(group.jid), notices.requestsRevoked(group, whom));
  }

  /** Somebody comes in by themselves. */
  #enter(group: Group, who: Account, by: Account, reason: string): void {
    const before = this.#everybody(group.jid);
    this.#takeRequest(group.jid, who.phone);
    this.#join(group.jid, who, 'member');
    this.#announceJoined(group, by, before, [who], reason);
  }

  /** Those who were in the group before learn who has come; those who have come learn of the whole group. */
  #announceJoined(group: Group, by: Account, before: Account[], joined: Account[], reason?: string): void {
    if (joined.length === 0) return;
    notices.changed(this.#network, group, by, before, notices.participants('add', group, joined, reason));
    notices.created(this.#network, group, by, joined, { reason });
  }

  #join(jid: string, account: Account, role: Role): void {
    const { store } = this.#network;
    store.run(
      'insert into group_members (jid, phone, role, joined) values (?, ?, ?, ?)',
      ...[jid, account.phone, role, now()],
    );
    for (const table of ['group_past_members', 'group_invites', 'group_requests']) {
      store.run(`delete from ${table} where jid = ? and phone = ?`, jid, account.phone);
    }
  }

  #out(jid: string, phone: string, by: string): void {
    const { store } = this.#network;
    store.run('delete from group_members where jid = ? and phone = ?', jid, phone);
    store.run(
      'insert or replace into group_past_members (jid, phone, removed_by, time) values (?, ?, ?, ?)',
      ...[jid, phone, by, now()],
    );
  }

  #wasRemoved(jid: string, phone: string): boolean {
    const row = this.#network.store.get<{ removed_by: string }>(
      'select removed_by from group_past_members where jid = ? and phone = ?',
      ...[jid, phone],
    );
    return row !== undefined && row.removed_by !== phone;
  }

  /** When the last admin leaves, WhatsApp makes the longest-standing member one. */
  #neverWithoutAdmin(group: Group, who: Account): void {
    const left = this.members(group.jid);
    const [heir] = left;
    if (!heir || left.some(({ role }) => role !== 'member')) return;
    this.#setRole(group.jid, heir.account.phone, 'admin');
    const told = left.map(({ account }) => account);
    notices.changed(this.#network, group, who, told, notices.participants('promote', group, [heir.account]));
  }

  #setRole(jid: string, phone: string, role: Role): undefined {
    this.#network.store.run('update group_members set role = ? where jid = ? and phone = ?', role, jid, phone);
  }

  #putDescription(jid: string, by: Account, text: string | null, id: string): void {
    this.#network.store.run(
      `update groups set description = ?, description_id = ?, description_owner = ?, description_time = ? where jid = ?`,
      ...[text, text === null ? null : id, text === null ? null : by.phone, text === null ? null : now(), jid],
    );
  }

  #checkRoom(group: Group): void {
    if (this.size(group.jid) >= MAX_MEMBERS) {
      throw new SandboxError(419, 'group-is-full', `"${group.subject}" has ${MAX_MEMBERS} members, no more fit in.`);
    }
  }

  #freshCode(jid: string): string {
    const code = randomBytes(16).toString('base64url').replace(/[-_]/g, '0').slice(0, 22);
    this.#network.store.run('insert into group_codes (code, jid) values (?, ?)', code, jid);
    return code;
  }

  #freeJid(): string {
    for (;;) {
      const jid = `120363${randomBytes(6).readUIntBE(0, 6).toString().padStart(12, '0').slice(-12)}@g.us`;
      if (!this.get(jid)) return jid;
    }
  }
}

function worked(outcomes: Outcome[]): Account[] {
  return outcomes.flatMap(({ account, error }) => (account && error === undefined ? [account] : []));
}

const newDescriptionId = (): string => randomBytes(8).toString('hex').toUpperCase();

function checkedSubject(subject: string): string {
  const text = subject.trim();
  if (text === '') throw new SandboxError(406, 'empty-subject', 'A group has to be called something.');
  if (text.length <= MAX_SUBJECT) return text;
  throw new SandboxError(406, 'too-long', `The subject of a group has at most ${MAX_SUBJECT} characters.`);
}

const badTimer = (): SandboxError =>
  new SandboxError(
    400,
    'invalid-timer',
    `Messages disappear after ${EPHEMERAL_SECONDS.join(', ')} seconds (0: never).`,
  );

const tooMany = (): SandboxError =>
  new SandboxError(406, 'too-many-participants', `A group has at most ${MAX_MEMBERS} members.`);

const notAMember = (group: Group, who: Account): SandboxError =>
  new SandboxError(403, 'not-a-member', `+${who.phone} is not in "${group.subject}".`);

const adminsOnly = (group: Group, who: Account): SandboxError =>
  new SandboxError(403, 'not-an-admin', `+${who.phone} is not an admin of "${group.subject}".`);

const alreadyIn = (group: Group, who: Account): SandboxError =>
  new SandboxError(409, 'already-a-member', `+${who.phone} is in "${group.subject}" already.`);

const codeForAdmins = (group: Group): SandboxError =>
  new SandboxError(401, 'not-an-admin', `Only admins of "${group.subject}" have its invite link.`);
