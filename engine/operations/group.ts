import { z } from 'zod';
import { EngineError, unforeseen } from '../errors.ts';
import { describeGroup, type Group } from '../whatsapp/group.ts';
import * as groups from '../whatsapp/groups.ts';
import { listed, listFields, listOf, sliceOf } from './listing.ts';
import { fresh, groupJid, imgUrl, lid, people as typed, personJid, phone, unixSeconds } from './fields.ts';
import { operation } from './operation.ts';
import { ASKING, TAKING_FILES } from './refusals.ts';

const groupId = groupJid;
const anybody = typed.max(1024);
const people = anybody.min(1);

const outcome = z
  .object({
    status: z.int().meta({
      description:
        '200 done; 401 has blocked this account; 403 not authorized; 404 not on WhatsApp, or no member; 408 has left recently; 409 is so already; 419 the group is full',
      examples: [200],
    }),
    jid: personJid,
    id: personJid,
    message: z.string().meta({ description: 'The status in words', examples: ['Added'] }),
    lid,
    phone,
    invite: z
      .object({
        code: z.string().meta({ description: 'Code of the invitation', examples: ['pTyK2hQ9sJvM4bXc'] }),
        expiration: unixSeconds.describe('When it expires, in Unix seconds'),
      })
      .optional()
      .describe('Only contacts may add this person; WhatsApp offers this invitation to send to them'),
  })
  .meta({ title: 'ParticipantOutcome' });
const settingsShown = {
  announce: z.boolean().describe('Only admins may write'),
  restrict: z.boolean().describe('Only admins may change subject, description and picture'),
  joinApproval: z.boolean().describe('Admins approve who comes by the invite link'),
  memberAdd: z.boolean().describe('Every member may add members'),
  disappearAfter: z
    .int()
    .meta({ description: 'Seconds after which messages disappear; 0: they stay', examples: [604_800] }),
};
const subject = z.string().meta({ description: 'Name of the group', examples: ['Choir'] });
const creation = unixSeconds.nullable().describe('When it was made, in Unix seconds, where known');
const owner = personJid.nullable().describe('Address of who made it, where known');
const desc = z
  .string()
  .nullable()
  .meta({ description: 'Description of the group', examples: ['Every Thursday at 7'] });
const size = z.int().meta({ description: 'Number of members', examples: [12] });
const admin = z.enum(['admin', 'superadmin']);
const shown = z
  .object({
    jid: groupJid,
    id: groupJid,
    subject,
    creation,
    owner,
    desc,
    size,
    ...settingsShown,
    isCommunity: z.boolean().describe('Whether it is a community, which holds groups'),
    community: groupJid.nullable().describe('Address of the community that the group belongs to'),
    participants: z
      .array(
        z.object({
          jid: personJid,
          id: personJid,
          lid,
          phone,
          isAdmin: z.boolean().describe('Whether this member is an admin'),
          isSuperAdmin: z.boolean().describe('Whether this member made the group'),
        }),
      )
      .describe('The members'),
  })
  .meta({ title: 'Group' });
/** A group as WasenderApi shows it when it is made, and to whoever has an invite code. */
const card = {
  id: groupJid,
  subject,
  owner,
  creation,
  size,
  desc,
  participants: z
    .array(
      z.object({
        id: personJid,
        admin: admin.nullable().describe('superadmin made the group; null: no admin'),
        lid,
        phone,
      }),
    )
    .describe('The members that WhatsApp tells of'),
};

function cardOf({ jid, subject, owner, creation, size, desc, members }: Group) {
  const participants = members.map(({ jid, admin, lid, phone }) => ({ id: jid, admin, lid, phone }));
  return { id: jid, subject, owner: owner?.jid ?? null, creation, size, desc, participants };
}

