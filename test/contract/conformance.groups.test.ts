import { FRIEND } from '../whatsapp/stage.ts';
import { prove } from './prove.ts';
import { must, OWN, SAMPLE, SAMPLE_JID, World, type Answer } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world?.close());

const api = (method: string, path: string, body?: unknown) => world.api(method, `/api/groups${path}`, body);
const dataOf = <T>(answer: Answer) => answer.body.data as T;
const jidOf = (phone: string) => `${phone}@s.whatsapp.net`;
const FRIEND_JID = jidOf(FRIEND);

/** A group that the session's account has made, with two others. */
const ours = (subject?: string) => world.group([OWN, SAMPLE, FRIEND], subject);
/** One that somebody else has made, with the session's account as a plain member. */
const theirs = (subject?: string) => world.group([SAMPLE, OWN, FRIEND], subject);
const members = (jid: string) => world.sandbox.groups.get(jid).participants;
const role = (jid: string, phone: string) => members(jid).find((member) => member.phone === phone)?.role;

interface Person {
  id?: string;
  jid?: string;
  admin?: string | null;
  isAdmin?: boolean;
  isSuperAdmin?: boolean;
}
const of = (people: Person[], phone: string) => {
  const { lid } = world.sandbox.phone(phone);
  return people.find((one) => [one.id, one.jid].some((id) => id === lid || id?.startsWith(`${phone}@`)));
};

/** A jid that names no group, and one of a group that the account is not in, are refused in words. */
async function strangers(method: string, rest: string, body?: unknown): Promise<void> {
  for (const jid of ['nobody', '123456789-987654321@g.us']) {
    const { status, body: said } = await api(method, `/${jid}${rest}`, body);
    must(status >= 400 && status < 500 && said.message, `${jid} is ${status}`);
  }
}
const required = (answer: Answer, field: string): void => {
  const errors = (answer.body['errors'] ?? {}) as Record<string, string[]>;
  const text = `The ${field} field is required.`;
  must(answer.status === 422 && errors[field]?.includes(text), `${answer.status}: ${JSON.stringify(errors)}`);
};

prove('create-a-new-group', {
  parameters: {
    name: async () => {
      required(await api('POST', '', { participants: [SAMPLE_JID] }), 'name');
      const { id } = dataOf<{ id: string }>(
        await api('POST', '', { name: 'By this name', participants: [SAMPLE_JID] }),
      );
      must(world.sandbox.groups.get(id).subject === 'By this name', 'Another name');
    },
    participants: async () => {
      const make = async (participants?: unknown) => api('POST', '', { name: 'Team', participants });
      const { id } = dataOf<{ id: string }>(await make([SAMPLE_JID, `+${FRIEND}`]));
      must(role(id, SAMPLE) && role(id, FRIEND), 'Not both are in it');
      must((await make()).status === 200, 'Needed, though documented as optional');
      must((await make('everybody')).status === 422, 'No list is taken');
    },
  },
  responses: {
    'Success Response': async (is) => {
      const answer = await api('POST', '', { name: 'My New Group', participants: [SAMPLE_JID, FRIEND_JID] });
      const group = is(answer).data as { id: string; participants: Person[] };
      must(of(group.participants, OWN)?.admin === 'superadmin', 'The creator is no superadmin');
      must(of(group.participants, SAMPLE)?.admin === null, 'A member is not told as null');
      must(members(group.id).length === 3, `${members(group.id).length} are in it`);
    },
  },
});

interface Page {
  items: { jid: string }[];
  pagination: { total: number; page: number; limit: number; totalPages: number };
}
const page = async (query: string) => dataOf<Page>(await api('GET', `?${query}`));

