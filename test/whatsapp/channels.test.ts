import { asked, refused } from './ask.ts';
import { FRIEND, OWN, Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => void (stage = await Stage.open()));
afterAll(() => stage?.close());

let made = 0;
const newChannel = (more: { owner?: string; description?: string } = {}) =>
  stage.sandbox.channels.create({ owner: FRIEND, name: `Channel ${String(++made)}`, ...more });

test('a channel is shown by its address, the code of its link, and the link', async () => {
  const { jid, name, invite, createdAt } = newChannel({ description: 'Birds of today' });
  for (const channelJid of [jid, invite, `https://whatsapp.com/channel/${invite}`]) {
    expect(await asked(stage, 'channel.get', { channelJid })).toEqual({
      jid,
      name,
      description: 'Birds of today',
      invite,
      subscribers: 1,
      verified: false,
      createdAt,
      imgUrl: null,
      role: 'guest',
      muted: false,
    });
  }
});

test('a channel is followed, listed, and left, as its page shows', async () => {
  const { jid, invite } = newChannel();
  const listed = async () =>
    (await asked<{ jid: string; role: string }[]>(stage, 'channel.list')).find((one) => one.jid === jid);
  expect(await listed()).toBeUndefined();
  expect(await asked(stage, 'channel.follow', { channelJid: invite })).toEqual({ jid });
  expect(stage.sandbox.channels.get(jid).followers).toContain(OWN);
  expect(await listed()).toMatchObject({ jid, role: 'subscriber', subscribers: 2 });
  expect(await asked(stage, 'channel.unfollow', { channelJid: jid })).toEqual({ jid });
  expect(stage.sandbox.channels.get(jid).followers).not.toContain(OWN);
  expect(await listed()).toBeUndefined();
});

test('a channel of one’s own is listed, and cannot be left', async () => {
  const { jid } = newChannel({ owner: OWN });
  expect(await asked(stage, 'channel.get', { channelJid: jid })).toMatchObject({ role: 'owner' });
  expect(await refused(stage, 'channel.unfollow', { channelJid: jid })).toEqual({
    status: 403,
    code: 'not_permitted',
    error: 'Failed to unfollow channel: The owner of a channel cannot leave it.',
  });
});

test('a channel that is not there is not found, whatever is wanted of it', async () => {
  const told = { 'channel.get': 'get', 'channel.follow': 'follow', 'channel.unfollow': 'unfollow' };
  for (const [id, verb] of Object.entries(told)) {
    for (const channelJid of ['120363000000000000@newsletter', 'NoSuchInviteCode000000']) {
      expect(await refused(stage, id, { channelJid })).toEqual({
        status: 404,
        code: 'not_found',
        error: `Failed to ${verb} channel: There is no such channel.`,
      });
    }
  }
  expect(await refused(stage, 'channel.get', { channelJid: '123-456789@g.us' })).toMatchObject({ status: 422 });
});