export const create = operation({
  id: 'group.create',
  http: 'POST /api/groups',
  access: 'session',
  summary: 'Create a group; tells who could not be added',
  tools: [
    {
      name: 'create_group',
      description: 'Create a WhatsApp group with this account as its admin. Tells who could not be added.',
    },
  ],
  input: z.object({
    name: z
      .string()
      .trim()
      .min(1)
      .max(100)
      .meta({ description: 'Name of the group', examples: ['Choir'] }),
    participants: anybody.default([]),
  }),
  errors: [...ASKING, 'budget_exhausted'],
  output: z
    .object({ ...card, failed: z.array(outcome).describe('Who could not be added, and why') })
    .meta({ title: 'NewGroup' }),
  run: async ({ session }, { name, participants }) => {
    const { group, refused } = await groups.create(session, name, groups.toParticipants(participants));
    return { ...cardOf(group), failed: refused };
  },
});

export const list = operation({
  id: 'group.list',
  http: 'GET /api/groups',
  access: 'session',
  summary: 'List the groups that the account is in, by name',
  tools: [
    {
      name: 'list_groups',
      description: 'List the groups that the account is in, by name, a page at a time. To find one use search_groups.',
      readOnly: true,
      fields: ['page', 'limit'],
      set: { paginated: true },
    },
    {
      name: 'search_groups',
      description:
        'Find groups by a part of their name, for instance to learn the address of a group before writing to it.',
      readOnly: true,
      fields: ['search', 'page', 'limit'],
      required: ['search'],
      set: { paginated: true },
    },
  ],
  errors: ASKING,
  input: z.object(listFields),
  output: listOf(
    z
      .object({
        jid: groupJid,
        id: groupJid,
        name: subject,
        imgUrl: imgUrl.describe('URL of the picture, where already known; group.picture asks for it'),
        size,
      })
      .meta({ title: 'GroupInList' }),
  ),
  run: async ({ engine, record, session }, { search, ...asked }) => {
    const [all, pictures] = await Promise.all([groups.list(session), engine.store.chats.pictures(record.id)]);
    const sought = (search ?? '').trim().toLowerCase();
    const found = all.filter(({ subject, jid }) => `${subject}\n${jid}`.toLowerCase().includes(sought));
    const { offset, limit } = sliceOf(asked) ?? { offset: 0, limit: found.length };
    const items = found
      .slice(offset, offset + limit)
      .map(({ jid, subject, size }) => ({ jid, id: jid, name: subject, imgUrl: pictures.get(jid) ?? null, size }));
    return listed({ items, total: found.length }, asked);
  },
});

export const metadata = operation({
  id: 'group.metadata',
  http: 'GET /api/groups/:groupJid/metadata',
  access: 'session',
  limit: 'group_metadata',
  summary: 'Get the subject, description, settings and members of a group',
  tools: [
    {
      name: 'get_group_metadata',
      description: 'Get the name, description, settings and members of a group.',
      readOnly: true,
    },
  ],
  input: z.object({ groupJid, fresh }),
  errors: [...ASKING, 'budget_exhausted'],
  output: shown,
  run: async ({ session }, { groupJid, fresh }) =>
    describeGroup(await groups.metadata(session, groups.toGroupJid(groupJid, 'groupJid'), { fresh })),
});

export const participants = operation({
  id: 'group.participants',
  http: 'GET /api/groups/:groupJid/participants',
  access: 'session',
  limit: 'group_metadata',
  summary: 'List the members of a group',
  tools: [
    {
      name: 'get_group_participants',
      description: 'List the members of a group with their numbers, where known, and who is an admin.',
      readOnly: true,
      plain: true,
    },
  ],
  input: z.object({ groupJid, fresh }),
  errors: [...ASKING, 'budget_exhausted'],
  output: z.array(
    z.object({
      id: personJid.describe('LID where known, else the phone-number address'),
      admin: admin.optional().describe('superadmin made the group; missing: no admin'),
      jid: personJid,
      lid,
      phone,
    }),
  ),
  run: async ({ session }, { groupJid, fresh }) => {
    const { members } = await groups.metadata(session, groups.toGroupJid(groupJid, 'groupJid'), { fresh });
    return members.map(({ jid, lid, phone, admin }) => ({ id: lid ?? jid, ...(admin && { admin }), jid, lid, phone }));
  },
});