prove('get-all-groups', {
  parameters: {
    paginated: async () => {
      ours();
      must(Array.isArray(dataOf(await api('GET', ''))), 'No list without it');
      must(Array.isArray(dataOf(await api('GET', '?paginated=false'))), 'No list with false');
      must(Array.isArray((await page('paginated=true')).items), 'No page with true');
    },
    page: async () => {
      ours();
      theirs();
      const [first, second] = [
        await page('paginated=true&page=1&limit=1'),
        await page('paginated=true&page=2&limit=1'),
      ];
      must(second.pagination.page === 2 && first.items[0]!.jid !== second.items[0]!.jid, 'The same page twice');
    },
    limit: async () => {
      ours();
      const { items, pagination } = await page('paginated=true&limit=1');
      must(items.length === 1 && pagination.limit === 1, JSON.stringify(pagination));
      must((await page('paginated=true')).pagination.limit === 20, 'Another default');
    },
  },
  responses: {
    'Groups Success Response (non-paginated)': async (is) => {
      const [mine, other] = [ours('Group A'), theirs('Group B')];
      const groups = is(await api('GET', '')).data as { jid: string; name: string }[];
      must(
        groups.some(({ jid, name }) => jid === mine && name === 'Group A'),
        'Ours is not there',
      );
      must(
        groups.some(({ jid, name }) => jid === other && name === 'Group B'),
        'Theirs is not there',
      );
    },
    'Groups Success Response (paginated=true)': async (is) => {
      ours();
      is(await api('GET', '?paginated=true&page=1&limit=20'));
    },
  },
});

prove('get-group-metadata', {
  parameters: { groupJid: () => strangers('GET', '/metadata') },
  responses: {
    'Success Response': async (is) => {
      const jid = theirs('Group Subject');
      world.sandbox.groups.setDescription(jid, { by: SAMPLE, description: 'Group Description' });
      const group = is(await api('GET', `/${jid}/metadata`)).data as Record<string, unknown>;
      const people = group['participants'] as Person[];
      must(group['subject'] === 'Group Subject' && group['desc'] === 'Group Description', JSON.stringify(group));
      must(of(people, SAMPLE)?.isAdmin && of(people, SAMPLE)?.isSuperAdmin, 'The owner is no admin');
      must(of(people, OWN)?.isAdmin === false, 'A member is an admin');
    },
  },
});

prove('get-group-participants', {
  parameters: { groupJid: () => strangers('GET', '/participants') },
  responses: {
    'Success Response': async (is) => {
      const people = is(await api('GET', `/${theirs()}/participants`)).data as unknown as Person[];
      must(people.length === 3 && of(people, SAMPLE)?.admin === 'superadmin', JSON.stringify(people));
    },
  },
});

interface Result {
  status: number;
  jid: string;
  message: string;
}

prove('add-group-participants', {
  parameters: {
    groupJid: () => strangers('POST', '/participants/add', { participants: [SAMPLE_JID] }),
    participants: async () => {
      const jid = ours();
      required(await api('POST', `/${jid}/participants/add`, {}), 'participants');
      const phone = world.newPhone();
      await api('POST', `/${jid}/participants/add`, { participants: [phone] });
      must(role(jid, phone) === 'member', 'Not in the group');
    },
  },
  responses: {
    'Success Response': async (is) => {
      const jid = ours();
      const [open, shy] = [world.newPhone(), world.newPhone()];
      // Only whom shy knows may add shy.
      world.sandbox.account.setPrivacy(shy, { groupadd: 'contacts' });
      const results = is(await api('POST', `/${jid}/participants/add`, { participants: [open, shy] }))
        .data as unknown as Result[];
      must(results[0]!.status === 200 && results[0]!.message === 'added', JSON.stringify(results));
      must(results[1]!.status === 403 && results[1]!.message === 'not-authorized', JSON.stringify(results));
      must(role(jid, open) === 'member' && !role(jid, shy), 'Not as it was told');
    },
  },
});

prove('remove-group-participants', {
  parameters: {
    groupJid: () => strangers('POST', '/participants/remove', { participants: [SAMPLE_JID] }),
    participants: async () => {
      const jid = ours();
      required(await api('POST', `/${jid}/participants/remove`, {}), 'participants');
      await api('POST', `/${jid}/participants/remove`, { participants: [`+${SAMPLE}`] });
      must(!role(jid, SAMPLE) && role(jid, FRIEND), 'Not exactly that one is out');
    },
  },
  responses: {
    'Success Response': async (is) => {
      const jid = ours();
      const stranger = world.newPhone();
      const results = is(await api('POST', `/${jid}/participants/remove`, { participants: [SAMPLE, stranger] }))
        .data as unknown as Result[];
      must(results[0]!.status === 200 && results[0]!.message === 'removed', JSON.stringify(results));
      must(results[1]!.status !== 200, 'A stranger was removed');
      must(!role(jid, SAMPLE), 'Still in it');
    },
  },
});

