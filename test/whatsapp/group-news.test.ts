import type { BinaryNode } from '../../engine/whatsapp/baileys.ts';
import type { Group } from '../../engine/whatsapp/group.ts';

await import('../../engine/whatsapp/hardening.ts');
const { groupNews } = await import('../../engine/whatsapp/group-news.ts');
const { readGroup } = await import('../../engine/whatsapp/group.ts');

const JID = '120363041234567890@g.us';
const ME = { id: '15550100001:4@s.whatsapp.net', lid: '1001:4@lid' };

const node = (tag: string, attrs: Record<string, string> = {}, content?: BinaryNode[]): BinaryNode => ({
  tag,
  attrs,
  ...(content && { content }),
});
const member = (lid: string, phone: string, type?: string) =>
  node('participant', { jid: `${lid}@lid`, phone_number: `${phone}@s.whatsapp.net`, ...(type && { type }) });

const group = readGroup(
  node('group', { id: JID, subject: 'Birds', addressing_mode: 'lid', size: '3' }, [
    member('1001', '15550100001'),
    member('1002', '15550100002', 'superadmin'),
    member('1003', '15550100003'),
  ]),
);
const after = (notices: BinaryNode[], attrs: Record<string, string> = {}) =>
  groupNews({ tag: 'notification', attrs: { from: JID, type: 'w:gp2', id: '1', ...attrs }, content: notices }, ME).next(
    group,
  ) as Group | undefined;

test('what a notice says is true of the group from then on', () => {
  expect(after([node('add', {}, [member('1004', '15550100004')])])).toMatchObject({ size: 4 });
  expect(after([node('remove', {}, [member('1003', '15550100003')])])?.members.map(({ lid }) => lid)).toEqual([
    '1001@lid',
    '1002@lid',
  ]);
  expect(after([node('subject', { subject: 'Fish' }), node('announcement')])).toMatchObject({
    subject: 'Fish',
    announce: true,
  });
});

test('who is added twice is a member once', () => {
  expect(after([node('add', {}, [member('1003', '15550100003')])])).toEqual(group);
});

test.each([
  ['that has no meaning here', [node('something_new')]],
  ['about a new number', [node('modify', {}, [member('1005', '15550100005')])]],
  ['about a whole group', [node('create', {}, [node('group', { id: JID })])]],
  ['that takes out this account', [node('remove', {}, [member('1001', '15550100001')])]],
  ['that brings in this account', [node('add', {}, [member('1001', '15550100001')])]],
  ['about somebody who is not known as a member', [node('remove', {}, [member('1009', '15550100009')])]],
  ['about the rank of such a one', [node('promote', {}, [member('1009', '15550100009')])]],
  ['about nobody', [node('add')]],
  [
    'about somebody without the address that the group needs',
    [node('add', {}, [node('participant', { jid: '15550100008@s.whatsapp.net' })])],
  ],
  ['about a description without its name', [node('description')]],
  ['of which one part is not understood', [node('announcement'), node('something_new')]],
])('a notice %s says that the group has to be asked for', (_what, notices) => {
  expect(after(notices)).toBeUndefined();
});

test('a group that names its members otherwise has to be asked for', () => {
  expect(after([node('announcement')], { addressing_mode: 'pn' })).toBeUndefined();
});

test('nothing comes of a notice about a group that is not remembered', () => {
  const stanza = node('notification', { from: JID }, [node('announcement')]);
  expect(groupNews(stanza, ME).next(undefined)).toBeUndefined();
});