export const add = operation({
  id: 'group.add',
  http: 'POST /api/groups/:groupJid/participants/add',
  access: 'session',
  summary: 'Add people to a group; answers what came of each',
  tools: [
    {
      name: 'add_group_participants',
      description:
        'Add people to a group that this account administers. Tells what came of each: people may only let contacts add them, and then an invitation is answered instead.',
      idempotent: true,
      plain: true,
    },
  ],
  input: z.object({ groupJid, participants: people }),
  errors: [...ASKING, 'budget_exhausted'],
  output: z.array(outcome),
  run: ({ session }, { groupJid, participants }) =>
    groups.change(session, groups.toGroupJid(groupJid, 'groupJid'), groups.toParticipants(participants), 'add'),
});

export const remove = operation({
  id: 'group.remove',
  http: 'POST /api/groups/:groupJid/participants/remove',
  access: 'session',
  summary: 'Remove people from a group; answers what came of each',
  tools: [
    {
      name: 'remove_group_participants',
      description: 'Remove people from a group that this account administers. Tells what came of each.',
      destructive: true,
      idempotent: true,
      plain: true,
    },
  ],
  errors: ASKING,
  input: z.object({ groupJid, participants: people }),
  output: z.array(outcome),
  run: ({ session }, { groupJid, participants }) =>
    groups.change(session, groups.toGroupJid(groupJid, 'groupJid'), groups.toParticipants(participants), 'remove'),
});

export const roles = operation({
  id: 'group.roles',
  http: 'PUT /api/groups/:groupId/participants/update',
  access: 'session',
  summary: 'Make members admins, or admins members again',
  tools: [
    {
      name: 'update_group_participants',
      description: 'Make members of a group admins (promote), or admins members again (demote).',
      idempotent: true,
      plain: true,
    },
  ],
  errors: ASKING,
  input: z.object({
    groupId,
    action: z.enum(['promote', 'demote']).describe('promote: to admin. demote: to member'),
    participants: people,
  }),
  output: z.object({
    participants: z
      .array(z.string())
      .meta({ description: 'For whom it was done', examples: [['15551234567@s.whatsapp.net']] }),
    results: z.array(outcome).describe('What came of each'),
  }),
  run: async ({ session }, { groupId, action, participants }) => {
    const jid = groups.toGroupJid(groupId, 'groupId');
    const results = await groups.change(session, jid, groups.toParticipants(participants), action);
    return { participants: results.filter(({ status }) => status === 200).map(({ jid }) => jid), results };
  },
});

/** WhatsApp's timers for messages that disappear. */
const TIMERS = [0, 86_400, 604_800, 7_776_000];

const settingFields = {
  subject: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .optional()
    .meta({ description: 'New name of the group', examples: ['Choir'] }),
  description: z
    .string()
    .max(2048)
    .optional()
    .meta({ description: 'New description; empty: none', examples: ['Every Thursday at 7'] }),
  announce: z.boolean().optional().describe('true: only admins may write'),
  restrict: z.boolean().optional().describe('true: only admins may change subject, description and picture'),
  joinApproval: z.boolean().optional().describe('true: admins approve who comes by the invite link'),
  memberAdd: z.boolean().optional().describe('true: every member may add members; false: only admins'),
  disappearAfter: z
    .int()
    .optional()
    .meta({
      description: `Seconds after which messages disappear: ${TIMERS.join(', ')} (0: they stay)`,
      examples: [604_800],
    }),
  profilePicUrl: z
    .string()
    .optional()
    .meta({
      description: 'New picture: an http(s) or data: URL, or the id or publicUrl of an upload; empty: none',
      examples: ['https://files.example.com/choir.jpg'],
    }),
};