prove('update-group-participants', {
  parameters: {
    groupId: () => strangers('PUT', '/participants/update', { action: 'promote', participants: [SAMPLE_JID] }),
    action: async () => {
      const jid = ours();
      const update = (action: unknown) =>
        api('PUT', `/${jid}/participants/update`, { action, participants: [SAMPLE_JID] });
      required(await update(undefined), 'action');
      must((await update('fire')).status === 422, 'Anything is taken');
      await update('promote');
      must(role(jid, SAMPLE) === 'admin', 'No admin');
      await update('demote');
      must(role(jid, SAMPLE) === 'member', 'Still an admin');
    },
    participants: async () => {
      const jid = ours();
      required(await api('PUT', `/${jid}/participants/update`, { action: 'promote' }), 'participants');
      await api('PUT', `/${jid}/participants/update`, { action: 'promote', participants: [SAMPLE_JID, FRIEND_JID] });
      must(role(jid, SAMPLE) === 'admin' && role(jid, FRIEND) === 'admin', 'Not both');
    },
  },
  responses: {
    'Success Response': async (is) => {
      const jid = ours();
      const body = { action: 'promote', participants: [SAMPLE_JID, FRIEND_JID] };
      const { participants } = is(await api('PUT', `/${jid}/participants/update`, body)).data as {
        participants: string[];
      };
      must(participants.includes(SAMPLE_JID), JSON.stringify(participants));
    },
    'Error Response': async (is) => {
      const body = { action: 'promote', participants: [FRIEND_JID] };
      is(await api('PUT', `/${theirs()}/participants/update`, body));
    },
  },
});

prove('get-group-profile-picture', {
  parameters: {
    groupJid: async () => {
      must((await api('GET', '/nobody/picture')).status === 422, 'Anything is taken');
      const answer = await api('GET', '/123456789-987654321@g.us/picture');
      // Whether there is such a group is not told: there is no picture to be seen.
      must(dataOf<{ imgUrl: null }>(answer).imgUrl === null, 'A picture of nothing');
    },
  },
  responses: {
    'Success Response': async (is) => {
      const jid = ours();
      must(
        (await api('PUT', `/${jid}/settings`, { profilePicUrl: world.files.url('image.jpg') })).status === 200,
        'No picture',
      );
      const { imgUrl } = is(await api('GET', `/${jid}/picture`)).data as { imgUrl: string };
      must((await fetch(imgUrl)).ok, `No picture at ${imgUrl}`);
      must(dataOf<{ imgUrl: null }>(await api('GET', `/${ours()}/picture`)).imgUrl === null, 'One where there is none');
    },
  },
});

const settings = (jid: string, body: Record<string, unknown>) => api('PUT', `/${jid}/settings`, body);
/** A setting takes effect, both ways, and what is no value of it is refused. */
const setting = (field: string, seen: (jid: string) => unknown) => async (): Promise<void> => {
  const jid = ours();
  must((await settings(jid, { [field]: 'perhaps' })).status === 422, 'Anything is taken');
  for (const value of [true, false]) {
    const { status, body } = await settings(jid, { [field]: value });
    must(status === 200 && seen(jid) === value, `${value}: ${status} ${JSON.stringify(body)}`);
  }
};

