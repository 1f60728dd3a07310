import { EngineError, validationFailed, type ErrorCode } from '../errors.ts';
import {
  generateMessageIDV2,
  getAllBinaryNodeChildren,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  type BinaryNode,
  type WASocket,
} from './baileys.ts';
import { toEngineError, worded, type Meanings } from './failure.ts';
import { addressesIn, completed, readGroup, readMember, type Group } from './group.ts';
import { isPerson, toJid } from './jid.ts';
import { person, whoAre, type Person } from './people.ts';
import { pictureOf, setPicture } from './pictures.ts';
import { assertDone, errorOf, query } from './query.ts';
import type { Session } from './session.ts';

const NOT_ADMIN = 'You are not an admin in this group.';
const NOT_MEMBER = 'You are not a member of this group.';
const NO_GROUP: [ErrorCode, string] = ['not_found', 'There is no such group.'];
/** What WhatsApp's codes mean to somebody who wants to change a group. */
const AS_ADMIN: Meanings = { 401: NOT_ADMIN, 403: NOT_ADMIN, 404: NO_GROUP, 405: NOT_ADMIN, 410: NO_GROUP };
const AS_MEMBER: Meanings = { 401: NOT_MEMBER, 403: NOT_MEMBER, 404: NO_GROUP, 410: NO_GROUP };

/** The group that somebody typed: its jid, or the part of it before `@g.us`. */
export function toGroupJid(typed: string, field: string): string {
  const text = typed.trim().toLowerCase();
  const id = /^(\d{5,20}(?:-\d{5,15})?)(?:@g\.us)?$/.exec(text)?.[1];
  if (id) return `${id}@g.us`;
  throw validationFailed({
    [field]: [`The ${field} field must be the address of a group (…@g.us), as GET /api/groups lists them.`],
  });
}