export const settings = operation({
  id: 'group.settings',
  http: 'PUT /api/groups/:groupJid/settings',
  access: 'session',
  summary: 'Change settings of a group; each given field is applied by itself',
  tools: [
    {
      name: 'update_group_settings',
      description:
        'Change the name, description, picture or rules of a group. Each given field is applied by itself; failed tells what could not be.',
      idempotent: true,
    },
  ],
  input: z.object({ groupJid, ...settingFields }),
  rules: (input): Record<string, string[]> | undefined => {
    const { disappearAfter } = input;
    if (Object.keys(settingFields).every((field) => input[field] === undefined)) {
      return { settings: [`Give at least one of ${Object.keys(settingFields).join(', ')}.`] };
    }
    return typeof disappearAfter === 'number' && !TIMERS.includes(disappearAfter)
      ? { disappearAfter: [`The disappearAfter field must be one of: ${TIMERS.join(', ')}.`] }
      : undefined;
  },
  errors: [...ASKING, ...TAKING_FILES, 'budget_exhausted'],
  output: z.object({
    subject,
    description: desc,
    ...settingsShown,
    imgUrl: imgUrl.optional().describe('URL of the picture, where it was to be changed'),
    failed: z
      .record(z.string(), z.string())
      .optional()
      .meta({
        description: 'Per field that could not be changed: why',
        examples: [{ subject: 'Only admins of the group can do this.' }],
      }),
  }),
  run: async ({ engine, session, record }, { groupJid, profilePicUrl: source, ...given }) => {
    const jid = groups.toGroupJid(groupJid, 'groupJid');
    const wanted: groups.Settings = Object.fromEntries(
      Object.entries(given).filter(([, value]) => value !== undefined),
    );
    const failed = new Map<string, EngineError>();
    if (source) {
      const picture = engine.media.profilePicture(record.id, source, 'profilePicUrl');
      await picture.then(
        (jpeg) => (wanted.profilePicUrl = jpeg),
        (error: unknown) => failed.set('profilePicUrl', unforeseen(error)),
      );
    } else if (source === '') wanted.profilePicUrl = null;
    if (failed.size > 0 && Object.keys(wanted).length === 0) throw failedAltogether(failed);
    const { group, failed: refused } = await groups.configure(session, jid, wanted);
    for (const [field, error] of refused) failed.set(field, error);
    if (refused.size === Object.keys(wanted).length) throw failedAltogether(failed);
    const { subject, desc, announce, restrict, joinApproval, memberAdd, disappearAfter } = group;
    return {
      ...{ subject, description: desc, announce, restrict, joinApproval, memberAdd, disappearAfter },
      ...(source !== undefined && { imgUrl: await groups.picture(session, jid, { fresh: true }) }),
      ...(failed.size > 0 && { failed: textsOf(failed) }),
    };
  },
});

const textsOf = (failed: Map<string, EngineError>) =>
  Object.fromEntries([...failed].map(([field, { message, fields }]) => [field, fields?.[field]?.[0] ?? message]));

function failedAltogether(failed: Map<string, EngineError>): EngineError {
  const [first] = failed.values();
  return new EngineError(first!.code, first!.message, {
    cause: first!.cause,
    ...(first!.fields && { fields: first!.fields }),
    details: { ...first!.details, failed: textsOf(failed) },
    ...(first!.retryAfterS !== undefined && { retryAfterS: first!.retryAfterS }),
  });
}

const inviteLinkShown = z.object({
  inviteLink: z
    .string()
    .meta({ description: 'Invite link of the group', examples: ['https://chat.whatsapp.com/Kx3bN7vQ2mT9wLpR5sYd8e'] }),
});

export const inviteLink = operation({
  id: 'group.inviteLink',
  http: 'GET /api/groups/:groupJid/invite-link',
  access: 'session',
  summary: 'Get the invite link of a group; only its admins can',
  tools: [
    {
      name: 'generate_invite_link',
      description: 'Get the invite link of a group that this account administers. Whoever has it can join.',
      readOnly: true,
      plain: true,
    },
  ],
  envelope: 'flat',
  errors: ASKING,
  input: z.object({ groupJid }),
  output: inviteLinkShown,
  run: async ({ session }, { groupJid }) => ({
    inviteLink: await groups.inviteLink(session, groups.toGroupJid(groupJid, 'groupJid')),
  }),
});

export const revokeInvite = operation({
  id: 'group.revokeInvite',
  http: 'POST /api/groups/:groupJid/invite-link/revoke',
  access: 'session',
  summary: 'Make the invite link of a group invalid; answers the new one',
  envelope: 'flat',
  errors: ASKING,
  input: z.object({ groupJid }),
  output: inviteLinkShown,
  run: async ({ session }, { groupJid }) => ({
    inviteLink: await groups.inviteLink(session, groups.toGroupJid(groupJid, 'groupJid'), { revoke: true }),
  }),
});