prove('update-group-settings', {
  parameters: {
    groupJid: () => strangers('PUT', '/settings', { subject: 'New' }),
    subject: async () => {
      const jid = ours();
      await settings(jid, { subject: 'New Group Subject' });
      must(world.sandbox.groups.get(jid).subject === 'New Group Subject', 'The old one');
    },
    description: async () => {
      const jid = ours();
      await settings(jid, { description: 'New Group Description' });
      must(world.sandbox.groups.get(jid).description === 'New Group Description', 'The old one');
      must(world.sandbox.groups.get(jid).subject === 'Group Name', 'The subject has changed, too');
    },
    announce: setting('announce', (jid) => world.sandbox.groups.get(jid).announce),
    restrict: setting('restrict', (jid) => world.sandbox.groups.get(jid).restrict),
    joinApproval: setting('joinApproval', (jid) => world.sandbox.groups.get(jid).joinApproval),
    memberAdd: setting('memberAdd', (jid) => world.sandbox.groups.get(jid).memberAdd === 'all_member_add'),
    profilePicUrl: async () => {
      const jid = ours();
      await settings(jid, { profilePicUrl: world.files.url('sticker.webp') });
      must(world.sandbox.groups.get(jid).pictureId !== null, 'No picture');
      const { status } = await settings(jid, { profilePicUrl: world.files.url('report.pdf') });
      must(status === 415 || status === 422, `A PDF as a picture is ${status}`);
    },
  },
  responses: {
    'Success Response': async (is) => {
      const jid = ours();
      const body = { subject: 'New Group Subject', description: 'New Group Description' };
      const { data } = is(await settings(jid, body));
      const { subject, description } = data as Record<string, string>;
      must(subject === body.subject && description === body.description, JSON.stringify(data));
      must((await settings(jid, {})).status === 422, 'Nothing to change is no mistake');
    },
  },
});

prove('get-group-invite-link', {
  parameters: { groupJid: () => strangers('GET', '/invite-link') },
  responses: {
    'Success Response': async (is) => {
      const jid = ours();
      const link = is(await api('GET', `/${jid}/invite-link`))['inviteLink'] as string;
      const phone = world.newPhone();
      world.sandbox.groups.join(jid, { phone, code: link });
      must(role(jid, phone) === 'member', 'The link leads nowhere');
      must((await api('GET', `/${theirs()}/invite-link`)).status === 403, 'Anybody gets the link');
    },
  },
});

/** The code of a group that the account is not in. */
function foreign(): { jid: string; code: string } {
  const jid = world.group([SAMPLE, FRIEND], 'Official Project Group');
  world.sandbox.groups.setDescription(jid, { by: SAMPLE, description: 'For project updates' });
  world.sandbox.groups.change(jid, 'promote', { by: SAMPLE, participants: [FRIEND] });
  return { jid, code: world.sandbox.groups.inviteCode(jid, { by: SAMPLE }).code };
}

prove('get-group-invite-info', {
  parameters: {
    inviteCode: async () => {
      const { jid, code } = foreign();
      must(dataOf<{ id: string }>(await api('GET', `/invite/${code}`)).id === jid, 'Another group');
    },
  },
  responses: {
    'Success Response': async (is) => {
      const { jid, code } = foreign();
      const group = is(await api('GET', `/invite/${code}`)).data as Record<string, unknown>;
      must(group['id'] === jid && group['size'] === 2, JSON.stringify(group));
      must(!role(jid, OWN), 'Joined by asking');
    },
    'Error Response': async (is) => void is(await api('GET', '/invite/SAMPLE_INVITE_CODE')),
  },
});

const accept = (code?: unknown) => api('POST', '/invite/accept', { code });
prove('accept-group-invite', {
  parameters: {
    code: async () => {
      required(await accept(), 'code');
      const { jid, code } = foreign();
      await accept(`https://chat.whatsapp.com/${code}`);
      must(role(jid, OWN) === 'member', 'No whole link is taken');
    },
  },
  responses: {
    'Success Response': async (is) => {
      const { jid, code } = foreign();
      must((is(await accept(code)).data as { id: string }).id === jid, 'Another group');
      must(role(jid, OWN) === 'member', 'Not in the group');
    },
    'Error Response': async (is) => void is(await accept('SAMPLE_INVITE_CODE')),
  },
});

prove('leave-group', {
  parameters: { groupId: () => strangers('POST', '/leave') },
  responses: {
    'Success Response': async (is) => {
      const jid = theirs();
      is(await api('POST', `/${jid}/leave`));
      must(!role(jid, OWN), 'Still in it');
    },
    'Error Response': async (is) => void is(await api('POST', `/${foreign().jid}/leave`)),
  },
});
