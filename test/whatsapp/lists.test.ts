import { asked } from './ask.ts';
import { FRIEND, OWN, Stage } from './stage.ts';

interface Chat {
  jid: string;
  phone: string | null;
  name: string | null;
  kind: string;
  unread: number;
  lastMessageAt: number | null;
}
interface Poll {
  msgId: number;
  id: string;
  chat: string;
  chatName: string | null;
  question: string;
  options: string[];
}

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage?.close());

const chats = (input: Record<string, unknown> = {}) => asked<Chat[]>(stage, 'chat.list', input);
const polls = (input: Record<string, unknown> = {}) => asked<Poll[]>(stage, 'message.polls', input);
/** Until a list has what it is to have: the directory follows the messages. */
async function eventually<T>(look: () => Promise<T[]>, fits: (entries: T[]) => boolean): Promise<T[]> {
  let found: T[] = [];
  await stage.untilTrue(async () => fits((found = await look())));
  return found;
}

test('chats are listed by their last message, those with people, groups and channels alike', async () => {
  const wren = stage.sandbox.addPhone({ phone: '15550400001', name: 'Jenny Wren' });
  const group = await asked<{ id: string }>(stage, 'group.create', { name: 'Ärzte', participants: [FRIEND] });
  await asked(stage, 'message.send', { to: group.id, text: 'hello all', wait: true });
  await stage.sandbox.send(wren.phone, { to: OWN, text: 'hello' });
  const found = await eventually(chats, (all) => all[0]?.phone === wren.phone);
  expect(found[0]).toMatchObject({ name: 'Jenny Wren', kind: 'direct', unread: 1, archived: false, pinned: false });
  expect(found.map(({ jid, name, kind }) => [jid, name, kind])).toContainEqual([group.id, 'Ärzte', 'group']);
  expect((await chats({ kind: 'group' })).map(({ name }) => name)).toEqual(['Ärzte']);
  expect((await chats({ search: 'arz' })).map(({ jid }) => jid)).toEqual([group.id]);
  expect((await chats({ search: '+1 (555) 040-0001' })).map(({ name }) => name)).toEqual(['Jenny Wren']);
  expect(await asked(stage, 'chat.list', { paginated: true, limit: 1, page: 2 })).toMatchObject({
    items: [expect.any(Object)],
    pagination: { page: 2, limit: 1, total: found.length },
  });
});

test('groups that were joined have their names, and channels once they were asked for', async () => {
  const owner = stage.sandbox.addPhone({ phone: '15550400002', name: 'Robin' });
  const group = stage.sandbox.groups.create({ creator: owner.phone, subject: 'Birders', participants: [] });
  await asked(stage, 'group.acceptInvite', { code: group.inviteCode });
  const channel = stage.sandbox.channels.create({ owner: owner.phone, name: 'Rare birds' });
  await asked(stage, 'channel.follow', { channelJid: channel.jid });
  for (const to of [group.jid, channel.jid]) {
    await stage.sandbox.send(owner.phone, { to, text: 'a bird' });
    await eventually(chats, (all) => all.some(({ jid }) => jid === to));
  }
  await asked(stage, 'channel.list');
  const named = async () => (await chats({ search: 'bird' })).map(({ name }) => name);
  expect(await named()).toEqual(expect.arrayContaining(['Birders', 'Rare birds']));
});

test('polls are listed that the account has sent, through the engine and on the phone, and no others', async () => {
  const poll = (question: string) => ({ question, options: ['Yes', 'No'] });
  const sent = await asked<{ msgId: number; id: string }>(stage, 'message.send', {
    to: FRIEND,
    poll: poll('Lunch?'),
    wait: true,
  });
  await asked(stage, 'message.send', { to: FRIEND, text: 'well?', wait: true });
  await stage.sandbox.send(FRIEND, { to: OWN, poll: poll('And you?') });
  const { id } = await stage.sandbox.send(OWN, { to: FRIEND, poll: poll('Über wen?') });
  const found = await eventually(polls, (all) => all.some((one) => one.id === id));
  expect(found).toMatchObject([
    { id, question: 'Über wen?', options: ['Yes', 'No'] },
    { id: sent.id, msgId: sent.msgId, question: 'Lunch?', options: ['Yes', 'No'] },
  ]);
  expect(found).toHaveLength(2);
  expect((await polls({ search: 'uber' })).map((one) => one.id)).toEqual([id]);
  expect(await asked(stage, 'message.pollResults', { msgId: found[0]!.msgId })).toMatchObject({
    pollResult: [{ name: 'Yes' }, { name: 'No' }],
  });
});