const code = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .meta({
    description: 'Invite code, or the whole link (https://chat.whatsapp.com/…)',
    examples: ['Kx3bN7vQ2mT9wLpR5sYd8e'],
  });

export const inviteInfo = operation({
  id: 'group.inviteInfo',
  http: 'GET /api/groups/invite/:inviteCode',
  access: 'session',
  summary: 'Look at a group by its invite code, without joining it',
  errors: ASKING,
  input: z.object({ inviteCode: code }),
  output: z.object(card).meta({ title: 'GroupInvite' }),
  run: async ({ session }, { inviteCode }) => cardOf(await groups.inviteInfo(session, groups.toInviteCode(inviteCode))),
});

export const acceptInvite = operation({
  id: 'group.acceptInvite',
  http: 'POST /api/groups/invite/accept',
  access: 'session',
  summary: 'Join a group by its invite code',
  tools: [
    {
      name: 'accept_group_invite',
      description: 'Join a group by its invite code or link.',
      idempotent: true,
      plain: true,
    },
  ],
  errors: ASKING,
  input: z.object({ code }),
  output: z.object({
    id: groupJid,
    pending: z.boolean().describe('true: an admin has to approve it first'),
  }),
  run: async ({ session }, { code }) => {
    const { jid, pending } = await groups.acceptInvite(session, groups.toInviteCode(code));
    return { id: jid, pending };
  },
});

export const leave = operation({
  id: 'group.leave',
  http: 'POST /api/groups/:groupId/leave',
  access: 'session',
  summary: 'Leave a group',
  tools: [
    {
      name: 'leave_group',
      description: 'Leave a group. Only its admins can bring the account back.',
      destructive: true,
      idempotent: true,
      plain: true,
    },
  ],
  errors: ASKING,
  input: z.object({ groupId }),
  output: z.object({}),
  run: async ({ session }, { groupId }) => {
    await groups.leave(session, groups.toGroupJid(groupId, 'groupId'));
    return {};
  },
});

export const picture = operation({
  id: 'group.picture',
  http: 'GET /api/groups/:groupJid/picture',
  access: 'session',
  summary: 'Get the URL of the picture of a group',
  errors: [...ASKING, 'budget_exhausted'],
  input: z.object({ groupJid, fresh }),
  output: z.object({
    imgUrl: imgUrl.describe('URL of the picture, at WhatsApp; null: there is none that this account may see'),
  }),
  run: async ({ session }, { groupJid, fresh }) => ({
    imgUrl: await groups.picture(session, groups.toGroupJid(groupJid, 'groupJid'), { fresh }),
  }),
});

const by = z
  .object({ jid: personJid, lid, phone })
  .nullable()
  .describe('The member who wants to add them; null: they came by the link');

export const requests = operation({
  id: 'group.requests',
  http: 'GET /api/groups/:groupJid/requests',
  access: 'session',
  summary: 'List the people who wait for an admin’s approval to join a group',
  errors: ASKING,
  input: z.object({ groupJid }),
  output: z.array(
    z.object({
      jid: personJid,
      lid,
      phone,
      requestedAt: unixSeconds.nullable().describe('When they asked, in Unix seconds'),
      method: z
        .string()
        .nullable()
        .meta({
          description: 'invite_link, or non_admin_add: the member `by` wants to add them',
          examples: ['invite_link'],
        }),
      by,
    }),
  ),
  run: ({ session }, { groupJid }) => groups.requests(session, groups.toGroupJid(groupJid, 'groupJid')),
});

export const decide = operation({
  id: 'group.decide',
  http: 'POST /api/groups/:groupJid/requests',
  access: 'session',
  summary: 'Let people who asked to join a group in, or not',
  errors: ASKING,
  input: z.object({
    groupJid,
    action: z.enum(['approve', 'reject']).describe('approve: let them in. reject: do not'),
    participants: people,
  }),
  output: z.array(outcome),
  run: ({ session }, { groupJid, action, participants }) =>
    groups.decide(session, groups.toGroupJid(groupJid, 'groupJid'), groups.toParticipants(participants), action),
});