/** The code in an invite link, or the code itself. */
export function toInviteCode(typed: string): string {
  return typed
    .trim()
    .replace(/^https?:\/\/chat\.whatsapp\.com\/(?:invite\/)?/i, '')
    .replace(/[/?#].*$/, '');
}

/** People as they were typed; who was typed twice is in it once. */
export function toParticipants(typed: string[]): string[] {
  const jids = typed.map((one) => toJid(one, 'participants'));
  if (jids.every(isPerson)) return [...new Set(jids)];
  throw validationFailed({
    participants: ['The participants field must hold people: phone numbers, …@s.whatsapp.net or …@lid.'],
  });
}

export function create(session: Session, subject: string, participants: string[]) {
  const question = async (wa: WASocket) => {
    const invited = await nodesFor(wa, participants);
    const attrs = { subject, key: generateMessageIDV2(wa.user?.id) };
    const answer = await ask(wa, '@g.us', 'set', { tag: 'create', attrs, content: invited });
    const node = mustHave(answer, 'group');
    const group = await complete(wa, readGroup(withMembersOnly(node)));
    const refused = getBinaryNodeChildren(node, 'participant').filter((one) => errorOf(one) !== undefined);
    return { group, refused: await outcomes(wa, refused, 'add') };
  };
  const cost = { budget: 'group_adds', amount: participants.length } as const;
  return session.ask('Failed to create group', question, {}, cost);
}

/** Every group that the account is in, by name. */
export async function list(session: Session): Promise<Group[]> {
  const groups = await session.ask('Failed to list groups', async (wa) => {
    const content = [
      { tag: 'participants', attrs: {} },
      { tag: 'description', attrs: {} },
    ];
    const answer = await ask(wa, '@g.us', 'get', { tag: 'participating', attrs: {}, content });
    return getBinaryNodeChildren(getBinaryNodeChild(answer, 'groups'), 'group').map(readGroup);
  });
  const byName = new Intl.Collator('en', { sensitivity: 'base', numeric: true });
  return groups.sort((a, b) => byName.compare(a.subject, b.subject) || a.jid.localeCompare(b.jid));
}

/** WhatsApp tells of every change; should one have been missed, it counts for no longer than this. */
const GROUP_FRESH_MS = 86_400_000;

/**
 * A group as WhatsApp describes it, with the addresses that this account knows of its people. Asked of WhatsApp only
 * when it is not remembered, or with `fresh`.
 */
export async function metadata(session: Session, jid: string, options: { fresh?: boolean } = {}): Promise<Group> {
  const group = await worded('Failed to get group metadata', groupOf(session, jid, options), AS_MEMBER);
  return complete(session.assertConnected(), group);
}

/** The group as it is remembered, else as WhatsApp answers. Throws as {@link Session.question} does. */
export function groupOf(
  session: Session,
  jid: string,
  { fresh = false, urgent = false }: { fresh?: boolean; urgent?: boolean } = {},
): Promise<Group> {
  return session.known({ kind: 'group', subject: jid, fresh, freshMs: () => GROUP_FRESH_MS, ask: asked });

  async function asked(): Promise<Group> {
    const cost = { budget: 'group_metadata', urgent } as const;
    const group = await session.question((wa) => askGroup(wa, jid), cost);
    // A group tells the other address of people who are known by one; nobody becomes a contact by that.
    const both = group.members.flatMap(({ jid, lid, phone }) => (phone && lid ? { jid, lid } : []));
    await session.directory.learn({ contacts: both });
    return group;
  }
}

/** The group as it is remembered, if that counts; without a question. */
export function rememberedGroup(session: Session, jid: string): Promise<Group | undefined> {
  return session.answers.remembered<Group>({ kind: 'group', subject: jid, freshMs: () => GROUP_FRESH_MS });
}

/** What came of one of several people: 200 for done, else WhatsApp's code. */
export interface Outcome extends Person {
  /** The jid once more, for WasenderApi's published client. */
  id: string;
  status: number;
  message: string;
  /** For somebody whom only contacts may add: WhatsApp offers an invitation that can be sent to them. */
  invite?: { code: string; expiration: number };
}

export type Change = 'add' | 'remove' | 'promote' | 'demote';

const DONE: Record<Change | 'approve' | 'reject', string> = {
  add: 'added',
  remove: 'removed',
  promote: 'promoted',
  demote: 'demoted',
  approve: 'approved',
  reject: 'rejected',
};
/** What a code means for one person. WasenderApi documents `not-authorized`; the others are put alike. */
const REFUSED: Record<number, string> = {
  400: 'not-valid',
  401: 'blocked',
  403: 'not-authorized',
  404: 'not-on-whatsapp',
  405: 'not-allowed',
  406: 'not-acceptable',
  408: 'recently-left',
  409: 'already-a-member',
  419: 'group-full',
  500: 'failed',
};
/** For people who should be in the group already, or have asked to be. */
const REFUSED_HERE: Record<number, string> = { ...REFUSED, 404: 'not-a-member', 409: 'already-so' };

export function change(session: Session, jid: string, participants: string[], action: Change): Promise<Outcome[]> {
  const what = `Failed to ${action} group participants`;
  const question = async (wa: WASocket) => {
    const answer = await ask(wa, jid, 'set', { tag: action, attrs: {}, content: await nodesFor(wa, participants) });
    return outcomes(wa, getBinaryNodeChildren(getBinaryNodeChild(answer, action), 'participant'), action);
  };
  const cost = action === 'add' ? ({ budget: 'group_adds', amount: participants.length } as const) : undefined;
  const meanings = { ...AS_ADMIN, 419: 'The group is full.' };
  return changing(session, jid, session.ask(what, question, meanings, cost));
}

/** What is remembered of the group may be from before: WhatsApp's own word on the change comes when it comes. */
function changing<T>(session: Session, jid: string, done: Promise<T>): Promise<T> {
  return done.finally(() => session.answers.forget('group', jid));
}

/** The settings of a group that can be changed. */
export interface Settings {
  subject?: string;
  description?: string;
  announce?: boolean;
  restrict?: boolean;
  joinApproval?: boolean;
  memberAdd?: boolean;
  disappearAfter?: number;
  /** JPEG; null takes the picture away. */
  profilePicUrl?: Buffer | null;
}

/** Changes each setting that is given; what could not be changed is told by field, and the group as it is now. */
export async function configure(
  session: Session,
  jid: string,
  settings: Settings,
): Promise<{ group: Group; failed: Map<keyof Settings, EngineError> }> {
  const what = 'Failed to update group settings';
  const failed = new Map<keyof Settings, EngineError>();
  const before = await worded(what, groupOf(session, jid), AS_MEMBER);
  const question = async (wa: WASocket) => {
    for (const [field, value] of Object.entries(settings) as [keyof Settings, never][]) {
      try {
        await SETTERS[field](wa, before, value);
      } catch (error) {
        const refusal = toEngineError(error, `Failed to update ${field}`, AS_ADMIN);
        // without a connection the others have no chance either
        if (refusal.code === 'whatsapp_unreachable') throw error;
        failed.set(field, refusal);
      }
    }
  };
  await changing(session, jid, session.ask(what, question, AS_MEMBER));
  return { group: await metadata(session, jid), failed };
}

type Setter<T> = (wa: WASocket, group: Group, value: T) => Promise<unknown>;
const toggle =
  (on: string, off: string): Setter<boolean> =>
  (wa, { jid }, value) =>
    ask(wa, jid, 'set', { tag: value ? on : off, attrs: {} });

const SETTERS: { [S in keyof Settings]-?: Setter<NonNullable<Settings[S]> | Extract<Settings[S], null>> } = {
  subject: (wa, { jid }, subject) =>
    ask(wa, jid, 'set', { tag: 'subject', attrs: {}, content: Buffer.from(subject, 'utf8') }),
  // WhatsApp takes a new description only from somebody who knows the one that it replaces
  description: (wa, { jid, descId }, text) => {
    const attrs: Record<string, string> = text === '' ? { delete: 'true' } : { id: generateMessageIDV2(wa.user?.id) };
    if (descId !== null) attrs['prev'] = descId;
    const body = { tag: 'body', attrs: {}, content: Buffer.from(text, 'utf8') };
    return ask(wa, jid, 'set', { tag: 'description', attrs, ...(text !== '' && { content: [body] }) });
  },
  announce: toggle('announcement', 'not_announcement'),
  restrict: toggle('locked', 'unlocked'),
  joinApproval: (wa, { jid }, value) =>
    ask(wa, jid, 'set', {
      tag: 'membership_approval_mode',
      attrs: {},
      content: [{ tag: 'group_join', attrs: { state: value ? 'on' : 'off' } }],
    }),
  memberAdd: (wa, { jid }, value) =>
    ask(wa, jid, 'set', { tag: 'member_add_mode', attrs: {}, content: value ? 'all_member_add' : 'admin_add' }),
  disappearAfter: (wa, { jid }, seconds) =>
    ask(
      wa,
      jid,
      'set',
      seconds === 0
        ? { tag: 'not_ephemeral', attrs: {} }
        : { tag: 'ephemeral', attrs: { expiration: String(seconds) } },
    ),
  profilePicUrl: (wa, { jid }, jpeg) => setPicture(wa, jid, jpeg),
};

export function leave(session: Session, jid: string): Promise<void> {
  const left = session.ask(
    'Failed to leave group',
    async (wa) => {
      const content = [{ tag: 'group', attrs: { id: jid } }];
      const answer = await ask(wa, '@g.us', 'set', { tag: 'leave', attrs: {}, content });
      assertDone(getBinaryNodeChild(getBinaryNodeChild(answer, 'leave'), 'group'));
    },
    { 401: NOT_MEMBER, 403: NOT_MEMBER, 404: ['not_permitted', NOT_MEMBER], 409: ['not_permitted', NOT_MEMBER] },
  );
  return changing(session, jid, left);
}

const LINK = 'https://chat.whatsapp.com/';

/** The invite link; `revoke` makes the one there is invalid and answers a new one. */
export function inviteLink(session: Session, jid: string, { revoke = false } = {}): Promise<string> {
  return session.ask(
    revoke ? 'Failed to revoke group invite link' : 'Failed to get group invite link',
    async (wa) => {
      const answer = await ask(wa, jid, revoke ? 'set' : 'get', { tag: 'invite', attrs: {} });
      return `${LINK}${mustHave(answer, 'invite').attrs['code']}`;
    },
    AS_ADMIN,
  );
}

const invalidCode = (sentence: string): Meanings =>
  Object.fromEntries([400, 404, 406, 410].map((code) => [code, ['not_found', sentence]]));

export function inviteInfo(session: Session, code: string): Promise<Group> {
  return session.ask(
    'Failed to get group invite info',
    async (wa) => {
      const answer = await ask(wa, '@g.us', 'get', { tag: 'invite', attrs: { code } });
      return complete(wa, readGroup(mustHave(answer, 'group')));
    },
    { ...invalidCode('Invalid or expired invite code.'), 401: 'You were removed from this group, and cannot see it.' },
  );
}

/** Joins by an invite code. `pending`: an admin has to approve it first. */
export function acceptInvite(session: Session, code: string): Promise<{ jid: string; pending: boolean }> {
  return session.ask(
    'Failed to accept group invite',
    async (wa) => {
      const answer = await ask(wa, '@g.us', 'set', { tag: 'invite', attrs: { code } });
      const group = getBinaryNodeChild(answer, 'group');
      const pending = !group;
      return { jid: (group ?? mustHave(answer, 'membership_approval_request')).attrs['jid']!, pending };
    },
    {
      ...invalidCode('Invalid invite code'),
      401: 'You were removed from this group. Only an admin can add you again.',
      409: 'You are a member of this group, or have asked to be one, already.',
      419: 'The group is full.',
    },
  );
}

export function picture(session: Session, jid: string, options: { fresh?: boolean } = {}): Promise<string | null> {
  return worded('Failed to get group picture', pictureOf(session, jid, options));
}

/** Somebody who waits for an admin's approval. */
export interface JoinRequest extends Person {
  /** Seconds since 1970. */
  requestedAt: number | null;
  /** `invite_link`, or `non_admin_add` by the member `by`. */
  method: string | null;
  by: Person | null;
}

export function requests(session: Session, jid: string): Promise<JoinRequest[]> {
  return session.ask(
    'Failed to get group join requests',
    async (wa) => {
      const answer = await ask(wa, jid, 'get', { tag: 'membership_approval_requests', attrs: {} });
      const nodes = getBinaryNodeChildren(
        getBinaryNodeChild(answer, 'membership_approval_requests'),
        'membership_approval_request',
      );
      const whoIs = await whoAre(
        wa,
        nodes.flatMap(({ attrs }) => [attrs['jid'], attrs['requestor']]),
      );
      return nodes.flatMap(({ attrs }) => {
        const who = whoIs(attrs['jid'], attrs['phone_number'], attrs['lid']);
        if (!who) return [];
        return {
          ...who,
          requestedAt: attrs['request_time'] ? Number(attrs['request_time']) : null,
          method: attrs['request_method'] ?? null,
          by: whoIs(attrs['requestor'], attrs['requestor_pn']) ?? null,
        };
      });
    },
    AS_ADMIN,
  );
}

export function decide(
  session: Session,
  jid: string,
  participants: string[],
  action: 'approve' | 'reject',
): Promise<Outcome[]> {
  const decided = session.ask(
    `Failed to ${action} group join requests`,
    async (wa) => {
      const decision = { tag: action, attrs: {}, content: await nodesFor(wa, participants) };
      const tag = 'membership_requests_action';
      const answer = await ask(wa, jid, 'set', { tag, attrs: {}, content: [decision] });
      const done = getBinaryNodeChild(getBinaryNodeChild(answer, tag), action);
      return outcomes(wa, getBinaryNodeChildren(done, 'participant'), action);
    },
    AS_ADMIN,
  );
  return changing(session, jid, decided);
}

function ask(wa: WASocket, to: string, type: 'get' | 'set', node: BinaryNode): Promise<BinaryNode> {
  return query(wa, { to, type, xmlns: 'w:g2' }, [node]);
}

async function askGroup(wa: WASocket, jid: string): Promise<Group> {
  const answer = await ask(wa, jid, 'get', { tag: 'query', attrs: { request: 'interactive' } });
  return readGroup(mustHave(answer, 'group'));
}

async function complete(wa: WASocket, group: Group): Promise<Group> {
  return completed(group, await whoAre(wa, addressesIn(group)));
}

function mustHave(answer: BinaryNode, tag: string): BinaryNode {
  const found = getBinaryNodeChild(answer, tag);
  if (found) return found;
  throw new Error(`WhatsApp answered without <${tag}>`);
}

/** A new group names those whom it could not take as members, too. */
function withMembersOnly(group: BinaryNode): BinaryNode {
  const content = getAllBinaryNodeChildren(group).filter((one) => errorOf(one) === undefined);
  return { ...group, content };
}

/** Whoever is named by number and by LID is named once; a LID comes with its number, as WhatsApp's own clients write it. */
async function nodesFor(wa: WASocket, participants: string[]): Promise<BinaryNode[]> {
  const whoIs = await whoAre(wa, participants);
  const nodes = new Map<string, BinaryNode>();
  for (const jid of participants) {
    const who = whoIs(jid)!;
    const number = who.lid === jid && who.phone && { phone_number: who.jid };
    if (!nodes.has(who.jid)) nodes.set(who.jid, { tag: 'participant', attrs: { jid, ...number } });
  }
  return [...nodes.values()];
}

async function outcomes(wa: WASocket, nodes: BinaryNode[], action: keyof typeof DONE): Promise<Outcome[]> {
  const whoIs = await whoAre(
    wa,
    nodes.map(({ attrs }) => attrs['jid']),
  );
  return nodes.flatMap((node) => {
    const told = readMember(node) ?? person(node.attrs['jid']);
    const who = told && (whoIs(told.jid, told.lid) ?? told);
    if (!who) return [];
    const status = errorOf(node) ?? 200;
    const { jid, lid, phone } = who;
    const words = action === 'add' ? REFUSED : REFUSED_HERE;
    const message = status === 200 ? DONE[action] : (words[status] ?? 'refused');
    const invite = getBinaryNodeChild(node, 'add_request')?.attrs;
    const offered = invite?.['code'] && {
      invite: { code: invite['code'], expiration: Number(invite['expiration'] ?? 0) },
    };
    return { status, jid, id: jid, message, lid, phone, ...offered };
  });
}
